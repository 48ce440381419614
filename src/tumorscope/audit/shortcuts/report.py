"""What is said of shortcuts: verdicts in words, and the report folder."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.audit.shortcuts.shortcuts import CHANCE, TRACES, ShortcutThresholds, Traces
from tumorscope.evaluation.document import Document, write_report
from tumorscope.evaluation.intervals import RESAMPLES, Estimate
from tumorscope.evaluation.tables import Table, format_estimate
from tumorscope.labels import NOTICE

FORMAT_VERSION: Final = 1
_PLURAL: Final = ("size", "file")
FINDINGS, THRESHOLDS = "shortcuts.json", "thresholds.json"


@dataclass(frozen=True, slots=True)
class Section:
    """What was measured on some pictures.

    Attributes
    ----------
    aurocs
        By trace; empty where too few groups left nothing to measure.
    n_images, n_groups_tumor, n_groups_tumor_free
        What it rests on.
    has_few_groups
        Whether that is too little for the intervals to hold.
    """

    aurocs: Mapping[str, Estimate]
    n_images: int
    n_groups_tumor: int
    n_groups_tumor_free: int
    has_few_groups: bool

    @classmethod
    def of(cls, traces: Traces, aurocs: Mapping[str, Estimate]) -> Section:
        """Count what a measurement rests on."""
        return cls(
            aurocs,
            len(traces.y_true),
            traces.groups_of(1),
            traces.groups_of(0),
            traces.has_few_groups,
        )


@dataclass(frozen=True, slots=True)
class ShortcutFindings:
    """Measurements by section, and the thresholds that they are judged by."""

    sections: Mapping[str, Section]
    thresholds: ShortcutThresholds
    left_out: Mapping[str, str]
    n_unlabeled: int

    @property
    def has_alarm(self) -> bool:
        """Whether any trace separates the classes anywhere."""
        return any(
            self.thresholds.is_shortcut(one)
            for section in self.sections.values()
            for one in section.aurocs.values()
        )

    def verdicts(self) -> Iterator[str]:
        """Yield a sentence for each trace of each section."""
        for name, section in self.sections.items():
            if not section.aurocs:
                yield f"{name}: not judged, {_groups(section)} are too few."
            for trace, auroc in section.aurocs.items():
                few = f"; {_groups(section)} are too few for the interval to hold"
                yield (
                    f"{name}: {describe(trace, auroc, self.thresholds)}"
                    f"{few if section.has_few_groups else ''}."
                )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            name: {
                **{key: value for key, value in asdict(section).items() if key != "aurocs"},
                "traces": {
                    trace: {
                        "auroc": auroc.to_dict(),
                        "is_shortcut": self.thresholds.is_shortcut(auroc),
                        "verdict": describe(trace, auroc, self.thresholds),
                    }
                    for trace, auroc in section.aurocs.items()
                },
            }
            for name, section in self.sections.items()
        }


def describe(trace: str, auroc: Estimate, thresholds: ShortcutThresholds) -> str:
    """Say what a measurement means.

    Examples
    --------
    >>> describe("size", Estimate(0.97, 0.95, 0.98, 90, 30, 2000), ShortcutThresholds())
    'ALARM, width and height alone separate the classes: AUROC 0.97 [0.95, 0.98], chance is 0.50'
    """
    what = f"{TRACES[trace]} alone"
    ending = "" if trace in _PLURAL else "s"
    does_not = "do not separate" if trace in _PLURAL else "does not separate"
    number = f"AUROC {auroc.estimate:.2f} [{auroc.low:.2f}, {auroc.high:.2f}]"
    if thresholds.is_shortcut(auroc):
        verdict = f"ALARM, {what} separate{ending} the classes"
    else:
        verdict = f"{what} {does_not} the classes"
    return f"{verdict}: {number}, chance is {CHANCE:.2f}"


def write_shortcut_report(
    findings: ShortcutFindings, *, output: Path, command: str, title: str
) -> None:
    """Write ``shortcuts.json``, ``thresholds.json``, ``report.md`` and ``report.html``.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    record = {
        "format_version": FORMAT_VERSION,
        "command": command,
        "title": title,
        "notice": NOTICE,
        "chance": CHANCE,
        "intervals": {"level": 0.95, "resamples": RESAMPLES, "unit": "group"},
        "n_unlabeled": findings.n_unlabeled,
        "left_out": dict(findings.left_out),
        "sections": findings.to_dict(),
    }
    document = _document(findings, command=command, title=title)
    records = {THRESHOLDS: asdict(findings.thresholds), FINDINGS: record}
    write_report(output, document, records)


def _document(findings: ShortcutFindings, *, command: str, title: str) -> Document:
    missing = (
        f" {len(findings.left_out)} images could not be read and are left out; {FINDINGS} names "
        "them."
        if findings.left_out
        else ""
    )
    return Document(
        command=command,
        title=title,
        introduction=(
            "Can the label be told without looking at the anatomy? Each trace alone is given to a "
            "random forest, the thumbnail to its nearest neighbor, which learn from some groups "
            "(patients, or clusters of near-duplicates) and are asked about others. "
            f"{_outcome(findings)} An alarm is raised where the lower end of the interval lies "
            f"above {findings.thresholds.auroc}; chance is {CHANCE}. Histogram, spectrum, frame, "
            "file size and thumbnail see some of the anatomy too, such as how much of the head is "
            "in the slice: an alarm there asks for a closer look, one for width and height or "
            f"source needs none.{missing}"
        ),
        tables=tuple(_table(findings, name) for name in findings.sections),
        pictures=(),
    )


def _outcome(findings: ShortcutFindings) -> str:
    if findings.has_alarm:
        return (
            "A model trained on these pictures can learn something else than the tumor, such as "
            "the archive, or where in the head a slice lies."
        )
    return "No trace was found that does; what was not measured may still tell."


def _table(findings: ShortcutFindings, name: str) -> Table:
    section = findings.sections[name]
    few = ", too few for the intervals to hold" if section.has_few_groups else ""
    rows = tuple(
        (
            TRACES[trace],
            format_estimate(auroc),
            "ALARM: separates the classes" if findings.thresholds.is_shortcut(auroc) else "none",
        )
        for trace, auroc in section.aurocs.items()
    )
    return Table(
        f"{name}: {section.n_images} pictures, {_groups(section)}{few}",
        ("trace", "AUROC [95 % interval]", "alarm"),
        rows or (("not judged", "", "too few groups"),),
    )


def _groups(section: Section) -> str:
    return f"{section.n_groups_tumor} groups with and {section.n_groups_tumor_free} without tumor"
