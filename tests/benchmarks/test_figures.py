"""Benchmarks record the figures that the documents ask for, and answer each image once."""

import hashlib
import importlib
import json
import sys
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import benchmarks.record
import numpy as np
import pytest
import tables
from figures import fill
from PIL import Image

from tumorscope.data.manifest import ManifestRow, read_manifest, write_manifest
from tumorscope.model.artifact import Artifact, write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.recipes.provenance import content_sha256, data_summary

ROOT = Path(__file__).parents[2]
BUILDERS = ("robustness", "input-check", "series", "visibility")
SEQUENCES = ("FLAIR", "T1", "T1+C")
PATIENTS, SLICES, TUMORS = 3, 7, 2
"""Of each patient and sequence the first slices show a tumor; the rest is a run without one."""

OPTIONS = {
    "bench_robustness": ["--every", "4", "--output", "robustness.csv"],
    "bench_input_check": ["--output", "check.csv", "--pictures", "joints", "--not-brain", ""],
    "bench_series": [],
    "bench_evidence": ["--deletion", "--every", "1"],
    "bench_visibility": [],
    "bench_unseen": ["--split", "test"],
}


def asked(prefix: str) -> set[str]:
    """Return the figures of one kind that tables and pages ask for."""
    figures = tables.Figures(ROOT)
    for name in BUILDERS:
        tables.TABLES[name](figures)
    for page in tables.pages(ROOT):
        fill(page.read_text(encoding="utf-8"), figures)
    names = (name.removeprefix("held_out:") for name in figures.asked)
    return {name for name in names if name.startswith(prefix)}


class Bench:
    """Runs a benchmark on made scans and keeps what it records."""

    def __init__(self, folder: Path, artifact: Artifact, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.artifact, self._patch = folder, artifact, patch
        self.rows: list[ManifestRow] = []
        self.forwards: Counter[bytes] = Counter()
        self.path = folder / "held_out.json"
        patch.setattr(benchmarks.record, "HELD_OUT", self.path)
        patch.chdir(folder)
        run = Classifier._run

        def counted(model: Classifier, canvases: np.ndarray) -> dict[str, np.ndarray]:
            self.forwards[canvases.tobytes()] += 1
            return run(model, canvases)

        patch.setattr(Classifier, "_run", counted)

    def add(self, pixels: np.ndarray, mask: np.ndarray | None = None, **cells: Any) -> None:
        number = len(self.rows)
        names = (f"{number}.png", f"{number}_mask.png")
        for name, picture in zip(names, (pixels, mask), strict=True):
            if picture is not None:
                Image.fromarray(picture).save(self.folder / name)
        digest = hashlib.sha256((self.folder / names[0]).read_bytes()).hexdigest()
        drawn = None if mask is None else names[1]
        self.rows.append(ManifestRow(path=names[0], mask=drawn, sha256=digest, **cells))

    def model(self, rows: list[ManifestRow]) -> Path:
        """Write the model as one that learned from rows."""
        card = {"training": {"data": data_summary(rows)}}
        manifest = replace(self.artifact.manifest, card=card)
        path = self.folder / "made.tumorscope"
        write_artifact(path, Artifact(manifest, self.artifact.graph), overwrite=True)
        return path

    def run(self, name: str, *options: str, learned: list[ManifestRow] | None = None) -> dict:
        """Return what is recorded, by name."""
        write_manifest(self.folder / "split.csv", self.rows, overwrite=True)
        self.rows = read_manifest(self.folder / "split.csv")
        self.path.write_text(json.dumps({"about": "", "figures": {}}))
        words = ["--manifest", "split.csv", "--root", str(self.folder), "--record"]
        model = self.model(self.rows if learned is None else learned)
        self._patch.setattr(sys, "argv", [name, *words, "--model", str(model), *options])
        self.forwards.clear()
        importlib.import_module(f"benchmarks.{name}").main()
        return json.loads(self.path.read_text())["figures"]


@pytest.fixture
def bench(
    tmp_path: Path,
    make_checked: Callable[..., Artifact],
    make_head: Callable[..., np.ndarray],
    make_picture: Callable[..., np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> Bench:
    made = Bench(tmp_path, make_checked(), monkeypatch)
    everyone = [(patient, sequence) for patient in range(PATIENTS) for sequence in SEQUENCES]
    for patient, sequence in everyone:
        cells = {"set": "lgg", "patient_id": f"{patient}", "sequence": sequence}
        cells |= {"group_id": f"lgg/{patient}", "split": "test"}
        for place in range(SLICES):
            is_tumor = place < TUMORS
            pixels = make_head(blob=(80, 50) if is_tumor else None, seed=len(made.rows))
            mask = _disk((80, 50) if patient else (80, 110)) if is_tumor else None
            made.add(pixels, mask, tumor=int(is_tumor), **cells)
    made.add(make_head(), set="lgg", tumor=0, group_id="lgg/train", split="train")
    folder = tmp_path / "joints" / "knee"
    folder.mkdir(parents=True)
    Image.fromarray(make_picture(1)).save(folder / "1.png")
    return made


def _disk(center: tuple[int, int]) -> np.ndarray:
    rows, columns = np.mgrid[0:160, 0:160]
    return np.uint8(255 * (np.hypot(rows - center[0], columns - center[1]) < 18))


ROBUSTNESS = {
    "frame blanked",
    "half size",
    "1.6 times",
    "jpeg 50",
    "contrast + 20 %",
    "contrast - 20 %",
    "mirrored",
    "brain blanked, tumor",
    "brain blanked, rejected",
    "tumor filled in",
    "other side over it",
}
NAMES = {
    "robustness": ROBUSTNESS,
    "input_check": {"joints", "test FLAIR", "test every third"},
    "series": {
        f"{part}/{metric}"
        for part in ("all", *SEQUENCES)
        for metric in ("auroc", "sensitivity", "specificity")
    },
    "evidence": {"strongest blanked", "elsewhere blanked"},
    "visibility": {
        f"{part}/{metric}"
        for part in ("all", *SEQUENCES)
        for metric in ("share", "auroc_visible", "auroc_hidden")
    },
}
SIZES = {
    "robustness": {"mirrored": (16, 3)},
    "input_check": {"test every third": (21, 3), "test FLAIR": (9, 3), "joints": (1, 1)},
    "series": {"all/auroc": (18, 3), "all/sensitivity": (9, 3), "T1/specificity": (3, 3)},
    "evidence": {"strongest blanked": (18, 3), "elsewhere blanked": (18, 3)},
    "visibility": {
        "all/share": (18, 3),
        "all/auroc_visible": (57, 3),
        "FLAIR/auroc_hidden": (17, 3),
    },
}
PASSES = {"robustness": 0, "evidence": 3 * PATIENTS * len(SEQUENCES) * TUMORS}
"""Of those that change images. The others answer each once."""


@pytest.mark.parametrize("kind", NAMES)
def test_what_is_recorded_is_what_the_documents_ask_for(bench: Bench, kind: str) -> None:
    name = f"bench_{kind}"
    found = bench.run(name, *OPTIONS[name])
    assert found.keys() == {f"{kind}/{one}" for one in NAMES[kind]}
    assert asked(f"{kind}/") <= found.keys()
    for one in found.values():
        assert one["command"].startswith(f"python -m benchmarks.{name} ")
        assert str(bench.folder) not in one["command"]
        assert all(one[key] for key in ("n", "groups", "data_sha256", "model_sha256"))
    for one, sizes in SIZES[kind].items():
        figure = found[f"{kind}/{one}"]
        assert (figure["n"], figure["groups"]) == sizes, one
    if kind not in PASSES:
        assert set(bench.forwards.values()) == {1}
    elif passes := PASSES[kind]:
        assert bench.forwards.total() == passes


def test_the_figures_are_those_of_the_made_scans(bench: Bench) -> None:
    """To the made model a bright blob is a tumor."""
    assert bench.run("bench_series")["series/all/auroc"]["estimate"] == 1
    seen = bench.run("bench_visibility")["visibility/all/share"]["estimate"]
    assert seen == pytest.approx(2 / 3)  # one patient's outlines lie beside the blobs
    evidence = bench.run("bench_evidence", *OPTIONS["bench_evidence"])
    assert evidence["evidence/elsewhere blanked"]["estimate"] == 0
    changed = bench.run("bench_robustness", *OPTIONS["bench_robustness"])
    assert changed["robustness/mirrored"]["estimate"] == 1
    assert changed["robustness/brain blanked, tumor"]["estimate"] == 0


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_nothing_is_recorded_of_another_split_than_the_model_was_trained_with(
    bench: Bench, name: str
) -> None:
    moved = [replace(row, split="train" if row.tumor else row.split) for row in bench.rows]
    with pytest.raises(SystemExit, match="Give the manifest that it was trained with"):
        bench.run(name, *OPTIONS[name], learned=moved)
    assert not json.loads(bench.path.read_text())["figures"]


def test_a_model_that_does_not_say_what_it_learned_from_is_refused(bench: Bench) -> None:
    with pytest.raises(SystemExit, match="is not named in its card"):
        bench.run("bench_unseen", "--split", "test", learned=[])


def test_held_out_patients_are_apart_from_unseen_sets(
    bench: Bench, make_head: Callable[..., np.ndarray]
) -> None:
    bench.add(make_head(), set="new", tumor=0, group_id="new/1", split="test")
    learned = [row for row in bench.rows if row.set == "lgg"]
    held_out = bench.run("bench_unseen", "--split", "test", learned=learned)
    assert set(bench.forwards.values()) == {1}
    assert held_out["patients/lgg/sensitivity"]["n"] == PATIENTS * len(SEQUENCES) * TUMORS
    assert {name.split("/")[1] for name in held_out} == {"lgg"}
    of_split = [row for row in bench.rows if row.set == "lgg" and row.split == "test"]
    assert held_out["patients/lgg/sensitivity"]["data_sha256"] == content_sha256(of_split)
    unseen = bench.run("bench_unseen", learned=learned)
    assert set(unseen) == {
        f"unseen/new/{name}" for name in ("false_alarm", "free abstained", "free rejected")
    }
    with pytest.raises(SystemExit, match="did not learn from new"):
        bench.run("bench_unseen", "--split", "test", "--sets", "new", learned=learned)
    with pytest.raises(SystemExit, match="--split test"):
        bench.run("bench_unseen", "--sets", "lgg", learned=learned)
    with pytest.raises(SystemExit, match="no images of lgq"):
        bench.run("bench_unseen", "--split", "test", "--sets", "lgq", learned=learned)


def test_what_is_no_brain_is_counted_by_kind(
    bench: Bench, make_head: Callable[..., np.ndarray]
) -> None:
    for number, kind in enumerate(("photo", "photo", "headct")):
        picture = make_head(seed=number) if number else np.full((64, 64), 255, np.uint8)
        picture[:8] = 0
        group = f"picture:{number}"
        cells = {"set": "not_brain_mr", "sequence": kind, "group_id": group, "split": "test"}
        bench.add(picture, tumor=None, **cells)
    learned = [*bench.rows, replace(bench.rows[-1], split="val")]
    asked_for = ("--split", "test", "--sets", "not_brain_mr")
    found = bench.run("bench_unseen", *asked_for, learned=learned)
    assert {name: (one["estimate"], one["n"]) for name, one in found.items()} == {
        "patients/not_brain_mr/rejected": (pytest.approx(1 / 3), 3),
        "patients/not_brain_mr/false_alarm": (0, 3),
        "patients/not_brain_mr/photo/rejected": (0.5, 2),
        "patients/not_brain_mr/photo/false_alarm": (0, 2),
        "patients/not_brain_mr/headct/rejected": (0, 1),
        "patients/not_brain_mr/headct/false_alarm": (0, 1),
    }


def test_figures_of_another_model_are_named(
    bench: Bench, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench.run("bench_series")
    content = json.loads(bench.path.read_text())
    content["figures"] |= {"unseen/old/rejected": {}, "hospital/all/auroc": {}}
    bench.path.write_text(json.dumps(content))
    capsys.readouterr()
    monkeypatch.setattr(sys, "argv", ["record", "--model", str(bench.model(bench.rows))])
    benchmarks.record.main()
    assert capsys.readouterr().out.splitlines()[:-1] == ["unseen/old/rejected"]
