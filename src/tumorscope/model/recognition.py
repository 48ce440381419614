"""What the network takes an image for: its sequence and its plane.

The logits are further outputs of the graph, from the features that also say where a tumor is; the
header, where there is one, goes before them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.answer import SequenceOfImage, unknown_sequence
from tumorscope.errors import ArtifactError
from tumorscope.labels import PLANES, SEQUENCE_NAMES, Plane, SequenceName

RECOGNIZED: Final = ("sequence", "plane")
"""Names of the graph's outputs, logits of shape (n, classes)."""

LEAST_PROBABILITY: Final = 0.5
"""Below this no sequence or plane is named from the pixels."""

CONTRADICTION: Final = 0.95
"""Probability from which pixels that look like another sequence than the header's are mentioned."""

_ALIKE: Final = frozenset({"T1", "T1+C"})
"""Contrast that enhances nothing leaves no trace: here pixels do not contradict a header."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """The classes of the graph's outputs ``sequence`` and ``plane``, in their order."""

    sequence: tuple[SequenceName, ...]
    plane: tuple[Plane, ...]

    def to_dict(self) -> dict[str, list[str]]:
        """Return the classes as stored in a manifest."""
        return {"sequence": list(self.sequence), "plane": list(self.plane)}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Recognition:
        """Rebuild from :meth:`to_dict`.

        Raises
        ------
        ArtifactError
            If a class is not known to this version.
        """
        for name, known in (("sequence", SEQUENCE_NAMES), ("plane", PLANES)):
            unknown = [one for one in values[name] if one not in known]
            if unknown:
                raise ArtifactError(
                    f"The artifact recognizes a {name} {unknown[0]!r} that this version of "
                    "tumorscope does not know. Install the version that made it."
                )
        return cls(tuple(values["sequence"]), tuple(values["plane"]))


def recognize_sequence(
    header: SequenceName | None, logits: NDArray[np.floating[Any]] | None, names: tuple[str, ...]
) -> tuple[SequenceOfImage, str | None]:
    """Say which sequence an image shows.

    Parameters
    ----------
    header
        What the header says, if it does.
    logits
        Shape (classes,), of the graph; ``None`` where the artifact has none.
    names
        Classes of the logits.

    Returns
    -------
    sequence, note
        ``note`` where the pixels contradict the header.
    """
    shares = {} if logits is None else dict(zip(names, _softmax(logits), strict=True))
    likeliest = max(shares, key=shares.__getitem__) if shares else None
    if header is not None:
        note = None
        differs = likeliest not in (None, header) and not {likeliest, header} <= _ALIKE
        if likeliest is not None and differs and shares[likeliest] >= CONTRADICTION:
            note = f"The header says {header}, but the image looks like {likeliest}."
        return {"name": header, "probability": shares.get(header), "from": "header"}, note
    if likeliest is None or shares[likeliest] < LEAST_PROBABILITY:
        return unknown_sequence(), None
    name = next(one for one in SEQUENCE_NAMES if one == likeliest)
    return {"name": name, "probability": shares[name], "from": "pixels"}, None


def recognize_plane(
    header: Plane | None, logits: NDArray[np.floating[Any]] | None, names: tuple[Plane, ...]
) -> Plane | None:
    """Return the plane: the header's, else the network's where it is sure enough."""
    if header is not None or logits is None:
        return header
    shares = _softmax(logits)
    best = int(np.argmax(shares))
    return names[best] if shares[best] >= LEAST_PROBABILITY else None


def _softmax(logits: NDArray[np.floating[Any]]) -> list[float]:
    shares = np.exp(logits.astype(np.float64) - logits.max())
    return [float(one) for one in shares / shares.sum()]
