import gzip
import itertools
import os
import time
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from nibabel.orientations import apply_orientation, axcodes2ornt, inv_ornt_aff, ornt_transform

from tumorscope.errors import (
    CorruptImageError,
    ImageContentError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.inputs.read import decode
from tumorscope.imaging.inputs.volumes import cut_slices, read_slice_scan, read_volume
from tumorscope.imaging.limits import Limits
from tumorscope.labels import PLANES

RIGHT, ANTERIOR, SUPERIOR = 20, 24, 18
VOXELS = np.random.default_rng(0).random((RIGHT, ANTERIOR, SUPERIOR)).astype(np.float32)
"""On canonical axes: towards right, anterior and superior."""

ORIENTATIONS = [
    "".join(letters)
    for order in itertools.permutations(("RL", "AP", "SI"))
    for letters in itertools.product(*order)
]


def encode(
    voxels: np.ndarray = VOXELS,
    spacing: tuple[float, ...] = (1, 1, 1),
    kind: type = nibabel.Nifti1Image,
) -> bytes:
    return bytes(kind(voxels, np.diag([*spacing, 1])).to_bytes())


def encode_oriented(letters: str, spacing: tuple[float, float, float] = (1, 1, 1)) -> bytes:
    """The same head, stored in another order and direction of its axes."""
    turn = ornt_transform(axcodes2ornt("RAS"), axcodes2ornt(letters))
    stored = apply_orientation(VOXELS, turn)
    affine = np.diag([*spacing, 1]) @ inv_ornt_aff(turn, VOXELS.shape)
    image = nibabel.Nifti1Image(stored, affine)
    assert "".join(nibabel.aff2axcodes(image.affine)) == letters
    return bytes(image.to_bytes())


@pytest.mark.parametrize("letters", ORIENTATIONS)
def test_every_orientation_is_cut_alike(letters: str) -> None:
    content = encode_oriented(letters, spacing=(1, 1.5, 4))
    volume = read_volume(content)
    assert volume.spacing_mm == pytest.approx((1, 1.5, 4))
    np.testing.assert_array_equal(volume.voxels, VOXELS)
    scans = decode(content, "made")
    assert {scan.plane for scan in scans} == {"axial"}
    assert len(scans) == SUPERIOR
    np.testing.assert_array_equal(scans[5].pixels, VOXELS[::-1, ::-1, 5].T)


def test_slices_are_shown_as_radiologists_see_them() -> None:
    voxels = np.zeros((RIGHT, ANTERIOR, SUPERIOR), np.float32)
    voxels[-1, :, :] += 1  # the patient's right
    voxels[:, -1, :] += 10  # anterior
    voxels[:, :, -1] += 100  # superior
    volume = read_volume(encode(voxels))
    axial = cut_slices(volume, "axial")[0]
    assert axial.shape == (ANTERIOR, RIGHT)
    assert axial[-1, 0] == 1  # right is left
    assert axial[0, -1] == 10  # anterior is up
    coronal = cut_slices(volume, "coronal")[0]
    assert coronal.shape == (SUPERIOR, RIGHT)
    assert coronal[-1, 0] == 1
    assert coronal[0, -1] == 100  # superior is up
    sagittal = cut_slices(volume, "sagittal")[0]
    assert sagittal.shape == (SUPERIOR, ANTERIOR)
    assert sagittal[-1, 0] == 10  # anterior is left
    assert sagittal[0, -1] == 100


def test_sides_say_what_lies_left_and_up() -> None:
    for plane, spacing, sides in [
        ("axial", (1, 1, 5), ("R", "A")),
        ("coronal", (1, 5, 1), ("R", "H")),
        ("sagittal", (5, 1, 1), ("A", "H")),
    ]:
        scan = decode(encode(spacing=spacing), "made")[0]
        assert (scan.plane, scan.sides) == (plane, sides)


@pytest.mark.parametrize(
    ("shape", "spacing", "plane", "slices"),
    [
        ((20, 24, 18), (1, 1, 1), "axial", 18),
        ((20, 24, 18), (1, 5, 1), "coronal", 24),
        ((20, 24, 18), (5, 1, 1), "sagittal", 20),
        ((40, 24, 40), (1, 1, 1), "coronal", 24),
        ((10, 40, 40), (1, 1, 1), "sagittal", 10),
        ((20, 24, 18), (1, 1.4, 1), "axial", 18),
    ],
    ids=["isotropic", "coronal", "sagittal", "few coronal", "few sagittal", "hardly thicker"],
)
def test_plane_is_that_of_the_acquisition(
    shape: tuple[int, ...], spacing: tuple[float, ...], plane: str, slices: int
) -> None:
    voxels = np.random.default_rng(0).random(shape).astype(np.float32)
    scans = decode(encode(voxels, spacing), "made")
    assert {scan.plane for scan in scans} == {plane}
    assert len(scans) == slices


def test_slices_carry_their_place() -> None:
    scans = decode(encode(spacing=(0.5, 0.75, 4)), "made.nii")
    assert [scan.slice_index for scan in scans] == list(range(SUPERIOR))
    assert [scan.position_mm for scan in scans] == pytest.approx([4 * i for i in range(SUPERIOR)])
    assert {scan.series_uid for scan in scans} == {"made.nii"}
    assert {scan.series_instance_uid for scan in scans} == {None}
    assert {scan.source for scan in scans} == {"made.nii"}
    assert scans[0].spacing_mm == pytest.approx((0.75, 0.5))
    assert scans[0].pixels.shape == (ANTERIOR, RIGHT)
    assert scans[0].pixels.dtype == np.float32


def test_2_d_is_one_image() -> None:
    (scan,) = decode(encode(VOXELS[:, :, 3]), "made")
    assert scan.slice_index is None
    assert scan.series_uid is None
    np.testing.assert_array_equal(scan.pixels, VOXELS[::-1, ::-1, 3].T)


def test_one_thick_slice_is_one_image() -> None:
    (scan,) = decode(encode(VOXELS[:, 3:4, :]), "made")
    assert scan.plane == "coronal"
    assert scan.slice_index is None


@pytest.mark.parametrize("trailing", [(3,), (1,), (2, 3)])
def test_of_4_d_the_first_volume_is_read(trailing: tuple[int, ...]) -> None:
    stack = np.zeros((*VOXELS.shape, *trailing), np.float32)
    stack[(..., *[0] * len(trailing))] = VOXELS
    np.testing.assert_array_equal(read_volume(encode(stack)).voxels, VOXELS)


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("dtype", [np.uint8, np.int16, np.uint16, np.int32, np.float32, np.float64])
def test_every_version_and_depth_keeps_its_values(kind: type, dtype: Any) -> None:
    values = np.linspace(0, 250, VOXELS.size).reshape(VOXELS.shape).astype(dtype)
    np.testing.assert_array_equal(
        read_volume(encode(values, kind=kind)).voxels, values.astype(np.float32)
    )


def test_scale_of_the_header_is_applied() -> None:
    expected = 2 * (100 * VOXELS).astype(np.int16) - 5
    content = bytearray(encode((100 * VOXELS).astype(np.int16)))
    content[112:120] = np.array([2.0, -5.0], "<f4").tobytes()
    np.testing.assert_allclose(read_volume(bytes(content)).voxels, expected, rtol=1e-6)


def test_big_endian_is_read() -> None:
    header = nibabel.Nifti1Header(endianness=">")
    image = nibabel.Nifti1Image((100 * VOXELS).astype(">i2"), np.eye(4), header)
    content = image.to_bytes()
    assert content[:4] == b"\x00\x00\x01\x5c"
    np.testing.assert_array_equal(read_volume(content).voxels, (100 * VOXELS).astype(np.int16))


def test_gzip_is_unpacked() -> None:
    plain = decode(encode(), "made")
    packed = decode(gzip.compress(encode()), "made")
    assert all((a.pixels == b.pixels).all() for a, b in zip(plain, packed, strict=True))


@pytest.mark.parametrize("size", [0.999, 0.5, 0.02])
@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_truncated_file_is_damaged(size: float, packed: bool) -> None:
    content = gzip.compress(encode()) if packed else encode()
    with pytest.raises(CorruptImageError, match="truncated"):
        decode(content[: int(size * len(content))], "made.nii")


def test_gzip_bomb_is_refused() -> None:
    bomb = gzip.compress(encode() + bytes(4_000_000))
    limits = Limits(max_ratio=10, free_bytes=500_000)
    with pytest.raises(ImageTooLargeError, match="unpacks to more than"):
        decode(bomb, "made", limits)


def test_gzip_of_something_else_is_refused() -> None:
    with pytest.raises(ImageError, match="gzip"):
        decode(gzip.compress(b"text" * 500), "made")


@pytest.mark.parametrize(
    "limits", [Limits(max_pixels=400), Limits(max_voxels=8000), Limits(max_frames=17)]
)
def test_volume_over_a_limit_is_refused(limits: Limits) -> None:
    with pytest.raises(ImageTooLargeError):
        decode(encode(), "made", limits)


def test_header_that_promises_terabytes_is_refused() -> None:
    content = bytearray(encode())
    content[42:48] = np.array([30000, 30000, 30000], "<i2").tobytes()
    with pytest.raises(ImageTooLargeError):
        decode(bytes(content), "made")


def test_color_voxels_are_refused() -> None:
    colors = np.zeros((4, 4, 4), dtype=[("R", "u1"), ("G", "u1"), ("B", "u1")])
    with pytest.raises(UnsupportedFormatError, match="gray values"):
        decode(encode(colors), "made")


def test_header_of_a_pair_is_refused() -> None:
    content = bytearray(encode())
    content[344:347] = b"ni1"
    with pytest.raises(ImageError, match="pair"):
        decode(bytes(content), "made")


@pytest.mark.parametrize("value", [0.0, 7.0])
def test_volume_without_a_picture_is_refused(value: float) -> None:
    voxels = np.full((20, 20, 20), value, np.float32)
    with pytest.raises(ImageContentError):
        decode(encode(voxels), "made")


def test_blank_slices_keep_their_place() -> None:
    voxels = VOXELS.copy()
    voxels[..., :3] = 0
    scans = decode(encode(voxels), "made")
    assert [scan.slice_index for scan in scans] == list(range(SUPERIOR))
    assert [scan.is_blank for scan in scans] == [True] * 3 + [False] * (SUPERIOR - 3)


def test_missing_spacing_does_not_stop_the_reading() -> None:
    content = bytearray(encode())
    content[80:92] = np.zeros(3, "<f4").tobytes()
    content[252:256] = bytes(4)  # neither qform nor sform: only the spacing is left
    scans = decode(bytes(content), "made")
    assert all(np.isfinite(scan.position_mm) for scan in scans)
    assert all(size > 0 for scan in scans for size in scan.spacing_mm or ())


def test_read_slice_is_the_slice_of_the_volume(tmp_path: Path) -> None:
    path = tmp_path / "made.nii.gz"
    path.write_bytes(gzip.compress(encode()))
    for plane in PLANES:
        slices = cut_slices(read_volume(path), plane)
        for index in (0, 7, len(slices) - 1):
            np.testing.assert_array_equal(
                read_slice_scan(path, slice_index=index, plane=plane).pixels, slices[index]
            )


@pytest.mark.parametrize("index", [-1, SUPERIOR])
def test_read_slice_outside_the_volume(tmp_path: Path, index: int) -> None:
    path = tmp_path / "made.nii"
    path.write_bytes(encode())
    with pytest.raises(ImageError, match=rf"18 axial slices; slice_index {index}"):
        read_slice_scan(path, slice_index=index, plane="axial")


def test_read_slice_sees_that_the_file_has_changed(tmp_path: Path) -> None:
    path = tmp_path / "made.nii"
    path.write_bytes(encode())
    before = read_slice_scan(path, slice_index=3, plane="axial").pixels.copy()
    path.write_bytes(encode(2 * VOXELS))
    os.utime(path, (1, 1))
    np.testing.assert_array_equal(
        read_slice_scan(path, slice_index=3, plane="axial").pixels, 2 * before
    )


def test_read_slice_cannot_spoil_the_next_reader(tmp_path: Path) -> None:
    path = tmp_path / "made.nii"
    path.write_bytes(encode())
    with pytest.raises(ValueError, match="read-only"):
        read_slice_scan(path, slice_index=3, plane="axial").pixels[:] = 0


def test_read_slice_of_a_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match="check the path"):
        read_slice_scan(tmp_path / "missing.nii", slice_index=0, plane="axial")
    with pytest.raises(ImageError, match="check the path"):
        read_volume(tmp_path / "missing.nii")


@pytest.mark.parametrize("count", [1, 200_000], ids=["one extension", "more than are walked over"])
def test_voxels_lie_behind_the_extensions_where_the_header_says(count: int) -> None:
    plain = encode()
    extension = np.array([16, 0, 0, 0], "<i4").tobytes()
    content = bytearray(plain[:348] + b"\1\0\0\0" + extension * count + plain[352:])
    content[108:112] = np.array([352 + 16 * count], "<f4").tobytes()
    begin = time.process_time()
    for one, expected in zip(decode(bytes(content), "a"), decode(plain, "a"), strict=True):
        np.testing.assert_array_equal(one.pixels, expected.pixels)
    assert time.process_time() - begin < 1


def test_nothing_is_said_on_the_terminal(capfd: pytest.CaptureFixture[str]) -> None:
    content = bytearray(encode())
    content[70:72] = np.array([16], "<i2").tobytes()
    content[76:80] = np.array([3.0], "<f4").tobytes()  # a qfac that nibabel mends and reports
    decode(bytes(content), "made")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""
