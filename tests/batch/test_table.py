"""What stands in the table."""

import hashlib
import shutil
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.batch.conftest import pq, rows_of
from tests.imaging.made_files import VOXELS, metaimage
from tumorscope.answer import SeriesPrediction
from tumorscope.batch.run import BatchConfig, Summary, run_batch
from tumorscope.batch.schema import SCHEMA, SCHEMA_VERSION
from tumorscope.batch.unit_reader import UnitReader
from tumorscope.batch.units import list_units
from tumorscope.errors import UsageError
from tumorscope.imaging.inputs.archives import Member
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import load_model

DOCS = Path(__file__).parents[2] / "docs" / "reference" / "batch.md"


@pytest.fixture
def make(tiny_artifact_path: Path, tmp_path: Path) -> Callable[..., tuple[Summary, Path]]:
    """Make a table in this process."""

    def call(place: object, name: str = "t.parquet", **options: Any) -> tuple[Summary, Path]:
        output = tmp_path / name
        words = {"model": tiny_artifact_path, "workers": 1, **options}
        config = BatchConfig(place=str(place), output=output, **words)
        summary = run_batch(config, progress=lambda *_: None)
        assert not output.with_name(f"{name}.partial").exists()
        return summary, output

    return call


def test_rows_are_what_predict_answers(
    make: Callable[..., Any], archive: Path, tiny_artifact_path: Path
) -> None:
    summary, table = make(archive)
    rows = rows_of(table)
    assert summary == Summary(rows=8, failed=2)
    model = load_model(tiny_artifact_path)
    answers = [
        one for one in model.predict_many([archive]) if not isinstance(one, SeriesPrediction)
    ]
    assert [row["source"] for row in rows] == [one.source for one in answers]
    for row, answer in zip(rows, answers, strict=True):
        told = answer.to_dict()
        assert row["kind"] == told["kind"]
        for column in ("slice_index", "sop_instance_uid", "outcome", "prediction_set", "reasons"):
            assert row[column] == told.get(column), column
        for name, value in (
            (told.get("probabilities") or {}) | (told.get("type_probabilities") or {})
        ).items():
            assert row[f"probability_{name}"] == pytest.approx(value, abs=1e-6)
        where = told.get("localization") or {"peak": [None] * 2, "box": [None] * 4}
        assert [row["peak_row"], row["peak_column"]] == where["peak"]
        assert [row[f"box_{side}"] for side in ("row0", "column0", "row1", "column1")] == where[
            "box"
        ]
        if "error" in told:
            assert {name: row[f"error_{name}"] for name in told["error"]} == told["error"]
        assert (row["notice"], row["model_id"]) == (NOTICE, "tiny")
        assert row["model_sha256"] == model.identity.sha256
        point = told.get("operating_point") or {"name": None, "threshold": None}
        assert {"name": row["operating_point"], "threshold": row["threshold"]} == point


def test_schema_is_kept_and_described(make: Callable[..., Any], archive: Path) -> None:
    schema = pq.read_schema(make(archive)[1])
    assert schema.equals(SCHEMA)
    assert schema.metadata[b"tumorscope.schema_version"] == b"5"
    assert schema.metadata[b"tumorscope.operating_point"] == b"balanced"
    assert schema.metadata[b"tumorscope.threshold"] == b"0.5"
    text = DOCS.read_text(encoding="utf-8")
    assert f"Schema version {SCHEMA_VERSION};" in text
    for name in schema.names:
        assert f"`{name}`" in text, name


def test_threshold_of_ones_own(make: Callable[..., Any], archive: Path) -> None:
    _, table = make(archive, threshold=0.0)
    outcomes = {row["outcome"] for row in rows_of(table) if row["kind"] == "image"}
    assert "no_tumor" not in outcomes
    assert pq.read_schema(table).metadata[b"tumorscope.operating_point"] == b"custom"


@pytest.mark.parametrize(
    ("name", "style"), [("t.csv", "csv"), ("t.CSV.gz", "csv"), ("t.jsonl", "json")]
)
def test_name_of_another_format_is_refused(
    make: Callable[..., Any], archive: Path, tmp_path: Path, name: str, style: str
) -> None:
    with pytest.raises(UsageError, match="is a Parquet file") as refused:
        make(archive, name)
    assert f"--format {style}" in str(refused.value)
    assert ".parquet" in str(refused.value)
    assert not list(tmp_path.glob("t.*"))


def test_row_ids_say_what_a_row_is_of(make: Callable[..., Any], archive: Path) -> None:
    first = rows_of(make(archive)[1])
    again = rows_of(make(archive, "again.parquet")[1])
    assert first == again
    assert len({row["row_id"] for row in first}) == len(first)
    content = (archive / "1.png").read_bytes()
    row = next(row for row in first if row["source"].endswith("1.png"))
    assert row["content_sha256"] == hashlib.sha256(content).hexdigest()
    key = "\0".join((row["content_sha256"], row["source"], ""))
    assert row["row_id"] == hashlib.sha256(key.encode()).hexdigest()[:32]


def test_rows_do_not_depend_on_what_else_is_there_and_when(
    make: Callable[..., Any], archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = {row["row_id"]: row for row in rows_of(make(archive)[1])}
    monkeypatch.setattr("tumorscope.batch.partial_folder.PART_FILES", 1)
    assert {row["row_id"]: row for row in rows_of(make(archive, "cut.parquet")[1])} == whole
    for row in rows_of(make(archive / "study", "less.parquet")[1]):
        assert whole[row["row_id"]] == row


def pack_zip(folder: Path) -> Path:
    shard = folder.with_name("shard.zip")
    with zipfile.ZipFile(shard, "w") as file:
        for one in folder.rglob("*.*"):
            file.write(one, one.relative_to(folder))
    return shard


def pack_tar(folder: Path) -> Path:
    shard = folder.with_name("shard.tar")
    with tarfile.open(shard, "w") as file:
        for one in folder.rglob("*.*"):
            file.add(one, str(one.relative_to(folder)))
    return shard


@pytest.mark.parametrize("pack", [pack_zip, pack_tar])
def test_shards_hold_what_the_folder_holds(
    make: Callable[..., Any], archive: Path, pack: Callable[[Path], Path]
) -> None:
    shutil.rmtree(archive / "study")
    plain = rows_of(make(archive)[1])
    shard = pack(archive)
    packed = rows_of(make(shard, "packed.parquet")[1])
    for row in (*plain, *packed):
        del row["row_id"]
        for name in ("source", "series_key"):  # a volume has no identifier but its source
            row[name] = (row[name] or "").removeprefix(str(archive)).removeprefix(str(shard))
    assert packed == plain


def test_a_folder_of_shards_is_opened_and_a_damaged_one_is_a_row(
    make: Callable[..., Any], archive: Path
) -> None:
    shard = pack_tar(archive)
    folder = archive.with_name("shards")
    folder.mkdir()
    shard.rename(folder / "good.tar")
    (folder / "bad.zip").write_bytes(b"PK\x03\x04 cut")
    (folder / "packed.tar.gz").write_bytes(b"\x1f\x8b")
    rows = rows_of(make(folder)[1])
    assert [Path(row["source"]).name for row in rows[:2]] == ["bad.zip", "1.png"]
    assert rows[0]["error_type"] == "corrupt-image"
    assert "decompress it" in rows[-1]["error_detail"]


def test_globs_manifests_and_urls(make: Callable[..., Any], archive: Path) -> None:
    pattern = rows_of(make(archive / "*.png", "glob.parquet")[1])
    assert [Path(row["source"]).name for row in pattern] == ["1.png", "2.png", "3.png"]
    manifest = archive.with_name("m.csv")
    lines = ["path,slice_index", "volume.nii,0", "volume.nii,1", "1.png,", "gone.png,"]
    manifest.write_text("\n".join(lines), encoding="utf-8")
    summary, table = make(manifest, "manifest.parquet", root=archive)
    assert summary == Summary(rows=5, failed=1)
    assert rows_of(table)[3]["content_sha256"] == pattern[0]["content_sha256"]
    remote = rows_of(make(f"file://{archive}", "url.parquet")[1])
    local = rows_of(make(archive)[1])
    assert [row["content_sha256"] for row in remote] == [row["content_sha256"] for row in local]
    chained = rows_of(make(f"zip://*.png::file://{pack_zip(archive)}", "chain.parquet")[1])
    assert [row["outcome"] for row in chained] == ["tumor", "no_tumor", None]


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_manifests_of_spreadsheets_are_read(
    make: Callable[..., Any], archive: Path, mark: str
) -> None:
    manifest = archive.with_name("m.csv")
    lines = ("path,note", "1.png,a", "2.png,b")
    manifest.write_text("\n".join(lines).replace(",", mark), encoding="utf-8-sig")
    rows = rows_of(make(manifest, root=archive)[1])
    assert [Path(row["source"]).name for row in rows] == ["1.png", "2.png"]


@pytest.mark.parametrize(
    ("place", "message"),
    [
        ("missing", "There is no file or folder"),
        ("missing.csv", "cannot be read"),
        ("*.nothing", "contains no file"),
        ("nosuchscheme://bucket", "cannot be listed"),
        ("file:///nosuchfolder/x", "contains no file"),
    ],
)
def test_input_that_is_not_there_is_wrong_usage_and_leaves_nothing(
    make: Callable[..., Any], tmp_path: Path, place: str, message: str
) -> None:
    before = sorted(tmp_path.iterdir())
    with pytest.raises(UsageError, match=message):
        make(place if "://" in place else tmp_path / place)
    assert sorted(tmp_path.iterdir()) == before


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"set,file\na,b\n", "has no column 'path'; it has set, file"),
        (b"path\n\xff.png\n", "is not a CSV file in UTF-8"),
        (b"path,set\n,a\n", "an empty 'path'"),
        (b"path,set\na.png\n", "more or fewer cells"),
        (b"path\n", "contains no file"),
    ],
)
def test_a_manifest_that_cannot_be_used_is_wrong_usage(
    make: Callable[..., Any], tmp_path: Path, content: bytes, message: str
) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(content)
    with pytest.raises(UsageError, match=message):
        make(manifest)
    assert sorted(tmp_path.iterdir()) == [manifest]


def test_question_for_what_is_beside_a_file_leaves_the_next_archive_open(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in "ab":
        with zipfile.ZipFile(tmp_path / f"{name}.zip", "w") as file:
            file.writestr("scan.png", name)
    first, second = list_units(str(tmp_path))
    reader, read = UnitReader(str(tmp_path)), Member.read
    assert reader.read(first) == b"a"

    def read_while_the_first_is_answered(member: Member) -> bytes:
        assert reader.companion(first) is not None  # as the thread that answers asks
        return read(member)

    monkeypatch.setattr(Member, "read", read_while_the_first_is_answered)
    assert reader.read(second) == b"b"


def test_voxels_beside_a_header_are_read_from_its_own_archive(
    make: Callable[..., Any], tmp_path: Path
) -> None:
    folder = tmp_path / "zips"
    folder.mkdir()
    for number in range(6):
        with zipfile.ZipFile(folder / f"{number}.zip", "w") as file:
            file.writestr("s/v.mhd", metaimage(packed=False, detached="v.raw"))
            file.writestr("s/v.raw", (VOXELS + number).tobytes(order="F"))
    rows = rows_of(make(folder)[1])
    assert [row["kind"] for row in rows] == ["image"] * 6 * VOXELS.shape[2]
