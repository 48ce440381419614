"""Tag by tag against Table E.1-1 of PS3.15."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pydicom
import pytest
from pydicom.datadict import dictionary_has_tag, dictionary_VR
from pydicom.dataset import Dataset, FileDataset
from pydicom.tag import Tag
from pydicom.uid import generate_uid

from tumorscope.imaging.deidentification.deidentifier import (
    BURNT_IN,
    Choices,
    Deidentifier,
    NotAnImageError,
    may_hold_text,
)
from tumorscope.imaging.deidentification.profile import OPTIONS, table

SECRET = "SECRET"  # noqa: S105
_VALUES: dict[str, Any] = {
    "AE": SECRET, "AS": "077Y", "CS": SECRET, "DA": "19770707", "DS": "77.5",
    "DT": "19770707070707", "FD": 77.5, "FL": 77.5, "IS": "77", "LO": SECRET, "LT": SECRET,
    "OB": b"SECRET", "OW": b"SECRET", "PN": "SECRET^SECRET", "SH": SECRET, "SL": 77, "SS": 77,
    "ST": SECRET, "TM": "070707", "UC": SECRET, "UI": "1.2.3.777.7", "UL": 77, "UN": b"SECRET",
    "UR": "http://SECRET", "US": 77, "UT": SECRET,
}  # fmt: skip

ROWS = [
    (tag, action, sorted(kept_by))
    for tag, (action, kept_by) in table().items()
    if dictionary_has_tag(tag) and tag >> 16 not in (0x0000, 0x0002, 0x0004)
]


def put(ds: Dataset, tag: int) -> None:
    """Give an element a value that must not be found again."""
    vr = dictionary_VR(tag).partition(" ")[0]
    if vr == "SQ":
        item = Dataset()
        item.PatientComments = SECRET
        item.ReferencedSOPInstanceUID = _VALUES["UI"]
        ds.add_new(tag, "SQ", [item])
    else:
        ds.add_new(tag, vr, _VALUES[vr])


@pytest.fixture
def image(make_dicom: Callable[..., FileDataset]) -> FileDataset:
    return make_dicom(np.zeros((4, 4), np.uint8), StudyInstanceUID="1.2.3.4")


def test_the_table_has_the_parts_of_the_profile() -> None:
    counts = dict.fromkeys(("X", "Z", "D", "U"), 0)
    for action, _ in table().values():
        counts[action[0]] += 1
    assert len(table()) > 640
    assert min(counts.values()) > 40
    assert table()[0x00100010] == ("Z", frozenset())
    assert {option for _, kept in table().values() for option in kept} == set(OPTIONS)


@pytest.mark.parametrize("nested", [False, True], ids=["top", "nested"])
def test_every_row_of_the_table(image: FileDataset, nested: bool) -> None:
    owner = image
    if nested:
        owner = Dataset()
        image.DimensionIndexSequence = [owner]  # not in the table
    for tag, _, _ in ROWS:
        if tag not in owner:
            put(owner, tag)
    Deidentifier().apply(image)
    wrong = []
    for tag, action, _ in ROWS:
        if not nested and tag in SET_ANEW:
            continue
        element = owner.get(Tag(tag))
        # What cannot be understood does not stay.
        if not _is_done("X" if dictionary_VR(tag) == "UN" else action, element):
            wrong.append((hex(tag), action, element))
    assert wrong == []
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, image, enforce_file_format=True)
    content = buffer.getvalue()
    for secret in (b"SECRET", b"1.2.3.777", b"Doe", b"12345678", b"19770707"):
        assert secret not in content


SET_ANEW = {0x00100010, 0x00100020, 0x00120062, 0x00120063, 0x00120064, 0x00280303}
"""Patient name and ID get a pseudonym."""


def _is_done(action: str, element: Any) -> bool:
    if action == "X":
        return element is None
    if element is None:
        return False
    if element.VR == "SQ":
        return SECRET not in str(element) and _VALUES["UI"] not in str(element)
    if action in ("Z", "X/Z"):
        return element.is_empty
    if action == "U":
        return str(element.value).startswith("2.25.")
    return not element.is_empty and element.value != _VALUES.get(element.VR)


@pytest.mark.parametrize("option", OPTIONS)
def test_an_option_keeps_what_its_column_keeps(image: FileDataset, option: Any) -> None:
    kept = [tag for tag, _, kept_by in ROWS if option in kept_by and tag not in image]
    for tag in kept:
        put(image, tag)
    before = {tag: image[tag].value for tag in kept if image[tag].VR != "SQ"}
    Deidentifier(Choices(retain=(option,))).apply(image)
    assert {tag: image[tag].value for tag in before} == before
    codes = [one.CodeValue for one in image.DeidentificationMethodCodeSequence]
    assert codes[0] == "113100"
    assert len(codes) == 2


def test_identifiers_are_mapped_the_same_way_in_a_run_and_not_in_another(
    make_dicom: Callable[..., FileDataset],
) -> None:
    images = [
        make_dicom(np.zeros((4, 4), np.uint8), InstanceNumber=number, StudyInstanceUID="1.2.3.4")
        for number in range(2)
    ]
    old = [str(one.SOPInstanceUID) for one in images]
    reference = Dataset()
    reference.ReferencedSOPInstanceUID, reference.ReferencedSOPClassUID = old[0], "1.2.840.10008.1"
    images[1].ReferencedImageSequence = [reference]
    run = Deidentifier()
    for one in images:
        run.apply(one)
    assert images[0].SeriesInstanceUID == images[1].SeriesInstanceUID
    assert images[0].SOPInstanceUID != images[1].SOPInstanceUID
    assert images[1].ReferencedImageSequence[0].ReferencedSOPInstanceUID == images[0].SOPInstanceUID
    assert images[1].ReferencedImageSequence[0].ReferencedSOPClassUID == "1.2.840.10008.1"
    assert images[0].file_meta.MediaStorageSOPInstanceUID == images[0].SOPInstanceUID
    assert images[0].PatientID == images[1].PatientID
    assert images[0].PatientIdentityRemoved == "YES"
    assert Deidentifier().uid(old[0]) != run.uid(old[0])


def test_private_unknown_and_overlay_elements_go(image: FileDataset) -> None:
    block = image.private_block(0x0029, "MAKER", create=True)
    block.add_new(0x10, "LO", SECRET)
    image.add_new(0x60003000, "OW", b"SECRET")
    image.add_new(0x60000010, "US", 4)
    image.add_new(0x50003000, "OW", b"SECRET")
    image.add_new(0x00189999, "UN", b"SECRET")
    Deidentifier().apply(image)
    assert not [
        one
        for one in image
        if one.tag.is_private or (one.tag.group >= 0x5000 and one.tag.group < 0x7000)
    ]
    assert SECRET not in str(image)


def test_dates_are_moved_by_the_same_days(make_dicom: Callable[..., FileDataset]) -> None:
    images = [
        make_dicom(np.zeros((4, 4), np.uint8), StudyDate=day, PatientBirthDate="19500101")
        for day in ("20200301", "20200311")
    ]
    images[0].AcquisitionDateTime = "20200301101112.5"
    run = Deidentifier(Choices(shift_dates=True))
    for one in images:
        run.apply(one)
    days = [
        np.datetime64(f"{one.StudyDate[:4]}-{one.StudyDate[4:6]}-{one.StudyDate[6:]}")
        for one in images
    ]
    assert days[1] - days[0] == np.timedelta64(10, "D")
    assert days[0] < np.datetime64("2020-03-01")
    assert images[0].AcquisitionDateTime[:8] == images[0].StudyDate
    assert images[0].AcquisitionDateTime[8:] == "101112.5"
    assert not images[0].PatientBirthDate
    assert images[0].LongitudinalTemporalInformationModified == "MODIFIED"


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        ({}, False),
        ({"BurnedInAnnotation": "YES"}, True),
        ({"Modality": "OT"}, True),
        ({"Modality": "OT", "BurnedInAnnotation": "NO"}, False),
        ({"ImageType": ["DERIVED", "SECONDARY", "MPR"]}, True),
        ({"ConversionType": "WSD"}, True),
    ],
)
def test_pixels_that_may_hold_text_are_told(
    make_dicom: Callable[..., FileDataset], elements: dict[str, Any], expected: bool
) -> None:
    ds = make_dicom(np.zeros((4, 4), np.uint8), StudyInstanceUID="1.2", **elements)
    assert may_hold_text(ds) is expected
    assert Deidentifier().apply(ds) == ([BURNT_IN] if expected else [])


def test_a_report_is_refused() -> None:
    ds = Dataset()
    ds.SOPClassUID = pydicom.uid.BasicTextSRStorage
    ds.SOPInstanceUID = generate_uid()
    with pytest.raises(NotAnImageError, match="not an image"):
        Deidentifier().apply(ds)
