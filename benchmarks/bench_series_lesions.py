"""How large a share of a series is averaged, and how small a lesion is still found in a whole head.

    python -m benchmarks.bench_series_lesions --manifest split.csv --root DATA

Whole heads: every slice of the tumor-free volumes, in each plane that the manifest names. Into each
a run of slices is put that answers as the slices of a real tumor do, of a patient drawn at random,
stretched to so many millimetres. The volumes with and without are told apart by the largest
running mean. Looks at train, val and calibration, never at test: it is there to choose the share.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.answer import Prediction
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_share
from tumorscope.evaluation.statistic import roc_auc
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.inputs.volumes import AXIS_OF_PLANE, cut_slices, read_volume
from tumorscope.imaging.scan import Scan
from tumorscope.labels import Plane
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.model.evidence import sigmoid
from tumorscope.model.series import largest_mean

SHARES = (0.0, 0.03, 0.04, 0.05, 0.06, 0.08, 0.1)
LESIONS_MM = (0, 6, 8, 10, 15, 20, 30)
PLACES = 8
"""Lesions put into each head, one at a time."""

FEWEST_SLICES = 4
"""Of a patient whose tumor is put in: fewer have no rise and fall."""

CHOOSING = ("train", "val", "calibration")
Logits = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Series:
    """What the slices of a head answer, with a lesion or without."""

    patient: str
    tumor: int
    logits: Logits


@dataclass(frozen=True, slots=True)
class Head:
    """The answered slices of a tumor-free volume, in their order."""

    patient: str
    spacing_mm: float
    logits: Logits


def main() -> None:
    """Measure and print a line for each size of lesion, a column for each share averaged."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    options = parser.parse_args()
    classifier = load_model(options.model)
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.split in CHOOSING and row.tumor is not None and row.patient_id is not None
    ]
    heads = list(_heads(rows, options.root, classifier))
    tumors = _tumors(rows, options.root, classifier)
    patients = len({head.patient for head in heads})
    print(f"{len(heads)} heads of {patients} patients, tumors of {len(tumors)}")
    for name, measure in (("AUROC", _auroc), ("called tumor", partial(_called, classifier))):
        print(f"\n| {name} | {' | '.join(f'{share:g}' for share in SHARES)} |")
        print(f"|---|{'---|' * len(SHARES)}")
        for size in LESIONS_MM:
            series = _series(heads, tumors, size_mm=size)
            cells = " | ".join(_words(measure(series, share)) for share in SHARES)
            print(f"| {f'{size} mm' if size else 'none'} | {cells} |", flush=True)


def _heads(rows: list[ManifestRow], root: Path, classifier: Classifier) -> Iterator[Head]:
    volumes: dict[tuple[str, Plane], list[ManifestRow]] = {}
    for row in rows:
        if row.plane is not None:
            volumes.setdefault((row.path, row.plane), []).append(row)
    for (path, plane), members in volumes.items():
        if any(row.tumor for row in members):
            continue
        volume = read_volume(root / path)
        slices = enumerate(cut_slices(volume, plane))
        scans = [Scan(pixels, path, slice_index=place) for place, pixels in slices]
        spacing = volume.spacing_mm[AXIS_OF_PLANE[plane]]
        yield Head(members[0].patient_id or "", spacing, _logits(scans, classifier))


def _tumors(rows: list[ManifestRow], root: Path, classifier: Classifier) -> list[Logits]:
    """Return the answers for each tumor patient of whom the network never saw a slice."""
    by_patient: dict[str, list[ManifestRow]] = {}
    for row in rows:
        if row.set == "figshare" and row.split != "train":
            by_patient.setdefault(row.patient_id or "", []).append(row)
    scans = [[read_one(root / row.path)[0] for row in found] for found in by_patient.values()]
    return [_logits(one, classifier) for one in scans if len(one) >= FEWEST_SLICES]


def _logits(scans: list[Scan], classifier: Classifier) -> Logits:
    answers = [classifier.answer_scan(scan) for scan in scans]
    given = [
        one.probabilities["tumor"]
        for one in answers
        if isinstance(one, Prediction) and one.probabilities
    ]
    probability = np.clip(given, 1e-7, 1 - 1e-7)
    return np.asarray(np.log(probability / (1 - probability)), np.float64)


def _series(heads: list[Head], tumors: list[Logits], *, size_mm: int) -> list[Series]:
    """Return each head with lesions of this size and, first, as it is."""
    rng = np.random.default_rng(0)
    found = []
    for head in heads:
        found.append(Series(head.patient, 0, head.logits))
        for _ in range(PLACES if size_mm else 0):
            changed = _with_lesion(head, tumors, size_mm, rng)
            found.append(Series(head.patient, 1, changed))
    return found


def _auroc(series: list[Series], share: float) -> Estimate | None:
    tumor = np.array([one.tumor for one in series])
    if not tumor.any():
        return None
    group = np.array([one.patient for one in series])
    score = np.array([largest_mean(one.logits, share=share)[0] for one in series])
    whole = np.ones(len(tumor), np.bool_)
    return bootstrap({"auc": roc_auc(tumor, score, group, rows=whole)}, group)["auc"]


def _called(classifier: Classifier, series: list[Series], share: float) -> Estimate:
    """Measure how many of those with a lesion, or of all where none has one, are called."""
    wanted = max(one.tumor for one in series)
    asked = [one for one in series if one.tumor == wanted]
    found = np.array([largest_mean(one.logits, share=share) for one in asked])
    logit = found[:, 0] - classifier.manifest.calibration.series_spread * found[:, 1]
    outcomes = [classifier.rule.decide(float(one))[0] for one in sigmoid(logit)]
    called = np.array([outcome == "tumor" for outcome in outcomes])
    return bootstrap_share(called, np.array([one.patient for one in asked]))


def _words(one: Estimate | None) -> str:
    return "" if one is None else f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _with_lesion(
    head: Head, tumors: list[Logits], size_mm: float, rng: np.random.Generator
) -> Logits:
    tumor = tumors[rng.integers(len(tumors))]
    count = max(1, round(size_mm / head.spacing_mm))
    start = rng.integers(len(head.logits) - count + 1)
    changed = head.logits.copy()
    places = np.linspace(0, len(tumor) - 1, count)
    changed[start : start + count] = np.interp(places, np.arange(len(tumor)), tumor)
    return changed


if __name__ == "__main__":
    main()
