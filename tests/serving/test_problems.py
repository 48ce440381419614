"""Every kind of refusal has one shape, and none says more than it should."""

from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tumorscope.answer import Failure
from tumorscope.errors import CorruptImageError, ImageTooLargeError, UnsupportedFormatError
from tumorscope.serving.http_api.base.problems import KINDS, RefusalError, refusal_of


@pytest.fixture
def failing(make_app: Callable[..., Flask]) -> FlaskClient:
    """Client of a service with a route for each problem, and one that crashes."""
    app = make_app()

    @app.get("/refuse/<kind>")
    def refuse(kind: str) -> None:
        raise RefusalError(kind, "what to do", retry_after=7)

    @app.get("/crash")
    def crash() -> None:
        raise ValueError("/home/jane/secret.dcm")

    return app.test_client()


@pytest.mark.parametrize("kind", KINDS)
def test_problem(failing: FlaskClient, kind: str) -> None:
    response = failing.get(f"/refuse/{kind}")
    status, title = KINDS[kind]
    assert response.status_code == status
    assert response.content_type == "application/problem+json"
    assert response.get_json() == {
        "type": f"urn:tumorscope:problem:{kind}",
        "title": title,
        "status": status,
        "detail": "what to do",
        "request_id": response.headers["X-Request-ID"],
        "retry_after": 7,
    }
    assert response.headers["Retry-After"] == "7"


def test_crash_says_nothing_of_itself(
    failing: FlaskClient, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    response = failing.get("/crash")
    assert response.status_code == 500
    for text in (response.get_data(as_text=True), *capfd.readouterr(), caplog.text):
        assert "secret" not in text
        assert "Traceback" not in text
    assert response.get_json()["type"].endswith(":internal")


@pytest.mark.parametrize("path", ["/api/v1/nothing", "/api/v1/jobs/unknown", "/api/v2/model"])
def test_unknown_address_is_not_found(client: FlaskClient, path: str) -> None:
    response = client.get(path)
    assert response.status_code == 404
    assert response.content_type == "application/problem+json"


@pytest.mark.parametrize(
    ("path", "method"),
    [("/api/v1/predictions", "GET"), ("/api/v1/predictions", "PUT"), ("/api/v1/jobs", "PUT")],
)
def test_wrong_method_names_the_right_ones(client: FlaskClient, method: str, path: str) -> None:
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert "POST" in response.headers["Allow"]


@pytest.mark.parametrize(
    ("errors", "kind"),
    [
        ([UnsupportedFormatError("a")], "unsupported-format"),
        ([ImageTooLargeError("a")], "too-large"),
        ([CorruptImageError("a")], "unusable-scan"),
        ([UnsupportedFormatError("a"), UnsupportedFormatError("b")], "unsupported-format"),
        ([UnsupportedFormatError("a"), ImageTooLargeError("b")], "unusable-scan"),
    ],
)
def test_failures_of_one_kind_give_that_kind(errors: list, kind: str) -> None:
    refusal = refusal_of([Failure(f"{n}.png", error) for n, error in enumerate(errors)])
    assert refusal.kind == kind
    assert [one["source"] for one in refusal.errors] == [f"{n}.png" for n in range(len(errors))]
