"""Exports of blind reading and a table of the truth in, a report on the readers out."""

from __future__ import annotations

import csv
import hashlib
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any, Final

import numpy as np

from tumorscope.errors import UsageError
from tumorscope.evaluation.document import Document, Picture, report_folder, write_report
from tumorscope.evaluation.plots import plot_readers
from tumorscope.evaluation.readers import MEASURES, ReaderEstimate, ReaderStudy, study_readers
from tumorscope.evaluation.tables import DASH, METRICS, Table, format_estimate
from tumorscope.recipes.provenance import run_record
from tumorscope.system.files import check_output_folder

READING: Final[Mapping[str, int]] = {"no_tumor": 0, "unsure": 1, "tumor": 2}
"""Steps of a reading, as in the export's column ``reader_reading``."""

MOST_BYTES: Final = 50_000_000
"""Of a file that is read: a hundred thousand cases."""

LEGEND: Final = (
    "Each cell: estimate [95 % interval]. Means and gains hold for other readers and other cases "
    "than these: Obuchowski and Rockette's method with Hillis's degrees of freedom, covariances by "
    "leaving out one patient at a time. Kappa: bootstrap over patients. With few readers the "
    "intervals are wide; that is what is known. No interval: the readers do not differ at all, "
    "which says nothing of how others would."
)


def analyze_readers(
    exports: Sequence[Path], truth: Path, *, output: Path, command: str, overwrite: bool = False
) -> dict[str, Any]:
    """Measure readers without and with the model's help, and write a report.

    Parameters
    ----------
    exports
        CSV exports of the page's worklist after blind reading, one a reader; the file's name is the
        reader's.
    truth
        CSV with ``source`` (or ``path``), ``tumor`` (1 or 0) and, if known, ``patient_id``.
    output
        Folder of ``report.md``, ``report.html``, ``readers.png`` and ``readers.json``.

    Returns
    -------
    dict
        The content of ``readers.json``.

    Raises
    ------
    UsageError
        If a file cannot be used, or the readers have not all read the same cases.
    """
    check_output_folder(output, overwrite=overwrite)
    cases = _read_truth(truth)
    readers = {path.stem: _read_export(path) for path in exports}
    if len(readers) < len(exports):
        raise UsageError("Two exports have the same name; the name of a file is its reader's.")
    common, left_out = _common_cases(cases, readers)
    order = sorted(common)
    study = study_readers(
        np.array([cases[one][0] for one in order]),
        np.array([[read[one][0] for one in order] for read in readers.values()]),
        np.array([[read[one][1] for one in order] for read in readers.values()]),
        np.array([cases[one][1] for one in order]),
        names=tuple(readers),
    )
    hashes = "".join(_sha256(path) for path in (truth, *exports))
    found = {
        "cases": len(order),
        "tumors": sum(cases[one][0] for one in order),
        "left_out": left_out,
        **study.to_dict(),
        "provenance": run_record(command, data_sha256=hashlib.sha256(hashes.encode()).hexdigest()),
    }
    document = Document(
        command=command,
        title="Readers with and without help",
        introduction=_introduction(found),
        tables=tuple(_tables(study)),
        pictures=(_draw(output, study),),
        legend=LEGEND,
    )
    write_report(output, document, {"readers.json": found})
    return found


def helped_reading(own: int, verdict: str, outcome: str) -> int:
    """Return what a reader says after the model's answer was shown.

    Who agrees takes the model's call, who disagrees the opposite; who is unsure, or whose model
    would not commit, stays with the own reading.

    Examples
    --------
    >>> helped_reading(0, "agree", "tumor"), helped_reading(2, "disagree", "tumor")
    (2, 0)
    >>> helped_reading(1, "unsure", "tumor"), helped_reading(2, "agree", "abstain")
    (1, 2)
    """
    if outcome not in ("tumor", "no_tumor") or verdict not in ("agree", "disagree"):
        return own
    says_tumor = (outcome == "tumor") == (verdict == "agree")
    return READING["tumor" if says_tumor else "no_tumor"]


def _read_truth(path: Path) -> dict[str, tuple[int, str]]:
    """Return label and patient of each case."""
    cases: dict[str, tuple[int, str]] = {}
    for line, row in _rows(path):
        source = row.get("source") or row.get("path") or ""
        if not source:
            raise UsageError(f"{path}, line {line}: no source. The columns are source and tumor.")
        label = row.get("tumor", "")
        if label not in ("0", "1"):
            raise UsageError(f"{path}, line {line}: tumor must be 0 or 1; received {label!r}.")
        name = _case_name(source)
        if name in cases:
            raise UsageError(f"{path}, line {line}: {name} appears twice.")
        cases[name] = int(label), row.get("patient_id") or name
    return cases


def _read_export(path: Path) -> dict[str, tuple[int, int]]:
    """Return the readings of each case, without and with help; cases not read are left out."""
    read: dict[str, tuple[int, int]] = {}
    for line, row in _rows(path):
        if "reader_reading" not in row:
            raise UsageError(f"{path} has no column reader_reading; export the worklist as CSV.")
        own = row["reader_reading"]
        if not own:
            continue
        if own not in READING:
            raise UsageError(f"{path}, line {line}: a reading {own!r} is not known.")
        helped = helped_reading(READING[own], row.get("reader_verdict", ""), row.get("outcome", ""))
        name, reading = _case_name(row.get("source", "")), (READING[own], helped)
        if read.setdefault(name, reading) != reading:
            raise UsageError(
                f"{path}, line {line}: {name} was read before with another result; cases are "
                "matched by the name of their file, so give every case a name of its own."
            )
    return read


def _common_cases(
    cases: Mapping[str, object], readers: Mapping[str, Mapping[str, object]]
) -> tuple[set[str], dict[str, int]]:
    """Return the cases that all have read, and how many of the truth each has not."""
    common = set(cases).intersection(*readers.values())
    if not common:
        raise UsageError(
            "No case of the truth was read by everyone. Cases are matched by the name of their "
            "file; a case without a reading was not read blind."
        )
    return common, {name: len(set(cases) - set(read)) for name, read in readers.items()}


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UsageError(
                f"{path} is larger than {MOST_BYTES:,} bytes, too large for a reader study."
            )
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} cannot be read: {error}") from error
    for line, row in enumerate(csv.DictReader(text.splitlines()), 2):
        yield line, {key: value or "" for key, value in row.items() if key}


def _case_name(source: str) -> str:
    """Return the file's name: the page shows no folders. A leading quote guards spreadsheets."""
    return PurePosixPath(source.lstrip("'").replace("\\", "/")).name


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _introduction(found: Mapping[str, Any]) -> str:
    missing = sum(found["left_out"].values())
    told = (
        f" {missing} readings are missing; such cases are left out for everyone." if missing else ""
    )
    return (
        f"{len(found['readers'])} readers, {found['cases']} cases, {found['tumors']} with a tumor. "
        "A reader first answers alone, then sees the model's answer and agrees or not. Unsure "
        f"counts as not called, and between the two in the AUROC.{told}"
    )


def _draw(output: Path, study: ReaderStudy) -> Picture:
    path = output / "readers.png"
    with report_folder(output):
        plot_readers(path, study)
    text = (
        "AUROC, sensitivity and specificity of each reader without and with help, and their means"
    )
    return Picture(path, "Each reader without and with help", text)


def _tables(study: ReaderStudy) -> Iterator[Table]:
    header = ("measure", "without help", "with help", "gain", "p")
    yield Table(
        "Mean over readers",
        header,
        tuple(
            (
                METRICS[measure],
                _cell(study.alone[measure]),
                _cell(study.helped[measure]),
                _cell(study.gain[measure]),
                _p(study.gain[measure].p),
            )
            for measure in MEASURES
        ),
    )
    yield Table(
        "Each reader, without and with help",
        ("reader", *(METRICS[measure] for measure in MEASURES)),
        tuple(
            (
                name,
                *(
                    f"{study.readers[measure][0, at]:.3f}, {study.readers[measure][1, at]:.3f}"
                    for measure in MEASURES
                ),
            )
            for at, name in enumerate(study.names)
        ),
    )
    yield Table(
        "Agreement between readers: mean of Cohen's kappa over pairs",
        ("", "kappa"),
        tuple((name, format_estimate(one)) for name, one in study.agreement.items()),
    )


def _cell(one: ReaderEstimate) -> str:
    if math.isnan(one.low):
        return f"{one.estimate:.3f} [no interval]"
    return f"{one.estimate:.3f} [{one.low:.3f}, {one.high:.3f}]"


def _p(value: float) -> str:
    return DASH if math.isnan(value) else f"{value:.3f}"
