"""``tumorscope data``: its verbs; inventory and split are here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from tumorscope.cli.data_copies import duplicates, overlap
from tumorscope.cli.data_shortcuts import shortcuts
from tumorscope.errors import LeakError, UsageError
from tumorscope.labels import CLASSES, NOTICE, SPLITS, Split

if TYPE_CHECKING:
    from tumorscope.data.manifest import ManifestRow
    from tumorscope.data.split import SplitPlan

FRACTION_NAMES: Final[tuple[Split, ...]] = ("train", "val", "calibration", "test")

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_FOLDER: Final = click.Path(path_type=Path, exists=True, file_okay=False)


@click.group()
def data() -> None:
    """Look into a collection of scans and split it; nothing is ever deleted."""


data.add_command(duplicates)
data.add_command(overlap)
data.add_command(shortcuts)


@data.command()
@click.option("--manifest", type=_FILE, required=True, help="CSV file with a row per picture.")
@click.option("--output", type=click.Path(path_type=Path), required=True, help="CSV to write.")
@click.option("--root", type=_FOLDER, help="Folder of the paths [default: the manifest's].")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.pass_context
def inventory(
    context: click.Context, manifest: Path, output: Path, root: Path | None, *, overwrite: bool
) -> None:
    """Write what every picture is and what looks wrong with it, and print the counts."""
    from tumorscope.data.inventory import INVENTORY_COLUMNS, count_findings, take_inventory
    from tumorscope.data.manifest import check_output, manifest_root, read_manifest, write_table
    from tumorscope.data.volumes import expand_volumes

    check_output(output, overwrite=overwrite)
    root = manifest_root(manifest, root)
    rows = expand_volumes(read_manifest(manifest, root=root, check_files=False), root)
    findings = list(take_inventory(rows, root))
    write_table(output, INVENTORY_COLUMNS, findings, overwrite=overwrite)
    for name, counts in count_findings(findings).items():
        click.echo(f"{name}: " + ", ".join(f"{key} {n}" for key, n in sorted(counts.items())))
    click.echo(f"{len(findings)} pictures; the findings are in {output}")
    click.echo(NOTICE)
    if any(finding["is_unreadable_issue"] for finding in findings):
        context.exit(1)


@data.command()
@click.argument("checked", metavar="[MANIFEST]", type=_FILE, required=False)
@click.option("--manifest", type=_FILE, help="CSV file with a row per picture or volume.")
@click.option("--output", type=click.Path(path_type=Path), help="CSV to write.")
@click.option("--root", type=_FOLDER, help="Folder of the paths [default: the manifest's].")
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--fractions",
    type=float,
    nargs=len(FRACTION_NAMES),
    default=(0.66, 0.10, 0.10, 0.14),
    show_default=True,
    help="Shares of train, val, calibration and test.",
)
@click.option("--hold-out", multiple=True, metavar="SITE", help="Site or set kept as external.")
@click.option("--check", is_flag=True, help="Write nothing; check the split that is there.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.pass_context
def split(
    context: click.Context,
    checked: Path | None,
    manifest: Path | None,
    output: Path | None,
    root: Path | None,
    seed: int,
    fractions: tuple[float, ...],
    hold_out: tuple[str, ...],
    check: bool,
    overwrite: bool,
) -> None:
    """Split by patient and near-duplicate group, or --check anybody's split.

    The pictures of all sets are compared with each other in all eight orientations first. With
    --check nothing is written; exit code 1 says that a group stands on two sides.
    """
    from tumorscope.data.manifest import manifest_root
    from tumorscope.data.split import SplitPlan

    source = _one_manifest(checked, manifest)
    root = manifest_root(source, root)
    if check:
        _check(context, source, root)
        return
    if output is None:
        raise UsageError("Say where to write the split: --output FILE (or --check to only check).")
    shares = dict(zip(FRACTION_NAMES, fractions, strict=True))
    plan = SplitPlan(seed=seed, fractions=shares, hold_out=hold_out)
    _split(context, (source, root, output), plan=plan, overwrite=overwrite)


def _one_manifest(checked: Path | None, manifest: Path | None) -> Path:
    if checked is not None and manifest is not None:
        raise UsageError(f"Two manifests were given, {checked} and {manifest}; give one.")
    source = checked or manifest
    if source is None:
        raise UsageError("Name a manifest: --manifest FILE.")
    return source


def _check(context: click.Context, source: Path, root: Path) -> None:
    from tumorscope.data.manifest import read_manifest
    from tumorscope.data.pipeline import check_manifest

    try:
        rows = check_manifest(read_manifest(source, root=root), root)
    except LeakError as error:
        click.echo(f"LEAK in {source}: {error}")
        context.exit(1)
    click.echo(_table(rows))
    click.echo(f"{source}: no group, patient or file stands on two sides.")


def _split(
    context: click.Context, paths: tuple[Path, Path, Path], *, plan: SplitPlan, overwrite: bool
) -> None:
    from tumorscope.data.manifest import check_output, read_manifest, write_manifest
    from tumorscope.data.pipeline import make_split
    from tumorscope.data.split import UNREADABLE_GROUP

    source, root, output = paths
    check_output(output, overwrite=overwrite)
    rows = make_split(read_manifest(source, root=root), root, plan)
    write_manifest(output, rows, overwrite=overwrite)
    click.echo(_table(rows))
    click.echo(f"The split is in {output}")
    unreadable = sum(row.group_id == UNREADABLE_GROUP for row in rows)
    if unreadable:
        click.echo(f"{unreadable} rows could not be read and are excluded.", err=True)
        context.exit(1)


def _table(rows: Sequence[ManifestRow]) -> str:
    """Return the counts of rows by site and label, a column for each side in use."""
    counts = Counter((_kind(row), row.split) for row in rows)
    sides = [side for side in SPLITS if any(row.split == side for row in rows)]
    lines = [("site, label", *sides, "all")]
    for kind in sorted({kind for kind, _ in counts}):
        numbers = [counts[kind, side] for side in sides]
        lines.append((kind, *map(str, numbers), str(sum(numbers))))
    totals = [sum(row.split == side for row in rows) for side in sides]
    groups = [len({row.group_id for row in rows if row.split == side}) for side in sides]
    lines.append(("all", *map(str, totals), str(sum(totals))))
    lines.append(("groups", *map(str, groups), str(len({row.group_id for row in rows}))))
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"{line[0]:<{width}}" + "".join(f"{cell:>13}" for cell in line[1:]) for line in lines
    )


def _kind(row: ManifestRow) -> str:
    label = "label unknown" if row.tumor is None else CLASSES[0 if row.tumor else 1]
    return f"{row.site or row.set}, {row.type or label}"
