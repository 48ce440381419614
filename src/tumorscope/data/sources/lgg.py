"""TCGA-LGG slices with FLAIR abnormality masks."""

from typing import Final

from tumorscope.data.sources.source import Source

LGG: Final = Source(
    name="lgg",
    origin=(
        "The Cancer Genome Atlas, lower-grade glioma; slices and masks of Buda et al. 2019, "
        "doi 10.1016/j.compbiomed.2019.05.002"
    ),
    plane="axial",
    # TCGA barcode: project, tissue source site, participant.
    site_pattern=r"TCGA_([A-Z0-9]{2})_[A-Z0-9]{4}",
)
