"""Volumes of elderly subjects without a tumor, some with white-matter changes."""

from typing import Final

from tumorscope.data.sources.source import Source

TUMOR_FREE_VOLUMES: Final = Source(
    name="tumor_free_volumes",
    origin="NiChart demonstration set",
    # FLAIR was acquired in thick axial slices and resampled to 2 mm; T1 is true 3-D.
    planes={"FLAIR": ("axial",), "T1": ("axial", "coronal", "sagittal")},
)
