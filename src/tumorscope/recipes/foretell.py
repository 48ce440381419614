"""An honest word before a training starts: from how much, for how long, and what to expect."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from tumorscope.data.check import (
    count_classes,
    count_groups,
    expected_uncertainty,
    too_few_to_calibrate,
)
from tumorscope.data.manifest import ManifestRow
from tumorscope.labels import SPLITS, Split
from tumorscope.training.config import TrainConfig

PRESETS: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "quick": {
            "views": 2,
            "frozen_epochs": 0,
            "fine_tune_from": "block5_conv1",
            "fine_tune_epochs": 3,
            "fine_tune_learning_rate": 5e-5,
            "max_per_cell": 200,
        },
        "standard": {
            "views": 3,
            "frozen_epochs": 0,
            "fine_tune_epochs": 5,
            "fine_tune_learning_rate": 5e-5,
        },
        "full": {},
    }
)
"""Settings by name. Quick and standard continue from the embedded model, at a low rate for little
must be unlearned, quick in block 5 alone (decision 0109); full trains from ImageNet's weights."""

FEWEST_TO_FINE_TUNE: Final = 400
"""Training images below which fine-tuning rarely beats recalibrating."""

FROZEN_SECONDS: Final = 0.03
TRAINED_SECONDS: Final = {"block4": 0.16, "block5": 0.05}
EXPORT_SECONDS: Final = {"quick": 150.0, "standard": 420.0, "full": 420.0}
"""On two cores with AVX-512: for a frozen map, a training step of an image, and export. Frozen
maps and steps of block 4 are measured (decision 0004, studies/training-run.md); steps of block 5
alone and the quick export are estimates."""

SLOWEST: Final = 2.8
"""How many times as long it takes on two cores with AVX2 alone: 240 training images by the preset
quick took 563 s there, of 202 foretold (decision 0109)."""


def expected_hours(train: int, val: int, config: TrainConfig, preset: str) -> float:
    """Return the hours that training and export take on two cores with AVX-512."""
    maps = train * config.views + val
    steps = train * config.epochs
    seconds = maps * FROZEN_SECONDS + steps * TRAINED_SECONDS[config.fine_tune_from[:6]]
    return (seconds + EXPORT_SECONDS[preset]) / 3600


def foretell(
    rows: Sequence[ManifestRow],
    seen: Mapping[Split, Sequence[ManifestRow]],
    config: TrainConfig,
    *,
    preset: str | None,
) -> Iterator[str]:
    """Yield what a user should know before the training starts.

    Parameters
    ----------
    rows
        Of all sides.
    seen
        Rows of ``train`` and ``val`` that the training takes.
    """
    labeled = [row for row in rows if row.tumor is not None]
    sides = {side: [row for row in labeled if row.split == side] for side in SPLITS}
    for side, some in sides.items():
        if some and side != "excluded":
            tumors, free = count_classes(some)
            groups = len({row.group_id for row in some})
            yield f"{side}: {tumors} images with and {free} without tumor, {groups} groups"
    hours = expected_hours(len(seen["train"]), len(seen["val"]), config, preset or "full")
    yield f"Training and export take about {_range(hours)} on two cores, by the processor."
    measured = sides["test"] or sides["external"]
    if measured:
        yield f"On {'test' if sides['test'] else 'external'}: {expected_uncertainty(measured)}."
    yield from _warnings(sides, len(seen["train"]))


def _range(hours: float) -> str:
    """Return the time on a processor with AVX-512 and on one without, in words."""
    if hours >= 1:
        return f"{hours:.1f} to {SLOWEST * hours:.1f} hours"
    minutes = [max(1, round(60 * one)) for one in (hours, SLOWEST * hours)]
    return f"{minutes[0]} to {minutes[1]} minutes"


def _warnings(sides: Mapping[Split, Sequence[ManifestRow]], train: int) -> Iterator[str]:
    if train < FEWEST_TO_FINE_TUNE:
        with_tumor, without = count_groups(sides["train"])
        yield (
            f"{train} training images of {with_tumor} groups with and {without} without tumor are "
            "few: the result cannot be trusted, and fine-tuning rarely beats recalibrating. "
            "'tumorscope calibrate SOURCE --output FILE' takes minutes; compare both."
        )
    short = too_few_to_calibrate(sides["calibration"])
    if short is not None:
        yield (
            f"The calibration side is too small ({short}): the exported model will keep the "
            "probabilities of the model it starts from, where there is one, and draw no new "
            "prediction sets."
        )
