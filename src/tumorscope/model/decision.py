"""From a probability to an outcome."""

from __future__ import annotations

from dataclasses import dataclass

from tumorscope.labels import Outcome
from tumorscope.model.conformal import Conformal


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
    """

    threshold: float
    conformal: Conformal | None = None
    is_neutral: bool = True

    def decide(self, probability: float) -> tuple[Outcome, tuple[str, ...], tuple[str, ...]]:
        """Decide for a probability of tumor.

        Parameters
        ----------
        probability
            Calibrated, in [0, 1].

        Returns
        -------
        outcome, prediction_set, reasons
            The model abstains where its prediction set holds both classes or none, and, at a
            neutral operating point, where it holds the other class than the one to be called.
        """
        called: Outcome = "tumor" if probability >= self.threshold else "no_tumor"
        if self.conformal is None:
            return called, (called,), ()
        doubt = self.conformal.doubt(probability)
        plausible = self.conformal.prediction_set(probability)
        if doubt is None and self.is_neutral and called not in plausible:
            doubt = self._contradiction(called, self.conformal.coverage)
        return ("abstain", plausible, (doubt,)) if doubt else (called, plausible, ())

    def _contradiction(self, called: Outcome, coverage: float) -> str:
        only, side = ("No tumor", "reaches") if called == "tumor" else ("Tumor", "lies below")
        return (
            f"{only} alone is plausible at {coverage:.0%} coverage, but the probability {side} the "
            f"threshold of {self.threshold:.2f}."
        )
