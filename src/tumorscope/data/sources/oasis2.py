"""T1 slices of elderly people without a tumor, without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

OASIS2: Final = Source(
    name="oasis2",
    origin="OASIS-2",
    plane_pattern=r"_(ax|co|sa)[lrg]\.",
)
