from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tumorscope.data.grouping import (
    add_groups,
    add_hashes,
    add_sites,
    join_columns,
    verify_hashes,
)
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.pipeline import check_manifests, make_split
from tumorscope.data.split import SplitPlan
from tumorscope.errors import LeakError, ManifestError, UsageError


@pytest.fixture
def rows(save, make_picture):
    """Twenty pictures; b/0 is the mirror image of a/0."""
    names = [save(f"a/{seed}.png", make_picture(seed)) for seed in range(19)]
    names.append(save("b/0.png", make_picture(0)[:, ::-1]))
    return [ManifestRow(set=name[0], path=name, tumor=k % 2) for k, name in enumerate(names)]


def test_a_split_keeps_a_mirrored_copy_with_its_original(rows, tmp_path: Path):
    split = make_split(rows, tmp_path)

    side, group = split[0].split, split[0].group_id
    assert (split[-1].split, split[-1].group_id) == (side, group) == (side, "picture:a/0.png")
    assert len({row.group_id for row in split}) == 19
    assert all(row.sha256 and row.site == row.set for row in split)


def test_groups_do_not_depend_on_the_order_or_on_what_is_held_out(rows, tmp_path: Path):
    groups = {row.path: row.group_id for row in make_split(rows, tmp_path)}

    held = make_split(rows[::-1], tmp_path, SplitPlan(hold_out=("b",)))

    assert {row.path: row.group_id for row in held} == groups
    assert {row.path: row.split for row in held}["a/0.png"] == "excluded"


def test_a_group_is_named_after_its_patient(rows, tmp_path: Path):
    named = [*rows[:-1], replace(rows[-1], patient_id="p")]

    assert add_groups(named, tmp_path)[0].group_id == "patient:b/p"


def test_groups_that_are_given_are_kept(rows, tmp_path: Path):
    given = [replace(row, group_id="all") for row in rows]

    assert {row.group_id for row in make_split(given, tmp_path)} == {"all"}


def test_groups_of_some_rows_are_kept_where_others_have_none(rows, tmp_path: Path):
    """One row without a group must not undo the groups of all the others."""
    family = [replace(row, group_id="family") for row in rows[:10]]
    blank = replace(rows[10], group_id="blank")  # of an earlier file of that name

    split = make_split([*family, blank, *rows[11:]], tmp_path)

    groups = [row.group_id for row in split]
    assert groups[:10] == ["family"] * 10
    assert len({row.split for row in split[:10]}) == 1
    assert groups[10] == "picture:a/10.png"
    assert groups[-1] == "family"  # the mirror image of the first


def test_a_split_is_checked_by_the_groups_of_some_rows(rows, tmp_path: Path):
    sides = [replace(row, split="train") for row in rows]
    sides[1] = replace(sides[1], group_id="family")
    sides[2] = replace(sides[2], group_id="family", split="test")

    with pytest.raises(LeakError, match="group family"):
        list(check_manifests([sides], tmp_path))


def test_a_foreign_split_is_checked_by_its_pixels(rows, tmp_path: Path):
    leaky = [replace(row, split="test" if row.set == "b" else "train") for row in rows]

    with pytest.raises(LeakError, match=r"picture:a/0\.png \(train: a/0\.png, test: b/0\.png\)"):
        list(check_manifests([leaky], tmp_path))


def test_a_file_that_cannot_be_read_is_excluded_and_named(rows, tmp_path: Path, caplog):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "broken.nii.gz").write_bytes(b"\x1f\x8b")
    broken = [ManifestRow(set="c", path=f"broken.{kind}", tumor=0) for kind in ("png", "nii.gz")]

    split = make_split([*rows, *broken], tmp_path)

    assert [(row.group_id, row.split) for row in split[-2:]] == [("unreadable", "excluded")] * 2
    assert split[0].split != "excluded"
    assert "broken.png cannot be read and is excluded" in caplog.text


def test_blank_pictures_of_two_patients_do_not_leak(rows, save, tmp_path: Path):
    black = np.zeros((64, 64), np.uint8)
    blank = [
        ManifestRow(set="c", path=save(f"c/{name}.png", black), tumor=0, patient_id=name)
        for name in ("p", "q")
    ]

    assert [row.split for row in make_split([*rows, *blank], tmp_path)[-2:]] == ["excluded"] * 2


def test_a_file_that_changed_is_named(rows, save, make_picture, tmp_path: Path):
    hashed = add_hashes(rows, tmp_path)
    verify_hashes(hashed, tmp_path)
    save("a/3.png", make_picture(77))

    with pytest.raises(ManifestError, match=r"1 of 20 files .*: a/3\.png"):
        list(check_manifests([[replace(row, split="train") for row in hashed]], tmp_path))


def test_sites_come_from_the_source_unless_they_are_given():
    rows = [
        ManifestRow(set="lgg", path="a", tumor=0, patient_id="TCGA_DU_1234"),
        ManifestRow(set="lgg", path="b", tumor=0, patient_id="TCGA_DU_1234", site="mine"),
        ManifestRow(set="sartaj", path="c", tumor=0),
    ]

    assert [row.site for row in add_sites(rows)] == ["lgg/DU", "mine", "sartaj"]


@pytest.mark.slow
@pytest.mark.real_scans
def test_mirrored_copies_are_found_in_real_scans():
    root = Path(__file__).parents[3] / "shared" / "data"
    if not root.is_dir():
        pytest.skip("no real scans beside the checkout (../shared/data)")
    rows = [row for row in read_manifest(root / "manifest.csv") if row.set == "navoneel"]
    copies = [row for row in read_manifest(root / "manifest.csv") if row.set == "br35h"]

    grouped = add_groups([*rows, *copies], root)

    known = {row.group_id for row in grouped if row.set == "br35h"}
    found = [row for row in grouped if row.set == "navoneel" and row.group_id in known]
    assert len(found) / len(rows) >= 0.97


def test_columns_join_groups_patients_and_files():
    rows = [
        ManifestRow(set="s", path="a", tumor=0, patient_id="p", sha256="1"),
        ManifestRow(set="s", path="b", tumor=0, patient_id="p", sha256="2", group_id="mine"),
        ManifestRow(set="s", path="c", tumor=0, sha256="2", group_id="other"),
        ManifestRow(set="s", path="d", tumor=0, patient_id="q", sha256="3"),
        ManifestRow(set="t", path="e", tumor=0, patient_id="q", sha256="3"),
        ManifestRow(set="t", path="f", tumor=0, patient_id="p", sha256="4"),
        ManifestRow(set="t", path="g", tumor=0, sha256="5"),
    ]

    joined = join_columns(rows, accept_ungrouped=True)

    assert [row.group_id for row in joined] == [
        *["mine"] * 3,
        *["patient:s/q"] * 2,
        "patient:t/p",
        "file:5",
    ]
    with pytest.raises(UsageError, match=r"1 rows of t have neither .* the first is 'g'"):
        join_columns(rows, accept_ungrouped=False)


def test_a_blank_slice_does_not_take_its_patient_out_of_the_split():
    rows = [
        ManifestRow(set="s", path="a", tumor=0, patient_id="p", sha256="1", group_id="patient:s/p"),
        ManifestRow(set="s", path="b", tumor=0, patient_id="p", sha256="2", group_id="blank"),
        ManifestRow(set="s", path="c", tumor=0, patient_id="q", sha256="2", group_id="unreadable"),
        ManifestRow(set="s", path="d", tumor=0, patient_id="q", sha256="3", group_id="patient:s/q"),
    ]

    joined = join_columns(rows, accept_ungrouped=False)

    assert [row.group_id for row in joined] == ["patient:s/p", "blank", "unreadable", "patient:s/q"]


def test_the_ends_of_heads_join_no_patients(save_volume, tmp_path: Path):
    inside = np.hypot(*np.meshgrid(*[np.linspace(-1, 1, 48)] * 2))
    rows = []
    for patient in ("p", "q"):
        voxels = np.random.default_rng(ord(patient)).uniform(50, 200, (48, 48, 8))
        voxels[..., -1] = 90 * (inside < 0.4) * (1.2 - inside)  # a disc, as at the vertex
        path = save_volume(f"{patient}.nii.gz", voxels.astype(np.float32))
        rows += [
            ManifestRow(
                set="s", path=path, tumor=0, patient_id=patient, slice_index=at, plane="axial"
            )
            for at in (3, 4, 7)
        ]

    grouped = add_groups(rows, tmp_path)

    assert [row.group_id for row in grouped] == ["patient:s/p"] * 3 + ["patient:s/q"] * 3
