"""Keys, hosts, foreign sites, headers."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tumorscope.errors import UsageError
from tumorscope.serving.http_api.base.api_keys import hash_key
from tumorscope.serving.http_api.base.config import ServerConfig, default_spool
from tumorscope.serving.loopback import is_loopback

KEY = "ts_example"


@pytest.fixture
def kept(make_app: Callable[..., Flask], key_file: Callable[..., Path]) -> FlaskClient:
    """Client of a service with keys."""
    keys = key_file("ts_other", KEY)
    return make_app(host="0.0.0.0", api_keys=keys).test_client()  # noqa: S104


@pytest.mark.parametrize(
    "headers",
    [{"Authorization": f"Bearer {KEY}"}, {"X-API-Key": KEY}, {"authorization": f"bearer {KEY}"}],
)
def test_known_key_is_let_in(kept: FlaskClient, headers: dict[str, str]) -> None:
    assert kept.get("/api/v1/model", headers=headers).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer ts_wrong"},
        {"Authorization": KEY},
        {"X-API-Key": hash_key(KEY)},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/model", "/api/v1/nothing", "/metrics"])
def test_others_are_not(kept: FlaskClient, headers: dict[str, str], path: str) -> None:
    response = kept.get(path, headers=headers)
    assert response.status_code == 401
    assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert response.get_json()["type"].endswith(":unauthorized")


@pytest.mark.parametrize("path", ["/", "/healthz", "/readyz"])
def test_page_and_health_need_no_key(kept: FlaskClient, path: str) -> None:
    assert kept.get(path).status_code == 200


def test_any_host_name_may_be_used_with_a_key(kept: FlaskClient) -> None:
    response = kept.get("/api/v1/model", headers={"Host": "scans.example", "X-API-Key": KEY})
    assert response.status_code == 200


@pytest.mark.parametrize("host", ["127.0.0.1:8000", "localhost", "[::1]:8000", "127.0.0.1"])
def test_own_names_are_answered(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/model", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1.evil.example:8000", "192.0.2.1"])
def test_other_names_are_refused_without_a_key(client: FlaskClient, host: str) -> None:
    assert client.get("/api/v1/model", headers={"Host": host}).status_code == 403


def test_other_sites_are_refused(client: FlaskClient) -> None:
    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert client.post("/api/v1/jobs", headers=headers).status_code == 403
    response = client.get("/api/v1/model", headers={"Origin": "https://evil.example"})
    assert not [name for name, _ in response.headers if name.startswith("Access-Control")]


@pytest.mark.parametrize("path", ["/", "/api/v1/model", "/api/v1/nothing", "/metrics"])
def test_browsers_are_told_to_be_strict(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    scripts = next(one for one in policy.split("; ") if one.startswith("script-src"))
    assert scripts == "script-src 'self'"
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"


def test_answers_are_not_kept_by_caches(client: FlaskClient) -> None:
    assert client.get("/api/v1/model").headers["Cache-Control"] == "no-store"


def test_request_id_is_kept_only_if_it_says_nothing(client: FlaskClient) -> None:
    known = "5b9ff0b4-2f0e-4ed6-9a4a-0d3c8f7f1a11"
    assert client.get("/healthz", headers={"X-Request-ID": known}).headers["X-Request-ID"] == known
    other = client.get("/healthz", headers={"X-Request-ID": "Jane Doe"}).headers["X-Request-ID"]
    assert other
    assert "Jane" not in other


def test_service_is_not_opened_to_a_network_without_a_key(tmp_path: Path) -> None:
    config = ServerConfig(host="0.0.0.0", spool=tmp_path)  # noqa: S104
    with pytest.raises(UsageError, match="API key"):
        config.check()


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.5.5.5", True),
        ("::1", True),
        ("LOCALHOST", True),
        ("0.0.0.0", False),  # noqa: S104
        ("::", False),
        ("192.168.1.2", False),
        ("hospital", False),
        ("", False),
    ],
)
def test_loopback(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


def test_spool_follows_the_platform(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", "/state")
    assert default_spool() == Path("/state/tumorscope/spool")
