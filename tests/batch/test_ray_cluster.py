"""The engine ``ray`` on a real cluster: two raylets, of which one may die."""

import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.batch.conftest import COMMAND, quiet, rows_of
from tests.batch.raylets import START_S, TwoRaylets

pytest.importorskip("ray", reason="the extra [scale] is not installed")

RUN_S = 240
FILES = 200
"""Four parts of 64 files: both actors have work."""


@pytest.fixture
def cluster() -> Iterator[TwoRaylets]:
    raylets = TwoRaylets()
    try:
        if not raylets.address:
            pytest.skip("Ray could not start two raylets here in its time")
        yield raylets
    finally:
        raylets.stop()


@pytest.fixture
def many(make_head: Callable[..., np.ndarray], tmp_path: Path) -> Path:
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(FILES):
        blob = (62, 94) if number % 2 else None
        Image.fromarray(make_head(blob=blob, seed=number % 8)).save(folder / f"{number}.png")
    (folder / "damaged.png").write_bytes(b"no picture")
    return folder


@pytest.mark.slow
def test_rows_are_those_of_this_machine_even_if_a_raylet_is_killed(
    cluster: TwoRaylets, many: Path, tiny_artifact_path: Path
) -> None:
    local, ray = many.with_name("local.parquet"), many.with_name("ray.parquet")
    command = [*COMMAND, str(many), "--model", str(tiny_artifact_path), "--output"]
    subprocess.run([*command, str(local), "--workers", "1"], check=False, env=quiet())
    words = ["--engine", "ray", "--address", cluster.address, "--workers", "2"]
    with subprocess.Popen(
        [*command, str(ray), *words], stderr=subprocess.PIPE, text=True, env=quiet()
    ) as run:
        _wait_for_work(ray)
        cluster.ask("kill")
        _, told = run.communicate(timeout=RUN_S)
    if run.returncode == 2:  # a run that gave up says so and is gone on with
        assert "run the same command again" in told
        again = subprocess.run([*command, str(ray), "--workers", "1"], check=False, env=quiet())
        assert again.returncode == 1
    assert rows_of(ray) == rows_of(local)
    assert len(rows_of(ray)) == FILES + 1


def _wait_for_work(output: Path) -> None:
    """Wait until a first part is there, or the whole table."""
    partial = output.with_name(output.name + ".partial")
    deadline = time.monotonic() + START_S
    while not output.exists() and not list(partial.glob("*.part")):
        assert time.monotonic() < deadline, "no work begun"
        time.sleep(0.02)
