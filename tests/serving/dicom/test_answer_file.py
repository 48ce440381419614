"""Whole lines, whatever the disk says."""

import errno
import json
import os
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tumorscope.serving.dicom.answer_file import AnswerFile


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "answers.jsonl"


@pytest.fixture
def file(path: Path) -> Iterator[AnswerFile]:
    made = AnswerFile(path)
    yield made
    made.close()


def test_line_that_could_not_be_written_leaves_nothing(
    file: AnswerFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file.write({"a": 1})
    write = os.write

    def half(descriptor: int, content: bytes) -> int:
        if len(content) < 10:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, content[: len(content) - 5])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", half)
        with pytest.raises(OSError, match="No space"):
            file.write({"b": "x" * 100})
    file.write({"c": 3})
    assert [json.loads(line) for line in path.read_text().splitlines()] == [{"a": 1}, {"c": 3}]


def test_line_of_another_process_is_not_cut_off_with_half_a_line(
    file: AnswerFile, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, write = AnswerFile(path), os.write
    writing = threading.Thread(target=other.write, args=({"b": 2},))

    def half(descriptor: int, content: bytes) -> int:
        if threading.current_thread() is writing:
            return write(descriptor, content)
        write(descriptor, content[:3])
        writing.start()
        writing.join(0.5)
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "write", half)
    with pytest.raises(OSError, match="No space"):
        file.write({"a": 1})
    writing.join()
    other.close()
    assert path.read_text() == '{"b": 2}\n'


def test_name_of_a_new_file_is_on_the_disk(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    monkeypatch.setattr(os, "fsync", lambda file: synced.append(os.fstat(file).st_ino))
    AnswerFile(path).close()
    assert synced == [path.parent.stat().st_ino]


def test_file_is_its_owners_alone_and_one_that_was_there_keeps_its_mode(path: Path) -> None:
    AnswerFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.chmod(0o640)
    AnswerFile(path).close()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_reopened_file_is_the_new_one(file: AnswerFile, path: Path) -> None:
    file.write({"a": 1})
    moved = path.rename(path.with_suffix(".1"))
    file.write({"b": 2})
    file.reopen()
    file.write({"c": 3})
    assert moved.read_text() == '{"a": 1}\n{"b": 2}\n'
    assert path.read_text() == '{"c": 3}\n'


def test_what_is_no_file_is_written_too() -> None:
    file = AnswerFile(Path("/dev/null"))
    file.write({"a": 1})
    file.close()
