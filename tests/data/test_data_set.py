"""A stranger's folder or manifest as a data set, and what is said of one that cannot be used."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.check import auroc_margin, check_data_set, describe_data_set
from tumorscope.data.data_set import Reading, open_data_set
from tumorscope.data.pipeline import check_manifests
from tumorscope.errors import TumorscopeError


@pytest.fixture
def folder(save, make_picture, tmp_path: Path) -> Path:
    for index in range(6):
        name = f"mine/{'yes' if index % 2 else 'no'}/p{index // 2}_{index}.png"
        save(name, make_picture(index))
    return tmp_path / "mine"


def test_a_folder_is_a_data_set_with_groups(folder: Path) -> None:
    data = open_data_set(folder)
    assert [row.tumor for row in data.rows] == [0, 0, 0, 1, 1, 1]
    assert len({row.group_id for row in data.rows}) == 6
    assert any("6 of them have no known patient" in note for note in data.notes)


def test_patients_come_from_a_pattern(folder: Path) -> None:
    data = open_data_set(folder, reading=Reading(patient_pattern=r"/(p\d+)_"))
    assert {row.patient_id for row in data.rows} == {"p0", "p1", "p2"}
    assert len({row.group_id for row in data.rows}) == 3
    assert data.notes[0] == r"6 images have their patient from the path, by '/(p\\d+)_'."


def test_patients_come_from_dicom_as_pseudonyms(
    folder: Path, make_dicom, encode_dicom, make_picture
) -> None:
    for index in range(2):
        content = encode_dicom(make_dicom(make_picture(40 + index)))
        (folder / "yes" / f"{index}.dcm").write_bytes(content)
    data = open_data_set(folder)
    patients = {row.patient_id for row in data.rows if row.path.endswith("dcm")}
    assert len(patients) == 1
    assert None not in patients
    assert "12345678" not in str(data.rows)


def test_other_folder_names_are_told(save, make_picture, tmp_path: Path) -> None:
    for name in ("Cases", "Control"):
        save(f"mine/{name}/a.png", make_picture(len(name)))
    reading = Reading(labels=("cases=glioma", "control=no_tumor"))
    rows = open_data_set(tmp_path / "mine", reading=reading).rows
    assert [(row.tumor, row.type) for row in rows] == [(1, "glioma"), (0, None)]


def test_copies_are_one_group(save, make_picture, tmp_path: Path) -> None:
    picture = make_picture(0)
    save("mine/yes/a.png", picture)
    save("mine/yes/b.png", np.ascontiguousarray(picture[:, ::-1]))
    save("mine/no/c.png", make_picture(1))
    rows = open_data_set(tmp_path / "mine").rows
    groups = {row.path: row.group_id for row in rows}
    assert groups["yes/a.png"] == groups["yes/b.png"] != groups["no/c.png"]


def test_a_check_says_what_is_missing_for_which_verb(folder: Path) -> None:
    data = open_data_set(folder, group=False)
    verdicts = {one.verb: one for one in check_data_set(data)}
    assert verdicts["evaluate"].is_ready
    assert not verdicts["calibrate"].is_ready
    assert "there are 3 with and 3 without" in verdicts["calibrate"].text
    assert "at least 4 independent groups of each class" in verdicts["train"].text
    assert next(describe_data_set(data)).startswith("6 images: 3 with tumor, 3 without")


def test_a_column_that_is_nearly_ours_is_pointed_out(tmp_path: Path, save, make_picture) -> None:
    save("a.png", make_picture(0))
    (tmp_path / "m.csv").write_text("path,tumor,Subject,age\na.png,1,7,61\n")
    lines = list(describe_data_set(open_data_set(tmp_path / "m.csv", group=False)))
    assert any("'Subject' is not used" in line and "'patient_id'" in line for line in lines)
    assert not any("'age' is not used" in line for line in lines)


def test_the_interval_narrows_with_the_cases() -> None:
    assert auroc_margin(30, 30) > auroc_margin(300, 300) > 0


BAD: dict[str, tuple[str | bytes, str]] = {
    "empty file": ("", "is empty; a header line"),
    "header only": ("path,tumor\n", "contains no rows"),
    "no tumor column": ("path,site\na.png,x\n", "column 'tumor' is missing"),
    "no path column": ("tumor,site\n1,x\n", "column 'path' is missing"),
    "capital letters": ("Path,tumor\na.png,1\n", "rename 'Path' to 'path'"),
    "space in the header": ("path, tumor\na.png,1\n", "rename ' tumor' to 'tumor'"),
    "misspelled": ("path,tumour\na.png,1\n", "rename 'tumour' to 'tumor'"),
    "no separator": ("path tumor\na.png 1\n", "the header is one cell"),
    "column twice": ("path,tumor,tumor\na.png,1,1\n", "'tumor' appears twice"),
    "nameless column": ("path,tumor,\na.png,1,x\n", "a column has no name"),
    "cell too many": ("path,tumor\na.png,1,2\n", "more or fewer cells"),
    "cell missing": ("path,tumor\na.png\n", "more or fewer cells"),
    "a spreadsheet": (b"PK\x03\x04\xff\xfe\x00", "export the sheet as CSV"),
    "an old spreadsheet": (b"\xd0\xcf\x11\xe0\xa1\xb1", "export the sheet as CSV"),
    "UTF-16": ("path,tumor\na.png,1\n".encode("utf-16"), "save it as UTF-8"),
    "UTF-16 without a mark": ("path,tumor\na.png,1\n".encode("utf-16-le"), "save it as UTF-8"),
    "Latin letters": ("path,tumor,site\na.png,1,Köln\n".encode("latin-1"), "save it as UTF-8"),
    "row twice under two names": ("path,tumor\na.png,1\n./a.png,1\n", "already in row 2"),
    "an image": (b"\x89PNG\r\n\x1a\n\xff", "it is a PNG image"),
    "tumor in words": ("path,tumor\na.png,yes\n", "received 'yes'; use 0, 1"),
    "tumor above 1": ("path,tumor\na.png,2\n", "received '2'; use 0, 1"),
    "tumor as a decimal": ("path,tumor\na.png,1.0\n", "received '1.0'; use 0, 1"),
    "empty path": ("path,tumor\n,1\n", "column path: is empty"),
    "empty set": ("set,path,tumor\n,a.png,1\n", "column set: is empty"),
    "file that is not there": ("path,tumor\nb.png,1\n", "there is no file 'b.png'"),
    "backslashes": ("path,tumor\nin\\c.png,1\n", "write forward slashes"),
    "path of a folder": ("path,tumor\nin,1\n", "'in' is a folder"),
    "mask that is not there": ("path,tumor,mask\na.png,1,m.png\n", "column mask: there is no"),
    "row twice": ("path,tumor\na.png,1\na.png,1\n", "already in row 2"),
    "unknown type": ("path,tumor,type\na.png,1,gliom\n", r"meant: glioma\?"),
    "type without tumor": ("path,tumor,type\na.png,0,glioma\n", "'glioma' where tumor is 0"),
    "unknown split": ("path,tumor,split\na.png,1,vall\n", r"meant: val\?"),
    "unknown plane": ("path,tumor,plane\na.png,1,Axial\n", r"meant: axial\?"),
    "slice that is no number": ("path,tumor,slice_index\na.png,1,x\n", "use a whole number"),
    "negative width": ("path,tumor,width\na.png,1,-4\n", "use a whole number"),
    "quote without end": ('path,tumor\n"a.png,1\n', "is not a CSV file"),
    "zero bytes": (b"\x00\x01\x02\xff", "is not a CSV file in UTF-8"),
    "patient on two sides": (
        "path,tumor,patient_id,group_id,split\na.png,1,p,g,train\nin/c.png,0,p,h,test\n",
        r"patient .*/p \(train: a\.png, test: in/c\.png\)",
    ),
    "group on two sides": (
        "path,tumor,group_id,split\na.png,1,g,train\nin/c.png,0,g,test\n",
        "group g",
    ),
    "changed file": ("path,tumor,sha256,split\na.png,1,00,test\n", "differ from those"),
}


@pytest.mark.parametrize("kind", BAD)
def test_a_bad_manifest_is_told_in_one_line(kind: str, save, make_picture, tmp_path: Path) -> None:
    content, words = BAD[kind]
    save("a.png", make_picture(0))
    save("in/c.png", make_picture(1))
    path = tmp_path / "m.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(TumorscopeError, match=words) as caught:
        list(check_manifests([open_data_set(path, group=False).rows], tmp_path))
    assert "\n" not in str(caught.value)


def test_there_are_thirty_kinds() -> None:
    assert len(BAD) >= 30


@pytest.mark.parametrize(
    ("reading", "words"),
    [
        (Reading(patient_pattern="("), "is not a regular expression"),
        (Reading(patient_pattern="zebra"), "fits no path; the first is 'no/p0_0.png'"),
        (Reading(labels=("yes",)), "is not NAME=LABEL"),
        (Reading(labels=("yes=bad",)), "with a label of tumor, no_tumor"),
    ],
)
def test_a_bad_option_is_told(folder: Path, reading: Reading, words: str) -> None:
    with pytest.raises(TumorscopeError, match=words):
        open_data_set(folder, reading=reading)


def test_folders_that_tell_nothing_are_named(
    save: Callable[..., str], make_picture: Callable[..., np.ndarray], tmp_path: Path
) -> None:
    save("mine/a/p1/1.png", make_picture(0))
    save("mine/b/p2/1.png", make_picture(1))
    words = r"its folders are a, b, p1, p2\..*--labels a=LABEL --labels b=LABEL, with"
    with pytest.raises(TumorscopeError, match=words):
        open_data_set(tmp_path / "mine")
    with pytest.raises(TumorscopeError, match="does not exist"):
        open_data_set(tmp_path / "nothing")
