"""What the input check rejects of a kind of picture, and of a source of brains, not taught to it.

    python -m benchmarks.bench_not_brain --manifest split.csv --root DATA --features features.npz \
        [--model MODEL] [--record]

The check is fitted anew without each kind of other picture in turn, its threshold too, and asked
about all pictures of that kind; beside it stands the share of brain MR images of the test split
that the same check rejects. Where a kind has two sources, as ``headct`` and ``headct2``, each is
held out alone, too. Then each source of brain MR images is left out in turn: its scans, what was
made of them, and its part in the threshold; what the check rejects of it is wrong. The network
stays as it is: it has learned from these brains and has seen no other picture. Features are kept in
the file, so that the table can be made again.

``--record`` puts the rows into ``docs/results/held_out.json``, as ``not_brain/``.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from benchmarks.record import check_training, command_line, record_figures
from numpy.typing import NDArray

from tumorscope.data.manifest import ManifestRow, read_manifest
from tumorscope.data.public_sets import set_named
from tumorscope.evaluation.intervals import Estimate, bootstrap_share
from tumorscope.model.artifact import Artifact, read_artifact
from tumorscope.model.classifier import load_model
from tumorscope.recipes.input_check import (
    COUNTEREXAMPLES,
    THRESHOLD_SCANS,
    brains,
    known_scans,
    made_pictures,
    no_brains,
    spread,
    threshold_of,
)
from tumorscope.recipes.layouts import layouts, network_sha256
from tumorscope.recipes.model_inputs import LoadedRow, load_canvases, load_rows
from tumorscope.training.input_check import fit_novelty

NO_BODIES: Final = ("headct", "photo")
OTHER_BODIES: Final = "all other bodies"
"""Every kind but head CT and photographs, held out together."""

DRAWN: Final = "drawn"
"""Source of heads that are no scans."""

SAME_ARCHIVE: Final = {"brats_slices": "brats_volumes", "brats_volumes": "brats_slices"}
"""Data sets that are held out together: they may share patients."""

BRAINS: Final = "asked/brains"
BRAINS_ASKED: Final = 600
"""Images of the test split at least, spread over all sets, and less than twice as many."""

Features = NDArray[np.float32]


def main() -> None:
    """Print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("manifest", "root", "features"):
        parser.add_argument(f"--{name}", type=Path, required=True)
    parser.add_argument("--model", type=Path)
    parser.add_argument("--record", action="store_true", help="into docs/results/held_out.json")
    options = parser.parse_args()
    rows = read_manifest(options.manifest, root=options.root)
    model = load_model(options.model)
    if options.record:
        check_training(rows, model)
    sources = _by_source(rows)
    kept = _features(rows, sources, options)
    kinds, brain_sources = measure(kept, list(sources)), measure_brains(kept)
    print("| held out | rejected | brain MR images rejected |\n|---|---|---|")
    for name in dict.fromkeys(name.partition("/")[0] for name in kinds):
        print(f"| {name} | {_text(kinds[f'{name}/rejected'])} | {_text(kinds[f'{name}/brains'])} |")
    for name, share in brain_sources.items():
        print(f"| {name} | | {_text(share)} |")
    found = kinds | brain_sources
    if options.record:
        record_figures(
            "not_brain/",
            found,
            command=command_line("benchmarks.bench_not_brain"),
            rows=[row for one in sources.values() for row in one],
            model_sha256=model.identity.sha256,
        )


def measure(kept: Mapping[str, Features], sources: Sequence[str]) -> dict[str, Estimate]:
    """Hold out each kind in turn, each source of one that has several, and all of other bodies.

    Parameters
    ----------
    kept
        Of each picture that is taught or asked about; the groups of the latter.
    """
    found: dict[str, Estimate] = {}
    for name, held_out in _held_out(sources).items():
        taught = [source for source in sources if source not in held_out]
        asked = [f"asked/{source}" for source in held_out]
        found[f"{name}/rejected"], found[f"{name}/brains"] = rejected(kept, taught, asked, [BRAINS])
    return found


def _held_out(sources: Sequence[str]) -> dict[str, list[str]]:
    kinds: dict[str, list[str]] = {}
    for source in sources:
        kinds.setdefault(source.rstrip("0123456789"), []).append(source)
    several = {f"{one}, one source": [one] for of in kinds.values() if len(of) > 1 for one in of}
    bodies = [one for kind, of in kinds.items() if kind not in NO_BODIES for one in of]
    return kinds | several | {OTHER_BODIES: bodies}


def rejected(
    kept: Mapping[str, Features], taught: Sequence[str], *asked: Sequence[str]
) -> list[Estimate]:
    """Fit the check with some sources, and return what it rejects of each of ``asked``."""
    pictures = [kept[name] for source in taught if (name := f"taught/{source}") in kept]
    is_rejected = _fit(kept["brains"], [kept["made"], *pictures], kept["calibration"])
    shares = []
    for names in asked:
        groups = np.concatenate([kept[f"{name}/groups"] for name in names])
        asked_of = np.concatenate([kept[name] for name in names])
        shares.append(bootstrap_share(is_rejected(asked_of), groups))
    return shares


def measure_brains(kept: Mapping[str, NDArray[Any]]) -> dict[str, Estimate]:
    """Leave each source of brains out of the check, and return what that rejects of its scans."""
    pictures = [kept[name] for name in kept if name.startswith("taught/")]
    sources, groups = kept["brains/sources"], kept["brains/groups"]
    scans = sources[: len(groups)]
    found: dict[str, Estimate] = {}
    for source in dict.fromkeys(scans.tolist()):
        held_out = [source, SAME_ARCHIVE.get(source, source)]
        is_made_of = np.isin(kept["made/sources"], held_out).any(axis=1)
        is_rejected = _fit(
            kept["brains"][~np.isin(sources, held_out)],
            [kept["made"][~is_made_of], *pictures],
            kept["calibration"][~np.isin(kept["calibration/sources"], held_out)],
        )
        asked = scans == source
        values = is_rejected(kept["brains"][: len(scans)][asked])
        found[f"brains of {source}/rejected"] = bootstrap_share(values, groups[asked])
    return found


def _fit(
    known: Features, foreign: Sequence[Features], calibration: Features
) -> Callable[[Features], NDArray[np.float64]]:
    """Fit a check with its threshold; return what tells 1 for rejected from 0."""
    others = np.concatenate(foreign)
    novelty = fit_novelty(known, others)
    threshold = threshold_of(novelty, calibration=calibration, foreign=others)
    return lambda asked: (novelty.measure(asked) > threshold).astype(np.float64)


def _by_source(rows: Sequence[ManifestRow]) -> dict[str, list[ManifestRow]]:
    """Sort the rows that show no brain by the first word of their file names: kind and source."""
    sources: dict[str, list[ManifestRow]] = {}
    for row in rows:
        if not set_named(row.set).has_brains:
            sources.setdefault(Path(row.path).name.partition("_")[0], []).append(row)
    return dict(sorted(sources.items()))


def _features(
    rows: Sequence[ManifestRow],
    sources: Mapping[str, list[ManifestRow]],
    options: argparse.Namespace,
) -> dict[str, Features]:
    """Read the features, or make and keep them; those of another network are refused."""
    artifact = read_artifact(options.model)
    network = np.array(network_sha256(artifact))
    if not options.features.exists():
        made = dict(_make_features(artifact, rows, sources, options.root))
        np.savez(options.features, network=network, **made)
    with np.load(options.features) as kept:
        if kept["network"] != network:
            raise SystemExit(f"{options.features} is of another model; name another file.")
        return dict(kept)


def _make_features(
    artifact: Artifact,
    rows: Sequence[ManifestRow],
    sources: Mapping[str, list[ManifestRow]],
    root: Path,
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    preprocessing = artifact.manifest.preprocessing
    known, train = _read(known_scans(rows), artifact, root)
    sources_of = np.array([row.set for row in known])
    learned = brains(train, preprocessing)
    yield "brains", layouts(artifact, learned)
    yield "brains/groups", np.array([row.group_id for row in known])
    yield "brains/sources", _sources_of_brains(sources_of, len(learned))
    made, scans = made_pictures(train, COUNTEREXAMPLES, preprocessing)
    yield "made", layouts(artifact, made)
    yield "made/sources", sources_of[scans]
    judged, canvases = _read(spread(rows, "calibration", THRESHOLD_SCANS), artifact, root)
    yield "calibration", layouts(artifact, canvases)
    yield "calibration/sources", np.array([row.set for row in judged])
    for source, pictures in sources.items():
        shown = [row for row in pictures if row.split == "train"]
        if shown:
            others = no_brains(load_canvases(shown, root, preprocessing), preprocessing)
            yield f"taught/{source}", layouts(artifact, others)
        yield from _make_asked(f"asked/{source}", pictures, artifact, root)
    yield from _make_asked(BRAINS, spread(rows, "test", BRAINS_ASKED), artifact, root)


def _make_asked(
    name: str, rows: Sequence[ManifestRow], artifact: Artifact, root: Path
) -> Iterator[tuple[str, NDArray[np.generic]]]:
    read, canvases = _read(rows, artifact, root)
    yield name, layouts(artifact, canvases)
    yield f"{name}/groups", np.array([row.group_id for row in read])


def _read(
    rows: Sequence[ManifestRow], artifact: Artifact, root: Path
) -> tuple[list[ManifestRow], NDArray[np.uint8]]:
    """Return the rows whose picture can be used, and their canvases."""
    loaded = load_rows(rows, root, artifact.manifest.preprocessing)
    read = [one for one in loaded if isinstance(one, LoadedRow)]
    return [one.row for one in read], np.stack([one.canvas for one in read])


def _sources_of_brains(scans: NDArray[np.str_], count: int) -> NDArray[np.str_]:
    """Return the source of each of :func:`tumorscope.recipes.input_check.brains`, in its order."""
    copies = scans[::2]
    return np.concatenate([scans, copies, np.full(count - len(scans) - len(copies), DRAWN)])


def _text(share: Estimate) -> str:
    interval = f"{share.estimate:.3f} [{share.low:.3f}, {share.high:.3f}]"
    return f"{interval}, {share.n_images} of {share.n_groups}"


if __name__ == "__main__":
    main()
