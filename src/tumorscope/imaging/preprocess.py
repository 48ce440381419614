"""From pixels to the network's input: the only implementation there is.

Training, Python, command line, HTTP and DICOM all call :meth:`Preprocessing.apply`. The steps
and their parameters are stored in every artifact (:meth:`Preprocessing.to_dict`), and an artifact
that asks for steps unknown to this version is refused.

The canvas that leaves here is a grey 8-bit picture. The last step of VGG16's own preprocessing,
three equal channels in BGR order less the ImageNet mean, is the first node of the network's graph
(:data:`IMAGENET_MEAN_BGR`), so that no door can forget it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.errors import ArtifactError, ImageContentError

IMAGENET_MEAN_BGR: Final = (103.939, 116.779, 123.68)
"""Means that ``keras.applications.vgg16.preprocess_input`` subtracts, on a 0-255 scale."""

_NAME: Final = "foreground-window-square"
_VERSION: Final = 2

MIN_SIDE: Final = 16
"""Pixels. Below this no anatomy can be told; the smallest scan in the public sets is 150 wide."""

MAX_SIZE: Final = 4096
"""Pixels. Four times the largest MR matrix; a canvas beyond that is a mistake."""

_SAFE_MAGNITUDE: Final = 1e18
"""Products and ratios of two such values stay inside float32, which ends at 3.4e38."""

_SAFE_RESOLUTION: Final = 1e-4
"""Range over magnitude from which float32, with 24 bits, still has a thousand steps of grey."""


_SQUARE: Final = 1.02
"""Ratio of the distances of rows and columns up to which pixels count as square."""

_MAX_RATIO: Final = 20.0
"""Beyond it the header is wrong: no MR image has such pixels."""

_MAX_STRETCHED: Final = 16_000_000
"""Pixels of a picture after its rows or columns were filled in."""


@dataclass(frozen=True, slots=True)
class CanvasGeometry:
    """How a canvas lies over the image it was made from.

    Attributes
    ----------
    row0, column0
        Image coordinates (pixels) of the canvas' top left corner; negative where padded.
    scale
        Image pixels per canvas pixel.
    shape
        (rows, columns) of the image as read.
    stretch
        Square pixels per pixel of the image as read, along rows and columns. The coordinates
        above are in square pixels.
    """

    row0: float
    column0: float
    scale: float
    shape: tuple[int, int]
    stretch: tuple[float, float] = (1.0, 1.0)

    def to_image(self, row: float, column: float) -> tuple[float, float]:
        """Map a canvas point (corner-based) to coordinates of the image as read, in pixels."""
        return (
            (self.row0 + row * self.scale) / self.stretch[0],
            (self.column0 + column * self.scale) / self.stretch[1],
        )


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """Foreground crop, intensity window, square padding and resize.

    Parameters
    ----------
    size
        Side of the square canvas in pixels. 224 is VGG16's own input size (Simonyan 2015).
    foreground_fraction
        A pixel is foreground when it is above this fraction of the way from the 1st to the 99th
        percentile of the image.
    line_fraction
        A row or column belongs to the crop when at least this fraction of it is foreground, so
        that burnt-in letters do not stretch the box.
    run_fraction
        Neighbouring such rows or columns that are together thinner than this fraction of the
        image are left out: frames, rulers and borders. 0 keeps all.
    margin_fraction
        Margin around the foreground box, as a fraction of its longer side.
    low_percentile
        Percentile that maps to 0 where hardly a pixel is foreground; elsewhere the threshold of
        the foreground does, so that the background is black.
    high_percentile
        Percentile of the foreground that maps to 255; nnU-Net uses 99.5.
    """

    size: int = 224
    foreground_fraction: float = 0.08
    line_fraction: float = 0.04
    run_fraction: float = 0.04
    margin_fraction: float = 0.03
    low_percentile: float = 0.5
    high_percentile: float = 99.5

    def to_dict(self) -> dict[str, Any]:
        """Return the description that is stored in an artifact."""
        return {"name": _NAME, "version": _VERSION, **asdict(self)}

    @classmethod
    def from_dict(cls, description: dict[str, Any]) -> Preprocessing:
        """Rebuild from :meth:`to_dict`; refuse steps that this version does not know.

        Raises
        ------
        ArtifactError
            If the description is of another preprocessing or has senseless values.
        """
        fields = dict(description) if isinstance(description, dict) else {}
        name, version = fields.pop("name", None), fields.pop("version", None)
        if (name, version) != (_NAME, _VERSION) or set(fields) != set(cls.__slots__):
            raise ArtifactError(
                "The artifact asks for a preprocessing that this version does not know: "
                f"{description!r}. Install the tumorscope version that made the artifact."
            )
        _check_parameters(fields)
        return cls(**fields)

    def apply(
        self,
        pixels: NDArray[np.floating[Any]],
        spacing_mm: tuple[float, float] | None = None,
    ) -> tuple[NDArray[np.uint8], CanvasGeometry]:
        """Make the canvas of one image.

        Parameters
        ----------
        pixels
            Shape (rows, columns), any real dtype and range.
        spacing_mm
            Distance of rows and of columns; where they differ, the canvas shows the patient's
            proportions.

        Returns
        -------
        canvas
            Shape (size, size), uint8, background 0.
        geometry
            Where the canvas lies over ``pixels``.

        Raises
        ------
        ImageContentError
            If the image is smaller than 16 pixels on a side, not finite, or constant.
        """
        check_picture(pixels)
        image, stretch = _with_square_pixels(_in_safe_range(pixels), spacing_mm)
        threshold = self._foreground_threshold(image)
        top, bottom, left, right = self._foreground_box(image > threshold)
        shape = (int(pixels.shape[0]), int(pixels.shape[1]))
        geometry = self._square(top, bottom, left, right, shape=shape, stretch=stretch)
        window = self._window(image[top:bottom, left:right], threshold)
        canvas = _place(window, (top, left), geometry, self.size)
        return canvas, geometry

    def apply_mask(self, mask: NDArray[Any], geometry: CanvasGeometry) -> NDArray[np.float32]:
        """Carry a mask of the same image onto the canvas.

        Parameters
        ----------
        mask
            Shape (rows, columns), non-zero inside.
        geometry
            As returned by :meth:`apply` for the image.

        Returns
        -------
        ndarray
            Shape (size, size), float32 in [0, 1]: covered fraction of each canvas pixel.
        """
        marked = _stretched((mask > 0).astype(np.float32) * 255, geometry.stretch)
        covered = _place(marked, (0, 0), geometry, self.size)
        return covered.astype(np.float32) / np.float32(255)

    def _foreground_threshold(self, image: NDArray[np.float32]) -> float:
        # A quarter of the pixels in each direction gives the same percentiles to well within
        # the threshold's own tolerance, at a sixteenth of the sorting.
        step = max(1, min(image.shape) // 128)
        low, high = np.percentile(image[::step, ::step], (1, 99))
        if high <= low:
            low, high = float(image.min()), float(image.max())
        return float(low + self.foreground_fraction * (high - low))

    def _foreground_box(self, foreground: NDArray[np.bool_]) -> tuple[int, int, int, int]:
        rows, columns = foreground.shape
        counted = foreground.view(np.uint8)  # booleans would first become 64-bit integers
        across, down = (np.add.reduce(counted, axis=axis, dtype=np.uint32) for axis in (1, 0))
        row_hits = self._hits(across >= self.line_fraction * columns)
        column_hits = self._hits(down >= self.line_fraction * rows)
        if min(row_hits.size, column_hits.size) < MIN_SIDE:
            return 0, rows, 0, columns
        box = (row_hits[0], row_hits[-1] + 1, column_hits[0], column_hits[-1] + 1)
        margin = round(self.margin_fraction * max(box[1] - box[0], box[3] - box[2]))
        return (
            max(0, int(box[0]) - margin),
            min(rows, int(box[1]) + margin),
            max(0, int(box[2]) - margin),
            min(columns, int(box[3]) + margin),
        )

    def _hits(self, crossed: NDArray[np.bool_]) -> NDArray[np.intp]:
        """Return the indices of the lines crossed, less the runs of them that are too thin."""
        edges = np.flatnonzero(np.diff(crossed, prepend=False, append=False))
        lengths = edges[1::2] - edges[::2]
        kept = np.repeat(lengths >= self.run_fraction * crossed.size, lengths)
        return np.flatnonzero(crossed)[kept]

    def _square(
        self,
        top: int,
        bottom: int,
        left: int,
        right: int,
        *,
        shape: tuple[int, int],
        stretch: tuple[float, float],
    ) -> CanvasGeometry:
        side = max(bottom - top, right - left)
        return CanvasGeometry(
            row0=(top + bottom - side) / 2,
            column0=(left + right - side) / 2,
            scale=side / self.size,
            shape=shape,
            stretch=stretch,
        )

    def _window(self, crop: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
        step = max(1, min(crop.shape) // 128)
        sample = crop[::step, ::step]
        inside = sample[sample > threshold]
        if inside.size < MIN_SIDE:
            inside = sample.ravel()
        low, high = np.percentile(inside, (self.low_percentile, self.high_percentile))
        low = min(float(low), threshold)  # the background stays at or below 0
        if high <= low:
            low, high = float(crop.min()), float(crop.max())
        window: NDArray[np.float32] = crop - low
        window *= 255 / (high - low)  # in place: fresh memory for each step costs more than it
        return np.clip(window, 0, 255, out=window)


def check_picture(pixels: NDArray[Any]) -> None:
    """Check that an array is a usable grey picture.

    Raises
    ------
    ImageContentError
        If it is not two-dimensional, smaller than 16 pixels on a side, not finite or constant.
    """
    if pixels.ndim != 2:
        raise ImageContentError(
            f"A gray image of shape (rows, columns) is needed; received shape {pixels.shape}."
        )
    if min(pixels.shape) < MIN_SIDE:
        raise ImageContentError(
            f"The image has {pixels.shape[0]} rows and {pixels.shape[1]} columns; at least "
            f"{MIN_SIDE} x {MIN_SIDE} pixels are needed."
        )
    low, high = pixels.min(), pixels.max()
    if not (np.isfinite(low) and np.isfinite(high)):  # a NaN is its picture's minimum
        raise ImageContentError(
            "The image holds NaN or infinite values; there is no image to analyze."
        )
    if low == high:
        raise ImageContentError(
            f"All pixels have the same value ({pixels.flat[0]:g}); there is no image to analyze."
        )


def _check_parameters(fields: dict[str, Any]) -> None:
    highest = {"size": MAX_SIZE, "low_percentile": 100, "high_percentile": 100}
    for name, value in fields.items():
        kinds = (int,) if name == "size" else (int, float)
        low, high = (MIN_SIDE if name == "size" else 0), highest.get(name, 1)
        if not isinstance(value, kinds) or not low <= value <= high:
            raise ArtifactError(
                f"The artifact's preprocessing has {name} {value!r}; a number from {low} to "
                f"{high} is needed."
            )


def _in_safe_range(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Return the picture as float32, rescaled only where float32 arithmetic would overflow."""
    low, high = float(pixels.min()), float(pixels.max())
    largest = max(abs(low), abs(high))
    if 1 / _SAFE_MAGNITUDE < largest < _SAFE_MAGNITUDE and high - low > largest * _SAFE_RESOLUTION:
        return np.ascontiguousarray(pixels, dtype=np.float32)
    values = np.asarray(pixels, dtype=np.float64) / largest
    values = (values - values.min()) / (values.max() - values.min())
    return np.asarray(values, dtype=np.float32)


def _with_square_pixels(
    image: NDArray[np.float32], spacing_mm: tuple[float, float] | None
) -> tuple[NDArray[np.float32], tuple[float, float]]:
    """Resample a picture whose rows and columns lie differently far apart.

    The farther ones are filled in; in large pictures the nearer ones are thinned out.

    Returns
    -------
    image, stretch
        As in :attr:`CanvasGeometry.stretch`.
    """
    ratio = 1.0 if spacing_mm is None else spacing_mm[0] / spacing_mm[1]
    if abs(math.log(ratio)) <= math.log(_SQUARE) or abs(math.log(ratio)) > math.log(_MAX_RATIO):
        return image, (1.0, 1.0)
    stretch = (ratio, 1.0) if ratio > 1 else (1.0, 1 / ratio)
    if image.size * max(stretch) > _MAX_STRETCHED:
        largest = max(stretch)
        stretch = (stretch[0] / largest, stretch[1] / largest)
    stretched = _stretched(image, stretch)
    rows, columns = (new / old for new, old in zip(stretched.shape, image.shape, strict=True))
    return stretched, (rows, columns)


def _stretched(image: NDArray[np.float32], stretch: tuple[float, float]) -> NDArray[np.float32]:
    rows, columns = (
        max(1, round(side * factor)) for side, factor in zip(image.shape, stretch, strict=True)
    )
    if (rows, columns) == image.shape:
        return image
    picture = Image.fromarray(np.ascontiguousarray(image))
    return np.array(picture.resize((columns, rows), Image.Resampling.BILINEAR))


def _place(
    window: NDArray[np.float32], origin: tuple[int, int], geometry: CanvasGeometry, size: int
) -> NDArray[np.uint8]:
    """Resize ``window``, whose top left image pixel is ``origin``, into its place on the canvas.

    The window is rounded in place.
    """
    rows, columns = window.shape
    top = (origin[0] - geometry.row0) / geometry.scale
    left = (origin[1] - geometry.column0) / geometry.scale
    row0, row1 = _clip_span(top, top + rows / geometry.scale, size)
    column0, column1 = _clip_span(left, left + columns / geometry.scale, size)
    box = (
        max(0.0, (column0 - left) * geometry.scale),
        max(0.0, (row0 - top) * geometry.scale),
        min(float(columns), (column1 - left) * geometry.scale),
        min(float(rows), (row1 - top) * geometry.scale),
    )
    picture = Image.fromarray(np.rint(window, out=window).astype(np.uint8))
    resized = picture.resize((column1 - column0, row1 - row0), Image.Resampling.BILINEAR, box=box)
    canvas = np.zeros((size, size), dtype=np.uint8)
    canvas[row0:row1, column0:column1] = np.asarray(resized)
    return canvas


def _clip_span(start: float, stop: float, size: int) -> tuple[int, int]:
    # What is thinner than a canvas pixel still gets the one that it begins in.
    edge = math.floor(start) if stop - start < 1 else round(start)
    first = min(max(0, edge), size - 1)
    return first, max(first + 1, min(size, round(stop)))
