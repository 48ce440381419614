"""``tumorscope data fetch``: the public sets that most published figures rest on."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tumorscope.errors import UsageError
from tumorscope.labels import NOTICE

if TYPE_CHECKING:
    from tumorscope.data.public.fetch import Fetched
    from tumorscope.data.public_set import PublicSet

_NAMED: Final = 5  # failures that are told one by one


@click.command()
@click.argument("name", required=False)
@click.option("--output", type=click.Path(path_type=Path), help="Folder for the set.")
@click.option(
    "--from",
    "sources",
    type=click.Path(path_type=Path, exists=True),
    multiple=True,
    help="Archive or folder that was downloaded by hand; repeatable.",
)
@click.option(
    "--mirror", metavar="URL", help="Folder to take the files from instead of the publisher."
)
@click.option("--list", "is_list", is_flag=True, help="Describe each set and exit.")
@click.pass_context
def fetch(
    context: click.Context,
    name: str | None,
    output: Path | None,
    sources: tuple[Path, ...],
    mirror: str | None,
    is_list: bool,
) -> None:
    """Download a public set, check it, convert it and write its manifest.

    Download sets that need a login by hand and pass them with --from. The same command continues
    an interrupted download; nothing is overwritten.
    """
    from tumorscope.data.public.download import Download
    from tumorscope.data.public.fetch import fetch_set
    from tumorscope.data.public_sets import PUBLIC_SETS, public_set

    if is_list:
        click.echo("\n\n".join(_description(one) for one in PUBLIC_SETS.values()))
        click.echo(NOTICE)
        return
    if name is None:
        raise UsageError(f"Give the name of a set ({', '.join(PUBLIC_SETS)}), or --list.")
    recipe = public_set(name)
    if output is None:
        raise UsageError("No output folder was given; add --output DIR.")
    if sources and mirror:
        raise UsageError("--from and --mirror exclude each other; give one of them.")
    download = Download(mirror=mirror, tell=lambda line: click.echo(line, err=True))
    fetched = fetch_set(recipe, output, sources=sources, download=download)
    _tell(recipe, fetched, output)
    if fetched.failures or fetched.differences:
        context.exit(1)


def _description(recipe: PublicSet) -> str:
    access = "can be downloaded" if recipe.files else "has to be downloaded by hand"
    pictures = ", ".join(f"{count:,} {kind}" for kind, count in recipe.expected.items())
    lines = [
        f"{recipe.name}: {recipe.title} ({access})",
        f"page: {recipe.page}",
        f"licence: {recipe.licence}",
        f"cite: {recipe.citation}",
        *([f"pictures: {pictures}"] if pictures else []),
        *(f"known bad: {bad.pattern}: {bad.reason}" for bad in recipe.known_bad),
        *(f"beware: {caution}" for caution in recipe.cautions),
        *recipe.steps,
    ]
    return "\n  ".join(lines)


def _tell(recipe: PublicSet, fetched: Fetched, output: Path) -> None:
    from tumorscope.data.public.fetch import KNOWN_BAD, MANIFEST, kind_of

    counts = Counter(map(kind_of, fetched.rows))
    shown = ", ".join(f"{count:,} {kind}" for kind, count in sorted(counts.items()))
    click.echo(f"{len(fetched.rows):,} pictures ({shown}); the manifest is {output / MANIFEST}")
    if fetched.known_bad:
        click.echo(f"{len(fetched.known_bad):,} of them are known bad: {output / KNOWN_BAD}")
    click.echo(f"Licence: {recipe.licence}\nCite: {recipe.citation}")
    for caution in recipe.cautions:
        click.echo(f"Beware: {caution}")
    click.echo(NOTICE)
    for difference in fetched.differences:
        click.echo(f"Not as published: {difference}.", err=True)
    for failure in fetched.failures[:_NAMED]:
        click.echo(f"{failure.path} {failure.reason}", err=True)
    if len(fetched.failures) > _NAMED:
        click.echo(f"and {len(fetched.failures) - _NAMED:,} more, named in source.json", err=True)
