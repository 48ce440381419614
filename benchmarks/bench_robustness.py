"""What the answer hangs on: the same scans, changed in ways that should matter or should not.

    python -m benchmarks.bench_robustness --manifest split.csv --root DATA --output robustness.csv

Scans of one split with a file of their own, every n-th. Answers are kept in the file as they come;
a killed run goes on. Changes that leave the anatomy alone should leave the outcome, too; without
the brain there must be no ``tumor``; without the tumor the probability should fall below the
threshold. ``--record`` puts the shares into ``docs/results/held_out.json`` as ``robustness/``.
"""

from __future__ import annotations

import argparse
import csv
import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray
from PIL import Image

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.errors import ImageError
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_share
from tumorscope.evaluation.statistic import less, roc_auc
from tumorscope.model.classifier import Classifier, load_model

FRAME = 0.05
"""Of each side: six pixels of 128, as wide as the frame that ``data shortcuts`` looks at."""

RIM = 0.12
"""Of the head's smaller side: scalp and skull stay when the brain is blanked."""

MARGIN = 0.03
"""Of the picture's smaller side, by which a mask is widened: edema and soft edges."""

OVERLAP = 0.1
"""Share of a tumor that may lie on its own mirror image; beyond, there is no other side to take."""

Grey = NDArray[np.uint8]
Change = Callable[[Grey, Grey | None], Grey | None]
"""From a picture and its mask (uint8, the mask 0 or 1) to the changed picture, or ``None`` where it
does not apply."""

Answers = Mapping[tuple[str, str], tuple[str, float]]
"""Outcome and probability by name of the row and change."""

Hits = tuple[str, str, str, Sequence[tuple[ManifestRow, bool]]]
"""Name in the documents and in the table, what is wanted, the scans and whether it holds."""


def main() -> None:
    """Measure and print one line for each change."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--split", default="test")
    parser.add_argument("--every", type=int, default=6)
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    if options.record and options.split != "test":
        parser.error("figures of the documents are of the split test")
    classifier = load_model(options.model)
    everything = read_manifest(options.manifest, root=options.root)
    if options.record:
        check_training(everything, classifier)
    stem = f"{options.output.stem}-{classifier.identity.sha256[:8]}"  # answers are this model's
    output = options.output.with_stem(stem)
    rows = [
        row
        for row in everything
        if row.split == options.split and row.tumor is not None and row.slice_index is None
    ][:: options.every]
    answers = _read(output)
    with output.open("a", newline="", encoding="utf-8") as file:
        for row in rows:
            if (row.name, "none") not in answers:
                for change, answer in _answers(row, options.root, classifier):
                    answers[row.name, change] = answer
                    csv.writer(file).writerow([row.name, change, *answer])
                file.flush()
    found = report(rows, answers, classifier.threshold)
    if options.record:
        record_figures(
            "robustness/",
            found,
            command=command_line("benchmarks.bench_robustness"),
            rows=rows,
            model_sha256=classifier.identity.sha256,
        )


def _read(path: Path) -> dict[tuple[str, str], tuple[str, float]]:
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        return {(name, change): (out, float(p)) for name, change, out, p in csv.reader(file)}


def _answers(
    row: ManifestRow, root: Path, classifier: Classifier
) -> Iterator[tuple[str, tuple[str, float]]]:
    """Yield the answer after each change; the unchanged picture last: all is done."""
    picture = np.asarray(Image.open(root / row.path).convert("L"))
    mask = None
    if row.mask is not None and row.tumor == 1:
        drawn = np.asarray(Image.open(root / row.mask).convert("L")) > 0
        mask = drawn.astype(np.uint8) if drawn.any() and drawn.shape == picture.shape else None
    for name, change in CHANGES.items():
        changed = change(picture, mask)
        if changed is None:
            continue
        try:
            answer = classifier.predict(changed).to_dict()
        except ImageError:
            yield name, ("error", float("nan"))
            continue
        probabilities = answer["probabilities"] or {"tumor": float("nan")}
        yield name, (answer["outcome"], probabilities["tumor"])


def _unchanged(picture: Grey, _: Grey | None) -> Grey:
    return picture


def _without_frame(picture: Grey, _: Grey | None) -> Grey:
    rows, columns = (max(1, round(side * FRAME)) for side in picture.shape)
    changed = np.full_like(picture, picture.min())
    inside = slice(rows, -rows), slice(columns, -columns)
    changed[inside] = picture[inside]
    return changed


def _resized(factor: float) -> Change:
    def change(picture: Grey, _: Grey | None) -> Grey:
        size = tuple(round(side * factor) for side in reversed(picture.shape))
        return cv2.resize(
            picture, size, interpolation=cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        )

    return change


def _as_jpeg(picture: Grey, _: Grey | None) -> Grey:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=50)
    return np.asarray(Image.open(buffer))


def _contrast(factor: float) -> Change:
    def change(picture: Grey, _: Grey | None) -> Grey:
        middle = picture.mean()
        return np.clip((picture - middle) * factor + middle, 0, 255).astype(np.uint8)

    return change


def _mirrored(picture: Grey, _: Grey | None) -> Grey:
    return np.ascontiguousarray(picture[:, ::-1])


def _head(picture: Grey) -> Grey:
    """Return the largest bright part with its holes filled, 0 or 1."""
    bright = cv2.threshold(picture, 0, 1, cv2.THRESH_BINARY + cv2.THRESH_OTSU)[1]
    outlines = cv2.findContours(bright, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)[0]
    hull = cv2.convexHull(max(outlines, key=cv2.contourArea))
    return cv2.fillPoly(np.zeros_like(picture), [hull], 1)


def _without_brain(picture: Grey, _: Grey | None) -> Grey:
    head = _head(picture)
    _, _, width, height = cv2.boundingRect(head)
    rim = max(1, round(min(width, height) * RIM))
    # The border counts as outside, so that a head that fills the picture keeps a rim there, too.
    inner = cv2.erode(cv2.copyMakeBorder(head, 1, 1, 1, 1, cv2.BORDER_CONSTANT), _disk(rim))[
        1:-1, 1:-1
    ]
    return np.where(inner > 0, picture.min(), picture)


def _widened(mask: Grey) -> Grey:
    return cv2.dilate(mask, _disk(max(1, round(min(mask.shape) * MARGIN))))


def _disk(radius: int) -> Grey:
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1)).astype(
        np.uint8
    )


def _filled_in(picture: Grey, mask: Grey | None) -> Grey | None:
    return None if mask is None else cv2.inpaint(picture, _widened(mask), 5, cv2.INPAINT_TELEA)


def _other_side(picture: Grey, mask: Grey | None) -> Grey | None:
    """Lay the mirror image of the other half of the head over the tumor, with a soft edge."""
    if mask is None:
        return None
    left, _, width, _ = cv2.boundingRect(_head(picture))
    move = np.array([[-1, 0, 2 * left + width - 1], [0, 1, 0]], np.float32)
    size = picture.shape[::-1]
    wide = _widened(mask)
    if (cv2.warpAffine(wide, move, size) & mask).sum() > OVERLAP * mask.sum():
        return None
    mirrored = cv2.warpAffine(picture, move, size)
    soft = cv2.GaussianBlur(wide.astype(np.float32), (0, 0), max(1.0, min(size) * 0.01))
    soft = np.maximum(soft, mask)
    return np.rint(soft * mirrored + (1 - soft) * picture).astype(np.uint8)


NAMES: Final = {
    "outer frame blanked": "frame blanked",
    "half the size": "half size",
    "1.6 times the size": "1.6 times",
    "JPEG, quality 50": "jpeg 50",
    "other side over the tumor": "other side over it",
}
"""Of changes in the documents, where it is another."""

SAME = {
    "outer frame blanked": _without_frame,
    "half the size": _resized(0.5),
    "1.6 times the size": _resized(1.6),
    "JPEG, quality 50": _as_jpeg,
    "contrast + 20 %": _contrast(1.2),
    "contrast - 20 %": _contrast(0.8),
    "mirrored": _mirrored,
}
BRAINLESS = {"brain blanked": _without_brain}
TUMORLESS = {"tumor filled in": _filled_in, "other side over the tumor": _other_side}
CHANGES: dict[str, Change] = {**SAME, **BRAINLESS, **TUMORLESS, "none": _unchanged}


def report(rows: Sequence[ManifestRow], answers: Answers, threshold: float) -> dict[str, Estimate]:
    """Print a table; return the shares by their name in the documents."""
    shares: dict[str, Estimate] = {}
    print("| change | wanted | measured | scans |\n|---|---|---|---|")
    for name, label, wanted, hits in _hits(rows, answers, threshold):
        if not hits:
            continue
        kept = [row for row, _ in hits]
        shares[name] = _share([is_hit for _, is_hit in hits], kept)
        _line(label, wanted, shares[name])
        if name == "frame blanked" and len({row.tumor for row in kept}) > 1:
            change = "outer frame blanked"
            _line(f"{change}: AUROC before less after", "< 0.005", _loss(kept, answers, change))
    return shares


def _hits(rows: Sequence[ManifestRow], answers: Answers, threshold: float) -> Iterator[Hits]:
    for change in SAME:
        same = [
            (row, answers[row.name, change][0] == answers[row.name, "none"][0])
            for row in rows
            if (row.name, change) in answers
        ]
        yield NAMES.get(change, change), f"{change}: same outcome", "≥ 0.98", same
    for change in BRAINLESS:
        for outcome, label, wanted in (
            ("tumor", "called tumor", "0"),
            ("rejected", "rejected", ""),
        ):
            hits = [
                (row, answers[row.name, change][0] == outcome)
                for row in rows
                if (row.name, change) in answers
            ]
            yield f"{change}, {outcome}", f"{change}: {label}", wanted, hits
    for change in TUMORLESS:
        below = [
            (row, not answers[row.name, change][1] >= threshold)
            for row in rows
            if (row.name, change) in answers and answers[row.name, "none"][0] == "tumor"
        ]
        label = f"{change}, where it was found: probability below the threshold"
        yield NAMES.get(change, change), label, "≥ 0.90", below


def _share(hits: list[bool], rows: list[ManifestRow]) -> Estimate:
    return bootstrap_share(np.array(hits, np.float64), _groups(rows))


def _loss(rows: list[ManifestRow], answers: Answers, change: str) -> Estimate:
    scores = np.array([[answers[row.name, one][1] for one in ("none", change)] for row in rows])
    known = ~np.isnan(scores).any(axis=1)
    labels = np.array([row.tumor for row in rows])[known]
    groups, everything = _groups(rows)[known], np.ones(known.sum(), np.bool_)
    before, after = (
        roc_auc(labels, scores[known, place], groups, rows=everything) for place in (0, 1)
    )
    return bootstrap({"loss": less(before, after)}, groups)["loss"]


def _groups(rows: list[ManifestRow]) -> NDArray[np.str_]:
    return np.array([row.group_id or row.name for row in rows])


def _line(name: str, wanted: str, one: Estimate) -> None:
    measured = f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"
    print(f"| {name} | {wanted} | {measured} | {one.n_images} |")


if __name__ == "__main__":
    main()
