"""What a run records so that it can be checked and repeated."""

from __future__ import annotations

import hashlib
import json
import platform
import re
import shlex
import subprocess
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from importlib import metadata
from itertools import pairwise
from pathlib import Path
from typing import Any, Final

from tumorscope.data.manifest import ManifestRow
from tumorscope.errors import UsageError
from tumorscope.system.files import file_sha256, write_whole
from tumorscope.system.machine import describe_machine

RUN_NAME: Final = "run.json"
"""What a run records of itself, in its folder."""

RECORDED_PACKAGES: Final = (
    "tumorscope",
    "numpy",
    "pillow",
    "keras",
    "tensorflow-cpu",
    "tensorflow",
    "onnx",
    "onnxruntime",
    "scikit-learn",
)


_NO_FILES: Final = ("--labels", "--patient-pattern")
"""Options whose values are words or regular expressions, which may hold slashes."""


def library_versions() -> dict[str, str]:
    """Return the versions of the packages that numbers depend on, and of Python."""
    versions = {"python": platform.python_version()}
    for name in RECORDED_PACKAGES:
        try:
            versions[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            continue
    return versions


def run_record(
    command: str, *, data_sha256: str, model_sha256: str | None = None
) -> dict[str, Any]:
    """Return what a published figure has to name: command, commit, day, machine, data, versions.

    Parameters
    ----------
    command
        That makes the figure again.
    data_sha256
        Of what was measured, as by :func:`content_sha256`.
    model_sha256
        Identity of the model; ``None`` where none answered.
    """
    model = {} if model_sha256 is None else {"model_sha256": model_sha256}
    return {
        "command": command,
        "commit": git_commit(),
        "date": datetime.now(UTC).date().isoformat(),
        "machine": describe_machine(),
        "data_sha256": data_sha256,
        **model,
        "versions": library_versions(),
    }


def without_folders(command: str) -> str:
    """Return a command with the names of its files alone.

    An artifact is given away; where somebody keeps files is nobody's business, and no part of what
    was measured.
    """
    words = shlex.split(command)
    for at, (before, word) in enumerate(pairwise(words), start=1):
        if before not in _NO_FILES:
            option = word[: word.find("=") + 1] if word.startswith("-") else ""
            words[at] = option + re.split(r"[/\\]", word.removeprefix(option).rstrip("/\\"))[-1]
    return shlex.join(words)


def git_commit() -> str | None:
    """Return the commit of the checkout this package runs from, with ``+`` for local changes."""
    folder = Path(__file__).parent
    try:
        commit, status = (
            subprocess.run(  # noqa: S603  fixed arguments
                ["git", *arguments],  # noqa: S607  the git of the user's PATH is the right one
                cwd=folder,
                capture_output=True,
                text=True,
                check=True,
                timeout=20,
            ).stdout.strip()
            for arguments in (["rev-parse", "HEAD"], ["status", "--porcelain", "--", "."])
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return commit + ("+" if status else "")


def read_run(folder: Path) -> dict[str, Any]:
    """Read what a run recorded of itself."""
    path = folder / RUN_NAME
    try:
        record: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UsageError(f"{folder} is not a training run: {path.name} cannot be read.") from error
    return record


def check_manifest(record: dict[str, Any]) -> Path:
    """Return the manifest of a run.

    Raises
    ------
    UsageError
        If it is gone or has changed since.
    """
    manifest = Path(record["manifest"])
    if not manifest.is_file() or file_sha256(manifest) != record["manifest_sha256"]:
        raise UsageError(f"{manifest} is not the manifest that the run was trained with.")
    return manifest


def data_summary(rows: Sequence[ManifestRow]) -> dict[str, Any]:
    """Count images, tumors and groups by split and set, and hash the content of each split."""
    summary: dict[str, Any] = {}
    for split in sorted({row.split for row in rows if row.split is not None}):
        of_split = [row for row in rows if row.split == split]
        summary[split] = {
            "images": len(of_split),
            "tumor": sum(row.tumor == 1 for row in of_split),
            "no_tumor": sum(row.tumor == 0 for row in of_split),
            "groups": len({row.group_id for row in of_split}),
            "sets": dict(sorted(Counter(row.set for row in of_split).items())),
            "sha256": content_sha256(of_split),
        }
    return summary


def write_json(path: Path, values: Any) -> None:
    """Write JSON; readers see the old or the new file."""
    write_whole(path, json.dumps(values, indent=1, sort_keys=True) + "\n")


def content_sha256(rows: Sequence[ManifestRow]) -> str:
    """Return a hash of the images of rows and their labels, in any order and under any name."""
    lines = sorted(f"{row.sha256} {row.slice_index} {row.plane} {row.tumor}" for row in rows)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
