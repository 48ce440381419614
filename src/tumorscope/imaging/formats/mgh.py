"""MGH files of FreeSurfer, ``.mgh`` and, as a gzip stream, ``.mgz``."""

from __future__ import annotations

import io
from typing import Final

import numpy as np

from tumorscope.errors import CorruptImageError
from tumorscope.imaging.formats.volume import (
    Volume,
    check_grey,
    check_shape,
    choose_volume,
    damaged_as_corrupt,
    is_usable,
    make_volume,
)
from tumorscope.imaging.limits import Limits

_HEADER_BYTES: Final = 284


def load_mgh(content: bytes, limits: Limits) -> Volume:
    """Load one volume of a file.

    Raises
    ------
    ImageError
        If the file is damaged or over a limit.
    """
    with damaged_as_corrupt("MGH", "nibabel.global"):
        return _load(content, limits)


def _load(content: bytes, limits: Limits) -> Volume:
    from nibabel.freesurfer.mghformat import MGHHeader

    header = MGHHeader.from_fileobj(io.BytesIO(content), check=False)
    width, height, depth, count = (int(side) for side in header["dims"])
    check_shape((width, height, depth, count), limits, "MGH")
    dtype = header.get_data_dtype()
    check_grey(dtype, "MGH")
    size = width * height * depth
    needed = size * count * dtype.itemsize
    if _HEADER_BYTES + needed > len(content):
        raise CorruptImageError(
            f"The MGH file ends after {len(content):,} of {_HEADER_BYTES + needed:,} bytes; it is "
            "truncated."
        )
    values = np.frombuffer(content, dtype, size * count, _HEADER_BYTES)
    stacked = values.reshape((width, height, depth, count), order="F")
    voxels, notes = choose_volume(count, lambda number: stacked[..., number])
    sizes = [float(one) for one in header["delta"]]
    affine = np.array(header["Mdc"], np.float64).T * sizes if header["goodRASFlag"] == 1 else None
    return make_volume(voxels, affine if is_usable(affine) else None, sizes, notes)
