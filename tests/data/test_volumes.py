from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.manifest import ManifestRow
from tumorscope.data.pictures import read_pictures
from tumorscope.data.volumes import MIN_TUMOR_PIXELS, expand_volumes
from tumorscope.errors import ImageContentError, ManifestError
from tumorscope.imaging.inputs.volumes import read_slice_scan


def _head(shape: tuple[int, int, int]) -> np.ndarray:
    """A graded ellipsoid that leaves a quarter of each axis dark."""
    axes = [np.linspace(-1, 1, length) for length in shape]
    grid = np.meshgrid(*axes, indexing="ij")
    inside = sum(axis**2 for axis in grid) < 0.75**2
    return np.float32(np.where(inside, 100 + 50 * grid[0], 0))


def _row(path: str, **known) -> ManifestRow:
    return ManifestRow(**{"set": "s", "path": path, "tumor": 0, **known})


def test_an_isotropic_volume_is_cut_in_three_planes_within_the_head(save_volume, tmp_path: Path):
    path = save_volume("v.nii.gz", _head((64, 72, 80)))
    rows = expand_volumes([_row(path, tumor=None)], tmp_path)

    for plane, length in (("sagittal", 64), ("coronal", 72), ("axial", 80)):
        chosen = [row.slice_index for row in rows if row.plane == plane]
        assert 15 <= len(chosen) <= 37
        # the head's larger slices are at 0.175 to 0.825 of the axis; a tenth of them ends it
        assert 0.22 * length < min(chosen) < 0.27 * length
        assert 0.73 * length < max(chosen) < 0.78 * length
    assert {row.tumor for row in rows} == {None}
    axial = next(row for row in rows if row.plane == "axial")
    assert (axial.width, axial.height) == (64, 72)


def test_a_head_without_a_tumor_is_cut_up_to_the_vertex(save_volume, tmp_path: Path):
    path = save_volume("v.nii.gz", _head((64, 72, 80)))

    def chosen(plane: str, tumor: int | None) -> set[int | None]:
        rows = expand_volumes([_row(path, tumor=tumor)], tmp_path)
        return {row.slice_index for row in rows if row.plane == plane}

    for plane in ("sagittal", "coronal", "axial"):
        assert chosen(plane, None) < chosen(plane, 0)  # more at the ends, and the same between
    # The head ends at 0.125 and 0.875 of an axis.
    assert 0.83 * 80 < max(chosen("axial", 0)) < 0.875 * 80
    assert 0.83 * 64 < max(chosen("sagittal", 0)) < 0.875 * 64
    assert 0.125 * 64 < min(chosen("sagittal", 0)) < 0.16 * 64
    assert 0.125 * 72 < min(chosen("coronal", 0)) < 0.16 * 72
    assert min(chosen("axial", 0)) > 0.16 * 80  # no neck


def test_neck_and_face_are_left_out(save_volume, tmp_path: Path):
    column = np.zeros((64, 130, 130), np.float32)
    column[10:54, 5:125, 5:125] = 100
    rows = expand_volumes([_row(save_volume("v.nii.gz", column))], tmp_path)

    axial = [row.slice_index for row in rows if row.plane == "axial"]
    coronal = [row.slice_index for row in rows if row.plane == "coronal"]
    assert min(axial) > 124 - 125 / 2  # voxels of 2 mm
    assert max(axial) > 110
    assert max(coronal) < 5 + 150 / 2
    assert min(coronal) < 20


def test_a_thick_sliced_volume_is_cut_along_its_slices(save_volume, tmp_path: Path):
    path = save_volume("v.nii.gz", _head((64, 20, 64)), spacing=(1, 6, 1))

    assert {row.plane for row in expand_volumes([_row(path)], tmp_path)} == {"coronal"}


def test_the_source_knows_better_than_the_header(save_volume, tmp_path: Path):
    row = _row(
        save_volume("v.nii.gz", _head((64, 64, 64))), set="tumor_free_volumes", sequence="FLAIR"
    )

    assert {row.plane for row in expand_volumes([row], tmp_path)} == {"axial"}


def test_the_mask_labels_each_slice_and_a_sliver_tells_nothing(save_volume, tmp_path: Path):
    mask = np.zeros((64, 64, 24), dtype=np.uint8)
    mask[20:30, 20:30, 12] = 1
    mask[20:21, 20 : 20 + MIN_TUMOR_PIXELS - 10, 13] = 1
    row = _row(
        save_volume("v.nii.gz", _head((64, 64, 24)), spacing=(1, 1, 5)),
        mask=save_volume("m.nii.gz", mask, spacing=(1, 1, 5)),
        tumor=1,
        type="glioma",
    )

    rows = {one.slice_index: one for one in expand_volumes([row], tmp_path)}

    assert (rows[12].tumor, rows[12].type) == (1, "glioma")
    assert (rows[13].tumor, rows[13].type) == (None, None)
    assert (rows[11].tumor, rows[11].type) == (0, None)


def test_a_tumor_volume_without_a_mask_does_not_label_its_slices(save_volume, tmp_path: Path):
    rows = expand_volumes(
        [_row(save_volume("v.nii.gz", _head((64, 64, 64))), tumor=1, type="glioma")], tmp_path
    )

    assert {(row.tumor, row.type) for row in rows} == {(None, None)}


def test_a_mask_of_another_shape_is_refused(save_volume, tmp_path: Path):
    row = _row(
        save_volume("v.nii.gz", _head((64, 64, 64))),
        mask=save_volume("m.nii.gz", np.zeros((64, 64, 32), np.uint8)),
        tumor=1,
    )

    with pytest.raises(ManifestError, match=r"m\.nii\.gz' has shape \(64, 64, 32\)"):
        expand_volumes([row], tmp_path)


def test_pictures_and_broken_or_empty_volumes_keep_their_rows(save_volume, tmp_path: Path):
    (tmp_path / "broken.nii.gz").write_bytes(b"\x1f\x8bnot really")
    empty = save_volume("empty.nii.gz", np.zeros((32, 32, 32), np.float32))
    rows = [_row("a.png"), _row("broken.nii.gz"), _row(empty)]

    assert expand_volumes(rows, tmp_path) == rows


def test_a_slice_row_reads_the_slice_that_imaging_cuts(save_volume, tmp_path: Path):
    path = save_volume("v.nii.gz", _head((64, 72, 80)))
    row = next(row for row in expand_volumes([_row(path)], tmp_path) if row.plane == "coronal")

    (pixels,) = read_pictures([row], tmp_path)

    expected = read_slice_scan(tmp_path / path, slice_index=row.slice_index, plane="coronal").pixels
    np.testing.assert_array_equal(pixels, expected)


def test_a_whole_volume_is_not_a_picture(save_volume, tmp_path: Path):
    row = _row(save_volume("v.nii.gz", _head((64, 64, 64))))

    with pytest.raises(ImageContentError, match="whole volume"):
        list(read_pictures([row], tmp_path))
