import dataclasses
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tumorscope.errors import ArtifactError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import (
    EMBEDDED_NAMES,
    Artifact,
    Calibration,
    Manifest,
    read_artifact,
    write_artifact,
)

MANIFEST = Manifest(
    model_id="made",
    model_version="0",
    preprocessing=Preprocessing(size=64),
    calibration=Calibration(slope=1.5, intercept=-0.25, type_temperature=2.0, series_spread=0.5),
    operating_points={"balanced": 0.5, "specific": 0.875},
    evidence_threshold=-0.5,
    graph_sha256=hashlib.sha256(b"graph").hexdigest(),
    card={"note": "made for tests"},
)
ARTIFACT = Artifact(MANIFEST, b"graph")


@pytest.fixture
def write_zip(tmp_path: Path) -> Callable[..., Path]:
    """Write an artifact by hand: changes to the manifest, the members, their compression."""

    def write(
        changes: dict[str, Any] | None = None,
        *,
        text: bytes | None = None,
        graph: bytes = b"graph",
        names: tuple[str, ...] = ("manifest.json", "model.onnx"),
        compression: int = zipfile.ZIP_STORED,
    ) -> Path:
        path = tmp_path / "hand-made.tumorscope"
        values = json.dumps(MANIFEST.to_dict() | (changes or {})).encode()
        with zipfile.ZipFile(path, "w", compression) as archive:
            for name, content in zip(names, (text or values, graph, b""), strict=False):
                archive.writestr(name, content)
        return path

    return write


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "one.tumorscope"
    write_artifact(path, ARTIFACT)
    again = read_artifact(path)
    assert again.graph == b"graph"
    assert again.manifest == MANIFEST
    assert [file.name for file in tmp_path.iterdir()] == ["one.tumorscope"]


def test_same_artifact_gives_the_same_bytes(tmp_path: Path) -> None:
    first, second = tmp_path / "1.tumorscope", tmp_path / "2.tumorscope"
    write_artifact(first, ARTIFACT)
    write_artifact(second, ARTIFACT)
    assert first.read_bytes() == second.read_bytes()


def test_does_not_overwrite_unless_told(tmp_path: Path) -> None:
    path = tmp_path / "one.tumorscope"
    path.write_bytes(b"precious")
    with pytest.raises(ArtifactError, match=r"one\.tumorscope exists"):
        write_artifact(path, ARTIFACT)
    assert path.read_bytes() == b"precious"
    write_artifact(path, ARTIFACT, overwrite=True)
    assert read_artifact(path).manifest.model_id == "made"


def test_hand_made_file_is_an_artifact(write_zip: Callable[..., Path]) -> None:
    assert read_artifact(write_zip()).manifest == MANIFEST


def test_altered_graph_is_refused(write_zip: Callable[..., Path]) -> None:
    with pytest.raises(ArtifactError, match="altered or damaged"):
        read_artifact(write_zip(graph=b"Graph"))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"format": "another"}, "is not that of a tumorscope artifact"),
        ({"format_version": 99}, "format_version 99"),
        ({"format_version": 2}, "format_version 2; this version of tumorscope knows 3"),
        ({"format_version": None}, "format_version None"),
        ({"labels": ["no_tumor", "tumor"]}, r"labels \['no_tumor', 'tumor'\]"),
        ({"tumor_types": ["glioma"]}, r"tumor_types \['glioma'\]"),
        ({"preprocessing": {"name": "zscore", "version": 1}}, "preprocessing that this version"),
        ({"preprocessing": 5}, "preprocessing"),
        ({"preprocessing": Preprocessing().to_dict() | {"size": "big"}}, "size"),
        ({"preprocessing": Preprocessing().to_dict() | {"size": 0}}, "size"),
        ({"operating_points": {"specific": 0.9}}, "no operating point named 'balanced'"),
        ({"operating_points": 3}, "operating_points"),
        ({"operating_points": {"balanced": "half"}}, "balanced"),
        ({"operating_points": {"balanced": 1.5}}, r"balanced.*1\.5"),
        ({"operating_points": {"balanced": float("nan")}}, "balanced.*nan"),
        ({"calibration": {"slope": 1.0, "offset": 2.0}}, "offset"),
        ({"calibration": {"slope": "steep"}}, "slope.*steep"),
        ({"calibration": {"type_temperature": 0.0}}, "type_temperature.*0"),
        ({"calibration": {"series_spread": -0.1}}, "series_spread.*-0.1"),
        ({"calibration": {"slope": float("inf")}}, "slope.*inf"),
        ({"evidence_threshold": float("nan")}, "evidence_threshold.*nan"),
        ({"evidence_threshold": None}, "evidence_threshold is None"),
    ],
)
def test_unknown_or_senseless_manifest_is_refused(
    write_zip: Callable[..., Path], changes: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ArtifactError, match=reason):
        read_artifact(write_zip(changes))


@pytest.mark.parametrize("key", ["model_id", "calibration", "graph_sha256", "evidence_threshold"])
def test_missing_entry_is_named(write_zip: Callable[..., Path], key: str) -> None:
    values = MANIFEST.to_dict()
    del values[key]
    with pytest.raises(ArtifactError, match=key):
        read_artifact(write_zip(text=json.dumps(values).encode()))


@pytest.mark.parametrize("text", [b"no json", b"\xff\xfe", b"[1, 2]", b'"text"', b"[" * 100_000])
def test_manifest_that_is_no_object_is_refused(write_zip: Callable[..., Path], text: bytes) -> None:
    with pytest.raises(ArtifactError, match="manifest"):
        read_artifact(write_zip(text=text))


@pytest.mark.parametrize("content", [b"", b"PK", b"\x80\x04K\x01.", b"text" * 100])
def test_what_is_no_zip_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.h5"
    path.write_bytes(content)
    with pytest.raises(ArtifactError, match=r"model\.h5 is not a tumorscope artifact"):
        read_artifact(path)


@pytest.mark.parametrize(
    "names", [("a.txt", "b.txt"), ("manifest.json", "model.onnx", "weights.pkl")]
)
def test_other_members_are_refused(write_zip: Callable[..., Path], names: tuple[str, ...]) -> None:
    with pytest.raises(ArtifactError, match="not a tumorscope artifact"):
        read_artifact(write_zip(names=names))


def test_long_names_of_members_are_not_quoted_whole(write_zip: Callable[..., Path]) -> None:
    path = write_zip(names=("n" * 5000, "b.txt"))
    with pytest.raises(ArtifactError, match="not a tumorscope artifact") as found:
        read_artifact(path)
    assert len(str(found.value)) < 1000
    path.write_bytes(path.read_bytes().replace(b"n" * 5000, b"m" * 5000, 1))  # of the two places
    with pytest.raises(ArtifactError, match="not a tumorscope artifact") as found:
        read_artifact(path)
    assert len(str(found.value)) < 1000


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_two_members_of_one_name_are_refused(write_zip: Callable[..., Path]) -> None:
    with pytest.raises(ArtifactError, match="not a tumorscope artifact"):
        read_artifact(write_zip(names=("manifest.json", "model.onnx", "model.onnx")))


def test_compressed_members_are_refused(write_zip: Callable[..., Path]) -> None:
    with pytest.raises(ArtifactError, match="stored uncompressed"):
        read_artifact(write_zip(compression=zipfile.ZIP_DEFLATED))


def test_path_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"missing\.tumorscope cannot be read: No such file"):
        read_artifact(tmp_path / "missing.tumorscope")
    with pytest.raises(ArtifactError, match="cannot be read: Is a directory"):
        read_artifact(tmp_path)


def test_folder_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"cannot be written: No such file"):
        write_artifact(tmp_path / "missing" / "one.tumorscope", ARTIFACT)


@pytest.mark.parametrize("name", EMBEDDED_NAMES)
def test_embedded_artifact_is_intact(name: str) -> None:
    manifest = read_artifact(Path(name)).manifest
    assert "balanced" in manifest.operating_points
    assert Manifest.from_dict(manifest.to_dict()) == manifest


def test_default_is_what_is_read_without_a_name() -> None:
    plain, default, lite = (
        read_artifact(name).graph for name in (None, *map(Path, EMBEDDED_NAMES))
    )
    assert plain == default != lite


def test_lite_is_of_at_most_5_mb_and_says_what_it_goes_on_from() -> None:
    assert len(read_artifact(Path("lite")).graph) <= 5e6
    manifest = read_artifact(Path("lite")).manifest
    assert manifest.model_id.endswith("-lite")
    assert manifest.card["training"]["start_graph_sha256"]


def test_file_of_the_name_is_read_before_the_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_artifact(Path("lite"), ARTIFACT)
    assert read_artifact(Path("lite")).graph == ARTIFACT.graph


def test_folder_of_the_name_does_not_hide_the_embedded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    embedded = read_artifact(Path("lite")).graph
    monkeypatch.chdir(tmp_path)
    Path("lite").mkdir()
    assert read_artifact(Path("lite")).graph == embedded


@settings(
    max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.data())
def test_mutated_file_is_refused_or_means_the_same(tmp_path: Path, data: st.DataObject) -> None:
    path = tmp_path / "mutated.tumorscope"
    write_artifact(path, ARTIFACT, overwrite=True)
    content = bytearray(path.read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    path.write_bytes(content[: data.draw(st.integers(0, len(content)))])
    try:
        artifact = read_artifact(path)
    except ArtifactError:
        return
    assert dataclasses.asdict(artifact.manifest) == dataclasses.asdict(MANIFEST)
    assert artifact.graph == b"graph"


@pytest.mark.parametrize(
    "changes",
    [
        {"gate": {"threshold": -1.0}},
        {"gate": {"threshold": "wide"}},
        {"gate": {"limit": 1.0}},
        {"conformal": {"coverage": 0.95, "tumor": 1.5, "no_tumor": 0.1}},
        {"conformal": {"coverage": 0.95}},
    ],
)
def test_odd_gate_or_thresholds_are_refused(
    write_zip: Callable[..., Path], changes: dict[str, Any]
) -> None:
    with pytest.raises(ArtifactError, match=r"input check|gate|conformal|incomplete"):
        read_artifact(write_zip(changes))
