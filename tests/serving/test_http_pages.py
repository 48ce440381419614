"""The page, the card, the samples, health and metrics."""

import io
import math
import shutil
import time
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image

from tests.serving.made_requests import form
from tumorscope.imaging.inputs.read import decode
from tumorscope.labels import NOTICE
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.model.conformal import Conformal
from tumorscope.serving.http_api.routes import health


@pytest.fixture
def built(make_app: Callable[..., Flask], tmp_path: Path) -> FlaskClient:
    """Client of a service with a built page."""
    static = tmp_path / "static"
    (static / "assets").mkdir(parents=True)
    (static / "index.html").write_text("<!doctype html><title>page</title>")
    (static / "assets" / "index-abc123.js").write_text("export {}")
    (static / "favicon.svg").write_text("<svg/>")
    (tmp_path / "secret.txt").write_text("secret")
    return make_app(static=static).test_client()


@pytest.mark.parametrize("path", ["/", "/index.html"])
def test_page_is_served(built: FlaskClient, path: str) -> None:
    with built.get(path) as response:
        assert response.status_code == 200
        assert b"<title>page</title>" in response.data
        assert response.headers["Cache-Control"] == "no-cache"


def test_hashed_files_are_kept_by_browsers(built: FlaskClient) -> None:
    with built.get("/assets/index-abc123.js") as response:
        assert response.mimetype in ("text/javascript", "application/javascript")
        assert "immutable" in response.headers["Cache-Control"]
    with built.get("/favicon.svg") as response:
        assert response.headers["Cache-Control"] == "no-cache"


@pytest.mark.parametrize(
    "path",
    [
        "/assets/gone.js",
        "/worklist",
        "/cases/3",
        "/assets",
        "/assets/",
        "/api/v1",
        "/../secret.txt",
        "/%2e%2e/secret.txt",
        "/assets/../../secret.txt",
    ],
)
def test_nothing_else_is_served(built: FlaskClient, path: str) -> None:
    with built.get(path) as response:
        assert response.status_code == 404
        assert b"secret" not in response.data


def test_unknown_address_is_told_to_programs_and_to_people(client: FlaskClient) -> None:
    told = client.get("/worklist")
    assert (told.status_code, told.mimetype) == (404, "application/problem+json")
    browser = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
    shown = client.get("/worklist", headers=browser)
    assert (shown.status_code, shown.mimetype) == (404, "text/html")
    assert "Content-Security-Policy" in shown.headers
    api = client.get("/api/v1/nothing", headers=browser)
    assert (api.status_code, api.mimetype) == (404, "application/problem+json")


def test_unbuilt_page_says_how_to_build_it(client: FlaskClient) -> None:
    response = client.get("/")
    assert response.status_code == 200
    assert "make web" in response.text
    assert NOTICE in response.text


def test_card(client: FlaskClient) -> None:
    card = client.get("/api/v1/model").get_json()
    assert card["model"]["id"] == "tiny"
    assert card["operating_points"] == {"balanced": 0.5, "sensitive": 0.05, "specific": 0.9999}
    assert card["default_operating_point"] == "balanced"
    assert card["notice"] == NOTICE
    assert card["limits"]["upload_files"] == 64


def test_card_without_sets_and_input_check(client: FlaskClient) -> None:
    card = client.get("/api/v1/model").get_json()
    assert card["conformal"] is None
    assert card["input_check"] is None


def test_card_of_a_model_that_calls_nothing_a_tumor(
    make_app: Callable[..., Flask], make_checked: Callable[..., Artifact]
) -> None:
    never = math.nextafter(1, 2)
    artifact = make_checked(operating_points={"balanced": 0.5, "rule_in": never})
    client = make_app(classifier=Classifier(artifact, threads=1)).test_client()
    assert client.get("/api/v1/model").get_json()["operating_points"]["rule_in"] == never


SHARE = {"estimate": 0.9, "low": 0.8, "high": 1.0, "n_images": 40}


@pytest.mark.parametrize(
    ("sections", "rejected", "of_brains"),
    [
        (
            {
                "rejection": {"hand": {"rejected": SHARE | {"method": "bootstrap"}}},
                "abstention": {"all images": {"abstained": SHARE, "rejected": SHARE}},
            },
            {"hand": SHARE},
            SHARE,
        ),
        ({}, {}, None),
        ({"rejection": {"hand": {"rejected": "often"}}, "abstention": []}, {}, None),
    ],
)
def test_card_tells_sets_and_input_check(
    make_app: Callable[..., Flask],
    make_checked: Callable[..., Artifact],
    sections: dict[str, Any],
    rejected: dict[str, Any],
    of_brains: dict[str, Any] | None,
) -> None:
    artifact = make_checked(
        conformal=Conformal(coverage=0.95, tumor=0.3, no_tumor=0.4),
        card={"evaluation": {"sections": sections}},
    )
    classifier = Classifier(artifact, threads=1)
    card = make_app(classifier=classifier).test_client().get("/api/v1/model").get_json()
    assert card["conformal"] == {"coverage": 0.95, "tumor": 0.3, "no_tumor": 0.4}
    assert card["input_check"] == {
        "kind": "mahalanobis",
        "threshold": 150.0,
        "rejected": rejected,
        "rejected_brain_mr": of_brains,
    }


def test_samples_can_be_read(client: FlaskClient) -> None:
    samples = client.get("/api/v1/samples").get_json()["samples"]
    assert {one["kind"] for one in samples} == {"image", "series"}
    for sample in samples:
        response = client.get(sample["url"])
        assert response.mimetype == sample["media_type"]
        scans = decode(response.data, sample["file_name"])
        assert (len(scans) > 1) == (sample["kind"] == "series")


def test_series_sample_is_upright(client: FlaskClient) -> None:
    image, _, series = client.get("/api/v1/samples").get_json()["samples"]
    slices = decode(client.get(series["url"]).data, "s.nii")
    with Image.open(io.BytesIO(client.get(image["url"]).data)) as picture:
        assert slices[0].pixels.shape == picture.size[::-1]
    middle = slices[len(slices) // 2]
    assert middle.plane == "axial"
    # The lesion of the phantom lies in its upper right quarter.
    half = middle.pixels.shape[0] // 2
    difference = abs(middle.pixels - slices[0].pixels)
    assert difference[:half, half:].mean() > 1.5 * difference[half:, :half].mean()


def test_unknown_sample_is_not_found(client: FlaskClient) -> None:
    response = client.get("/api/v1/samples/patient")
    assert response.status_code == 404
    assert "with-lesion" in response.get_json()["detail"]


def test_health(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}
    assert client.get("/readyz").get_json() == {"status": "ready"}


def test_stopping_service_is_not_ready(make_app: Callable[..., Flask]) -> None:
    app = make_app()
    app.extensions["tumorscope"].runner.stop()
    response = app.test_client().get("/readyz")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert app.test_client().get("/healthz").status_code == 200


def test_full_disk_is_not_ready(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_FREE_BYTES", 2**63)
    assert client.get("/readyz").status_code == 503


def test_service_whose_spool_is_gone_is_not_ready(client: FlaskClient, tmp_path: Path) -> None:
    shutil.rmtree(tmp_path / "spool")
    assert client.get("/readyz").status_code == 503


def test_metrics_tell_how_things_stand(
    make_app: Callable[..., Flask], png: bytes, tmp_path: Path
) -> None:
    app = make_app()
    client = app.test_client()
    idle = client.get("/metrics").text
    assert "tumorscope_queue_depth 0.0" in idle
    assert "tumorscope_oldest_job_seconds 0.0" in idle
    app.extensions["tumorscope"].runner.stop()
    client.post("/api/v1/jobs", data=form(("a.png", png)))
    time.sleep(0.1)
    lines = client.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    assert values["tumorscope_queue_depth"] == "1.0"
    assert values['tumorscope_jobs_kept{state="queued"}'] == "1.0"
    assert 0.1 <= float(values["tumorscope_oldest_job_seconds"]) < 60
    free = float(values["tumorscope_spool_free_bytes"])
    assert 0 < free <= float(values["tumorscope_spool_size_bytes"])
    (model,) = [name for name in values if name.startswith("tumorscope_model_info")]
    identity = client.get("/api/v1/model").get_json()["model"]
    assert all(f'{key}="{value}"' in model for key, value in identity.items())
    (build,) = [name for name in values if name.startswith("tumorscope_build_info")]
    assert f'version="{version("tumorscope")}"' in build
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))


def test_metrics_count_answers(client: FlaskClient, png: bytes) -> None:
    def value(name: str) -> float:
        lines = client.get("/metrics").text.splitlines()
        return sum(float(line.split()[-1]) for line in lines if line.startswith(name))

    tumors = 'tumorscope_answers_total{outcome="tumor"}'
    posts = 'tumorscope_requests_total{method="POST",route="/api/v1/predictions"'
    before = value(tumors), value(posts)
    client.post("/api/v1/predictions", data=form(("Jane.png", png)))
    assert (value(tumors), value(posts)) == (before[0] + 1, before[1] + 1)
    assert "Jane" not in client.get("/metrics").text
