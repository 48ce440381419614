"""``tumorscope train``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tumorscope.errors import MissingExtraError, UsageError


@click.command()
@click.option("--manifest", required=True, type=click.Path(path_type=Path), help="With splits.")
@click.option("--output", required=True, type=click.Path(path_type=Path), help="Run folder.")
@click.option("--root", type=click.Path(path_type=Path), help="Folder of the manifest's paths.")
@click.option(
    "--weights",
    default="imagenet",
    show_default=True,
    help="imagenet (downloaded by Keras), none, or an .npz with VGG16's convolutions.",
)
@click.option("--seed", default=0, show_default=True, help="Of every random draw.")
@click.option("--cache", type=click.Path(path_type=Path), help="Folder of frozen features.")
@click.option("--resume", is_flag=True, help="Go on after the last whole epoch.")
@click.option(
    "--set",
    "settings",
    multiple=True,
    metavar="NAME=VALUE",
    help="Any other setting of tumorscope.training.config.TrainConfig; repeatable.",
)
def train(
    manifest: Path,
    output: Path,
    root: Path | None,
    weights: str,
    seed: int,
    cache: Path | None,
    resume: bool,
    settings: tuple[str, ...],
) -> None:
    """Fine-tune VGG16 on the train split of a manifest; early stopping looks at val only."""
    try:
        from tumorscope.recipes.train import train as run
        from tumorscope.training.config import TrainConfig
    except ModuleNotFoundError as error:
        raise MissingExtraError(feature="Training", extra="train") from error
    config = TrainConfig.from_dict({"seed": seed, **_parse(settings)})
    fitted = run(
        manifest,
        output=output,
        config=config,
        weights=weights,
        root=root,
        cache=cache,
        resume=resume,
    )
    best = min(fitted.history, key=lambda entry: entry["val_loss"])
    click.echo(
        f"Best epoch {best['epoch']:.0f}: validation loss {best['val_loss']:.4f}, "
        f"AUROC {best['val_roc_auc']:.4f}. Next: tumorscope export {output} --output FILE"
    )


def _parse(settings: tuple[str, ...]) -> dict[str, Any]:
    from tumorscope.training.config import TrainConfig

    defaults = TrainConfig().to_dict()
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        if not equals or name not in defaults:
            raise UsageError(
                f"--set {setting!r} is not NAME=VALUE with one of: {', '.join(defaults)}."
            )
        kind = type(defaults[name])
        try:
            values[name] = kind(text)
        except ValueError as error:
            raise UsageError(f"--set {name} needs {kind.__name__}; received {text!r}.") from error
    return values
