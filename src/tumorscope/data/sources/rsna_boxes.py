"""Slices of glioblastomas with contrast, without a skull, with boxes."""

from typing import Final

from tumorscope.data.sources.source import Source

RSNA_BOXES: Final = Source(
    name="rsna_boxes",
    origin="RSNA-MICCAI 2021; boxes of Broberts",
    plane_pattern=r"/(ax|co|sa)_",
    has_boxes=True,
)
