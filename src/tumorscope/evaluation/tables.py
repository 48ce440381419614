"""Measurements as tables of text, the same for Markdown and HTML."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from tumorscope.evaluation.calibration import BINS
from tumorscope.evaluation.intervals import FEW_GROUPS, RESAMPLES, Estimate
from tumorscope.evaluation.measurements import Measurements, Row, Section
from tumorscope.labels import TUMOR_TYPES

DASH: Final = "\N{EN DASH}"
FEW: Final = "\N{DAGGER}"
EXACT: Final = "*"

LEGEND: Final = (
    f"Each cell: estimate [95 % interval], by {RESAMPLES} bootstrap resamples of whole groups. "
    f"{EXACT} All resamples agree: Clopper-Pearson interval with the groups as trials; in means, "
    "the intervals of the parts are combined where this holds for one of them. "
    f"{FEW} Fewer than {FEW_GROUPS} groups: the interval is too narrow. "
    f"{DASH} Cannot be measured on these images. Images and groups in brackets: those with "
    "tumor, those with tumor-free images."
)

METRICS: Final[Mapping[str, str]] = {
    "roc_auc": "AUROC",
    "average_precision": "average precision",
    "sensitivity_at_specificity_95": "sensitivity at specificity 0.95",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "expected_calibration_error": f"expected calibration error ({BINS} bins)",
    "brier_score": "Brier score",
    "log_loss": "log loss",
    **{f"recall_{name}": f"recall of {name}" for name in TUMOR_TYPES},
    "abstained": "abstained",
    "rejected": "rejected",
    "accuracy_of_the_rest": "accuracy of the rest",
    "coverage_tumor": "coverage of tumor",
    "coverage_no_tumor": "coverage of no tumor",
    "peak_in_mask": "peak in mask",
    "dice": "Dice",
    "ppv": "positive predictive value",
    "npv": "negative predictive value",
    "false_alarms_per_tumor": "false alarms for each tumor found",
    "net_benefit": "net benefit",
    "net_benefit_everyone": "net benefit of acting on everyone",
}
"""Words for people, in the order of the columns."""

SECTIONS: Final[Mapping[str, tuple[str, str]]] = {
    "weakest": (
        "Where it is right least often: subgroups of at least ten images, worst first",
        "subgroup",
    ),
    "operating_points": ("Operating points", "operating point (threshold)"),
    "predictive_values": (
        "What an answer means where tumors are rare: by operating point and share of tumors among "
        "those tested. The ends of each interval are those of sensitivity and specificity together",
        "operating point, share of tumors",
    ),
    "net_benefit": (
        "Net benefit at the share of tumors of these images, in tumors found for each image; that "
        "of acting on no one is 0",
        "acting from a probability of",
    ),
    "macro_over_sets": (
        "Macro average over sets: each set counts the same; each metric over the sets that have it",
        "average",
    ),
    "training_scans": (
        "Without scans that the model has learned from, or that are very similar to one",
        "images",
    ),
    "by_set": ("By set", "set"),
    "by_site": ("By site", "site"),
    "by_sequence": ("By sequence", "sequence"),
    "by_site_and_sequence": ("By site and sequence, where both are known", "site, sequence"),
    "by_plane": ("By plane", "plane"),
    "sensitivity_by_type": ("Sensitivity by tumor type", "type"),
    "sensitivity_by_size": ("Sensitivity by tumor size, tumors with a mask", "size on the image"),
    "sensitivity_by_place": (
        "Sensitivity by place on the image, tumors with a mask; left and right as shown",
        "third of the image",
    ),
    "type": ("Tumor type, tumors of known type", "set"),
    "abstention": (
        "What was left open, the accuracy of the rest, and how often the prediction set holds the "
        "true class; by site",
        "images",
    ),
    "rejection": ("Pictures that show no brain MR image, of the side that is measured", "kind"),
    "localization": ("Evidence map against mask", "images"),
    "without_slivers": (
        "Without slivers: tumors whose mask covers less than 150 of 256 x 256 pixels left out; "
        "sets with masks",
        "images",
    ),
    "matched_in_area": (
        "Each tumor with a tumor-free image of the same site and sequence and nearly the same "
        "foreground area; what has no partner is left out",
        "scores",
    ),
    "controls": ("Trivial controls on the same images, without looking at the anatomy", "control"),
}
"""Title of each section and of its first column."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table of text; the first cell of each row names it."""

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def build_tables(measurements: Measurements, *, thresholds: Mapping[str, float]) -> Iterator[Table]:
    """Yield the tables of a report: the failures, then from the whole to the parts."""
    if weakest := measurements.sections.get("weakest"):
        yield _wide_table(*SECTIONS["weakest"], weakest)
    yield _long_table("All images", measurements.overall)
    of_columns = [name for name in measurements.sections if _is_of_column(name)]
    titles = {name: (f"By {name.removeprefix('by_')}", name[3:]) for name in of_columns}
    for name, (title, first) in {**SECTIONS, **titles}.items():
        section = measurements.sections.get(name)
        if section is None or name == "weakest":
            continue
        names = {one: f"{one} ({thresholds[one]:.4f})" for one in thresholds}
        labels = names if name == "operating_points" else {}
        rows = {labels.get(one, one): row for one, row in section.items()}
        yield _wide_table(title, first, rows)


def _is_of_column(name: str) -> bool:
    """Tell a section of a column that the user named."""
    return name.startswith("by_") and name not in SECTIONS


def format_estimate(one: Estimate | None) -> str:
    """Return a cell, such as ``0.973 [0.955, 0.988]``."""
    if one is None or math.isnan(one.estimate):
        return DASH
    if math.isnan(one.low):
        return f"{one.estimate:.3f} [no interval]"
    cell = f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"
    if one.method in ("clopper-pearson", "mover"):
        return f"{cell} {EXACT}"
    return f"{cell} {FEW}" if one.has_few_groups else cell


def _long_table(title: str, row: Row) -> Table:
    header = ("metric", "estimate [95 % interval]", "images", "groups")
    rows = (
        (
            METRICS[name],
            format_estimate(row[name]),
            str(row[name].n_images),
            str(row[name].n_groups),
        )
        for name in METRICS
        if name in row
    )
    return Table(title, header, tuple(rows))


def _wide_table(title: str, first: str, section: Section) -> Table:
    shown = [name for name in METRICS if any(name in row for row in section.values())]
    header = (first, "images", "groups", *(METRICS[name] for name in shown))
    rows = (
        (
            name,
            _count(row, "n_images"),
            _count(row, "n_groups"),
            *(format_estimate(row.get(metric)) for metric in shown),
        )
        for name, row in section.items()
    )
    return Table(title, header, tuple(rows))


def _count(row: Row, what: str) -> str:
    total = max(getattr(one, what) for one in row.values())
    if "sensitivity" in row and "specificity" in row:
        parts = (getattr(row[name], what) for name in ("sensitivity", "specificity"))
        return f"{total} ({', '.join(map(str, parts))})"
    return str(total)
