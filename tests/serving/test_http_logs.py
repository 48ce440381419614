"""Lines of the log: JSON, and nothing that an exception says."""

import io
import json
import logging
import sys

import pytest

from tumorscope.serving.http_api.base.logs import JsonFormatter
from tumorscope.system.error_stream import StderrHandler


def record(message: str = "event", **extra: object) -> logging.LogRecord:
    one = logging.LogRecord("service", logging.INFO, "file.py", 1, message, (), None)
    one.__dict__.update(extra)
    return one


def test_line_is_one_json_object() -> None:
    line = JsonFormatter().format(record("request", fields={"status": 200, "route": "/\n"}))
    assert "\n" not in line
    values = json.loads(line)
    assert (values["event"], values["status"], values["level"]) == ("request", 200, "info")
    assert values["time"].endswith("Z")


def test_exception_is_told_by_kind_and_place() -> None:
    def fail() -> None:
        raise ValueError("Jane Doe")

    try:
        fail()
    except ValueError:
        line = JsonFormatter().format(record(exc_info=sys.exc_info()))
    values = json.loads(line)
    assert values["error"] == "ValueError"
    assert "test_http_logs.py:" in values["at"][-1]
    assert "Jane" not in line


def test_handler_follows_the_error_stream(capsys: pytest.CaptureFixture[str]) -> None:
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter())
    handler.emit(record("before"))
    assert "before" in capsys.readouterr().err


def test_closed_error_stream_gives_nothing_away(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def fail() -> None:
        raise ValueError("/home/jane/secret.dcm")

    handler, gone = StderrHandler(), io.StringIO()
    gone.close()
    with monkeypatch.context() as patch:
        patch.setattr(sys, "stderr", gone)
        try:
            fail()
        except ValueError:
            handler.emit(record("crash"))
    assert capfd.readouterr() == ("", "")
