"""Slices of BraTS volumes in four sequences, without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

BRATS_VOLUMES: Final = Source(
    name="brats_volumes",
    origin="BraTS 2018, from HiNet's repository",
    plane="axial",
)
