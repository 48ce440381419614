"""The engine ``ray`` on a real Ray of this machine."""

import socket
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.conftest import rows_of

pytest.importorskip("ray", reason="the extra [scale] is not installed")

Batch = Callable[..., subprocess.CompletedProcess[str]]


@pytest.mark.slow
def test_rows_of_both_engines_are_equal(batch: Batch, archive: Path) -> None:
    local, ray = archive.with_name("local.parquet"), archive.with_name("ray.parquet")
    run = batch(archive, "--output", ray, "--engine", "ray", "--workers", 1)
    if "timed out during startup" in run.stderr:
        pytest.skip("the machine is too busy for Ray to start within its time")
    assert run.returncode == 1, run.stderr  # two files cannot be read
    assert batch(archive, "--output", local, "--workers", 1).returncode == 1
    assert rows_of(ray) == rows_of(local)
    assert len(rows_of(ray)) == 8


def test_a_dead_address_is_told_before_any_work(batch: Batch, archive: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    output = archive.with_name("t.parquet")
    start = time.process_time()
    run = batch(archive, "--output", output, "--engine", "ray", "--address", address)
    assert time.process_time() - start < 5
    assert run.returncode == 2
    assert f"No Ray cluster answers at {address}" in run.stderr
    assert not output.with_name("t.parquet.partial").exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--address", "127.0.0.1:1"), "--address needs --engine ray"),
        (("--engine", "ray", "--address", "auto"), "needs HOST:PORT"),
        (("--engine", "spark"), "'spark' is not one of"),
    ],
)
def test_wrong_words(batch: Batch, archive: Path, words: tuple[str, ...], message: str) -> None:
    run = batch(archive, "--output", archive.with_name("t.parquet"), *words)
    assert run.returncode == 2
    assert message in run.stderr
