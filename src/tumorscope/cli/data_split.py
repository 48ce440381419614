"""``tumorscope data split``: one split, leave-one-source-out folds, and the check of anybody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import click

from tumorscope.cli.options import collection_root_option, reading_options
from tumorscope.errors import LeakError, UsageError
from tumorscope.labels import CLASSES, NOTICE, SPLITS, Split

if TYPE_CHECKING:
    from tumorscope.data.folds import Fold, FoldsBy
    from tumorscope.data.manifest import ManifestRow
    from tumorscope.data.pipeline import Grouping
    from tumorscope.data.split import SplitPlan

FRACTION_NAMES: Final[tuple[Split, ...]] = ("train", "val", "calibration", "test")

_FILE: Final = click.Path(path_type=Path, exists=True, dir_okay=False)
_PATH: Final = click.Path(path_type=Path, exists=True)


@click.command()
@click.argument("checked", metavar="[MANIFEST|FOLDER]...", type=_PATH, nargs=-1)
@click.option(
    "--manifest",
    "manifests",
    type=_FILE,
    multiple=True,
    help="As the argument: CSV file with one row per image or volume. Several are split as one.",
)
@click.option(
    "--output", type=click.Path(path_type=Path), help="CSV file to write; with --folds, a folder."
)
@collection_root_option
@reading_options
@click.option("--seed", type=int, default=0, show_default=True)
@click.option(
    "--fractions",
    type=float,
    nargs=len(FRACTION_NAMES),
    default=(0.66, 0.10, 0.10, 0.14),
    show_default=True,
    help="Shares of train, val, calibration and test.",
)
@click.option(
    "--hold-out",
    multiple=True,
    metavar="SITE",
    help="Site or set to keep as the external test set.",
)
@click.option(
    "--keep",
    type=_FILE,
    metavar="SPLIT",
    help="Earlier split whose images keep their side; only new groups are placed.",
)
@click.option(
    "--folds",
    type=click.Choice(["source", "site"]),
    help="Write one manifest per set or site, each held out in turn as external.",
)
@click.option(
    "--groups-from",
    type=click.Choice(["pictures", "columns"]),
    default="pictures",
    show_default=True,
    help="columns: trust group_id and patient_id without comparing the images.",
)
@click.option(
    "--ungrouped-i-know",
    is_flag=True,
    help="Accept files without a known patient; with --groups-from columns, each becomes a group.",
)
@click.option("--check", is_flag=True, help="Check the existing splits and write nothing.")
@click.option("--trust-groups", is_flag=True, help="With --check: do not compare the images.")
@click.option("--overwrite", is_flag=True, help="Replace the output if it exists.")
@click.pass_context
def split(context: click.Context, /, checked: Sequence[Path], **options: Any) -> None:
    """Split by patient and near-duplicate group, or --check an existing split.

    First compares the images of all sets with each other, in all eight orientations. --check writes
    nothing; exit code 1 means that a group is on two sides of the split. For a folder written by
    --folds, all its manifests are checked.
    """
    sources = _sources(checked, options)
    if options["check"]:
        _check(context, sources, options)
        return
    if options["output"] is None:
        raise UsageError(
            "No output was given; add --output FILE, or --check to check without writing."
        )
    write = _write_split if options["folds"] is None else _write_folds
    rows = write(sources, options)
    _warn_of_unknown_patients(rows, options)
    _finish(context, rows)


def _sources(checked: Sequence[Path], options: dict[str, Any]) -> list[Path]:
    sources = [*checked, *options["manifests"]]
    if not sources:
        raise UsageError("No manifest or folder was given; name one, or several manifests.")
    return sources


def _check(context: click.Context, sources: Sequence[Path], options: dict[str, Any]) -> None:
    from tumorscope.data.folds import verify_folds
    from tumorscope.data.manifest import manifest_root, read_manifest
    from tumorscope.data.pipeline import check_manifests

    files = [
        file
        for source in sources
        for file in ([one.path for one in verify_folds(source)] if source.is_dir() else [source])
    ]
    root = manifest_root(files[0], options["root"])
    manifests = (read_manifest(file, root=root) for file in files)
    checked = iter(check_manifests(manifests, root, trust_groups=options["trust_groups"]))
    for file in files:
        try:
            rows = next(checked)
        except LeakError as error:
            click.echo(f"LEAK in {file}: {error}")
            context.exit(1)
        click.echo(_table(rows))
        click.echo(f"{file}: no group, patient or file is on two sides of the split.")
    click.echo(NOTICE)


def _write_split(sources: Sequence[Path], options: dict[str, Any]) -> Sequence[ManifestRow]:
    from tumorscope.data.manifest import write_manifest
    from tumorscope.data.pipeline import make_split
    from tumorscope.system.files import check_output

    output: Path = options["output"]
    check_output(output, overwrite=options["overwrite"])
    plan = _plan(options)
    read, root = _read(sources, options)
    rows = make_split(read, root, plan, grouping=_grouping(options))
    write_manifest(output, rows, overwrite=options["overwrite"])
    click.echo(_table(rows))
    click.echo(f"The split is in {output}{_root_hint(output, root)}")
    return rows


def _write_folds(sources: Sequence[Path], options: dict[str, Any]) -> Sequence[ManifestRow]:
    from tumorscope.data.folds import FOLDS_FILE, write_folds
    from tumorscope.data.pipeline import make_source_folds
    from tumorscope.system.files import check_output_folder

    output: Path = options["output"]
    check_output_folder(output, overwrite=options["overwrite"])
    plan = _plan(options)
    by = cast("FoldsBy", options["folds"])
    read, root = _read(sources, options)
    folds = make_source_folds(read, root, plan, by=by, grouping=_grouping(options))
    write_folds(output, folds, by=by, plan=plan)
    click.echo(_fold_table(folds))
    click.echo(
        f"{len(folds)} manifests are in {output}; {FOLDS_FILE} has their hashes."
        f"{_root_hint(output / FOLDS_FILE, root)}"
    )
    return folds[0].rows


def _read(sources: Sequence[Path], options: dict[str, Any]) -> tuple[Sequence[ManifestRow], Path]:
    """Read the rows of a folder or of one or more manifests, with the patients that they tell."""
    from tumorscope.data.data_set import Reading, add_patients, open_data_set
    from tumorscope.data.manifest import manifest_root, read_manifests

    reading = Reading(options["labels"], options["patient_pattern"])
    if len(sources) == 1:
        data = open_data_set(sources[0], root=options["root"], reading=reading, group=False)
        return data.rows, data.root
    folders = [source for source in sources if source.is_dir()]
    if folders:
        raise UsageError(f"{folders[0]} is a folder; only manifests can be split together.")
    root = manifest_root(sources[0], options["root"])
    rows = read_manifests(sources, root=root)
    return add_patients(rows, root, reading.patient_pattern)[0], root


def _root_hint(output: Path, root: Path) -> str:
    """Say what the paths are relative to where that is not the folder of the manifest."""
    if output.parent.resolve() == root.resolve():
        return ""
    return f"; its paths start from {root}: give --root {root} to what reads it"


def _plan(options: dict[str, Any]) -> SplitPlan:
    from tumorscope.data.manifest import read_manifest
    from tumorscope.data.split import SplitPlan

    kept = read_manifest(options["keep"], check_files=False) if options["keep"] else []
    sides = {row.sha256: row.split for row in kept if row.sha256 and row.split}
    if options["keep"] is not None and not sides:
        raise UsageError(
            f"{options['keep']} has no row with split and sha256; --keep needs a manifest "
            "written by `tumorscope data split`."
        )
    return SplitPlan(options["seed"], _shares(options), options["hold_out"], sides)


def _shares(options: dict[str, Any]) -> dict[Split, float]:
    return dict(zip(FRACTION_NAMES, options["fractions"], strict=True))


def _grouping(options: dict[str, Any]) -> Grouping:
    from tumorscope.data.pipeline import Grouping

    return Grouping(options["groups_from"], accept_ungrouped=options["ungrouped_i_know"])


def _warn_of_unknown_patients(rows: Sequence[ManifestRow], options: dict[str, Any]) -> None:
    unknown = sorted({row.set for row in rows if _is_of_unknown_patient(row)})
    if unknown and not options["ungrouped_i_know"]:
        click.echo(
            f"Images in {', '.join(unknown)} have no known patient: their groups are clusters of "
            "similar images, and slices of one patient that differ may be on two sides of "
            "the split. Add --ungrouped-i-know to hide this note.",
            err=True,
        )


def _is_of_unknown_patient(row: ManifestRow) -> bool:
    return row.patient_id is None and (row.group_id or "").startswith("picture:")


def _finish(context: click.Context, rows: Sequence[ManifestRow]) -> None:
    from tumorscope.data.split import UNREADABLE_GROUP

    click.echo(NOTICE)
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
    return _align(lines)


def _fold_table(folds: Sequence[Fold]) -> str:
    """Return the rows with and without tumor of each fold, a column for each side in use."""
    counts = {fold.left_out: fold.counts() for fold in folds}
    sides = [side for side in SPLITS if any(side in one for one in counts.values())]
    lines = [("left out (tumor/no tumor)", *sides)]
    for name, one in counts.items():
        cells = ("/".join(map(str, one.get(side, {"": 0}).values())) for side in sides)
        lines.append((name, *cells))
    return _align(lines)


def _align(lines: Sequence[tuple[str, ...]]) -> str:
    width = max(len(line[0]) for line in lines)
    return "\n".join(
        f"{line[0]:<{width}}" + "".join(f"{cell:>13}" for cell in line[1:]) for line in lines
    )


def _kind(row: ManifestRow) -> str:
    label = "label unknown" if row.tumor is None else CLASSES[0 if row.tumor else 1]
    return f"{row.site or row.set}, {row.type or label}"
