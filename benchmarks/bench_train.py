"""Training with cached frozen features against plain ``model.fit`` of the whole network.

Both see the same images, the same number of augmented samples and the same losses, and are judged
on the same validation groups. Processor time is the measure where the machine is shared.

    python benchmarks/bench_train.py --manifest split.csv --root DATA --weights FILE --output J.json
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import math
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
from sklearn.metrics import roc_auc_score

from tumorscope.data.manifest import read_manifest
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes.model_inputs import load_examples
from tumorscope.training.augmentation import Augmentation
from tumorscope.training.batches import FULL_COVERAGE, make_targets
from tumorscope.training.config import TrainConfig
from tumorscope.training.examples import Examples
from tumorscope.training.fit import fit
from tumorscope.training.losses import EvidenceLoss
from tumorscope.training.network import CELL_PIXELS, build_network


def main() -> None:
    """Run both and write the figures."""
    options = _options()
    rows = read_manifest(options.manifest, root=options.root)
    train, val = (_some(rows, split, options) for split in ("train", "val"))
    config = TrainConfig(frozen_epochs=1, fine_tune_epochs=options.epochs - 1)
    results = {
        "cached frozen features": _timed(lambda: _cached(train, val, config, options.weights)),
        "plain model.fit": _timed(lambda: _plain(train, val, config, options.weights)),
    }
    ours, plain = results.values()
    report = {
        "images": {"train": len(train), "val": len(val)},
        "epochs": options.epochs,
        "results": results,
        "ratio": {key: plain[key] / ours[key] for key in ("processor_s", "wall_s")},
    }
    options.output.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(json.dumps(report, indent=1))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "weights", "output"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--images", type=int, default=600)
    parser.add_argument("--epochs", type=int, default=4)
    return parser.parse_args()


def _some(rows: list[Any], split: str, options: argparse.Namespace) -> Examples:
    labeled = [row for row in rows if row.split == split and row.tumor is not None]
    chosen = labeled[:: max(1, len(labeled) // options.images)]
    return load_examples(chosen, options.root, Preprocessing())[0]


def _timed(run: Callable[[], list[float]]) -> dict[str, Any]:
    wall, processor = time.perf_counter(), time.process_time()
    aurocs = run()
    return {
        "wall_s": time.perf_counter() - wall,
        "processor_s": time.process_time() - processor,
        "val_roc_auc": aurocs,
    }


def _cached(train: Examples, val: Examples, config: TrainConfig, weights: Path) -> list[float]:
    with tempfile.TemporaryDirectory() as folder:
        fitted = fit(train, val, config=config, weights=weights, run_folder=Path(folder))
    return [entry["val_roc_auc"] for entry in fitted.history]


def _plain(train: Examples, val: Examples, config: TrainConfig, weights: Path) -> list[float]:
    keras.utils.set_random_seed(config.seed)
    network = build_network(config, size=train.canvases.shape[1], weights=weights)
    network.stem.trainable = True
    model = keras.Model(network.stem.input, network.trunk(network.stem.output))
    model.compile(
        optimizer=keras.optimizers.Adam(config.fine_tune_learning_rate, clipnorm=5.0),
        loss={
            "tumor": keras.losses.BinaryCrossentropy(from_logits=True),
            "evidence": EvidenceLoss(),
            "type": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        },
        loss_weights={"tumor": 1.0, "evidence": config.mask_weight, "type": config.type_weight},
    )
    aurocs: list[float] = []

    def judge(epoch: int, logs: object) -> None:  # noqa: ARG001  Keras' signature
        logits = model.predict(val.canvases, verbose=0)["tumor"]
        aurocs.append(float(roc_auc_score(val.tumor, logits)))

    model.fit(
        _AugmentedBatches(train, config),
        epochs=config.epochs,
        verbose=0,
        callbacks=[keras.callbacks.LambdaCallback(on_epoch_end=judge)],
    )
    return aurocs


class _AugmentedBatches(keras.utils.PyDataset):
    """Fresh augmentation of every image in every epoch, as a plain pipeline would."""

    def __init__(self, examples: Examples, config: TrainConfig) -> None:
        super().__init__(workers=1, max_queue_size=4)
        self._examples, self._size = examples, config.batch_size
        self._targets = dataclasses.asdict(make_targets(examples, config))
        self._rng = np.random.default_rng(config.seed)
        self._order = self._rng.permutation(len(examples))

    def __len__(self) -> int:
        return math.ceil(len(self._examples) / self._size)

    def __getitem__(self, index: int) -> tuple[Any, ...]:
        rows = self._order[index * self._size : (index + 1) * self._size]
        drawn = [self._draw(int(row)) for row in rows]
        labels = {
            "tumor": self._targets["tumor"][rows],
            "evidence": np.stack([mask for _, mask in drawn]),
            "type": self._targets["tumor_type"][rows],
        }
        weights = {name: self._targets[f"{name}_weight"][rows] for name in labels}
        weights["evidence"] = weights["evidence"] * self._targets["is_placed"][rows]
        return np.stack([canvas for canvas, _ in drawn]), labels, weights

    def on_epoch_end(self) -> None:
        """Draw another order."""
        self._order = self._rng.permutation(len(self._examples))

    def _draw(self, row: int) -> tuple[Any, Any]:
        mask = self._examples.mask(row)
        canvas, mask = Augmentation().apply(self._examples.canvases[row], mask, self._rng)
        cells = len(canvas) // CELL_PIXELS
        if mask is None:
            return canvas, np.zeros((cells, cells), np.float32)
        blocks = mask.reshape(cells, CELL_PIXELS, cells, CELL_PIXELS).mean(axis=(1, 3))
        return canvas, (blocks / FULL_COVERAGE).astype(np.float32)


if __name__ == "__main__":
    main()
