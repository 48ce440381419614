"""The commands of "Reproduce us" fit together: they run in order, as the page has them.

The page is read, so a command that changes there changes here. Images are drawn and networks
narrow: this proves that the steps fit, and nothing about figures. What needs downloads, an
installation or the real scans (``make``, ``data fetch``) has tests of its own.
"""

import json
import re
import shlex
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("keras", reason="the extra [train] is not installed")

from tumorscope.cli.main import main
from tumorscope.data.manifest import read_manifest
from tumorscope.model.artifact import read_artifact

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "reproduce-us.md"
STEP = re.compile(r"^ {4}(\S.*)$", re.MULTILINE)
QUICK = (
    *("fine_tune_epochs=1", "fine_tune_from=block5_conv1", "batch_size=4", "width=0.125"),
    *("views=1", "frozen_epochs=0", "precision=float32", "frozen_arithmetic=float32"),
)
"""Settings of a training of seconds; those of the page come before them."""


def steps() -> Iterator[list[str]]:
    """Yield the words of each command of the page that runs on scans."""
    text = PAGE.read_text(encoding="utf-8").replace("\\\n", " ")
    for step in STEP.findall(text):
        words = shlex.split(step)
        if words[0] in ("tumorscope", "python") and words[1:3] != ["data", "fetch"]:
            yield words


@pytest.fixture
def scans(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, make_picture: Callable[..., np.ndarray]
) -> Path:
    """Draw ``DATA`` with its two manifests: sets of patients, and some of no brain."""
    monkeypatch.chdir(tmp_path)
    data = tmp_path / "DATA"
    for name, sets in (("manifest", ("lgg", "br35h")), ("manifest_new", ("oasis2",))):
        lines = ["set,path,tumor,patient_id,sequence"]
        for source in sets:
            (data / source).mkdir(parents=True)
            for index in range(20):
                picture = make_picture(len(lines) + 100 * len(name), 96)
                if index % 2:
                    picture[40:56, 44:60] = 250
                Image.fromarray(picture).save(data / source / f"{index}.png")
                lines.append(f"{source},{source}/{index}.png,{index % 2},{source}{index},FLAIR")
        (data / f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    (data / "not_brain_mr").mkdir()
    rng = np.random.default_rng(0)
    with (data / "manifest_new.csv").open("a", encoding="utf-8") as stream:
        for index in range(12):
            place = f"not_brain_mr/{index}.png"
            Image.fromarray(rng.integers(0, 256, (96, 96), np.uint8)).save(data / place)
            stream.write(f"not_brain_mr,{place},,n{index},photo\n")
    return tmp_path


def run(words: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    """Run a command in this process, where Keras is imported once."""
    program, *rest = words
    if program == "python":
        module, rest = rest[1], rest[2:]
        monkeypatch.setattr(sys, "argv", [module, *rest])
        import_module(module).main()
        return 0
    rest = ["none" if word == "WEIGHTS.npz" else word for word in rest]
    if rest[0] == "train":
        rest += [one for setting in QUICK for one in ("--set", setting)]
    rest += ["--quick"] if rest[0] == "export" else []
    monkeypatch.setattr(sys, "argv", ["tumorscope", *rest])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def test_the_page_has_all_steps() -> None:
    verbs = [" ".join(words[1:3]) if words[1] in ("data", "-m") else words[1] for words in steps()]
    assert verbs == [
        *("data duplicates", "data split", "train", "export"),
        *("-m benchmarks.join_manifests", "data split", "train", "export", "evaluate"),
    ]


@pytest.mark.slow
def test_the_steps_of_the_page_fit_together(scans: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for words in steps():
        assert run(words, monkeypatch) == 0, shlex.join(words)
    first = {row.path: row.split for row in read_manifest(scans / "first.csv", root=scans / "DATA")}
    split = {row.path: row.split for row in read_manifest(scans / "split.csv", root=scans / "DATA")}
    assert len(split) == 72
    assert first.items() <= split.items()  # who was on a side stays there
    card = read_artifact(scans / "R4.tumorscope").manifest.card
    start = read_artifact(scans / "E13.tumorscope").manifest.graph_sha256
    assert card["training"]["start_graph_sha256"] == start
    assert card["evaluation"]["n_images"] > 0
    metrics = json.loads((scans / "test" / "metrics.json").read_text(encoding="utf-8"))
    assert "photo" in metrics["sections"]["rejection"]
