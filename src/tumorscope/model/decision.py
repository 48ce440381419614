"""From a probability to an outcome."""

from __future__ import annotations

from tumorscope.labels import Outcome
from tumorscope.model.conformal import Conformal


def decide(
    probability: float, *, threshold: float, conformal: Conformal | None
) -> tuple[Outcome, tuple[str, ...], tuple[str, ...]]:
    """Decide for a probability of tumor.

    Parameters
    ----------
    probability
        Calibrated, in [0, 1].
    threshold
        Of the operating point: from here on the outcome is ``tumor``.
    conformal
        ``None``: the outcome is the only plausible class, whatever the probability.

    Returns
    -------
    outcome, prediction_set, reasons
        The model abstains where its prediction set holds both classes or none. A set of one
        class says what is plausible at the stated coverage; the operating point alone decides
        between tumor and no tumor, so that ``rule_out`` and ``rule_in`` keep their meaning.
    """
    called: Outcome = "tumor" if probability >= threshold else "no_tumor"
    if conformal is None:
        return called, (called,), ()
    doubt = conformal.doubt(probability)
    plausible = conformal.prediction_set(probability)
    return ("abstain", plausible, (doubt,)) if doubt else (called, plausible, ())
