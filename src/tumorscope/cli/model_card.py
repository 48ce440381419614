"""The card of a model as lines for a terminal, none of them wider than 100 characters."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from tumorscope.data.data_cards import data_card
from tumorscope.labels import CLASSES, TUMOR_TYPES
from tumorscope.model.artifact import Manifest
from tumorscope.operating_point import NEUTRAL, RULE_IN, RULE_OUT, listed

WIDTH: Final = 99

_INDENT: Final = "  "

_PROMISES: Final = {
    NEUTRAL: "the largest sum of sensitivity and specificity; the default",
    RULE_OUT: "misses few tumors: a sensitivity of 0.98 or more on the calibration cases",
    RULE_IN: "few false alarms: a specificity of 0.98 or more on the calibration cases",
}

_MEASURES: Final = {
    "roc_auc": "AUROC",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "expected_calibration_error": "calibration error",
    "brier_score": "Brier score",
}
"""Of a report's section ``overall``, those that the card shows."""

_LIMITS: Final = (
    "Brain MR images only. Scans from other scanners, sequences and patients than those of the "
    "training data are answered less well; `tumorscope calibrate` fits thresholds to a site.",
    "A measured interval holds for scans like those it was measured on.",
    "An outcome is no finding: a brain scan is to be read by a radiologist.",
)

_Rows = Iterable[tuple[str, str]]


def card_lines(manifest: Manifest) -> Iterator[str]:
    """Yield the lines of the card."""
    yield f"{manifest.model_id} {manifest.model_version}"
    sections = (
        ("What it is", _about(manifest)),
        ("Input", _input(manifest)),
        ("Classes", _classes()),
        ("Operating points (tumor from this probability on)", _points(manifest)),
        ("Calibration", _calibration(manifest)),
        ("Training data", _data(manifest.card)),
        ("Results on held-out scans, with 95 % intervals", _results(manifest.card)),
        ("Limits", [("", one) for one in _LIMITS]),
        ("Identity", _identity(manifest)),
    )
    for title, rows in sections:
        lines = list(_table(rows))
        if lines:
            yield ""
            yield title
            yield from lines


def _about(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield (
        "",
        "A network that answers whether an MR image of the head shows a brain tumor, of which "
        "type, and where. It may abstain, and rejects what is not a brain MR image."
        if manifest.input_check is not None
        else "A network that answers whether an MR image of the head shows a brain tumor, of which "
        "type, and where. It takes every image for a brain MR image.",
    )
    arithmetic = _part(manifest.card, "graph").get("arithmetic")
    if arithmetic:
        yield "arithmetic", str(arithmetic)
    note = manifest.card.get("note")
    if note:
        yield "note", str(note)


def _input(manifest: Manifest) -> Iterator[tuple[str, str]]:
    size = manifest.preprocessing.size
    steps = manifest.preprocessing.to_dict()
    yield "canvas", f"{size} x {size} pixels, gray, 8 bits; scans of any size are brought onto it"
    yield "steps", f"{steps['name']}, version {steps['version']}"
    if manifest.input_check is None:
        yield "input check", "none"
    else:
        kind = _part(manifest.card, "gate").get("kind", "no word on its kind")
        yield (
            "input check",
            f"rejects beyond a novelty of {manifest.input_check.threshold:.4f}; {kind}",
        )


def _classes() -> Iterator[tuple[str, str]]:
    yield "outcome", f"{', '.join(CLASSES)}; abstain, rejected"
    yield "tumor type", f"{', '.join(TUMOR_TYPES)} (conditional on a tumor)"


def _points(manifest: Manifest) -> Iterator[tuple[str, str]]:
    measured = _part(_evaluation(manifest.card), "sections", "operating_points")
    for name, threshold in listed(manifest.operating_points):
        promise = _PROMISES.get(name, "")
        yield name, f"{threshold:.4f}  {promise}".rstrip()
        row = measured.get(name, {})
        found = [_estimate(one, row[one]) for one in ("sensitivity", "specificity") if one in row]
        if found:
            yield "", f"measured: {', '.join(found)}"


def _calibration(manifest: Manifest) -> Iterator[tuple[str, str]]:
    one = manifest.calibration
    yield "probability", f"sigmoid({one.slope:.4f} x logit {one.intercept:+.4f})"
    yield "type temperature", f"{one.type_temperature:.4f}"
    yield "series spread", f"{one.series_spread:.4f}"
    yield "evidence", f"a cell counts as tumor from a logit of {manifest.evidence_threshold:.4f} on"
    sets = manifest.conformal
    if sets is None:
        yield "prediction sets", "none: it never abstains"
    else:
        yield (
            "prediction sets",
            f"{sets.coverage:.0%} of each class: tumor is plausible from {sets.tumor:.4f} on, "
            f"no tumor up to {1 - sets.no_tumor:.4f}",
        )
    local = _part(manifest.card, "recalibration", "calibration")
    if local:
        yield "fitted on", _counts(local)
    for name, reason in _part(manifest.card, "recalibration", "kept").items():
        yield "kept as it was", f"{name.replace('_', ' ')}: {reason}"


def _data(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    data = _part(card, "training", "data")
    for split in ("train", "val", "calibration", "test", "external"):
        if split in data:
            yield split, _counts(data[split])
        for name, count in _part(data, split, "sets").items() if split == "train" else ():
            yield f"{_INDENT}{name}", f"{count:,} images; {_terms(card, name)}"
    unclear = [
        one for one in _part(data, "train", "sets") if "(confirmed)" not in _terms(card, one)
    ]
    if unclear:
        yield (
            "licences",
            f"not confirmed for {len(unclear)} sets: treat the weights as research and teaching "
            "material; docs/explanation/data-cards.md",
        )


def _terms(card: Mapping[str, Any], name: str) -> str:
    """Return the licence of a data set: as the artifact tells it, else as this version knows it."""
    told = _part(card, "sources", name)
    if told:
        return f"{told.get('licence')} ({'' if told.get('is_confirmed') else 'not '}confirmed)"
    return data_card(name).terms


def _results(card: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, report in card.items():
        if not name.startswith("evaluation") or not isinstance(report, Mapping):
            continue
        split = name.removeprefix("evaluation").strip("_") or "test"
        counts = f"{report.get('n_images', 0):,} images of {report.get('n_groups', 0):,} groups"
        yield split, f"{counts}, at {report.get('operating_point', NEUTRAL)}"
        sections = _part(report, "sections")
        overall = _part(sections, "overall", "all images")
        for measure, words in _MEASURES.items():
            if measure in overall:
                yield f"{_INDENT}{words}", _estimate("", overall[measure])
        yield from _further(sections)


def _further(sections: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    wanted = (
        ("abstained", ("abstention", "all images", "abstained")),
        ("accuracy of the rest", ("abstention", "all images", "accuracy_of_the_rest")),
        ("brain MR rejected", ("abstention", "all images", "rejected")),
        ("others rejected", ("rejection", "all kinds", "rejected")),
        ("type, accuracy", ("type", "all sets", "accuracy")),
    )
    for words, path in wanted:
        found = _part(sections, *path)
        if found:
            yield f"{_INDENT}{words}", _estimate("", found)
    for name, row in _part(sections, "by_set").items():
        measures = ("roc_auc", "sensitivity", "specificity")
        found = {one: row[one] for one in measures if one in row}
        best = {"roc_auc": found["roc_auc"]} if "roc_auc" in found else found
        told = ", ".join(_estimate(_MEASURES[one], value) for one, value in best.items())
        if told:
            yield f"{_INDENT}{name}", told


def _identity(manifest: Manifest) -> Iterator[tuple[str, str]]:
    yield "sha256", manifest.identity
    yield "", "of all that an answer follows from; the model.sha256 of every answer"
    yield "graph", manifest.graph_sha256
    commit = _part(manifest.card, "training").get("commit")
    if commit:
        yield "trained at commit", str(commit)


def _counts(split: Mapping[str, Any]) -> str:
    return (
        f"{split.get('images', 0):,} images of {split.get('groups', 0):,} groups; "
        f"{split.get('tumor', 0):,} with a tumor, {split.get('no_tumor', 0):,} without"
    )


def _estimate(name: str, one: Mapping[str, Any]) -> str:
    value, low, high = (one.get(key) for key in ("estimate", "low", "high"))
    if value is None:
        return f"{name} undefined".strip()
    interval = "no interval" if low is None or high is None else f"{low:.3f}, {high:.3f}"
    return f"{name} {value:.3f} [{interval}]".strip()


def _evaluation(card: Mapping[str, Any]) -> Mapping[str, Any]:
    return _part(card, "evaluation")


def _part(values: Any, *names: str) -> Mapping[str, Any]:
    """Return a part of a card, which may hold anything; empty where it is not there."""
    for name in names:
        values = values.get(name) if isinstance(values, Mapping) else None
    return values if isinstance(values, Mapping) else {}


def _table(rows: _Rows) -> Iterator[str]:
    """Lay names and texts side by side; long texts go on below."""
    listed = list(rows)
    column = max((len(name) for name, _ in listed), default=0)
    for name, text in listed:
        start = f"{_INDENT}{name:<{column}}  " if column else _INDENT
        yield from textwrap.wrap(
            text,
            WIDTH,
            initial_indent=start,
            subsequent_indent=" " * len(start),
            break_long_words=True,
        ) or [start.rstrip()]
