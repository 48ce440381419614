"""``predict --maps``: the evidence of NIfTI volumes as NIfTI, voxel by voxel on the scan's grid."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.answer import Answer, Failure, Prediction
from tumorscope.errors import ImageError, UsageError
from tumorscope.imaging.inputs.volumes import AXIS_OF_PLANE, read_volume
from tumorscope.labels import NOTICE

_NIFTI: Final = re.compile(r"\.nii(\.gz)?$", re.I)


class EvidenceMaps:
    """Gathers the evidence of a volume slice by slice, and writes it when the next one begins.

    Parameters
    ----------
    folder
        Empty; a file ``NAME_evidence.nii.gz`` for each NIfTI volume goes into it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._source: str | None = None
        self._slices: dict[int, NDArray[np.float32]] = {}
        self.written = 0

    def add(self, answer: Answer) -> None:
        """Take the answer for a slice; what is no slice of a NIfTI file is left out."""
        if not isinstance(answer, (Prediction, Failure)) or not _NIFTI.search(answer.source):
            return
        if answer.source != self._source:
            self.finish()
            self._source = answer.source
        if isinstance(answer, Prediction) and answer.evidence is not None:
            self._slices[answer.slice_index or 0] = answer.evidence

    def finish(self) -> None:
        """Write the volume at hand, if there is one."""
        source, slices = self._source, self._slices
        self._source, self._slices = None, {}
        if source is None or not slices or not Path(source).is_file():
            return  # a member of an archive has no grid of its own on disk
        stem = _NIFTI.sub("", Path(source).name)
        path = self._folder / f"{stem}_evidence.nii.gz"
        number = 2
        while path.exists():
            path, number = self._folder / f"{stem}_{number}_evidence.nii.gz", number + 1
        try:
            write_map(Path(source), slices, path)
        except ImageError as error:
            raise UsageError(f"The map of {source} cannot be written: {error}.") from error
        self.written += 1


def write_map(source: Path, slices: dict[int, NDArray[np.float32]], path: Path) -> None:
    """Write evidence as a NIfTI file with the axes, spacing and position of the scan.

    Parameters
    ----------
    source
        NIfTI file that was answered.
    slices
        Evidence by index of the slice, shape (rows, columns) each; missing ones become 0.
    path
        File to write.

    Raises
    ------
    ImageError
        If the scan cannot be read again.
    """
    import nibabel
    from nibabel.orientations import apply_orientation, io_orientation, ornt_transform

    volume = read_volume(source)
    axis = AXIS_OF_PLANE[volume.plane]
    shape = np.delete(volume.voxels.shape, axis)[::-1]
    stack = np.zeros((volume.voxels.shape[axis], *shape), np.float32)
    for index, evidence in slices.items():
        stack[index] = evidence
    # As cut_slices turns the voxels, the other way round.
    canonical = np.moveaxis(stack[:, ::-1, ::-1].transpose(0, 2, 1), 0, axis)
    header = nibabel.load(source).header
    affine = header.get_best_affine()
    if volume.is_oriented:
        to_file = ornt_transform(np.array([[0, 1], [1, 1], [2, 1]]), io_orientation(affine))
        canonical = apply_orientation(canonical, to_file)
    image = nibabel.Nifti1Image(np.ascontiguousarray(canonical), affine)
    image.header["descrip"] = f"Evidence for tumor, 0 to 1. {NOTICE}".encode()
    nibabel.save(image, path)
