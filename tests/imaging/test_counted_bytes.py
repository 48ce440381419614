"""Parsing ends, however many elements a file has."""

import struct
import time
from collections.abc import Callable

import numpy as np
import pydicom
import pytest
from pydicom.dataset import FileDataset

from tumorscope.errors import ImageError, ImageTooLargeError
from tumorscope.imaging import counted_bytes
from tumorscope.imaging.counted_bytes import MAX_READS, CountedBytes
from tumorscope.imaging.inputs.read import read_one


@pytest.mark.parametrize(
    ("start", "piece"),
    [
        (b"", bytes(8)),
        (bytes.fromhex("e17f0100") + b"SQ\0\0\xff\xff\xff\xff", bytes.fromhex("feff00e000000000")),
    ],
    ids=["elements", "items"],
)
def test_file_of_a_million_elements_is_given_up(
    encode_dicom: Callable[..., bytes],
    make_dicom: Callable[..., FileDataset],
    start: bytes,
    piece: bytes,
) -> None:
    content = encode_dicom(make_dicom(np.zeros((2, 2), np.uint8)))
    content += start + piece * 1_000_000
    begin = time.process_time()
    with pytest.raises(ImageError):
        read_one(content, name="bomb")
    assert time.process_time() - begin < 10


def _add(ds: pydicom.Dataset, tag: int, items: list[pydicom.Dataset]) -> None:
    ds.add_new(tag, "SQ", pydicom.Sequence(items))
    ds[tag].is_undefined_length = True
    for item in items:
        item.is_undefined_length_sequence_item = True


def make_enhanced(make_dicom: Callable[..., FileDataset], frames: int) -> FileDataset:
    """An enhanced image whose frames have 60 elements each, as those of scanners do.

    Sequences without a length are read as the file is; the others when they are asked for.
    """
    rng = np.random.default_rng(0)
    ds = make_dicom(rng.integers(0, 999, (frames, 64, 64), np.uint16))
    groups = []
    for index in range(frames):
        group = pydicom.Dataset()
        for place in range(10):
            values = pydicom.Dataset()
            for one in range(5):
                values.add_new((0x0018, 0x9000 + one), "FD", float(index))
            _add(group, 0x00189100 + place, [values])
        groups.append(group)
    _add(ds, 0x52009230, groups)
    return ds


@pytest.mark.parametrize("depth", ["items", "elements of an item", "items of an item's sequence"])
def test_sequence_with_a_length_is_counted_too(
    make_dicom: Callable[..., FileDataset],
    encode_dicom: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
    depth: str,
) -> None:
    monkeypatch.setattr(counted_bytes, "MAX_READS", 1_000)
    content = encode_dicom(make_dicom(np.zeros((2, 64, 64), np.uint8)))
    inside = _items(b"") * 5_000
    if depth == "elements of an item":
        inside = _items(b"\x18\0\x80\0DS\0\0" * 5_000)
    elif depth == "items of an item's sequence":
        inside = _items(_sequence(0x00209113, inside))
    pixels = content.index(bytes.fromhex("e07f1000"))
    content = content[:pixels] + _sequence(0x52009230, inside) + content[pixels:]
    with pytest.raises(ImageTooLargeError, match="too many elements"):
        read_one(content, name="bomb")


def test_damaged_sequence_that_nobody_asks_for_is_no_matter(
    make_dicom: Callable[..., FileDataset], encode_dicom: Callable[..., bytes]
) -> None:
    content = encode_dicom(make_dicom(np.eye(64, dtype=np.uint8)))
    pixels = content.index(bytes.fromhex("e07f1000"))
    content = content[:pixels] + _sequence(0x00541001, b"no items") + content[pixels:]
    assert len(read_one(content, name="made")) == 1


def _items(content: bytes) -> bytes:
    return bytes.fromhex("feff00e0") + struct.pack("<L", len(content)) + content


def _sequence(tag: int, content: bytes) -> bytes:
    return struct.pack("<HH2s2xL", tag >> 16, tag & 0xFFFF, b"SQ", len(content)) + content


def test_more_frames_may_have_more_elements(
    make_dicom: Callable[..., FileDataset],
    encode_dicom: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(counted_bytes, "MAX_READS", 1_000)
    content = encode_dicom(make_enhanced(make_dicom, frames=40))
    assert len(read_one(content, name="made")) == 40


def test_reads_are_counted() -> None:
    content = CountedBytes(bytes(8))
    for _ in range(MAX_READS):
        content.read(0)
    with pytest.raises(ImageTooLargeError, match="too many elements"):
        content.read(0)


def test_meta_information_of_a_million_elements_is_given_up() -> None:
    element = bytes.fromhex("02000201") + b"SH\0\0"
    begin = time.process_time()
    with pytest.raises(ImageTooLargeError, match="too many elements"):
        read_one(bytes(128) + b"DICM" + element * 1_000_000, name="bomb")
    assert time.process_time() - begin < 10
