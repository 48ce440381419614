"""One JSON object a line on the standard error stream, without anything of a patient.

What may stand in a line is listed, not what may not: times, sizes, counts, routes as written in
the code (not as requested), kinds of errors and places in the code. File names, header values,
addresses and the texts of exceptions never do.
"""

from __future__ import annotations

import json
import logging
import threading
import time
import traceback
from types import TracebackType
from typing import Any, Final

from tumorscope.system.error_stream import StderrHandler

LOGGER: Final = logging.getLogger("tumorscope.serving")
_REPEAT_S: Final = 60.0
_due: dict[str, float] = {}
_lock = threading.Lock()
_FRAMES: Final = 6
"""Innermost places in the code that a line about a crash names."""


class JsonFormatter(logging.Formatter):
    """Writes a record as one JSON object; of an exception its kind and places, never its text."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line: dict[str, Any] = {
            "time": time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
            + f".{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "process": record.process,
            **getattr(record, "fields", {}),
        }
        if record.exc_info and record.exc_info[0] is not None:
            line |= _crash(record.exc_info[0], record.exc_info[2])
        return json.dumps(line)


def set_up_logging(level: int = logging.INFO) -> None:
    """Write the service's log to the standard error stream."""
    handler = StderrHandler()
    handler.setFormatter(JsonFormatter())
    LOGGER.handlers = [handler]
    LOGGER.propagate = False
    LOGGER.setLevel(level)


def log_event(event: str, /, **fields: str | float | bool | None) -> None:
    """Write one line.

    Parameters
    ----------
    event
        What happened, in kebab case.
    **fields
        Times, sizes, counts and kinds. Nothing that came with an upload.
    """
    LOGGER.info(event, extra={"fields": fields})


def log_repeated(event: str, /, **fields: str | float | bool | None) -> None:
    """Write one line of something that happens again and again, once a minute at most."""
    now = time.monotonic()
    with _lock:
        if now < _due.get(event, now):
            return
        _due[event] = now + _REPEAT_S
    LOGGER.error(event, extra={"fields": fields})


def log_crash(error: BaseException, *, request_id: str = "") -> None:
    """Write where an unexpected error happened and of what kind it is, but not what it says."""
    fields = {"request_id": request_id} if request_id else {}
    fields |= _crash(type(error), error.__traceback__)
    LOGGER.error("crash", extra={"fields": fields})


def _crash(kind: type[BaseException], trace: TracebackType | None) -> dict[str, Any]:
    frames = traceback.extract_tb(trace)[-_FRAMES:]
    return {
        "error": kind.__name__,
        "at": [f"{one.filename.rsplit('site-packages/')[-1]}:{one.lineno}" for one in frames],
    }
