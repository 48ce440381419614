"""Killed at any point, a re-run completes the table; nothing is overwritten unasked."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.batch.conftest import rows_of
from tumorscope.batch.partial_folder import PartialFolder
from tumorscope.batch.run import BatchConfig, run_batch
from tumorscope.batch.schema import SCHEMA_VERSION
from tumorscope.errors import UsageError

ROOT = Path(__file__).parents[2]

Batch = Callable[..., subprocess.CompletedProcess[str]]


class StoppedError(Exception):
    """Stands for a run that was killed."""


def config(archive: Path, model: Path, **options: object) -> BatchConfig:
    output = archive.with_name("t.parquet")
    words: dict = {"place": str(archive), "output": output, "model": model, "workers": 1}
    return BatchConfig(**(words | options))


def ignore(done: int, total: int) -> None:
    pass


def stop_after(parts: int) -> Callable[[int, int], None]:
    def progress(done: int, total: int) -> None:
        if done == parts:
            raise StoppedError

    return progress


@pytest.fixture(autouse=True)
def short_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tumorscope.batch.partial_folder.PART_FILES", 1)


@pytest.fixture
def stopped(archive: Path, tiny_artifact_path: Path) -> Path:
    """The folder of a run that did two of six parts."""
    with pytest.raises(StoppedError):
        run_batch(config(archive, tiny_artifact_path), progress=stop_after(2))
    return archive.with_name("t.parquet.partial")


def test_partial_output_never_looks_complete(archive: Path, stopped: Path) -> None:
    assert not archive.with_name("t.parquet").exists()
    assert len(list(stopped.glob("*.part"))) == 2
    assert not list(stopped.glob("*.parquet"))


def test_a_rerun_does_only_what_is_missing(
    archive: Path, stopped: Path, tiny_artifact_path: Path
) -> None:
    seen: list[tuple[int, int]] = []
    run_batch(
        config(archive, tiny_artifact_path), progress=lambda done, total: seen.append((done, total))
    )
    assert seen == [(3, 6), (4, 6), (5, 6), (6, 6)]
    once = archive.with_name("once.parquet")
    run_batch(config(archive, tiny_artifact_path, output=once), progress=ignore)
    assert rows_of(archive.with_name("t.parquet")) == rows_of(once)
    assert not stopped.exists()


def test_what_was_begun_with_other_things_is_refused_and_kept(
    archive: Path, stopped: Path, tiny_artifact_path: Path
) -> None:
    before = sorted(stopped.iterdir())
    with pytest.raises(UsageError, match="a different operating point"):
        run_batch(config(archive, tiny_artifact_path, operating_point="sensitive"), progress=ignore)
    with pytest.raises(UsageError, match=r"a different operating point.*threshold 0\.5"):
        run_batch(config(archive, tiny_artifact_path, threshold=0.5), progress=ignore)
    with pytest.raises(UsageError, match="a different model"):
        run_batch(config(archive, None), progress=ignore)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="a different input"):
        run_batch(config(archive, tiny_artifact_path, place=f"{archive}/*"), progress=ignore)
    (archive / "new.png").write_bytes(b"new")
    with pytest.raises(UsageError, match="files have come"):
        run_batch(config(archive, tiny_artifact_path), progress=ignore)
    text = (stopped / "journal.json").read_text()
    (stopped / "journal.json").write_text(
        text.replace(f'"schema_version": {SCHEMA_VERSION}', '"schema_version": 0')
    )
    with pytest.raises(UsageError, match="a different version of the table's schema"):
        run_batch(config(archive, tiny_artifact_path), progress=ignore)
    assert [path for path in sorted(stopped.iterdir()) if path.suffix != ".new"] == before


def test_an_existing_table_is_replaced_only_when_asked(
    archive: Path, tiny_artifact_path: Path
) -> None:
    table = archive.with_name("t.parquet")
    table.write_bytes(b"precious")
    with pytest.raises(UsageError, match="--overwrite"):
        run_batch(config(archive, tiny_artifact_path), progress=ignore)
    with pytest.raises(StoppedError):
        run_batch(config(archive, tiny_artifact_path, overwrite=True), progress=stop_after(1))
    assert table.read_bytes() == b"precious"
    run_batch(config(archive, tiny_artifact_path, overwrite=True), progress=ignore)
    assert len(rows_of(table)) == 8


def test_killed_between_the_name_and_the_end_is_done(
    archive: Path, tiny_artifact_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stop(folder: PartialFolder) -> None:
        folder.release()
        raise StoppedError

    with monkeypatch.context() as patch:
        patch.setattr(PartialFolder, "remove", stop)
        with pytest.raises(StoppedError):
            run_batch(config(archive, tiny_artifact_path), progress=ignore)
    content = archive.with_name("t.parquet").read_bytes()
    partial = archive.with_name("t.parquet.partial")
    assert partial.exists()
    assert run_batch(config(archive, tiny_artifact_path), progress=stop_after(1)).rows == 8
    assert archive.with_name("t.parquet").read_bytes() == content
    assert not partial.exists()


def test_two_runs_at_once_are_one_too_many(
    archive: Path, stopped: Path, tiny_artifact_path: Path
) -> None:
    folder = PartialFolder(archive.with_name("t.parquet"))
    with pytest.raises(UsageError, match="Another run"):
        run_batch(config(archive, tiny_artifact_path), progress=ignore)
    folder.release()


@pytest.mark.slow
def test_kill_at_random_moments(tmp_path: Path) -> None:
    """A few trials here; studies/killed-archives.md has the command of many."""
    words = ("-m", "benchmarks.kill_batch", "--trials", "3", "--output", str(tmp_path))
    run = subprocess.run([sys.executable, *words], cwd=ROOT, capture_output=True, check=False)
    assert run.returncode == 0, run.stderr
    account = json.loads((tmp_path / "account.json").read_text())
    assert account["kills"] > 0
    assert (account["wrong tables"], account["half tables"]) == (0, 0)


@pytest.mark.slow
def test_two_workers_give_the_rows_of_one(batch: Batch, archive: Path) -> None:
    one, two = archive.with_name("one.parquet"), archive.with_name("two.parquet")
    assert batch(archive, "--output", two, "--workers", 2).returncode == 1  # two unreadable files
    assert batch(archive, "--output", one, "--workers", 1).returncode == 1
    assert rows_of(two) == rows_of(one)
