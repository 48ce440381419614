"""Which classes remain plausible: class-conditional conformal prediction sets."""

from __future__ import annotations

from dataclasses import asdict, dataclass

from tumorscope.labels import CLASSES, ClassName


@dataclass(frozen=True, slots=True)
class Conformal:
    """Smallest probability at which a class stays in the prediction set.

    Attributes
    ----------
    coverage
        Share of scans of each class whose set holds that class, in (0, 1), for scans that are
        exchangeable with those of the calibration split (Vovk 2012, arXiv 1209.2673).
    tumor, no_tumor
        The class is in the set where its calibrated probability reaches this, in [0, 1].
    """

    coverage: float
    tumor: float
    no_tumor: float

    def prediction_set(self, probability: float) -> tuple[ClassName, ...]:
        """Return the plausible classes for a probability of tumor, in the order of CLASSES."""
        plausible = (probability >= self.tumor, 1 - probability >= self.no_tumor)
        return tuple(name for name, is_in in zip(CLASSES, plausible, strict=True) if is_in)

    def doubt(self, probability: float) -> str | None:
        """Say in words why the set does not settle on one class; ``None`` if it does."""
        plausible = self.prediction_set(probability)
        if len(plausible) == 1:
            return None
        if plausible:
            return f"Tumor and no tumor are both plausible at {self.coverage:.0%} coverage."
        return (
            f"Neither is plausible at {self.coverage:.0%} coverage: the probability lies between "
            "those of the calibration scans with and without tumor."
        )

    def to_dict(self) -> dict[str, float]:
        """Return the thresholds as stored in a manifest."""
        return asdict(self)
