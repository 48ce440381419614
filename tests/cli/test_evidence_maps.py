"""The evidence of a volume lies where the scan's voxels lie, whatever their axes."""

from collections.abc import Callable
from pathlib import Path

import nibabel
import numpy as np
import pytest

from tests.cli.conftest import Result

AFFINES = {
    "towards right, anterior, superior": np.diag([1.0, 1.0, 5.0, 1.0]),
    "towards left, posterior, superior": np.diag([-1.0, -1.0, 5.0, 1.0]),
    "slices first": np.array(
        [[0, 1.0, 0, -3], [0, 0, -1.0, 7], [5.0, 0, 0, 2], [0, 0, 0, 1]], float
    ),
}


@pytest.mark.parametrize("axes", AFFINES)
def test_evidence_lies_on_the_blob(
    run: Callable[..., Result], make_head: Callable[..., np.ndarray], tmp_path: Path, axes: str
) -> None:
    blob, chosen = (62, 94), 1
    slices = [make_head(blob=blob if index == chosen else None, seed=index) for index in range(3)]
    voxels = np.stack(slices, axis=0 if axes == "slices first" else -1).astype(np.float32)
    scan = tmp_path / "scan.nii.gz"
    nibabel.save(nibabel.Nifti1Image(voxels, AFFINES[axes]), scan)
    result = run(scan, "--maps", tmp_path / "maps")
    assert result.code == 0, result.err
    found = nibabel.load(tmp_path / "maps" / "scan_evidence.nii.gz")
    np.testing.assert_allclose(found.affine, AFFINES[axes])
    evidence = found.get_fdata()
    assert evidence.shape == voxels.shape
    place = np.unravel_index(evidence.argmax(), evidence.shape)
    wanted = (chosen, *blob) if axes == "slices first" else (*blob, chosen)
    assert np.abs(np.subtract(place, wanted)).max() <= 20
    assert place[0 if axes == "slices first" else 2] == chosen
    again = run(scan, "--maps", tmp_path / "maps")
    assert again.code == 2
    assert "is not empty; give a new one for --maps" in again.err


def test_pictures_have_no_map(run: Callable[..., Result], scans: Path, tmp_path: Path) -> None:
    assert run(scans, "--maps", tmp_path / "maps").code == 0
    assert [path.name for path in (tmp_path / "maps").iterdir()] == ["3_evidence.nii.gz"]


def test_folder_inside_the_input_is_refused(run: Callable[..., Result], scans: Path) -> None:
    result = run(scans, "--maps", scans / "maps")
    assert result.code == 2
    assert "maps would be read as scans; give --maps a folder outside the input" in result.err
    assert not (scans / "maps").exists()
