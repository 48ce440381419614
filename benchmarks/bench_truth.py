"""Who is right more often: ours, ``detect-tumor`` and the brief's recipe on the same scans.

    python -m benchmarks.bench_truth --manifest split.csv --root DATA --split test \
        --weights vgg16_imagenet_notop_f16.npz --folder FOLDER [--model MODEL] \
        [--report FOLDER] [--record]

Every scan of the split that is a picture file of its own. ``detect-tumor`` is PyPI's, untouched, in
an environment that the benchmark makes; it calls a tumor what it thinks least likely to be none.
The brief's recipe is trained on the train split as it is described: a frozen ImageNet VGG16 base,
a dense head with dropout, pictures augmented before a tenth of all copies is split off to be the
test set that the 99 % are measured on. Scores and features are kept in the folder; a killed run
goes on. ``--report`` takes our answers from what ``tumorscope evaluate`` wrote for the same model
and split, instead of asking again.
"""

from __future__ import annotations

import argparse
import csv
import json
import subprocess
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final

import numpy as np
from benchmarks.bench_leaky_protocol import EPOCHS, FrozenBase, augmented, dense_head
from benchmarks.bench_peers import WORKER, peer_python
from benchmarks.estimate_cell import estimate_cell
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray
from PIL import Image

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.evaluation.intervals import Estimate, measure
from tumorscope.evaluation.report import PREDICTIONS_FILE
from tumorscope.model.classifier import Classifier, load_model
from tumorscope.training.precision import compute_policy

SIDE: Final = 224
CHUNK: Final = 128
BATCH: Final = 32
LEARNING_RATE: Final = 1e-4
COPIES: Final = 2
"""Of every picture that the brief's recipe learns from: as it is, and augmented."""

METRICS: Final = ("roc_auc", "sensitivity", "specificity", "sensitivity_at_specificity_95")

PUBLISHED: Final = {"roc_auc": "auroc", "sensitivity": "sensitivity", "specificity": "specificity"}
"""Of these, the figures of the documents, by their name there."""

NAMES: Final = {
    "tumorscope": "tumorscope",
    "detect-tumor 0.1.1": "detect-tumor",
    "the brief's recipe": "frozen VGG16",
}
"""Of the contenders there."""

Scores = NDArray[np.float64]


def main() -> None:
    """Print a table for each set and for all."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "weights", "folder"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--report", type=Path, help="of tumorscope evaluate, to take answers from")
    parser.add_argument("--split", default="test", help="test, or external for held-out sources")
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    parser.add_argument("--most", type=int, help="images of the split, for a trial; not recorded")
    parser.add_argument("--every", type=int, default=1, help="picture that the recipe trains on")
    options = parser.parse_args()
    if options.record and options.most:
        raise SystemExit("--most is for a trial; the figures of a part are not recorded.")
    options.folder.mkdir(parents=True, exist_ok=True)
    everything = read_manifest(options.manifest, root=options.root)
    rows = [row for row in everything if row.tumor is not None and row.slice_index is None]
    asked = [row for row in rows if row.split == options.split][: options.most]
    classifier = load_model(options.model)
    if options.record:
        check_training(everything, classifier)
    contenders: dict[str, tuple[float, Callable[[], Sequence[float]]]] = {
        "tumorscope": (classifier.threshold, lambda: _ours(asked, classifier, options)),
        "detect-tumor 0.1.1": (0.5, lambda: _detect_tumor(asked, options)),
        "the brief's recipe": (0.5, lambda: _brief(rows, asked, options)),
    }
    figures: dict[str, Estimate] = {}
    for name, (threshold, ask) in contenders.items():
        kind = f"{name} {classifier.identity.sha256[:8]}" if name == "tumorscope" else name
        path = options.folder / f"{options.split}-{len(asked)}-{kind.replace(' ', '-')}.csv"
        if not path.exists():
            _write(path, ask())
        figures |= _report(name, asked, np.loadtxt(path, ndmin=1), threshold)
    if options.record:
        prefix = "peers/" if options.split == "test" else f"peers {options.split}/"
        record_figures(
            prefix,
            figures,
            command=command_line("benchmarks.bench_truth"),
            rows=asked,
            model_sha256=classifier.identity.sha256,
        )


def _write(path: Path, scores: Sequence[float]) -> None:
    partial = path.with_suffix(".partial")
    with partial.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([score] for score in scores)
    partial.replace(path)


def _ours(
    asked: Sequence[ManifestRow], classifier: Classifier, options: argparse.Namespace
) -> list[float]:
    """Return P(tumor); what is rejected has none, is not called tumor, and counts as the least."""
    if options.report:
        return reported(options.report, asked, classifier.identity.sha256)
    answers = (classifier.predict(options.root / row.path).to_dict() for row in asked)
    return [(answer["probabilities"] or {"tumor": 0.0})["tumor"] for answer in answers]


def reported(report: Path, asked: Sequence[ManifestRow], model_sha256: str) -> list[float]:
    """Return P(tumor) of pictures as a report has it.

    Raises
    ------
    SystemExit
        If the report is of another model, or one of the pictures is not in it.
    """
    found = json.loads((report / "metrics.json").read_text(encoding="utf-8"))
    if found["provenance"]["model_sha256"] != model_sha256:
        raise SystemExit(f"{report} is of another model than the one that is asked here.")
    with (report / PREDICTIONS_FILE).open(encoding="utf-8", newline="") as stream:
        scores = {line["source"]: line["probability_tumor"] for line in csv.DictReader(stream)}
    missing = [row.path for row in asked if row.path not in scores]
    if missing:
        raise SystemExit(f"{report} lacks {len(missing)} pictures of the split, as {missing[0]}.")
    return [float(scores[row.path] or 0.0) for row in asked]


def _detect_tumor(asked: Sequence[ManifestRow], options: argparse.Namespace) -> list[float]:
    python = peer_python()
    if python is None:
        return [float("nan")] * len(asked)
    paths = options.folder / "paths.txt"
    paths.write_text("".join(f"{options.root / row.path}\n" for row in asked), encoding="utf-8")
    command = [str(python), str(WORKER), "detect-tumor-scores", str(paths)]
    run = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    return [float(line) for line in run.stdout.split()]


def _brief(
    rows: Sequence[ManifestRow], asked: Sequence[ManifestRow], options: argparse.Namespace
) -> list[float]:
    """Train as described, say what the recipe says of itself, and answer."""
    train = [row for row in rows if row.split == "train"][:: options.every]
    features = _features(f"train-{options.every}", train, COPIES, options)
    labels = np.repeat([row.tumor or 0 for row in train], COPIES)
    order = np.random.default_rng(0).permutation(len(labels))  # all copies of all pictures
    own_test, own_train = np.split(order, [len(order) // 10])
    scale = np.float16(1 / features[own_train[:1000]].max())

    def batches(at: NDArray[np.intp]) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int_]]]:
        for start in range(0, len(at), BATCH):
            part = at[start : start + BATCH]
            yield (features[part] * scale).astype(np.float32), labels[part]

    head = dense_head(0, LEARNING_RATE)
    for epoch in range(EPOCHS):
        shuffled = np.random.default_rng(epoch).permutation(own_train)
        for inputs, truth in batches(shuffled):
            head.train_on_batch(inputs, truth)

    def scores_of(inputs: NDArray[np.float16]) -> NDArray[np.float32]:
        scaled = (inputs * scale).astype(np.float32)
        return np.asarray(head.predict(scaled, batch_size=BATCH, verbose=0)[:, 0])

    hits = (scores_of(features[own_test]) >= 0.5) == labels[own_test]
    print(
        f"the brief's recipe on its own test set, augmented before it was split: {hits.mean():.3f}"
    )
    return scores_of(_features(f"{options.split}-{len(asked)}", asked, 1, options)).tolist()


def _features(
    name: str, rows: Sequence[ManifestRow], copies: int, options: argparse.Namespace
) -> NDArray[np.float16]:
    """Return the base's output of the copies of every picture, from the folder where it is."""
    base = None
    parts = []
    for start in range(0, len(rows), CHUNK):
        path = options.folder / f"{name}-{start}.npy"
        if not path.exists():
            base = base or _base(options.weights)
            views = [
                view
                for at, row in enumerate(rows[start : start + CHUNK], start)
                for view in _views(options.root / row.path, copies, at)
            ]
            partial = path.with_suffix(".partial")
            with partial.open("wb") as file:
                np.save(file, base(views))
            partial.replace(path)
        parts.append(np.load(path))
    return np.concatenate(parts)


def _base(weights: Path) -> FrozenBase:
    """Return the base, in bfloat16 where the processor has it: a sixth of the time with AMX."""
    import keras

    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(compute_policy("auto"))
    base = FrozenBase(weights, SIDE)
    keras.mixed_precision.set_dtype_policy(before)
    return base


def _views(path: Path, copies: int, seed: int) -> Iterator[NDArray[np.uint8]]:
    """Yield a picture as the tutorials prepare it, squeezed to a square, and augmented copies."""
    with Image.open(path) as file:
        picture = file.convert("L").resize((SIDE, SIDE))
    yield np.asarray(picture)
    rng = np.random.default_rng(seed)
    for _ in range(copies - 1):
        yield augmented(picture, rng)


def _report(
    name: str, asked: Sequence[ManifestRow], scores: Scores, threshold: float
) -> dict[str, Estimate]:
    """Print the measures of a contender; return them by their name in the documents."""
    if np.isnan(scores).any():
        print(f"{name}: not measured")
        return {}
    figures = {}
    parts = {"all": np.ones(len(asked), np.bool_)}
    for one in sorted({row.set for row in asked}):
        of_set = np.array([row.set == one for row in asked])
        labels = {row.tumor for row in asked if row.set == one}
        if len(labels) > 1:
            parts[one] = of_set
    for part, of_part in parts.items():
        kept = [row for row, is_kept in zip(asked, of_part, strict=True) if is_kept]
        found = measure(
            np.array([row.tumor for row in kept]),
            scores[of_part],
            np.array([row.group_id for row in kept]),
            threshold=threshold,
        )
        cells = " | ".join(estimate_cell(found[metric]) for metric in METRICS)
        print(f"| {part}, {len(kept)} | {name} | {cells} |", flush=True)
        for metric, known in PUBLISHED.items():
            figures[f"{NAMES[name]}/{part}/{known}"] = found[metric]
    return figures


if __name__ == "__main__":
    main()
