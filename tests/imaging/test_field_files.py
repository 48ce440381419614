"""Files as they come from scanners, archives and other programs, each made here."""

import gzip
import io
import struct
import time
import zipfile
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pydicom
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import ExplicitVRBigEndian, JPEG2000Lossless, JPEGLSLossless

from tests.imaging.made_files import (
    DEEP,
    FILES,
    GREY,
    VOXELS,
    dicom,
    encoded,
    gdcm_encoded,
    metaimage,
    mgh,
    nifti,
    nrrd,
    planar_tiff,
    png_16,
    raster,
    tiff,
)
from tumorscope.errors import (
    CorruptImageError,
    ImageContentError,
    ImageError,
    UnsupportedFormatError,
)
from tumorscope.imaging.inputs.read import decode, read_one, read_scans
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.scan import ReadFailure, Scan

HEAD = np.pad(DEEP[:16, :12] // 2 + 2000, ((4, 4), (4, 4))).astype(np.uint16)
"""Values from 2000 on, on a background of 0."""


def with_raw(ds: pydicom.Dataset, **texts: str) -> bytes:
    """Write elements as the bytes of a text, which pydicom itself would refuse."""
    marks = {}
    for at, (keyword, text) in enumerate(texts.items()):
        length = len(text) + len(text) % 2
        marks[keyword] = (
            str((7 + at) * 10 ** (length - 1) + at).encode(),
            text.ljust(length).encode(),
        )
        setattr(ds, keyword, marks[keyword][0].decode())
    content = encoded(ds)
    for mark, text_bytes in marks.values():
        assert content.count(mark) == 1
        content = content.replace(mark, text_bytes)
    return content


def pixels_of(content: bytes) -> np.ndarray:
    (scan,) = decode(content, "made")
    return scan.pixels


# Decoders


@pytest.mark.parametrize(
    "syntax", ["JPEGLSLossless", "JPEGLosslessProcess14_1", "JPEG2000Lossless", "RLELossless"]
)
@pytest.mark.parametrize("signed", [False, True])
def test_signed_and_unsigned_streams_of_12_bits(syntax: str, signed: bool) -> None:
    expected = DEEP.astype(np.float32) - (2048 if signed else 0)
    np.testing.assert_array_equal(pixels_of(gdcm_encoded(syntax, signed=signed)), expected)


@pytest.mark.parametrize("signed", [False, True])
def test_value_lies_below_high_bit(signed: bool) -> None:
    values = DEEP.astype(np.int16) - (2048 if signed else 0)
    stored = (values.astype(np.int32) << 4).astype(np.int16)
    stored = stored if signed else stored.view(np.uint16)
    ds = dicom(stored, BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), values.astype(np.float32))


def test_high_bit_that_is_wrong_shifts_nothing() -> None:
    ds = dicom(DEEP + np.uint16(1), BitsStored=12, HighBit=15)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), DEEP.astype(np.float32) + 1)


def test_bits_above_the_value_are_cleared() -> None:
    ds = dicom(DEEP | np.uint16(0xF000), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), DEEP.astype(np.float32))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_grey_saved_as_16_bit_color_keeps_its_shades(channels: int) -> None:
    shown = pixels_of(png_16(channels))
    if channels == 3:
        np.testing.assert_allclose(shown, DEEP, rtol=1e-5)
    assert len(np.unique(np.rint(shown))) > 100  # the upper bytes alone have 16


@pytest.mark.parametrize("byteorder", ["<", ">"])
@pytest.mark.parametrize("compression", [None, "zlib", "lzw", "packbits"])
@pytest.mark.parametrize("tile", [None, (16, 16)])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_tiff_of_16_bit_color(
    planar: str, tile: tuple[int, int] | None, compression: str | None, byteorder: str
) -> None:
    pytest.importorskip("imagecodecs" if compression in ("lzw", "packbits") else "tifffile")
    shades = np.dstack([DEEP, DEEP[::-1], DEEP // 2])
    expected = shades.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    content = tiff(
        np.moveaxis(shades, 2, 0) if planar == "separate" else shades,
        photometric="rgb",
        planarconfig=planar,
        compression=compression,
        tile=tile,
        byteorder=byteorder,
        metadata=None,
        **({} if tile else {"rowsperstrip": 7}),
    )
    np.testing.assert_allclose(pixels_of(content), expected, rtol=1e-5, atol=1e-2)


@pytest.mark.parametrize("rows", [8, 24], ids=["strips", "one strip"])
def test_planar_tiff(rows: int) -> None:
    np.testing.assert_allclose(pixels_of(planar_tiff(rows=rows)), DEEP, rtol=1e-5)


def test_planar_tiff_of_another_depth_is_refused() -> None:
    content = tiff(
        np.stack([DEEP.astype(np.uint32)] * 3),
        photometric="rgb",
        planarconfig="separate",
        metadata=None,
    )
    with pytest.raises(ImageError):
        decode(content, "made")


def test_planar_tiff_without_the_lengths_of_its_strips_is_named() -> None:
    content = bytearray(planar_tiff())
    place = content.index(struct.pack("<HH", 279, 3))
    content[place : place + 2] = struct.pack("<H", 65_000)  # a tag that nobody knows
    with pytest.raises(CorruptImageError, match="channels are not all there"):
        decode(bytes(content), "made")


def test_checksum_of_a_png_is_looked_at() -> None:
    content = bytearray(raster("PNG"))
    content[content.find(b"IDAT") + 20] ^= 1
    with pytest.raises(CorruptImageError):
        decode(bytes(content), "made")


# Windows, padding and numbers of a DICOM header


@pytest.mark.parametrize(("center", "width"), [(30000, 100), (1, 1), (40, 400), (-500, 1000)])
def test_window_that_shows_nothing_is_ignored(center: int, width: int) -> None:
    ds = dicom(HEAD, WindowCenter=center, WindowWidth=width)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), HEAD)


def test_second_window_counts_where_the_first_shows_nothing() -> None:
    ds = dicom(HEAD, WindowCenter=[30000, 3000], WindowWidth=[100, 3000])
    one = dicom(HEAD, WindowCenter=3000, WindowWidth=3000)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), pixels_of(encoded(one)))
    assert (pixels_of(encoded(ds)) != HEAD).any()


@pytest.mark.parametrize(
    "texts",
    [
        {"RescaleSlope": "0", "RescaleIntercept": "0"},
        {"RescaleSlope": "nan", "RescaleIntercept": "0"},
        {"RescaleSlope": "words", "RescaleIntercept": "more"},
        {"RescaleSlope": "1,0", "RescaleIntercept": "0,0"},
        {"WindowCenter": "nan", "WindowWidth": "4096"},
        {"WindowCenter": "204", "WindowWidth": "-4096"},
    ],
    ids=lambda texts: " ".join(texts.values()),
)
def test_odd_numbers_change_nothing(texts: dict[str, str]) -> None:
    np.testing.assert_array_equal(pixels_of(with_raw(dicom(HEAD), **texts)), HEAD)


def test_empty_rescale_counts_as_absent() -> None:
    ds = dicom(HEAD, RescaleSlope=None, RescaleIntercept=None)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), HEAD)


def test_decimal_commas_are_understood() -> None:
    content = with_raw(dicom(HEAD), WindowCenter="2048,5", WindowWidth="4096,0")
    ds = dicom(HEAD, WindowCenter=2048.5, WindowWidth=4096)
    np.testing.assert_array_equal(pixels_of(content), pixels_of(encoded(ds)))
    content = with_raw(dicom(HEAD), RescaleSlope="2,5", RescaleIntercept="1,0")
    np.testing.assert_allclose(pixels_of(content), 2.5 * HEAD + 1)
    (scan,) = decode(with_raw(dicom(HEAD), PixelSpacing="0,5\\0,75"), "made")
    assert scan.spacing_mm == (0.5, 0.75)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
@pytest.mark.parametrize("function", ["OTHER", "", "linear"])
def test_window_function_that_is_none(function: str) -> None:
    ds = dicom(HEAD, WindowCenter=2048, WindowWidth=4096, VOILUTFunction=function)
    assert not decode(encoded(ds), "made")[0].is_blank


@pytest.mark.parametrize(
    "missing",
    [
        *("PhotometricInterpretation", "SamplesPerPixel", "PixelRepresentation", "BitsStored"),
        *("HighBit", "BitsAllocated", "Modality", "SOPInstanceUID"),
    ],
)
@pytest.mark.parametrize("how", ["absent", "empty"])
def test_attribute_that_is_missing(missing: str, how: str) -> None:
    ds = dicom(HEAD)
    if how == "absent":
        del ds[missing]
    else:
        ds[missing].value = None
    np.testing.assert_array_equal(read_one(ds)[0].pixels, HEAD)


@pytest.mark.filterwarnings("ignore:Invalid value for VR")
def test_terms_in_lower_case() -> None:
    ds = dicom(
        HEAD, Modality="mr", PhotometricInterpretation="monochrome1", BodyPartExamined="knee"
    )
    (scan,) = read_one(ds)
    assert (scan.modality, scan.body_part) == ("MR", "KNEE")
    np.testing.assert_array_equal(scan.pixels, HEAD.max() - HEAD.astype(np.float32))


def test_orientation_of_zeros_gives_no_sides() -> None:
    for orientation in ([0.0] * 6, [1, 0, 0, 1, 0, 0], [1, 0, 0, 0, 0, 0]):
        (scan,) = read_one(dicom(ImageOrientationPatient=orientation))
        assert (scan.sides, scan.plane) == (None, None)


@pytest.mark.parametrize("value", [-32768, 32767, -2000])
def test_padding_is_background(value: int) -> None:
    values = HEAD.astype(np.int16)
    padded = values.copy()
    padded[:2] = value
    shown = pixels_of(encoded(dicom(padded, PixelPaddingValue=value)))
    np.testing.assert_array_equal(shown, values)


def test_range_of_padding() -> None:
    padded = HEAD.astype(np.int16)
    padded[0], padded[1] = -2000, -1990
    ds = dicom(padded, PixelPaddingValue=-2000, PixelPaddingRangeLimit=-1980)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), HEAD)


def test_padding_of_an_inverted_picture_is_background_too() -> None:
    values = HEAD.astype(np.int16)
    values[0] = -2000
    ds = dicom(values, PixelPaddingValue=-2000, PhotometricInterpretation="MONOCHROME1")
    shown = pixels_of(encoded(ds))
    assert (shown[0] == shown.min()).all()


@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("shift", [0, 4])
def test_value_of_fewer_bits_with_the_most_significant_byte_first(signed: bool, shift: int) -> None:
    values = DEEP.astype(np.int16) - (2048 if signed else 0)
    stored = (values.astype(np.int32) << shift).astype(np.int16)
    ds = dicom(
        stored if signed else stored.view(np.uint16),
        BitsStored=12,
        HighBit=11 + shift,
        PixelRepresentation=int(signed),
    )
    np.testing.assert_array_equal(pixels_of(encoded(ds, ExplicitVRBigEndian)), values)


@pytest.mark.parametrize(("value", "signed"), [(65535, False), (32768, False), (-32768, True)])
def test_padding_may_take_more_bits_than_a_value(value: int, signed: bool) -> None:
    values = (HEAD % 2000).astype(np.int16 if signed else np.uint16)
    padded = values.copy()
    padded[:2] = value
    ds = dicom(padded, PixelPaddingValue=value, BitsStored=12, HighBit=11)
    shown = pixels_of(encoded(ds))
    np.testing.assert_array_equal(shown[2:], values[2:])
    assert (shown[:2] == values[2:].min()).all()


def test_padding_that_no_value_has_changes_none() -> None:
    values = (HEAD % 2000).astype(np.uint16)
    ds = dicom(values, PixelPaddingValue=0xF000 + int(values[5, 5]), BitsStored=12, HighBit=11)
    np.testing.assert_array_equal(pixels_of(encoded(ds)), values)


def tiff_pages(*pages: tuple[np.ndarray, int]) -> bytes:
    import tifffile

    stream = io.BytesIO()
    with tifffile.TiffWriter(stream) as writer:
        for pixels, kind in pages:
            writer.write(pixels, subfiletype=kind, contiguous=False, metadata=None)
    return stream.getvalue()


def test_thumbnail_in_a_tiff_is_no_slice() -> None:
    small = DEEP[::2, ::2]
    for pages in (((DEEP, 0), (small, 1)), ((small, 1), (DEEP, 0))):
        np.testing.assert_array_equal(pixels_of(tiff_pages(*pages)), DEEP)
    assert len(decode(tiff_pages((DEEP, 2), (DEEP, 2)), "made")) == 2


def test_tiff_of_one_page_for_many_slices_is_refused() -> None:
    stack = np.stack([DEEP] * 16)
    for content in (
        tiff(stack, imagej=True, truncate=True),
        tiff(stack, volumetric=True, tile=(16, 16, 16)),
    ):
        with pytest.raises(UnsupportedFormatError, match="16 slices"):
            decode(content, "made")
    assert len(decode(tiff(stack, imagej=True), "made")) == 16


def unnamed(name: str, **elements: Any) -> Scan:
    """A slice without Series Instance UID; what is ``None`` is missing."""
    geometry = {"ImageOrientationPatient": [1, 0, 0, 0, 1, 0], "ImagePositionPatient": [0, 0, 5]}
    ds = dicom(**{key: one for key, one in (geometry | elements).items() if one is not None})
    del ds.SeriesInstanceUID
    (scan,) = decode(encoded(ds), name)
    return scan


def test_last_digits_part_no_series_without_a_uid() -> None:
    orientations = ([1, 0, 0, 0, 1, 0], [1, -0.0, 0, 0, 1, 0], [1, 0, 1e-7, 0, 1, -1e-7])
    uids = {
        unnamed("d/1", ImageOrientationPatient=one, PixelSpacing=[1 + at / 1e6, 1]).series_uid
        for at, one in enumerate(orientations)
    }
    assert len(uids) == 1
    assert unnamed("d/1", ImageOrientationPatient=[0, 1, 0, 0, 0, -1]).series_uid not in uids


def test_number_alone_makes_a_series_without_a_uid_and_nothing_is_told() -> None:
    nowhere = {"ImageOrientationPatient": None, "ImagePositionPatient": None}
    first, second = (unnamed(f"d/{at}", InstanceNumber=at, **nowhere) for at in (1, 2))
    assert first.series_uid == second.series_uid is not None
    assert "no Series Instance UID" in first.notes[0]
    alone = unnamed("d/1", **nowhere)
    assert alone.series_uid is None
    assert "no Series Instance UID" in alone.notes[0]


def float_dicom(pixels: np.ndarray, **elements: Any) -> bytes:
    ds = dicom(pixels, FloatPixelData=pixels.astype(np.float32).tobytes(), **elements)
    for keyword in ("PixelData", "BitsStored", "HighBit", "PixelRepresentation"):
        delattr(ds, keyword)
    return encoded(ds)


def test_padding_of_float_pixels_is_background() -> None:
    values = HEAD.astype(np.float32)
    padded = values.copy()
    padded[:2] = -9999
    shown = pixels_of(float_dicom(padded, FloatPixelPaddingValue=-9999.0))
    np.testing.assert_array_equal(shown[2:], values[2:])
    assert (shown[:2] == values[2:].min()).all()


def test_frame_or_page_without_values_is_blank_beside_others() -> None:
    stack = np.stack([HEAD, HEAD, HEAD]).astype(np.float32)
    stack[1] = np.nan
    for content in (float_dicom(stack), tiff(stack, photometric="minisblack")):
        first, second, _ = decode(content, "made")
        np.testing.assert_array_equal(first.pixels, HEAD)
        assert second.is_blank
    with pytest.raises(ImageContentError):
        decode(float_dicom(np.full_like(stack, np.nan)), "made")


def test_no_frames_and_odd_words_for_gray() -> None:
    for elements in (
        {"NumberOfFrames": 0},
        {"PhotometricInterpretation": "MONOCHROME 2"},
        {"PhotometricInterpretation": "GRAY"},
    ):
        np.testing.assert_array_equal(pixels_of(encoded(dicom(**elements))), DEEP)


@pytest.mark.parametrize("sequence", ["ModalityLUTSequence", "VOILUTSequence"])
def test_table_that_is_not_whole_counts_as_none(sequence: str) -> None:
    cut = pydicom.Dataset()
    cut.LUTDescriptor = [4096, 0, 16]
    cut.add_new("LUTData", "OW", bytes(20))
    for item in (pydicom.Dataset(), cut):
        np.testing.assert_array_equal(pixels_of(encoded(dicom(**{sequence: [item]}))), DEEP)


def test_table_of_bytes() -> None:
    item = pydicom.Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [256, 0, 8], "US"
    item.add_new("LUTData", "OW", bytes(range(255, -1, -1)))
    shown = pixels_of(encoded(dicom(GREY, ModalityLUTSequence=[item])))
    np.testing.assert_array_equal(shown, 255 - GREY.astype(int))


@pytest.mark.parametrize("bits", [12, 16])
def test_bare_bits_of_a_signed_value_in_a_stream(bits: int) -> None:
    """Some programs compress negative values as they lie there, and say so only in the header."""
    import imagecodecs

    values = DEEP.astype(np.int16) - 2048
    bare = (values & 0xFFF).astype(np.uint16)
    for syntax, stream in (
        (JPEGLSLossless, imagecodecs.jpegls_encode(bare)),
        (
            JPEG2000Lossless,
            imagecodecs.jpeg2k_encode(
                bare, codecformat="J2K", level=0, reversible=True, bitspersample=bits
            ),
        ),
    ):
        ds = dicom(values, BitsStored=12, HighBit=11, PixelData=encapsulate([stream]))
        ds.file_meta.TransferSyntaxUID = syntax
        np.testing.assert_array_equal(pixels_of(encoded(ds)), values)


# NIfTI and TIFF


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_background(value: float) -> None:
    voxels = VOXELS.astype(np.float32) + 5
    voxels[0] = value
    for scan in decode(nifti(voxels=voxels), "made"):
        assert np.isfinite(scan.pixels).all()
        assert scan.pixels.min() >= 5
    picture = GREY.astype(np.float32)
    picture[0] = value
    assert np.isfinite(pixels_of(raster("TIFF", picture))).all()


def header_of(content: bytes, **fields: Any) -> bytes:
    header = nibabel.Nifti1Header.from_fileobj(io.BytesIO(content), check=False)
    for name, value in fields.items():
        header[name] = value
    return bytes(header.binaryblock) + content[348:]


ZEROS = {"srow_x": 0, "srow_y": 0, "srow_z": 0}


@pytest.mark.parametrize(
    ("fields", "is_oriented"),
    [
        ({"sform_code": 1, "qform_code": 1, **ZEROS}, True),
        ({"sform_code": 1, "qform_code": 0, **ZEROS}, False),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 0.7072, "quatern_c": 0.7072}, True),
        ({"sform_code": 0, "qform_code": 1, "quatern_b": 9}, False),
        ({"sform_code": 1, "qform_code": 0, "srow_x": np.nan}, False),
        ({"sform_code": 1, "qform_code": 0, "srow_x": [1, 1, 1, 0], "srow_y": [1, 1, 1, 0]}, False),
        ({"sform_code": 0, "qform_code": 0}, True),
    ],
)
def test_affine_that_cannot_be_used(fields: dict[str, Any], is_oriented: bool) -> None:
    scans = decode(header_of(nifti(), **fields), "made")
    assert len(scans) == 5
    assert {scan.sides is not None for scan in scans} == {is_oriented}
    assert sorted(scan.pixels.sum() for scan in scans) == pytest.approx(
        sorted(VOXELS.sum(axis=(0, 1)).astype(float))
    )


@pytest.mark.parametrize("offset", [0, 1, 348, -5, np.nan, 352])
def test_voxels_never_begin_inside_the_header(offset: float) -> None:
    scans = decode(header_of(nifti(), vox_offset=offset), "made")
    np.testing.assert_array_equal(
        scans[0].pixels, decode(nifti(), "made")[0].pixels, err_msg="the header is shown"
    )


def test_voxels_begin_behind_the_extensions() -> None:
    image = nibabel.Nifti1Image(VOXELS, np.diag([1, 1, 5, 1]))
    image.header.extensions.append(nibabel.nifti1.Nifti1Extension("comment", b"words" * 9))
    content = image.to_bytes()
    for stated in (0, 352):
        scans = decode(header_of(content, vox_offset=stated), "made")
        np.testing.assert_array_equal(scans[0].pixels, decode(nifti(), "made")[0].pixels)


@pytest.mark.parametrize("shape", [(3,), (1, 3)])
def test_4d_is_told(shape: tuple[int, ...]) -> None:
    voxels = np.stack([VOXELS, VOXELS // 2, VOXELS // 3], axis=-1)
    scans = decode(nifti(voxels=voxels.reshape(*VOXELS.shape, *shape)), "made")
    assert len(scans) == 5
    assert "volume 1 of 3" in scans[0].notes[0]
    assert decode(nifti(), "made")[0].notes == ()


def test_first_volume_that_is_blank_is_passed_over() -> None:
    voxels = np.stack([0 * VOXELS, VOXELS], axis=-1)
    scans = decode(nifti(voxels=voxels), "made")
    assert "volume 2 of 2" in scans[0].notes[0]
    assert not scans[0].is_blank


# Containers and formats


def test_dicom_is_read_from_gzip(tmp_path: Path) -> None:
    for name in ("a.dcm.gz", "b.gz", "c"):
        (tmp_path / name).write_bytes(gzip.compress(encoded(dicom())))
    scans = list(read_scans(tmp_path))
    assert len(scans) == 3
    assert all(isinstance(one, Scan) and (one.pixels == DEEP).all() for one in scans)


@pytest.mark.parametrize(
    ("inside", "words"),
    [
        (gzip.compress(nifti()), "another gzip file"),
        (raster("PNG"), "holds PNG, which is not read from a gzip file"),
        (bytes(257) + b"ustar" + bytes(300), "tar is not read"),
        (b"PK\x03\x04" + bytes(50), "holds zip"),
        (b"words" * 100, "holds no"),
    ],
    ids=["gzip", "png", "tar", "zip", "text"],
)
def test_gzip_of_something_else_names_it(inside: bytes, words: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=words):
        decode(gzip.compress(inside), "made.gz")


def test_zip_made_on_windows_or_a_mac(tmp_path: Path) -> None:
    path = tmp_path / "made.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in ("s\\1.dcm", "s\\sub\\2.dcm", "s/3.dcm"):
            archive.writestr(name, encoded(dicom()))
        for name in ("DICOMDIR", "s\\dicomdir", "s\\Dicomdir;1", "__MACOSX\\._1.dcm", "s\\._1.dcm"):
            archive.writestr(name, b"\x00\x05\x16\x07 nothing that is read")
        archive.writestr("s\\", b"")
    found = list(read_scans(path))
    assert [one.source for one in found] == [
        f"{path}/{name}" for name in ("s/1.dcm", "s/3.dcm", "s/sub/2.dcm")
    ]
    assert all(isinstance(one, Scan) for one in found)


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"GIF89a" + bytes(50), "a", "GIF is not read"),
        (b"\n<!DOCTYPE html><title>Sign in</title>", "a.dcm", "HTML.*download the file again"),
        (b"<!-- x --><html>", "a.nii.gz", "HTML"),
        (b"version https://git-lfs.github.com/spec/v1\noid", "a.nii.gz", "git lfs pull"),
        (b'[{"00080005":{"vr":"CS"}}]', "a.dcm", "DICOM in JSON"),
        (b'<?xml version="1.0"?>\n<NativeDicomModel>', "a.dcm", "DICOM in JSON or XML"),
        (b'<?xml version="1.0"?><svg xmlns="x">', "a", "SVG"),
        (b"P5\n# made\n64 64\n255\n" + bytes(50), "a", "PNM"),
        (b"\ntype = string-attribute\nname = X", "a+orig.HEAD", "AFNI"),
        (b"IMGF\x00\x00\x00\x9c" + bytes(50), "E1S1I1.MR", "GE Signa"),
        (b"\x00\x00\x00 ftypisom" + bytes(50), "a", "video"),
        (b"RIFF\x00\x00\x00\x00AVI LIST", "a", "video"),
        (b"8BPS\x00\x01", "a", "Photoshop"),
        (b"SIMPLE  =                    T", "a", "FITS"),
        (b"# vtk DataFile Version 3.0\n", "a", "VTK"),
        (bytes(4) + b"ftypheic" + bytes(50), "a", "HEIC"),
        (bytes(4) + b"ftypavif" + bytes(50), "a", "AVIF"),
        (b"\x89HDF\r\n\x1a\n" + bytes(50), "a.mnc", "MINC"),
        (b"CDF\x01" + bytes(50), "a", "MINC"),
        (b"\x5c\x01\x00\x00" + bytes(344), "a.hdr", "Analyze"),
        (bytes(900), "a.img", "Analyze"),
        (b"Rar!\x1a\x07\x00" + bytes(50), "a", "RAR"),
        (b"7z\xbc\xaf\x27\x1c" + bytes(50), "a", "7z"),
        (bytes(257) + b"ustar" + bytes(300), "a", "tar"),
        (b"words", "b.heic", "HEIC"),
        (b"\x00\x00\x00\x0cjP  " + bytes(50), "a", "JPEG 2000"),
    ],
)
def test_what_is_not_read_is_named(content: bytes, name: str, words: str) -> None:
    with pytest.raises(UnsupportedFormatError, match=words):
        decode(content, name)


# New formats


@pytest.mark.parametrize("name", [one for one in FILES if one[:2] in ("nr", "me", "mg")])
def test_volume_is_that_of_the_nifti_file(name: str) -> None:
    for scan, expected in zip(decode(FILES[name](), name), decode(nifti(), "made"), strict=True):
        np.testing.assert_array_equal(scan.pixels, expected.pixels)
        assert scan.spacing_mm == expected.spacing_mm
        assert (scan.plane, scan.sides) == (expected.plane, expected.sides)


@pytest.mark.parametrize("ending", ["nrrd", "mha"])
def test_volumes_of_simpleitk(ending: str, tmp_path: Path) -> None:
    sitk = pytest.importorskip("SimpleITK")
    image = sitk.GetImageFromArray(VOXELS.transpose(2, 1, 0))
    image.SetSpacing((1, 1, 5))
    image.SetDirection((0, -1, 0, 1, 0, 0, 0, 0, 1))
    for packed in (False, True):
        files = [tmp_path / f"a.{ending}", tmp_path / "a.nii"]
        for file in files:
            sitk.WriteImage(image, str(file), packed)
        for ours, theirs in zip(*map(read_one, files), strict=True):
            np.testing.assert_array_equal(ours.pixels, theirs.pixels)
            assert ours.sides == theirs.sides


@pytest.mark.parametrize("make", [nrrd, metaimage], ids=["nrrd", "metaimage"])
@pytest.mark.parametrize("place", ["folder", "zip"])
def test_detached_voxels_are_read_from_beside(make: Any, place: str, tmp_path: Path) -> None:
    header = make(**({"encoding": "raw"} if make is nrrd else {"packed": False}), detached="v.raw")
    raw = (VOXELS if make is nrrd else VOXELS[::-1, ::-1]).tobytes(order="F")
    if place == "folder":
        (tmp_path / "v.mhd").write_bytes(header)
        (tmp_path / "v.raw").write_bytes(raw)
        scans = list(read_scans(tmp_path))
    else:
        with zipfile.ZipFile(tmp_path / "v.zip", "w") as archive:
            archive.writestr("s/v.mhd", header)
            archive.writestr("s/v.raw", raw)
        scans = list(read_scans(tmp_path / "v.zip"))
    assert [type(one) for one in scans] == [Scan] * 5
    with pytest.raises(UnsupportedFormatError, match="give the two together"):
        decode(header, "v.mhd")


@pytest.mark.parametrize("make", [nrrd, metaimage], ids=["nrrd", "metaimage"])
@pytest.mark.parametrize("where", ["../secret.raw", "/etc/passwd", "link.raw", "C:\\x", "none.raw"])
def test_header_leads_nowhere_else(make: Any, where: str, tmp_path: Path) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    (tmp_path / "secret.raw").write_bytes(VOXELS.tobytes())
    (folder / "link.raw").symlink_to(tmp_path / "secret.raw")
    options = {"encoding": "raw"} if make is nrrd else {"packed": False}
    (folder / "v.mhd").write_bytes(make(**options, detached=where))
    (found,) = read_scans(folder / "v.mhd")
    assert isinstance(found, ReadFailure)
    assert isinstance(found.error, CorruptImageError)


def test_size_is_bounded_before_anything_is_made() -> None:
    limits = Limits(max_voxels=10_000, max_ratio=2, free_bytes=100)
    for content in (
        metaimage(DimSize="9000 9000 9000"),
        nrrd().replace(b"sizes: 19 18 5", b"sizes: 9000 9000 9000"),
        mgh()[:4] + np.array([9000, 9000, 9000], ">i4").tobytes() + mgh()[16:],
    ):
        with pytest.raises(ImageError, match=r"the limit is"):
            decode(content, "made", limits)


@pytest.mark.parametrize("name", ["nrrd", "metaimage"])
def test_checksum_of_packed_voxels_is_looked_at(name: str) -> None:
    content = bytearray(FILES[name]())
    content[-2] ^= 1
    with pytest.raises(CorruptImageError):
        decode(bytes(content), "made")


def test_lines_that_an_nrrd_header_skips_cost_no_copy_each() -> None:
    header, _, voxels = nrrd("raw").partition(b"\n\n")
    content = header + b"\nline skip: 1000000\n\n" + b"\n" * 1_000_000 + voxels
    begin = time.process_time()
    assert len(decode(content, "made")) == VOXELS.shape[2]
    assert time.process_time() - begin < 5


def test_lines_that_an_nrrd_header_skips_are_not_voxels() -> None:
    header, _, voxels = nrrd("raw").partition(b"\n\n")
    content = header + b"\nline skip: 2\n\nfirst\nsecond\n" + voxels
    for scan, expected in zip(decode(content, "made"), decode(nrrd(), "made"), strict=True):
        np.testing.assert_array_equal(scan.pixels, expected.pixels)
    with pytest.raises(CorruptImageError, match="truncated"):
        decode(header + b"\nline skip: 9\n\nfirst\n", "made")


def test_nrrd_in_digits_needs_no_byte_order() -> None:
    content = nrrd("ascii").replace(b"endian: little\n", b"")
    for scan, expected in zip(decode(content, "made"), decode(nrrd(), "made"), strict=True):
        np.testing.assert_array_equal(scan.pixels, expected.pixels)


@pytest.mark.parametrize("name", ["nrrd", "metaimage"])
def test_packed_voxels_that_end_early_are_truncated(name: str) -> None:
    content = FILES[name]()
    for cut in (2, len(content) // 4):
        with pytest.raises(CorruptImageError, match="truncated"):
            decode(content[:-cut], "made")


def test_planar_tiff_takes_no_more_memory_than_it_has_bytes() -> None:
    import tifffile

    content = bytearray(planar_tiff(rows=1))
    with tifffile.TiffFile(io.BytesIO(content)) as file:
        tag = file.pages[0].tags["StripByteCounts"]
    kind = np.dtype("<u2" if tag.dtype == tifffile.DATATYPE.SHORT else "<u4")
    sizes = np.full(tag.count, len(content), kind).tobytes()
    content[tag.valueoffset : tag.valueoffset + len(sizes)] = sizes
    with pytest.raises(CorruptImageError, match="longer than the file"):
        decode(bytes(content), "made")
