import errno
import hashlib
import shutil
from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.public import download as module
from tumorscope.data.public.download import ATTEMPTS, Download
from tumorscope.data.public_set import RemoteFile
from tumorscope.errors import FetchError

CONTENT = np.random.default_rng(0).bytes(700_000)


@pytest.fixture
def lines() -> list[str]:
    return []


@pytest.fixture
def fetch(tmp_path: Path, lines: list[str]):
    def call(file: RemoteFile, **options) -> Path:
        return Download(tell=lines.append, pause_s=0, **options).fetch(file, tmp_path)

    return call


def test_a_file_arrives_whole(server, fetch, tmp_path):
    path = fetch(server.offer("a.zip", CONTENT))

    assert path == tmp_path / "a.zip"
    assert path.read_bytes() == CONTENT
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]
    assert server.asked == [None]


def test_a_cut_connection_is_gone_on_with(server, fetch):
    server.cut_after = [300_000, 200_000]

    assert fetch(server.offer("a.zip", CONTENT)).read_bytes() == CONTENT
    assert server.asked == [None, "bytes=300000-", "bytes=500000-"]


def test_a_later_run_goes_on_where_the_last_stopped(server, fetch, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:123_456])

    assert fetch(server.offer("a.zip", CONTENT)).read_bytes() == CONTENT
    assert server.asked == ["bytes=123456-"]


def test_a_server_without_ranges_starts_again(server, fetch, tmp_path):
    (tmp_path / "a.zip.part").write_bytes(CONTENT[:123_456])
    server.knows_ranges = False

    assert fetch(server.offer("a.zip", CONTENT)).read_bytes() == CONTENT


def test_a_busy_server_is_asked_again(server, fetch, lines):
    server.statuses = [503, 429]

    assert fetch(server.offer("a.zip", CONTENT)).read_bytes() == CONTENT
    assert "answered 503" in lines[0]


def test_a_server_that_brings_nothing_is_given_up(server, fetch, tmp_path):
    server.cut_after = [1000, *[0] * ATTEMPTS]

    with pytest.raises(FetchError, match=r"ended early, 5 times in a row. 1,000 of 700,000 bytes"):
        fetch(server.offer("a.zip", CONTENT))
    assert (tmp_path / "a.zip.part").read_bytes() == CONTENT[:1000]


def test_no_server_is_told_as_such(fetch):
    with pytest.raises(FetchError, match=r"refused.*0 of 9 bytes"):
        fetch(RemoteFile("a.zip", "http://127.0.0.1:9/a.zip", 9, "0" * 64))


@pytest.mark.parametrize("change", [b"x" + CONTENT[1:], CONTENT + b"x"], ids=["other", "longer"])
def test_another_content_is_not_believed(server, fetch, tmp_path, change):
    file = server.offer("a.zip", CONTENT)
    server.files["a.zip"] = change

    with pytest.raises(FetchError, match=r"the recipe says 700,000 bytes and [0-9a-f]{64}"):
        fetch(file)
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_there_is_told_once(server, fetch):
    with pytest.raises(FetchError, match=r"answered 404 .*--from"):
        fetch(RemoteFile("b.zip", f"{server.url}/b.zip", 9, "0" * 64))
    assert len(server.asked) == 1


def test_a_file_that_is_there_is_taken_or_left_alone(server, fetch, tmp_path):
    file = server.offer("a.zip", CONTENT)
    (tmp_path / "a.zip").write_bytes(CONTENT)
    assert fetch(file).read_bytes() == CONTENT
    assert server.asked == []

    (tmp_path / "a.zip").write_bytes(b"mine")
    with pytest.raises(FetchError, match="is not overwritten"):
        fetch(file)
    assert (tmp_path / "a.zip").read_bytes() == b"mine"


def test_a_mirror_takes_the_place_of_the_origin(server, fetch):
    server.offer("a b.zip", CONTENT)
    server.files["mirror/a%20b.zip"] = server.files.pop("a b.zip")
    file = RemoteFile("a b.zip", "http://127.0.0.1:9/x", len(CONTENT), sha256_of(CONTENT))

    assert fetch(file, mirror=f"{server.url}/mirror/").read_bytes() == CONTENT


def test_other_kinds_of_address_are_refused(fetch):
    with pytest.raises(FetchError, match="http:// or https://"):
        fetch(RemoteFile("a.zip", "file:///etc/hosts", 9, "0" * 64))


def test_too_little_room_is_told_before_anything_arrives(server, fetch, monkeypatch):
    usage = shutil.disk_usage("/")._replace(free=1000)
    monkeypatch.setattr(module.shutil, "disk_usage", lambda _: usage)

    with pytest.raises(FetchError, match=r"1,000 bytes free and 700,000 are needed"):
        fetch(server.offer("a.zip", CONTENT))
    assert server.asked == []


def test_a_disk_that_fills_up_is_told(server, fetch, monkeypatch):
    def copy(answer, stream, *, at_most):
        stream.write(answer.read(1000))
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(module, "_copy", copy)
    with pytest.raises(FetchError, match=r"The disk is full at 1,000 bytes"):
        fetch(server.offer("a.zip", CONTENT))


def test_a_place_that_cannot_be_written_is_told(server, fetch, tmp_path):
    (tmp_path / "a.zip.part").mkdir()

    with pytest.raises(FetchError, match="cannot be written"):
        fetch(server.offer("a.zip", b"x" * 1_000_000))


def sha256_of(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
