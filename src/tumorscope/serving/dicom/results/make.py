"""The kinds of results by name."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

import pydicom

from tumorscope.errors import UsageError
from tumorscope.serving.dicom.results.document import encapsulated_pdf
from tumorscope.serving.dicom.results.evidence_maps import parametric_map, segmentation
from tumorscope.serving.dicom.results.secondary_capture import secondary_captures
from tumorscope.serving.dicom.results.source import KINDS, Kind, NoResultError, SourceSeries
from tumorscope.serving.dicom.results.structured_report import structured_report

_MAKERS: Final[dict[Kind, Callable[[SourceSeries], list[pydicom.Dataset]]]] = {
    "sr": lambda source: [structured_report(source)],
    "sc": secondary_captures,
    "pm": lambda source: [parametric_map(source)],
    "seg": lambda source: [segmentation(source)],
    "pdf": lambda source: [encapsulated_pdf(source)],
}


@dataclass(frozen=True, slots=True)
class Result:
    """A data set ready to be written or sent, and what it is."""

    kind: Kind
    dataset: pydicom.Dataset

    @property
    def name(self) -> str:
        """Name of its file."""
        return f"{self.kind}-{self.dataset.InstanceNumber}.dcm"


def make_results(source: SourceSeries, kinds: Iterable[Kind]) -> Iterator[Result | NoResultError]:
    """Yield the results of a series, in the order of the kinds.

    A kind that this series cannot have gives the reason in its place, and the others go on.
    """
    for kind in kinds:
        try:
            yield from (Result(kind, dataset) for dataset in _MAKERS[kind](source))
        except NoResultError as error:
            yield NoResultError(f"No {kind}: {error}")
        # The library checks a header in many places, each with an error of its own.
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            yield NoResultError(
                f"No {kind}: the header of series {source.header.SeriesInstanceUID} does not allow "
                f"it ({type(error).__name__})."
            )


def parse_kinds(value: str) -> tuple[Kind, ...]:
    """Return the kinds of a list with commas, such as ``sr,sc``.

    Raises
    ------
    UsageError
        If one of them is unknown, or there is none.
    """
    names = [name.strip().lower() for name in value.split(",") if name.strip()]
    unknown = [name for name in names if name not in KINDS]
    if unknown or not names:
        raise UsageError(
            f"Results are a list of {', '.join(KINDS)}, with commas; received {value!r}."
        )
    return tuple(kind for kind in KINDS if kind in names)
