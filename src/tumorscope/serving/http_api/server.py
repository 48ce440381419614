"""Runs the application: gunicorn where there is fork, waitress elsewhere."""

from __future__ import annotations

import dataclasses
import os
import shutil
import socket
import sys
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import available_cores
from tumorscope.serving.audit_log import AuditLog
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.listening import Announce, address
from tumorscope.serving.http_api.base.logs import set_up_logging
from tumorscope.serving.http_api.jobs.job_store import STORE_NAME
from tumorscope.serving.http_api.jobs.store_schema import check_store
from tumorscope.system.own_process import no_core_dumps

METRICS_VARIABLE: Final = "PROMETHEUS_MULTIPROC_DIR"


def serve(config: ServerConfig, *, port: int, workers: int, announce: Announce) -> None:
    """Serve until the process is told to stop.

    Parameters
    ----------
    port
        TCP port; 0 for any that is free.
    workers
        Processes, each with the model in memory and its share of the cores.
    announce
        Called with the address once requests are answered.

    Raises
    ------
    UsageError
        If the port is taken, the key file holds no key, or the service would be open to a network
        without one.
    ArtifactError
        If the model cannot be used.
    StoreError
        If the jobs of the spool cannot be used.
    AuditError
        If the audit log is none, or its last line was changed.
    """
    config.check()
    config.check_keys()
    artifact = read_artifact(config.model)
    check_store(config.spool / STORE_NAME)
    _check_port(config.host, port)
    if config.audit_log is not None:
        manifest = artifact.manifest
        known = f"{manifest.model_id} {manifest.model_version} {manifest.identity}"
        AuditLog(config.audit_log).write("start", by=None, model=known)
    share = config.threads or max(1, available_cores() // workers)
    config = dataclasses.replace(config, threads=share)
    set_up_logging()
    no_core_dumps()
    if sys.platform == "win32":
        from tumorscope.serving.http_api.waitress_server import run_waitress

        run_waitress(config, port=port, announce=announce)
    else:
        _share_metrics(config, workers)
        from tumorscope.serving.http_api.gunicorn_server import run_gunicorn

        run_gunicorn(config, port=port, workers=workers, announce=announce)


def _check_port(host: str, port: int) -> None:
    """Raise UsageError if the port cannot be had; the servers themselves would try on and on."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        if sys.platform != "win32":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise UsageError(
                f"{address(host, port)} cannot be used ({error.strerror}); give another --port or "
                "--host."
            ) from error


def _share_metrics(config: ServerConfig, workers: int) -> None:
    """Let the worker processes add up their metrics through files; read when they are imported."""
    if workers == 1:
        return
    folder = config.spool / "metrics"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, parents=True)
    os.environ[METRICS_VARIABLE] = str(folder)
