"""The shape of everything that is sent and received, the source of ``openapi.json``.

What an answer is says :mod:`tumorscope.answer`; the tests hold every response against these shapes.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from tumorscope import answer
from tumorscope.answer import (
    Count,
    ErrorAnswer,
    ModelIdentity,
    Notice,
    Probability,
    SeriesAnswer,
    SeriesDescription,
    StudyAnswer,
    StudyUid,
)
from tumorscope.labels import ClassName, Plane
from tumorscope.serving.http_api.base.problems import KINDS, urn

Positive = Annotated[int, Meta(ge=1)]
SideLetter = Literal["L", "R", "A", "P", "H", "F"]
Pair = Annotated[list[float], Meta(min_length=2, max_length=2)]
Expiry = Annotated[
    str | None, Meta(description="When it is deleted, unless a look puts that off. ISO 8601, UTC")
]
Hold = Annotated[
    int, Meta(ge=0, description="Seconds for which it is held after the last look; 0: not held.")
]
JobState = Literal["queued", "running", "finished"]
Heatmap = Annotated[
    str,
    Meta(
        description="Data URI of a PNG: the evidence laid over the image. Only with ?heatmap=png."
    ),
]


ProblemType = Annotated[
    str,
    Meta(
        description="urn:tumorscope:problem: and a stable name",
        extra_json_schema={"enum": [urn(kind) for kind in KINDS]},
    ),
]


class ImageAnswer(answer.ImageAnswer, frozen=True, kw_only=True):
    """The answer for one image or slice."""

    heatmap: Heatmap | UnsetType = UNSET


Answer = ImageAnswer | SeriesAnswer | StudyAnswer | ErrorAnswer


class PredictionList(Struct):
    """Answers for images and slices in input order, then for series, then for studies."""

    predictions: list[Answer]


class Progress(Struct):
    """How far a job has come."""

    files: Annotated[Count | None, Meta(description="null until the job has begun")]
    files_done: Count
    slices_done: Count
    failed: Annotated[Count, Meta(description="Images or slices that could not be answered.")]


class SliceView(Struct):
    """What a viewer needs to show one slice of a job; ``index`` counts ``predictions``."""

    index: Count
    series: Annotated[Count | None, Meta(description="Slices with the same number form a series.")]
    rows: Positive
    columns: Positive
    spacing_mm: Annotated[Pair | None, Meta(description="row, column")]
    position_mm: Annotated[float | None, Meta(description="Along the slice normal.")]
    plane: Plane | None
    sides: Annotated[
        Annotated[list[SideLetter], Meta(min_length=2, max_length=2)] | None,
        Meta(description="Anatomical direction of the left and top edge."),
    ]
    study_instance_uid: StudyUid
    series_description: SeriesDescription
    value_range: Annotated[
        Pair,
        Meta(description="Values, in the file's own units, of gray 0 and 65535 at ?depth=16."),
    ]
    window: Annotated[Pair, Meta(description="Values shown black and white at ?depth=8.")]
    image: Annotated[
        str | None, Meta(description="Path of the picture; null if the job holds no pictures.")
    ]
    evidence: Annotated[str | None, Meta(description="Path of the evidence map.")]


class Job(Struct):
    """A job, its progress and its answers so far."""

    id: str
    state: JobState
    created: Annotated[str, Meta(description="ISO 8601, UTC")]
    expires: Expiry
    operating_point: str
    hold: Hold
    progress: Progress
    predictions: Annotated[list[Answer], Meta(description="From ``?after=`` on, in input order.")]
    slices: Annotated[list[SliceView], Meta(description="Of the images in ``predictions``.")]
    next: Annotated[Count, Meta(description="Value of ``?after=`` for what is still to come.")]
    notice: Notice


class JobSummary(Struct):
    """A job in a list, without its answers."""

    id: str
    state: JobState
    created: Annotated[str, Meta(description="ISO 8601, UTC")]
    expires: Expiry
    operating_point: str
    hold: Hold
    progress: Progress
    url: Annotated[str, Meta(description="Path of the job.")]


class JobList(Struct):
    """A page of jobs, the newest first."""

    jobs: list[JobSummary]
    next_cursor: Annotated[
        str | None, Meta(description="``?cursor=`` of the page that follows; null at the end.")
    ]


class ServiceLimits(Struct):
    """What one request may cost at most."""

    upload_bytes: Positive
    upload_files: Positive
    upload_slices: Positive
    job_bytes: Positive
    job_files: Positive
    job_slices: Positive
    file_bytes: Positive
    image_pixels: Positive
    volume_voxels: Positive
    hold_seconds: Count
    keep_seconds: Annotated[
        Count,
        Meta(description="For which a finished job can be fetched; 0: until it has been sent."),
    ]
    jobs: Annotated[Positive, Meta(description="That wait or run at once.")]


class Measured(Struct):
    """A share that was measured, with its 95 % interval."""

    estimate: Probability
    low: Probability
    high: Probability
    n_images: Count


class ConformalSets(Struct):
    """From which probability on a class stays in ``prediction_set``."""

    coverage: Annotated[
        Probability, Meta(description="Share of each class's scans whose set holds that class.")
    ]
    tumor: Probability
    no_tumor: Probability


class InputCheck(Struct):
    """What is rejected, and how often that was right."""

    kind: Annotated[str, Meta(description="What is measured: counterexamples, mahalanobis.")]
    threshold: Annotated[float, Meta(ge=0, description="A picture beyond it is rejected.")]
    rejected: Annotated[
        dict[str, Measured],
        Meta(description="Share of pictures rejected that show no brain MR image, by their kind."),
    ]
    rejected_brain_mr: Annotated[
        Measured | None, Meta(description="Share of the test split's brain MR images rejected.")
    ]


class ModelCard(Struct):
    """What the service's model says of itself."""

    model: ModelIdentity
    labels: list[ClassName]
    tumor_types: list[str]
    operating_points: Annotated[
        dict[str, Annotated[float, Meta(ge=0)]],
        Meta(description="Threshold of the tumor probability, by name; over 1, none is a tumor."),
    ]
    default_operating_point: str
    preprocessing: dict[str, Any]
    calibration: dict[str, float]
    conformal: Annotated[ConformalSets | None, Meta(description="null: every set holds one class.")]
    input_check: Annotated[InputCheck | None, Meta(description="null: nothing is rejected.")]
    card: Annotated[
        dict[str, Any], Meta(description="Training data, measurements, provenance and limits.")
    ]
    limits: ServiceLimits
    formats: list[str]
    notice: Notice


class Sample(Struct):
    """A bundled made-up scan."""

    name: str
    title: str
    kind: Literal["image", "series"]
    file_name: str
    media_type: str
    url: str


class SampleList(Struct):
    """The bundled samples; made by a program, nobody's scans."""

    samples: list[Sample]


class Health(Struct):
    """The process answers, or is ready to."""

    status: Literal["ok", "ready"]


class Problem(Struct):
    """RFC 9457 problem details, as ``application/problem+json``."""

    type: ProblemType
    title: str
    status: Annotated[int, Meta(ge=400, le=599)]
    detail: str
    request_id: str
    errors: list[ErrorAnswer] | UnsetType = UNSET
    retry_after: Annotated[Count, Meta(description="Seconds, as in Retry-After.")] | UnsetType = (
        UNSET
    )


PointName = Annotated[str, Meta(description="Named threshold of the model.", max_length=64)]
Threshold = Annotated[
    float,
    Meta(
        ge=0,
        le=1,
        description="Probability from which the outcome is tumor, in place of an operating "
        "point. It decides alone: the model does not abstain.",
    ),
]


class PredictionQuery(Struct):
    """Query of an image request."""

    heatmap: (
        Annotated[Literal["png"], Meta(description="Add the evidence over each image.")] | UnsetType
    ) = UNSET
    operating_point: PointName | UnsetType = UNSET
    threshold: Threshold | UnsetType = UNSET


class JobQuery(Struct):
    """Query of a new job."""

    operating_point: PointName | UnsetType = UNSET
    threshold: Threshold | UnsetType = UNSET
    hold: Annotated[
        int,
        Meta(
            ge=0,
            le=86_400,
            description="Seconds for which the finished job and its pictures are kept after the "
            "last look at them, cut to the service's limit. 0: no pictures; the answers are kept "
            "for ``limits.keep_seconds`` of the model's card.",
        ),
    ] = 0


class JobListQuery(Struct):
    """Query of a list of jobs."""

    limit: Annotated[int, Meta(ge=1, le=100, description="Most jobs in one answer.")] = 20
    cursor: (
        Annotated[
            str,
            Meta(
                max_length=128,
                description="``next_cursor`` of the page before.",
            ),
        ]
        | UnsetType
    ) = UNSET


class JobProgressQuery(Struct):
    """Query of a job's state."""

    after: Annotated[
        int, Meta(ge=0, le=2**31 - 1, description="Leave out this many answers that are known.")
    ] = 0


class PictureQuery(Struct):
    """Query of a slice's picture."""

    depth: Annotated[
        Literal["8", "16"],
        Meta(description="8: windowed for display; 16: all gray values, see value_range."),
    ] = "8"


class Upload(Struct):
    """Multipart body: scans under the field ``file``, which may be repeated."""

    file: Annotated[
        list[Annotated[Any, Meta(extra_json_schema={"type": "string", "format": "binary"})]],
        Meta(min_length=1),
    ]
