"""What the input check rejects: other images by kind, scans of a split by set, DICOM files.

Pictures beneath ``--pictures`` are counted by their folder and all together. The novelty of each
picture is kept in a file as it is measured; a killed run goes on.

    python benchmarks/bench_input_check.py --manifest split.csv --root DATA --dicom DATA/dicom \
        --output bench_input_check.csv
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import bootstrap_share
from tumorscope.imaging.inputs.read import read_scans
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, load_rows

FRAMES = 16
"""First frames of a multi-frame file that are looked at: they are much alike."""

Picture = tuple[str, str, str, NDArray[np.uint8] | None]
"""Key, what it is counted under, group, canvas."""


def main() -> None:
    """Print the share rejected of each kind of picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--dicom", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder with folders of pictures")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--not-brain", default="not_brain_mr")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=3, help="take every n-th scan of the split")
    options = parser.parse_args()
    classifier = load_model(options.model)
    stem = f"{options.output.stem}-{classifier.identity.sha256[:8]}"  # answers are this model's
    output = options.output.with_stem(stem)
    check = classifier.manifest.input_check
    if check is None:
        parser.error("the model has no gate")
    known = _read(output)
    counted: dict[str, list[tuple[str, bool]]] = {}
    for key, kind, group, canvas in _pictures(options, classifier, known):
        if canvas is not None:
            known[key] = float(classifier.run(canvas[None])[-1][0])
            with output.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([key, known[key]])
        counted.setdefault(kind, []).append((group, check.rejects(known[key])))
    for kind, found in counted.items():
        groups, hits = (np.array(column) for column in zip(*found, strict=True))
        share = bootstrap_share(hits, groups)
        interval = f"{share.estimate:.3f} [{share.low:.3f}, {share.high:.3f}]"
        print(f"{kind}: rejected {interval}, {hits.sum()} of {len(hits)}")


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {key: float(value) for key, value in csv.reader(file)}


def _pictures(
    options: argparse.Namespace, classifier: Classifier, known: dict[str, float]
) -> Iterator[Picture]:
    rows = read_manifest(options.manifest, root=options.root)
    other = [row for row in rows if row.set == options.not_brain]
    of_split = [row for row in rows if row.split == options.split and row.tumor is not None]
    for prefix, wanted in (("other", other), (options.split, of_split[:: options.every])):
        for row in wanted:
            key = f"{prefix}|{row.name}"
            canvas = None if key in known else _canvas(row, options.root, classifier)
            if canvas is not None or key in known:
                for kind in _kinds(row, prefix):
                    yield key, kind, str(row.group_id or row.name), canvas
                    canvas = None  # measured once
    for scan in _scans(options.dicom):
        key, canvas = _of_scan(scan, "dicom", classifier, known)
        yield key, f"DICOM {Path(scan.source).name}", scan.source, canvas
    for scan in _scans(options.pictures):
        key, canvas = _of_scan(scan, "pictures", classifier, known)
        folder = Path(scan.source).parent.relative_to(options.pictures)
        for kind in (str(folder), f"{options.pictures.name}, all"):
            yield key, kind, str(folder), canvas
            canvas = None  # measured once


def _canvas(row: ManifestRow, root: Path, classifier: Classifier) -> NDArray[np.uint8] | None:
    item = next(load_rows([row], root, classifier.manifest.preprocessing))
    return item.canvas if isinstance(item, LoadedRow) else None


def _of_scan(
    scan: Scan, prefix: str, classifier: Classifier, known: dict[str, float]
) -> tuple[str, NDArray[np.uint8] | None]:
    key = f"{prefix}|{scan.source}#{scan.slice_index}"
    if key in known:
        return key, None
    return key, classifier.manifest.preprocessing.apply(scan.pixels, scan.spacing_mm)[0]


def _kinds(row: ManifestRow, prefix: str) -> list[str]:
    """Name what a row is counted under; other pictures by the half that they fall into."""
    if prefix == "other":
        digest = hashlib.sha256(row.name.encode()).hexdigest()
        half = "chosen on" if int(digest, 16) % 2 == 0 else "reported"
        return [f"{half}, {row.sequence}", f"{half}, all"]
    parts = (row.set, row.sequence, row.plane)
    return [f"{prefix}, all", f"{prefix}, {' '.join(part for part in parts if part)}"]


def _scans(folder: Path | None) -> Iterator[Scan]:
    if folder is None:
        return
    for scan in read_scans(folder):
        if isinstance(scan, Scan) and not scan.is_blank and (scan.slice_index or 0) < FRAMES:
            yield scan


if __name__ == "__main__":
    main()
