"""FLAIR slices of patients with a stroke, without a skull."""

from typing import Final

from tumorscope.data.sources.source import Source

SOOP: Final = Source(
    name="soop",
    origin="Stroke Outcome Optimization Project, OpenNeuro ds004889",
    plane="axial",
)
