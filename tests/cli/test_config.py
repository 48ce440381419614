"""Settings from option, environment and file, in this order."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
import pytest

from tests.cli.conftest import Result
from tumorscope.cli import serve as serve_verb
from tumorscope.cli.settings import VERBS, command_of, settings_of


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Write the file of settings that is read where none is named."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.delenv("TUMORSCOPE_CONFIG", raising=False)

    def write(text: str) -> Path:
        path = tmp_path / "config" / "tumorscope" / "tumorscope.toml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return path

    return write


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Note what the service is started with."""
    configs: list[Any] = []

    def note(config: Any, *, port: int, workers: int, announce: Any) -> None:
        configs.append((config, port, workers))

    monkeypatch.setattr(serve_verb, "run_server", note)
    return configs


def test_option_outweighs_environment_outweighs_file_outweighs_default(
    tumorscope: Callable[..., Result],
    settings: Callable[[str], Path],
    started: list[Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings("[serve]\nport = 1001\nworkers = 2\nmax-jobs = 3\nmax-spool = 5\n")
    monkeypatch.setenv("TUMORSCOPE_SERVE_PORT", "1002")
    monkeypatch.setenv("TUMORSCOPE_SERVE_WORKERS", "3")
    assert tumorscope("serve", "--workers", "4").code == 0
    config, port, workers = started[0]
    assert (port, workers, config.max_jobs) == (1002, 4, 3)
    assert config.max_spool_bytes == 5 * 1024 * 1024
    assert config.max_job_files == 5000


@pytest.mark.parametrize("verb", VERBS)
def test_every_setting_of_a_verb_can_stand_in_the_file(
    tumorscope: Callable[..., Result], settings: Callable[[str], Path], verb: str
) -> None:
    shown = tumorscope("config", "show").out
    part = shown.partition(f"[{verb}]\n")[2].partition("\n[")[0]
    names = [line.split()[0] for line in part.splitlines() if not line.startswith("#")]
    assert len(names) > 10
    settings(f"[{verb}]\n{part}\n")
    assert tumorscope("config", "check").code == 0
    sources = {
        line.rpartition("# ")[2]
        for line in tumorscope("config", "show").out.partition(f"[{verb}]\n")[2].splitlines()
        if line.partition(" ")[0] in names
    }
    assert "file" in sources
    assert set(names) <= set(settings_of(command_of(verb)))


def test_everything_that_is_wrong_is_named_with_the_nearest_known(
    tumorscope: Callable[..., Result],
    settings: Callable[[str], Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TUMORSCOPE_SERVE_PRT", "1")
    settings(
        "[serv]\n[serve]\nkeep_result = 1\nworkers = '2'\ntrust-proxy = 'a'\nmax-jobs = 0\n"
        "host = true\nlease = true\nspool = 3\n"
    )
    result = tumorscope("config", "check")
    assert result.code == 2
    for words in (
        "no table [serv]; did you mean 'serve'?",
        "no setting 'keep_result'; did you mean 'keep-results'?",
        "workers = '2': give a whole number",
        "trust-proxy = 'a': give a list",
        "max-jobs = 0: 0 is not in the range",
        "host = True: give a text",
        "lease = True: give a number",
        "spool = 3: give a text",
        "TUMORSCOPE_SERVE_PRT; did you mean 'TUMORSCOPE_SERVE_PORT'?",
    ):
        assert words in result.err
    assert len(result.err.splitlines()) == 9


def test_a_typing_error_stops_the_start(
    tumorscope: Callable[..., Result], settings: Callable[[str], Path], started: list[Any]
) -> None:
    path = settings("[serve]\nmax-job-slice = 5\n")
    result = tumorscope("serve")
    assert result.code == 2
    assert f"{path}: [serve] has no setting 'max-job-slice'" in result.err
    assert len(result.err.splitlines()) == 1
    assert not started


@pytest.mark.parametrize(
    ("content", "words"),
    [(b"[serve", "is not TOML"), (b"\xff\xfe", "not UTF-8"), (b"#" * 2**21, "larger than")],
)
def test_a_file_that_is_none(
    tumorscope: Callable[..., Result], tmp_path: Path, content: bytes, words: str
) -> None:
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    result = tumorscope("config", "check", "--config", path)
    assert (result.code, words in result.err) == (2, True)
    assert len(result.err.splitlines()) == 1


def test_a_start_that_would_be_refused_is_told_by_check(
    tumorscope: Callable[..., Result], settings: Callable[[str], Path], tmp_path: Path
) -> None:
    settings(f"[serve]\nhost = '0.0.0.0'\napi-keys = '{tmp_path}/none'\n[node]\nhost = '::'\n")
    result = tumorscope("config", "check")
    assert result.code == 2
    assert "[serve] The key file" in result.err
    assert "[node] The address ::" in result.err


def test_paths_start_from_the_folder_of_the_file(
    tumorscope: Callable[..., Result], settings: Callable[[str], Path], started: list[Any]
) -> None:
    path = settings("[serve]\nspool = 'here'\nmodel = 'lite'\n")
    assert tumorscope("serve").code == 0
    assert started[0][0].spool == path.parent / "here"
    assert started[0][0].model == Path("lite")


def test_keys_are_looked_for_where_the_service_has_them(
    tumorscope: Callable[..., Result], settings: Callable[[str], Path]
) -> None:
    path = settings("[serve]\napi-keys = 'keys'\n")
    assert tumorscope("keys", "add", "desk").code == 0
    assert "desk" in (path.parent / "keys").read_text()
    assert tumorscope("keys", "list").out.startswith("desk\t")


def test_settings_are_the_options() -> None:
    for verb in VERBS:
        command = command_of(verb)
        names = {one.opts[0] for one in command.params if isinstance(one, click.Option)}
        assert {f"--{name}" for name in settings_of(command)} <= names
