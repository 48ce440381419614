"""How many planted label errors ``tumorscope data labels`` finds among real scans.

Labels of some pictures, drawn without regard to anything, are changed to another one; precision at
k is the share of planted ones among the k worst, k being their number. Labels that were wrong
before count as mistakes of the finder, so the figures are a lower bound. Where cleanlab is
installed, it judges the same out-of-fold probabilities.

    python -m benchmarks.bench_labels --manifest split.csv --root ../shared/data --set figshare
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.audit.labels.audit import gather_appearance, label_rows
from tumorscope.audit.labels.suspects import LabelScores, judge_labels, score_labels
from tumorscope.data.collection import Collection
from tumorscope.data.manifest import read_manifest
from tumorscope.data.pipeline import ensure_groups


def main() -> None:
    """Print precision at k and of the flag, mean and range over the draws."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--set", required=True)
    parser.add_argument("--sequence", help="only pictures of this MR sequence")
    parser.add_argument("--share", type=float, default=0.05, help="of the labels to change")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--features", type=Path, help="file to keep the features in")
    options = parser.parse_args()
    features, labels, groups = _load(options)
    found: dict[str, list[float]] = defaultdict(list)
    for draw in range(options.draws):
        changed, planted = _plant(labels, options.share, draw)
        scores = score_labels(features, changed, groups, seed=draw)
        for name, value in _judge(scores, planted).items():
            found[name].append(value)
    agreement = score_labels(features, labels, groups)
    right = (agreement.probabilities.argmax(axis=1) == agreement.given).mean()
    print(
        f"{options.set}: {len(labels)} pictures, {len(np.unique(groups))} groups, labels "
        f"{', '.join(agreement.classes)}; {options.share:.0%} changed, {options.draws} draws; "
        f"before, {right:.3f} of the labels were agreed with"
    )
    for name, values in found.items():
        print(f"    {name}: {np.mean(values):.3f} [{min(values):.3f}, {max(values):.3f}]")


def _load(
    options: argparse.Namespace,
) -> tuple[NDArray[np.float32], NDArray[np.str_], NDArray[np.str_]]:
    if options.features is not None and options.features.exists():
        with np.load(options.features) as kept:
            return kept["features"], kept["labels"], kept["groups"]
    rows = [
        row
        for row in read_manifest(options.manifest, root=options.root)
        if row.set == options.set
        and row.tumor is not None
        and options.sequence in (None, row.sequence)
    ]
    collection = Collection(options.set, tuple(ensure_groups(rows, options.root)), options.root)
    appearance = gather_appearance(collection)
    shown = [collection.rows[index] for index in appearance.index]
    labels = label_rows(shown, None)
    groups = np.array([row.group_id for row in shown])
    if options.features is not None:
        np.savez(options.features, features=appearance.features, labels=labels, groups=groups)
    return appearance.features, labels, groups


def _plant(
    labels: NDArray[np.str_], share: float, seed: int
) -> tuple[NDArray[np.str_], NDArray[np.bool_]]:
    """Give some pictures another label."""
    rng = np.random.default_rng(seed)
    planted = np.zeros(len(labels), np.bool_)
    planted[rng.choice(len(labels), round(share * len(labels)), replace=False)] = True
    changed = labels.copy()
    classes = np.unique(labels)
    for index in np.flatnonzero(planted):
        changed[index] = rng.choice(classes[classes != labels[index]])
    return changed, planted


def _judge(scores: LabelScores, planted: NDArray[np.bool_]) -> dict[str, float]:
    suspects, _ = judge_labels(scores)
    found = _figures("ours", scores.score, suspects, planted)
    try:
        from cleanlab.filter import find_label_issues
        from cleanlab.rank import get_label_quality_scores
    except ModuleNotFoundError:
        return found
    quality = get_label_quality_scores(scores.given, scores.probabilities)
    issues = find_label_issues(scores.given, scores.probabilities, n_jobs=1)
    return found | _figures("cleanlab", quality, issues, planted)


def _figures(
    name: str,
    score: NDArray[np.float64],
    flagged: NDArray[np.bool_],
    planted: NDArray[np.bool_],
) -> dict[str, float]:
    worst = np.argsort(score, kind="stable")
    k = int(planted.sum())
    return {
        f"{name}, precision at {k // 5}": float(planted[worst[: k // 5]].mean()),
        f"{name}, precision at {k}": float(planted[worst[:k]].mean()),
        f"{name}, precision of the flag": float(planted[flagged].mean()),
        f"{name}, recall of the flag": float(flagged[planted].mean()),
    }


if __name__ == "__main__":
    main()
