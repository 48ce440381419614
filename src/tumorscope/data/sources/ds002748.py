"""T1 slices of adults without a tumor, without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

DS002748: Final = Source(
    name="ds002748",
    origin="OpenNeuro ds002748",
    licence="CC0",
    plane_pattern=r"_(ax|co|sa)\d",
)
