"""``tumorscope data duplicates`` and ``overlap``: what is in a collection twice."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from tumorscope.errors import UsageError, needs_extra
from tumorscope.labels import NOTICE

if TYPE_CHECKING:
    from tumorscope.audit.duplicates.findings import CopySearch
    from tumorscope.data.collection import Collection

_PATH: Final = click.Path(path_type=Path, exists=True)
_OUT: Final = click.Path(path_type=Path)
_FOLDER: Final = click.Path(path_type=Path, exists=True, file_okay=False)

_LISTED: Final = 10
"""Pairs named on the terminal; the table holds all."""

PICTURES, PAIRS = "pictures", "pairs"
REPORT, THRESHOLDS = "report.html", "thresholds.json"


def copy_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that every search for copies has."""
    for option in reversed(
        (
            click.option(
                "--root", type=_FOLDER, help="Folder that a manifest's paths are relative to."
            ),
            click.option(
                "--output", type=_OUT, help="Folder for the tables and the report.", required=True
            ),
            click.option(
                "--cache", type=_OUT, help="File from which an interrupted run continues."
            ),
            click.option(
                "--same",
                type=click.FloatRange(0, 1),
                help="Lowest score at which two images count as the same.",
            ),
            click.option(
                "--relative",
                type=click.FloatRange(0, 1),
                help="Lowest score at which two images count as relatives.",
            ),
            click.option("--thumbnails", is_flag=True, help="Include thumbnails in the report."),
            click.option("--parquet", is_flag=True, help="Write tables as Parquet instead of CSV."),
            click.option("--overwrite", is_flag=True, help="Replace existing results."),
        )
    ):
        command = option(command)
    return command


@click.command()
@click.argument("source", type=_PATH)
@copy_options
@click.pass_context
def duplicates(context: click.Context, /, source: Path, **options: Any) -> None:
    """Find the copies in a folder or manifest.

    Finds copies that were re-encoded, resized, brightened, darkened, mirrored, rotated, cropped,
    padded or written over, each with its score and transform.
    """
    with _search([source], options) as search:
        _save(search, options)
        same = sum(search.verdict(pair) == "same picture" for pair in search.pairs)
        click.echo(
            f"{len(search.looks)} pictures, {search.distinct} distinct; {same} pairs of the same "
            f"picture, {len(search.pairs) - same} of relatives."
        )
        _finish(context, search, options)


@click.command()
@click.argument("sources", type=_PATH, nargs=-1, required=True)
@copy_options
@click.pass_context
def overlap(context: click.Context, /, sources: Sequence[Path], **options: Any) -> None:
    """Measure how much of each set is in each other set.

    The sets are the given folders or manifests or, for a single manifest, its column `set`.
    """
    from tumorscope.audit.duplicates.findings import measure_overlaps

    with _search(sources, options) as search:
        overlaps = measure_overlaps(search)
        if not overlaps:
            raise UsageError(
                f"{sources[0]} contains one set; give two folders, or a manifest of several sets."
            )
        _save(search, options)
        click.echo(_overlap_table(overlaps))
        _list_pairs(search)
        _finish(context, search, options)


@contextmanager
def _search(sources: Sequence[Path], options: dict[str, Any]) -> Iterator[CopySearch]:
    with needs_extra("Finding copies", "data"):
        from tumorscope.audit.duplicates.descriptor_cache import open_look_cache
        from tumorscope.audit.duplicates.findings import search_copies
    _check_folder(options)
    collection = open_sources(sources, options["root"])
    with open_look_cache(options["cache"]) as cache:
        yield search_copies(collection, cache, copy_thresholds(options))


def open_sources(sources: Sequence[Path], root: Path | None) -> Collection:
    """Open one collection, or several together."""
    from tumorscope.data.collection import join_collections, open_collection

    opened = [open_collection(source, root) for source in sources]
    return opened[0] if len(opened) == 1 else join_collections(opened)


def copy_thresholds(options: dict[str, Any]) -> Any:
    """Return the thresholds that were asked for."""
    from tumorscope.audit.duplicates.copies import CopyThresholds

    default = CopyThresholds()
    same = default.same_picture if options["same"] is None else options["same"]
    relative = options["relative"]
    if relative is None:
        relative = min(default.relative, same)
    if relative > same:
        raise UsageError(
            f"--relative {relative} is above --same {same}; it must not be, because "
            "a copy is a relative too."
        )
    return CopyThresholds(same_picture=same, relative=relative)


def _check_folder(options: dict[str, Any]) -> None:
    output: Path = options["output"]
    if output.exists() and not output.is_dir():
        raise UsageError(f"{output} is a file; --output needs a folder.")
    names = [REPORT, THRESHOLDS, *(f"{name}{_suffix(options)}" for name in (PICTURES, PAIRS))]
    there = [name for name in names if (output / name).exists()]
    if there and not options["overwrite"]:
        raise UsageError(f"{output / there[0]} exists; give another folder or add --overwrite.")
    output.mkdir(parents=True, exist_ok=True)


def _save(search: CopySearch, options: dict[str, Any]) -> None:
    from tumorscope.audit import tables
    from tumorscope.audit.duplicates import findings as copy_findings
    from tumorscope.audit.duplicates.report import report_pictures, write_pair_report

    output: Path = options["output"]
    pairs = copy_findings.pair_findings(search)
    for name, columns, table in (
        (PICTURES, copy_findings.PICTURE_COLUMNS, copy_findings.picture_findings(search)),
        (PAIRS, copy_findings.PAIR_COLUMNS, pairs),
    ):
        path = output / f"{name}{_suffix(options)}"
        tables.save_table(path, columns, table, overwrite=options["overwrite"])
    tables.save_thresholds(output / THRESHOLDS, copy_findings.thresholds_record(search))
    write_pair_report(
        output / REPORT,
        pairs,
        title=f"Copies in {search.collection.name}",
        facts=[f"{len(search.looks)} pictures, {search.distinct} distinct."],
        pictures=report_pictures(search) if options["thumbnails"] else None,
        overwrite=options["overwrite"],
    )


def _finish(context: click.Context, search: CopySearch, options: dict[str, Any]) -> None:
    click.echo(f"The findings are in {options['output']}: {REPORT} shows the pairs.")
    click.echo(NOTICE)
    if search.failures:
        click.echo(f"{len(search.failures)} images could not be read.", err=True)
        context.exit(1)


def _list_pairs(search: CopySearch) -> None:
    """Name the first pairs that are the same picture in two sets."""
    from tumorscope.audit.duplicates.findings import pair_findings, picture_findings

    by_digest: dict[str, dict[str, str]] = {}
    for one in picture_findings(search):
        if one["sha256"]:
            by_digest.setdefault(one["sha256"], {}).setdefault(one["set"], one["path"])
    across = [
        f"{' = '.join(paths.values())} (the same file, byte by byte)"
        for paths in by_digest.values()
        if len(paths) > 1
    ]
    across += [
        f"{one['first']} = {one['second']} ({one['change'] or 'the same picture'})"
        for one in pair_findings(search)
        if one["first_set"] != one["second_set"] and one["verdict"] == "same picture"
    ]
    for line in across[:_LISTED]:
        click.echo(f"  {line}")
    if len(across) > _LISTED:
        click.echo(f"  and {len(across) - _LISTED} more pairs")


def _suffix(options: dict[str, Any]) -> str:
    return ".parquet" if options["parquet"] else ".csv"


def _overlap_table(overlaps: Sequence[Any]) -> str:
    head = ("of", "is in", "pictures", "same picture", "same or relative")
    lines = [
        (
            one.of,
            one.within,
            str(one.pictures),
            f"{one.same} ({_percent(one.same, one.pictures)})",
            f"{one.related} ({_percent(one.related, one.pictures)})",
        )
        for one in overlaps
    ]
    widths = [max(len(line[at]) for line in (head, *lines)) for at in range(len(head))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in (head, *lines)
    )


def _percent(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %"
