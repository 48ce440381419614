"""Coverage-guided: files that libFuzzer makes to reach new lines of the readers that are ours.

    pip install atheris
    TMPDIR=/dev/shm python -W ignore -m benchmarks.fuzz_guided scan --seconds 600 --output FOLDER

Targets: ``scan`` (every file format), ``archive`` (zip), ``manifest`` (CSV), ``artifact`` (models),
``settings`` (``tumorscope.toml``), ``audit`` (the log's chain of hashes), ``readings`` (what the
page exports), ``answers`` and ``table`` (of an intake, JSON lines and CSV). Each begins with valid
files; what reaches new lines is kept in the corpus, where the next run begins. Found is what ends
in another exception than one of :mod:`tumorscope.errors`, takes 10 seconds, or 2 GiB: the input is
written beside the corpus, and the exit code is not 0. What is read by its path is written to
``TMPDIR``, which had better be in memory.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import sys
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import atheris

with atheris.instrument_imports(include=["tumorscope"]):
    from tumorscope.answer import Answer
    from tumorscope.cli.settings import problems
    from tumorscope.columns import COLUMNS as COLUMNS_OF_ANSWERS
    from tumorscope.columns import flatten, in_cell
    from tumorscope.data.feedback import Readings, read_feedback
    from tumorscope.data.manifest import COLUMNS, read_manifest
    from tumorscope.errors import TumorscopeError
    from tumorscope.imaging.formats.table import FORMATS  # noqa: F401  imports every reader
    from tumorscope.imaging.inputs.read import decode
    from tumorscope.imaging.inputs.sources import SourceFile, expand_content
    from tumorscope.imaging.limits import Limits
    from tumorscope.model.artifact import read_artifact, write_artifact
    from tumorscope.model.classifier import Classifier
    from tumorscope.recipes.intake import read_cases
    from tumorscope.serving.audit_log import AuditLog, verify

from tests.conftest import make_tiny_artifact
from tests.imaging.made_files import FILES

LIMITS: Final = Limits()
HANG_S: Final = 10
FLOOD_MB: Final = 2048
IMAGES: Final = Path("deploy/grafana")
LONGEST: Final = 65_536
"""Bytes of an input."""


def main() -> None:
    """Hand the process over to libFuzzer, which ends it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("target", choices=TARGETS)
    parser.add_argument("--seconds", type=int, default=600)
    parser.add_argument("--output", type=Path, default=Path("runs/fuzz-guided"))
    options = parser.parse_args()
    corpus = options.output / options.target
    corpus.mkdir(parents=True, exist_ok=True)
    for name, content in seeds(options.target).items():
        (corpus / name).write_bytes(content)
    words = [f"-max_total_time={options.seconds}", f"-timeout={HANG_S}", "-print_final_stats=1"]
    words += [f"-rss_limit_mb={FLOOD_MB}", f"-max_len={LONGEST}"]
    words += [f"-artifact_prefix={options.output / options.target}-"]
    atheris.Setup([sys.argv[0], *words, str(corpus)], TARGETS[options.target])
    atheris.Fuzz()


def seeds(target: str) -> Mapping[str, bytes]:
    """Return valid inputs of a target, by name."""
    files = {name: make() for name, make in FILES.items()}
    if target == "scan":
        return {name: content for name, content in files.items() if len(content) <= LONGEST}
    return {"valid": VALID[target]()}


def read_scan(content: bytes) -> None:
    """Read one file as a scan."""
    attempt(lambda: decode(content, "case", LIMITS))


def read_archive(content: bytes) -> None:
    """List what an uploaded archive holds, and read it."""
    members = expand_content("case.zip", content, LIMITS)
    attempt(lambda: [one.read() for one in members if isinstance(one, SourceFile)])


def from_file(read: Callable[[Path], object], ending: str = "") -> Callable[[bytes], None]:
    """Return a target of what is read by its path."""
    path = Path(tempfile.gettempdir()) / f"fuzz-{os.getpid()}{ending}"

    def target(content: bytes) -> None:
        path.write_bytes(content)
        attempt(lambda: read(path))

    return target


def attempt(read: Callable[[], object]) -> None:
    """Read; an error of ours is an answer."""
    try:
        read()
    except TumorscopeError as error:
        if len(str(error)) > 2000:
            raise AssertionError(f"a message of {len(str(error))} characters") from error


def valid_archive() -> bytes:
    """Return a zip with files of three formats."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("png", "dicom", "nifti-gz"):
            archive.writestr(f"folder/{name}", FILES[name]())
    return stream.getvalue()


def valid_manifest() -> bytes:
    """Return a manifest with every column."""
    values = {"set": "lgg", "path": "a.png", "plane": "axial", "tumor": "1", "sequence": "FLAIR"}
    values |= {"width": "64", "height": "64", "split": "train", "group_id": "g"}
    rows = [COLUMNS, [values.get(name, "") for name in COLUMNS]]
    return "\n".join(",".join(row) for row in rows).encode()


def written(write: Callable[[Path], object]) -> bytes:
    """Return what is written to a path."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file"
        write(path)
        return path.read_bytes()


def write_log(path: Path) -> None:
    """Write three lines of an audit log."""
    log = AuditLog(path)
    for number in range(3):
        log.write("start", by=None, number=number)


def read_readings(path: Path) -> Readings:
    """Read an export whose images lie in a small folder, whatever they are."""
    return read_feedback(path, IMAGES)


def answer() -> Answer:
    """Return the tiny model's answer for a drawn head."""
    scan = decode(FILES["png"](), "a.png", LIMITS)[0]
    return Classifier(make_tiny_artifact()).predict(scan.pixels)


def valid_readings() -> bytes:
    """Return an export of two cases."""
    (image,) = IMAGES.iterdir()
    said = answer().to_dict() | {"source": image.name}
    case = {"answer": said, "reader": {"reading": "tumor", "verdict": "agree"}}
    return json.dumps([case, case | {"reader": {"reading": "no_tumor", "verdict": None}}]).encode()


def valid_table() -> bytes:
    """Return two answers as ``predict --format csv`` writes them."""
    names = [column.name for column in COLUMNS_OF_ANSWERS]
    cells = flatten(answer().to_dict(), COLUMNS_OF_ANSWERS)
    row = ",".join(str(in_cell(cells.get(name))) for name in names)
    return "\n".join([",".join(names), row, row]).encode()


VALID: Final[dict[str, Callable[[], bytes]]] = {
    "archive": valid_archive,
    "manifest": valid_manifest,
    "artifact": lambda: written(lambda path: write_artifact(path, make_tiny_artifact())),
    "settings": lambda: Path("deploy/tumorscope.toml").read_bytes(),
    "audit": lambda: written(write_log),
    "readings": valid_readings,
    "answers": lambda: json.dumps(answer().to_dict()).encode(),
    "table": valid_table,
}

TARGETS: Final[dict[str, Callable[[bytes], None]]] = {
    "scan": read_scan,
    "archive": read_archive,
    "manifest": from_file(lambda path: read_manifest(path, check_files=False)),
    "artifact": from_file(read_artifact),
    "settings": from_file(problems),
    "audit": from_file(lambda path: verify([path])),
    "readings": from_file(read_readings),
    "answers": from_file(read_cases),
    "table": from_file(read_cases, ".csv"),
}


if __name__ == "__main__":
    main()
