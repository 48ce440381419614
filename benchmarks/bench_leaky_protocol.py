"""The same pictures and the same model by three protocols, of which two leak.

The recipe of many tutorials: VGG16's frozen ImageNet base, a dense head with dropout, a small set
made larger by augmentation, an accuracy of up to 99 %. Here it is asked, in five folds,

- ``augment, then split``: augmented copies of one picture stand on both sides;
- ``split by file, then augment``: the copies that the set holds of itself still do;
- ``split by group, then augment``: patients joined with near-duplicates stay on one side.

Base, head, augmentation, epochs and seed are the same in all three. Interrupted feature runs go on.

    python -m benchmarks.bench_leaky_protocol --manifest split.csv --root ../shared/data \
        --weights ../shared/weights/vgg16_imagenet_notop_f16.npz --set navoneel --features FOLDER
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageEnhance
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.pictures import read_pictures
from tumorscope.data.pipeline import ensure_groups
from tumorscope.evaluation.intervals import Estimate, measure
from tumorscope.imaging.preprocess import Preprocessing

FOLDS = 5
CHUNK = 64
UNITS, DROPOUT, EPOCHS, BATCH = 128, 0.5, 15, 32


@dataclass(frozen=True, slots=True, eq=False)
class Views:
    """Every picture as it is and augmented: arrays over all views of all pictures.

    Attributes
    ----------
    features
        Shape (n, cells, cells, 512), float16: the base's last pooled output.
    picture, is_augmented
        Shape (n,): which picture a view is of, and whether it was changed.
    labels, groups
        Shape (n,), of the picture.
    """

    features: NDArray[np.float16]
    picture: NDArray[np.intp]
    is_augmented: NDArray[np.bool_]
    labels: NDArray[np.int_]
    groups: NDArray[np.str_]


def main() -> None:
    """Print both numbers, with intervals."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--set", default="navoneel")
    parser.add_argument("--augmented", type=int, default=4, help="augmented copies of a picture")
    parser.add_argument("--side", type=int, default=128, help="of the input in pixels")
    parser.add_argument("--features", type=Path, required=True, help="folder to keep features in")
    parser.add_argument("--learning-rate", type=float, default=1e-4)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    rows = _rows(options)
    views = _views(rows, options)
    print(
        f"{options.set}: {len(rows)} pictures, {sum(row.tumor or 0 for row in rows)} with tumor, "
        f"{len(np.unique(views.groups))} groups; {options.augmented} augmented copies of each, "
        f"{options.side} x {options.side}, seed {options.seed}",
        flush=True,
    )
    for protocol in (_augment_then_split, _split_by_file, _split_by_group):
        folds = protocol(views, options.seed)
        _report(protocol.__name__, *_ask(views, folds, options))


def _report(
    name: str, labels: NDArray[np.int_], scores: NDArray[np.float64], groups: NDArray[np.str_]
) -> None:
    by_image = measure(labels, scores, np.arange(len(labels)), threshold=0.5)
    by_group = measure(labels, scores, groups, threshold=0.5)
    print(f"{name.strip('_').replace('_', ' ')}: {len(labels)} answers")
    for metric in ("accuracy", "roc_auc"):
        print(
            f"    {metric}: by group {_cell(by_group[metric])}, by image {_cell(by_image[metric])}",
            flush=True,
        )


def _cell(one: Estimate) -> str:
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"


_Fold = tuple[NDArray[np.intp], NDArray[np.intp]]


def _augment_then_split(views: Views, seed: int) -> Iterator[_Fold]:
    """Shuffle all views and split them."""
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    yield from folds.split(views.labels, views.labels)


def _split_by_file(views: Views, seed: int) -> Iterator[_Fold]:
    folds = StratifiedKFold(FOLDS, shuffle=True, random_state=seed)
    originals = np.flatnonzero(~views.is_augmented)
    for _, asked in folds.split(originals, views.labels[originals]):
        yield _train_on_the_others(views, originals[asked])


def _split_by_group(views: Views, seed: int) -> Iterator[_Fold]:
    folds = StratifiedGroupKFold(FOLDS, shuffle=True, random_state=seed)
    originals = np.flatnonzero(~views.is_augmented)
    labels, groups = views.labels[originals], views.groups[originals]
    for _, asked in folds.split(originals, labels, groups):
        yield _train_on_the_others(views, originals[asked])


def _train_on_the_others(views: Views, asked: NDArray[np.intp]) -> _Fold:
    seen = ~np.isin(views.picture, views.picture[asked])
    return np.flatnonzero(seen), asked


def _ask(
    views: Views, folds: Iterator[_Fold], options: argparse.Namespace
) -> tuple[NDArray[Any], ...]:
    """Return labels, scores and groups of all that was asked, out of fold."""
    asked_of, scores = [], []
    for seen, asked in folds:
        scores.append(_train_and_ask(views, seen, asked, options))
        asked_of.append(asked)
    order = np.concatenate(asked_of)
    return views.labels[order], np.concatenate(scores), views.groups[order]


def _train_and_ask(
    views: Views, seen: NDArray[np.intp], asked: NDArray[np.intp], options: argparse.Namespace
) -> NDArray[np.float64]:
    """Train the dense head on the base's output; return the probability of tumor."""
    head = dense_head(options.seed, options.learning_rate)
    scale = float(views.features[seen].max())
    inputs = [views.features[one].astype(np.float32) / scale for one in (seen, asked)]
    head.fit(inputs[0], views.labels[seen], epochs=EPOCHS, batch_size=BATCH, verbose=0)
    return np.asarray(head.predict(inputs[1], verbose=0)[:, 0], np.float64)


def dense_head(seed: int, learning_rate: float) -> Any:
    """Return the head of the tutorials, ready to be trained."""
    import keras

    keras.utils.set_random_seed(seed)
    head = keras.Sequential(
        [
            keras.layers.Flatten(),
            keras.layers.Dense(UNITS, activation="relu"),
            keras.layers.Dropout(DROPOUT),
            keras.layers.Dense(1, activation="sigmoid"),
        ]
    )
    head.compile(keras.optimizers.Adam(learning_rate), "binary_crossentropy")
    return head


def _rows(options: argparse.Namespace) -> list[ManifestRow]:
    rows = read_manifest(options.manifest, root=options.root)
    chosen = [row for row in rows if row.set == options.set and row.tumor is not None]
    return ensure_groups(chosen, options.root)


def _views(rows: list[ManifestRow], options: argparse.Namespace) -> Views:
    per_picture = options.augmented + 1
    picture = np.repeat(np.arange(len(rows)), per_picture)
    return Views(
        features=np.concatenate(list(_features(rows, options))),
        picture=picture,
        is_augmented=np.arange(len(picture)) % per_picture > 0,
        labels=np.array([row.tumor for row in rows])[picture],
        groups=np.array([row.group_id for row in rows])[picture],
    )


def _features(rows: list[ManifestRow], options: argparse.Namespace) -> Iterator[NDArray[Any]]:
    """Yield the base's output of some views at a time, from the folder where it is there."""
    base = None
    options.features.mkdir(parents=True, exist_ok=True)
    for start in range(0, len(rows), CHUNK):
        name = f"{options.set}-{options.side}-{options.augmented}-{options.seed}-{start}.npy"
        path = options.features / name
        if not path.exists():
            base = base or FrozenBase(options.weights, options.side)
            part = rows[start : start + CHUNK]
            canvases = [
                view for at, row in enumerate(part, start) for view in _draw(row, at, options)
            ]
            partial = path.with_suffix(".partial")
            with partial.open("wb") as stream:
                np.save(stream, base(canvases))
            partial.replace(path)
        yield np.load(path)


def _draw(row: ManifestRow, at: int, options: argparse.Namespace) -> Iterator[NDArray[np.uint8]]:
    """Yield the canvas of a picture, then augmented ones."""
    pixels = next(read_pictures([row], options.root))
    canvas, _ = Preprocessing(size=options.side).apply(pixels)
    yield canvas
    rng = np.random.default_rng((options.seed, at))
    for _ in range(options.augmented):
        yield augmented(Image.fromarray(canvas), rng)


def augmented(picture: Image.Image, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn, shift, flip and brighten a little, as the tutorials do."""
    side = picture.width
    if rng.random() < 0.5:
        picture = picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    shift = rng.uniform(-0.1, 0.1, 2) * side
    picture = picture.rotate(
        rng.uniform(-15, 15), Image.Resampling.BILINEAR, translate=(shift[0], shift[1])
    )
    return np.asarray(ImageEnhance.Brightness(picture).enhance(rng.uniform(0.7, 1.3)), np.uint8)


class FrozenBase:
    """VGG16's frozen convolutions and poolings."""

    def __init__(self, weights: Path, side: int) -> None:
        import keras

        self._prepare = keras.applications.vgg16.preprocess_input
        self._base = keras.applications.VGG16(
            include_top=False, weights=None, input_shape=(side, side, 3)
        )
        with np.load(weights) as arrays:
            for layer in self._base.layers:
                if f"{layer.name}/kernel" in arrays:
                    names = (f"{layer.name}/kernel", f"{layer.name}/bias")
                    layer.set_weights([arrays[name].astype(np.float32) for name in names])

    def __call__(self, canvases: list[NDArray[np.uint8]]) -> NDArray[np.float16]:
        """Map n canvases of shape (side, side) to features (n, side / 32, side / 32, 512)."""
        color = np.repeat(np.stack(canvases)[..., None], 3, axis=-1).astype(np.float32)
        found = self._base.predict(self._prepare(color), batch_size=BATCH, verbose=0)
        return np.asarray(found, np.float16)


if __name__ == "__main__":
    main()
