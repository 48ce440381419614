"""Small descriptions of a picture, by which copies of it are found.

Two 32 x 32 thumbnails are taken: of the whole picture as it is, which survives a wrong crop, and
of the square around its foreground, which survives padding and cropping. The square is found here
and not by the network's preprocessing, so that groups and splits stay what they are when that is
improved.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.errors import ImageContentError
from tumorscope.imaging.preprocess import MIN_SIDE, check_picture

THUMBNAIL_SIDE: Final = 32
SKETCH_BITS: Final = 256
"""Of one thumbnail's sketch: a standard deviation of 4 bits for what correlates by 0.98."""

ORIENTATIONS: Final = 8
"""Four quarter turns of the picture, and four of its mirror image."""

_HASH_SIDE: Final = 8  # 8 x 8 low frequencies of a 32 x 32 picture: the usual 64-bit pHash
_FOREGROUND: Final = 0.08  # of the way from the 1st to the 99th percentile: above the noise of air
_LINE: Final = 0.04  # of a row or column: more than a one-pixel frame or a burnt-in letter


@dataclass(frozen=True, slots=True, eq=False)
class Descriptors:
    """Thumbnails of a list of pictures.

    Attributes
    ----------
    plain
        Shape (n, 32, 32), float32: the whole picture, stretched to a square.
    foreground
        Shape (n, 32, 32), float32: the foreground, with its aspect kept.
    blank
        Shape (n,), bool: nothing to see, both thumbnails are 0; see :func:`is_blank`.
    """

    plain: NDArray[np.float32]
    foreground: NDArray[np.float32]
    blank: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.plain)


def describe(pictures: Iterable[NDArray[np.float32]]) -> Descriptors:
    """Measure pictures of shape (rows, columns); one at a time, so that an iterator will do."""
    pairs = [_thumbnails(pixels) for pixels in pictures]
    shape = (len(pairs), THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    plain = np.array([whole for whole, _ in pairs], dtype=np.float32).reshape(shape)
    return Descriptors(
        plain=plain,
        foreground=np.array([part for _, part in pairs], dtype=np.float32).reshape(shape),
        blank=np.logical_not(plain.any(axis=(1, 2))),
    )


def join_descriptors(parts: Sequence[Descriptors]) -> Descriptors:
    """Put descriptors of several lists of pictures, at least one, after each other."""
    return Descriptors(
        plain=np.concatenate([one.plain for one in parts]),
        foreground=np.concatenate([one.foreground for one in parts]),
        blank=np.concatenate([one.blank for one in parts]),
    )


def is_blank(pixels: NDArray[np.float32]) -> bool:
    """Tell whether a picture of shape (rows, columns) shows nothing that could be analyzed.

    That is one that :func:`~tumorscope.imaging.preprocess.check_picture` refuses, or one of whole
    grey levels whose thumbnail's standard deviation is under one level. Of the 12,641 pictures
    this was measured on, the 17 blank ones have at most 0.2, the others at least 3.7.
    """
    try:
        check_picture(pixels)
    except ImageContentError:
        return True
    return bool(_shrink(pixels).std() < 1 and (pixels == np.rint(pixels)).all())


def orient(thumbnails: NDArray[np.float32], orientation: int) -> NDArray[np.float32]:
    """Turn pictures of shape (n, side, side) into one of the eight orientations.

    Parameters
    ----------
    thumbnails
        Shape (n, side, side).
    orientation
        0 to 3: that many quarter turns; 4 to 7: mirrored left to right, then turned.
    """
    mirrored = thumbnails[:, :, ::-1] if orientation >= 4 else thumbnails
    return np.rot90(mirrored, orientation % 4, axes=(1, 2))


def to_unit_vectors(thumbnails: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return shape (n, side * side) with mean 0 and length 1; a constant picture becomes 0.

    The dot product of two such vectors is the pictures' correlation.
    """
    flat = thumbnails.reshape(len(thumbnails), -1)
    centered = flat - flat.mean(axis=1, keepdims=True)
    length = np.linalg.norm(centered, axis=1, keepdims=True)
    # Below a hundredth of a grey level there is rounding only.
    unit: NDArray[np.float32] = np.divide(
        centered, length, out=np.zeros_like(centered), where=length > 0.01
    )
    return unit


def perceptual_hash(thumbnails: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return the 64-bit pHash of each picture of shape (n, 32, 32).

    The bits tell which of the 8 x 8 lowest frequencies of the cosine transform are above their
    median (Zauner 2010, "Implementation and benchmarking of perceptual image hash functions").
    """
    basis = _cosine_basis()
    frequencies = (basis @ thumbnails @ basis.T).reshape(len(thumbnails), -1)
    bits = frequencies > np.median(frequencies, axis=1, keepdims=True)
    return np.packbits(bits, axis=1).view(np.uint64)[:, 0]


def sketch(thumbnails: NDArray[np.float32]) -> NDArray[np.uint64]:
    """Return 256 bits a picture of shape (n, 32, 32), by which copies are found again.

    The bits tell on which side of 256 fixed random planes the picture lies (Charikar 2002, doi
    10.1145/509907.509965). Pictures whose correlation is ``r`` differ in about
    ``256 * arccos(r) / pi`` of them. Nothing but their likeness to another picture can be read
    from them.

    Returns
    -------
    ndarray
        Shape (n, 4), uint64.
    """
    above = to_unit_vectors(thumbnails) @ _random_planes() > 0
    return np.packbits(above, axis=1).view(np.uint64)


def _thumbnails(pixels: NDArray[np.float32]) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    if is_blank(pixels):
        nothing = np.zeros((THUMBNAIL_SIDE, THUMBNAIL_SIDE), dtype=np.float32)
        return nothing, nothing
    return _shrink(pixels), _shrink(_foreground_square(pixels))


def _shrink(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    picture = Image.fromarray(np.ascontiguousarray(pixels, dtype=np.float32))
    size = (THUMBNAIL_SIDE, THUMBNAIL_SIDE)
    return np.asarray(picture.resize(size, Image.Resampling.BILINEAR), dtype=np.float32)


def _foreground_square(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Cut out the foreground, between its percentiles, in the middle of a dark square."""
    low, high = np.percentile(pixels, (1, 99))
    if high <= low:
        low, high = pixels.min(), pixels.max()
    seen = pixels > low + _FOREGROUND * (high - low)
    rows = np.flatnonzero(seen.mean(axis=1) >= _LINE)
    columns = np.flatnonzero(seen.mean(axis=0) >= _LINE)
    if min(rows.size, columns.size) < MIN_SIDE:
        return pixels
    part = pixels[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    missing = max(part.shape) - np.array(part.shape)
    before = missing // 2
    margins = np.stack((before, missing - before), axis=1)
    square: NDArray[np.float32] = np.pad(part.clip(low, high), margins, constant_values=low)
    return square


def _random_planes() -> NDArray[np.float32]:
    """Return planes of -1 and 1, shape (1024, 256): the same on every machine and version."""
    size = THUMBNAIL_SIDE**2 * SKETCH_BITS
    # The raw bits of a generator never change; what is drawn from them may.
    drawn = np.random.PCG64(20).random_raw(size // 64)
    bits = np.unpackbits(drawn.astype("<u8").view(np.uint8))
    planes: NDArray[np.float32] = bits.reshape(THUMBNAIL_SIDE**2, SKETCH_BITS).astype(np.float32)
    return planes * 2 - 1


def _cosine_basis() -> NDArray[np.float32]:
    positions = (np.arange(THUMBNAIL_SIDE) + 0.5) * np.pi / THUMBNAIL_SIDE
    basis = np.cos(np.outer(np.arange(_HASH_SIDE), positions))
    basis[0] /= np.sqrt(2)  # orthonormal up to one common factor
    result: NDArray[np.float32] = basis.astype(np.float32)
    return result
