"""``tumorscope predict``."""

from __future__ import annotations

import csv
import io
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec
import numpy as np

from tumorscope.answer import Answer, Failure, Prediction, SeriesPrediction
from tumorscope.cli.contact_sheet import contact_sheet
from tumorscope.cli.evidence_maps import EvidenceMaps
from tumorscope.cli.options import model_option, operating_point_option, threshold_option
from tumorscope.columns import COLUMNS, flatten, in_cell
from tumorscope.errors import MissingExtraError, UsageError
from tumorscope.imaging.png import encode_png
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import load_model
from tumorscope.system.files import check_output, write_whole

if TYPE_CHECKING:
    from tumorscope.cli.dicom_results import DicomResultFolder

EXIT_SOME_FAILED: Final = 1

_MAX_NAME_BYTES: Final = 120
"""Of a heat map's name; file systems end at 255, and numbers and a suffix are added."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--format",
    "style",
    type=click.Choice(["table", "json", "csv"]),
    default="table",
    show_default=True,
    help="json prints JSON Lines: one object per image or slice, then one per series.",
)
@click.option(
    "--heatmaps",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for one PNG per image with the evidence overlaid.",
)
@click.option(
    "--html",
    "page",
    type=click.Path(dir_okay=False, path_type=Path),
    help="One HTML file with all answers, scans and evidence, to look through.",
)
@click.option(
    "--maps",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for the evidence of NIfTI volumes as NIfTI, on the scan's own grid.",
)
@click.option(
    "--dicom-results",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for results as DICOM objects of the same study, a subfolder per series.",
)
@click.option(
    "--results",
    default="sr,sc,pm,seg",
    show_default=True,
    metavar="KINDS",
    help="Results for --dicom-results: sr (structured report), sc (secondary captures), pm "
    "(parametric map), seg (segmentation), pdf (document).",
)
@click.option(
    "--fhir",
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file for a FHIR R5 bundle (DiagnosticReport, Observation, Device) per series or lone "
    "image, as JSON Lines.",
)
@model_option
@operating_point_option
@threshold_option
def predict(
    paths: tuple[str, ...],
    style: str,
    heatmaps: Path | None,
    page: Path | None,
    maps: Path | None,
    dicom_results: Path | None,
    results: str,
    fhir: Path | None,
    model: Path | None,
    operating_point: str | None,
    threshold: float | None,
) -> None:
    """Classify scans. PATH is a file, a folder, a zip, or - for standard input.

    Exit code 0: all inputs answered; 1: at least one could not be read; 2: wrong usage.
    """
    classifier = load_model(model, operating_point=operating_point, threshold=threshold)
    pictures = None if heatmaps is None else _HeatmapFolder(heatmaps, inputs=paths)
    objects = None if dicom_results is None else _result_folder(dicom_results, results, paths)
    volumes = None if maps is None else _evidence_maps(maps, paths)
    bundles = None if fhir is None else _FhirFile(fhir)
    with_evidence = any(one is not None for one in (pictures, page, volumes, objects))
    answers = classifier.predict_many(paths, heatmap=with_evidence)
    failed = False
    with contact_sheet(page) as sheet, nullcontext() if objects is None else objects:
        takers: list[Callable[[Answer], None]] = [
            *([] if pictures is None else [pictures.take]),
            *([] if sheet is None else [sheet.add]),
            *([] if volumes is None else [volumes.add]),
            *([] if objects is None else [objects.save]),
            *([] if bundles is None else [bundles.take]),
            _WRITERS[style](),
        ]
        for answer in _with_progress(answers):
            failed = _is_failure(answer, style) or failed
            for take in takers:
                take(answer)
    for finish in (volumes and volumes.finish, bundles and bundles.write):
        if finish:
            finish()
    if style == "table":
        point, value = classifier.operating_point, classifier.threshold
        click.echo(f"\nOperating point {point}: tumor from {value:.3f} on. {NOTICE}")
    sys.exit(EXIT_SOME_FAILED if failed else 0)


def _is_failure(answer: Answer, style: str) -> bool:
    """Tell of an input that could not be read, where the format does not."""
    if not isinstance(answer, Failure):
        return False
    if style != "json":
        click.echo(f"{answer.source}: {answer.error.detail}", err=True)
    return True


def _evidence_maps(folder: Path, paths: tuple[str, ...]) -> EvidenceMaps:
    make_output_folder(folder, inputs=paths, option="--maps", holds="maps")
    return EvidenceMaps(folder)


def _result_folder(folder: Path, kinds: str, paths: tuple[str, ...]) -> DicomResultFolder:
    try:
        from tumorscope.cli.dicom_results import DicomResultFolder
    except ImportError as error:
        raise MissingExtraError(feature="--dicom-results", extra="dicom") from error
    make_output_folder(folder, inputs=paths, option="--dicom-results", holds="results")
    return DicomResultFolder(folder, kinds)


def _with_progress(answers: Iterable[Answer]) -> Iterator[Answer]:
    """Count on the terminal, where the answers themselves go elsewhere."""
    is_shown = sys.stderr.isatty() and not sys.stdout.isatty()
    for count, answer in enumerate(answers, start=1):
        if is_shown:
            click.echo(f"\r{count} answers", nl=False, err=True)
        yield answer
    if is_shown:
        click.echo(err=True)


def make_output_folder(folder: Path, *, inputs: Iterable[str], option: str, holds: str) -> None:
    """Make a folder for what is written beside the answers.

    Raises
    ------
    UsageError
        If it lies inside an input, has content or cannot be made.
    """
    for name in filter(None, inputs):
        if Path(name).is_dir() and folder.resolve().is_relative_to(Path(name).resolve()):
            raise UsageError(
                f"The folder {folder} lies inside the input {name}, so its {holds} would be "
                f"read as scans; give {option} a folder outside the input."
            )
    try:
        folder.mkdir(parents=True, exist_ok=True)
        used = any(folder.iterdir())
    except OSError as error:
        raise UsageError(f"The folder {folder} cannot be used: {error.strerror}.") from error
    if used:
        raise UsageError(f"The folder {folder} is not empty; give a new one for {option}.")


class _HeatmapFolder:
    """Writes one PNG per image, never over an existing file."""

    def __init__(self, folder: Path, *, inputs: Iterable[str]) -> None:
        make_output_folder(folder, inputs=inputs, option="--heatmaps", holds="heat maps")
        self._folder = folder
        self._taken: set[str] = set()

    def take(self, answer: Answer) -> None:
        """Save the picture of an image or slice."""
        if isinstance(answer, Prediction):
            self.save(answer)

    def save(self, answer: Prediction) -> None:
        """Save the overlay of one answer, with its box and the scale of its colors."""
        from tumorscope.imaging.overlay import draw_box, with_scale

        last = re.sub(r"[^\w.-]+", "_", answer.source).encode()[-_MAX_NAME_BYTES:]
        # A dot in front would hide the file.
        stem = last.decode(errors="ignore").strip("._-") or "image"
        if answer.slice_index is not None:
            stem += f"_{answer.slice_index:04d}"
        name, number = stem, 2
        while name.lower() in self._taken:  # some file systems do not tell a from A
            name, number = f"{stem}_{number}", number + 1
        self._taken.add(name.lower())
        picture = answer.overlay()
        if answer.localization is not None:
            draw_box(picture, answer.localization.box)
        (self._folder / f"{name}.png").write_bytes(encode_png(np.asarray(with_scale(picture))))


class _FhirFile:
    """Writes a bundle for each series, and for each image that was alone, at the end."""

    def __init__(self, path: Path) -> None:
        check_output(path, overwrite=False)
        self._path = path
        self._alone: dict[str | None, list[Prediction]] = {}
        self._answers: list[SeriesPrediction | Prediction] = []

    def take(self, answer: Answer) -> None:
        """Take an answer; slices of a series are forgotten when its own comes."""
        if isinstance(answer, SeriesPrediction):
            self._alone.pop(answer.series_instance_uid or answer.source, None)
            self._answers.append(answer)
        elif isinstance(answer, Prediction):
            slim = msgspec.structs.replace(answer, evidence=None, pixels=None)
            if answer.series_key is None:
                self._answers.append(slim)
            else:
                self._alone.setdefault(answer.series_key, []).append(slim)

    def write(self) -> None:
        """Write all bundles."""
        from tumorscope.serving.dicom.results.fhir import fhir_bundle

        single = [one[0] for one in self._alone.values() if len(one) == 1]
        bundles = [json.dumps(fhir_bundle(one)) for one in (*self._answers, *single)]
        write_whole(self._path, "".join(f"{one}\n" for one in bundles))


def _json_writer() -> Callable[[Answer], None]:
    return lambda answer: click.echo(json.dumps(answer.to_dict()))


def _csv_writer() -> Callable[[Answer], None]:
    def line(values: Iterable[Any]) -> None:
        buffer = io.StringIO()
        csv.writer(buffer, lineterminator="\n").writerow(values)
        click.echo(buffer.getvalue(), nl=False)

    def write(answer: Answer) -> None:
        row = flatten(answer.to_dict(), COLUMNS)
        line(in_cell(row.get(column.name)) for column in COLUMNS)

    line(column.name for column in COLUMNS)
    return write


def _table_writer() -> Callable[[Answer], None]:
    click.echo(f"{'outcome':<10} {'tumor':>6}  {'type if tumor':<18} source")
    return lambda answer: click.echo(" ".join(_table_cells(answer.to_dict())))


def _table_cells(answer: dict[str, Any]) -> Iterator[str]:
    yield f"{answer.get('outcome', 'error'):<10}"
    probabilities = answer.get("probabilities")
    yield f"{probabilities['tumor']:>6.3f} " if probabilities else f"{'-':>6} "
    types = answer.get("type_probabilities") if answer.get("outcome") == "tumor" else None
    best = max(types, key=types.__getitem__) if types else ""
    yield f"{best + f' {types[best]:.2f}' if types else '-':<18}"
    index = answer.get("slice_index")
    yield answer["source"] + ("" if index is None else f" [{index}]") + _size(answer)


def _size(answer: dict[str, Any]) -> str:
    if answer["kind"] == "series":
        return f" (series of {answer['slices']} slices)"
    if answer["kind"] == "study":
        return f" (study of {len(answer['series']) + len(answer['skipped'])} series)"
    return ""


_WRITERS: Final[dict[str, Callable[[], Callable[[Answer], None]]]] = {
    "json": _json_writer,
    "csv": _csv_writer,
    "table": _table_writer,
}
