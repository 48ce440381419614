from pathlib import Path

import numpy as np
import pytest

from tumorscope.audit.duplicates import copies
from tumorscope.audit.duplicates.copies import look_at
from tumorscope.audit.duplicates.descriptor_cache import open_look_cache
from tumorscope.data.collection import open_collection
from tumorscope.errors import UsageError


@pytest.fixture
def folder(save, make_picture, tmp_path: Path) -> Path:
    for seed in range(5):
        save(f"scans/{seed}.png", make_picture(seed))
    return tmp_path / "scans"


def test_an_interrupted_run_goes_on_where_it_stopped(folder: Path, tmp_path: Path, monkeypatch):
    seen: list[int] = []
    take = copies.take_look

    def dying(pixels, sha256):
        seen.append(1)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return take(pixels, sha256)

    monkeypatch.setattr(copies, "take_look", dying)
    monkeypatch.setattr(copies, "_COMMIT_EVERY", 1)
    collection = open_collection(folder)
    with pytest.raises(KeyboardInterrupt), open_look_cache(tmp_path / "cache") as cache:
        look_at(collection, cache)
    with open_look_cache(tmp_path / "cache") as cache:
        looks, failures = look_at(collection, cache)

    assert (len(seen), failures) == (6, {})  # three kept, one lost, two more
    with open_look_cache(None) as cache:
        for again, kept in zip(look_at(collection, cache)[0], looks, strict=True):
            assert again.key == kept.key
            assert again.sha256 == kept.sha256


def test_a_changed_file_is_looked_at_again(folder: Path, save, make_picture, tmp_path: Path):
    collection = open_collection(folder)
    with open_look_cache(tmp_path / "cache") as cache:
        before = look_at(collection, cache)[0]
        save("scans/2.png", np.flipud(make_picture(9)))
        after = look_at(collection, cache)[0]

    changed = [a.key != b.key for a, b in zip(before, after, strict=True)]
    assert changed == [False, False, True, False, False]


def test_what_cannot_be_read_is_told_and_the_rest_goes_on(folder: Path):
    (folder / "1.png").write_bytes(b"no picture")

    with open_look_cache(None) as cache:
        looks, failures = look_at(open_collection(folder), cache)

    assert list(failures) == [1]
    assert [look.is_blank for look in looks] == [False, True, False, False, False]


def test_another_file_is_refused_as_cache(tmp_path: Path):
    (tmp_path / "notes.txt").write_text("mine, and long enough to be no database at all" * 20)

    with pytest.raises(UsageError, match="cache"), open_look_cache(tmp_path / "notes.txt"):
        pass
    assert (tmp_path / "notes.txt").read_text().startswith("mine")
