from pathlib import Path

import pytest

from tumorscope.data.collection import join_collections, open_collection
from tumorscope.errors import UsageError


def test_a_folder_is_read_with_the_labels_of_its_folders(save, make_picture, tmp_path: Path):
    names = ("no_tumor", "glioma_tumor", "Training/pituitary", "yes", "other")
    for name in names:
        save(f"set/{name}/a.png", make_picture(0))
    (tmp_path / "set/notes.txt").write_text("no picture")

    collection = open_collection(tmp_path / "set")

    assert {row.path: (row.tumor, row.type) for row in collection.rows} == {
        "no_tumor/a.png": (0, None),
        "glioma_tumor/a.png": (1, "glioma"),
        "Training/pituitary/a.png": (1, "pituitary"),
        "yes/a.png": (1, None),
        "other/a.png": (None, None),
    }
    assert {row.set for row in collection.rows} == {"set"}


def test_a_manifest_keeps_its_sets(save, make_picture, write_csv, tmp_path: Path):
    rows = [
        {"set": name, "path": save(f"{name}.png", make_picture(0)), "tumor": 1} for name in "ab"
    ]

    collection = open_collection(write_csv(rows))

    assert [row.set for row in collection.rows] == ["a", "b"]
    assert collection.file(collection.rows[0]) == tmp_path / "a.png"


def test_joined_collections_are_told_apart(save, make_picture, tmp_path: Path):
    for folder in ("x/scans", "y/scans"):
        save(f"{folder}/a.png", make_picture(0))

    joined = join_collections([open_collection(tmp_path / one / "scans") for one in "xy"])

    assert [row.set for row in joined.rows] == ["scans (1)", "scans (2)"]
    assert all(joined.file(row).is_file() for row in joined.rows)


@pytest.mark.parametrize("name", ["empty", "missing"])
def test_nothing_to_look_at_is_told(tmp_path: Path, name):
    (tmp_path / "empty").mkdir()

    with pytest.raises(UsageError, match=name):
        open_collection(tmp_path / name)


def test_masks_beside_images_are_their_masks(save, make_picture, tmp_path: Path):
    for name in ("yes/a.png", "yes/a_mask.png", "yes/b-seg.png", "yes/b.png", "yes/c_mask.png"):
        save(f"set/{name}", make_picture(0))

    rows = open_collection(tmp_path / "set").rows

    assert {row.path: row.mask for row in rows} == {
        "yes/a.png": "yes/a_mask.png",
        "yes/b.png": "yes/b-seg.png",
        "yes/c_mask.png": None,  # of no image
    }
