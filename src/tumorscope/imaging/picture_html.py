"""Pictures inside HTML, as notebooks and single-file reports show them."""

from __future__ import annotations

import base64
import html
from typing import TYPE_CHECKING, Final

import numpy as np

from tumorscope.imaging.png import encode_png

if TYPE_CHECKING:
    import PIL.Image

HEIGHT_PIXELS: Final = 224


def image_tag(picture: PIL.Image.Image, alt: str, *, height: int = HEIGHT_PIXELS) -> str:
    """Return an ``img`` element that holds the picture, ``height`` pixels high."""
    content = base64.b64encode(encode_png(np.asarray(picture))).decode("ascii")
    return (
        f'<img alt="{html.escape(alt)}" height="{height}" src="data:image/png;base64,{content}"> '
    )
