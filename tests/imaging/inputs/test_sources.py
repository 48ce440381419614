import gzip
import io
import os
import struct
import sys
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tumorscope.errors import (
    CorruptImageError,
    ImageError,
    ImageTooLargeError,
    UnsupportedFormatError,
)
from tumorscope.imaging.inputs.sources import SourceFile, expand, expand_content, natural_key
from tumorscope.imaging.limits import Limits
from tumorscope.imaging.scan import ReadFailure

PNG = b"\x89PNG\r\n\x1a\n and so on"

WriteZip = Callable[..., Path]


@pytest.fixture
def write_zip(tmp_path: Path) -> WriteZip:
    def write(
        members: dict[str, bytes], name: str = "made.zip", kind: int = zipfile.ZIP_DEFLATED
    ) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(path, "w", kind) as archive:
            for member, content in members.items():
                archive.writestr(member, content)
        return path

    return write


def make_files(folder: Path, names: Iterable[str], content: bytes = PNG) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


def names(items: Iterable[SourceFile | ReadFailure], folder: Path) -> list[str]:
    found = []
    for item in items:
        assert isinstance(item, SourceFile), item
        found.append(str(Path(item.name).relative_to(folder)))
    return found


def failure(items: Iterable[SourceFile | ReadFailure]) -> ReadFailure:
    (item,) = items
    assert isinstance(item, ReadFailure), item
    return item


def contents(items: Iterable[SourceFile | ReadFailure]) -> list[bytes | type[ImageError]]:
    """Content of each file, or the kind of its error."""
    found: list[bytes | type[ImageError]] = []
    for item in items:
        if isinstance(item, ReadFailure):
            found.append(type(item.error))
            continue
        try:
            found.append(item.read())
        except ImageError as error:
            found.append(type(error))
    return found


def test_folder_is_walked_in_natural_order(tmp_path: Path) -> None:
    make_files(tmp_path, ["s10.png", "s2.png", "b/1.png", "S1.png", "b/a/0.png", "s2b.png"])
    found = names(expand([tmp_path]), tmp_path)
    assert sorted(found) == sorted(
        ["s10.png", "s2.png", "b/1.png", "S1.png", "b/a/0.png", "s2b.png"]
    )
    assert [name for name in found if name.startswith("s")] == ["s2.png", "s2b.png", "s10.png"]
    assert found.index("b/1.png") == found.index("b/a/0.png") - 1
    assert found == names(expand([tmp_path]), tmp_path)


def test_numbers_in_names_count_as_numbers() -> None:
    texts = ["a10", "a9", "a", "a9b2", "a9b10", "1-2", "1-10", "\u0663", "9" * 5000, ""]
    ordered = sorted(texts, key=natural_key)
    for first, second in (("a9", "a10"), ("a9b2", "a9b10"), ("1-2", "1-10"), ("a", "a9")):
        assert ordered.index(first) < ordered.index(second)


def test_companions_and_hidden_files_are_left_out(tmp_path: Path) -> None:
    make_files(tmp_path, ["scan.png", "IM0001"])
    make_files(tmp_path, ["notes.txt", "labels.csv", "report.pdf"], b"words")
    make_files(tmp_path, [".hidden.png", ".git/1.png", "__MACOSX/._1.png", "DICOMDIR"])
    assert names(expand([tmp_path]), tmp_path) == ["IM0001", "scan.png"]


def test_image_names_are_tried_whatever_they_hold(tmp_path: Path) -> None:
    make_files(tmp_path, ["broken.png", "old.gif", "volume.nii.gz"], b"words")
    assert names(expand([tmp_path]), tmp_path) == ["broken.png", "old.gif", "volume.nii.gz"]


def test_file_named_is_tried_whatever_its_name(tmp_path: Path) -> None:
    make_files(tmp_path, ["notes.txt", ".hidden"])
    paths = [tmp_path / "notes.txt", tmp_path / ".hidden"]
    assert names(expand(paths), tmp_path) == ["notes.txt", ".hidden"]


def test_arguments_keep_their_order_and_may_repeat(tmp_path: Path) -> None:
    make_files(tmp_path, ["2.png", "1.png"])
    paths = [tmp_path / "2.png", tmp_path / "1.png", tmp_path / "2.png"]
    assert names(expand(paths), tmp_path) == ["2.png", "1.png", "2.png"]


def test_missing_path_is_a_failure_in_its_place(tmp_path: Path) -> None:
    make_files(tmp_path, ["1.png", "2.png"])
    items = list(expand([tmp_path / "1.png", tmp_path / "missing.png", tmp_path / "2.png"]))
    assert [type(item) for item in items] == [SourceFile, ReadFailure, SourceFile]
    assert isinstance(items[1], ReadFailure)
    assert items[1].source == str(tmp_path / "missing.png")
    assert "check the path" in items[1].error.detail


@pytest.mark.parametrize("files", [[], ["notes.txt", "a/b.csv"]], ids=["empty", "companions"])
def test_folder_with_nothing_to_read_is_a_failure(tmp_path: Path, files: list[str]) -> None:
    make_files(tmp_path, files, b"words")
    assert "holds no file that could be a scan" in failure(expand([tmp_path])).error.detail


def test_path_that_no_file_can_have_is_a_failure() -> None:
    for path in ("a" * 5000, "a\x00b"):
        assert isinstance(failure(expand([path])).error, ImageError)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="the system has no named pipes")
def test_pipes_and_loops_in_a_folder_are_not_followed(tmp_path: Path) -> None:
    make_files(tmp_path, ["1.png"])
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "dangling.png").symlink_to(tmp_path / "missing.png")
    found = [item.name for item in expand([tmp_path]) if isinstance(item, SourceFile)]
    assert found == [str(tmp_path / "1.png")]


def test_file_that_vanishes_is_an_error(tmp_path: Path) -> None:
    make_files(tmp_path, ["1.png"])
    (item,) = expand([tmp_path])
    (tmp_path / "1.png").unlink()
    assert isinstance(item, SourceFile)
    with pytest.raises(ImageError, match=r"1\.png"):
        item.read()


def test_file_over_the_limit_is_an_error(tmp_path: Path) -> None:
    make_files(tmp_path, ["1.png"], bytes(100))
    assert contents(expand([tmp_path], Limits(max_bytes=100))) == [bytes(100)]
    assert contents(expand([tmp_path], Limits(max_bytes=99))) == [ImageTooLargeError]


def test_zip_is_opened_in_natural_order(write_zip: WriteZip) -> None:
    path = write_zip({"s/10.png": PNG, "s/2.png": PNG + b"2", "s/": b"", "notes.txt": b"words"})
    items = list(expand([path]))
    assert names(items, path) == ["s/2.png", "s/10.png"]


def test_members_are_read_while_the_archive_is_walked(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": PNG, "b.png": PNG + b"2"})
    assert contents(expand([path])) == [PNG, PNG + b"2"]
    assert contents(expand_content("made", path.read_bytes())) == [PNG, PNG + b"2"]


def test_zip_is_told_by_its_content(write_zip: WriteZip) -> None:
    assert contents(expand([write_zip({"a.png": PNG}, name="study.bin")])) == [PNG]


def test_zip_in_a_folder_is_opened(write_zip: WriteZip, tmp_path: Path) -> None:
    write_zip({"a.png": PNG}, name="in/study.zip")
    make_files(tmp_path, ["in/1.png"])
    assert len(contents(expand([tmp_path / "in"]))) == 2


def test_system_files_in_a_zip_are_left_out(write_zip: WriteZip) -> None:
    path = write_zip(
        {"a/b/c.png": PNG, "__MACOSX/a/._c.png": PNG, ".DS_Store": b"x", "a/.hidden/c.png": PNG}
    )
    assert names(expand([path]), path) == ["a/b/c.png"]


def test_names_in_a_zip_lead_nowhere(write_zip: WriteZip, tmp_path: Path) -> None:
    path = write_zip({"../../escape.png": PNG, "/etc/escape.png": PNG})
    before = sorted(tmp_path.rglob("*"))
    assert contents(expand([path])) == [PNG, PNG]
    assert sorted(tmp_path.rglob("*")) == before


def test_zip_with_nothing_to_read_is_a_failure(write_zip: WriteZip) -> None:
    for members in ({}, {"notes.txt": b"words"}):
        found = failure(expand([write_zip(members)]))
        assert "holds no file that could be a scan" in found.error.detail


def test_encrypted_member_is_an_error_and_the_rest_is_read(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": PNG, "b.png": PNG}, kind=zipfile.ZIP_STORED)
    content = bytearray(path.read_bytes())
    first = content.index(b"PK\x01\x02")
    content[first + 8] |= 1  # general purpose flag of the directory's first entry
    content[6] |= 1  # and of its local header
    path.write_bytes(content)
    assert contents(expand([path])) == [UnsupportedFormatError, PNG]
    (item, *_) = expand([path])
    assert isinstance(item, SourceFile)


def test_member_that_cannot_be_looked_into_is_an_error_where_it_has_no_ending(
    write_zip: WriteZip,
) -> None:
    names = ("DICOM/IM0001", "DICOM/IM.0002", "readme.txt")
    path = write_zip(dict.fromkeys(names, PNG), kind=zipfile.ZIP_LZMA)
    found = [item for item in expand([path]) if isinstance(item, SourceFile)]
    assert [item.name.removeprefix(f"{path}/") for item in found] == [*names[:2]]
    for item in found:
        with pytest.raises(UnsupportedFormatError, match="not opened"):
            item.read()


def test_scan_that_is_packed_in_a_way_that_is_not_read_is_an_error(tmp_path: Path) -> None:
    for name in ("a.png.gz", "b.ima.xz", "notes.txt.gz"):
        (tmp_path / name).write_bytes(gzip.compress(PNG))
    found = [item.name for item in expand([tmp_path]) if isinstance(item, SourceFile)]
    assert [Path(name).name for name in found] == ["a.png.gz", "b.ima.xz"]


def test_damaged_member_is_an_error_and_the_rest_is_read(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": PNG, "b.png": PNG}, kind=zipfile.ZIP_STORED)
    content = path.read_bytes()
    path.write_bytes(content.replace(PNG, PNG[:-1] + b"X", 1))
    assert contents(expand([path])) == [CorruptImageError, PNG]


@pytest.mark.parametrize("size", [0.2, 0.5, 0.9])
def test_truncated_zip_is_a_failure(write_zip: WriteZip, size: float) -> None:
    path = write_zip({"a.png": PNG * 50, "b.png": PNG})
    content = path.read_bytes()
    path.write_bytes(content[: int(size * len(content))])
    assert isinstance(failure(expand([path])).error, CorruptImageError)


def test_zip_bomb_is_refused_before_it_is_unpacked(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": bytes(2_000_000), "b.png": PNG})
    limits = Limits(max_ratio=10, free_bytes=100_000)
    found = failure(expand([path], limits))
    assert isinstance(found.error, ImageTooLargeError)
    assert "2,000," in found.error.detail


def test_bomb_among_honest_members_is_refused(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": bytes(2_000_000), "b.png": os.urandom(1_000_000)})
    limits = Limits(max_ratio=10, free_bytes=100_000)
    kinds = [
        type(one) if isinstance(one, bytes) else one for one in contents(expand([path], limits))
    ]
    assert kinds == [ImageTooLargeError, bytes]


def test_member_that_lies_about_its_size_gives_no_more(write_zip: WriteZip) -> None:
    path = write_zip({"a.png": PNG + bytes(1_000_000)})
    content = bytearray(path.read_bytes())
    directory = content.index(b"PK\x01\x02")
    for place in (22, directory + 24):
        content[place : place + 4] = struct.pack("<I", 100)
    path.write_bytes(content)
    assert contents(expand([path])) in ([CorruptImageError], [(PNG + bytes(100))[:100]])


@pytest.mark.parametrize(
    "limits", [Limits(max_files=2), Limits(max_archive_bytes=50)], ids=["files", "bytes"]
)
def test_zip_over_a_limit_is_refused(write_zip: WriteZip, limits: Limits) -> None:
    path = write_zip({f"{index}.png": PNG for index in range(3)})
    assert isinstance(failure(expand([path], limits)).error, ImageTooLargeError)


def test_zip_64_directory_that_claims_too_much_is_refused() -> None:
    end64 = b"PK\x06\x06" + struct.pack("<QHHIIQQQQ", 44, 45, 45, 0, 0, 10**9, 10**9, 2**40, 0)
    locator = b"PK\x06\x07" + struct.pack("<IQI", 0, 4, 1)
    end = b"PK\x05\x06" + struct.pack("<HHHHIIH", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0)
    with pytest.raises(ImageTooLargeError):
        list(expand_content("made", b"PK\x03\x04" + end64 + locator + end))


def test_zip_in_a_zip_is_named_and_not_opened(write_zip: WriteZip) -> None:
    inner = write_zip({"a.png": PNG}, name="inner.zip").read_bytes()
    path = write_zip({"b.png": PNG, "inner.zip": inner}, name="outer.zip")
    assert names(expand([path]), path) == ["b.png", "inner.zip"]


def pipe_in(monkeypatch: pytest.MonkeyPatch, content: bytes) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))


def test_standard_input_is_one_file(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, PNG)
    (item,) = expand(["-"])
    assert isinstance(item, SourceFile)
    assert (item.name, item.read()) == ("stdin", PNG)


def test_standard_input_may_be_a_zip(monkeypatch: pytest.MonkeyPatch, write_zip: WriteZip) -> None:
    pipe_in(monkeypatch, write_zip({"a.png": PNG}).read_bytes())
    (item,) = expand(["-"])
    assert isinstance(item, SourceFile)
    assert item.name == "stdin/a.png"


def test_standard_input_over_the_limit_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    pipe_in(monkeypatch, bytes(100))
    found = failure(expand(["-"], Limits(max_bytes=99)))
    assert isinstance(found.error, ImageTooLargeError)
