"""Everything that shows an answer follows from its one definition in ``tumorscope.answer``.

JSON, CSV, Parquet, OpenAPI, the page's table and the reference page, each from what a user gets:
real answers, written files and committed documents.
"""

import csv
import hashlib
import io
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, get_args

import jsonschema
import msgspec
import nibabel
import numpy as np
import pytest
from PIL import Image

from tests.docs.test_tables import tables
from tumorscope.answer import (
    ErrorAnswer,
    Failure,
    ImageAnswer,
    Prediction,
    Probabilities,
    SeriesAnswer,
    StudyAnswer,
    TypeProbabilities,
)
from tumorscope.cli.main import main
from tumorscope.columns import COLUMNS, columns_of, fields_of, flatten, in_cell, typescript
from tumorscope.labels import CLASSES, TUMOR_TYPES, Outcome
from tumorscope.serving.http_api.app import create_documented_app
from tumorscope.serving.http_api.schemas.openapi import document

ROOT = Path(__file__).parents[2]
SHAPES = {
    "image": ImageAnswer,
    "series": SeriesAnswer,
    "study": StudyAnswer,
    "error": ErrorAnswer,
}


@pytest.fixture
def scans(tmp_path: Path, make_head: Callable[..., np.ndarray]) -> Path:
    """A tumor, none, a blank slice that is rejected, a volume, and an unreadable file."""
    folder = tmp_path / "scans"
    folder.mkdir()
    Image.fromarray(make_head(blob=(62, 94))).save(folder / "1.png")
    Image.fromarray(make_head()).save(folder / "2.png")
    (folder / "3.png").write_bytes(b"")
    slices = [make_head(seed=1), make_head(blob=(62, 94)), np.zeros_like(make_head())]
    voxels = np.stack(slices, axis=-1).astype(np.float32)
    nibabel.save(nibabel.Nifti1Image(voxels, np.diag([1, 1, 5, 1])), folder / "4.nii")
    return folder


@pytest.fixture
def predict(
    scans: Path,
    tiny_artifact_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Callable[[str], str]:
    """Run ``tumorscope predict`` on the scans; give its output in a format."""

    def call(style: str) -> str:
        words = ["predict", str(scans), "--format", style, "--model", str(tiny_artifact_path)]
        monkeypatch.setattr(sys, "argv", ["tumorscope", *words])
        with pytest.raises(SystemExit):
            main()
        return capsys.readouterr().out

    return call


def as_json(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def closed(schema: Any) -> Any:
    """Forbid fields that the schema does not name."""
    if isinstance(schema, list):
        return [closed(one) for one in schema]
    if not isinstance(schema, dict):
        return schema
    shut = {name: closed(one) for name, one in schema.items()}
    return shut | ({"additionalProperties": False} if "properties" in schema else {})


def test_json_of_real_answers_is_what_the_definition_says(predict: Callable[[str], str]) -> None:
    answers = as_json(predict("json"))
    assert [one["kind"] for one in answers] == ["image"] * 2 + ["error"] + ["image"] * 3 + [
        "series"
    ]
    assert {"tumor", "no_tumor", "rejected"} <= {one.get("outcome") for one in answers}
    for one in answers:
        shape = SHAPES[one["kind"]]
        jsonschema.validate(one, closed(msgspec.json.schema(shape)))
        assert list(one) == ["kind", *shape.__struct_fields__]
    shown = [one for one in answers if one["kind"] != "error" and one["probabilities"]]
    assert {tuple(one["probabilities"]) for one in shown} == {CLASSES}
    assert {tuple(one["type_probabilities"]) for one in shown} == {TUMOR_TYPES}


def test_closed_sets_of_words_are_those_of_labels() -> None:
    assert tuple(Probabilities.__annotations__) == CLASSES
    assert tuple(TypeProbabilities.__annotations__) == TUMOR_TYPES
    outcome = msgspec.json.schema(ImageAnswer)["$defs"]["ImageAnswer"]["properties"]["outcome"]
    assert set(outcome["enum"]) == set(get_args(Outcome))


def test_what_stays_in_memory_has_names_of_its_own() -> None:
    assert set(ImageAnswer.__struct_fields__) < set(Prediction.__struct_fields__)
    assert set(Failure.__struct_fields__) < set(ErrorAnswer.__struct_fields__)


def test_csv_has_the_derived_columns_with_the_values_of_json(
    predict: Callable[[str], str],
) -> None:
    header, *lines = csv.reader(io.StringIO(predict("csv")))
    shapes = SHAPES.values()
    assert header == [one.name for one in columns_of(*shapes)]
    answers = as_json(predict("json"))
    for answer, line in zip(answers, lines, strict=True):
        row = flatten(answer, COLUMNS)
        wanted = [row.get(name) for name in header]
        assert line == ["" if one is None else str(in_cell(one)) for one in wanted]


def test_parquet_has_the_derived_columns_with_the_values_of_json(
    predict: Callable[[str], str], scans: Path, tiny_artifact_path: Path, tmp_path: Path
) -> None:
    pq = pytest.importorskip("pyarrow.parquet", reason="the extra [scale] is not installed")
    pytest.importorskip("fsspec", reason="the extra [scale] is not installed")
    from tumorscope.batch.run import BatchConfig, run_batch
    from tumorscope.batch.schema import OWN_COLUMNS, SCHEMA_VERSION

    output = tmp_path / "t.parquet"
    config = BatchConfig(place=str(scans), output=output, model=tiny_artifact_path, workers=1)
    run_batch(config, progress=lambda *_: None)
    table = pq.read_table(output)
    columns = columns_of(ImageAnswer, ErrorAnswer)
    own = [one.name for one in OWN_COLUMNS]
    assert own == ["row_id", "content_sha256", "series_key", "position_mm"]
    assert table.schema.names == [*(one.name for one in columns), *own]
    kinds = {
        "text": "string",
        "integer": "int32",
        "number": "double",
        "list of text": "list<element: string>",
    }
    written = {field.name: str(field.type).replace("item", "element") for field in table.schema}
    assert {one.name: kinds[one.kind] for one in columns}.items() <= written.items()
    answers = [one for one in as_json(predict("json")) if one["kind"] != "series"]
    for answer, row in zip(answers, table.to_pylist(), strict=True):
        told = {name: row[name] for name in row if row[name] is not None and name not in own}
        expected = flatten(answer, columns)
        assert expected.items() <= told.items()
        assert {name.partition("_")[0] for name in told.keys() - expected.keys()} <= {"model"}
    # The columns of a version do not change: with new ones, raise it and say so in the changelog.
    names = hashlib.sha256(repr(sorted(written.items())).encode()).hexdigest()[:16]
    assert (SCHEMA_VERSION, names) == (5, "9fcff2f87da6bc78")


@pytest.mark.parametrize("shape", SHAPES.values())
def test_openapi_document_has_the_shapes(shape: type[msgspec.Struct]) -> None:
    kept = json.loads((ROOT / "web" / "openapi.json").read_text(encoding="utf-8"))
    shown = kept["components"]["schemas"]
    assert kept == document(create_documented_app()), (
        "run: python -m tumorscope.serving.http_api > web/openapi.json, "
        "then: python web/npm.py run generate"
    )
    _, parts = msgspec.json.schema_components([shape], ref_template="#/components/schemas/{name}")
    for name, part in parts.items():
        found = json.loads(json.dumps(shown[name]))
        if name == "ImageAnswer":
            assert found["properties"].pop("heatmap")  # what HTTP adds, if it is asked to
        assert found == json.loads(json.dumps(part)), (
            f"{name}: serving/http_api/schemas/shapes.py repeats what tumorscope.answer defines"
        )


def test_the_page_has_the_columns() -> None:
    domain = ROOT / "web" / "src" / "domain"
    made = (domain / "columns.gen.ts").read_text(encoding="utf-8")
    assert made == typescript(), "run: python -m tumorscope.columns > web/src/domain/columns.gen.ts"
    assert "ANSWER_COLUMNS" in (domain / "export.ts").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("page", "blocks"),
    [
        ("answer.md", ["image-answer", "series-answer", "study-answer", "error-answer"]),
        ("batch.md", ["batch-columns"]),
    ],
)
def test_reference_pages_have_the_fields(page: str, blocks: list[str]) -> None:
    text = (ROOT / "docs" / "reference" / page).read_text(encoding="utf-8")
    assert [one["name"] for one in tables.BLOCK.finditer(text)] == blocks
    assert tables.fill(text, tables.Figures()) == text, "run: make tables"


@pytest.mark.parametrize("shape", SHAPES.values())
def test_every_field_has_a_meaning(shape: type[msgspec.Struct]) -> None:
    for one in fields_of(shape):
        assert one.meaning.endswith("."), one.name
    for column in columns_of(shape):
        assert column.meaning.endswith("."), column.name


def test_columns_have_names_of_their_own() -> None:
    names = [one.name for one in COLUMNS]
    assert len(set(names)) == len(names)
