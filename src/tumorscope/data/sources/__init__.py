"""Collections as documented objects; one that is not listed is its own single site."""

from __future__ import annotations

from typing import Final

from tumorscope.data.sources.btp_volumes import BTP_VOLUMES
from tumorscope.data.sources.figshare import FIGSHARE
from tumorscope.data.sources.lgg import LGG
from tumorscope.data.sources.source import Source
from tumorscope.data.sources.tumor_free_volumes import TUMOR_FREE_VOLUMES

SOURCES: Final = {
    source.name: source for source in (BTP_VOLUMES, FIGSHARE, LGG, TUMOR_FREE_VOLUMES)
}


def source_of(name: str) -> Source:
    """Return the documented source of a set, or a plain one that knows only its name."""
    return SOURCES.get(name) or Source(name)
