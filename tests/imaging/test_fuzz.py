"""Damaged files of every format give an ImageError or pixels, quickly, and nothing else."""

import contextlib
import functools
import gzip
import io
import zipfile
from collections.abc import Callable
from typing import Any

import nibabel
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image
from pydicom.encaps import encapsulate
from pydicom.uid import DeflatedExplicitVRLittleEndian, JPEG2000Lossless, RLELossless

from tumorscope.errors import ImageError
from tumorscope.imaging.inputs.read import decode
from tumorscope.imaging.inputs.sources import SourceFile, expand_content
from tumorscope.imaging.limits import Limits

SMALL = Limits(
    max_bytes=1_000_000,
    max_pixels=250_000,
    max_frames=20,
    max_voxels=500_000,
    max_archive_bytes=1_000_000,
    free_bytes=1_000_000,
)
GREY = np.random.default_rng(0).integers(0, 256, (24, 20), dtype=np.uint8)
BOUNDED = settings(
    max_examples=80,
    deadline=5000,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def raster(kind: str, pixels: np.ndarray = GREY, **options: Any) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, kind, **options)
    return buffer.getvalue()


def tiff_pages() -> bytes:
    page = Image.fromarray(GREY)
    return raster("TIFF", save_all=True, append_images=[page, page], compression="tiff_lzw")


def nifti(kind: type = nibabel.Nifti1Image) -> bytes:
    voxels = np.random.default_rng(0).integers(0, 999, (9, 8, 7)).astype(np.int16)
    return bytes(kind(voxels, np.eye(4)).to_bytes())


def made_zip() -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.png", raster("PNG"))
        archive.writestr("b/c.nii", nifti())
    return buffer.getvalue()


FILES: dict[str, Callable[[], bytes]] = {
    "png": lambda: raster("PNG"),
    "png-16": lambda: raster("PNG", 200 * GREY.astype(np.uint16)),
    "jpeg": lambda: raster("JPEG"),
    "jpeg-progressive": lambda: raster("JPEG", progressive=True),
    "bmp": lambda: raster("BMP"),
    "webp": lambda: raster("WEBP", lossless=True),
    "tiff": lambda: raster("TIFF", GREY.astype(np.float32)),
    "tiff-pages": tiff_pages,
    "nifti-1": nifti,
    "nifti-2": lambda: nifti(nibabel.Nifti2Image),
    "nifti-gz": lambda: gzip.compress(nifti()),
}


@st.composite
def mutations(draw: st.DrawFn) -> Callable[[bytes], bytes]:
    """Overwrite, cut out, repeat and cut off; mostly near the beginning, where the header is."""
    edits = draw(
        st.lists(
            st.tuples(
                st.sampled_from(["set", "set", "set", "delete", "repeat", "cut"]),
                st.one_of(st.integers(0, 600), st.integers(0, 10_000)),
                st.one_of(
                    st.binary(min_size=1, max_size=4), st.just(b"\xff" * 4), st.just(bytes(4))
                ),
            ),
            min_size=1,
            max_size=5,
        )
    )
    return functools.partial(_mutate, edits=edits)


def _mutate(content: bytes, edits: list[tuple[str, int, bytes]]) -> bytes:
    data = bytearray(content)
    for kind, place, value in edits:
        at = place % max(1, len(data))
        if kind == "set":
            data[at : at + len(value)] = value
        elif kind == "delete":
            del data[at : at + len(value)]
        elif kind == "repeat":
            data[at:at] = data[at : at + 16 * len(value)]
        elif place % 4 == 0:
            del data[at:]
    return bytes(data)


def check(content: bytes) -> None:
    with contextlib.suppress(ImageError):
        scans = decode(content, "fuzzed", SMALL)
        assert scans
        for scan in scans:
            assert scan.pixels.ndim == 2
            assert scan.pixels.dtype == np.float32
            assert scan.pixels.size <= SMALL.max_pixels


@pytest.mark.parametrize("kind", FILES)
@BOUNDED
@given(mutate=mutations())
def test_damaged_file(kind: str, mutate: Callable[[bytes], bytes]) -> None:
    check(mutate(_whole(kind)))


@functools.cache
def _whole(kind: str) -> bytes:
    content = FILES[kind]()
    assert decode(content, "whole", SMALL)
    return content


@pytest.fixture(scope="module")
def dicom_files(
    make_dicom: Callable[..., Any], encode_dicom: Callable[..., bytes]
) -> dict[str, bytes]:
    stored = 16 * GREY.astype(np.uint16)
    files = {
        "plain": make_dicom(stored, WindowCenter=900, WindowWidth=700, RescaleSlope=2),
        "frames": make_dicom(np.stack([stored] * 3)),
        "deflated": make_dicom(stored),
        "rle": make_dicom(stored),
        "jpeg-2000": make_dicom(GREY),
    }
    files["deflated"].file_meta.TransferSyntaxUID = DeflatedExplicitVRLittleEndian
    files["rle"].compress(RLELossless)
    files["jpeg-2000"].file_meta.TransferSyntaxUID = JPEG2000Lossless
    files["jpeg-2000"].PixelData = encapsulate([raster("JPEG2000", no_jp2=True)])
    encoded = {name: encode_dicom(ds) for name, ds in files.items()}
    for content in encoded.values():
        assert decode(content, "whole", SMALL)
    return encoded


@pytest.mark.parametrize("kind", ["plain", "frames", "deflated", "rle", "jpeg-2000"])
@BOUNDED
@given(mutate=mutations())
def test_damaged_dicom(
    dicom_files: dict[str, bytes], kind: str, mutate: Callable[[bytes], bytes]
) -> None:
    content = dicom_files[kind]
    check(mutate(content))
    check(content[:132] + mutate(content[132:]))


@BOUNDED
@given(mutate=mutations())
def test_damaged_zip(mutate: Callable[[bytes], bytes]) -> None:
    with contextlib.suppress(ImageError):
        for item in expand_content("fuzzed.zip", mutate(_whole_zip()), SMALL):
            if isinstance(item, SourceFile):
                with contextlib.suppress(ImageError):
                    assert len(item.read()) <= SMALL.max_bytes


@functools.cache
def _whole_zip() -> bytes:
    content = made_zip()
    assert len(list(expand_content("whole.zip", content, SMALL))) == 2
    return content


@BOUNDED
@given(content=st.binary(max_size=600))
def test_any_bytes(content: bytes) -> None:
    check(content)
    check(bytes(128) + b"DICM" + content)
    check(b"\x08\x00" + content)
