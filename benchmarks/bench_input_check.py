"""What the input check rejects: other images by kind, scans of a split by set, DICOM files.

Pictures beneath ``--pictures`` are counted by their folder and all together. The novelty of each
picture is kept in a file as it is measured; a killed run goes on.

    python -m benchmarks.bench_input_check --manifest split.csv --root DATA --dicom DATA/dicom \
        --output bench_input_check.csv

``--record`` puts into ``docs/results/held_out.json``, as ``input_check/``, what is rejected of all
scans of the split that were looked at and of the FLAIR images with a skull among them, and, by the
name of their folder, of all pictures.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap_share
from tumorscope.imaging.inputs.read import read_scans
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.recipes.model_inputs import LoadedRow, load_rows

FRAMES = 16
"""First frames of a multi-frame file that are looked at: they are much alike."""

WITH_SKULL = "lgg"
"""Set of which the documents show what is rejected of its FLAIR images: none is skull-stripped."""

Picture = tuple[str, str, ManifestRow, NDArray[np.uint8] | None]
"""Key, what it is counted under, what is known of it, canvas."""

Judged = tuple[ManifestRow, bool]
"""What is known of a picture, and whether it is rejected."""


def main() -> None:
    """Print the share rejected of each kind of picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--dicom", type=Path)
    parser.add_argument("--pictures", type=Path, help="folder with folders of pictures")
    parser.add_argument("--model", type=Path)
    parser.add_argument("--not-brain", default="not_brain_mr", help="set; '' for none")
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=3, help="take every n-th scan of the split")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    if options.record and options.split != "test":
        parser.error("figures of the documents are of the split test")
    classifier = load_model(options.model)
    check = classifier.manifest.input_check
    if check is None:
        parser.error("the model has no gate")
    rows = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(rows, classifier)
    counted: dict[str, list[Judged]] = {}
    for kind, row, novelty in _novelties(rows, options, classifier):
        counted.setdefault(kind, []).append((row, check.rejects(novelty)))
    for kind, found in counted.items():
        one, hits = _share(found), sum(is_rejected for _, is_rejected in found)
        interval = f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"
        print(f"{kind}: rejected {interval}, {hits} of {len(found)}")
    if options.record:
        for prefix, parts in published(counted, options.every, options.pictures).items():
            record_figures(
                prefix,
                {name: _share(found) for name, found in parts.items()},
                command=command_line("benchmarks.bench_input_check"),
                rows=list({row.name: row for found in parts.values() for row, _ in found}.values()),
                model_sha256=classifier.identity.sha256,
            )


def published(
    counted: Mapping[str, Sequence[Judged]], every: int, pictures: Path | None
) -> dict[str, dict[str, Sequence[Judged]]]:
    """Return what the documents show, by the beginning and the rest of its name.

    Pictures that were not given keep the figure that they have.
    """
    taken = {1: "all", 2: "every second", 3: "every third"}.get(every, f"every {every}th")
    scans = counted.get("test, all", ())
    flair = [one for one in scans if (one[0].set, one[0].sequence) == (WITH_SKULL, "FLAIR")]
    of_split: dict[str, Sequence[Judged]] = {taken: scans, "FLAIR": flair}
    found = {"input_check/test ": {name: part for name, part in of_split.items() if part}}
    if pictures is not None and (part := counted.get(f"{pictures.name}, all")):
        found[f"input_check/{pictures.name}"] = {"": part}
    return found


def _share(found: Sequence[Judged]) -> Estimate:
    groups = np.array([row.group_id or row.name for row, _ in found])
    return bootstrap_share(np.array([is_rejected for _, is_rejected in found]), groups)


def _novelties(
    rows: Sequence[ManifestRow], options: argparse.Namespace, classifier: Classifier
) -> Iterator[tuple[str, ManifestRow, float]]:
    """Yield what each picture is counted under, what is known of it and its novelty."""
    stem = f"{options.output.stem}-{classifier.identity.sha256[:8]}"  # answers are this model's
    output = options.output.with_stem(stem)
    known = _read(output)
    for key, kind, row, canvas in _pictures(rows, options, classifier, known):
        if canvas is not None:
            known[key] = float(classifier.run(canvas[None])[-1][0])
            with output.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow([key, known[key]])
        yield kind, row, known[key]


def _read(path: Path) -> dict[str, float]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {key: float(value) for key, value in csv.reader(file)}


def _pictures(
    rows: Sequence[ManifestRow],
    options: argparse.Namespace,
    classifier: Classifier,
    known: dict[str, float],
) -> Iterator[Picture]:
    other = [row for row in rows if row.set == options.not_brain]
    of_split = [row for row in rows if row.split == options.split and row.tumor is not None]
    for prefix, wanted in (("other", other), (options.split, of_split[:: options.every])):
        for row in wanted:
            key = f"{prefix}|{row.name}"
            canvas = None if key in known else _canvas(row, options.root, classifier)
            if canvas is not None or key in known:
                for kind in _kinds(row, prefix):
                    yield key, kind, row, canvas
                    canvas = None  # measured once
    for scan in _scans(options.dicom):
        key, canvas = _of_scan(scan, "dicom", classifier, known)
        yield key, f"DICOM {Path(scan.source).name}", _row(scan, "dicom", scan.source), canvas
    for scan in _scans(options.pictures):
        key, canvas = _of_scan(scan, "pictures", classifier, known)
        folder = str(Path(scan.source).parent.relative_to(options.pictures))
        row = _row(scan, options.pictures.name, folder)
        for kind in (folder, f"{options.pictures.name}, all"):
            yield key, kind, row, canvas
            canvas = None  # measured once


def _row(scan: Scan, name: str, group: str) -> ManifestRow:
    """Return what would stand in a manifest, with a hash of the pixels."""
    digest = hashlib.sha256(scan.pixels.tobytes()).hexdigest()
    return ManifestRow(
        set=name,
        path=scan.source,
        tumor=None,
        slice_index=scan.slice_index,
        group_id=group,
        sha256=digest,
    )


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
