"""Pictures that are no brain MR images: photographs, X-rays, CT and MR of other parts."""

from typing import Final

from tumorscope.data.sources.source import Source

NOT_BRAIN_MR: Final = Source(
    name="not_brain_mr", origin="BSDS500 and Medical-MNIST", has_brains=False
)
