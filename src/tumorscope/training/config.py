"""Every number a training run depends on, with the reason beside it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Final, Literal, get_args

from tumorscope.errors import UsageError

Precision = Literal["auto", "float32", "bfloat16"]
FrozenArithmetic = Literal["int8", "float32"]

FINE_TUNE_FROM: Final = ("block4_conv1", "block4_conv2", "block4_conv3", "block5_conv1")
"""Where fine-tuning may begin: the evidence map needs block 4 whole and block 5 trained."""

LEAST: Final = {
    "max_per_cell": 0,
    "views": 1,
    "fine_tune_epochs": 1,
    "patience": 0,
    "batch_size": 1,
}

MIN_WIDTH: Final = 0.125
"""Eight filters in the first block."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of one training run; stored in the run and in the artifact.

    Parameters
    ----------
    seed
        Of every random draw: head initialisation, order, augmentation, dropout.
    fine_tune_from
        First layer of VGG16 that is trained; what lies before it is computed once and kept.
    frozen_arithmetic
        Arithmetic of the layers that are not trained; ``int8`` is what the exported model uses.
    width
        Share of VGG16's filters that each convolution keeps, the first one half of that; below 1
        for weights that ``tumorscope prune`` made.
    max_per_cell
        Most training images that are taken of one cell: source, sequence, plane and class. They
        are spread over its groups. 0 takes all.
    views
        Augmented copies of each training image. Epoch ``e`` sees view ``e % views``.
    frozen_epochs, fine_tune_epochs
        Length of the two stages: new head on the frozen base, then the layers from
        ``fine_tune_from`` on with it.
    patience
        Epochs without a better validation loss after which fine-tuning stops, and the best is
        kept; 0 to train all epochs and keep the last, whatever the validation loss.
    batch_size
        Images per optimizer step.
    frozen_learning_rate, fine_tune_learning_rate
        Peak rates of Adam (Kingma 2015); the second decays to zero by a cosine.
    dropout
        Share of VGG16 feature channels dropped before the head.
    l2
        L2 penalty on the kernels of the head.
    mask_weight, type_weight
        Weight of the evidence-map and of the tumor-type loss beside the tumor loss.
    outside_weight
        Weight of the loss that takes what lies outside of a tumor's mask for an image without
        tumor, while what lies inside answers for the image's label. With 0, or with a teacher,
        the whole image answers for it.
    teacher_weight
        Share of the tumor and evidence targets that a teacher says, where one is given; what is
        labelled says the rest. The place of a tumor without a mask the teacher alone says.
    label_smoothing
        Share of the tumor label that is spread, against labels that are wrong.
    pooling_sharpness
        Sharpness of the log-sum-exp pooling: towards 0 the mean, towards infinity the maximum.
    min_tumor_fraction
        A tumor whose mask covers less of the canvas teaches its place but not the image label.
    ema_momentum
        Momentum of the running mean of the weights that is validated and exported; less where
        the mean would look back over more than one epoch.
    precision
        ``bfloat16`` computes with bfloat16 and keeps float32 weights; ``auto`` takes it where
        the processor has bfloat16 instructions.
    """

    seed: int = 0
    fine_tune_from: str = "block4_conv1"
    frozen_arithmetic: FrozenArithmetic = "int8"
    width: float = 1.0
    max_per_cell: int = 0
    views: int = 5
    frozen_epochs: int = 1
    fine_tune_epochs: int = 10
    patience: int = 3
    batch_size: int = 32
    frozen_learning_rate: float = 1e-3
    fine_tune_learning_rate: float = 1e-4
    dropout: float = 0.3
    l2: float = 1e-4
    mask_weight: float = 1.0
    type_weight: float = 0.3
    outside_weight: float = 0.5
    teacher_weight: float = 0.7
    label_smoothing: float = 0.02
    pooling_sharpness: float = 2.0
    min_tumor_fraction: float = 0.001
    ema_momentum: float = 0.995
    precision: Precision = "auto"

    def __post_init__(self) -> None:
        for name, least in LEAST.items():
            if getattr(self, name) < least:
                raise UsageError(
                    f"{name} must be at least {least}; received {getattr(self, name)}."
                )
        if self.fine_tune_from not in FINE_TUNE_FROM:
            raise UsageError(
                f"fine_tune_from must be one of {', '.join(FINE_TUNE_FROM)}; "
                f"received {self.fine_tune_from!r}."
            )
        for name, allowed in (("precision", Precision), ("frozen_arithmetic", FrozenArithmetic)):
            if getattr(self, name) not in get_args(allowed):
                raise UsageError(
                    f"{name} must be one of {', '.join(get_args(allowed))}; "
                    f"received {getattr(self, name)!r}."
                )
        if not 0 <= self.dropout < 1:
            raise UsageError(f"dropout must lie in [0, 1); received {self.dropout}.")
        if not MIN_WIDTH <= self.width <= 1:
            raise UsageError(f"width must lie in [{MIN_WIDTH}, 1]; received {self.width}.")
        if not 0 <= self.teacher_weight <= 1:
            raise UsageError(f"teacher_weight must lie in [0, 1]; received {self.teacher_weight}.")

    @property
    def epochs(self) -> int:
        """Epochs of both stages together."""
        return self.frozen_epochs + self.fine_tune_epochs

    def to_dict(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> TrainConfig:
        """Rebuild from :meth:`to_dict`; an unknown setting is refused by name."""
        unknown = sorted(set(values) - {field.name for field in dataclasses.fields(cls)})
        if unknown:
            raise UsageError(f"Unknown training setting(s): {', '.join(unknown)}.")
        return cls(**values)
