"""GDCM decodes what Pillow does not, and its crashes stay in its own process.

No encoder of lossless JPEG or JPEG-LS is installed, so the streams here are written out: the
smallest that the standards allow.
"""

import os
import struct
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydicom.encaps import encapsulate
from pydicom.uid import UID, JPEGBaseline8Bit, JPEGLosslessSV1, JPEGLSLossless

from tumorscope.errors import CorruptImageError, ImageError
from tumorscope.imaging.formats import gdcm_process, gdcm_worker
from tumorscope.imaging.formats.dicom import from_dataset
from tumorscope.imaging.inputs.read import decode

MakeDicom = Callable[..., Any]

SIDE = 16
FLAT = np.full((SIDE, SIDE), 2048, np.uint16)
"""What a lossless stream of zero differences stands for, at 12 bits of precision."""


def lossless_jpeg(*, rows: int = SIDE, differences: bytes | None = None) -> bytes:
    """Write ITU-T T.81 process 14: one Huffman code, ``0``, for a difference of zero."""
    frame = b"\xff\xc3\x00\x0b" + struct.pack(">BHHB", 12, rows, SIDE, 1) + b"\x01\x11\x00"
    table = b"\xff\xc4\x00\x14\x00" + bytes([1] + [0] * 15) + b"\x00"
    scan = b"\xff\xda\x00\x08\x01\x01\x00\x01\x00\x00"
    coded = bytes(SIDE * SIDE // 8) if differences is None else differences
    return b"\xff\xd8" + frame + table + scan + coded + b"\xff\xd9"


def dicom_of(make_dicom: MakeDicom, encoded: bytes, syntax: UID = JPEGLosslessSV1) -> Any:
    ds = make_dicom(FLAT, BitsStored=12, HighBit=11)
    ds.file_meta.TransferSyntaxUID = syntax
    ds.PixelData = encapsulate([encoded])
    ds["PixelData"].VR = "OB"
    return ds


@pytest.fixture
def worker() -> Any:
    """Give the worker with its process not yet started, and end that afterwards."""
    gdcm_process._WORKER.stop()
    yield gdcm_process._WORKER
    gdcm_process._WORKER.stop()


def crash(*_arguments: object) -> Any:
    """Start a worker that dies of its first frame."""
    import subprocess
    import sys

    code = "import os, sys; sys.stdin.buffer.read(8); os.abort()"
    return subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def test_lossless_jpeg_is_decoded(make_dicom: MakeDicom, worker: Any) -> None:
    (scan,) = from_dataset(dicom_of(make_dicom, lossless_jpeg()), "made")
    np.testing.assert_array_equal(scan.pixels, FLAT)


def test_one_process_serves_all_frames_and_threads(make_dicom: MakeDicom, worker: Any) -> None:
    ds = dicom_of(make_dicom, lossless_jpeg())
    pixels: list[np.ndarray] = []
    threads = [
        threading.Thread(target=lambda: pixels.append(from_dataset(ds, "made")[0].pixels))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    first = None
    for thread in threads:
        thread.join()
        first = first or worker._process.pid
    assert len(pixels) == 4
    assert worker._process.pid == first
    for one in pixels:
        np.testing.assert_array_equal(one, FLAT)


def test_crash_is_an_error_of_that_frame_alone(
    make_dicom: MakeDicom,
    worker: Any,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    ds = dicom_of(make_dicom, lossless_jpeg())
    with monkeypatch.context() as patch:
        patch.setattr(gdcm_process, "_start", crash)
        with pytest.raises(CorruptImageError, match=r"JPEG Lossless.*cannot be decoded"):
            from_dataset(ds, "made")
    (scan,) = from_dataset(ds, "made")
    np.testing.assert_array_equal(scan.pixels, FLAT)
    assert capfd.readouterr() == ("", "")


def test_frame_without_end_in_sight_is_given_up(
    make_dicom: MakeDicom, worker: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gdcm_process, "TIMEOUT_S", 0.0)
    with pytest.raises(CorruptImageError):
        from_dataset(dicom_of(make_dicom, lossless_jpeg()), "made")
    monkeypatch.setattr(gdcm_process, "TIMEOUT_S", 60.0)
    assert len(from_dataset(dicom_of(make_dicom, lossless_jpeg()), "made")) == 1


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_forked_child_starts_a_process_of_its_own(make_dicom: MakeDicom, worker: Any) -> None:
    ds = dicom_of(make_dicom, lossless_jpeg())
    from_dataset(ds, "made")
    parent = worker._process.pid
    worker._lock.acquire()  # as a thread that is reading at that moment would
    child = os.fork()
    if child == 0:
        status = 1
        try:
            same = (from_dataset(ds, "made")[0].pixels == FLAT).all()
            status = 0 if same and worker._process.pid != parent else 1
            worker.stop()
        finally:
            os._exit(status)
    worker._lock.release()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert (from_dataset(ds, "made")[0].pixels == FLAT).all()


@pytest.mark.parametrize(
    ("encoded", "syntax", "reason"),
    [
        (lossless_jpeg(rows=60_000), JPEGLosslessSV1, "compressed frame 60000 and 16"),
        (lossless_jpeg()[:20], JPEGLosslessSV1, "cannot be decoded"),
        (lossless_jpeg()[:6], JPEGLosslessSV1, "does not start as JPEG Lossless"),
        (b"not a stream at all", JPEGLSLossless, "does not start as JPEG-LS"),
        (lossless_jpeg() + bytes(70_000), JPEGLosslessSV1, "bytes instead of 512"),
        (lossless_jpeg(rows=17), JPEGBaseline8Bit, "compressed frame 17 and 16"),
    ],
    ids=["huge", "cut", "cut header", "no stream", "swollen", "other size"],
)
def test_damaged_frame_never_reaches_a_codec_or_is_refused_by_it(
    make_dicom: MakeDicom, encoded: bytes, syntax: UID, reason: str
) -> None:
    with pytest.raises(CorruptImageError, match=reason):
        from_dataset(dicom_of(make_dicom, encoded, syntax), "made")


def test_worker_says_nothing_for_a_frame_that_it_cannot_decode() -> None:
    description = {"syntax": str(JPEGLosslessSV1), "rows": 1}
    described = str(description).replace("'", '"').encode()
    read_end, write_end = os.pipe()
    with os.fdopen(write_end, "wb") as stream:
        stream.write(described + b"frame")
    with os.fdopen(read_end, "rb") as stream:
        assert gdcm_worker._answer(stream, len(described), 5) == b""


SYNTAXES = ("MR4_JPLY", "MR4_JPLL", "jpeg_lossless_sel1", "MR4_JLSL", "MR4_JLSN", "MR4_J2KR")


@pytest.mark.real_scans
@pytest.mark.parametrize("name", SYNTAXES)
def test_damaged_real_frames_are_errors(
    real_scans: Path, name: str, capfd: pytest.CaptureFixture[str]
) -> None:
    content = (real_scans / "dicom" / "transfer_syntaxes" / f"{name}.dcm").read_bytes()
    start = content.rfind(b"\xe0\x7f\x10\x00")
    random = np.random.default_rng(0)
    refused = 0
    for _ in range(40):
        damaged = bytearray(content)
        for place in start + random.integers(0, 150, 3):
            damaged[place] = random.integers(0, 256)
        try:
            decode(bytes(damaged), "damaged")
        except ImageError:
            refused += 1
    assert refused
    assert capfd.readouterr() == ("", "")
