"""Operating points: thresholds with a name, and the order that their names promise."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta, Struct

from tumorscope.errors import UsageError

NEUTRAL: Final = "balanced"
"""The operating point that prefers neither error, and the default."""

RULE_OUT: Final = "rule_out"
RULE_IN: Final = "rule_in"

CUSTOM: Final = "custom"
"""Name of a threshold that the user gives."""


_PROMISED: Final = re.compile(r"(sensitivity|specificity|ppv)_0\.\d+")
"""Names of the points that ``calibrate`` adds, each with what it holds."""


def decides_alone(name: str) -> bool:
    """Tell whether the model never abstains at a point: what it promises is of every image."""
    return name == CUSTOM or _PROMISED.fullmatch(name) is not None


class OperatingPoint(Struct, frozen=True):
    """What decided: from this probability of a tumor on the outcome is tumor."""

    name: Annotated[
        str,
        Meta(
            description="Name of the operating point; `custom` for a threshold that the user gave.",
            extra={"columns": {"operating_point": None}},
        ),
    ]
    threshold: Annotated[
        float, Meta(ge=0, description="Probability of a tumor from which on the outcome is tumor.")
    ]

    def to_dict(self) -> dict[str, Any]:
        """Return the ``operating_point`` object of an answer."""
        values: dict[str, Any] = msgspec.to_builtins(self)
        return values


def ordered(points: Mapping[str, float]) -> dict[str, float]:
    """Put operating points in order: ``rule_out <= balanced <= rule_in``.

    A lower ``rule_out`` misses no more tumors and a higher ``rule_in`` calls no more tumor-free
    scans tumor, so that both keep what they promise; ``balanced`` stays. Others stay, too.
    """
    after = dict(points)
    if NEUTRAL in after and RULE_OUT in after:
        after[RULE_OUT] = min(after[RULE_OUT], after[NEUTRAL])
    if NEUTRAL in after and RULE_IN in after:
        after[RULE_IN] = max(after[RULE_IN], after[NEUTRAL])
    return after


def listed(points: Mapping[str, float]) -> list[tuple[str, float]]:
    """List operating points from the lowest threshold up; equal ones in the order of the names."""
    names = (RULE_OUT, NEUTRAL, RULE_IN)

    def key(point: tuple[str, float]) -> tuple[float, int]:
        return point[1], names.index(point[0]) if point[0] in names else len(names)

    return sorted(points.items(), key=key)


def choose(
    points: Mapping[str, float], name: str | None, threshold: float | None
) -> OperatingPoint:
    """Return the point of that name, or of that threshold, or the neutral one.

    Raises
    ------
    UsageError
        If there is no point of that name, the threshold is no probability, or both are given.
    """
    if threshold is not None:
        if name is not None:
            raise UsageError(
                f"Give an operating point or a threshold, not both; received {name!r} and "
                f"{threshold}."
            )
        if not (isinstance(threshold, (int, float)) and 0 <= threshold <= 1):  # nor NaN
            raise UsageError(
                f"A threshold is a probability of tumor, from 0 to 1; received {threshold!r}."
            )
        return OperatingPoint(CUSTOM, float(threshold))
    name = NEUTRAL if name is None else name
    if name not in points:
        raise UsageError(
            f"The model has no operating point {name!r}; it has {', '.join(sorted(points))}. "
            "A threshold of your own is given as such."
        )
    return OperatingPoint(name, points[name])
