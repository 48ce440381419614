"""What the input check rejects of kinds that it was not taught."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from benchmarks import bench_not_brain
from tumorscope.data.manifest import ManifestRow, write_manifest

KINDS = ["headct", "photo", "kneemr"]
SOURCES = ["headct", "headct2", "photo", "kneemr"]


def features(direction: int, count: int = 40, seed: int = 0) -> np.ndarray:
    """Make features of which one, not one of the first two, stands out."""
    made = np.random.default_rng(seed).uniform(0, 0.2, (count, 6)).astype(np.float32)
    made[:, 2 + direction] += 4
    return made


def kept_features() -> dict[str, np.ndarray]:
    """Make what the file holds: kinds that have nothing in common but that they are no brains."""
    brains = np.random.default_rng(9).uniform(0, 0.2, (120, 6)).astype(np.float32)
    kept = {"brains": brains, "calibration": brains[:60], "made": features(3)}
    for direction, kind in enumerate(KINDS):
        kept[f"taught/{kind}"] = features(direction)
        kept[f"asked/{kind}"] = features(direction, count=10, seed=1)
        kept[f"asked/{kind}/groups"] = np.array([f"{kind}/{at}" for at in range(10)])
    return kept | {
        bench_not_brain.BRAINS: brains[:30],
        f"{bench_not_brain.BRAINS}/groups": np.array([f"brain/{at}" for at in range(30)]),
    }


def test_a_kind_held_out_is_not_taught(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_not_brain, "fit_novelty", by_direction)
    kept = kept_features()
    found = bench_not_brain.measure(kept, KINDS)
    for held_out in (*KINDS, bench_not_brain.OTHER_BODIES):
        assert found[f"{held_out}/rejected"].estimate == 0
        assert found[f"{held_out}/brains"].estimate == 0
    assert found["headct/rejected"].n_groups == 10
    assert "headct, one source/rejected" not in found
    [share] = bench_not_brain.rejected(kept, KINDS, [f"asked/{kind}" for kind in KINDS])
    assert share.estimate == 1
    assert share.n_groups == 30


def test_of_two_sources_each_is_held_out_alone_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_not_brain, "fit_novelty", by_direction)
    kept = kept_features()
    twins = {name.replace("headct", "headct2"): one for name, one in kept.items()}
    found = bench_not_brain.measure(twins | kept, SOURCES)
    assert found["headct/rejected"].estimate == 0
    assert found["headct/rejected"].n_images == 20
    assert found["headct2, one source/rejected"].estimate == 1  # the other one has the same look
    assert found["headct2, one source/rejected"].n_images == 10


def test_a_source_of_brains_is_held_out_with_all_that_came_of_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(bench_not_brain, "fit_novelty", by_likeness)
    sources = np.repeat(["one", "twin", "brats_slices", "brats_volumes"], 20)
    scans = np.concatenate([features(at, count=20, seed=at) for at in (0, 0, 1, 1)])
    drawn = np.zeros((5, 6), np.float32)
    kept = {
        "brains": np.concatenate([scans, scans[::2], drawn]),
        "brains/groups": np.array([f"patient/{at}" for at in range(80)]),
        "brains/sources": bench_not_brain._sources_of_brains(sources, 80 + 40 + 5),
        "made": np.concatenate([features(3), features(0, count=20)]),
        "made/sources": np.array([["brats_slices", "brats_volumes"]] * 40 + [["twin", "one"]] * 20),
        "calibration": np.concatenate([scans[40:], np.zeros((20, 6), np.float32)]),
        "calibration/sources": np.concatenate([sources[40:], np.full(20, "web")]),
    }
    assert kept["brains/sources"].tolist().count("drawn") == 5
    found = bench_not_brain.measure_brains(kept)
    assert list(found) == [f"brains of {one}/rejected" for one in dict.fromkeys(sources.tolist())]
    assert found["brains of one/rejected"].estimate == 0  # its twin has the same look
    assert found["brains of one/rejected"].n_groups == 20
    kept["made/sources"][40:] = "twin"
    assert bench_not_brain.measure_brains(kept)["brains of one/rejected"].estimate == 1
    plain = {"made": features(3), "made/sources": np.full((40, 2), "web")}
    found = bench_not_brain.measure_brains(kept | plain)
    assert found["brains of brats_slices/rejected"].estimate == 1  # nor is the other part known


def by_likeness(known: np.ndarray, foreign: np.ndarray) -> Likeness:
    """Learn what stands out in brains and in no counterexample."""
    return Likeness((known.max(axis=0) > 2) & ~(foreign.max(axis=0) > 2))


class Likeness:
    """A check that lets in what stands out as brains do, and what does not stand out."""

    def __init__(self, known: np.ndarray) -> None:
        self.known = known

    def measure(self, asked: np.ndarray) -> np.ndarray:
        strange = (asked > 2).any(axis=1) & ~(asked[:, self.known] > 2).any(axis=1)
        return strange.astype(float)


def by_direction(known: np.ndarray, foreign: np.ndarray) -> Directions:
    """Learn nothing but what stood out in a counterexample."""
    return Directions(foreign.max(axis=0) > 2)


class Directions:
    """A check that knows by heart."""

    def __init__(self, taught: np.ndarray) -> None:
        self.taught = taught

    def measure(self, asked: np.ndarray) -> np.ndarray:
        return (asked[:, self.taught] > 2).any(axis=1).astype(float)


def test_features_are_made_once_and_kept(
    tmp_path: Path,
    make_head: Callable[..., np.ndarray],
    make_picture: Callable[..., np.ndarray],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rows = []

    def add(pixels: np.ndarray, **cells: object) -> None:
        path = f"{cells.get('sequence', 'head')}_{len(rows)}.png"
        Image.fromarray(pixels).save(tmp_path / path)
        rows.append(ManifestRow(path=path, group_id=path, **cells))  # type: ignore[arg-type]

    for split in ("train", "calibration", "test"):
        for seed in range(4):
            source = ("lgg", "figshare")[seed % 2]
            add(make_head(seed=seed), set=source, tumor=0, split=split)
    for kind in SOURCES:
        for split in ("train", "test"):
            add(make_picture(len(rows)), set="not_brain_mr", tumor=None, sequence=kind, split=split)
    write_manifest(tmp_path / "split.csv", rows)
    monkeypatch.setattr(bench_not_brain, "layouts", means)
    monkeypatch.setattr(bench_not_brain, "COUNTEREXAMPLES", 9)
    words = ["--manifest", str(tmp_path / "split.csv"), "--root", str(tmp_path)]
    words += ["--features", str(tmp_path / "features.npz")]
    monkeypatch.setattr("sys.argv", ["bench", *words])
    bench_not_brain.main()
    kept = np.load(tmp_path / "features.npz")
    for source in SOURCES:
        assert len(kept[f"asked/{source}"]) == 2
        assert len(kept[f"taught/{source}"]) == 2  # one, and a changed copy
    assert len(kept["made"]) <= 9
    assert kept["made/sources"].shape == (len(kept["made"]), 2)
    assert len(kept["brains/sources"]) == len(kept["brains"])
    assert kept["calibration/sources"].tolist() == 2 * ["lgg", "figshare"]
    monkeypatch.setattr(bench_not_brain, "layouts", None)
    bench_not_brain.main()
    monkeypatch.setattr("sys.argv", ["bench", *words, "--model", "lite"])
    with pytest.raises(SystemExit, match="is of another model"):
        bench_not_brain.main()


def means(artifact: object, canvases: np.ndarray) -> np.ndarray:
    """Stand in for the network's features: mean grays of nine windows."""
    cut = canvases[:, :222, :222].reshape(len(canvases), 3, 74, 3, 74)
    return cut.mean(axis=(2, 4)).reshape(len(canvases), 9).astype(np.float32)
