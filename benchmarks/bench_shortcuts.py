"""How often ``tumorscope data shortcuts`` raises an alarm on made sets with and without a shortcut.

A made set has groups, as patients are: the pictures of a group share texture, brightness, size and
file type, all drawn without regard to the label, which the group shares too. Nothing in it tells
the label; a planted shortcut then changes one thing in the pictures with tumor,
or makes file type or source follow the label.

    python -m benchmarks.bench_shortcuts --seeds 100
    python -m benchmarks.bench_shortcuts --seeds 20 --plant size
"""

from __future__ import annotations

import argparse
import csv
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

from tumorscope.audit.shortcuts.audit import ALL, find_shortcuts
from tumorscope.evaluation.intervals import clopper_pearson

GROUPS, PER_GROUP = 60, 2
SIDE = 64
PLANTS = ("size", "file", "frame", "histogram", "spectrum", "thumbnail", "skull", "source")


def main() -> None:
    """Print the share of made sets with an alarm, and which traces raised it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="first seed")
    parser.add_argument("--groups", type=int, default=GROUPS)
    parser.add_argument("--plant", choices=PLANTS)
    options = parser.parse_args()
    by_trace: Counter[str] = Counter()
    alarms = 0
    for seed in range(options.first, options.first + options.seeds):
        found = _alarms(seed, options.groups, options.plant)
        by_trace.update(found)
        alarms += bool(found)
        print(f"seed {seed}: {', '.join(found) or 'none'}; {alarms} alarms", flush=True)
    low, high = clopper_pearson(alarms, options.seeds)
    print(f"planted: {options.plant}; {options.groups} groups of {PER_GROUP} pictures")
    print(f"alarms: {alarms} of {options.seeds} sets, {alarms / options.seeds:.2f}", end=" ")
    print(f"[{low:.2f}, {high:.2f}]; by trace {dict(by_trace)}", flush=True)


def make_set(folder: Path, *, seed: int, groups: int = GROUPS, plant: str | None = None) -> Path:
    """Draw the pictures of a made set into a folder; return its manifest."""
    rng = np.random.default_rng(seed)
    rows = []
    labels = rng.permutation(np.arange(groups) % 2)
    for group, tumor in enumerate(labels.tolist()):
        shape = rng.integers(SIDE, 2 * SIDE, 2)
        is_jpeg, brightness, source = rng.random() < 0.5, rng.uniform(0.5, 1), rng.integers(2)
        texture = rng.normal(0, 1, (6, 6))
        is_planted = bool(tumor)
        for index in range(PER_GROUP):
            grey = _head(rng, texture, brightness)
            if is_planted and plant in ("frame", "histogram", "spectrum", "thumbnail", "skull"):
                grey = _change(grey, plant)
            picture = Image.fromarray(grey)
            width = 2 * SIDE if is_planted and plant == "size" else int(shape[0])
            picture = picture.resize((width, int(shape[1])), Image.Resampling.BICUBIC)
            if is_planted and plant == "spectrum":
                picture = picture.filter(ImageFilter.GaussianBlur(1))
            suffix = "jpg" if (is_planted if plant == "file" else is_jpeg) else "png"
            name = f"{group}_{index}.{suffix}"
            picture.save(folder / name)
            set_name = "ab"[tumor if plant == "source" else source]
            rows.append((set_name, name, tumor, f"group{group}"))
    manifest = folder / "manifest.csv"
    with manifest.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([("set", "path", "tumor", "group_id"), *rows])
    return manifest


def _head(
    rng: np.random.Generator, texture: NDArray[np.float64], brightness: float
) -> NDArray[np.uint8]:
    """Draw a bright ellipse of the group's texture and some noise on a dark ground."""
    rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
    inside = (rows / rng.uniform(0.7, 0.85)) ** 2 + (columns / rng.uniform(0.6, 0.75)) ** 2 < 1
    coarse = Image.fromarray((texture + rng.normal(0, 0.3, texture.shape)).astype(np.float32))
    tissue = np.asarray(coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC))
    grey = np.where(inside, 0.5 + 0.12 * tissue, 0.02) * brightness
    noisy = 255 * grey + rng.normal(0, 4, grey.shape)
    return np.clip(noisy, 0, 255).astype(np.uint8)


def _change(grey: NDArray[np.uint8], plant: str) -> NDArray[np.uint8]:
    changed = grey.copy()
    if plant == "frame":
        changed[:3] = 60
    elif plant == "histogram":
        changed = (255 * (changed / 255) ** 0.4).astype(np.uint8)
    elif plant == "thumbnail":
        changed[20:44, 20:44] = 255 - changed[20:44, 20:44]
    elif plant == "skull":
        rows, columns = np.mgrid[-1 : 1 : SIDE * 1j, -1 : 1 : SIDE * 1j]
        radius = np.hypot(rows / 0.9, columns / 0.8)
        changed[(radius > 0.78) & (radius <= 0.9)] = 5
        changed[(radius > 0.9) & (radius <= 1)] = 230
    return changed


def _alarms(seed: int, groups: int, plant: str | None) -> list[str]:
    with tempfile.TemporaryDirectory() as name:
        manifest = make_set(Path(name), seed=seed, groups=groups, plant=plant)
        findings = find_shortcuts(manifest, output=Path(name, "report"), command="", seed=seed)
    return [
        f"{section}: {trace}"
        for section, found in findings.sections.items()
        for trace, auroc in found.aurocs.items()
        if findings.thresholds.is_shortcut(auroc) and (section == ALL or plant is None)
    ]


if __name__ == "__main__":
    main()
