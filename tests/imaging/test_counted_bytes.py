"""Parsing ends, however many elements a file has."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from pydicom.dataset import FileDataset

from tumorscope.errors import ImageError, ImageTooLargeError
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
