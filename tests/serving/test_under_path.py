"""The path that a proxy shows the service under: who is believed, what becomes of addresses."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.serving.made_requests import form
from tumorscope.errors import UsageError
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.under_path import check_path

SAID = {"X-Forwarded-Prefix": "/tumorscope"}


def sample(
    app: Flask, path: str = "/api/v1/samples", address: str = "127.0.0.1", **said: str
) -> str:
    """Address of a sample as the service tells it."""
    response = app.test_client().get(path, headers=said, environ_overrides={"REMOTE_ADDR": address})
    assert response.status_code == 200, response.text
    url: str = response.get_json()["samples"][0]["url"]
    return url


@pytest.mark.parametrize("path", ["/api/v1/samples", "/tumorscope/api/v1/samples"])
def test_path_is_told_whether_or_not_it_is_stripped(
    make_app: Callable[..., Flask], path: str
) -> None:
    expected = "/tumorscope/api/v1/samples/with-lesion"
    assert sample(make_app(), path, **SAID) == expected
    assert sample(make_app(root_path="/tumorscope"), path) == expected


@pytest.mark.parametrize(
    ("proxies", "address", "told"),
    [
        (None, "127.0.0.1", True),
        (None, "::1", True),
        (None, "::ffff:127.0.0.1", True),
        (None, "192.0.2.1", False),
        (None, "", False),
        (("192.0.2.0/24",), "192.0.2.1", True),
        (("192.0.2.0/24",), "127.0.0.1", False),
        ((), "127.0.0.1", False),
    ],
)
def test_only_trusted_proxies_are_believed(
    make_app: Callable[..., Flask], proxies: tuple[str, ...] | None, address: str, told: bool
) -> None:
    app = make_app() if proxies is None else make_app(proxies=proxies)
    assert sample(app, address=address, **SAID).startswith("/tumorscope/") is told


@pytest.mark.parametrize(
    "prefix",
    [
        "//evil.example",
        "https://evil.example",
        "/a/../b",
        "/a b",
        "/<script>",
        "a",
        "/",
        "/" * 99,
        "/x" * 9,
    ],
)
def test_what_is_no_path_is_not_repeated(make_app: Callable[..., Flask], prefix: str) -> None:
    said = {"X-Forwarded-Prefix": prefix}
    assert sample(make_app(), **said) == "/api/v1/samples/with-lesion"


def test_nearest_proxy_is_believed(make_app: Callable[..., Flask]) -> None:
    said = {"X-Forwarded-Prefix": "/stranger, /tumorscope"}
    assert sample(make_app(), **said).startswith("/tumorscope/")


def test_folder_has_its_slash(make_app: Callable[..., Flask]) -> None:
    client = make_app(root_path="/a/b/").test_client()
    response = client.get("/a/b?x=1")
    assert (response.status_code, response.headers["Location"]) == (308, "/a/b/?x=1")
    assert client.get("/a/b/").status_code == 200
    assert client.get("/healthz").status_code == 200
    assert client.get("/a/bc").status_code == 404


def test_job_is_found_where_its_location_says(make_app: Callable[..., Flask], png: bytes) -> None:
    client = make_app(root_path="/a").test_client()
    response = client.post("/a/api/v1/jobs", data=form(("a.png", png)))
    location = response.headers["Location"]
    assert location == f"/a/api/v1/jobs/{response.get_json()['id']}"
    assert client.get(location).status_code == 200


def test_full_service_refuses_early_under_a_path(
    make_app: Callable[..., Flask], png: bytes
) -> None:
    app = make_app(root_path="/a", max_in_flight=1)
    with app.extensions["tumorscope"].admission.enter():
        response = app.test_client().post("/a/api/v1/predictions", data=form(("a.png", png)))
    assert response.status_code == 429


@pytest.mark.parametrize("prefix", ["/api", "/api/v1", "/assets", "/docs"])
def test_path_that_a_route_begins_with_is_ignored_and_refused(
    make_app: Callable[..., Flask], prefix: str
) -> None:
    said = {"X-Forwarded-Prefix": prefix}
    assert sample(make_app(), **said) == "/api/v1/samples/with-lesion"
    assert make_app().test_client().get("/docs", headers=said).status_code == 200
    with pytest.raises(UsageError, match="own addresses begin so"):
        ServerConfig(root_path=prefix).check()


def test_path_may_begin_like_a_route(make_app: Callable[..., Flask]) -> None:
    expected = "/api/tumorscope/api/v1/samples/with-lesion"
    for path in ("/api/v1/samples", "/api/tumorscope/api/v1/samples"):
        assert sample(make_app(root_path="/api/tumorscope"), path) == expected


@pytest.mark.parametrize("path", ["tumorscope", "/a b", "/../x", "https://host/x"])
def test_wrong_root_path_is_named(path: str) -> None:
    with pytest.raises(UsageError, match="path of the service"):
        check_path(path)
    with pytest.raises(UsageError):
        ServerConfig(root_path=path).check()


def test_wrong_proxy_is_named() -> None:
    with pytest.raises(UsageError, match="address of a proxy"):
        ServerConfig(proxies=("nginx",)).check()
