"""``POST /api/v1/predictions``: images that are answered within the request."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
from flask import Blueprint
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import FileStorage

from tumorscope.answer import Answer, Failure, Prediction
from tumorscope.imaging.inputs.sources import expand_content
from tumorscope.imaging.png import encode_png
from tumorscope.imaging.scan import Scan
from tumorscope.model.classifier import Classifier, SeriesCollector
from tumorscope.serving.http_api.base.problems import RefusalError, json_response, refusal_of
from tumorscope.serving.http_api.edge.auditing import note_answers
from tumorscope.serving.http_api.edge.uploads import clean_name, read_files
from tumorscope.serving.http_api.jobs.answering import answer_scan, listed, read_scans
from tumorscope.serving.http_api.jobs.service import Service, current_service
from tumorscope.serving.http_api.schemas.openapi import Answered, describe, parse_query
from tumorscope.serving.http_api.schemas.shapes import PredictionList, PredictionQuery, Upload

blueprint = Blueprint("predictions", __name__)

_HEATMAP_SIDE: Final = 2048
"""Pixels; more than screens have, and larger pictures would take seconds to encode."""


@blueprint.post("/predictions")
@describe(
    "createPredictions",
    Answered(PredictionList),
    tag="predictions",
    query=PredictionQuery,
    form=Upload,
    problems=(
        "upload-timeout",
        "too-large",
        "unsupported-format",
        "unusable-scan",
        "too-busy",
    ),
)
def create_predictions() -> ResponseReturnValue:
    """Classify images.

    Inputs that cannot be read are answered in their place with ``"kind": "error"``; only if all
    are, the request itself is refused. Nothing of an upload touches the disk. A service that is
    full refuses at once and says in ``Retry-After`` when to come back.
    """
    query = parse_query(PredictionQuery)
    service = current_service()
    classifier = service.classifier_for(query)
    heatmap = query.heatmap == "png"
    with service.admission.enter():
        files = read_files(
            service.config,
            max_bytes=service.config.max_upload_bytes,
            max_files=service.config.max_upload_files,
        )
        answers = _answers(service, classifier, files, heatmap=heatmap)
        # Turned one by one, so that pixels are held of one answer only.
        predictions, failures, studies = [], [], set[str | None]()
        for answer in answers:
            predictions.append(_to_dict(answer))
            studies.add(getattr(answer, "study_instance_uid", None))
            if isinstance(answer, Failure):
                failures.append(answer)
    note_answers(predictions, studies)
    if len(failures) == len(predictions):
        raise refusal_of(failures)
    return json_response({"predictions": predictions})


def _answers(
    service: Service, classifier: Classifier, files: list[FileStorage], *, heatmap: bool
) -> Iterator[Answer]:
    collector = SeriesCollector(classifier)
    for item in _scans(service, files):
        if isinstance(item, Failure):
            yield item
            continue
        answer = answer_scan(classifier, item, heatmap=heatmap, admission=service.admission)
        collector.add(item.series_uid, answer)
        yield answer
    yield from collector.answers()


def _scans(service: Service, files: list[FileStorage]) -> Iterator[Scan | Failure]:
    config, room = service.config, service.config.max_slices
    for file in files:
        name, content = clean_name(file.filename), file.stream.read()
        sources = listed(expand_content(name, content, config.limits), name)
        for source in sources:
            scans = read_scans(source, limits=config.limits, admission=service.admission)
            if isinstance(scans, Failure):
                yield scans
                room -= 1
                continue
            room -= len(scans)
            if room < 0:
                raise RefusalError(
                    "too-large",
                    f"One request may contain at most {config.max_slices} slices; send more as a "
                    "job to /api/v1/jobs.",
                )
            yield from scans


def _to_dict(answer: Answer) -> dict[str, Any]:
    values = answer.to_dict()
    if isinstance(answer, Prediction) and answer.evidence is not None:
        values["heatmap"] = _data_uri(answer)
    return values


def _data_uri(answer: Prediction) -> str:
    picture = answer.overlay()
    picture.thumbnail((_HEATMAP_SIDE, _HEATMAP_SIDE))
    return "data:image/png;base64," + base64.b64encode(encode_png(np.asarray(picture))).decode()
