"""One answer, the same from Python, command line and HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import ImageError, UsageError
from tumorscope.imaging.scan import SliceMember
from tumorscope.labels import NOTICE, Outcome
from tumorscope.operating_point import OperatingPoint

if TYPE_CHECKING:
    import PIL.Image


@dataclass(frozen=True, slots=True)
class ModelIdentity:
    """Which model gave an answer.

    Attributes
    ----------
    id, version
        Name of the recipe, and version of the package that made it.
    sha256
        Of all that an answer follows from, :attr:`~tumorscope.model.artifact.Manifest.identity`:
        models that answer differently differ in it.
    """

    id: str
    version: str
    sha256: str

    def to_dict(self) -> dict[str, str]:
        """Return the ``model`` object of an answer."""
        return {"id": self.id, "version": self.version, "sha256": self.sha256}


@dataclass(frozen=True, slots=True)
class Localization:
    """Where the evidence lies, in pixel coordinates of the image as read (zero-based).

    Attributes
    ----------
    peak
        (row, column) of the strongest evidence.
    box
        (row0, column0, row1, column1) around the connected evidence at the peak; the last row
        and column are inside.
    """

    peak: tuple[int, int]
    box: tuple[int, int, int, int]

    def to_dict(self) -> dict[str, list[int]]:
        """Return the ``localization`` object of an answer."""
        return {"peak": list(self.peak), "box": list(self.box)}


@dataclass(frozen=True, slots=True, eq=False)
class Prediction:
    """The answer for one image or slice.

    Attributes
    ----------
    source, slice_index, sop_instance_uid, series_uid, position_mm, study_uid, series_description
        As in :class:`~tumorscope.imaging.scan.Scan`.
    outcome
        ``tumor``, ``no_tumor``, ``abstain`` or ``rejected``.
    probabilities
        Calibrated, ``tumor`` and ``no_tumor``, sum 1; ``None`` only when rejected.
    type_probabilities
        By tumor type, sum 1, conditional on a tumor; ``None`` when rejected.
    prediction_set
        Classes that remain plausible.
    reasons
        Why the model abstained or rejected, in words.
    localization
        ``None`` unless the outcome is ``tumor``.
    model
        Which model gave the answer.
    operating_point
        Name and threshold that decided.
    evidence
        Shape (rows, columns) of the image as read, float32 in [0, 1]: probability-like evidence
        for tumor at each pixel. Not part of :meth:`to_dict`.
    member, notes
        As in :class:`~tumorscope.imaging.scan.Scan`.
    pixels
        The image as read, kept beside ``evidence`` for :meth:`overlay`.
    """

    source: str
    outcome: Outcome
    probabilities: dict[str, float] | None
    type_probabilities: dict[str, float] | None
    prediction_set: tuple[str, ...]
    reasons: tuple[str, ...]
    localization: Localization | None
    model: ModelIdentity
    operating_point: OperatingPoint
    slice_index: int | None = None
    sop_instance_uid: str | None = None
    series_uid: str | None = None
    position_mm: float | None = None
    study_uid: str | None = None
    series_description: str | None = None
    evidence: NDArray[np.float32] | None = None
    pixels: NDArray[np.float32] | None = None
    member: SliceMember | None = None
    notes: tuple[str, ...] = ()

    def overlay(self, *, opacity: float = 0.5) -> PIL.Image.Image:
        """Colour the evidence over the grey image.

        Raises
        ------
        UsageError
            If the prediction was made without ``heatmap=True``.
        """
        from tumorscope.imaging.overlay import draw_overlay

        if self.evidence is None or self.pixels is None:
            raise UsageError("The prediction has no evidence map; predict with heatmap=True.")
        return draw_overlay(self.pixels, self.evidence, opacity=opacity)

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return {
            "kind": "image",
            "source": self.source,
            "slice_index": self.slice_index,
            "sop_instance_uid": self.sop_instance_uid,
            "outcome": self.outcome,
            "probabilities": self.probabilities,
            "type_probabilities": self.type_probabilities,
            "prediction_set": list(self.prediction_set),
            "reasons": list(self.reasons),
            "operating_point": self.operating_point.to_dict(),
            "localization": None if self.localization is None else self.localization.to_dict(),
            "notes": list(self.notes),
            "model": self.model.to_dict(),
            "notice": NOTICE,
        }


@dataclass(frozen=True, slots=True)
class SeriesPrediction:
    """The answer for a series or volume, from the answers of its slices.

    Attributes
    ----------
    source
        Source of the first slice's file, or the folder that holds all of them.
    series_uid
        DICOM ``SeriesInstanceUID``; ``None`` for a volume.
    study_uid, series_description
        As in :class:`~tumorscope.imaging.scan.Scan`; of the first slice that has one.
    slices
        Number of slices that were answered; of several volumes, of the one that decides.
    failed_slices
        Number of slices that could not be answered.
    most_suspicious
        Slices with the highest probability of tumor, highest first, each with ``source``,
        ``slice_index``, ``sop_instance_uid`` and ``probability``.
    volumes
        Where a series holds several volumes, each with ``slices``, ``outcome``, ``probability``
        of tumor (``None`` if rejected) and ``traits``, by which they differ; the first decides.
        Empty for a series of one volume.
    notes
        What a reader of the answer has to know of the series.
    """

    source: str
    series_uid: str | None
    outcome: Outcome
    probabilities: dict[str, float] | None
    type_probabilities: dict[str, float] | None
    prediction_set: tuple[str, ...]
    reasons: tuple[str, ...]
    slices: int
    failed_slices: int
    most_suspicious: tuple[dict[str, Any], ...]
    model: ModelIdentity
    operating_point: OperatingPoint
    study_uid: str | None = None
    series_description: str | None = None
    volumes: tuple[dict[str, Any], ...] = ()
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return {
            "kind": "series",
            "source": self.source,
            "series_instance_uid": self.series_uid,
            "study_instance_uid": self.study_uid,
            "series_description": self.series_description,
            "outcome": self.outcome,
            "probabilities": self.probabilities,
            "type_probabilities": self.type_probabilities,
            "prediction_set": list(self.prediction_set),
            "reasons": list(self.reasons),
            "operating_point": self.operating_point.to_dict(),
            "slices": self.slices,
            "failed_slices": self.failed_slices,
            "most_suspicious": list(self.most_suspicious),
            "volumes": list(self.volumes),
            "notes": list(self.notes),
            "model": self.model.to_dict(),
            "notice": NOTICE,
        }


@dataclass(frozen=True, slots=True)
class Failure:
    """The answer for an input that could not be read."""

    source: str
    error: ImageError
    slice_index: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return {
            "kind": "error",
            "source": self.source,
            "slice_index": self.slice_index,
            "error": {
                "type": self.error.type,
                "title": self.error.title,
                "detail": self.error.detail,
            },
            "notice": NOTICE,
        }


Answer = Prediction | SeriesPrediction | Failure
"""What a batch yields, one for each input and each series."""
