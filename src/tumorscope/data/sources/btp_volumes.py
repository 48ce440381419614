"""Contrast-enhanced T1 volumes of the Brain-Tumor-Progression collection."""

from typing import Final

from tumorscope.data.sources.source import Source

BTP_VOLUMES: Final = Source(
    name="btp_volumes",
    origin="Brain-Tumor-Progression, TCIA, doi 10.7937/K9/TCIA.2018.15quzvnb",
    licence="CC BY 3.0",
    # The header claims a spacing of (1, 1, 1) mm; 24 axial slices cover the head.
    planes={"T1+C": ("axial",)},
)
