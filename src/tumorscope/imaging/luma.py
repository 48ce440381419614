"""What a color counts for in gray."""

from __future__ import annotations

from typing import Final

import numpy as np

LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)
"""Weights of red, green and blue. ITU-R BT.601, which Pillow's conversion to ``L`` uses as well."""
