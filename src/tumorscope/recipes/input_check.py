"""Artifact and training scans in, the same network with a new input check out."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any, Final

import numpy as np
import onnx
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, manifest_root, read_manifest
from tumorscope.data.public_sets import set_named
from tumorscope.data.split import check_split
from tumorscope.errors import ImageError, ManifestError
from tumorscope.imaging.phantom import Lesion, head_phantom
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.model.artifact import Artifact, read_artifact, write_artifact
from tumorscope.model.input_check import InputCheck
from tumorscope.recipes.layouts import layouts, side_of
from tumorscope.recipes.model_inputs import load_canvases
from tumorscope.recipes.provenance import data_summary, git_commit
from tumorscope.system.files import check_output
from tumorscope.training.augmentation import Augmentation
from tumorscope.training.input_check import KIND, Novelty, fit_novelty
from tumorscope.training.onnx_graph import add_novelty
from tumorscope.training.out_of_distribution import KINDS, make_counterexamples

KNOWN_SCANS_EACH: Final = 100
"""Training scans of each set and sequence at least, and less than twice as many, or all there are,
that say what a brain MR image looks like. With shares by size the rare ones would be a handful."""

THRESHOLD_SCANS: Final = 400
"""Calibration scans at least, spread over all sets, that set the threshold."""

COUNTEREXAMPLES: Final = 3840
"""Made from the training scans: 320 a turn."""

ACCEPTED_SHARE: Final = 0.995
"""Share of the calibration scans that lie below the lower end of the gap in which the threshold is
set: at most 1 % of brain MR images may be turned away."""

COUNTEREXAMPLE_SHARE: Final = 0.01
"""Share of the counterexamples that lie below the upper end of that gap."""

GAP_SHARE: Final = 0.25
"""How far up the gap the threshold stands: other hospitals' scans lie further out than ours, real
other pictures nearer than the counterexamples that were learned from (decision 0031)."""

MOST_DRAWN_HEADS: Final = 100
"""Drawn heads among the brains, every second with a lesion: what ``tumorscope samples`` writes is
the first that anyone tries, and real other pictures among the counterexamples hold drawings."""

DRAWN_SHARE: Final = 0.1
"""Drawn heads to a training scan, at most: they must not outweigh a small set of scans."""

INVERTED_SHARE: Final = 0.1
"""Share of the changed copies with bright and dark swapped; five times that of training, where it
would cost what contrast says of a tumor. A brain is one either way."""

DEPENDENT_SECTIONS: Final = ("abstention", "rejection")
"""Of a report: all others look at the probabilities alone, which the input check does not touch."""

Canvases = NDArray[np.uint8]
_Features = NDArray[np.floating[Any]]


def input_check(
    model: Path | None,
    manifest: Path,
    *,
    output: Path,
    root: Path | None = None,
    overwrite: bool = False,
) -> Artifact:
    """Give an artifact a new input check, its threshold set on the calibration split.

    Network, calibration and operating points stay as they are; what the card says of rejecting
    and abstaining is left out, for what was answered may be rejected now.

    Parameters
    ----------
    model
        Artifact; ``None`` for the embedded one.
    manifest
        With groups and splits, as the artifact was trained with: a scan that the network has
        learned from lies nearer than others, so the calibration split must not hold any.
    output
        New artifact.
    root
        Folder that the manifest's paths are relative to; by default the manifest's own.

    Raises
    ------
    ManifestError
        If a split is missing.
    LeakError
        If a group stands on two sides of the split.
    UsageError
        If the output exists.
    """
    check_output(output, overwrite=overwrite)
    folder = manifest_root(manifest, root)
    rows = read_manifest(manifest, root=folder)
    check_split(rows)
    artifact = read_artifact(model)
    known = known_scans(rows)
    judged = spread(rows, "calibration", THRESHOLD_SCANS)
    for split, found in (("train", known), ("calibration", judged)):
        if not found:
            raise ManifestError(f"{manifest} has no labeled rows with split {split!r}.")
    preprocessing = artifact.manifest.preprocessing
    train, calibration, others = (
        load_canvases(one, folder, preprocessing) for one in (known, judged, other_pictures(rows))
    )
    checked = with_input_check(artifact, train, calibration, others)
    checked = replace(
        checked, manifest=replace(checked.manifest, card=_card(checked, known, judged))
    )
    write_artifact(output, checked, overwrite=overwrite)
    return checked


def spread(rows: Sequence[ManifestRow], split: str, count: int) -> list[ManifestRow]:
    """Take every n-th labeled row of a split, so that all sets are seen.

    At least ``count`` rows and less than twice as many, or all there are.
    """
    labeled = [row for row in rows if row.split == split and row.tumor is not None]
    return labeled[:: max(1, len(labeled) // count)]


def known_scans(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Take labeled rows of the train split, evenly within each set and sequence."""
    kinds: dict[tuple[str, str | None], list[ManifestRow]] = {}
    for row in rows:
        kinds.setdefault((row.set, row.sequence), []).append(row)
    return [row for kind in kinds.values() for row in spread(kind, "train", KNOWN_SCANS_EACH)]


def other_pictures(rows: Sequence[ManifestRow]) -> list[ManifestRow]:
    """Take the rows of the train split that are no brain MR images."""
    return [row for row in rows if row.split == "train" and not set_named(row.set).has_brains]


def with_input_check(
    artifact: Artifact,
    train: Canvases,
    calibration: Canvases,
    others: Canvases,
    *,
    counterexamples: int = COUNTEREXAMPLES,
) -> Artifact:
    """Fit the input check on canvases of the two splits; an input check that was there is replaced.

    Scans and counterexamples are seen in changed copies, too: what is dim, coarse or noisy is no
    less a brain, and no more.

    Parameters
    ----------
    others
        Shape (m, size, size), real pictures that are no brain MR images; m may be 0.
    counterexamples
        How many to make.
    """
    preprocessing = artifact.manifest.preprocessing
    known = layouts(artifact, brains(train, preprocessing))
    made, _ = made_pictures(train, counterexamples, preprocessing)
    novel = np.concatenate([made, no_brains(others, preprocessing)])
    foreign = layouts(artifact, novel)
    novelty = fit_novelty(known, foreign)
    return attach(artifact, novelty, calibration=layouts(artifact, calibration), foreign=foreign)


def brains(train: Canvases, preprocessing: Preprocessing) -> Canvases:
    """Return what is learned as a brain: scans, a changed copy of every second, drawn heads."""
    drawn = _drawn_heads(min(MOST_DRAWN_HEADS, ceil(DRAWN_SHARE * len(train))), preprocessing.size)
    changed = np.concatenate([_changed(train[::2], seed=0), drawn])
    return np.concatenate([train, _on_canvases(changed, preprocessing)[0]])


def made_pictures(
    train: Canvases, count: int, preprocessing: Preprocessing
) -> tuple[Canvases, NDArray[np.intp]]:
    """Make counterexamples from training scans, every second of them changed.

    Returns
    -------
    canvases
        Shape (n, size, size); n is less than ``count`` where one shows nothing.
    scans
        Shape (n, 2), places of the training scans that each was made of.
    """
    made = make_counterexamples(train, count)
    made.canvases[1::2] = _changed(made.canvases[1::2], seed=1)
    canvases, kept = _on_canvases(made.canvases, preprocessing)
    return canvases, made.scans[kept]


def no_brains(others: Canvases, preprocessing: Preprocessing) -> Canvases:
    """Return real other pictures, as they are and changed; there may be none."""
    if not len(others):
        return others
    return _on_canvases(np.concatenate([others, _changed(others, seed=2)]), preprocessing)[0]


def attach(
    artifact: Artifact, novelty: Novelty, *, calibration: _Features, foreign: _Features
) -> Artifact:
    """Write the novelty into the graph and set its threshold.

    Parameters
    ----------
    calibration, foreign
        Shape (n, d), features of calibration scans and of counterexamples, as returned by
        :func:`layouts`.
    """
    graph = onnx.load_from_string(artifact.graph)
    side = side_of(artifact.manifest.preprocessing)
    content = add_novelty(graph, novelty, side=side).SerializeToString()
    threshold = threshold_of(novelty, calibration=calibration, foreign=foreign)
    manifest = replace(
        artifact.manifest,
        input_check=InputCheck(threshold),
        graph_sha256=hashlib.sha256(content).hexdigest(),
    )
    return Artifact(manifest, content, artifact.training_scans)


def threshold_of(novelty: Novelty, *, calibration: _Features, foreign: _Features) -> float:
    """Return the novelty from which on a picture is rejected; parameters as of :func:`attach`."""
    low = float(np.quantile(novelty.measure(calibration), ACCEPTED_SHARE))
    high = float(np.quantile(novelty.measure(foreign), COUNTEREXAMPLE_SHARE))
    return low + GAP_SHARE * max(0.0, high - low)


def _drawn_heads(count: int, size: int) -> Canvases:
    """Draw heads, shape (count, size, size); the bundled samples are not among them."""
    lesions = [Lesion(), None]
    return np.stack(
        [
            head_phantom(lesion=lesions[seed % 2], seed=seed, size=size)
            for seed in range(1, count + 1)
        ]
    )


def _changed(canvases: Canvases, *, seed: int) -> Canvases:
    """Return a randomly changed copy of each canvas, as in training."""
    change = Augmentation(inversion_chance=INVERTED_SHARE)
    return np.stack(
        [
            change.apply(canvas, None, np.random.default_rng([seed, index]))[0]
            for index, canvas in enumerate(canvases)
        ]
    )


def _on_canvases(
    pictures: Canvases, preprocessing: Preprocessing
) -> tuple[Canvases, NDArray[np.intp]]:
    """Bring pictures onto canvases, as if they had been read; say which of them show anything."""
    canvases, kept = [], []
    for place, picture in enumerate(pictures):
        try:
            canvases.append(preprocessing.apply(picture.astype(np.float32))[0])
        except ImageError:  # a cut-out of nothing but air
            continue
        kept.append(place)
    return np.stack(canvases), np.array(kept, np.intp)


def _card(
    artifact: Artifact, known: list[ManifestRow], judged: list[ManifestRow]
) -> dict[str, Any]:
    """Say what was refitted on what; hashes and counts, no names."""
    card = artifact.manifest.card
    kept = {
        name: _still_true(part) if name.startswith("evaluation") else part
        for name, part in card.items()
    }
    return kept | {
        "gate": {
            "kind": KIND,
            "refitted": "the input check alone; network, calibration and thresholds as they were",
            "counterexamples": {"count": COUNTEREXAMPLES, "kinds": list(KINDS)},
            "data": data_summary([*known, *judged]),
            "commit": git_commit(),
        }
    }


def _still_true(evaluation: dict[str, Any]) -> dict[str, Any]:
    """Leave out the measurements that depend on what is rejected."""
    sections = {
        name: part
        for name, part in evaluation.get("sections", {}).items()
        if name not in DEPENDENT_SECTIONS
    }
    return evaluation | {"sections": sections}
