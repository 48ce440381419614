"""Jobs through the door: progress, answers, pictures, deletion."""

import io
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import EnvironBuilder, run_wsgi_app

from tests.serving.made_requests import JOB_S, form, wait_for_job
from tests.serving.made_scans import dicom_dataset, write_dicom
from tumorscope.serving.http_api.jobs import answering

URL = "/api/v1/jobs"


def create(client: FlaskClient, *files: tuple[str, bytes], query: str = "") -> str:
    response = client.post(URL + query, data=form(*files))
    assert response.status_code == 202, response.get_json()
    assert response.headers["Location"] == f"{URL}/{response.get_json()['id']}"
    return response.headers["Location"]


def test_answers_are_those_of_an_image_request(
    client: FlaskClient, volume: Callable[..., bytes], png: bytes
) -> None:
    files = (("patient/v.nii", volume(9)), ("bad.png", b"no scan"), ("a.png", png))
    expected = client.post("/api/v1/predictions", data=form(*files)).get_json()["predictions"]
    body = wait_for_job(client, create(client, *files))
    assert body["predictions"] == expected
    assert [one["kind"] for one in expected] == ["image"] * 9 + ["error", "image", "series"]
    assert body["progress"] == {"files": 3, "files_done": 3, "slices_done": 11, "failed": 1}
    assert body["next"] == 12


def test_finished_job_can_be_fetched_again(client: FlaskClient, png: bytes) -> None:
    path = create(client, ("a.png", png))
    first = wait_for_job(client, path)
    assert first["predictions"]
    for _ in range(3):
        with client.get(path) as response:
            assert response.get_json() == first
    kept = datetime.fromisoformat(first["expires"]) - datetime.fromisoformat(first["created"])
    assert 3600 <= kept.total_seconds() < 3600 + JOB_S
    assert client.delete(path).status_code == 204
    assert client.get(path).status_code == 404


def test_time_of_results_is_an_option(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app(keep_results_s=0.2)
    client = app.test_client()
    path = create(client, ("a.png", png))
    wait_for_job(client, path)
    time.sleep(0.3)
    app.extensions["tumorscope"].store.sweep()
    assert client.get(path).status_code == 404
    assert client.get("/api/v1/model").get_json()["limits"]["keep_seconds"] == 0


def test_fetched_job_is_gone_where_nothing_is_kept(
    make_app: Callable[..., Flask], png: bytes, tmp_path: Path
) -> None:
    client = make_app(keep_results_s=0).test_client()
    path = create(client, ("Jane_Doe.png", png))
    wait_for_job(client, path)
    assert client.get(path).status_code == 404
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []
    kept = b"".join(one.read_bytes() for one in (tmp_path / "spool").rglob("*") if one.is_file())
    assert b"Jane" not in kept
    assert png[:64] not in kept


def test_answer_that_was_not_taken_is_kept(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app(keep_results_s=0)
    path = create(app.test_client(), ("a.png", png))
    while app.extensions["tumorscope"].store.load()[0]:
        time.sleep(0.01)
    environ = EnvironBuilder(path=path, base_url="http://127.0.0.1/").get_environ()
    chunks, _, _ = run_wsgi_app(app, environ, buffered=False)
    next(iter(chunks))
    chunks.close()  # what a server does when the client has gone
    body = wait_for_job(app.test_client(), path)
    assert len(body["predictions"]) == 1
    assert app.test_client().get(path).status_code == 404


def test_head_request_does_not_fetch(make_app: Callable[..., Flask], png: bytes) -> None:
    client = make_app(keep_results_s=0).test_client()
    path = create(client, ("a.png", png), query="?hold=0")
    held = create(client, ("b.png", png), query="?hold=60")
    wait_for_job(client, held)  # jobs are worked off in order, so the first is finished too
    assert client.head(path).status_code == 200
    with client.get(path) as response:
        assert response.get_json()["state"] == "finished"


def test_known_answers_are_left_out(client: FlaskClient, volume: Callable[..., bytes]) -> None:
    path = create(client, ("v.nii", volume(6)), query="?hold=60")
    body = wait_for_job(client, path)
    rest = client.get(f"{path}?after=4").get_json()
    assert rest["predictions"] == body["predictions"][4:]
    assert [one["index"] for one in rest["slices"]] == [4, 5]
    assert rest["next"] == body["next"] == 7


def test_held_job_has_pictures(
    client: FlaskClient, volume: Callable[..., bytes], tmp_path: Path
) -> None:
    path = create(client, ("v.nii", volume(6, size=96)), query="?hold=60")
    body = wait_for_job(client, path)
    assert body["hold"] == 60
    view = body["slices"][2]
    assert (view["rows"], view["columns"], view["spacing_mm"]) == (96, 96, [1.0, 1.0])
    assert (view["plane"], view["sides"], view["series"]) == ("axial", ["R", "A"], 0)
    shown = np.asarray(Image.open(io.BytesIO(client.get(view["image"]).data)))
    assert (shown.dtype, shown.shape) == (np.uint8, (96, 96))
    deep = np.asarray(Image.open(io.BytesIO(client.get(view["image"] + "?depth=16").data)))
    low, high = view["value_range"]
    assert deep.shape == (96, 96)
    assert deep.max() == 65535
    assert high == 230.0
    assert low + deep.astype(float)[48, 48] * (high - low) / 65535 == pytest.approx(100, abs=15)
    evidence = np.asarray(Image.open(io.BytesIO(client.get(view["evidence"]).data)))
    assert evidence.dtype == np.uint8
    peak = body["predictions"][2]["localization"]["peak"]
    assert evidence[tuple(peak)] > 200
    # What was uploaded is gone already; only the pictures are left.
    assert {one.name for one in (tmp_path / "spool" / "jobs" / body["id"]).iterdir()} == {
        "pictures"
    }


@pytest.mark.parametrize("query", ["", "?hold=60"])
def test_series_of_a_job_are_described(
    client: FlaskClient, query: str, caplog: pytest.LogCaptureFixture
) -> None:
    frames = np.random.default_rng(0).integers(0, 4000, (3, 64, 64)).astype(np.uint16)
    ds = dicom_dataset(frames)
    ds.StudyInstanceUID, ds.SeriesDescription = "1.9", "t1 for Doe"
    body = wait_for_job(client, create(client, ("a.dcm", write_dicom(ds)), query=query))
    (series,) = [one for one in body["predictions"] if one["kind"] == "series"]
    for told in (series, *body["slices"]):
        assert told["study_instance_uid"] == "1.9"
        assert told["series_description"] == "t1 for Doe"
    assert "Doe" not in caplog.text


def test_job_without_hold_has_no_pictures(
    make_app: Callable[..., Flask], png: bytes, tmp_path: Path
) -> None:
    client = make_app().test_client()
    path = create(client, ("a.png", png))
    other = create(client, ("a.png", png), query="?hold=60")
    wait_for_job(client, other)
    assert client.get(f"{path}/slices/0/image").status_code == 404
    assert list((tmp_path / "spool" / "jobs" / path.rsplit("/", 1)[1]).iterdir()) == []
    (view,) = wait_for_job(client, path)["slices"]
    assert (view["image"], view["evidence"]) == (None, None)


@pytest.mark.parametrize("index", [1, 99])
def test_what_is_no_image_has_no_picture(client: FlaskClient, png: bytes, index: int) -> None:
    path = create(client, ("a.png", png), ("bad.png", b"no scan"), query="?hold=60")
    wait_for_job(client, path)
    assert client.get(f"{path}/slices/{index}/image").status_code == 404
    assert client.get(f"{path}/slices/{index}/evidence").status_code == 404


def test_operating_point_and_hold_are_kept(make_app: Callable[..., Flask], png: bytes) -> None:
    client = make_app(max_hold_s=50).test_client()
    path = create(client, ("a.png", png), query="?operating_point=specific&hold=600")
    body = wait_for_job(client, path)
    assert (body["operating_point"], body["hold"]) == ("specific", 50)
    assert body["predictions"][0]["outcome"] == "no_tumor"


def test_threshold_is_kept(client: FlaskClient, png: bytes) -> None:
    body = wait_for_job(client, create(client, ("a.png", png), query="?threshold=0.9999"))
    point = {"name": "custom", "threshold": 0.9999}
    assert body["operating_point"] == "custom"
    assert body["predictions"][0]["operating_point"] == point
    assert body["predictions"][0]["outcome"] == "no_tumor"


def test_deleted_job_is_gone(make_app: Callable[..., Flask], png: bytes, tmp_path: Path) -> None:
    client = make_app(keep_results_s=0).test_client()
    path = create(client, ("a.png", png), query="?hold=60")
    assert client.delete(path).status_code == 204
    assert client.delete(path).status_code == 404
    assert client.get(path).status_code == 404
    # The one that works on it finds that it is gone and leaves nothing behind.
    wait_for_job(client, create(client, ("a.png", png)))
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []


@pytest.mark.parametrize("query", ["?hold=-1", "?hold=long", "?operating_point=best", "?keep=1"])
def test_query_that_is_not_understood_is_refused(
    client: FlaskClient, png: bytes, query: str
) -> None:
    assert client.post(URL + query, data=form(("a.png", png))).status_code == 400


def test_job_without_a_file_leaves_nothing(make_app: Callable[..., Flask], tmp_path: Path) -> None:
    client = make_app().test_client()
    response = client.post(URL, data={"other": (io.BytesIO(b"x"), "a.png")})
    assert response.status_code == 400
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []


def stop_runner(app: Flask) -> None:
    """Leave jobs in the queue, as if the runner were busy."""
    app.extensions["tumorscope"].runner.stop()


def test_full_queue_refuses(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app(max_jobs=2)
    stop_runner(app)
    client = app.test_client()
    for _ in range(2):
        create(client, ("a.png", png))
    response = client.post(URL, data=form(("a.png", png)))
    assert response.status_code == 429
    assert int(response.headers["Retry-After"]) >= 1


def test_full_spool_refuses(make_app: Callable[..., Flask], png: bytes, tmp_path: Path) -> None:
    app = make_app(max_spool_bytes=len(png) + 1500)
    stop_runner(app)
    client = app.test_client()
    create(client, ("a.png", png))
    response = client.post(URL, data=form(("a.png", png)))
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) >= 1
    assert len(list((tmp_path / "spool" / "jobs").iterdir())) == 1


def test_finished_job_expires(make_app: Callable[..., Flask], png: bytes, tmp_path: Path) -> None:
    app = make_app(expiry_s=0.0, keep_results_s=0)
    client = app.test_client()
    create(client, ("a.png", png))
    service = app.extensions["tumorscope"]
    while service.store.load()[0]:
        pass
    assert service.store.sweep() == 1
    assert list((tmp_path / "spool" / "jobs").iterdir()) == []


def test_slices_beyond_the_limit_are_named(
    make_app: Callable[..., Flask], volume: Callable[..., bytes], png: bytes
) -> None:
    client = make_app(max_job_slices=5).test_client()
    files = (("v.nii", volume(4)), ("w.nii", volume(4)), ("a.png", png))
    body = wait_for_job(client, create(client, *files))
    kinds = [one["kind"] for one in body["predictions"]]
    assert kinds == ["image"] * 4 + ["error"] * 2 + ["series"]
    assert body["predictions"][4]["error"]["type"] == "image-too-large"


def test_unforeseen_error_of_one_file_does_not_end_the_job(
    client: FlaskClient, png: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def decode(content: bytes, *arguments: object) -> object:
        if content == b"boom":
            raise RuntimeError("a text that must not leave")
        return original(content, *arguments)

    original = answering.decode
    monkeypatch.setattr(answering, "decode", decode)
    body = wait_for_job(client, create(client, ("b.png", b"boom"), ("a.png", png)))
    assert [one["kind"] for one in body["predictions"]] == ["error", "image"]
    assert "leave" not in str(body)


def send(
    client: FlaskClient, *files: tuple[str, bytes], key: str, query: str = ""
) -> tuple[int, dict[str, Any]]:
    response = client.post(URL + query, data=form(*files), headers={"Idempotency-Key": key})
    return response.status_code, response.get_json()


def test_repeated_request_gives_the_same_job(
    make_app: Callable[..., Flask], png: bytes, plain_png: bytes, tmp_path: Path
) -> None:
    client = make_app().test_client()
    first, second = (send(client, ("a.png", png), key="Jane") for _ in range(2))
    assert (first[0], second[0]) == (202, 202)
    assert first[1]["id"] == second[1]["id"]
    wait_for_job(client, f"{URL}/{first[1]['id']}")
    again = send(client, ("a.png", png), key="Jane")
    assert (again[1]["id"], again[1]["state"]) == (first[1]["id"], "finished")
    assert send(client, ("a.png", png), key="John")[1]["id"] != first[1]["id"]
    for other in (("a.png", plain_png), ("b.png", png)):
        status, problem = send(client, other, key="Jane")
        assert (status, problem["type"]) == (422, "urn:tumorscope:problem:idempotency-key-reused")
    assert send(client, ("a.png", png), key="Jane", query="?hold=60")[0] == 422
    assert len(list((tmp_path / "spool" / "jobs").iterdir())) == 2
    kept = b"".join(one.read_bytes() for one in (tmp_path / "spool").rglob("*") if one.is_file())
    assert b"Jane" not in kept


def test_key_is_forgotten_with_its_job(client: FlaskClient, png: bytes, plain_png: bytes) -> None:
    job = send(client, ("a.png", png), key="k")[1]["id"]
    client.delete(f"{URL}/{job}")
    status, body = send(client, ("a.png", plain_png), key="k")
    assert (status, body["id"] != job) == (202, True)


def test_requests_repeated_at_once_give_one_job(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app()
    found: list[str] = []

    def post() -> None:
        found.append(send(app.test_client(), ("a.png", png), key="k")[1]["id"])

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


def test_repeated_request_is_answered_by_a_full_queue(
    make_app: Callable[..., Flask], png: bytes
) -> None:
    app = make_app(max_jobs=1)
    stop_runner(app)
    client = app.test_client()
    job = send(client, ("a.png", png), key="k")[1]["id"]
    assert send(client, ("a.png", png), key="other")[0] == 429
    assert send(client, ("a.png", png), key="k")[1]["id"] == job


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_key_is_bounded(client: FlaskClient, png: bytes, key: str) -> None:
    assert send(client, ("a.png", png), key=key)[0] == 400


def test_keys_of_two_callers_are_two(
    make_app: Callable[..., Flask], key_file: Callable[..., Path], png: bytes, plain_png: bytes
) -> None:
    client = make_app(api_keys=key_file("ts_a", "ts_b")).test_client()
    jobs = {}
    for key, content in (("ts_a", png), ("ts_b", plain_png)):
        headers = {"Idempotency-Key": "1", "X-API-Key": key}
        response = client.post(URL, data=form(("a.png", content)), headers=headers)
        assert response.status_code == 202
        jobs[key] = response.get_json()["id"]
    for key, job in jobs.items():
        listed = client.get(URL, headers={"X-API-Key": key}).get_json()["jobs"]
        assert [one["id"] for one in listed] == [job]


def test_jobs_are_listed_page_by_page(make_app: Callable[..., Flask], png: bytes) -> None:
    app = make_app()
    stop_runner(app)
    client = app.test_client()
    assert client.get(URL).get_json() == {"jobs": [], "next_cursor": None}
    made = [create(client, ("a.png", png)) for _ in range(5)]
    found, cursor, pages = [], None, 0
    while pages == 0 or cursor is not None:
        query = "?limit=2" + (f"&cursor={cursor}" if cursor else "")
        body = client.get(URL + query).get_json()
        found += [one["url"] for one in body["jobs"]]
        cursor, pages = body["next_cursor"], pages + 1
        if pages == 1:
            create(client, ("later.png", png))  # comes on no later page
    assert found == made[::-1]
    assert pages == 3
    first = client.get(URL).get_json()["jobs"][-1]
    assert (first["state"], first["progress"]["slices_done"]) == ("queued", 0)
    assert "predictions" not in first


@pytest.mark.parametrize(
    "query",
    ["?limit=0", "?limit=101", "?cursor=x", "?cursor=%C3%A9", "?cursor=" + "A" * 200, "?a=1"],
)
def test_list_query_is_bounded(client: FlaskClient, query: str) -> None:
    assert client.get(URL + query).status_code == 400


def test_picture_comes_as_bytes_for_clients_that_ask_for_them(
    client: FlaskClient, png: bytes
) -> None:
    body = wait_for_job(client, create(client, ("a.png", png), query="?hold=60"))
    for name in ("image", "evidence"):
        url = body["slices"][0][name]
        plain = client.get(url, headers={"Accept": "application/octet-stream"})
        assert plain.mimetype == "application/octet-stream"
        assert client.get(url).mimetype == "image/png"
        assert client.get(url, headers={"Accept": "text/html, */*;q=0.8"}).mimetype == "image/png"


def test_index_beyond_all_counting_is_not_found(client: FlaskClient, png: bytes) -> None:
    path = create(client, ("a.png", png), query="?hold=60")
    wait_for_job(client, path)
    assert client.get(f"{path}/slices/{2**70}/image").status_code == 404
