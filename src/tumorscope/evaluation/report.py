"""A report folder: numbers for machines, tables and pictures for people."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np

from tumorscope.evaluation.calibration import BINS
from tumorscope.evaluation.document import Document, Picture, report_folder, report_texts
from tumorscope.evaluation.evaluation_data import EvaluationData
from tumorscope.evaluation.intervals import RESAMPLES
from tumorscope.evaluation.measurements import Measurements, take_measurements
from tumorscope.evaluation.plots import (
    plot_confusion,
    plot_decision_curves,
    plot_predictive_values,
    plot_reliability,
    plot_roc,
    plot_scores,
)
from tumorscope.evaluation.tables import build_tables, format_estimate
from tumorscope.evaluation.usefulness import CLINIC_PREVALENCE
from tumorscope.labels import CLASSES, NOTICE, TUMOR_TYPES
from tumorscope.system.files import check_output_folder

__all__ = ["REPORT_FILES", "EvaluationData", "build_report"]

FORMAT_VERSION: Final = 1
"""Of ``metrics.json``."""

METRICS_FILE: Final = "metrics.json"
PREDICTIONS_FILE: Final = "predictions.csv"
GALLERY_FILE: Final = "gallery.html"
REPORT_FILES: Final = (
    "roc.png",
    "reliability.png",
    "confusion.png",
    "confusion_types.png",
    "scores.png",
    "decision_curves.png",
    "predictive_values.png",
    "report.md",
    "report.html",
    PREDICTIONS_FILE,
    GALLERY_FILE,
    METRICS_FILE,
)
"""What a report may consist of; the metrics are moved in last, so they vouch for the rest."""


def build_report(  # noqa: PLR0913  keyword-only
    data: EvaluationData,
    *,
    output: Path,
    command: str,
    title: str,
    overwrite: bool = False,
    left_out: Mapping[str, str] | None = None,
    notes: Sequence[str] = (),
    predictions: str | None = None,
    gallery: str | None = None,
) -> dict[str, Any]:
    """Measure and write ``metrics.json``, ``report.md``, ``report.html`` and the plots.

    Parameters
    ----------
    data
        Answers and truth.
    output
        Report folder; must be new or empty unless ``overwrite`` is given. Files that are not part
        of a report are never touched.
    command
        The command that makes the report; its first line.
    title
        Heading.
    left_out
        Rows of the manifest that could not be measured, with the reason.
    notes
        Sentences on where the data come from, for the introduction.
    predictions
        Text of ``predictions.csv``.
    gallery
        Text of ``gallery.html``, which holds scans.

    Returns
    -------
    dict
        The content of ``metrics.json``.

    Raises
    ------
    UsageError
        If ``output`` holds files and ``overwrite`` is not given, or cannot be written to.
    """
    check_output_folder(output, overwrite=overwrite)
    measurements = take_measurements(data)
    metrics = _metrics(data, measurements, command=command, title=title)
    metrics["left_out"] = dict(left_out or {})
    if data.provenance:
        metrics["provenance"] = dict(data.provenance)
    metrics["notes"] = list(notes)
    with (
        report_folder(output),
        tempfile.TemporaryDirectory(dir=output, prefix=".unfinished-") as name,
    ):
        _write(Path(name), data, measurements, metrics)
        for file, text in ((PREDICTIONS_FILE, predictions), (GALLERY_FILE, gallery)):
            if text is not None:
                (Path(name) / file).write_text(text, encoding="utf-8")
        _move(Path(name), output)
    return metrics


def _metrics(
    data: EvaluationData, measurements: Measurements, *, command: str, title: str
) -> dict[str, Any]:
    return {
        "format_version": FORMAT_VERSION,
        "command": command,
        "title": title,
        "notice": NOTICE,
        "n_images": len(data.y_true),
        "n_tumor": int(data.y_true.sum()),
        "n_groups": len(np.unique(data.groups)),
        "training_scans": _count_known(data),
        "operating_point": data.operating_point,
        "operating_points": {name: float(one) for name, one in data.operating_points.items()},
        "intervals": {"level": 0.95, "resamples": RESAMPLES, "unit": "group"},
        "calibration_bins": BINS,
        "classes": list(CLASSES),
        "tumor_types": list(TUMOR_TYPES),
        **measurements.to_dict(),
    }


def _count_known(data: EvaluationData) -> dict[str, int] | None:
    if data.is_copy is None or data.is_neighbor is None:
        return None
    copies = int(data.is_copy.sum())
    return {"copies": copies, "similar": int(data.is_neighbor.sum()) - copies}


def _write(
    folder: Path, data: EvaluationData, measurements: Measurements, metrics: dict[str, Any]
) -> None:
    document = Document(
        command=metrics["command"],
        title=metrics["title"],
        introduction=" ".join(
            [_introduction(data, left_out=len(metrics["left_out"])), *metrics["notes"]]
        ),
        tables=tuple(build_tables(measurements, thresholds=data.operating_points)),
        pictures=tuple(_draw(folder, data, measurements)),
    )
    for name, text in report_texts(document, {METRICS_FILE: metrics}).items():
        (folder / name).write_text(text, encoding="utf-8")


def _move(source: Path, output: Path) -> None:
    for name in reversed(REPORT_FILES):
        (output / name).unlink(missing_ok=True)
    for name in REPORT_FILES:
        if (source / name).exists():
            (source / name).replace(output / name)


def _introduction(data: EvaluationData, *, left_out: int) -> str:
    tumors = int(data.y_true.sum())
    missing = (
        f" {left_out} more rows could not be read and are left out; {METRICS_FILE} names them."
        if left_out
        else ""
    )
    return (
        f"{len(data.y_true)} images ({tumors} with tumor, {len(data.y_true) - tumors} without) of "
        f"{len(np.unique(data.groups))} independent groups: patients, or clusters of "
        "near-duplicates where the patient is unknown. Unless said otherwise an image is called "
        f"tumor at the operating point {data.operating_point!r}: probability >= "
        f"{data.threshold:.4f}.{missing}"
    )


def _draw(folder: Path, data: EvaluationData, measurements: Measurements) -> Iterator[Picture]:
    points = data.operating_points
    overall = measurements.overall
    if "roc_auc" in overall:
        path = folder / "roc.png"
        plot_roc(path, data.y_true, data.y_score, data.groups, thresholds=points)
        text = f"ROC curve with its 95 % band; AUROC {format_estimate(overall['roc_auc'])}"
        yield Picture(path, "ROC curve with 95 % band over groups", text)
    path = folder / "reliability.png"
    plot_reliability(path, measurements.reliability)
    error = format_estimate(overall["expected_calibration_error"])
    text = f"Reliability diagram; expected calibration error {error}"
    yield Picture(path, "Reliability, and images in each bin", text)
    path = folder / "scores.png"
    plot_scores(path, data.y_true, data.y_score, thresholds=points)
    text = "Histogram of the probability of tumor, for images with and without tumor"
    yield Picture(path, "Scores by class, with the operating points", text)
    yield from _draw_usefulness(folder, measurements)
    yield from _draw_confusions(folder, data, measurements)


def _draw_usefulness(folder: Path, measurements: Measurements) -> Iterator[Picture]:
    if not measurements.decision_curve:
        return
    path = folder / "decision_curves.png"
    clinic = f"Share of tumors {CLINIC_PREVALENCE:.0%}: an assumption"
    plot_decision_curves(
        path,
        {
            "Share of tumors of these images": measurements.decision_curve,
            clinic: measurements.clinic_curve,
        },
    )
    text = (
        "Net benefit of acting on the model's calls over the probability from which one acts, "
        "beside acting on everyone and on no one"
    )
    yield Picture(path, "Decision curves with 95 % bands over groups", text)
    path = folder / "predictive_values.png"
    plot_predictive_values(path, measurements.sections["operating_points"])
    text = (
        "Positive and negative predictive value, and false alarms for each tumor found, over the "
        "share of tumors among those tested, by operating point"
    )
    yield Picture(path, "What an answer means, over the share of tumors", text)


def _draw_confusions(
    folder: Path, data: EvaluationData, measurements: Measurements
) -> Iterator[Picture]:
    path = folder / "confusion.png"
    (hit, missed), (alarm, right) = measurements.confusion.tolist()
    names = [name.replace("_", " ") for name in CLASSES]
    plot_confusion(path, measurements.confusion, names, title=f"Calls at {data.operating_point!r}")
    text = (
        f"Of {hit + missed} tumors {hit} were called and {missed} missed; of {alarm + right} "
        f"tumor-free images {alarm} were called tumor and {right} not"
    )
    yield Picture(path, f"Calls at the operating point {data.operating_point!r}", text)
    if data.has_type.any():
        path = folder / "confusion_types.png"
        plot_confusion(path, measurements.type_confusion, TUMOR_TYPES, title="Tumor type")
        right = int(np.trace(measurements.type_confusion))
        text = f"Types of {measurements.type_confusion.sum()} tumors of known type, {right} right"
        yield Picture(path, "Tumor type, tumors of known type", text)
