"""What is said of doubtful labels: sentences and the report."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tumorscope.evaluation.document import Document, write_report
from tumorscope.evaluation.tables import Table
from tumorscope.labels import NOTICE

FORMAT_VERSION: Final = 1
FINDINGS: Final = "labels.json"


@dataclass(frozen=True, slots=True)
class LabelFindings:
    """How many labels are in doubt, and why.

    Attributes
    ----------
    title
        Heading.
    n_pictures
        Pictures with a label that could be read.
    by_place
        By set and label: pictures, and of them suspects and pictures whose copy is labelled
        differently.
    n_contradictions
        Pairs of copies with different labels.
    agreement
        Share of the pictures whose own label is the most probable one, out of fold.
    thresholds
        By label, see :func:`~tumorscope.audit.labels.suspects.judge_labels`.
    n_unlabeled
        Rows without a label.
    left_out
        Pictures that could not be read, with the reason.
    """

    title: str
    n_pictures: int
    by_place: Mapping[tuple[str, str], tuple[int, int, int]]
    n_contradictions: int
    agreement: float
    thresholds: Mapping[str, float]
    n_unlabeled: int
    left_out: Mapping[str, str]

    @property
    def n_suspects(self) -> int:
        """Number of suspects."""
        return sum(suspects for _, suspects, _ in self.by_place.values())

    def verdicts(self) -> Iterator[str]:
        """Yield what was found, in sentences."""
        contradicted = sum(count for *_, count in self.by_place.values())
        yield (
            f"{self.n_contradictions} pairs of copies are labelled differently; {contradicted} "
            "pictures are in such pairs."
        )
        yield (
            f"{self.n_suspects} of {self.n_pictures} pictures look like another label to a model "
            f"that saw neither them nor their group; it agrees with {100 * self.agreement:.1f} % "
            "of the labels."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return plain JSON values."""
        return {
            "n_pictures": self.n_pictures,
            "n_suspects": self.n_suspects,
            "n_contradictions": self.n_contradictions,
            "out_of_fold_agreement": round(self.agreement, 6),
            "by_set_and_label": [
                {
                    "set": place,
                    "label": label,
                    "n_pictures": pictures,
                    "n_suspects": suspects,
                    "n_contradicted": contradicted,
                }
                for (place, label), (pictures, suspects, contradicted) in self.by_place.items()
            ],
            "n_unlabeled": self.n_unlabeled,
            "left_out": dict(self.left_out),
        }


def write_label_report(findings: LabelFindings, *, output: Path, command: str) -> None:
    """Write ``labels.json``, ``report.md`` and ``report.html``.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    document = Document(
        command=command,
        title=findings.title,
        introduction=(
            f"{' '.join(findings.verdicts())} A suspect is a finding, not an error: rare pictures "
            "are suspects too, and where the model agrees with few of the labels, most suspects "
            "are its own mistakes. labels.csv lists every picture, the worst first; pairs.html "
            "shows contradictions and suspects beside what they look like."
        ),
        tables=(_table(findings),),
        pictures=(),
        legend="",
    )
    record = {
        "format_version": FORMAT_VERSION,
        "command": command,
        "title": findings.title,
        "notice": NOTICE,
        **findings.to_dict(),
    }
    write_report(output, document, {FINDINGS: record})


def _table(findings: LabelFindings) -> Table:
    rows = tuple(
        (
            f"{place}, {label}",
            str(pictures),
            f"{suspects} ({100 * suspects / pictures:.1f} %)",
            str(contradicted),
        )
        for (place, label), (pictures, suspects, contradicted) in findings.by_place.items()
    )
    return Table(
        "Labels in doubt",
        ("set or folder, label", "pictures", "suspects", "copies labelled differently"),
        rows,
    )
