from collections.abc import Callable
from pathlib import Path

import pytest

from tumorscope.data.manifest import (
    COLUMNS,
    ManifestRow,
    read_manifest,
    read_manifests,
    write_manifest,
    write_table,
)
from tumorscope.errors import ManifestError, UsageError


@pytest.fixture
def picture(save, make_picture):
    return save("a.png", make_picture(0))


def test_empty_cells_stay_unknown(write_csv, picture):
    path = write_csv([{"set": "s", "path": picture, "tumor": "", "width": "", "mask": ""}])

    (row,) = read_manifest(path)

    assert row == ManifestRow(set="s", path=picture, tumor=None)
    assert row.width is None


def test_what_is_written_reads_back(tmp_path: Path, picture):
    rows = [
        ManifestRow(set="s", path=picture, tumor=None, site="s/X", split="excluded"),
        ManifestRow(
            set="s",
            path=picture,
            tumor=1,
            slice_index=0,
            plane="coronal",
            type="glioma",
            patient_id="p",
            width=12,
            group_id="g",
            split="train",
            sha256="ab",
        ),
    ]

    write_manifest(tmp_path / "out.csv", rows)

    assert read_manifest(tmp_path / "out.csv") == rows
    assert (tmp_path / "out.csv").read_text().splitlines()[0].split(",") == list(COLUMNS)


def test_an_existing_file_is_not_overwritten_unless_asked(tmp_path: Path, picture):
    target = tmp_path / "out.csv"
    target.write_text("mine")
    row = ManifestRow(set="s", path=picture, tumor=1)

    with pytest.raises(UsageError, match=r"out\.csv exists"):
        write_manifest(target, [row])
    assert target.read_text() == "mine"

    write_manifest(target, [row], overwrite=True)
    assert read_manifest(target) == [row]


def test_a_write_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path):
    target = tmp_path / "out.csv"
    target.write_text("mine")

    def rows():
        yield {"a": 1}
        raise RuntimeError

    with pytest.raises(RuntimeError):
        write_table(target, ["a"], rows(), overwrite=True)

    assert target.read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize(
    ("cells", "message"),
    [
        ({"path": "gone.png"}, r"Row 2, column path: there is no file 'gone.png'"),
        ({"mask": "gone.png"}, r"Row 2, column mask: there is no file 'gone.png'"),
        ({"tumor": "yes"}, r"Row 2, column tumor: received 'yes'; use 0, 1 or leave it empty"),
        ({"type": "lymphoma"}, r"column type: received 'lymphoma'; use glioma"),
        ({"tumor": "0", "type": "glioma"}, r"column type: received 'glioma' where tumor is 0"),
        ({"tumor": "", "type": "glioma"}, r"column type: received 'glioma' where tumor is empty"),
        ({"tumor": "1", "type": "stroke"}, r"column type: received 'stroke' where tumor is 1"),
        ({"split": "dev"}, r"column split: received 'dev'; use train, val"),
        ({"plane": "oblique"}, r"column plane: received 'oblique'"),
        ({"width": "-3"}, r"column width: received '-3'; use a whole number"),
        ({"set": ""}, r"column set: is empty"),
    ],
)
def test_a_bad_cell_is_named(write_csv, picture, cells, message):
    path = write_csv([{"set": "s", "path": picture, "tumor": "1", **cells}])

    with pytest.raises(ManifestError, match=message):
        read_manifest(path)


def test_a_row_that_is_there_twice_is_named(write_csv, picture):
    row = {"set": "s", "path": picture, "tumor": "1"}

    with pytest.raises(ManifestError, match=r"Row 3, column path: 'a\.png' is already in row 2"):
        read_manifest(write_csv([row, row]))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is empty"),
        ("set,path,tumor\n", "contains no rows"),
        ("set,path\ns,a.png\n", "column 'tumor' is missing"),
        ("set,path,tumor\ns,a.png\n", "Row 2 has more or fewer cells"),
        ("set,path,tumor\ns,a.png,1,2\n", "Row 2 has more or fewer cells"),
        ("set,path,tumor\n\x00\xff", "is not a CSV file in UTF-8"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, picture, text, message):
    path = tmp_path / "m.csv"
    path.write_bytes(text.encode("latin-1"))

    with pytest.raises(ManifestError, match=message):
        read_manifest(path)


def test_a_missing_manifest_is_named(tmp_path: Path):
    with pytest.raises(ManifestError, match=r"none\.csv cannot be read: No such file"):
        read_manifest(tmp_path / "none.csv")


def test_paths_are_relative_to_the_root(write_csv, save, make_picture, tmp_path: Path):
    save("folder/b.png", make_picture(1))
    path = write_csv([{"set": "s", "path": "b.png", "tumor": "1"}])

    with pytest.raises(ManifestError, match="no file"):
        read_manifest(path)
    assert read_manifest(path, root=tmp_path / "folder")[0].path == "b.png"


@pytest.mark.parametrize("mark", [";", "\t"])
def test_columns_may_be_parted_as_spreadsheets_do(tmp_path: Path, mark: str):
    (tmp_path / "a.png").write_bytes(b"")
    (tmp_path / "m.csv").write_text(f"set{mark}path{mark}tumor\nx{mark}a.png{mark}1\n")
    (row,) = read_manifest(tmp_path / "m.csv")
    assert (row.set, row.path, row.tumor) == ("x", "a.png", 1)


def test_lesions_that_are_no_tumors_are_named(write_csv: Callable[..., Path]) -> None:
    rows = [
        {"set": "a", "path": "1.png", "tumor": "0", "type": "stroke"},
        {"set": "a", "path": "2.png", "tumor": "", "type": "tuberculoma"},
        {"set": "a", "path": "3.png", "tumor": "1", "type": "schwannoma"},
    ]
    path = write_csv(rows)
    read = read_manifest(path, check_files=False)
    assert [row.type for row in read] == ["stroke", "tuberculoma", "schwannoma"]


def test_several_manifests_are_one_and_a_picture_stands_in_one_of_them(tmp_path: Path) -> None:
    one, other = tmp_path / "one.csv", tmp_path / "other.csv"
    for path, name in ((one, "1.png"), (other, "2.png")):
        (tmp_path / name).write_bytes(b"x")
        path.write_text(f"set,path,tumor\na,{name},1\n")
    rows = read_manifests([one, other], root=tmp_path)
    assert [row.path for row in rows] == ["1.png", "2.png"]
    with pytest.raises(ManifestError, match=r"'1\.png' is in .*one\.csv and in .*one\.csv"):
        read_manifests([one, one], root=tmp_path)


def test_only_path_and_tumor_are_needed_and_other_columns_are_carried(
    tmp_path: Path, picture
) -> None:
    (tmp_path / "cases.csv").write_text(f"path,tumor,age\n{picture},1,61\n")
    (row,) = read_manifest(tmp_path / "cases.csv")
    assert (row.set, row.tumor, row.extra) == ("cases", 1, {"age": "61"})
    assert (row.value("age"), row.value("site"), row.value("tumor")) == ("61", None, "1")
    write_manifest(tmp_path / "again.csv", [row])
    assert read_manifest(tmp_path / "again.csv") == [row]


@pytest.mark.parametrize(
    "text",
    [
        "sep=;\npath;tumor\na.png;1\n",
        '"sep=\t"\r\npath\ttumor\r\na.png\t1\r\n',
        "path,tumor,\na.png,1,\n",
        "path,tumor,,,\na.png,1,,,\n,,,,\n",
        "path,tumor\na.png,1,\n,\n",
        '\ufeff"path";"tumor";"a,b,c,d,e"\na.png;1;4,5\n',
        'path,tumor,"a;b;c;d"\na.png,1,x\n',
    ],
    ids=["sep", "quoted sep", "empty column", "empty columns and row", "empty cells", "a", "b"],
)
def test_what_a_spreadsheet_adds_is_passed_over(text: str, tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text(text, newline="")
    (row,) = read_manifest(path, check_files=False)
    assert (row.path, row.tumor) == ("a.png", 1)


def test_lines_are_counted_from_the_first(tmp_path: Path) -> None:
    path = tmp_path / "m.csv"
    path.write_text("sep=;\npath;tumor\na.png;2\n")
    with pytest.raises(ManifestError, match="Row 3, column tumor"):
        read_manifest(path, check_files=False)
