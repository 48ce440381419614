"""Slices of glioblastomas in many sequences."""

from typing import Final

from tumorscope.data.sources.source import Source

TCGA_GBM: Final = Source(
    name="tcga_gbm",
    origin="The Cancer Genome Atlas, glioblastoma (TCIA)",
    plane_pattern=r"/(AX|CO|SA)(?:R|G)?_",
)
