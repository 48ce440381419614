"""The answer, defined once: for an image, a series, a study, and an input that cannot be read.

:class:`ImageAnswer`, :class:`SeriesAnswer`, :class:`StudyAnswer` and :class:`ErrorAnswer` hold
fields, types, ranges and meanings. JSON, OpenAPI, the page's types, the columns of CSV and Parquet
(:mod:`tumorscope.columns`) and the reference page derive from them. :class:`Prediction`,
:class:`SeriesPrediction` and :class:`StudyPrediction` add what stays in memory.
"""

from __future__ import annotations

import html
import warnings
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypedDict, cast

import msgspec
import numpy as np
from msgspec import Meta, Struct
from msgspec.structs import replace
from numpy.typing import NDArray

from tumorscope.errors import ImageError, UsageError
from tumorscope.imaging.scan import SliceMember
from tumorscope.labels import NOTICE, TUMOR_TYPES, ClassName, Outcome, Plane, SequenceName
from tumorscope.operating_point import OperatingPoint

if TYPE_CHECKING:
    import PIL.Image

Probability = Annotated[float, Meta(ge=0, le=1)]
Count = Annotated[int, Meta(ge=0)]

Source = Annotated[
    str,
    Meta(description="Path or name of the input; `archive.zip/member` for a member of an archive."),
]
SliceIndex = Annotated[
    Count | None,
    Meta(
        description="Zero-based index of the frame or slice in its file; null for a single image."
    ),
]
SopUid = Annotated[str | None, Meta(description="DICOM SOPInstanceUID; null where unknown.")]
SeriesUid = Annotated[str | None, Meta(description="DICOM SeriesInstanceUID; null where unknown.")]
StudyUid = Annotated[str | None, Meta(description="DICOM StudyInstanceUID; null where unknown.")]
SeriesDescription = Annotated[
    str | None,
    Meta(
        description="DICOM SeriesDescription; null where unknown. Free text that may name a "
        "person: do not log it."
    ),
]
OutcomeField = Annotated[
    Outcome,
    Meta(description="The decision; `rejected`: the input does not look like a brain MR image."),
]
PredictionSet = Annotated[
    tuple[ClassName, ...],
    Meta(description="Classes that cannot be excluded at the coverage of the artifact."),
]
Reasons = Annotated[
    tuple[str, ...], Meta(description="Why the model abstained or rejected, in words.")
]
Notes = Annotated[
    tuple[str, ...],
    Meta(description="Anything about the file or series that affects how to read the answer."),
]
Notice = Annotated[str, Meta(description="Research use only. Not a medical device.")]
ErrorType = Annotated[
    str,
    Meta(
        description="Stable name of the kind of error.",
        extra_json_schema={
            "enum": [one.type for one in (ImageError, *ImageError.__subclasses__())]
        },
    ),
]


class ModelIdentity(Struct, frozen=True):
    """Which model gave an answer."""

    id: Annotated[str, Meta(description="Name of the recipe.")]
    version: Annotated[str, Meta(description="Version of the package that made the artifact.")]
    sha256: Annotated[
        str,
        Meta(
            pattern="^[0-9a-f]{64}$",
            description="SHA-256 of all that an answer follows from: graph, preprocessing, "
            "calibration, thresholds, input check. Models that answer differently differ in it.",
        ),
    ]

    def to_dict(self) -> dict[str, str]:
        """Return the ``model`` object of an answer."""
        values: dict[str, str] = msgspec.to_builtins(self)
        return values


class Probabilities(TypedDict):
    """Calibrated; they sum to 1."""

    tumor: Annotated[Probability, Meta(description="Probability of a tumor.")]
    no_tumor: Annotated[Probability, Meta(description="Probability of no tumor.")]


class TypeProbabilities(TypedDict):
    """Conditional on a tumor; they sum to 1."""

    glioma: Annotated[
        Probability, Meta(description="Probability that a tumor, if there is one, is a glioma.")
    ]
    meningioma: Annotated[
        Probability, Meta(description="Probability that a tumor, if there is one, is a meningioma.")
    ]
    pituitary: Annotated[
        Probability, Meta(description="Probability that a tumor, if there is one, is pituitary.")
    ]


SequenceOfImage = TypedDict(
    "SequenceOfImage",
    {
        "name": Annotated[
            SequenceName | None,
            Meta(description="T1, T1+C (with contrast), T2, FLAIR or other; null where unknown."),
        ],
        "probability": Annotated[
            Probability | None,
            Meta(description="That the pixels show this sequence; null where that is not known."),
        ],
        "from": Annotated[
            Literal["header", "pixels"] | None,
            Meta(description="What says so: the header goes first."),
        ],
    },
)
"""The MR sequence of an image, and how that is known."""


def unknown_sequence() -> SequenceOfImage:
    """Return the sequence of an image of which nothing is known."""
    return {"name": None, "probability": None, "from": None}


class Localization(Struct, frozen=True):
    """Where the evidence lies, in pixel coordinates of the image as read, zero-based."""

    peak: Annotated[
        tuple[Count, ...],
        Meta(
            description="Row and column of the strongest evidence.",
            min_length=2,
            max_length=2,
            extra={
                "columns": {
                    "peak_row": "Row of the strongest evidence.",
                    "peak_column": "Column of the strongest evidence.",
                }
            },
        ),
    ]
    box: Annotated[
        tuple[Count, ...],
        Meta(
            description="First row, first column, last row and last column of the connected "
            "evidence at the peak.",
            min_length=4,
            max_length=4,
            extra={
                "columns": {
                    "box_row0": "First row of the connected evidence at the peak.",
                    "box_column0": "First column of it.",
                    "box_row1": "Last row of it.",
                    "box_column1": "Last column of it.",
                }
            },
        ),
    ]


def name_types(shares: Iterable[float]) -> TypeProbabilities:
    """Name probabilities of the types, given in the order of ``TUMOR_TYPES``."""
    named = {name: float(share) for name, share in zip(TUMOR_TYPES, shares, strict=True)}
    return cast(TypeProbabilities, named)


class SuspiciousSlice(TypedDict):
    """One of the slices with the highest probability of tumor."""

    source: Source
    slice_index: SliceIndex
    sop_instance_uid: SopUid
    probability: Annotated[Probability, Meta(description="Probability of a tumor.")]


class SeriesVolume(TypedDict):
    """One of several volumes under one Series Instance UID, such as an echo."""

    slices: Annotated[Count, Meta(description="Slices of the volume.")]
    outcome: OutcomeField
    probability: Annotated[
        Probability | None, Meta(description="Probability of a tumor; null if rejected.")
    ]
    traits: Annotated[
        dict[str, str], Meta(description="Header elements by which it differs from the others.")
    ]


ProbabilitiesField = Annotated[
    Probabilities | None,
    Meta(
        description="Calibrated, sum 1; null only when rejected.", extra={"prefix": "probability_"}
    ),
]
TypeProbabilitiesField = Annotated[
    TypeProbabilities | None,
    Meta(
        description="Conditional on a tumor; they sum to 1; null when rejected. "
        "Later models may add names.",
        extra={"prefix": "probability_"},
    ),
]
PointField = Annotated[
    OperatingPoint, Meta(description="The threshold that decided.", extra={"prefix": ""})
]
SequenceField = Annotated[SequenceOfImage, Meta(description="The MR sequence.")]
PlaneField = Annotated[
    Plane | None,
    Meta(description="Orientation of the slice, from header or pixels; null where unknown."),
]
ModelField = Annotated[ModelIdentity, Meta(description="The artifact that answered.")]


class ImageAnswer(Struct, frozen=True, eq=False, kw_only=True, tag_field="kind", tag="image"):
    """The answer for one image or slice."""

    source: Source
    slice_index: SliceIndex
    sop_instance_uid: SopUid
    series_instance_uid: SeriesUid
    study_instance_uid: StudyUid
    outcome: OutcomeField
    probabilities: ProbabilitiesField
    type_probabilities: TypeProbabilitiesField
    prediction_set: PredictionSet
    reasons: Reasons
    operating_point: PointField
    sequence: SequenceField
    plane: PlaneField
    localization: Annotated[
        Localization | None,
        Meta(
            description="In pixels of the image as read, zero-based; null unless the outcome is "
            "`tumor`.",
            extra={"prefix": ""},
        ),
    ]
    notes: Notes
    model: ModelField
    notice: Notice


class SeriesAnswer(Struct, frozen=True, kw_only=True, tag_field="kind", tag="series"):
    """The answer for a series or volume, from the answers of its slices."""

    source: Annotated[
        str, Meta(description="File of the slices, or the folder that holds all of them.")
    ]
    series_instance_uid: SeriesUid
    study_instance_uid: StudyUid
    series_description: SeriesDescription
    outcome: OutcomeField
    probabilities: ProbabilitiesField
    type_probabilities: TypeProbabilitiesField
    prediction_set: PredictionSet
    reasons: Reasons
    operating_point: PointField
    sequence: SequenceField
    plane: PlaneField
    slices: Annotated[
        Count,
        Meta(description="Number of slices answered; for several volumes, in the deciding one."),
    ]
    failed_slices: Annotated[Count, Meta(description="Slices that could not be answered.")]
    most_suspicious: Annotated[
        tuple[SuspiciousSlice, ...],
        Meta(description="Up to three slices with the highest probability of tumor, in order."),
    ]
    volumes: Annotated[
        tuple[SeriesVolume, ...],
        Meta(
            description="The volumes of a series that has several, the deciding one "
            "first; otherwise empty."
        ),
    ]
    notes: Notes
    model: ModelField
    notice: Notice


class StudySeries(TypedDict):
    """One series of a study that its answer counts."""

    source: Source
    series_instance_uid: SeriesUid
    series_description: SeriesDescription
    sequence: Annotated[
        SequenceName | None, Meta(description="Sequence of the series; null where unknown.")
    ]
    probability: Annotated[Probability, Meta(description="Probability of a tumor in the series.")]
    weight: Annotated[
        Probability, Meta(description="Share of the series in the study's log odds; sum 1.")
    ]


class SkippedSeries(TypedDict):
    """One series of a study that its answer leaves out."""

    source: Source
    series_instance_uid: SeriesUid
    series_description: SeriesDescription
    reason: Annotated[str, Meta(description="Why it does not count.")]


class StudyAnswer(Struct, frozen=True, kw_only=True, tag_field="kind", tag="study"):
    """The answer for a study of several series, from the answers of the series."""

    source: Annotated[str, Meta(description="Folder that holds the files of all series.")]
    study_instance_uid: StudyUid
    outcome: OutcomeField
    probabilities: ProbabilitiesField
    type_probabilities: TypeProbabilitiesField
    prediction_set: PredictionSet
    reasons: Reasons
    operating_point: PointField
    series: Annotated[
        tuple[StudySeries, ...], Meta(description="Series that count, the weightiest first.")
    ]
    skipped: Annotated[
        tuple[SkippedSeries, ...], Meta(description="Series that do not, with the reason.")
    ]
    notes: Notes
    model: ModelField
    notice: Notice


class ErrorReason(Struct, frozen=True):
    """Why an input could not be answered."""

    type: ErrorType
    title: Annotated[str, Meta(description="One sentence, the same for all errors of the kind.")]
    detail: Annotated[str, Meta(description="What was wrong, what arrived and what to do.")]


class ErrorAnswer(Struct, frozen=True, kw_only=True, tag_field="kind", tag="error"):
    """An input that could not be answered, in the place of its answer."""

    source: Source
    slice_index: SliceIndex
    error: Annotated[ErrorReason, Meta(description="Why there is no answer.")]
    notice: Notice


def _renamed(old: str, new: str) -> property:
    """Return a property that says what has replaced it."""

    def get(self: object) -> Any:
        warnings.warn(f"{old} is now {new}.", DeprecationWarning, stacklevel=2)
        return getattr(self, new)

    return property(get, doc=f"Former name of ``{new}``.")


class Prediction(ImageAnswer, frozen=True, eq=False, kw_only=True):
    """The answer for one image or slice, with what stays in memory.

    Attributes
    ----------
    series_key
        The same for all slices of a series: the ``SeriesInstanceUID``, or what stands in for it
        in files without one; ``None`` for a single image.
    position_mm, series_description, member
        As in :class:`~tumorscope.imaging.scan.Scan`.
    evidence
        Shape (rows, columns) of the image as read, float32 in [0, 1]: probability-like evidence
        for tumor at each pixel.
    pixels
        The image as read, kept beside ``evidence`` for :meth:`overlay`.
    """

    slice_index: SliceIndex = None
    sop_instance_uid: SopUid = None
    series_instance_uid: SeriesUid = None
    study_instance_uid: StudyUid = None
    sequence: SequenceField = msgspec.field(default_factory=unknown_sequence)
    plane: PlaneField = None
    notes: Notes = ()
    notice: Notice = NOTICE
    series_key: str | None = None
    position_mm: float | None = None
    series_description: str | None = None
    evidence: NDArray[np.float32] | None = None
    pixels: NDArray[np.float32] | None = None
    member: SliceMember | None = None

    series_uid = _renamed("series_uid", "series_key")
    study_uid = _renamed("study_uid", "study_instance_uid")

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
        return _to_dict(self, ImageAnswer)

    def __repr__(self) -> str:
        place = "" if self.slice_index is None else f"[{self.slice_index}]"
        return f"Prediction({_in_words(self)}, {self.source!r}{place})"

    def _repr_html_(self) -> str:
        """Show picture, evidence and answer in a notebook."""
        if self.pixels is None or self.evidence is None:
            return _html(self, ())
        from tumorscope.imaging.picture_html import image_tag

        nothing = np.zeros_like(self.evidence)
        plain = replace(self, evidence=nothing).overlay()
        return _html(self, (image_tag(plain, "scan"), image_tag(self.overlay(), "evidence")))


class SeriesPrediction(SeriesAnswer, frozen=True, kw_only=True):
    """The answer for a series or volume, from the answers of its slices."""

    study_instance_uid: StudyUid = None
    series_description: SeriesDescription = None
    sequence: SequenceField = msgspec.field(default_factory=unknown_sequence)
    plane: PlaneField = None
    volumes: tuple[SeriesVolume, ...] = ()
    notes: Notes = ()
    notice: Notice = NOTICE

    series_uid = _renamed("series_uid", "series_instance_uid")
    study_uid = _renamed("study_uid", "study_instance_uid")

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return _to_dict(self, SeriesAnswer)

    def __repr__(self) -> str:
        return f"SeriesPrediction({_in_words(self)}, {self.slices} slices, {self.source!r})"

    def _repr_html_(self) -> str:
        """Show the answer in a notebook."""
        return _html(self, ())


class StudyPrediction(StudyAnswer, frozen=True, kw_only=True):
    """The answer for a study of several series."""

    notes: Notes = ()
    notice: Notice = NOTICE

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        return _to_dict(self, StudyAnswer)


class Failure(Struct, frozen=True):
    """The answer for an input that could not be read; ``error`` says why."""

    source: str
    error: ImageError
    slice_index: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the answer."""
        error = self.error
        answer = ErrorAnswer(
            source=self.source,
            slice_index=self.slice_index,
            error=ErrorReason(error.type, error.title, error.detail),
            notice=NOTICE,
        )
        return _to_dict(answer, ErrorAnswer)


Answer = Prediction | SeriesPrediction | StudyPrediction | Failure
"""What a batch yields, one for each input, each series and each study of several series."""


def _in_words(answer: ImageAnswer | SeriesAnswer) -> str:
    """Return outcome and probability, and the most probable type of a tumor."""
    if answer.probabilities is None:
        return answer.outcome
    words = f"{answer.outcome}, probability of tumor {answer.probabilities['tumor']:.3f}"
    if answer.outcome == "tumor" and answer.type_probabilities is not None:
        shares = cast("dict[str, float]", answer.type_probabilities)
        best = max(shares, key=shares.__getitem__)
        words += f", {best} {shares[best]:.2f}"
    return words


def _html(answer: ImageAnswer | SeriesAnswer, pictures: Iterable[str]) -> str:
    lines = [_in_words(answer), f"{answer.source}", *answer.reasons, *answer.notes]
    point = answer.operating_point
    lines.append(f"operating point {point.name}: tumor from {point.threshold:.3f} on")
    text = "".join(f"<div>{html.escape(line)}</div>" for line in lines)
    return (
        f"<div>{''.join(pictures)}{text}<div><small>{html.escape(answer.notice)}</small></div>"
        "</div>"
    )


_AS_THEY_ARE: Final = frozenset((str, int, float, type(None)))


def _to_dict(answer: Struct, shape: type[Struct]) -> dict[str, Any]:
    """Return the fields of a shape, and nothing that an answer has beside them."""
    tag = {"kind": shape.__struct_config__.tag}
    return tag | {name: _plain(getattr(answer, name)) for name in shape.__struct_fields__}


def _plain(value: Any) -> Any:
    """Return a value as JSON has it: objects for structs and lists for tuples."""
    if type(value) in _AS_THEY_ARE:
        return value
    if isinstance(value, (tuple, list)):
        return [_plain(one) for one in value]
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, Struct):
        return {name: _plain(getattr(value, name)) for name in value.__struct_fields__}
    return value
