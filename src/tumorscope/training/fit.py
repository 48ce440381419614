"""The training run: frozen features once, a new head, then fine-tuning, with resume."""

from __future__ import annotations

import contextlib
import csv
import hashlib
import json
import logging
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.metrics import average_precision_score, roc_auc_score
from tqdm import tqdm

from tumorscope.errors import UsageError
from tumorscope.system.files import whole_file, write_whole
from tumorscope.system.folder_lock import exclusive
from tumorscope.training.augmentation import Augmentation
from tumorscope.training.batches import FeatureBatches, Targets, make_targets
from tumorscope.training.checkpoint import (
    Arrays,
    layer_arrays,
    load_arrays,
    restore_variables,
    save_arrays,
    variable_arrays,
)
from tumorscope.training.config import TrainConfig
from tumorscope.training.event_file import EventFile
from tumorscope.training.examples import Examples
from tumorscope.training.feature_cache import FeatureCache, Record, fill
from tumorscope.training.frozen_blocks import FrozenStem, make_stem
from tumorscope.training.losses import EvidenceLoss
from tumorscope.training.network import (
    Network,
    build_network,
    convolutions,
    frozen_layers,
    set_layers,
)
from tumorscope.training.precision import compute_policy
from tumorscope.training.teacher import Teacher

_LOG: Final = logging.getLogger(__name__)

BATCH = 32
"""Images that go through the frozen layers, or through validation, at a time."""

FROM_START = "start"
"""In the place of pre-trained convolutions: those of the artifact that the training starts from."""

RANGE_CANVASES = 96
"""Augmented training scans, spread over all sets, whose activations set the integer ranges."""


Drawn = tuple[NDArray[np.uint8], NDArray[np.uint8] | None]
"""A canvas and its mask, as given to the network."""


@dataclass(frozen=True, slots=True)
class RunPaths:
    """Files of a run folder."""

    folder: Path

    @property
    def state(self) -> Path:
        """Everything needed to go on after the last whole epoch."""
        return self.folder / "state.npz"

    @property
    def best(self) -> Path:
        """Weights of the best epoch so far, by layer name."""
        return self.folder / "weights.npz"

    @property
    def history(self) -> Path:
        """Metrics of each epoch."""
        return self.folder / "history.json"

    @property
    def history_table(self) -> Path:
        """The same as CSV, a line per epoch."""
        return self.folder / "history.csv"


@dataclass(frozen=True, slots=True)
class Fitted:
    """Result of a run: weights by layer name and the metrics of each epoch.

    ``kept`` is the place in ``history`` of the epoch that the weights are of.
    """

    weights: Arrays
    history: list[dict[str, float]]
    kept: int


def fit(  # noqa: PLR0913  keyword-only
    train: Examples,
    val: Examples,
    *,
    config: TrainConfig,
    weights: str | Path | None,
    run_folder: Path,
    cache_folder: Path | None = None,
    resume: bool = False,
    augmentation: Augmentation | None = None,
    teacher: Teacher | None = None,
    start: Arrays | None = None,
) -> Fitted:
    """Fine-tune VGG16 and return the weights of the epoch with the lowest validation loss.

    With a ``patience`` of 0 it is the last epoch's.

    Parameters
    ----------
    train, val
        Training images, and those that early stopping looks at. Only the first are augmented.
    config
        All settings; stored with the run.
    weights
        Pre-trained convolutions, see :func:`~tumorscope.training.network.build_network`; or
        ``start``: all layers begin with those of ``start``, the frozen ones too.
    run_folder
        State, history and result are kept here.
    cache_folder
        Frozen features; default ``run_folder / "cache"``. Runs on the same images may share it.
    resume
        Go on after the last whole epoch of ``run_folder``.
    teacher
        What it says of each view is a part of the targets, ``config.teacher_weight``.
    start
        Weights by layer name at which the layers that are trained begin, rather than at those of
        ``weights`` and a new head.

    Raises
    ------
    UsageError
        If a class is missing, ``start`` lacks a layer, the folder holds a run and ``resume`` is
        not given, another process is writing to one of the folders, or the training diverges.
    """
    _check_labels(train, "train")
    _check_labels(val, "val")
    run = RunPaths(run_folder)
    cache_folder = cache_folder or run_folder / "cache"
    with exclusive(run_folder), exclusive(cache_folder), _deterministic(config):
        given = None if weights == FROM_START else weights
        network = build_network(config, size=train.canvases.shape[1], weights=given)
        if start is not None:
            source = "the artifact to start from"
            set_layers(network.trunk, start, source=source)
            if weights == FROM_START:
                set_layers(network.stem, start, source=source)
        cache = _fill_cache(
            network,
            train,
            val,
            config=config,
            augmentation=augmentation or Augmentation(),
            folder=cache_folder,
            teacher=teacher,
        )
        try:
            trainer = Trainer(network, cache, train, val, config=config, run=run)
            return trainer.run_all(resume=resume)
        finally:
            cache.close()


class Trainer:
    """Runs the epochs of both stages and keeps their state on disk."""

    def __init__(
        self,
        network: Network,
        cache: FeatureCache,
        train: Examples,
        val: Examples,
        *,
        config: TrainConfig,
        run: RunPaths,
    ) -> None:
        self.network, self.cache, self.config, self.run = network, cache, config, run
        self.train, self.val = train, val
        self.train_targets = make_targets(train, config)
        self.val_targets = make_targets(val, config)
        self.history: list[dict[str, float]] = []
        self.events = EventFile(run.folder)
        self.stage = ""

    def run_all(self, *, resume: bool) -> Fitted:
        """Run or finish all epochs."""
        first = self._restore() if resume and self.run.state.exists() else 0
        if first == 0:
            save_arrays(self.run.best, layer_arrays(self.network.stem, self.network.trunk), {})
        steps = math.ceil(len(self.train) / self.config.batch_size)
        bar = tqdm(
            total=self.config.epochs * steps,
            initial=first * steps,
            desc="training",
            unit="step",
            disable=None,
        )
        with bar, contextlib.closing(self.events):
            for epoch in range(first, self.config.epochs):
                if self._is_exhausted():
                    break
                self._run_epoch(epoch, bar)
        best, meta = load_arrays(self.run.best)
        return Fitted(best, self.history, kept=meta["epoch"])

    def _run_epoch(self, epoch: int, bar: tqdm[Any]) -> None:
        self._enter_stage(epoch)
        losses = self.network.trunk.fit(
            self._batches(epoch),
            epochs=1,
            verbose=0,
            callbacks=[_BarCallback(bar)],
            shuffle=False,  # the order is drawn above; Keras would draw from a global state
        ).history
        metrics = {f"train_{name}": float(values[-1]) for name, values in losses.items()}
        with self._averaged_weights():
            metrics |= self._validate()
            self.history.append({"epoch": float(epoch), **metrics})
            if self._is_best():
                arrays = layer_arrays(self.network.stem, self.network.trunk)
                save_arrays(self.run.best, arrays, {"epoch": epoch})
        bar.set_postfix(
            val_loss=f"{metrics['val_loss']:.4f}", auroc=f"{metrics['val_roc_auc']:.4f}"
        )
        if bar.disable:  # no terminal: a line for the log in its place
            _LOG.info(
                "Epoch %d of %d: validation loss %.4f, AUROC %.4f",
                epoch + 1,
                self.config.epochs,
                metrics["val_loss"],
                metrics["val_roc_auc"],
            )
        self._save(epoch)
        self.events.write(epoch, metrics)

    def _batches(self, epoch: int) -> FeatureBatches:
        return FeatureBatches(
            self.cache,
            [view_key(key, epoch % self.config.views) for key in self.train.keys],
            self.train_targets,
            order=np.random.default_rng([self.config.seed, epoch]).permutation(len(self.train)),
            config=self.config,
        )

    def _enter_stage(self, epoch: int) -> None:
        stage = "frozen" if epoch < self.config.frozen_epochs else "fine_tuned"
        if stage == self.stage:
            return
        self.stage = stage
        trunk, config = self.network.trunk, self.config
        for layer in convolutions(trunk).values():
            layer.trainable = stage == "fine_tuned"
        steps = math.ceil(len(self.train) / config.batch_size)
        rate: Any = config.frozen_learning_rate
        if stage == "fine_tuned":
            rate = keras.optimizers.schedules.CosineDecay(
                config.fine_tune_learning_rate / 20,
                config.fine_tune_epochs * steps,
                warmup_target=config.fine_tune_learning_rate,
                warmup_steps=steps // 2,
            )
        optimizer = keras.optimizers.Adam(
            rate, clipnorm=5.0, use_ema=True, ema_momentum=averaging_momentum(config, steps)
        )
        trunk.compile(
            optimizer=optimizer,
            loss={
                "tumor": keras.losses.BinaryCrossentropy(from_logits=True),
                "evidence": self._evidence_loss(),
                "type": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
            },
            loss_weights={
                "tumor": 1.0,
                "evidence": config.mask_weight,
                "type": config.type_weight,
            },
            jit_compile=False,
        )
        optimizer.build(trunk.trainable_variables)
        self._make_loss_metrics(self._batches(epoch)[0])

    def _make_loss_metrics(self, batch: tuple[Any, dict[str, Any], dict[str, Any]]) -> None:
        """Let Keras make its metrics of the losses before it builds the graph of a step.

        Made meanwhile, they are variables that TensorFlow builds the graph a second time for,
        which takes seconds.
        """
        features, labels, weights = batch
        outputs = {
            name: np.zeros((len(features), *output.shape[1:]), np.float32)
            for name, output in self.network.trunk.output.items()
        }
        self.network.trunk.compute_loss(features, labels, outputs, weights)

    def _evidence_loss(self) -> EvidenceLoss:
        config = self.config
        return EvidenceLoss(
            0.0 if self.cache.has_teacher else config.outside_weight,
            sharpness=config.pooling_sharpness,
            min_tumor_fraction=config.min_tumor_fraction,
            label_smoothing=config.label_smoothing,
        )

    @contextlib.contextmanager
    def _averaged_weights(self) -> Iterator[None]:
        """Put the running mean of the weights in place for validation and export."""
        variables = self.network.trunk.trainable_variables
        current = [variable.numpy() for variable in variables]
        self.network.trunk.optimizer.finalize_variable_values(variables)
        try:
            yield
        finally:
            for variable, value in zip(variables, current, strict=True):
                variable.assign(value)

    def _validate(self) -> dict[str, float]:
        logits = []
        for start in range(0, len(self.val), BATCH):
            keys = [view_key(key, None) for key in self.val.keys[start : start + BATCH]]
            features, _ = self.cache.read(keys)
            logits.append(self.network.trunk.predict_on_batch(_padded(features))["tumor"])
        scores = np.concatenate(logits)[: len(self.val)].astype(np.float64)
        if not np.isfinite(scores).all():
            raise UsageError(self._diverged())
        return validation_metrics(scores, self.val_targets)

    def _diverged(self) -> str:
        setting = "frozen" if self.stage == "frozen" else "fine_tune"
        rate = getattr(self.config, f"{setting}_learning_rate")
        return (
            f"The training diverged in epoch {len(self.history) + 1} of {self.config.epochs}: the "
            "network's outputs are no longer numbers. Train again with a lower learning rate, such "
            f"as --set {setting}_learning_rate={rate / 10:g}, and another --output folder."
        )

    def _is_best(self) -> bool:
        losses = [entry["val_loss"] for entry in self.history]
        return losses[-1] == min(losses) or self.config.patience == 0

    def _is_exhausted(self) -> bool:
        tuned = self.history[self.config.frozen_epochs :]
        if self.config.patience == 0 or len(tuned) <= self.config.patience:
            return False
        losses = [entry["val_loss"] for entry in tuned]
        return len(losses) - 1 - int(np.argmin(losses)) >= self.config.patience

    def _save(self, epoch: int) -> None:
        self.run.history.write_text(json.dumps(self.history, indent=1), encoding="utf-8")
        with whole_file(self.run.history_table, "w") as stream:
            names = list(dict.fromkeys(name for entry in self.history for name in entry))
            table = csv.DictWriter(stream, names, lineterminator="\n")
            table.writeheader()
            table.writerows(self.history)
        trunk = self.network.trunk
        meta = {"epoch": epoch, "config": self.config.to_dict(), "history": self.history}
        save_arrays(self.run.state, variable_arrays(trunk, trunk.optimizer), meta)

    def _restore(self) -> int:
        arrays, meta = load_arrays(self.run.state)
        if meta["config"] != self.config.to_dict():
            raise UsageError(
                f"{self.run.folder} was trained with different settings; resume with the same "
                "ones or give another --output folder."
            )
        self.history = meta["history"]
        self._enter_stage(meta["epoch"])
        restore_variables(self.network.trunk, self.network.trunk.optimizer, arrays)
        return int(meta["epoch"]) + 1


def averaging_momentum(config: TrainConfig, steps: int) -> float:
    """Return the momentum of the running mean of the weights for an epoch of ``steps`` steps.

    The mean looks back about ``1 / (1 - momentum)`` steps. Over more than one epoch it would hold
    weights from before the training: a small collection would be left with an untrained network.
    """
    return min(config.ema_momentum, 1 - 1 / steps)


def view_key(key: str, view: int | None) -> str:
    """Name of a record: an augmented view, or the plain canvas for ``None``."""
    return f"{key}#{'plain' if view is None else view}"


def validation_metrics(logits: NDArray[np.float64], targets: Targets) -> dict[str, float]:
    """Return the balanced log loss, AUROC and average precision of the tumor logits."""
    known = targets.tumor_weight > 0
    y_true, weight, score = targets.tumor[known], targets.tumor_weight[known], logits[known]
    loss = np.logaddexp(0, score) - y_true * score
    return {
        "val_loss": float(np.average(loss, weights=weight)),
        "val_roc_auc": float(roc_auc_score(y_true, score)),
        "val_average_precision": float(average_precision_score(y_true, score)),
    }


class _BarCallback(keras.callbacks.Callback):
    def __init__(self, bar: tqdm[Any]) -> None:
        super().__init__()
        self._bar = bar

    def on_train_batch_end(self, batch: int, logs: dict[str, float] | None = None) -> None:
        """Advance the bar by one step."""
        self._bar.update(1)


@contextlib.contextmanager
def _deterministic(config: TrainConfig) -> Iterator[None]:
    keras.utils.set_random_seed(config.seed)
    tf.config.experimental.enable_op_determinism()
    before = keras.mixed_precision.dtype_policy()
    keras.mixed_precision.set_dtype_policy(compute_policy(config.precision))
    try:
        yield
    finally:
        keras.mixed_precision.set_dtype_policy(before)


def _check_labels(examples: Examples, split: str) -> None:
    present = set(np.unique(examples.tumor).tolist())
    if not {0, 1} <= present:
        raise UsageError(
            f"The {split} split needs images with and without tumor; it has "
            f"{int((examples.tumor == 1).sum())} with and {int((examples.tumor == 0).sum())} "
            "without."
        )


def _fill_cache(  # noqa: PLR0913  keyword-only
    network: Network,
    train: Examples,
    val: Examples,
    *,
    config: TrainConfig,
    augmentation: Augmentation,
    folder: Path,
    teacher: Teacher | None,
) -> FeatureCache:
    plain = {view_key(key, None): (val, row, None) for row, key in enumerate(val.keys)}
    views = {
        view_key(key, view): (train, row, view)
        for view in range(config.views)
        for row, key in enumerate(train.keys)
    }
    wanted = plain | views

    def draw(key: str) -> Drawn:
        return _draw(*wanted[key], config=config, augmentation=augmentation)

    spread = list(views)[:: max(1, len(views) // RANGE_CANVASES)]
    stem = _open_stem(network.stem, [draw(key)[0] for key in spread], config, folder)
    cache = FeatureCache(
        folder,
        feature_shape=stem.feature_shape,
        target_shape=(*stem.feature_shape[:2], 1 if teacher is None else 2),
        step=stem.step,
        fingerprint={
            "augmentation": augmentation.to_dict(),
            "seed": config.seed,
            "frozen": [config.fine_tune_from, config.frozen_arithmetic],
            "stem": _checksum(network.stem),
            "feature_shape": stem.feature_shape,
        }
        | ({} if teacher is None else {"teacher": teacher.graph_sha256}),
    )

    def draw_all(keys: list[str]) -> list[Drawn]:
        return [draw(key) for key in keys]

    def make(keys: list[str], drawn: list[Drawn]) -> list[Record]:
        canvases = np.stack([canvas for canvas, _ in drawn])
        places = [np.stack([_shrink(mask, stem.feature_shape[0]) for _, mask in drawn])]
        if teacher is not None:
            places.append(teacher(canvases))
        return list(zip(keys, stem(canvases), np.stack(places, axis=-1), strict=True))

    with tqdm(total=len(wanted), desc="frozen features", unit="image", disable=None) as bar:
        fill(cache, list(wanted), draw_all, make, chunk=BATCH, progress=bar.update)
    return cache


def _open_stem(
    model: keras.Model, canvases: list[NDArray[np.uint8]], config: TrainConfig, folder: Path
) -> FrozenStem:
    """Open the graph of the frozen layers in the cache folder, or make it.

    Its integer ranges come from the run that made it; runs that share the folder share it.
    """
    digest = hashlib.sha256(f"{_checksum(model)} {config.frozen_arithmetic}".encode()).hexdigest()
    path = folder / f"stem-{digest[:16]}.onnx"
    if not path.exists():
        graph = make_stem(
            layer_arrays(model),
            size=model.input_shape[1],
            layers=frozen_layers(config),
            canvases=np.stack(canvases),
            arithmetic=config.frozen_arithmetic,
        )
        folder.mkdir(parents=True, exist_ok=True)
        write_whole(path, graph)
    return FrozenStem(path.read_bytes())


def _draw(
    examples: Examples,
    row: int,
    view: int | None,
    *,
    config: TrainConfig,
    augmentation: Augmentation,
) -> Drawn:
    canvas, mask = examples.canvases[row], examples.mask(row)
    if view is None:
        return canvas, mask
    name = np.frombuffer(str(examples.keys[row]).encode(), dtype=np.uint8)
    rng = np.random.default_rng([config.seed, view, *name.tolist()])
    return augmentation.apply(canvas, mask, rng)


def _shrink(mask: NDArray[np.uint8] | None, cells: int) -> NDArray[np.uint8]:
    """Average a mask over the cells of the evidence map, shape (cells, cells), 0-255."""
    if mask is None:
        return np.zeros((cells, cells), np.uint8)
    side = mask.shape[0] // cells
    blocks = mask.reshape(cells, side, cells, side).mean(axis=(1, 3))
    shrunk: NDArray[np.uint8] = np.rint(blocks).astype(np.uint8)
    return shrunk


def _padded(batch: NDArray[Any]) -> NDArray[Any]:
    """Repeat the last row up to the fixed batch size, so that one graph serves all."""
    missing = BATCH - len(batch)
    padded: NDArray[Any] = np.concatenate([batch, np.repeat(batch[-1:], missing, axis=0)])
    return padded


def _checksum(model: keras.Model) -> str:
    digest = hashlib.sha256()
    for name, layer in convolutions(model).items():
        digest.update(name.encode())
        for value in layer.get_weights():
            digest.update(np.ascontiguousarray(value, np.float32).tobytes())
    return digest.hexdigest()
