"""A report folder: numbers for machines, tables and pictures for people."""

from __future__ import annotations

import base64
import html
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.evaluation.arrays import check_arrays, check_binary
from tumorscope.evaluation.calibration import BINS, brier_score, expected_calibration_error
from tumorscope.evaluation.discrimination import RANKING, Floats, at_threshold
from tumorscope.evaluation.intervals import Estimate, bootstrap, bootstrap_mean
from tumorscope.evaluation.plots import (
    plot_confusion,
    plot_reliability,
    plot_roc,
    plot_scores,
    plot_type_confusion,
)
from tumorscope.evaluation.subgroups import by_subgroup, macro
from tumorscope.labels import NOTICE, TUMOR_TYPES

Estimates = dict[str, Estimate]
UNKNOWN_TYPE: Final = -1

_COLUMNS: Final = {
    "roc_auc": "AUROC",
    "average_precision": "average precision",
    "sensitivity": "sensitivity",
    "specificity": "specificity",
    "accuracy": "accuracy",
}


@dataclass(frozen=True, slots=True, eq=False)
class EvaluationData:
    """Answers and truth of one split, as arrays of length n.

    Attributes
    ----------
    y_true
        1 tumor, 0 no tumor.
    y_score
        Calibrated probability of tumor.
    groups
        Unit of independence.
    set, site, sequence, plane, type
        Subgroups; ``unknown`` where nothing is known.
    type_prob, type_true
        Probabilities (n, 3) and index of the tumor type, -1 where unknown.
    operating_point, operating_points
        Name of the one in use, and all thresholds.
    peak_inside, dice
        Whether the peak of the evidence lies in the mask, and the overlap with it; NaN where
        there is no tumor mask.
    """

    y_true: NDArray[np.int_]
    y_score: Floats
    groups: NDArray[np.str_]
    set: NDArray[np.str_]
    site: NDArray[np.str_]
    sequence: NDArray[np.str_]
    plane: NDArray[np.str_]
    type: NDArray[np.str_]
    type_prob: Floats
    type_true: NDArray[np.int_]
    operating_point: str
    operating_points: dict[str, float]
    peak_inside: Floats
    dice: Floats

    @property
    def threshold(self) -> float:
        """Probability from which an image is called tumor."""
        return self.operating_points[self.operating_point]

    @property
    def called(self) -> NDArray[np.bool_]:
        """Whether each image is called tumor."""
        return self.y_score >= self.threshold


def build_report(
    data: EvaluationData,
    *,
    controls: Mapping[str, Estimates],
    output: Path,
    command: str,
    title: str,
    overwrite: bool = False,
) -> dict[str, Any]:
    """Measure and write ``metrics.json``, ``report.md``, ``report.html`` and the plots.

    Parameters
    ----------
    data
        Answers and truth.
    controls
        Metrics of the trivial controls on the same images.
    output
        Report folder.
    command
        The command that makes the report; its first line.

    Returns
    -------
    dict
        The content of ``metrics.json``.

    Raises
    ------
    UsageError
        If the folder holds files and ``overwrite`` is not given.
    """
    check_arrays(y_true=data.y_true, y_score=data.y_score, groups=data.groups, set=data.set)
    check_binary(data.y_true)
    if output.exists() and any(output.iterdir()) and not overwrite:
        raise UsageError(f"{output} is not empty; add --overwrite or give another folder.")
    output.mkdir(parents=True, exist_ok=True)
    tables = measure(data)
    tables["controls"] = dict(controls)
    metrics = _as_json(data, tables, command)
    (output / "metrics.json").write_text(json.dumps(metrics, indent=1) + "\n", encoding="utf-8")
    plots = _plot(data, output)
    lines = list(_markdown(data, tables, command=command, title=title, plots=plots))
    (output / "report.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    page = _html(data, tables, command=command, title=title, plots=[output / p for p in plots])
    (output / "report.html").write_text(page, encoding="utf-8")
    return metrics


def measure(data: EvaluationData) -> dict[str, dict[str, Estimates]]:
    """Return every table of the report: title, then row, then metric."""
    metrics = {
        **RANKING,
        **at_threshold(data.threshold),
        "expected_calibration_error": expected_calibration_error,
        "brier_score": brier_score,
    }
    tables = {"overall": {"all": bootstrap(metrics, data.y_true, data.y_score, data.groups)}}
    for name in ("set", "site", "sequence", "plane"):
        tables[name] = by_subgroup(
            getattr(data, name), data.y_true, data.y_score, data.groups, threshold=data.threshold
        )
    tumor = data.y_true == 1
    tables["type"] = by_subgroup(
        data.type[tumor],
        data.y_true[tumor],
        data.y_score[tumor],
        data.groups[tumor],
        threshold=data.threshold,
    )
    tables["tumor type"] = {"type head": _type_accuracy(data)}
    tables["localization"] = {"evidence map": _localization(data)}
    return tables


def _type_accuracy(data: EvaluationData) -> Estimates:
    known = data.type_true != UNKNOWN_TYPE
    hit = data.type_prob.argmax(axis=1) == data.type_true
    found = {"accuracy": bootstrap_mean(_nan_where(hit, ~known), data.groups)}
    for index, name in enumerate(TUMOR_TYPES):
        of_type = known & (data.type_true == index)
        found[f"sensitivity for {name}"] = bootstrap_mean(_nan_where(hit, ~of_type), data.groups)
    return found


def _localization(data: EvaluationData) -> Estimates:
    hits = ~data.called
    return {
        "peak inside the mask, true positives": bootstrap_mean(
            _nan_where(data.peak_inside, hits), data.groups
        ),
        "Dice, true positives": bootstrap_mean(_nan_where(data.dice, hits), data.groups),
        "Dice, all with a mask": bootstrap_mean(data.dice, data.groups),
    }


def _nan_where(values: NDArray[Any], left_out: NDArray[np.bool_]) -> Floats:
    return np.where(left_out, np.nan, values.astype(np.float64))


def _as_json(
    data: EvaluationData, tables: Mapping[str, Mapping[str, Estimates]], command: str
) -> dict[str, Any]:
    return {
        "command": command,
        "notice": NOTICE,
        "operating_point": data.operating_point,
        "operating_points": data.operating_points,
        "images": len(data.y_true),
        "groups": len(np.unique(data.groups)),
        "bins": BINS,
        "macro_over_sets": {name: _none_for_nan(macro(tables["set"], name)) for name in _COLUMNS},
        "tables": {
            title: {
                row: {name: estimate.to_dict() for name, estimate in estimates.items()}
                for row, estimates in rows.items()
            }
            for title, rows in tables.items()
        },
    }


def _none_for_nan(value: float) -> float | None:
    return None if math.isnan(value) else value


def _plot(data: EvaluationData, output: Path) -> list[str]:
    names = ["reliability.png", "confusion.png", "scores.png"]
    plot_reliability(output / names[0], data.y_true, data.y_score)
    plot_confusion(output / names[1], data.y_true, data.called)
    plot_scores(output / names[2], data.y_true, data.y_score, data.operating_points)
    if len(np.unique(data.y_true)) == 2:
        names.insert(0, "roc.png")
        plot_roc(output / "roc.png", data.y_true, data.y_score, data.groups, data.threshold)
    known = data.type_true != UNKNOWN_TYPE
    if known.any():
        names.append("type_confusion.png")
        plot_type_confusion(
            output / "type_confusion.png",
            data.type_true[known],
            data.type_prob[known].argmax(axis=1),
        )
    return names


def _tables(
    tables: Mapping[str, Mapping[str, Estimates]],
) -> Iterator[tuple[str, list[str], list[list[str]]]]:
    """Yield title, header and rows of each table of the report."""
    overall = tables["overall"]["all"]
    yield (
        "All images",
        ["metric", "estimate [95 % interval]", "images", "groups"],
        [
            [name.replace("_", " "), str(one), str(one.images), str(one.groups)]
            for name, one in overall.items()
        ],
    )
    for title in ("set", "site", "sequence", "plane", "type", "controls"):
        if tables[title]:
            header = [title, *_COLUMNS.values(), "images", "groups"]
            yield (
                f"By {title}" if title != "controls" else "Trivial controls",
                header,
                [
                    [row, *(str(found[name]) for name in _COLUMNS), *_counts(found)]
                    for row, found in tables[title].items()
                ],
            )
    for title in ("tumor type", "localization"):
        for found in tables[title].values():
            yield (
                title.capitalize(),
                ["metric", "estimate [95 % interval]", "images", "groups"],
                [[name, str(one), str(one.images), str(one.groups)] for name, one in found.items()],
            )


def _counts(found: Estimates) -> tuple[str, str]:
    return str(found["accuracy"].images), str(found["accuracy"].groups)


def _introduction(data: EvaluationData) -> str:
    return (
        f"{len(data.y_true)} images of {len(np.unique(data.groups))} independent groups "
        "(patients, or clusters of near-duplicates where the patient is unknown). Intervals: "
        "95 %, bootstrap over groups. Decisions at the operating point "
        f"'{data.operating_point}', probability >= {data.threshold:.4f}. Calibration error: "
        f"{BINS} equal-width bins. A dash: cannot be measured on these images."
    )


def _markdown(
    data: EvaluationData,
    tables: Mapping[str, Mapping[str, Estimates]],
    *,
    command: str,
    title: str,
    plots: list[str],
) -> Iterator[str]:
    yield from (f"    {command}", "", f"# {title}", "", NOTICE, "", _introduction(data), "")
    for name, header, rows in _tables(tables):
        yield from (f"## {name}", "", f"| {' | '.join(header)} |")
        yield "|" + "---|" * len(header)
        yield from (f"| {' | '.join(row)} |" for row in rows)
        yield ""
    yield from (f"![{Path(plot).stem}]({plot})" for plot in plots)


def _html(
    data: EvaluationData,
    tables: Mapping[str, Mapping[str, Estimates]],
    *,
    command: str,
    title: str,
    plots: list[Path],
) -> str:
    body = [
        f"<h1>{html.escape(title)}</h1>",
        f"<p><strong>{NOTICE}</strong></p>",
        f"<pre>{html.escape(command)}</pre>",
        f"<p>{html.escape(_introduction(data))}</p>",
    ]
    for name, header, rows in _tables(tables):
        cells = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in header)
        lines = "".join(
            "<tr>" + "".join(f"<td>{html.escape(text)}</td>" for text in row) + "</tr>"
            for row in rows
        )
        body.append(f"<h2>{html.escape(name)}</h2><table><tr>{cells}</tr>{lines}</table>")
    for plot in plots:
        content = base64.b64encode(plot.read_bytes()).decode()
        label = plot.stem.replace("_", " ")
        body.append(f'<img alt="{label}" src="data:image/png;base64,{content}">')
    style = (
        "body{font:16px/1.5 system-ui,sans-serif;max-width:70rem;margin:2rem auto;padding:0 1rem}"
        "table{border-collapse:collapse;margin:1rem 0}"
        "th,td{border-bottom:1px solid #ccc;padding:.3rem .6rem;text-align:left}"
        "img{max-width:100%}pre{background:#f4f4f4;padding:.6rem;overflow-x:auto}"
    )
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(title)}</title>'
        f"<style>{style}</style><main>{''.join(body)}</main></html>\n"
    )
