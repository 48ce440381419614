"""Files that appear whole or not at all."""

import hashlib
import os
import stat
import sys

import pytest

from tumorscope.errors import UsageError
from tumorscope.system.files import (
    OWNER,
    check_output,
    check_output_folder,
    file_sha256,
    whole_file,
    write_whole,
)


def test_readers_see_the_old_file_until_the_new_one_is_whole(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with whole_file(path, "w", durable=True) as stream:
        stream.write("new\r\nline\n")
        stream.flush()
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new\r\nline\n"
    assert list(tmp_path.iterdir()) == [path]


def test_what_fails_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "a.bin"
    write_whole(path, b"old")
    with pytest.raises(TypeError), whole_file(path) as stream:
        stream.writelines([b"half", "of it"])
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_two_writers_at_once_do_not_meet(tmp_path):
    path = tmp_path / "a.txt"
    with whole_file(path) as one:
        one.write(b"one")
        with whole_file(path) as other:
            other.write(b"other")
        assert path.read_bytes() == b"other"
    assert path.read_bytes() == b"one"


def test_a_name_may_be_as_long_as_the_disk_allows(tmp_path):
    path = tmp_path / ("\N{GREEK SMALL LETTER ALPHA}" * 127)  # 254 bytes of 255
    write_whole(path, b"content")
    assert path.read_bytes() == b"content"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has other permissions")
def test_permissions_are_those_of_any_new_file_or_of_the_owner_alone(tmp_path):
    write_whole(tmp_path / "ours", b"")
    (tmp_path / "plain").write_bytes(b"")
    with whole_file(tmp_path / "secret", permissions=OWNER) as stream:
        assert stat.S_IMODE(os.fstat(stream.fileno()).st_mode) == 0o600
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("ours", "plain", "secret")]
    assert modes[0] == modes[1]
    assert modes[2] == 0o600


def test_outputs_that_are_there_are_refused(tmp_path):
    path = tmp_path / "a.txt"
    check_output(path, overwrite=False)
    check_output_folder(tmp_path, overwrite=False)
    path.write_text("kept")
    with pytest.raises(UsageError, match=r"a\.txt exists; .*--overwrite"):
        check_output(path, overwrite=False)
    with pytest.raises(UsageError, match=r"is not empty; .*--overwrite"):
        check_output_folder(tmp_path, overwrite=False)
    with pytest.raises(UsageError, match=r"is a file"):
        check_output_folder(path, overwrite=True)
    with pytest.raises(UsageError, match=r"folder .*none does not exist"):
        check_output(tmp_path / "none" / "a.txt", overwrite=True)
    check_output(path, overwrite=True)
    check_output_folder(tmp_path, overwrite=True)


def test_digest_of_a_file(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    assert file_sha256(tmp_path / "a") == hashlib.sha256(b"content").hexdigest()
