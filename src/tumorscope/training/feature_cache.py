"""The frozen layers' output of every view of every training image, computed once, kept on disk.

``features.u8`` holds one record after another, ``index.jsonl`` a line per record, written after
its data. A line is therefore proof that the record is whole; what a killed process left behind
beyond the last line is overwritten.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError

_Drawn = TypeVar("_Drawn")
Record = tuple[str, NDArray[np.uint8], NDArray[np.uint8]]


class FeatureCache:
    """Append-only store of feature maps, addressed by key.

    Parameters
    ----------
    folder
        Created if absent.
    feature_shape
        Shape of one feature map; stored as uint8.
    target_shape
        Shape of the mask target that belongs to it; stored as uint8.
    step
        Value of one unit of the stored features.
    fingerprint
        Everything the features depend on. A folder made under another one is refused.

    Raises
    ------
    UsageError
        If the folder holds features that were made differently.
    """

    def __init__(
        self,
        folder: Path,
        *,
        feature_shape: tuple[int, ...],
        target_shape: tuple[int, ...],
        step: float,
        fingerprint: dict[str, Any],
    ) -> None:
        self.feature_shape, self.target_shape = feature_shape, target_shape
        self._step = np.float32(step)
        self._feature_bytes = int(np.prod(feature_shape))
        self._record_bytes = self._feature_bytes + int(np.prod(target_shape))
        folder.mkdir(parents=True, exist_ok=True)
        _check_fingerprint(folder / "fingerprint.json", fingerprint)
        self._index_path = folder / "index.jsonl"
        self._slots = self._read_index()
        flags = os.O_RDWR | os.O_CREAT
        self._file = os.open(folder / "features.u8", flags, 0o644)

    @property
    def has_teacher(self) -> bool:
        """Whether a teacher's evidence lies beside each mask target."""
        return self.target_shape[-1] > 1

    def __contains__(self, key: str) -> bool:
        return key in self._slots

    def __len__(self) -> int:
        return len(self._slots)

    def close(self) -> None:
        """Release the file."""
        os.close(self._file)

    def append(self, records: Iterable[Record]) -> None:
        """Store records; they are there for good when the call returns."""
        slot = len(self._slots)
        payload, lines = bytearray(), []
        for key, features, target in records:
            payload += np.ascontiguousarray(features, np.uint8).tobytes() + target.tobytes()
            lines.append(json.dumps(key) + "\n")
            self._slots[key] = slot + len(lines) - 1
        os.pwrite(self._file, payload, slot * self._record_bytes)
        os.fdatasync(self._file)
        with self._index_path.open("a", encoding="utf-8") as index:
            index.writelines(lines)

    def read(self, keys: Iterable[str]) -> tuple[NDArray[np.float32], NDArray[np.uint8]]:
        """Return features (n, *feature_shape) and targets (n, *target_shape), in order."""
        slots = [self._slots[key] for key in keys]
        features = np.empty((len(slots), *self.feature_shape), np.uint8)
        targets = np.empty((len(slots), *self.target_shape), np.uint8)
        for row, slot in enumerate(slots):
            buffer = os.pread(self._file, self._record_bytes, slot * self._record_bytes)
            split = self._feature_bytes
            features[row] = np.frombuffer(buffer[:split], np.uint8).reshape(self.feature_shape)
            targets[row] = np.frombuffer(buffer[split:], np.uint8).reshape(self.target_shape)
        return features * self._step, targets

    def _read_index(self) -> dict[str, int]:
        if not self._index_path.exists():
            return {}
        text = self._index_path.read_text(encoding="utf-8")
        whole = text[: text.rfind("\n") + 1]
        if whole != text:
            self._index_path.write_text(whole, encoding="utf-8")
        return {json.loads(line): slot for slot, line in enumerate(whole.splitlines())}


def fill(
    cache: FeatureCache,
    keys: list[str],
    draw: Callable[[list[str]], _Drawn],
    make: Callable[[list[str], _Drawn], list[Record]],
    *,
    chunk: int,
    progress: Callable[[int], None],
) -> None:
    """Compute what is missing, ``chunk`` records at a time.

    Parameters
    ----------
    draw
        Called with at most ``chunk`` keys; prepares their canvases, while those before them are
        in ``make``.
    make
        Called with the keys and what was drawn for them; returns their records.
    progress
        Called with the number of records that were stored or found.
    """
    missing = [key for key in keys if key not in cache]
    progress(len(keys) - len(missing))
    chunks = [missing[start : start + chunk] for start in range(0, len(missing), chunk)]
    with ThreadPoolExecutor(1) as pool:
        pending = [pool.submit(draw, some) for some in chunks[:1]]
        for position, some in enumerate(chunks):
            drawn = pending.pop().result()
            pending = [pool.submit(draw, next_) for next_ in chunks[position + 1 : position + 2]]
            cache.append(make(some, drawn))
            progress(len(some))


def _check_fingerprint(path: Path, fingerprint: dict[str, Any]) -> None:
    text = json.dumps(fingerprint, sort_keys=True, indent=1)
    if not path.exists():
        path.write_text(text, encoding="utf-8")
    elif path.read_text(encoding="utf-8") != text:
        raise UsageError(
            f"{path.parent} contains features that were made with different settings. Give "
            "another --cache folder, or delete this one if it is no longer needed."
        )
