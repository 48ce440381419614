"""Slices of patients with multiple sclerosis, with and without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

OPEN_MS: Final = Source(
    name="open_ms",
    origin="Lesjak et al., Laboratory of Imaging Technologies, Ljubljana",
    plane_pattern=r"_(ax|co|sa)\d",
)
