"""Where the log of every verb goes."""

from __future__ import annotations

import logging
import sys
from typing import TextIO


class StderrHandler(logging.StreamHandler[TextIO]):
    """Writes to the standard error stream of the moment, and is silent where that is closed.

    The usual handler keeps the stream it was made with, and prints the exception being handled,
    with its text, when that stream is gone.
    """

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        self.stream = sys.stderr
        super().emit(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  name of the base class
        """Say nothing: what could not be written must not come out another way."""
