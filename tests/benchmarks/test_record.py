"""Figures that benchmarks record say what made them."""

import json
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from benchmarks.bench_unseen import check_unseen, draw, figures
from benchmarks.record import command_line, record_figures

from tumorscope.data.manifest import ManifestRow
from tumorscope.evaluation.intervals import bootstrap_share


def row(number: int, tumor: int | None, **changes: str) -> ManifestRow:
    return ManifestRow(set="made", path=f"{number}.png", tumor=tumor, sha256=str(number), **changes)


def test_a_record_replaces_its_own_figures_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "held_out.json"
    old = {"estimate": 0.5}
    path.write_text(json.dumps({"about": "", "figures": {"peers/a": old, "peers2/a": old}}))
    rows = [row(number, 1) for number in range(4)]
    estimate = bootstrap_share(np.ones(4), np.arange(4))
    record_figures("peers/", {"b": estimate}, command="c", rows=rows, model_sha256="m", path=path)
    found = json.loads(path.read_text())["figures"]
    assert set(found) == {"peers/b", "peers2/a"}
    new = found["peers/b"]
    assert (new["estimate"], new["n"], new["groups"], new["exact"]) == (1.0, 4, 4, True)
    assert all(new[key] for key in ("command", "date", "machine", "data_sha256", "model_sha256"))


def test_a_command_does_not_tell_where_files_are() -> None:
    given = ["--root", "/home/me/scans", "--manifest", "/home/me/split.csv", "--every", "3"]
    assert command_line("benchmarks.x", given) == (
        "python -m benchmarks.x --root DATA --manifest split.csv --every 3"
    )


def test_outcomes_are_counted_by_set_sequence_and_type() -> None:
    given = [
        (row(1, 1, sequence="T1", type="glioma"), "tumor"),
        (row(2, 1, sequence="T1", type="glioma"), "rejected"),
        (row(3, 1, sequence="FLAIR", type="meningioma"), "tumor"),
        (row(4, 0, sequence="FLAIR"), "tumor"),
        (row(5, 0, sequence="FLAIR"), "no_tumor"),
    ]
    found = {name: one.estimate for name, one in figures(given).items()}
    assert found["sensitivity"] == pytest.approx(2 / 3)
    assert found["T1/sensitivity"] == 0.5
    assert found["T1/rejected"] == 0.5
    assert found["glioma/sensitivity"] == 0.5
    assert found["FLAIR/false_alarm"] == 0.5
    assert "T1/false_alarm" not in found


def test_a_draw_is_the_same_each_time() -> None:
    rows = [row(number, 1) for number in range(50)]
    assert draw(rows, 10) == draw(rows, 10)
    assert len(draw(rows, 10)) == 10
    assert draw(rows, 0) == rows


def test_what_the_model_learned_from_is_not_unseen() -> None:
    card = {"training": {"data": {"train": {"sets": {"lgg": 3}}}}}
    model = SimpleNamespace(manifest=SimpleNamespace(card=card))
    check_unseen(["tiantan"], model)
    with pytest.raises(SystemExit, match="learned from lgg"):
        check_unseen(["tiantan", "lgg"], model)
