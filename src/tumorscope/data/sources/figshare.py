"""Contrast-enhanced T1 slices of three tumor types."""

from typing import Final

from tumorscope.data.sources.source import Source

FIGSHARE: Final = Source(
    name="figshare",
    origin="Cheng et al. 2015, doi 10.6084/m9.figshare.1512427",
    licence="CC BY 4.0",
    # 193 identifiers, 174 persons: a letter after the same number (MR029209E, MR029209G) marks
    # further pictures of one person. All 16 pairs of pictures that are almost the same (thumbnail
    # correlation >= 0.98) under two identifiers differ in that letter only.
    person_pattern=r"(MR\d{6})[A-Z]",
)
