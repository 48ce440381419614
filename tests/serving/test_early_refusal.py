"""What is refused before Flask sees it, against what Flask would have answered."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from flask import Flask

from tests.serving.made_requests import form
from tumorscope.serving.http_api.base import metrics
from tumorscope.serving.http_api.edge import early_refusal
from tumorscope.serving.http_api.jobs.service import EXTENSION

URL = "/api/v1/predictions"
REQUEST_ID = "5b9ff0b4-2f0e-4ed6-9a4a-0d3c8f7f1a11"


@contextmanager
def full(app: Flask) -> Iterator[None]:
    """Take the only place."""
    with app.extensions[EXTENSION].admission.enter():
        yield


@contextmanager
def without_early_refusal(app: Flask) -> Iterator[None]:
    early = app.wsgi_app
    app.wsgi_app = early._app
    yield
    app.wsgi_app = early


def post(app: Flask, png: bytes, **headers: str):
    headers = {"X-Request-ID": REQUEST_ID} | headers
    return app.test_client().post(URL, data=form(("a.png", png)), headers=headers)


def refusals() -> float:
    return metrics.REQUESTS.labels(URL, "POST", 429)._value.get()


def test_it_says_what_the_application_says(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app(max_in_flight=1)
    with full(app):
        with without_early_refusal(app):
            late = post(app, png)
        early = post(app, png)
    assert late.status == early.status == "429 TOO MANY REQUESTS"
    assert late.get_json() == early.get_json()
    assert sorted(late.headers) == sorted(early.headers)


def test_it_is_counted_and_logged(
    make_app: Callable[..., Flask], png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, before = make_app(max_in_flight=1), refusals()
    with full(app):
        post(app, png)
        assert refusals() == before + 1
        # Flask is asked no more: a broken one would answer otherwise.
        monkeypatch.setattr(app.wsgi_app._app, "_app", lambda *_: pytest.fail("Flask was asked"))
        assert post(app, png).status_code == 429
    assert refusals() == before + 2


def test_the_body_is_read_to_keep_the_connection(
    make_app: Callable[..., Flask], png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    app, left = make_app(max_in_flight=1), []
    skip = early_refusal.skip_body

    def watched(environ, config) -> None:
        skip(environ, config)
        left.append(environ["wsgi.input"].read())

    monkeypatch.setattr(early_refusal, "skip_body", watched)
    with full(app):
        post(app, png)
    assert left == [b""]


@pytest.mark.parametrize(
    ("headers", "status"),
    [({}, 401), ({"X-API-Key": "ts_wrong"}, 401), ({"X-API-Key": "ts_known"}, 429)],
)
def test_a_stranger_is_not_told_how_busy_it_is(
    make_app: Callable[..., Flask],
    key_file: Callable[..., Path],
    png: bytes,
    headers: dict[str, str],
    status: int,
) -> None:
    app = make_app(max_in_flight=1, api_keys=key_file("ts_known"))
    with full(app):
        assert post(app, png, **headers).status_code == status


def test_all_else_is_answered(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app(max_in_flight=1)
    with full(app):
        client = app.test_client()
        assert client.get("/healthz").status_code == 200
        assert client.get(URL).status_code == 405
        assert client.post("/api/v1/jobs", data=form(("a.png", png))).status_code == 202
    assert post(app, png).status_code == 200
