"""``tumorscope train``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

import click

from tumorscope.cli.options import reading_options, root_option
from tumorscope.cli.own_command import next_command
from tumorscope.data.data_set import Reading
from tumorscope.errors import UsageError, needs_extra
from tumorscope.labels import NOTICE

if TYPE_CHECKING:
    from tumorscope.recipes.fold_run import Outcome
    from tumorscope.training.config import TrainConfig

EXIT_SOME_FAILED: Final = 1
_AUGMENTATION: Final = "augmentation."
"""Begins the settings of the augmentation."""

HOSPITALS: Final = "hospitals"
"""In the place of a folder of folds: make them of --manifest."""


@click.command()
@click.argument("source", metavar="[SOURCE]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--manifest", type=click.Path(path_type=Path), help="Manifest (CSV); the same as SOURCE."
)
@reading_options
@click.option(
    "--preset",
    type=click.Choice(["quick", "standard", "full"]),
    help="quick: minutes for a few hundred images; standard: under an hour for a thousand; both "
    "continue from the embedded model. full: hours, from ImageNet's weights. The time for your "
    "images is said before it starts; --set changes single settings.",
)
@click.option(
    "--folds",
    metavar="FOLDER|hospitals",
    help="Train each fold in a folder written by 'data split --folds', or 'hospitals' to hold "
    "out each hospital of --manifest in turn.",
)
@click.option(
    "--output", required=True, type=click.Path(path_type=Path), help="Folder for the run."
)
@root_option
@click.option(
    "--weights",
    help="Start weights: imagenet (downloaded by Keras), none, or an .npz with VGG16's "
    "convolutions.  [default: imagenet; with --start the artifact's own]",
)
@click.option("--seed", type=int, show_default="0", help="Random seed.")
@click.option(
    "--seeds",
    metavar="SEED,SEED...",
    help="With --folds: train every fold with each of these seeds.",
)
@click.option(
    "--cache",
    type=click.Path(path_type=Path),
    help="Folder to cache the features of frozen blocks.",
)
@click.option(
    "--teacher",
    type=click.Path(path_type=Path),
    help="Artifact whose answers are mixed into the targets, to train a narrow network.",
)
@click.option(
    "--start",
    type=click.Path(path_type=Path),
    help="Artifact to continue training from, its frozen layers included unless --weights is "
    "given.",
)
@click.option("--resume", is_flag=True, help="Continue after the last complete epoch.")
@click.option(
    "--engine",
    type=click.Choice(["local", "ray"]),
    default="local",
    show_default=True,
    help="With --folds: train one run after another, or in parallel on Ray.",
)
@click.option("--address", help="HOST:PORT of a running Ray cluster.  [default: start one]")
@click.option(
    "--threads",
    type=click.IntRange(1, 4096),
    help="With --folds: processor threads per run.  [default: all; with --engine ray, an equal "
    "share]",
)
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other setting of tumorscope.training.config.TrainConfig, or augmentation.NAME of "
    "Augmentation; repeatable.",
)
def train(
    source: Path | None,
    manifest: Path | None,
    labels: tuple[str, ...],
    patient_pattern: str | None,
    preset: str | None,
    folds: str | None,
    output: Path,
    root: Path | None,
    weights: str | None,
    seed: int | None,
    seeds: str | None,
    cache: Path | None,
    teacher: Path | None,
    start: Path | None,
    resume: bool,
    engine: Literal["local", "ray"],
    address: str | None,
    threads: int | None,
    settings: tuple[str, ...],
) -> None:
    """Fine-tune VGG16 on the train split of a manifest; early stopping uses only val.

    SOURCE is a manifest, or a folder with a subfolder per label; what has no splits is split by
    patient and near-duplicates first.

    With --folds: one run per fold and seed, each in its own folder. A run that fails is named and
    the others continue; exit code 1.
    """
    if source is not None and manifest is not None:
        raise UsageError("SOURCE and --manifest were both given; give one.")
    manifest = manifest or source
    only_folds = {"--seeds": seeds, "--address": address, "--threads": threads}
    not_folds = {
        "--cache": cache,
        "--teacher": teacher,
        "--start": start,
        "--preset": preset,
        "--labels": labels,
        "--patient-pattern": patient_pattern,
    }
    if engine != "local":
        only_folds["--engine"] = engine
    _check_together(manifest, folds, only_folds, not_folds)
    if seed is not None and seeds is not None:
        raise UsageError("--seed and --seeds were both given; give one.")
    values, changes = _parse(settings)
    if preset in ("quick", "standard") and start is None and weights is None:
        start = Path("default")
    config = _config({"seed": seed or 0, **_preset(preset), **values})
    weights = weights or ("imagenet" if start is None else "start")
    if folds is None:
        assert manifest is not None  # noqa: S101 - checked above
        _train_one(
            manifest,
            output=output,
            config=config,
            weights=weights,
            root=root,
            cache=cache,
            resume=resume,
            teacher=teacher,
            start=start,
            augmentation=changes,
            reading=Reading(labels, patient_pattern),
            preset=preset,
        )
        return
    if changes:
        raise UsageError("--set augmentation.NAME: not with --folds.")
    _train_folds(
        output=output,
        config=config,
        seeds=_parse_seeds(seeds) or (config.seed,),
        weights=weights,
        folds=None if folds == HOSPITALS else Path(folds),
        manifest=manifest,
        root=root,
        engine=engine,
        address=address,
        threads=threads,
        resume=resume,
    )


def _preset(name: str | None) -> Mapping[str, Any]:
    if name is None:
        return {}
    with needs_extra("Training", "train"):
        from tumorscope.recipes.foretell import PRESETS
    return PRESETS[name]


def _train_one(manifest: Path, *, output: Path, **options: Any) -> None:
    with needs_extra("Training", "train"):
        from tumorscope.recipes.train import train as run
    fitted = run(manifest, output=output, **options)
    kept = fitted.history[fitted.kept]
    click.echo(
        f"Kept: epoch {fitted.kept + 1} of {len(fitted.history)}, validation loss "
        f"{kept['val_loss']:.4f}, AUROC {kept['val_roc_auc']:.4f}. Next: "
        + next_command(f"export {output} --output FILE")
    )


def _train_folds(*, output: Path, **options: Any) -> None:
    with needs_extra("Training", "train"):
        from tumorscope.recipes.folds import FoldsConfig, train_folds
    outcomes = train_folds(FoldsConfig(output=output, **options))
    click.echo(_table(outcomes))
    failed = [one for one in outcomes if one.best is None]
    for one in failed:
        click.echo(f"{one.path} failed: {one.error}", err=True)
    rest = " Add --resume to train what is missing." if failed else ""
    click.echo(
        f"{len(outcomes) - len(failed)} of {len(outcomes)} runs are trained: {output}.{rest}"
    )
    click.echo(NOTICE)
    sys.exit(EXIT_SOME_FAILED if failed else 0)


def _check_together(
    manifest: Path | None,
    folds: str | None,
    only_folds: Mapping[str, object],
    not_folds: Mapping[str, object],
) -> None:
    """Refuse options that do not go together."""
    if folds is None and manifest is None:
        raise UsageError(
            "There is nothing to train on; give a folder with a subfolder per label, a manifest, "
            "or --folds FOLDER."
        )
    if folds == HOSPITALS and manifest is None:
        raise UsageError("--folds hospitals needs --manifest FILE, which lists the hospitals.")
    if folds not in {None, HOSPITALS} and manifest is not None:
        raise UsageError(
            f"--folds {folds} comes with its own manifests; remove --manifest, or use --folds "
            "hospitals to hold out each hospital of the manifest in turn."
        )
    wrong = [name for name, value in (only_folds if folds is None else not_folds).items() if value]
    if wrong and folds is None:
        raise UsageError(f"{', '.join(wrong)}: only with --folds.")
    if wrong:
        raise UsageError(f"{', '.join(wrong)}: not with --folds, where each run has its own.")


def _parse_seeds(text: str | None) -> tuple[int, ...]:
    if text is None:
        return ()
    words = [word.strip() for word in text.split(",")]
    if not all(word.isdecimal() for word in words) or len(set(words)) < len(words):
        raise UsageError(f"--seeds needs different numbers like 0,1,2; received {text!r}.")
    return tuple(map(int, words))


def _table(outcomes: Sequence[Outcome]) -> str:
    names = ["left out", *(one.fold for one in outcomes)]
    width = max(map(len, names))
    lines = [f"{'left out':<{width}}   seed  epoch  val loss   AUROC  average precision"]
    for one in outcomes:
        cells = "failed"
        if one.best is not None:
            best = one.best
            cells = (
                f"{best['epoch']:5.0f}  {best['val_loss']:8.4f}  {best['val_roc_auc']:6.4f}  "
                f"{best['val_average_precision']:17.4f}"
            )
        lines.append(f"{one.fold:<{width}}  {one.seed:5}  {cells}")
    return "\n".join(lines)


def _config(values: dict[str, Any]) -> TrainConfig:
    from tumorscope.training.config import TrainConfig

    return TrainConfig.from_dict(values)


def _parse(settings: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings of the training, and those of its augmentation."""
    from tumorscope.training.augmentation import Augmentation
    from tumorscope.training.config import TrainConfig

    defaults = TrainConfig().to_dict()
    changes = Augmentation().to_dict()
    known = defaults | {f"{_AUGMENTATION}{name}": value for name, value in changes.items()}
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in known:
            raise UsageError(
                f"--set {setting!r} is not NAME=VALUE with one of: {', '.join(known)}."
            )
        values[name] = _value(name, text, known[name])
    return (
        {name: value for name, value in values.items() if name in defaults},
        {
            name.removeprefix(_AUGMENTATION): value
            for name, value in values.items()
            if name not in defaults
        },
    )


def _value(name: str, text: str, default: Any) -> Any:
    """Read a setting as what its default is; a range as two numbers with a comma."""
    kind = type(default)
    try:
        if kind is not tuple:
            return kind(text)
        low, high = (float(end) for end in text.split(","))
    except ValueError as error:
        needed = "LOW,HIGH" if kind is tuple else kind.__name__
        raise UsageError(f"--set {name} needs {needed}; received {text!r}.") from error
    return low, high
