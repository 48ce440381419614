"""Requests of a key in a minute."""

from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask

from tests.serving.made_requests import form
from tumorscope.serving.http_api.base.problems import RefusalError
from tumorscope.serving.http_api.edge.rate_limit import RateLimit


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def count(limit: RateLimit, key: str, *, tries: int = 50) -> int:
    for done in range(tries):
        try:
            limit.check(key)
        except RefusalError:
            return done
    return tries


def test_a_minute_holds_so_many(tmp_path: Path, clock: Clock) -> None:
    limit = RateLimit(tmp_path / "rates", 6, clock=clock)
    assert count(limit, "a") == 6
    assert count(limit, "b") == 6
    clock.now += 10
    assert count(limit, "a") == 1
    clock.now += 3600
    assert count(limit, "a") == 6
    limit.close()


def test_refused_key_is_told_when_to_come_back(tmp_path: Path, clock: Clock) -> None:
    limit = RateLimit(tmp_path / "rates", 6, clock=clock)
    count(limit, "a")
    with pytest.raises(RefusalError) as caught:
        limit.check("a")
    assert (caught.value.kind, caught.value.retry_after) == ("too-busy", 10)
    clock.now += caught.value.retry_after
    limit.check("a")
    limit.close()


def test_processes_count_together(tmp_path: Path, clock: Clock) -> None:
    one, other = (RateLimit(tmp_path / "rates", 6, clock=clock) for _ in range(2))
    assert count(one, "a", tries=4) == 4
    assert count(other, "a") == 2
    one.close()
    other.close()


@pytest.mark.parametrize("now", [0.0, 1e9])
def test_clock_that_jumps_keeps_nobody_out(tmp_path: Path, clock: Clock, now: float) -> None:
    limit = RateLimit(tmp_path / "rates", 6, clock=clock)
    count(limit, "a")
    clock.now = now
    count(limit, "a")
    clock.now += 60
    assert count(limit, "a") == 6
    limit.close()


def test_file_that_holds_something_else_keeps_nobody_out(tmp_path: Path, clock: Clock) -> None:
    (tmp_path / "rates").write_bytes(b"\xff" * 8 * 2**20)
    limit = RateLimit(tmp_path / "rates", 6, clock=clock)
    assert count(limit, "a") == 6
    limit.close()


def test_service_refuses_one_key_and_answers_the_other(
    make_app: Callable[..., Flask], key_file: Callable[..., Path], png: bytes
) -> None:
    client = make_app(api_keys=key_file("one", "two"), rate_limit=2).test_client()

    def ask(key: str, path: str = "/api/v1/predictions") -> int:
        done = client.post(path, data=form(("a.png", png)), headers={"X-API-Key": key})
        assert done.status_code != 429 or int(done.headers["Retry-After"]) > 0
        return done.status_code

    assert [ask("one"), ask("one", "/api/v1/jobs"), ask("one"), ask("two")] == [200, 202, 429, 200]
    assert client.get("/api/v1/jobs", headers={"X-API-Key": "one"}).status_code == 200
