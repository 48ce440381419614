"""What a training run is given: canvases with what is known about each."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.labels import TUMOR_TYPES

UNKNOWN = -1


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Canvases and labels of one split, as parallel arrays of length n.

    Attributes
    ----------
    keys
        Distinct names; with the seed they fix each image's augmentation.
    canvases
        Shape (n, size, size), uint8, as made by ``Preprocessing.apply``.
    tumor
        Shape (n,), int8: 1 tumor, 0 no tumor, -1 unknown.
    tumor_type
        Shape (n,), int8: index into ``TUMOR_TYPES``, -1 unknown.
    source
        Shape (n,), names of the archive or site, the unit of balancing.
    masks
        Shape (m, size, size), uint8 coverage 0-255, of the images that have one.
    mask_index
        Shape (n,), int32: row of ``masks``, or -1 where there is no mask.
    """

    keys: NDArray[np.str_]
    canvases: NDArray[np.uint8]
    tumor: NDArray[np.int8]
    tumor_type: NDArray[np.int8]
    source: NDArray[np.str_]
    masks: NDArray[np.uint8]
    mask_index: NDArray[np.int32]

    def __post_init__(self) -> None:
        lengths = {
            name: len(getattr(self, name))
            for name in ("keys", "canvases", "tumor", "tumor_type", "source", "mask_index")
        }
        if len(set(lengths.values())) != 1:
            raise UsageError(f"All arrays must have one length; received {lengths}.")
        if len(set(self.keys.tolist())) != len(self.keys):
            raise UsageError("The keys of the examples must be distinct.")
        if self.tumor_type.max(initial=UNKNOWN) >= len(TUMOR_TYPES):
            raise UsageError(f"tumor_type must index {TUMOR_TYPES}.")

    def __len__(self) -> int:
        return len(self.keys)

    def mask(self, index: int) -> NDArray[np.uint8] | None:
        """Return the mask of one image, shape (size, size), or ``None``."""
        row = self.mask_index[index]
        return None if row == UNKNOWN else self.masks[row]

    def take(self, rows: NDArray[np.intp]) -> Examples:
        """Return some of the examples, in the order of ``rows``; masks are shared."""
        return Examples(
            self.keys[rows],
            self.canvases[rows],
            self.tumor[rows],
            self.tumor_type[rows],
            self.source[rows],
            self.masks,
            self.mask_index[rows],
        )


def balancing_weights(tumor: NDArray[np.int8], source: NDArray[np.str_]) -> NDArray[np.float32]:
    """Weigh examples so that neither class nor archive dominates.

    Each (source, class) cell counts with the square root of its size, then both classes are
    given the same total. Unknown labels get 0.

    Returns
    -------
    ndarray
        Shape (n,), float32, mean 1 over the known labels.
    """
    weights = np.zeros(len(tumor), dtype=np.float64)
    for label in (0, 1):
        of_class = tumor == label
        for name in np.unique(source[of_class]):
            cell = of_class & (source == name)
            weights[cell] = 1 / np.sqrt(cell.sum())
        if of_class.any():
            weights[of_class] /= weights[of_class].sum()
    total = weights.sum()
    known = int((tumor >= 0).sum())
    return (weights * (known / total if total else 0)).astype(np.float32)
