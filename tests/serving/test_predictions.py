"""Image requests: answers, places of errors, limits, what a full queue does."""

import base64
import io
import json
import threading
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.serving.made_requests import encode, form
from tumorscope.answer import Prediction
from tumorscope.imaging.limits import Limits
from tumorscope.model.classifier import Classifier

URL = "/api/v1/predictions"
WAIT_S = 120


def test_answers_stand_in_the_order_of_the_files(
    client: FlaskClient, png: bytes, plain_png: bytes
) -> None:
    response = client.post(URL, data=form(("a.png", png), ("b.png", plain_png)))
    assert response.status_code == 200
    answers = response.get_json()["predictions"]
    assert [(one["source"], one["outcome"]) for one in answers] == [
        ("a.png", "tumor"),
        ("b.png", "no_tumor"),
    ]
    assert "heatmap" not in answers[0]


def test_answer_is_the_one_that_python_gives(
    client: FlaskClient, tiny_model: Classifier, png: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(png)
    (expected,) = (one.to_dict() for one in tiny_model.predict_many([path]))
    (answer,) = client.post(URL, data=form(("a.png", png))).get_json()["predictions"]
    assert answer == expected | {"source": "a.png"}


def test_volume_is_answered_by_slice_and_as_a_series(
    client: FlaskClient, tiny_model: Classifier, volume: Callable[..., bytes], tmp_path: Path
) -> None:
    path = tmp_path / "v.nii"
    path.write_bytes(volume(9))
    expected = [one.to_dict() | {"source": "v.nii"} for one in tiny_model.predict_many([path])]
    answers = client.post(URL, data=form(("v.nii", volume(9)))).get_json()["predictions"]
    assert [one["kind"] for one in answers] == ["image"] * 9 + ["series"]
    assert answers[:9] == expected[:9]
    assert answers[9]["probabilities"] == pytest.approx(expected[9]["probabilities"], abs=1e-6)
    assert answers[9]["slices"] == 9


def test_archive_is_opened(client: FlaskClient, png: bytes) -> None:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("one.png", png)
        archive.writestr("notes.txt", "not a scan")
    answers = client.post(URL, data=form(("z.zip", buffer.getvalue()))).get_json()["predictions"]
    assert [one["source"] for one in answers] == ["z.zip/one.png"]


def test_unreadable_input_does_not_stop_the_others(client: FlaskClient, png: bytes) -> None:
    response = client.post(URL, data=form(("bad.dcm", b"no scan"), ("a.png", png)))
    assert response.status_code == 200
    error, answer = response.get_json()["predictions"]
    assert (error["kind"], error["source"]) == ("error", "bad.dcm")
    assert error["error"]["type"] == "unsupported-format"
    assert answer["outcome"] == "tumor"


def test_heatmap_is_a_picture_of_the_image_s_size(
    client: FlaskClient, make_head: Callable[..., np.ndarray]
) -> None:
    png = encode(make_head((120, 150), blob=(60, 60)))
    (answer,) = client.post(f"{URL}?heatmap=png", data=form(("a.png", png))).get_json()[
        "predictions"
    ]
    head, _, content = answer["heatmap"].partition(",")
    assert head == "data:image/png;base64"
    picture = np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))
    assert picture.shape == (120, 150, 3)
    # The blob is coloured, the head's other side is grey.
    assert np.ptp(picture[60, 60].astype(int)) > 50
    assert np.ptp(picture[60, 120].astype(int)) < 10


def test_operating_point_decides(client: FlaskClient, png: bytes) -> None:
    def outcome(point: str) -> str:
        response = client.post(f"{URL}?operating_point={point}", data=form(("a.png", png)))
        return response.get_json()["predictions"][0]["outcome"]

    assert (outcome("sensitive"), outcome("specific")) == ("tumor", "no_tumor")


def test_answer_says_what_decided(client: FlaskClient, png: bytes) -> None:
    def answer(query: str) -> dict[str, Any]:
        response = client.post(f"{URL}?{query}", data=form(("a.png", png)))
        return response.get_json()["predictions"][0]

    assert answer("")["operating_point"] == {"name": "balanced", "threshold": 0.5}
    strict = answer("threshold=0.9999")
    assert strict["operating_point"] == {"name": "custom", "threshold": 0.9999}
    assert (answer("threshold=0")["outcome"], strict["outcome"]) == ("tumor", "no_tumor")


@pytest.mark.parametrize(
    ("query", "word"),
    [
        ("operating_point=best", "balanced"),
        ("heatmap=jpg", "heatmap must be png"),
        ("threshold=2", "threshold must be a number from 0 to 1"),
        ("threshold=nan", "threshold"),
        ("threshold=0.5&operating_point=balanced", "not both"),
        ("operating_point=", "balanced"),
        ("heatmaps=png", "heatmap, operating_point"),
    ],
)
def test_query_that_is_not_understood_is_refused(
    client: FlaskClient, png: bytes, query: str, word: str
) -> None:
    response = client.post(f"{URL}?{query}", data=form(("a.png", png)))
    assert response.status_code == 400
    assert word in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"no scan at all", 415, "unsupported-format"),
        (b"", 422, "unusable-scan"),
    ],
)
def test_request_with_nothing_usable_is_refused(
    client: FlaskClient, content: bytes, status: int, kind: str
) -> None:
    response = client.post(URL, data=form(("a.png", content)))
    body = response.get_json()
    assert (response.status_code, body["type"]) == (status, f"urn:tumorscope:problem:{kind}")
    assert response.content_type == "application/problem+json"
    assert body["errors"][0]["source"] == "a.png"


def test_truncated_picture_is_unusable(client: FlaskClient, png: bytes) -> None:
    response = client.post(URL, data=form(("a.png", png[: len(png) // 2])))
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["error"]["type"] == "corrupt-image"


def test_constant_picture_is_unusable(client: FlaskClient) -> None:
    png = encode(np.full((64, 64), 7, np.uint8))
    response = client.post(URL, data=form(("a.png", png)))
    assert response.status_code == 422
    assert response.get_json()["errors"][0]["error"]["type"] == "image-content"


def test_body_over_the_limit_is_refused(make_app: Callable[..., Flask]) -> None:
    client = make_app(max_upload_bytes=1000).test_client()
    # Refused by its announced length: it need not be a form.
    response = client.post(
        URL, data=b"x" * 2_000_000, content_type="multipart/form-data; boundary=x"
    )
    assert response.status_code == 413
    assert response.get_json()["type"].endswith(":too-large")


def test_picture_over_the_limit_is_refused(
    make_app: Callable[..., Flask], make_head: Callable[..., np.ndarray]
) -> None:
    client = make_app(limits=Limits(max_pixels=10_000)).test_client()
    response = client.post(URL, data=form(("a.png", encode(make_head((200, 200))))))
    assert response.status_code == 413
    assert "10,000" in response.get_json()["detail"]


def test_more_files_than_allowed_are_refused(make_app: Callable[..., Flask], png: bytes) -> None:
    client = make_app(max_upload_files=2).test_client()
    assert client.post(URL, data=form(*[("a.png", png)] * 2)).status_code == 200
    assert client.post(URL, data=form(*[("a.png", png)] * 3)).status_code == 413


def test_more_slices_than_allowed_are_sent_to_jobs(
    make_app: Callable[..., Flask], volume: Callable[..., bytes]
) -> None:
    client = make_app(max_slices=8).test_client()
    assert client.post(URL, data=form(("v.nii", volume(8)))).status_code == 200
    response = client.post(URL, data=form(("v.nii", volume(9))))
    assert response.status_code == 413
    assert "/api/v1/jobs" in response.get_json()["detail"]


@pytest.mark.parametrize(
    ("kwargs", "status"),
    [
        ({"data": b"{}", "content_type": "application/json"}, 415),
        ({"data": {"picture": (io.BytesIO(b"x"), "a.png")}}, 400),
        ({"data": b"rubbish", "content_type": "multipart/form-data; boundary=x"}, 400),
        ({"data": b"rubbish", "content_type": "multipart/form-data"}, 400),
    ],
)
def test_body_without_files_is_refused(client: FlaskClient, kwargs: dict, status: int) -> None:
    response = client.post(URL, **kwargs)
    assert response.status_code == status
    assert "file" in response.get_json()["detail"]


class HeldModel:
    """Stands in for a classifier that takes its time: until it is let go."""

    def __init__(self, model: Classifier) -> None:
        self._model, self.free = model, threading.Event()
        self.threshold, self.identity = model.threshold, model.identity
        self.manifest = model.manifest

    def predict_scan(self, *arguments: object, **options: object) -> Prediction:
        assert self.free.wait(WAIT_S)
        return self._model.predict_scan(*arguments, **options)


def test_full_queue_refuses_at_once(
    make_app: Callable[..., Flask], tiny_model: Classifier, png: bytes
) -> None:
    model = HeldModel(tiny_model)
    app = make_app(classifier=model, max_in_flight=2, max_computing=1)
    admission = app.extensions["tumorscope"].admission

    def post() -> None:
        statuses.append(app.test_client().post(URL, data=form(("a.png", png))).status_code)

    statuses: list[int] = []
    threads = [threading.Thread(target=post) for _ in range(2)]
    for thread in threads:
        thread.start()
    while not admission.is_full:
        time.sleep(0.01)
    refused = app.test_client().post(URL, data=form(("a.png", png)))
    assert statuses == [], "the refusal has waited for an answer"
    model.free.set()
    for thread in threads:
        thread.join()
    assert refused.status_code == 429
    assert int(refused.headers["Retry-After"]) >= 1
    assert refused.get_json()["retry_after"] >= 1
    assert statuses == [200, 200]
    # The places are free again.
    assert app.test_client().post(URL, data=form(("a.png", png))).status_code == 200


class BrokenModel:
    """Stands in for a fault of ours that nobody foresaw."""

    def __init__(self, model: Classifier) -> None:
        self.threshold, self.identity = model.threshold, model.identity
        self.manifest = model.manifest

    def predict_scan(self, *_arguments: object, **_options: object) -> Prediction:
        raise RuntimeError("Jane Doe's scan is broken")


def test_unforeseen_error_is_an_answer_without_its_text(
    make_app: Callable[..., Flask], tiny_model: Classifier, png: bytes
) -> None:
    client = make_app(classifier=BrokenModel(tiny_model)).test_client()
    response = client.post(URL, data=form(("a.png", png)))
    assert response.status_code == 422
    assert "Jane" not in json.dumps(response.get_json())
