"""What is said of a test set that is partly in its training set: sentences and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.audit.leakage.deleaked import to_dict
from tumorscope.evaluation.document import Document, write_report
from tumorscope.evaluation.intervals import RESAMPLES, Estimate
from tumorscope.evaluation.tables import DASH, LEGEND, METRICS, Table, format_estimate
from tumorscope.labels import NOTICE

FORMAT_VERSION: Final = 1
FINDINGS: Final = "leakage.json"

_SHOWN: Final = (
    *("roc_auc", "accuracy", "sensitivity", "specificity", "balanced_accuracy"),
    *("loss_of_roc_auc", "loss_of_accuracy"),
)


@dataclass(frozen=True, slots=True)
class LeakageFindings:
    """How much of a test set is in a training set, and what a score is without it.

    Attributes
    ----------
    train, test
        Names of the two sets.
    n_train, n_test
        Pictures in them.
    counts
        Test pictures by kind of leak, the last being none; each picture is counted once.
    scores
        Metrics by part of the test set; empty where no predictions were given.
    threshold
        Probability from which a picture is called tumor.
    n_unscored
        Test pictures that have no label or no probability.
    left_out
        Pictures that could not be read, with the reason.
    """

    train: str
    test: str
    n_train: int
    n_test: int
    counts: Mapping[str, int]
    scores: Mapping[str, Mapping[str, Estimate]]
    threshold: float
    n_unscored: int
    left_out: Mapping[str, str]

    @property
    def n_copies(self) -> int:
        """Number of test pictures that are in the training set themselves."""
        return sum(self.counts[kind] for kind in ("exact copy", "copy", "mirrored copy"))

    def verdicts(self) -> Iterator[str]:
        """Yield what was found, in sentences."""
        yield (
            f"{self.n_copies} of {self.n_test} pictures of {self.test} "
            f"({_percent(self.n_copies, self.n_test)}) are already in {self.train}: "
            + ", ".join(
                f"{self.counts[kind]} {word}"
                for kind, word in (
                    ("exact copy", "as the same file"),
                    ("copy", "changed"),
                    ("mirrored copy", "mirrored"),
                )
            )
            + "."
        )
        related = self.counts["relative"] + self.counts["same patient"]
        yield (
            f"{related} more ({_percent(related, self.n_test)}) have a relative there, "
            f"{self.counts['none']} ({_percent(self.counts['none'], self.n_test)}) have nothing."
        )
        for name, row in self.scores.items():
            yield f"{name}: " + ", ".join(
                f"{METRICS[metric]} {format_estimate(row[metric])}"
                for metric in ("roc_auc", "accuracy", "sensitivity", "specificity")
                if metric in row
            )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "train": {"name": self.train, "n_pictures": self.n_train},
            "test": {"name": self.test, "n_pictures": self.n_test},
            "test_pictures_in_train": {
                kind: {"pictures": count, "share": round(count / self.n_test, 6)}
                for kind, count in self.counts.items()
            },
            "n_copies": self.n_copies,
            "threshold": self.threshold if self.scores else None,
            "n_without_label_or_probability": self.n_unscored if self.scores else None,
            "scores": to_dict(self.scores),
            "left_out": dict(self.left_out),
        }


def write_leakage_report(findings: LeakageFindings, *, output: Path, command: str) -> None:
    """Write ``leakage.json``, ``report.md`` and ``report.html``.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    document = _document(findings, command)
    record = {
        "format_version": FORMAT_VERSION,
        "command": command,
        "title": document.title,
        "notice": NOTICE,
        "intervals": {"level": 0.95, "resamples": RESAMPLES, "unit": "group"},
        **findings.to_dict(),
    }
    write_report(output, document, {FINDINGS: record})


def _document(findings: LeakageFindings, command: str) -> Document:
    missing = (
        f" {len(findings.left_out)} images could not be read; {FINDINGS} names them."
        if findings.left_out
        else ""
    )
    sentences = list(findings.verdicts())[:2]
    tables = [_counts_table(findings)]
    if findings.scores:
        tables.append(_scores_table(findings))
    return Document(
        command=command,
        title=f"{findings.test} in {findings.train}",
        introduction=(
            f"{' '.join(sentences)} A score on such pictures tells what was remembered, not what "
            "will be seen in others. The test set is counted whole, so its shares have no "
            "intervals. pictures.csv lists every test picture with its match, pairs.html shows "
            f"the pairs.{missing}{_scores_note(findings)}"
        ),
        tables=tuple(tables),
        pictures=(),
        legend=LEGEND if findings.scores else "",
    )


def _scores_note(findings: LeakageFindings) -> str:
    if not findings.scores:
        return ""
    left_out = (
        f" {findings.n_unscored} test pictures have no label or no probability and are not scored."
        if findings.n_unscored
        else ""
    )
    return (
        f" Called tumor from a probability of {findings.threshold:.4f}. Loss: the official number "
        f"less that of the part, on the same resamples.{left_out}"
    )


def _counts_table(findings: LeakageFindings) -> Table:
    rows = [
        (kind, str(count), _percent(count, findings.n_test))
        for kind, count in findings.counts.items()
    ]
    copies = (
        "all copies",
        str(findings.n_copies),
        _percent(findings.n_copies, findings.n_test),
    )
    return Table(
        f"{findings.n_test} pictures of {findings.test}, by what is in {findings.train} "
        f"({findings.n_train} pictures)",
        ("in the training set", "test pictures", "share"),
        (*rows, copies),
    )


def _scores_table(findings: LeakageFindings) -> Table:
    shown = [name for name in _SHOWN if any(name in row for row in findings.scores.values())]
    rows = []
    for name, row in findings.scores.items():
        whole = max(row.values(), key=lambda one: one.n_images)
        cells = (format_estimate(row[one]) if one in row else DASH for one in shown)
        rows.append((name, str(whole.n_images), str(whole.n_groups), *cells))
    return Table(
        f"Scores, officially and without what is in {findings.train}",
        ("test pictures", "images", "groups", *map(_heading, shown)),
        tuple(rows),
    )


def _heading(metric: str) -> str:
    if metric.startswith("loss_of_"):
        return f"loss of {METRICS[metric.removeprefix('loss_of_')]}"
    return METRICS[metric]


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
