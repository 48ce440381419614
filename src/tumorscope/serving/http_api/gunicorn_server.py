"""gunicorn with threads, logging as the service does and refusing as it does."""

from __future__ import annotations

import json
import socket
import struct
from typing import Any, Final

from flask import Flask
from gunicorn.app.base import BaseApplication
from gunicorn.arbiter import Arbiter
from gunicorn.config import Config
from gunicorn.glogging import Logger
from gunicorn.http.errors import ParseException
from gunicorn.workers.base import Worker
from gunicorn.workers.gthread import ThreadWorker

from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.listening import SPARE_THREADS, Announce, address
from tumorscope.serving.http_api.base.logs import LOGGER, log_crash, log_event

_DRAIN_S: Final = 30
"""Requests at hand are given this long after SIGTERM; the longest, of 256 slices, takes half."""

_KEPT_S: Final = 30
"""An idle connection is kept this long, twice the longest Retry-After, so that no refused client
sends its next request into a connection that is just being closed."""

_SILENCE_S: Final = 60
"""A worker whose main loop says nothing for this long is replaced."""


def run_gunicorn(config: ServerConfig, *, port: int, workers: int, announce: Announce) -> None:
    """Serve until a signal ends it."""
    _Application(config, port=port, workers=workers, announce=announce).run()


class _Application(BaseApplication):
    """The service in gunicorn's terms; each worker builds its own application after the fork."""

    def __init__(
        self, config: ServerConfig, *, port: int, workers: int, announce: Announce
    ) -> None:
        self._config = config
        self._port = port
        self._workers = workers
        self._announce = announce
        self._app: Flask | None = None
        super().__init__()

    def load_config(self) -> None:
        settings = {
            "bind": [address(self._config.host, self._port)],
            "workers": self._workers,
            "worker_class": ProblemWorker,
            "threads": self._config.max_in_flight + SPARE_THREADS,
            "timeout": _SILENCE_S,
            "graceful_timeout": _DRAIN_S,
            "keepalive": _KEPT_S,
            "logger_class": JsonLogger,
            "control_socket_disable": True,
            "when_ready": self._bound_waiting,
            "post_worker_init": self._after_start,
            "worker_exit": self._before_exit,
            "child_exit": _forget_metrics,
        }
        for name, value in settings.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        from tumorscope.serving.http_api.app import create_app

        self._app = create_app(self._config)
        return self._app

    def _bound_waiting(self, arbiter: Arbiter) -> None:
        """Give up clients that stop in the middle of a head, or do not take their answer.

        gunicorn's threads would wait for them for ever. Accepted sockets inherit these options.
        """
        seconds = int(self._config.idle_timeout_s)
        microseconds = int(1e6 * (self._config.idle_timeout_s - seconds))
        for listener in arbiter.LISTENERS:
            for option in (socket.SO_RCVTIMEO, socket.SO_SNDTIMEO):
                limit = struct.pack("@ll", seconds, microseconds)
                listener.setsockopt(socket.SOL_SOCKET, option, limit)

    def _after_start(self, worker: Worker) -> None:
        log_event("worker-started", worker=worker.age)
        if worker.age == 1:
            host, port = worker.sockets[0].getsockname()[:2]
            self._announce(f"http://{address(host, port)}")

    def _before_exit(self, _arbiter: Arbiter, _worker: Worker) -> None:
        from tumorscope.serving.http_api.app import close_app

        if self._app is not None:
            close_app(self._app)


def _forget_metrics(_arbiter: Arbiter, worker: Worker) -> None:
    from tumorscope.serving.http_api.base.metrics import forget_process

    forget_process(int(worker.pid))


class JsonLogger(Logger):
    """gunicorn's own messages in the form of the service's log."""

    def setup(self, cfg: Config) -> None:
        """Send them where the service's log goes; requests are logged by the service itself."""
        # Called again at SIGHUP, when gunicorn adds its own handler: never to the service's list.
        self.error_log.handlers = []
        super().setup(cfg)
        self.error_log.handlers = list(LOGGER.handlers)
        self.error_log.propagate = False


class ProblemWorker(ThreadWorker):
    """A worker whose answers to what is no HTTP are problems, and quote nothing of it."""

    def handle_error(
        self, _request: Any, client: socket.socket, _address: Any, error: BaseException
    ) -> None:
        """Answer a request that could not be parsed, or failed outside of the application."""
        if isinstance(error, ParseException):
            status, kind, title = 400, "bad-request", "The request is not valid HTTP."
        else:
            log_crash(error)
            status, kind, title = 500, "internal", "The service failed."
        body = {
            "type": f"urn:tumorscope:problem:{kind}",
            "title": title,
            "status": status,
            "detail": title,
            "request_id": "",
        }
        content = json.dumps(body).encode()
        head = (
            f"HTTP/1.1 {status} {'Bad Request' if status == 400 else 'Internal Server Error'}\r\n"
            "Connection: close\r\nContent-Type: application/problem+json\r\n"
            f"Content-Length: {len(content)}\r\n\r\n"
        )
        try:
            client.sendall(head.encode() + content)
        except OSError:
            log_event("client-gone")
