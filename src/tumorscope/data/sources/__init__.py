"""Collections as documented objects; one that is not listed is its own single site."""

from __future__ import annotations

from typing import Final

from tumorscope.data.sources.brats_slices import BRATS_SLICES
from tumorscope.data.sources.brats_volumes import BRATS_VOLUMES
from tumorscope.data.sources.btp_volumes import BTP_VOLUMES
from tumorscope.data.sources.ds002748 import DS002748
from tumorscope.data.sources.figshare import FIGSHARE
from tumorscope.data.sources.lgg import LGG
from tumorscope.data.sources.not_brain_mr import NOT_BRAIN_MR
from tumorscope.data.sources.oasis2 import OASIS2
from tumorscope.data.sources.open_ms import OPEN_MS
from tumorscope.data.sources.rsna_boxes import RSNA_BOXES
from tumorscope.data.sources.soop import SOOP
from tumorscope.data.sources.source import Source
from tumorscope.data.sources.tcga_gbm import TCGA_GBM
from tumorscope.data.sources.tiantan import TIANTAN
from tumorscope.data.sources.tumor_free_volumes import TUMOR_FREE_VOLUMES

SOURCES: Final = {
    source.name: source
    for source in (
        BRATS_SLICES,
        BRATS_VOLUMES,
        BTP_VOLUMES,
        DS002748,
        FIGSHARE,
        LGG,
        NOT_BRAIN_MR,
        OASIS2,
        OPEN_MS,
        RSNA_BOXES,
        SOOP,
        TCGA_GBM,
        TIANTAN,
        TUMOR_FREE_VOLUMES,
    )
}


def source_of(name: str) -> Source:
    """Return the documented source of a set, or a plain one that knows only its name."""
    return SOURCES.get(name) or Source(name)
