import copy
import io
import struct
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset, FileDataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    MPEG2MPML,
    DeflatedExplicitVRLittleEndian,
    EnhancedMRImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
)

from tumorscope.errors import (
    CorruptImageError,
    ImageContentError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.formats.dicom import from_dataset, read_dicom
from tumorscope.imaging.inputs.read import decode, read_one
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.scan import Scan

MakeDicom = Callable[..., FileDataset]
Encode = Callable[..., bytes]

PATIENT = "Doe^Jane"

STORED = np.random.default_rng(0).integers(0, 4000, (20, 24)).astype(np.uint16)
AXIAL, CORONAL, SAGITTAL = [1, 0, 0, 0, 1, 0], [1, 0, 0, 0, 0, -1], [0, 1, 0, 0, 0, -1]


def one(scans: list[Scan]) -> Scan:
    (scan,) = scans
    return scan


def test_stored_values_are_read(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    scan = one(read_dicom(encode_dicom(make_dicom(STORED)), "made.dcm"))
    assert scan.pixels.dtype == np.float32
    assert (scan.pixels == STORED).all()
    assert (scan.source, scan.slice_index, scan.modality) == ("made.dcm", None, "MR")
    assert scan.sop_instance_uid is not None
    assert scan.series_uid is not None


@pytest.mark.parametrize("frames", [1, 2])
def test_only_the_uid_of_the_file_is_given_out(
    make_dicom: MakeDicom, encode_dicom: Encode, frames: int
) -> None:
    ds = make_dicom(STORED if frames == 1 else np.stack([STORED, STORED // 2]))
    named = read_dicom(encode_dicom(ds), "made.dcm")
    assert {scan.series_instance_uid for scan in named} == {ds.SeriesInstanceUID}
    del ds.SeriesInstanceUID
    nameless = read_dicom(encode_dicom(ds), "made.dcm")
    assert {scan.series_instance_uid for scan in nameless} == {None}


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16])
def test_every_depth_keeps_its_values(make_dicom: MakeDicom, dtype: type) -> None:
    info = np.iinfo(dtype)
    stored = np.linspace(info.min, info.max, 480).round().astype(dtype).reshape(20, 24)
    assert (one(from_dataset(make_dicom(stored), "made")).pixels == stored).all()


@pytest.mark.parametrize(
    ("syntax", "options"),
    [
        (ImplicitVRLittleEndian, {"implicit_vr": True, "little_endian": True}),
        (ExplicitVRLittleEndian, {}),
        (ExplicitVRBigEndian, {"implicit_vr": False, "little_endian": False}),
        (DeflatedExplicitVRLittleEndian, {}),
    ],
    ids=lambda value: value.name if isinstance(value, pydicom.uid.UID) else "",
)
def test_every_encoding_gives_the_same(
    make_dicom: MakeDicom, encode_dicom: Encode, syntax: pydicom.uid.UID, options: dict[str, Any]
) -> None:
    ds = make_dicom(STORED, RescaleSlope=2, RescaleIntercept=-7)
    ds.file_meta.TransferSyntaxUID = syntax
    if syntax == ExplicitVRBigEndian:
        ds.PixelData = STORED.astype(">u2").tobytes()
    content = encode_dicom(ds, enforce_file_format=not options, **options)
    np.testing.assert_allclose(one(decode(content, "made")).pixels, 2.0 * STORED - 7)


def test_rle_gives_the_same(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED)
    ds.compress(RLELossless, generate_instance_uid=False)
    assert (one(decode(encode_dicom(ds), "made")).pixels == STORED).all()


def test_without_preamble_gives_the_same(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    content = encode_dicom(make_dicom(STORED))
    assert (one(decode(content[132:], "made")).pixels == STORED).all()


@pytest.mark.parametrize("implicit", [True, False], ids=["implicit", "explicit"])
def test_bare_data_set_gives_the_same(
    make_dicom: MakeDicom, encode_dicom: Encode, implicit: bool
) -> None:
    ds = Dataset(make_dicom(STORED))
    content = encode_dicom(ds, enforce_file_format=False, implicit_vr=implicit, little_endian=True)
    assert content[128:132] != b"DICM"
    assert (one(decode(content, "made")).pixels == STORED).all()


def test_tiff_in_the_preamble_is_still_dicom(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    content = b"II*\x00" + encode_dicom(make_dicom(STORED))[4:]
    assert (one(decode(content, "made")).pixels == STORED).all()


def test_data_set_gives_what_its_file_gives(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED, WindowCenter=1000, WindowWidth=500)
    from_file = one(decode(encode_dicom(ds), "made"))
    before = copy.deepcopy(ds)
    from_memory = one(read_one(ds))
    assert (from_memory.pixels == from_file.pixels).all()
    assert ds == before


def test_monochrome1_is_turned_round(make_dicom: MakeDicom) -> None:
    scan = one(from_dataset(make_dicom(STORED, PhotometricInterpretation="MONOCHROME1"), "made"))
    assert (scan.pixels == STORED.max().astype(float) - STORED).all()


def test_rescale_is_applied(make_dicom: MakeDicom) -> None:
    ds = make_dicom(STORED.astype(np.int16), RescaleSlope="0.5", RescaleIntercept="-100")
    np.testing.assert_allclose(one(from_dataset(ds, "made")).pixels, 0.5 * STORED - 100)


def test_modality_table_is_applied(make_dicom: MakeDicom) -> None:
    stored = STORED % 8
    item = Dataset()
    item.LUTDescriptor, item.ModalityLUTType = [8, 0, 16], "US"
    item.LUTData = [0, 10, 20, 300, 40, 50, 60, 7000]
    item["LUTDescriptor"].VR, item["LUTData"].VR = "US", "US"
    scan = one(from_dataset(make_dicom(stored, ModalityLUTSequence=Sequence([item])), "made"))
    assert (scan.pixels == np.array(item.LUTData)[stored]).all()


def test_window_clips_and_keeps_the_order(make_dicom: MakeDicom) -> None:
    ds = make_dicom(STORED, WindowCenter=2000, WindowWidth=1000)
    pixels = one(from_dataset(ds, "made")).pixels
    assert len(np.unique(pixels[STORED <= 1499])) == 1
    assert len(np.unique(pixels[STORED > 2499])) == 1
    inside = (STORED > 1500) & (STORED < 2499)
    order = np.argsort(STORED[inside])
    assert (np.diff(pixels[inside][order]) >= 0).all()
    assert np.corrcoef(pixels[inside], STORED[inside])[0, 1] > 0.999


def test_of_several_windows_the_first_counts(make_dicom: MakeDicom) -> None:
    several = make_dicom(STORED, WindowCenter=[2000, 10], WindowWidth=[1000, 20])
    single = make_dicom(STORED, WindowCenter=2000, WindowWidth=1000)
    assert (one(from_dataset(several, "a")).pixels == one(from_dataset(single, "b")).pixels).all()


@pytest.mark.parametrize("window", [(0, 0), (100, 0), (None, None), ("", ""), (100, -5)], ids=str)
def test_window_that_shows_nothing_is_ignored(
    make_dicom: MakeDicom, window: tuple[Any, Any]
) -> None:
    ds = make_dicom(STORED)
    ds.WindowCenter, ds.WindowWidth = window
    assert (one(from_dataset(ds, "made")).pixels == STORED).all()


def test_frames_form_a_series(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    stored = np.stack([STORED, STORED // 2, STORED // 3])
    ds = make_dicom(stored)
    del ds.SeriesInstanceUID
    scans = decode(encode_dicom(ds), "made.dcm")
    assert [scan.slice_index for scan in scans] == [0, 1, 2]
    assert [scan.position_mm for scan in scans] == [0, 1, 2]
    assert {scan.series_uid for scan in scans} == {"made.dcm"}
    for scan, frame in zip(scans, stored, strict=True):
        assert (scan.pixels == frame).all()


def make_enhanced(make_dicom: MakeDicom, frames: int = 3) -> FileDataset:
    """Every frame has its own place, scale and window; the orientation is shared."""
    ds = make_dicom(np.stack([STORED % 1000] * frames), SOPClassUID=EnhancedMRImageStorage)
    shared, orientation, measures = Dataset(), Dataset(), Dataset()
    orientation.ImageOrientationPatient = AXIAL
    measures.PixelSpacing, measures.SliceThickness = [0.5, 0.75], 5
    shared.PlaneOrientationSequence = Sequence([orientation])
    shared.PixelMeasuresSequence = Sequence([measures])
    ds.SharedFunctionalGroupsSequence = Sequence([shared])
    ds.PerFrameFunctionalGroupsSequence = Sequence([])
    for index in range(frames):
        group, position, scale = Dataset(), Dataset(), Dataset()
        position.ImagePositionPatient = [0, 0, -5 * index]
        scale.RescaleSlope, scale.RescaleIntercept, scale.RescaleType = index + 1, 10 * index, "US"
        group.PlanePositionSequence = Sequence([position])
        group.PixelValueTransformationSequence = Sequence([scale])
        if index == 2:
            window = Dataset()
            window.WindowCenter, window.WindowWidth = 1300, 1600
            group.FrameVOILUTSequence = Sequence([window])
        ds.PerFrameFunctionalGroupsSequence.append(group)
    return ds


def test_functional_groups_of_each_frame_are_applied(
    make_dicom: MakeDicom, encode_dicom: Encode
) -> None:
    scans = decode(encode_dicom(make_enhanced(make_dicom)), "made")
    stored = (STORED % 1000).astype(np.float64)
    assert (scans[0].pixels == stored).all()
    assert (scans[1].pixels == 2 * stored + 10).all()
    third = 3 * stored + 20
    assert len(np.unique(scans[2].pixels[third < 500])) == 1
    assert [scan.position_mm for scan in scans] == [0, -5, -10]
    assert {scan.plane for scan in scans} == {"axial"}
    assert {scan.spacing_mm for scan in scans} == {(0.5, 0.75)}
    assert {scan.sides for scan in scans} == {("R", "A")}


def test_frames_without_groups_of_their_own_are_still_read(make_dicom: MakeDicom) -> None:
    ds = make_enhanced(make_dicom)
    del ds.PerFrameFunctionalGroupsSequence[1:]
    assert len(from_dataset(ds, "made")) == 3
    del ds.PerFrameFunctionalGroupsSequence
    del ds.SharedFunctionalGroupsSequence
    assert [scan.position_mm for scan in from_dataset(ds, "made")] == [0, 1, 2]


@pytest.mark.parametrize(
    ("orientation", "plane", "sides"),
    [
        (AXIAL, "axial", ("R", "A")),
        (CORONAL, "coronal", ("R", "H")),
        (SAGITTAL, "sagittal", ("A", "H")),
        ([0.97, 0.24, 0, -0.24, 0.97, 0], "axial", ("R", "A")),
        ([1, 0, 0, 0, 0.7071, -0.7071], None, ("R", "A")),
    ],
    ids=["axial", "coronal", "sagittal", "turned", "oblique"],
)
def test_plane_and_sides_follow_the_orientation(
    make_dicom: MakeDicom, orientation: list[float], plane: str | None, sides: tuple[str, str]
) -> None:
    ds = make_dicom(STORED, ImageOrientationPatient=orientation, ImagePositionPatient=[0, 0, 0])
    scan = one(from_dataset(ds, "made"))
    assert scan.plane == plane
    if plane is not None:
        assert scan.sides == sides


def test_position_is_along_the_normal(make_dicom: MakeDicom) -> None:
    for orientation, axis in ((AXIAL, 2), (CORONAL, 1), (SAGITTAL, 0)):
        positions = []
        for millimetres in (0.0, 4.0, 8.0):
            place = [17.0, -3.0, 5.0]
            place[axis] = millimetres
            ds = make_dicom(STORED, ImageOrientationPatient=orientation, ImagePositionPatient=place)
            positions.append(one(from_dataset(ds, "made")).position_mm)
        assert np.abs(np.diff(positions)) == pytest.approx([4, 4])


def test_instance_number_stands_in_for_the_position(make_dicom: MakeDicom) -> None:
    assert one(from_dataset(make_dicom(STORED, InstanceNumber="7"), "made")).position_mm == 7
    assert one(from_dataset(make_dicom(STORED), "made")).position_mm is None


@pytest.mark.parametrize(
    "elements",
    [
        {"ImageOrientationPatient": [1, 0, 0]},
        {"ImagePositionPatient": None, "ImageOrientationPatient": None},
        {"PixelSpacing": [0, 0]},
        {"InstanceNumber": None},
    ],
    ids=str,
)
def test_senseless_geometry_does_not_stop_the_reading(
    make_dicom: MakeDicom, elements: dict[str, Any]
) -> None:
    assert (one(from_dataset(make_dicom(STORED, **elements), "made")).pixels == STORED).all()


def test_body_part_is_read_from_either_place(make_dicom: MakeDicom) -> None:
    pixels = np.eye(20, dtype=np.uint8)
    region = Dataset()
    region.CodeMeaning = "Heart"
    anatomy = Dataset()
    anatomy.AnatomicRegionSequence = [region]
    group = Dataset()
    group.FrameAnatomySequence = [anatomy]
    headers = (
        {"BodyPartExamined": "KNEE"},
        {"AnatomicRegionSequence": [region]},
        {"SharedFunctionalGroupsSequence": [group]},
        {"BodyPartExamined": "", "AnatomicRegionSequence": []},
    )
    found = [from_dataset(make_dicom(pixels, **header), "made.dcm") for header in headers]
    assert [scans[0].body_part for scans in found] == ["KNEE", "HEART", "HEART", None]


def test_study_and_description_are_read(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED, StudyInstanceUID="1.9", SeriesDescription="t2_tse  tra\\0.5")
    scan = one(read_dicom(encode_dicom(ds), "made"))
    assert (scan.study_uid, scan.series_description) == ("1.9", "t2_tse tra 0.5")
    bare = one(from_dataset(make_dicom(STORED), "made"))
    assert (bare.study_uid, bare.series_description) == (None, None)


@pytest.mark.parametrize("text", ["x" * 500, "\x00\n\t", "\u202e\ud800"])
def test_description_is_one_short_printable_line(make_dicom: MakeDicom, text: str) -> None:
    ds = make_dicom(STORED)
    ds.add(pydicom.DataElement("SeriesDescription", "LO", text, validation_mode=0))
    found = one(from_dataset(ds, "made")).series_description
    assert found is None or (len(found) <= 64 and found.isprintable())


def test_color_becomes_luma(make_dicom: MakeDicom) -> None:
    color = np.random.default_rng(0).integers(0, 256, (20, 24, 3), dtype=np.uint8)
    ds = make_dicom(STORED.astype(np.uint8), SamplesPerPixel=3, PhotometricInterpretation="RGB")
    ds.PlanarConfiguration, ds.PixelData = 0, color.tobytes()
    luma = color @ np.array([0.299, 0.587, 0.114])
    np.testing.assert_allclose(one(from_dataset(ds, "made")).pixels, luma, rtol=1e-5)


def test_palette_is_looked_up(make_dicom: MakeDicom) -> None:
    ds = make_dicom((STORED % 4).astype(np.uint8), PhotometricInterpretation="PALETTE COLOR")
    for name in ("Red", "Green", "Blue"):
        setattr(ds, f"{name}PaletteColorLookupTableDescriptor", [4, 0, 8])
        setattr(ds, f"{name}PaletteColorLookupTableData", bytes([0, 200, 90, 255]))
        ds[f"{name}PaletteColorLookupTableDescriptor"].VR = "US"
    expected = np.array([0, 200, 90, 255])[STORED % 4]
    np.testing.assert_allclose(one(from_dataset(ds, "made")).pixels, expected, rtol=1e-5)


def test_float_pixels_are_read(make_dicom: MakeDicom) -> None:
    ds = make_dicom(STORED, BitsAllocated=32)
    values = (STORED / 7).astype(np.float32)
    del ds.PixelData, ds.BitsStored, ds.HighBit, ds.PixelRepresentation
    ds.FloatPixelData = values.tobytes()
    np.testing.assert_allclose(one(from_dataset(ds, "made")).pixels, values)


def test_no_pixel_data_is_said(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED)
    del ds.PixelData
    with pytest.raises(CorruptImageError, match=r"MR Image Storage.*no pixel data"):
        decode(encode_dicom(ds), "made")


@pytest.mark.parametrize("size", [0.999, 0.6, 0.5])
def test_truncated_pixels_are_damage(
    make_dicom: MakeDicom, encode_dicom: Encode, size: float
) -> None:
    content = encode_dicom(make_dicom(STORED))
    with pytest.raises(CorruptImageError, match="truncated"):
        decode(content[: int(size * len(content))], "made")


def test_every_truncation_is_an_image_error(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    content = encode_dicom(make_dicom(STORED))
    for size in range(4, len(content) - 2, 29):
        with pytest.raises(ImageError):
            decode(content[:size], "made")


def test_truncated_rle_is_damage(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED)
    ds.compress(RLELossless, generate_instance_uid=False)
    content = encode_dicom(ds)
    with pytest.raises(CorruptImageError):
        decode(content[: len(content) - 200], "made")


@pytest.mark.parametrize(
    "elements",
    [{"Rows": 0}, {"Columns": None}, {"NumberOfFrames": -3}],
    ids=str,
)
def test_senseless_size_is_damage(make_dicom: MakeDicom, elements: dict[str, Any]) -> None:
    ds = make_dicom(STORED)
    for keyword, value in elements.items():
        setattr(ds, keyword, value)
    with pytest.raises(CorruptImageError):
        from_dataset(ds, "made")


def test_more_frames_than_pixels_is_damage(make_dicom: MakeDicom) -> None:
    with pytest.raises(CorruptImageError):
        from_dataset(make_dicom(STORED, NumberOfFrames=4), "made")


def test_values_that_are_all_out_of_range_are_no_picture(make_dicom: MakeDicom) -> None:
    with pytest.raises(ImageContentError, match="NaN or infinite"):
        from_dataset(make_dicom(STORED, RescaleSlope="1e300", RescaleIntercept="0"), "made")


def test_syntax_that_is_not_decoded_is_named(make_dicom: MakeDicom) -> None:
    ds = make_dicom(STORED)
    ds.file_meta.TransferSyntaxUID = MPEG2MPML
    ds.PixelData = pydicom.encaps.encapsulate([b"\x00\x00\x01\xb3" * 4])
    with pytest.raises(UnsupportedFormatError, match=r"MPEG2.*1\.2\.840\.10008\.1\.2\.4\.100"):
        from_dataset(ds, "made")


@pytest.mark.parametrize(
    "limits", [Limits(max_pixels=400), Limits(max_frames=2), Limits(max_voxels=1000)], ids=str
)
def test_file_over_a_limit_is_refused(make_dicom: MakeDicom, limits: Limits) -> None:
    with pytest.raises(ImageTooLargeError):
        from_dataset(make_dicom(np.stack([STORED] * 3)), "made", limits)


def test_header_that_promises_a_huge_image_is_refused(make_dicom: MakeDicom) -> None:
    with pytest.raises(ImageTooLargeError):
        from_dataset(make_dicom(STORED, Rows=65_000, Columns=65_000), "made")


def test_deflate_bomb_is_refused(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    ds = make_dicom(STORED)
    ds.file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    ds.ImageComments = " " * 10_000
    ds.add_new(0x00091010, "OB", bytes(3_000_000))
    limits = Limits(max_ratio=5, free_bytes=100_000)
    with pytest.raises(ImageTooLargeError, match="unpacks to more"):
        decode(encode_dicom(ds), "made", limits)


def test_no_message_names_the_patient(make_dicom: MakeDicom, encode_dicom: Encode) -> None:
    content = encode_dicom(make_dicom(STORED))
    broken: list[Any] = [content[:size] for size in range(140, len(content) - 2, 53)]
    for keyword in ("Rows", "Columns"):
        ds = make_dicom(STORED, RescaleIntercept=0, WindowWidth=10)
        ds.add(pydicom.DataElement(keyword, "LO", PATIENT))
        broken.append(ds)
    messages = []
    for source in broken:
        with pytest.raises(ImageError) as caught:
            read_one(source)
        messages.append(caught.value.detail)
    for word in (*PATIENT.split("^"), "12345678"):
        assert not [message for message in messages if word in message]


def test_nothing_is_said_on_the_terminal(
    make_dicom: MakeDicom, encode_dicom: Encode, capfd: pytest.CaptureFixture[str]
) -> None:
    content = encode_dicom(make_dicom(STORED)).replace(b"Doe^Jane", b"Doe\xff\xfeane")
    decode(content, "made")
    decode(content[132:], "made")
    captured = capfd.readouterr()
    assert captured.out + captured.err == ""


def test_position_counts_more_than_the_number(make_dicom: MakeDicom) -> None:
    places = [3.0, -9.0, 0.0, 6.0]
    scans = [
        one(
            from_dataset(
                make_dicom(
                    STORED,
                    InstanceNumber=str(number),
                    ImageOrientationPatient=AXIAL,
                    ImagePositionPatient=[0, 0, place],
                ),
                "made",
            )
        )
        for number, place in enumerate(places)
    ]
    assert [scan.position_mm for scan in scans] == places
    assert len({scan.series_uid for scan in scans}) == 1


def test_a_length_that_reaches_too_far_tells_nothing_of_the_patient(
    make_dicom: Callable[..., FileDataset], make_head: Callable[..., np.ndarray]
) -> None:
    ds = make_dicom(make_head(), SOPInstanceUID="1.2.34", SeriesDescription="axial")
    ds.PatientName = "Doe^Jane"
    for keyword in ("SOPInstanceUID", "SeriesDescription"):
        stream = io.BytesIO()
        ds.save_as(stream, enforce_file_format=True)
        content = bytearray(stream.getvalue())
        tag = ds[keyword].tag
        at = content.index(struct.pack("<HH", tag.group, tag.element))
        end = content.index(b"Doe^Jane") + len("Doe^Jane")
        struct.pack_into("<H", content, at + 6, end - at - 8)
        (scan,) = read_dicom(bytes(content), "a.dcm", Limits())
        assert "Doe" not in repr(scan)
        assert scan.sop_instance_uid == "1.2.34"
        assert scan.series_description == "axial" or keyword == "SOPInstanceUID"
