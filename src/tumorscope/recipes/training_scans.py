"""Which scans a model has learned from, as descriptors that travel with it.

Each is 640 bits, from which no picture can be made. ``export`` writes them, ``calibrate`` adds
those that it calibrated on, and ``evaluate`` says which of its scans are copies or neighbors.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.descriptors import (
    ORIENTATIONS,
    Descriptors,
    describe,
    orient,
    perceptual_hash,
    sketch,
)
from tumorscope.data.grouping import read_or_blank
from tumorscope.data.manifest import ManifestRow
from tumorscope.labels import Split
from tumorscope.model.artifact import TRAINING_SCAN_WORDS
from tumorscope.system.progress import progress

ROLES: Final[tuple[Split, ...]] = ("train", "val", "calibration")
"""What a scan was used for; its index is the last word of its descriptor."""

COPY_BITS: Final = 12
"""Of 256: up to this two scans are one image. Of 150 slices that were compared with 3,000 of other
patients none came as near; mirrored and compressed copies differ in 4 bits at most."""

NEIGHBOR_BITS: Final = 37
NEIGHBOR_HASH_BITS: Final = 4
"""Up to these, of the sketch's 256 and the pHash's 64, two scans are very similar, as neighboring
slices of one patient: a correlation of 0.90, as where near-duplicates are grouped."""

_SKETCH_WORDS: Final = 4
_WORDS: Final = _SKETCH_WORDS + 1
_AT_ONCE: Final = 256

Table = NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """Which of n scans a model has learned from; arrays of shape (n,).

    Attributes
    ----------
    is_copy
        Copies of scans that the network was trained on, or that chose its best epoch.
    is_neighbor
        These, and what is very similar to one.
    has_calibrated
        Copies of scans that the model was calibrated on.
    names_training
        Whether the model says on which scans it was trained: without, no copy can be found.
    """

    is_copy: NDArray[np.bool_]
    is_neighbor: NDArray[np.bool_]
    has_calibrated: NDArray[np.bool_]
    names_training: bool = True


def describe_scans(rows: Sequence[ManifestRow], root: Path, *, what: str) -> Descriptors:
    """Return the thumbnails of scans; those that cannot be read are blank."""
    return describe(progress(read_or_blank(rows, root), total=len(rows), what=what))


def make_table(descriptors: Descriptors, roles: Iterable[Split]) -> Table:
    """Return the table of scans, shape (n, 11); blank ones are left out.

    Parameters
    ----------
    roles
        Of each scan, one of :data:`ROLES`.
    """
    role = np.array([ROLES.index(one) for one in roles], np.uint64)
    table = np.concatenate(
        [_words(descriptors.plain), _words(descriptors.foreground), role[:, None]], axis=1
    )
    return np.unique(table[~descriptors.blank], axis=0)


def join_tables(*tables: Table | None) -> Table | None:
    """Return one table of several; ``None`` where there is none at all."""
    given = [table for table in tables if table is not None]
    return np.unique(np.concatenate(given), axis=0) if given else None


def find_known(table: Table, descriptors: Descriptors) -> Known:
    """Compare scans with a table in all eight orientations."""
    is_calibration = table[:, -1] == ROLES.index("calibration")
    is_copy, is_neighbor = _find(table[~is_calibration], descriptors)
    has_calibrated, _ = _find(table[is_calibration], descriptors)
    return Known(is_copy, is_neighbor, has_calibrated, not is_calibration.all())


def _words(thumbnails: NDArray[np.float32]) -> Table:
    """Return sketch and pHash of thumbnails, shape (n, 5)."""
    hashes = perceptual_hash(thumbnails)[:, None]
    return np.concatenate([sketch(thumbnails), hashes], axis=1)


def _find(table: Table, descriptors: Descriptors) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Return which scans are copies of scans of the table, and which are copies or neighbors."""
    assert table.shape[1] == TRAINING_SCAN_WORDS  # noqa: S101 - the artifact was checked
    is_copy = np.zeros(len(descriptors), np.bool_)
    is_neighbor = np.zeros(len(descriptors), np.bool_)
    kinds = ((descriptors.plain, 0), (descriptors.foreground, _WORDS))
    for (thumbnails, first), orientation in itertools.product(kinds, range(ORIENTATIONS)):
        words = _words(np.ascontiguousarray(orient(thumbnails, orientation)))
        of_table = table[:, first : first + _WORDS]
        for start in range(0, len(words) if len(table) else 0, _AT_ONCE):
            part = slice(start, start + _AT_ONCE)
            bits, hash_bits = _distances(words[part], of_table)
            near = (bits <= NEIGHBOR_BITS) & (hash_bits <= NEIGHBOR_HASH_BITS)
            is_copy[part] |= (bits <= COPY_BITS).any(axis=1)
            is_neighbor[part] |= near.any(axis=1)
    seen = ~descriptors.blank
    return is_copy & seen, (is_copy | is_neighbor) & seen


def _distances(words: Table, table: Table) -> tuple[NDArray[np.uint16], NDArray[np.uint8]]:
    """Return by how many bits sketches and hashes differ, both of shape (scans, table)."""
    bits = np.zeros((len(words), len(table)), np.uint16)
    for word in range(_SKETCH_WORDS):
        bits += np.bitwise_count(words[:, word, None] ^ table[None, :, word])
    hash_bits = np.bitwise_count(words[:, _SKETCH_WORDS, None] ^ table[None, :, _SKETCH_WORDS])
    return bits, hash_bits
