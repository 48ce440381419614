"""Series of coronal slices with contrast, through the sella."""

from typing import Final

from tumorscope.data.sources.source import Source

TIANTAN: Final = Source(
    name="tiantan",
    origin="Beijing Tiantan Hospital, from VGuoGavin's repository",
    plane="coronal",
)
