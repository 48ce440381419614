import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import Result
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import read_artifact, write_artifact
from tumorscope.recipes.intake import MOST_LINE, cases_of, intake_record, read_cases

Run = Callable[..., Result]

MODEL = {"id": "m", "version": "1", "sha256": read_artifact().manifest.identity}


def image(source: str, probability: float | None, **other: object) -> dict[str, object]:
    outcome = "rejected" if probability is None else "tumor" if probability >= 0.5 else "no_tumor"
    return {
        "kind": "image",
        "source": source,
        "outcome": outcome,
        "probabilities": None
        if probability is None
        else {"tumor": probability, "no_tumor": 1 - probability},
        "sequence": {"name": "T1", "probability": 0.9, "from": "pixels"},
        "plane": "axial",
        "model": MODEL,
    } | other


def write(path: Path, answers: Sequence[dict[str, object]]) -> Path:
    path.write_text("".join(json.dumps(one) + "\n" for one in answers), encoding="utf-8")
    return path


def calm(count: int, seed: int) -> list[dict[str, object]]:
    chances = np.random.default_rng(seed).uniform(0.02, 0.98, count).tolist()
    return [image(f"{seed}-{at}.png", one) for at, one in enumerate(chances)]


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    return write(tmp_path / "before.jsonl", calm(60, 0))


def test_an_intake_that_is_turned_away_has_drifted(
    tumorscope: Run, tmp_path: Path, reference: Path
) -> None:
    stripped = [image(f"{at}.png", None if at % 2 else 0.1) for at in range(60)]
    later = write(tmp_path / "later.jsonl", stripped)
    result = tumorscope("monitor", later, "--reference", reference)
    assert (result.code, result.err) == (0, "")
    assert "share rejected" in result.out
    assert "The intake has drifted" in result.out
    assert NOTICE in result.out


def test_an_intake_like_the_reference_has_not(
    tumorscope: Run, tmp_path: Path, reference: Path
) -> None:
    later = write(tmp_path / "later.jsonl", calm(60, 7))
    result = tumorscope("monitor", later, "--reference", reference, "--format", "json")
    found = json.loads(result.out)
    assert found["drifted"] is False
    assert (found["cases"], found["images"], found["notice"]) == (60, 60, NOTICE)
    assert {one["name"] for one in found["measures"]} >= {"probability_tumor", "rejected"}


def test_the_card_of_a_model_holds_its_reference(tumorscope: Run, tmp_path: Path) -> None:
    artifact = read_artifact()
    rows = [{"outcome": "tumor", "probability_tumor": one} for one in np.linspace(0.5, 1, 40)]
    record = intake_record(cases_of([str(at) for at in range(40)], rows), split="test")
    card = artifact.manifest.card | {"intake": record}
    model = tmp_path / "own.tumorscope"
    write_artifact(model, replace(artifact, manifest=replace(artifact.manifest, card=card)))
    low = write(tmp_path / "low.jsonl", [image(f"{at}.png", 0.02) for at in range(40)])
    result = tumorscope("monitor", low, "--model", model, "--format", "json")
    assert json.loads(result.out)["drifted"] is True
    without = replace(artifact.manifest, card={})
    write_artifact(model, replace(artifact, manifest=without), overwrite=True)
    result = tumorscope("monitor", low, "--model", model)
    assert result.code == 2
    assert "has no reference" in result.err


def test_the_embedded_model_has_a_reference() -> None:
    intake = read_artifact().manifest.card["intake"]
    assert intake["n_groups"] >= 100
    assert {len(one) for one in intake["measures"].values()} == {intake["n_groups"]}


def test_slices_of_a_study_are_one_case(tmp_path: Path) -> None:
    series = {"kind": "series", "outcome": "tumor", "model": MODEL}
    answers = [
        image("in/a/1.dcm", 0.2),
        image("in/a/2.dcm", 0.6),
        series | {"source": "in/a", "study_instance_uid": "1.2", "series_instance_uid": "1.2.3"},
        image("in/b/1.dcm", 0.9),
        series | {"source": "in/b", "study_instance_uid": "1.2", "series_instance_uid": "1.2.4"},
        image("one.png", 0.5),
        image("head.nii.gz", 0.1, slice_index=0),
        image("head.nii.gz", 0.3, slice_index=1),
    ]
    cases = read_cases(write(tmp_path / "answers.jsonl", answers))
    assert (cases.n_cases, cases.n_images) == (3, 6)
    assert cases.values["probability_tumor"].tolist() == pytest.approx([1.7 / 3, 0.5, 0.2])


def test_series_that_predict_names_behind_all_images_are_cases(tmp_path: Path) -> None:
    series = {"kind": "series", "outcome": "tumor", "model": MODEL}
    answers = [
        image("in/a/1.dcm", 0.2),
        image("in/a/2.dcm", 0.6),
        image("in/b/t1/1.dcm", 0.8),
        image("in/b/t2/1.dcm", 0.6),
        image("in/c.png", 0.5),
        series | {"source": "in/a", "study_instance_uid": "1.2", "series_instance_uid": "1.2.3"},
        series | {"source": "in/b/t1", "study_instance_uid": "1.3"},
        series | {"source": "in/b/t2", "study_instance_uid": "1.3"},
    ]
    cases = read_cases(write(tmp_path / "answers.jsonl", answers))
    assert cases.values["probability_tumor"].tolist() == pytest.approx([0.4, 0.7, 0.5])
    assert cases.notes == ()


def test_studies_in_one_folder_are_one_case_and_that_is_said(
    tumorscope: Run, tmp_path: Path, reference: Path
) -> None:
    series = {"kind": "series", "source": "in", "outcome": "tumor", "model": MODEL}
    answers = [
        *[image(f"in/{at}.dcm", at / 10) for at in range(4)],
        *[series | {"study_instance_uid": f"1.{at}"} for at in range(2)],
    ]
    later = write(tmp_path / "later.jsonl", answers)
    assert read_cases(later).n_cases == 1
    result = tumorscope("monitor", later, "--reference", reference)
    assert "each folder counts as one case, in among them" in result.out


def test_a_node_names_the_study_of_each_image(tmp_path: Path) -> None:
    origin = {"study_instance_uid": "1.2", "series_instance_uid": "1.2.3"}
    answers = [image("1.2.3.1", 0.2, **origin), image("1.2.3.2", 0.4, **origin)]
    answers.append(image("1.9.1", 0.4, study_instance_uid=None, series_instance_uid="1.9"))
    cases = read_cases(write(tmp_path / "answers.jsonl", answers))
    assert cases.values["probability_tumor"].tolist() == pytest.approx([0.3, 0.4])


def test_lines_that_are_no_answers_are_counted(tmp_path: Path) -> None:
    path = write(tmp_path / "answers.jsonl", [image("a.png", 0.2)])
    with path.open("a", encoding="utf-8") as stream:
        stream.write("[" * 200_000 + '\n\n{"kind": "error", "source": "b"}\n{"kind": "ima')
    assert read_cases(path).notes == (f"2 lines of {path} are not answers and were left out.",)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        ({"probabilities": {"tumor": "x"}}, "probability_tumor must be a number from 0 to 1"),
        ({"probabilities": {"tumor": 1e400}}, "probability_tumor must be a number from 0 to 1"),
        ({"probabilities": {"tumor": [1]}}, "probability_tumor must be a number from 0 to 1"),
        ({"probabilities": [1]}, "a part of it is not an object"),
        ({"source": 5}, "source must be text; received 5"),
        ({"outcome": None}, "outcome must be text; received None"),
        ({"study_instance_uid": {"a": 1}}, "study_instance_uid must be text"),
    ],
)
def test_a_damaged_answer_is_named_by_its_line(
    tumorscope: Run, tmp_path: Path, damage: dict[str, object], words: str
) -> None:
    answers = [image("a.png", 0.2), image("b.png", 0.2) | damage]
    result = tumorscope("monitor", write(tmp_path / "answers.jsonl", answers))
    assert result.code == 2
    assert "answers.jsonl, line 2" in result.err
    assert words in result.err


def test_a_damaged_reference_in_a_card_is_named(tumorscope: Run, tmp_path: Path) -> None:
    artifact = read_artifact()
    card = artifact.manifest.card | {"intake": {"measures": {"rejected": ["much"]}}}
    model = tmp_path / "own.tumorscope"
    write_artifact(model, replace(artifact, manifest=replace(artifact.manifest, card=card)))
    later = write(tmp_path / "later.jsonl", [image("a.png", 0.4)])
    result = tumorscope("monitor", later, "--model", model)
    assert result.code == 2
    assert "The reference in the card of this model is damaged" in result.err


def test_csv_and_parquet_say_the_same_as_json(tmp_path: Path) -> None:
    rows = [
        {
            "kind": "image",
            "source": f"{at}.png",
            "outcome": "tumor",
            "probability_tumor": at / 10,
            "model_sha256": "ab",
            "plane": None,
        }
        for at in range(5)
    ]
    names = list(rows[0])
    lines = [",".join(str(row[name] or "") for name in names) for row in rows]
    (tmp_path / "a.csv").write_text("\n".join([",".join(names), *lines]), encoding="utf-8")
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    for name in ("a.csv", "a.parquet"):
        cases = read_cases(tmp_path / name)
        assert cases.models == {"ab"}
        assert np.isnan(cases.values["plane_axial"]).all()
        assert cases.values["probability_tumor"][1:].tolist() == [0.1, 0.2, 0.3, 0.4]


def test_answers_of_another_model_are_not_compared(
    tumorscope: Run, tmp_path: Path, reference: Path
) -> None:
    other = MODEL | {"sha256": "f" * 64}
    later = write(tmp_path / "later.jsonl", [image("a.png", 0.4, model=other)])
    result = tumorscope("monitor", later, "--reference", reference)
    assert result.code == 2
    assert "another model (ffffffffffff)" in result.err


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.jsonl", "", "has no answer for an image"),
        ("a.jsonl", '{"kind": "image"}\n[1]\nnot json\n', "has no answer for an image"),
        ("a.jsonl", "x" * (MOST_LINE + 10), "has no answer for an image"),
        ("a.csv", "path,tumor\na.png,1\n", "has no column kind, source"),
        (
            "a.csv",
            'kind,source,outcome,probability_tumor\nimage,a,tumor,"0,5"\n',
            "a.csv, line 2: probability_tumor must be a number from 0 to 1; received '0,5'",
        ),
        ("a.parquet", "not parquet", "cannot be read as Parquet"),
    ],
)
def test_files_that_are_no_answers_are_refused(
    tumorscope: Run, tmp_path: Path, name: str, text: str, words: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    result = tumorscope("monitor", path)
    assert result.code == 2
    assert words in result.err
    assert tumorscope("monitor", tmp_path / "nothing.jsonl").code == 2
