"""Whatever a user points the command at: a clear error in its place, and the rest is answered."""

import hashlib
import io
import os
import struct
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from PIL import Image
from pydicom.dataset import FileDataset

from tests.cli.conftest import Result

Head = Callable[..., np.ndarray]
Run = Callable[..., Result]
MakeDicom = Callable[..., FileDataset]
Encode = Callable[..., bytes]


def encode(picture: np.ndarray | Image.Image, kind: str, **options: Any) -> bytes:
    buffer = io.BytesIO()
    picture = picture if isinstance(picture, Image.Image) else Image.fromarray(picture)
    picture.save(buffer, kind, **options)
    return buffer.getvalue()


def png_header(columns: int, rows: int) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", columns, rows, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def nifti(voxels: np.ndarray) -> bytes:
    return bytes(nibabel.Nifti1Image(voxels, np.eye(4)).to_bytes())


def packed(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


@pytest.fixture
def bad_files(
    make_head: Head, make_dicom: MakeDicom, encode_dicom: Encode
) -> dict[str, tuple[bytes, str, str]]:
    """Content, type of error and words of its detail, by name."""
    head = make_head()
    dicom = encode_dicom(make_dicom(head))
    no_pixels = make_dicom(head)
    del no_pixels.PixelData
    many = make_dicom(head, NumberOfFrames=2_000_000_000)
    volume = np.stack([head] * 3, axis=-1)
    flat, hole = np.full((64, 64), 7, np.uint8), head.astype(np.float32)
    hole[:] = np.nan
    return {
        "empty.png": (b"", "corrupt-image", "empty (0 bytes)"),
        "text.png": (b"some words\n" * 50, "unsupported-format", "is not PNG"),
        "cut.jpg": (encode(head, "JPEG")[:2000], "corrupt-image", "truncated"),
        "cut.dcm": (dicom[: len(dicom) // 2], "corrupt-image", "truncated"),
        "header_only.dcm": (dicom[:400], "corrupt-image", "truncated"),
        "no_pixels.dcm": (encode_dicom(no_pixels), "corrupt-image", "no pixel data"),
        "frames.dcm": (encode_dicom(many), "image-too-large", "2,000,000,000 frames"),
        "cut.nii": (nifti(volume)[:5000], "corrupt-image", "truncated"),
        "complex.nii": (nifti(volume.astype(np.complex64)), "unsupported-format", "complex64"),
        "bomb.zip": (packed({"a.png": bytes(100_000_000)}), "image-too-large", "100,000,000"),
        "wide.png": (png_header(60_000, 60_000), "image-too-large", "64,000,000 pixels"),
        "nan.tif": (encode(hole, "TIFF"), "image-content", "NaN"),
        "constant.png": (encode(flat, "PNG"), "image-content", "same value (7)"),
        "one.png": (encode(flat[:1, :1], "PNG"), "image-content", "1 rows and 1 columns"),
    }


BAD_NAMES = [
    *("empty.png", "text.png", "cut.jpg", "cut.dcm", "header_only.dcm", "no_pixels.dcm"),
    *("frames.dcm", "cut.nii", "complex.nii", "bomb.zip", "wide.png", "nan.tif"),
    *("constant.png", "one.png"),
]


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_all_bad_files_are_tried(bad_files: dict[str, tuple[bytes, str, str]]) -> None:
    assert list(bad_files) == BAD_NAMES


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_file_is_an_error_and_the_rest_is_answered(
    run: Run, scans: Path, bad_files: dict[str, tuple[bytes, str, str]], name: str
) -> None:
    content, kind, words = bad_files[name]
    (scans / f"1_{name}").write_bytes(content)  # between 1.png and 2.png
    before = hashes(scans)
    result = run(scans, "--format", "json")
    assert result.code == 1
    errors = [one for one in result.lines if one["kind"] == "error"]
    assert [(one["source"], one["error"]["type"]) for one in errors] == [
        (str(scans / f"1_{name}"), kind)
    ]
    assert words in errors[0]["error"]["detail"]
    assert errors[0]["error"]["title"]
    images = [one["source"] for one in result.lines if one["kind"] == "image"]
    assert images == [str(scans / "1.png"), str(scans / "2.png")] + [str(scans / "3.nii")] * 3
    assert result.err == ""
    assert hashes(scans) == before


@pytest.mark.parametrize("name", BAD_NAMES)
def test_bad_file_on_the_standard_input(
    bad_files: dict[str, tuple[bytes, str, str]],
    run: Run,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
) -> None:
    content, kind, words = bad_files[name]
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
    result = run("-", "--format", "json")
    assert result.code == 1
    (answer,) = result.lines
    assert (answer["source"], answer["error"]["type"]) == ("stdin", kind)
    assert words in answer["error"]["detail"]


def test_all_bad_files_through_a_real_process(
    scans: Path, bad_files: dict[str, tuple[bytes, str, str]], tiny_artifact_path: Path
) -> None:
    for name, (content, _, _) in bad_files.items():
        (scans / name).write_bytes(content)
    done = subprocess.run(
        [
            *(sys.executable, "-m", "tumorscope", "predict", str(scans), "--format", "csv"),
            *("--model", str(tiny_artifact_path)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert len(done.stderr.splitlines()) == len(bad_files)
    assert sum(line.startswith("error,") for line in done.stdout.splitlines()) == len(bad_files)
    assert sum(line.startswith("image,") for line in done.stdout.splitlines()) == 5


@pytest.mark.parametrize("voxel", [np.nan, np.inf])
def test_hole_in_a_slice_is_background(
    run: Run, make_head: Head, tmp_path: Path, voxel: float
) -> None:
    voxels = np.stack([make_head(seed=i) for i in range(3)], axis=-1).astype(np.float32)
    voxels[5, 5, 1] = voxel
    (tmp_path / "v.nii").write_bytes(nifti(voxels))
    result = run(tmp_path / "v.nii", "--format", "json")
    assert result.code == 0
    kinds = [(one["kind"], one["slice_index"]) for one in result.lines[:-1]]
    assert kinds == [("image", 0), ("image", 1), ("image", 2)]
    assert result.lines[-1]["failed_slices"] == 0


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("", "path is empty"),
        ("a\x00b", "path"),
        ("x" * 300, "cannot be opened"),
        ("nope", "no file"),
    ],
    ids=["empty", "with a null byte", "too long", "missing"],
)
def test_path_that_is_none(run: Run, scans: Path, path: str, words: str) -> None:
    result = run(path, scans / "1.png", "--format", "json")
    assert result.code == 1
    assert [one["kind"] for one in result.lines] == ["error", "image"]
    assert words in result.lines[0]["error"]["detail"]


@pytest.mark.parametrize("files", [[], ["notes.txt", "table.csv"]], ids=["empty", "other files"])
def test_folder_with_nothing_to_read(
    run: Run, scans: Path, tmp_path: Path, files: list[str]
) -> None:
    folder = tmp_path / "notes"
    folder.mkdir()
    for name in files:
        (folder / name).write_text("words")
    result = run(folder, scans / "1.png", "--format", "json")
    assert result.code == 1
    assert [one["kind"] for one in result.lines] == ["error", "image"]
    assert f"({len(files)} of other kinds)" in result.lines[0]["error"]["detail"]


def test_what_is_left_out_of_a_folder_is_said(run: Run, scans: Path) -> None:
    (scans / "notes.txt").write_text("words")
    (scans / "linked").symlink_to(scans)
    result = run(scans, "--format", "json")
    assert result.code == 0
    first, second = result.err.splitlines()
    assert "linked" in first
    assert "1 files of the folder" in second


def test_links_that_lead_nowhere_are_errors(run: Run, scans: Path) -> None:
    (scans / "a.png").symlink_to(scans / "missing.png")
    (scans / "b.png").symlink_to(scans / "b.png")
    result = run(scans, "--format", "json")
    assert result.code == 1
    assert [one["source"] for one in result.lines if one["kind"] == "error"] == [
        str(scans / "a.png"),
        str(scans / "b.png"),
    ]
    assert len(result.lines) == 8


@pytest.mark.skipif(os.name != "posix", reason="the system has no such permissions")
@pytest.mark.parametrize(
    ("target", "bits"), [("closed", 0o311), ("closed", 0o644), ("closed/1.png", 0)]
)
def test_without_permission(
    scans: Path,
    run: Run,
    tiny_artifact_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: str,
    bits: int,
) -> None:
    (scans / "closed").mkdir()
    (scans / "1.png").rename(scans / "closed" / "1.png")
    monkeypatch.chdir(scans)  # a plain user may not come here by the whole path
    scans.chmod(0o755)
    Path(".tiny").write_bytes(tiny_artifact_path.read_bytes())
    assert run(".", model=Path(".tiny")).code == 0  # all modules are loaded now
    (scans / target).chmod(bits)
    with as_plain_user():
        result = run(".", "--format", "csv", model=Path(".tiny"))
    (scans / target).chmod(0o755)
    assert result.code == 1
    assert result.err == f"{result.err.partition(':')[0]}: {CANNOT[target]}: Permission denied.\n"
    assert [line[:6] for line in result.out.splitlines()].count("image,") == 4


CANNOT = {"closed": "The folder cannot be opened", "closed/1.png": "The file cannot be opened"}


@contextmanager
def as_plain_user() -> Iterator[None]:
    """Give up the rights of the administrator for a while."""
    user = os.geteuid()
    if user == 0:
        os.seteuid(65534)
    try:
        yield
    finally:
        if user == 0:
            os.seteuid(0)


def test_zip_in_a_zip_and_names_that_lead_out(run: Run, scans: Path, tmp_path: Path) -> None:
    picture = (scans / "1.png").read_bytes()
    names = ("../../evil.png", "/evil.png", "C:\\evil.png", "a\nb\x1b[31m.png")
    archive = tmp_path / "study.zip"
    archive.write_bytes(packed(dict.fromkeys(names, picture) | {"in.zip": packed({"a.png": b""})}))
    before = hashes(tmp_path)
    maps = tmp_path / "deep" / "maps"
    result = run(archive, "--format", "json", "--heatmaps", maps)
    assert result.code == 1
    kinds = {one["source"]: one["kind"] for one in result.lines}
    assert kinds[f"{archive}/in.zip"] == "error"
    assert list(kinds.values()).count("image") == 4
    assert not any(ord(letter) < 32 for source in kinds for letter in source)
    assert len(list(maps.iterdir())) == 4
    assert {name: value for name, value in hashes(tmp_path).items() if "maps" not in name} == before


ODD_PICTURES: dict[str, Callable[[np.ndarray], bytes]] = {
    "alpha.png": lambda head: encode(Image.fromarray(head).convert("RGBA"), "PNG"),
    "grey_alpha.png": lambda head: encode(Image.fromarray(head).convert("LA"), "PNG"),
    "palette.png": lambda head: encode(Image.fromarray(head).convert("P"), "PNG"),
    "16_bit.png": lambda head: encode(head.astype(np.uint16) * 257, "PNG"),
    "animated.webp": lambda head: encode(
        head, "WEBP", save_all=True, append_images=[Image.fromarray(head[::-1])], lossless=True
    ),
    "animated.png": lambda head: encode(
        head, "PNG", save_all=True, append_images=[Image.fromarray(head[::-1])]
    ),
    "wrong_name.jpg": lambda head: encode(head, "BMP"),
    "no_name": lambda head: encode(head, "TIFF"),
    "exif.png": lambda head: _turned(head, "PNG"),
    "int8.nii": lambda head: nifti((head // 2).astype(np.int8).T[::-1, ::-1, None]),
    "4d.nii": lambda head: nifti(np.stack([head.T[::-1, ::-1, None]] * 2, -1).astype(np.int16)),
}


def _turned(head: np.ndarray, kind: str) -> bytes:
    """Store a picture lying on its side, with the note that says so."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(np.rot90(head), kind, exif=exif)


@pytest.mark.parametrize("name", ODD_PICTURES)
def test_odd_picture_gives_the_answer_of_the_plain_one(
    run: Run, make_head: Head, tmp_path: Path, name: str
) -> None:
    head = make_head(blob=(62, 94))
    (tmp_path / "0.png").write_bytes(encode(head, "PNG"))
    (tmp_path / name).write_bytes(ODD_PICTURES[name](head))
    result = run(tmp_path / "0.png", tmp_path / name, "--format", "json")
    assert (result.code, len(result.lines)) == (0, 2)
    plain, odd = (one["probabilities"]["tumor"] for one in result.lines)
    assert odd == pytest.approx(plain, abs=0.02 if name == "int8.nii" else 1e-6)


def test_jpegs_in_cmyk_and_turned_come_close(run: Run, make_head: Head, tmp_path: Path) -> None:
    head = make_head(blob=(62, 94))
    (tmp_path / "0.png").write_bytes(encode(head, "PNG"))
    cmyk = encode(Image.fromarray(head).convert("CMYK"), "JPEG", quality=98)
    (tmp_path / "cmyk.jpg").write_bytes(cmyk)
    (tmp_path / "turned.jpg").write_bytes(_turned(head, "JPEG"))
    plain, *odd = (one["localization"]["peak"] for one in run(tmp_path, "--format", "json").lines)
    assert plain is not None
    for peak in odd:
        assert np.hypot(*np.subtract(peak, plain)) < 3


def test_pages_of_a_tiff_are_slices_of_a_series(run: Run, make_head: Head, tmp_path: Path) -> None:
    pages = [Image.fromarray(make_head(seed=seed)) for seed in range(3)]
    (tmp_path / "p.tif").write_bytes(
        encode(pages[0], "TIFF", save_all=True, append_images=pages[1:])
    )
    result = run(tmp_path / "p.tif", "--format", "json")
    assert [one["kind"] for one in result.lines] == ["image"] * 3 + ["series"]


def test_heat_maps_inside_an_input_are_refused(run: Run, scans: Path) -> None:
    before = hashes(scans)
    result = run(scans, "--heatmaps", scans / "maps")
    assert (result.code, result.out) == (2, "")
    assert "lies inside the input" in result.err
    assert hashes(scans) == before
    assert not (scans / "maps").exists()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no full device")
@pytest.mark.parametrize("style", ["table", "json", "csv"])
def test_output_that_is_full(scans: Path, tiny_artifact_path: Path, style: str) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [
                *(sys.executable, "-m", "tumorscope", "predict", str(scans)),
                *("--format", style, "--model", str(tiny_artifact_path)),
            ],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 2
    assert done.stderr == "tumorscope: Cannot read or write: No space left on device.\n"


def test_closed_standard_input(tiny_artifact_path: Path) -> None:
    command = '"$1" -m tumorscope predict - --model "$2" <&-'
    done = subprocess.run(
        ["sh", "-c", command, "sh", sys.executable, str(tiny_artifact_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "standard input is closed" in done.stderr
    assert "Traceback" not in done.stderr


def test_samples_where_no_folder_can_be(
    tumorscope: Run, scans: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    result = tumorscope("samples", scans / "1.png" / "x")
    assert result.code == 2
    assert result.err.count("\n") == 1
    again = tumorscope("samples", scans / "new")
    assert again.code == 0
    before = hashes(scans)
    assert tumorscope("samples", scans / "new").code == 2
    assert hashes(scans) == before


@pytest.fixture
def manifest(scans: Path) -> Path:
    path = scans / "manifest.csv"
    path.write_text(
        "set,path,tumor,patient_id,group_id,split\n"
        "made,1.png,1,p1,g1,train\n"
        "made,2.png,0,p2,g2,test\n"
    )
    return path


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("2.png", "9.png"), "Row 3, column path: there is no file '9.png'"),
        ((",0,", ",maybe,"), "Row 3, column tumor: received 'maybe'"),
        (("g2", "g1"), "group g1 (train: 1.png, test: 2.png)"),
        (("p2", "p1"), "patient made/p1 (train: 1.png, test: 2.png)"),
        (("2.png", "1.png"), "is already in row 2"),
        (("tumor", "label"), "column 'tumor' is missing"),
        (("test", "tset"), "column split: received 'tset'"),
    ],
    ids=["missing file", "label", "group twice", "patient twice", "row twice", "column", "split"],
)
def test_bad_manifest_is_refused_before_anything_is_written(
    tumorscope: Run,
    tiny_artifact_path: Path,
    manifest: Path,
    tmp_path: Path,
    change: tuple[str, str],
    words: str,
) -> None:
    pytest.importorskip("sklearn", reason="the extra [train] is not installed")
    manifest.write_text(manifest.read_text().replace(*change))
    output = tmp_path / "report"
    result = tumorscope(*("evaluate", manifest, "--output", output, "--model", tiny_artifact_path))
    assert (result.code, result.out) == (2, "")
    assert words in result.err
    assert result.err.count("\n") == 1
    assert not output.exists()
