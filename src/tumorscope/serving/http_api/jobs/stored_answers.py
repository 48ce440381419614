"""Stored answers back into what the model's series rule takes."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from tumorscope.answer import Failure, ModelIdentity, Prediction, unknown_sequence
from tumorscope.errors import CorruptImageError
from tumorscope.imaging.scan import SliceMember
from tumorscope.model.classifier import SeriesCollector
from tumorscope.operating_point import OperatingPoint
from tumorscope.serving.http_api.jobs.job_store import StoredAnswer


def collect_series(collector: SeriesCollector, answers: Iterable[StoredAnswer]) -> None:
    """Give the answers of a job, which may have been made by several processes, to a collector."""
    for one in answers:
        if one.series_uid is not None:
            collector.add(one.series_uid, _restore(one))


def audited(answers: Iterable[StoredAnswer]) -> tuple[list[dict[str, Any]], set[str | None]]:
    """Return what the audit log is told of answers: the JSON objects, and the studies."""
    listed = list(answers)
    return [one.answer for one in listed], {
        (one.view or {}).get("study_instance_uid") for one in listed
    }


def are_of_other_model(
    answers: Iterable[StoredAnswer], model: ModelIdentity, point: OperatingPoint
) -> bool:
    """Tell whether another model, or another threshold, gave some of the answers of a job.

    So it is when a service comes back with a new model, or in a new version.
    """
    wanted = {"model": model.to_dict(), "operating_point": point.to_dict()}
    return any(
        one.answer["kind"] != "error" and {name: one.answer.get(name) for name in wanted} != wanted
        for one in answers
    )


def store_member(member: SliceMember | None) -> str | None:
    """Return as text what tells a slice from the others of its series."""
    return None if member is None else msgspec.json.encode(member).decode()


def _restore(stored: StoredAnswer) -> Prediction | Failure:
    values = stored.answer
    if values["kind"] == "error":
        # Only counted by the collector.
        return Failure(values["source"], CorruptImageError(""), values["slice_index"])
    view = stored.view or {}
    return Prediction(
        source=values["source"],
        outcome=values["outcome"],
        probabilities=values["probabilities"],
        type_probabilities=values["type_probabilities"],
        prediction_set=tuple(values["prediction_set"]),
        reasons=tuple(values["reasons"]),
        localization=None,
        model=ModelIdentity(**values["model"]),
        operating_point=OperatingPoint(**values["operating_point"]),
        slice_index=values["slice_index"],
        sop_instance_uid=values["sop_instance_uid"],
        series_instance_uid=values.get("series_instance_uid"),
        study_instance_uid=view.get("study_instance_uid"),
        series_key=stored.series_uid,
        position_mm=stored.position_mm,
        series_description=view.get("series_description"),
        member=None
        if stored.member is None
        else msgspec.json.decode(stored.member, type=SliceMember),
        sequence=values.get("sequence") or unknown_sequence(),
        plane=values.get("plane"),
        notes=tuple(values.get("notes", ())),
    )
