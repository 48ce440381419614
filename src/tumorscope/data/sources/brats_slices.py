"""FLAIR slices of the BraTS challenges, without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

BRATS_SLICES: Final = Source(
    name="brats_slices",
    origin="BraTS 2021 and 2023",
    plane="axial",
)
