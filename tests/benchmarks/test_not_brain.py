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
            add(make_head(seed=seed), set="lgg", tumor=0, split=split)
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
    monkeypatch.setattr(bench_not_brain, "layouts", None)
    bench_not_brain.main()
    monkeypatch.setattr("sys.argv", ["bench", *words, "--model", "lite"])
    with pytest.raises(SystemExit, match="is of another model"):
        bench_not_brain.main()


def means(artifact: object, canvases: np.ndarray) -> np.ndarray:
    """Stand in for the network's features: mean grays of nine windows."""
    cut = canvases[:, :222, :222].reshape(len(canvases), 3, 74, 3, 74)
    return cut.mean(axis=(2, 4)).reshape(len(canvases), 9).astype(np.float32)
