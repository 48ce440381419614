"""``tumorscope samples``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.errors import UsageError


@click.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
def samples(folder: Path) -> None:
    """Write synthetic sample slices to FOLDER, as PNG."""
    from PIL import Image

    from tumorscope.imaging.phantom import SAMPLES, head_phantom

    paths = {folder / f"{name}.png": lesion for name, lesion in SAMPLES.items()}
    for path in paths:
        if path.exists():
            raise UsageError(f"{path} exists; give a new folder.")
    folder.mkdir(parents=True, exist_ok=True)
    for path, lesion in paths.items():
        Image.fromarray(head_phantom(lesion=lesion)).save(path)
        click.echo(str(path))
