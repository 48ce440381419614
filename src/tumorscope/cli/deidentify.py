"""``tumorscope deidentify``."""

from __future__ import annotations

import io
import json
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Final

import click
import pydicom

from tumorscope import __version__
from tumorscope.errors import ImageError, UsageError
from tumorscope.imaging.counted_bytes import CountedBytes
from tumorscope.imaging.deidentification.deidentifier import (
    FACE,
    Choices,
    Deidentifier,
    NotAnImageError,
)
from tumorscope.imaging.deidentification.profile import OPTIONS
from tumorscope.imaging.formats.table import MAGIC_BYTES, recognize
from tumorscope.imaging.inputs.sources import SourceFile, expand
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import ReadFailure
from tumorscope.system.files import check_output_folder, whole_file, write_whole

EXIT_SOME_SKIPPED: Final = 1
REPORT: Final = "deidentification.json"


@click.command()
@click.argument("source", metavar="IN", type=click.Path(path_type=Path))
@click.argument("output", metavar="OUT", type=click.Path(file_okay=False, path_type=Path))
@click.option(
    "--retain",
    default="",
    metavar="OPTIONS",
    help="What stays, with commas: uids, device, institution, patient (age, sex, size, weight), "
    "dates.  [default: nothing]",
)
@click.option(
    "--shift-dates",
    is_flag=True,
    help="Keep dates, moved by a number of days that is the same for all of a patient.",
)
def deidentify(source: Path, output: Path, retain: str, shift_dates: bool) -> None:
    """Copy DICOM images from IN to OUT without what identifies a patient (PS3.15 Annex E).

    IN is a file, a folder or a zip; OUT a new or empty folder. Identifiers are mapped the same way
    in one run. Files that are not DICOM images are left out and named.

    Exit code 0: all files copied; 1: at least one was left out; 2: wrong usage.
    """
    choices = _choices(retain, shift_dates=shift_dates)
    check_output_folder(output, overwrite=False)
    if source.is_dir() and output.resolve().is_relative_to(source.resolve()):
        raise UsageError(f"The folder {output} lies inside {source}; give a folder outside of it.")
    run = _Run(output, Deidentifier(choices))
    for file in expand([source]):
        run.take(file)
    run.report(choices)
    click.echo(f"{run.copied} images copied, {len(run.left_out)} files left out. {FACE}", err=True)
    sys.exit(EXIT_SOME_SKIPPED if run.left_out else 0)


def _choices(retain: str, *, shift_dates: bool) -> Choices:
    names = [name.strip() for name in retain.split(",") if name.strip()]
    unknown = [name for name in names if name not in OPTIONS]
    if unknown:
        raise UsageError(f"--retain takes {', '.join(OPTIONS)}, with commas; received {retain!r}.")
    if shift_dates and "dates" in names:
        raise UsageError("Give --retain dates or --shift-dates, not both.")
    return Choices(retain=tuple(name for name in OPTIONS if name in names), shift_dates=shift_dates)


class _Run:
    """Copies files one by one and remembers what is to be told."""

    def __init__(self, output: Path, deidentifier: Deidentifier) -> None:
        self._output, self._deidentifier = output, deidentifier
        self.copied = 0
        self.left_out: list[str] = []
        self._warnings: dict[str, list[str]] = {}
        self._reasons: Counter[str] = Counter()

    def take(self, file: SourceFile | ReadFailure) -> None:
        """Copy one file, or say why it is left out."""
        if isinstance(file, ReadFailure):
            self._leave_out(file.source, file.error.title)
            return
        try:
            self._copy(file.read())
        except NotAnImageError as error:
            self._leave_out(file.name, str(error))
        except ImageError as error:
            self._leave_out(file.name, error.title)
        # A damaged data set can fail anywhere inside the parser, and then nothing of it is copied.
        except Exception as error:
            self._leave_out(file.name, f"It cannot be read ({type(error).__name__}).")

    def _copy(self, content: bytes) -> None:
        found = recognize(content[:MAGIC_BYTES])
        if found is None or found.name != "DICOM":
            raise NotAnImageError("It is not a DICOM file.")
        with quiet("pydicom"):
            ds = pydicom.dcmread(CountedBytes(content), force=True)
            warnings = self._deidentifier.apply(ds)
            buffer = io.BytesIO()
            pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
        path = (
            self._output
            / str(ds.PatientID)
            / f"{ds.SeriesInstanceUID}"
            / f"{ds.SOPInstanceUID}.dcm"
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as stream:
            stream.write(buffer.getvalue())
        self.copied += 1
        for warning in warnings:
            name = path.relative_to(self._output).as_posix()
            self._warnings.setdefault(warning, []).append(name)
            click.echo(f"{name}: {warning}", err=True)

    def _leave_out(self, name: str, reason: str) -> None:
        self.left_out.append(name)
        self._reasons[reason] += 1
        click.echo(f"{name}: left out. {reason}", err=True)

    def report(self, choices: Choices) -> None:
        """Write what was done. It lies beside the images, so it names no input."""
        said: dict[str, Any] = {
            "profile": "DICOM PS3.15 Annex E, Basic Application Level Confidentiality Profile",
            "program": f"tumorscope {__version__}",
            "retained": list(choices.retain),
            "dates": "shifted"
            if choices.shift_dates
            else "kept"
            if "dates" in choices.retain
            else "removed",
            "images": self.copied,
            "left_out": dict(self._reasons),
            "warnings": self._warnings,
            "not_done": [
                FACE,
                "Free text, graphics and structured content are removed, not cleaned.",
            ],
        }
        self._output.mkdir(parents=True, exist_ok=True)
        write_whole(self._output / REPORT, json.dumps(said, indent=2) + "\n")
