"""A training run in, a run of an MLflow tracking store out."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from tumorscope.errors import MissingExtraError, TumorscopeError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.recipes.provenance import read_run

# Read when mlflow is loaded: docs/decisions/0005. A dead server is told at once.
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "1")

try:
    from mlflow.entities import Metric, Param
    from mlflow.exceptions import MlflowException
    from mlflow.tracking import MlflowClient
except ModuleNotFoundError as missing:
    raise MissingExtraError(feature="Export to MLflow", extra="mlflow") from missing

IDENTITY_TAG: Final = "tumorscope.run_sha256"
WEIGHTS_NAME: Final = "weights.npz"

_PLACES: Final = ("manifest", "root", "weights")
"""Entries that say where files are, not which; their hashes are entries of their own."""

_BATCH: Final = 500
"""Metrics at a time; a server takes 1,000."""


def export_to_mlflow(
    run: Path,
    *,
    tracking_uri: str,
    experiment: str,
    evaluations: Sequence[Path] = (),
    with_weights: bool = False,
) -> tuple[str, bool]:
    """Log a run, or what is new of it since it was logged.

    Parameters
    ----------
    run
        Run folder.
    evaluations
        Report folders; their metrics over all images are logged under the name of the folder.

    Returns
    -------
    tuple of str and bool
        Identifier of the run in MLflow, and whether it is new there.

    Raises
    ------
    UsageError
        If the folder is no run with an epoch, or a report cannot be read.
    TumorscopeError
        If the tracking store cannot be used.
    """
    record = read_run(run)
    metrics = _history(run)
    for report in evaluations:
        metrics += _evaluation(report, taken={metric.key for metric in metrics})
    if with_weights and not (run / WEIGHTS_NAME).is_file():
        raise UsageError(f"{run} has no {WEIGHTS_NAME}; remove --weights.")
    try:
        client = MlflowClient(tracking_uri=tracking_uri)
        return _log(client, run, record, metrics, experiment, with_weights=with_weights)
    except (MlflowException, ModuleNotFoundError) as error:  # a database needs its own packages
        raise TumorscopeError(
            f"The MLflow tracking store cannot be used: {str(error).splitlines()[0]} Check "
            "--tracking-uri."
        ) from error


def identity(record: dict[str, Any]) -> str:
    """Return the hash by which a run is known, wherever its folder and files lie."""
    known = {name: value for name, value in record.items() if name not in _PLACES}
    if record["weights_sha256"] is None:
        known["weights"] = record["weights"]
    return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()


def _log(
    client: MlflowClient,
    run: Path,
    record: dict[str, Any],
    metrics: Sequence[Metric],
    experiment: str,
    *,
    with_weights: bool,
) -> tuple[str, bool]:
    sha256 = identity(record)
    place = _experiment(client, experiment)
    found = client.search_runs([place], filter_string=f"tags.`{IDENTITY_TAG}` = '{sha256}'")
    if found:
        run_id = found[0].info.run_id
    else:
        tags = _tags(record) | {IDENTITY_TAG: sha256}
        run_id = client.create_run(place, run_name=run.name, tags=tags).info.run_id
    client.log_batch(run_id, params=_params(record))
    known = {
        (key, one.step, one.value)
        for key in {metric.key for metric in metrics}
        for one in client.get_metric_history(run_id, key)
    }
    new = [one for one in metrics if (one.key, one.step, one.value) not in known]
    for start in range(0, len(new), _BATCH):
        client.log_batch(run_id, metrics=new[start : start + _BATCH])
    if with_weights and WEIGHTS_NAME not in {one.path for one in client.list_artifacts(run_id)}:
        client.log_artifact(run_id, str(run / WEIGHTS_NAME))
    client.set_terminated(run_id)
    return run_id, not found


def _experiment(client: MlflowClient, name: str) -> str:
    found = client.get_experiment_by_name(name)
    return str(client.create_experiment(name) if found is None else found.experiment_id)


def _params(record: dict[str, Any]) -> list[Param]:
    values = dict(record["config"])
    values |= {f"preprocessing.{name}": value for name, value in record["preprocessing"].items()}
    return [Param(name, str(value)) for name, value in values.items()]


def _tags(record: dict[str, Any]) -> dict[str, str]:
    tags = {
        "tumorscope.notice": NOTICE,
        "tumorscope.manifest_sha256": record["manifest_sha256"],
        "tumorscope.weights_sha256": record["weights_sha256"] or record["weights"],
        "mlflow.source.git.commit": record["commit"] or "",
    }
    tags |= {f"tumorscope.data.{name}": one["sha256"] for name, one in record["data"].items()}
    return tags | {f"tumorscope.version.{name}": one for name, one in record["versions"].items()}


def _history(run: Path) -> list[Metric]:
    path = run / "history.json"
    try:
        epochs = json.loads(path.read_text(encoding="utf-8"))
        time = int(path.stat().st_mtime * 1000)
    except (OSError, ValueError) as error:
        raise UsageError(f"{run} has no complete epoch yet: {path.name} cannot be read.") from error
    return [
        Metric(name, value, time, int(epoch["epoch"]))
        for epoch in epochs
        for name, value in epoch.items()
        if name != "epoch"
    ]


def _evaluation(report: Path, *, taken: set[str]) -> list[Metric]:
    path = report / "metrics.json"
    try:
        metrics = json.loads(path.read_text(encoding="utf-8"))["sections"]["overall"]["all images"]
        time = int(path.stat().st_mtime * 1000)
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UsageError(
            f"{report} is not a report of 'tumorscope evaluate': {path.name} cannot be read."
        ) from error
    found = [
        Metric(f"{report.resolve().name}/{name}{suffix}", one[key], time, 0)
        for name, one in metrics.items()
        for suffix, key in (("", "estimate"), ("_low", "low"), ("_high", "high"))
        if one[key] is not None
    ]
    if taken & {metric.key for metric in found}:
        raise UsageError(f"Two reports have the folder name {report.resolve().name!r}; rename one.")
    return found
