"""From a probability to an outcome."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.labels import ClassName, Outcome
from tumorscope.model.conformal import Conformal
from tumorscope.operating_point import NEUTRAL, OperatingPoint, decides_alone


@dataclass(frozen=True, slots=True)
class DecisionRule:
    """When an image or a series is called tumor, and when nothing is called.

    Attributes
    ----------
    threshold
        Of the operating point: from this probability on the outcome is ``tumor``.
    conformal
        ``None``: the outcome is the only plausible class, whatever the probability.
    is_neutral
        Whether the operating point prefers neither error. One that does, as ``rule_out`` and
        ``rule_in``, calls what its name asks for also where that is not plausible.
    name
        Of the operating point. One named ``custom`` is a threshold that the user gave, one such as
        ``sensitivity_0.95`` holds what it says: they decide alone, and the prediction set stands
        beside the outcome.
    """

    threshold: float
    conformal: Conformal | None = None
    is_neutral: bool = True
    name: str = NEUTRAL

    @classmethod
    def at(cls, point: OperatingPoint, conformal: Conformal | None) -> DecisionRule:
        """Return the rule of an operating point."""
        return cls(point.threshold, conformal, point.name == NEUTRAL, point.name)

    @property
    def point(self) -> OperatingPoint:
        """The operating point that decides."""
        return OperatingPoint(self.name, self.threshold)

    def decide(self, probability: float) -> tuple[Outcome, tuple[ClassName, ...], tuple[str, ...]]:
        """Decide for a probability of tumor.

        Parameters
        ----------
        probability
            Calibrated, in [0, 1].

        Returns
        -------
        outcome, prediction_set, reasons
            The model abstains where its prediction set holds both classes or none, and, at a
            neutral operating point, where it holds the other class than the one to be called. It
            never abstains at a threshold that the user gave.
        """
        called: ClassName = "tumor" if probability >= self.threshold else "no_tumor"
        if self.conformal is None:
            return called, (called,), ()
        plausible = self.conformal.prediction_set(probability)
        if decides_alone(self.name):
            return called, plausible, ()
        doubt = self.conformal.doubt(probability)
        if doubt is None and self.is_neutral and called not in plausible:
            doubt = self._contradiction(called, self.conformal.coverage)
        return ("abstain", plausible, (doubt,)) if doubt else (called, plausible, ())

    def _contradiction(self, called: Outcome, coverage: float) -> str:
        only, side = ("No tumor", "reaches") if called == "tumor" else ("Tumor", "lies below")
        return (
            f"{only} alone is plausible at {coverage:.0%} coverage, but the probability {side} the "
            f"threshold of {self.threshold:.2f}."
        )
