"""Plant changed copies among real scans and measure how many are found, and what else is.

    python -m benchmarks.bench_duplicates --manifest split.csv --root DATA --peers peers/bin/python

With ``--peers``, the interpreter of an environment that has imagededup and cleanvision, they look
at the same pictures, as PNG files in a folder that is deleted again, with their own defaults.

Scans are drawn from the sides of a split other than ``train``, on whose scans thresholds were
chosen, no two of them alike in their thumbnails. Every scan gets one copy changed once and one
changed twice. A pair that is called the same picture counts as

- right, if both come from one scan;
- a relative, if the manifest gives both one known patient, or one group (found by comparing all
  thumbnails in eight orientations, independently of what is measured here), or if the groups show
  one picture to the eye: thumbnails do not join versions that were sharpened, windowed and turned;
  ``one_picture.csv`` names pairs from the groups that were looked at;
- wrong, elsewhere.

Precision is given twice: relatives taken as wrong (strict), and left out.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tumorscope.audit.duplicates.copies import CopyThresholds, find_copies
from tumorscope.audit.duplicates.perceptual_descriptors import take_look
from tumorscope.data.descriptors import describe
from tumorscope.data.duplicates import DuplicateThresholds, find_pairs
from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.pictures import read_pictures
from tumorscope.data.split import patient_key
from tumorscope.imaging.formats.table import is_named_as_volume

Picture = NDArray[np.uint8]
Pairs = list[tuple[int, int]]
Copies = list[tuple[int, tuple[str, ...], Picture]]
Change = Callable[[Picture, np.random.Generator], Picture]


def _mirror(picture: Picture, rng: np.random.Generator) -> Picture:
    return picture[:, ::-1] if rng.random() < 0.5 else picture[::-1]


def _rotate(picture: Picture, rng: np.random.Generator) -> Picture:
    angle = rng.uniform(5, 180) * rng.choice([-1, 1])
    is_expanded = bool(rng.random() < 0.5)
    turned = Image.fromarray(picture).rotate(angle, Image.Resampling.BICUBIC, expand=is_expanded)
    return np.asarray(turned)


def _crop(picture: Picture, rng: np.random.Generator) -> Picture:
    rows, columns = (round(0.85 * length) for length in picture.shape)
    top = rng.integers(picture.shape[0] - rows + 1)
    left = rng.integers(picture.shape[1] - columns + 1)
    return picture[top : top + rows, left : left + columns]


def _pad(picture: Picture, rng: np.random.Generator) -> Picture:
    margins = [tuple(int(rng.uniform(0.05, 0.3) * side) for _ in "ab") for side in picture.shape]
    return np.pad(picture, margins)


def _resize(picture: Picture, _: np.random.Generator) -> Picture:
    return np.asarray(Image.fromarray(picture).resize((128, 128), Image.Resampling.BILINEAR))


def _encode(picture: Picture, _: np.random.Generator) -> Picture:
    _, content = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 30])
    return np.asarray(cv2.imdecode(content, cv2.IMREAD_GRAYSCALE), np.uint8)


def _gamma(picture: Picture, rng: np.random.Generator) -> Picture:
    power = np.exp(rng.uniform(np.log(0.6), np.log(1.6)))
    return np.rint(255 * (picture / 255.0) ** power).astype(np.uint8)


def _clahe(picture: Picture, _: np.random.Generator) -> Picture:
    return np.asarray(cv2.createCLAHE(2.0, (8, 8)).apply(picture), np.uint8)


def _write(picture: Picture, rng: np.random.Generator) -> Picture:
    """Write three white words of 8 % of the height each, anywhere."""
    written = picture.copy()
    rows, columns = picture.shape
    for _ in range(3):
        place = int(rng.uniform(0, 0.6) * columns), int(rng.uniform(0.1, 1) * rows)
        word = f"R {rng.integers(100_000, 1_000_000)}"
        cv2.putText(written, word, place, cv2.FONT_HERSHEY_SIMPLEX, 0.08 * rows / 22, 255, 2)
    return written


CHANGES: Final[dict[str, Change]] = {
    "mirror": _mirror,
    "rotate": _rotate,
    "crop": _crop,
    "pad": _pad,
    "resize": _resize,
    "jpeg": _encode,
    "gamma": _gamma,
    "clahe": _clahe,
    "text": _write,
}
SINGLE: Final = [(one,) for one in CHANGES]
DOUBLE: Final = [(one, other) for one in CHANGES for other in CHANGES if one != other]


def choose_scans(
    rows: Sequence[ManifestRow], root: Path, count: int, seed: int
) -> tuple[list[ManifestRow], list[Picture]]:
    """Draw distinct scans of brains that are not in the train part, and read them.

    Distinct by thumbnails in eight orientations, independently of what is measured here.
    """
    once = {
        row.sha256: row
        for row in rows
        if row.split not in ("train", "excluded", None)
        and row.set != "not_brain_mr"
        and not is_named_as_volume(row.path)
    }
    drawn = list(once.values())
    drawn = [drawn[index] for index in np.random.default_rng(seed).permutation(len(drawn))]
    pictures = [picture.clip(0, 255).astype(np.uint8) for picture in read_pictures(drawn, root)]
    found = find_pairs(describe(picture.astype(np.float32) for picture in pictures))
    same = found.is_same_image(DuplicateThresholds())
    repeated = set(np.maximum(found.first, found.second)[same].tolist())
    kept = [index for index in range(len(drawn)) if index not in repeated][:count]
    return [drawn[index] for index in kept], [pictures[index] for index in kept]


def join_groups(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Return the rows, with one group for groups that show one picture to the eye."""
    group = {row.path: row.group_id for row in rows}
    joined = {name: name for name in group.values()}
    with Path(__file__).with_name("one_picture.csv").open(encoding="utf-8", newline="") as file:
        for pair in csv.DictReader(file):
            if not group.keys() >= set(pair.values()):
                continue
            kept, dropped = (joined[group[pair[column]]] for column in ("path", "version"))
            joined = {name: kept if now == dropped else now for name, now in joined.items()}
    return [replace(row, group_id=joined[row.group_id]) for row in rows]


def plant(scans: Sequence[Picture], seed: int) -> Copies:
    """Return two copies of every scan: its index, what was done, the picture."""
    rng = np.random.default_rng(seed)
    copies = []
    for index, scan in enumerate(scans):
        for changes in (SINGLE[index % len(SINGLE)], DOUBLE[index % len(DOUBLE)]):
            picture = scan
            for change in changes:
                picture = np.ascontiguousarray(CHANGES[change](picture, rng))
            copies.append((index, changes, picture))
    return copies


def judge(
    pairs: Sequence[tuple[int, int]], rows: Sequence[ManifestRow], source: Sequence[int]
) -> Counter[str]:
    """Count right, relative and wrong pairs."""
    counts: Counter[str] = Counter()
    for one, other in pairs:
        first, second = rows[source[one]], rows[source[other]]
        if first is second:
            counts["right"] += 1
        elif _is_relative(first, second):
            counts["relative"] += 1
        else:
            counts["wrong"] += 1
    return counts


def _is_relative(first: ManifestRow, second: ManifestRow) -> bool:
    patients = patient_key(first), patient_key(second)
    is_patient = patients[0] is not None and patients[0] == patients[1]
    return is_patient or first.group_id == second.group_id


def ask_peers(python: Path, pictures: Sequence[Picture]) -> dict[str, tuple[Pairs, float]]:
    """Return the pairs and the processor time of each tool."""
    with tempfile.TemporaryDirectory() as folder:
        for index, picture in enumerate(pictures):
            Image.fromarray(picture).save(Path(folder) / f"{index:06d}.png", compress_level=1)
        script = Path(__file__).with_name("bench_duplicates_peers.py")
        run = subprocess.run(
            [python, script, folder], check=True, stdout=subprocess.PIPE, text=True
        )
    return {
        name: ([(int(a[:6]), int(b[:6])) for a, b in answer["pairs"]], answer["seconds"])
        for name, answer in json.loads(run.stdout).items()
    }


def find_own(pictures: Sequence[Picture]) -> tuple[Pairs, float]:
    """Return the pairs called the same picture, and the processor time."""
    began = time.process_time()
    looks = [take_look(picture.astype(np.float32)) for picture in pictures]
    threshold = CopyThresholds().same_picture
    pairs = [
        (pair.first, pair.second)
        for pair in find_copies(looks, workers=1)  # processor time of others is not counted
        if pair.placement.score >= threshold
    ]
    return pairs, time.process_time() - began


def main() -> None:
    """Run the benchmark and print its figures."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--scans", type=int, default=2000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--peers", type=Path, help="Python that has imagededup and cleanvision.")
    options = parser.parse_args()
    manifest = join_groups(read_manifest(options.manifest, root=options.root))
    rows, scans = choose_scans(manifest, options.root, options.scans, options.seed)
    copies = plant(scans, options.seed)
    pictures = [*scans, *(picture for _, _, picture in copies)]
    source = [*range(len(scans)), *(index for index, _, _ in copies)]
    print(f"{len(scans)} scans, {len(copies)} copies, seed {options.seed}")
    print("| tool | recall | precision, relatives left out | relatives wrong | processor time |")
    print("|---|---|---|---|---|")
    own, seconds = find_own(pictures)
    hits = _hits(own, copies, len(scans))
    print(_line("tumorscope", hits, judge(own, rows, source), seconds), flush=True)
    peers = ask_peers(options.peers, pictures) if options.peers else {}
    for name, (pairs, taken) in peers.items():
        print(_line(name, _hits(pairs, copies, len(scans)), judge(pairs, rows, source), taken))
    lost = Counter(" + ".join(copy[1]) for copy, hit in zip(copies, hits, strict=True) if not hit)
    print(f"lost by tumorscope: {dict(lost.most_common(12))}")


def _line(name: str, hits: list[bool], counts: Counter[str], seconds: float) -> str:
    right, wrong = counts["right"], counts["wrong"]
    return (
        f"| {name} | {np.mean(hits):.4f} ({sum(hits)} of {len(hits)}) "
        f"| {right / max(right + wrong, 1):.4f} ({wrong} of {right + wrong} wrong) "
        f"| {right / max(counts.total(), 1):.4f} | {seconds:.0f} s |"
    )


def _hits(pairs: Pairs, copies: Copies, scans: int) -> list[bool]:
    found = {tuple(sorted(pair)) for pair in pairs}
    return [(index, scans + at) in found for at, (index, _, _) in enumerate(copies)]


if __name__ == "__main__":
    main()
