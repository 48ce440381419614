"""What is not a brain MR image is turned away."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Final

REJECTION: Final = (
    "The image differs too much from the brain MR images that the model was trained on."
)

BLANK: Final = "The slice is blank: all its pixels have the same value."

ANSWERED_MODALITIES: Final = frozenset({"MR", "OT"})
"""Values of DICOM ``Modality`` (PS3.3 C.7.3.1.1.1) that may hold a brain MR image: magnetic
resonance, and "other", which converted pictures carry."""


FOREIGN_BODY_PARTS: Final = frozenset(
    """
    ABDOMEN ABDOMENPELVIS ACJOINT ANKLE AORTA ARM BILEDUCT BLADDER BREAST BRONCHUS BUTTOCK
    CALCANEUS CALF CHEST CHESTABDOMEN CHESTABDPELVIS CLAVICLE COCCYX COLON CORONARYARTERY DUODENUM
    ELBOW ESOPHAGUS EXTREMITY FEMUR FINGER FOOT FOREARM GALLBLADDER HAND HEART HIP HUMERUS ILEUM
    ILIUM JEJUNUM KIDNEY KNEE LEG LIVER LSPINE LSSPINE LUMBARSPINE LUNG MEDIASTINUM OVARY PANCREAS
    PATELLA PELVIS PENIS PROSTATE RADIUS RADIUSULNA RECTUM RIB SACRUM SCAPULA SCROTUM SHOULDER
    SIJOINT SPLEEN SSPINE STERNUM STOMACH TESTIS THIGH THORAX THUMB TIBIAFIBULA TLSPINE TOE TSPINE
    UPPERARM URETER UTERUS VAGINA WRIST
    """.split()  # noqa: SIM905  one line a term would hide the rest of the module
)
"""Defined terms of ``BodyPartExamined`` (PS3.16 Annex L) for what lies clearly below the neck. Not
here: head, neck and what they hold, the cervical spine, which is scanned with the head in one
session, and the whole body."""


def foreign_header(modality: str | None, body_part: str | None) -> str | None:
    """Return why a picture with this DICOM header is turned away, or ``None``.

    Parameters
    ----------
    modality
        DICOM ``Modality``; ``None`` where there is none.
    body_part
        ``BodyPartExamined`` or the meaning of the anatomic region, in capitals; ``None`` where
        there is none.

    Notes
    -----
    Headers are often wrong or empty: that one says ``BRAIN`` lets no picture in. Only a term that
    clearly names another part keeps one out; what is silent or unknown here is left to the
    network's own input check. Descriptions of study and series are free text and are not looked at.
    """
    if modality and modality not in ANSWERED_MODALITIES:
        return f"The DICOM header gives the modality {modality}; only MR images are classified."
    term = "".join(filter(str.isalpha, body_part or ""))
    if term in FOREIGN_BODY_PARTS:  # so nothing else that the field may hold is ever quoted
        return f"The DICOM header gives the body part {term}; only the brain is classified."
    return None


@dataclass(frozen=True, slots=True)
class InputCheck:
    """Largest novelty of a picture that is still answered.

    Attributes
    ----------
    threshold
        On the graph's output ``novelty``, at least 0. What that measures of a picture the graph
        alone knows; the card's ``gate`` has a word for it.
    """

    threshold: float

    def rejects(self, novelty: float) -> bool:
        """Tell whether a picture is too far from the training scans to be answered."""
        return not novelty <= self.threshold

    def to_dict(self) -> dict[str, float]:
        """Return the input check as stored in a manifest."""
        return asdict(self)
