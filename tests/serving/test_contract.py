"""Schemathesis, with the document in its hand, against the running server."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.serving.made_requests import Server

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
)
TIMEOUT_S = 600


@pytest.mark.slow
def test_every_route_keeps_to_the_document(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server()
    run = subprocess.run(
        [sys.executable, "-m", "schemathesis.cli", "run", f"{server.url}/api/v1/openapi.json",
         "--checks", ",".join(CHECKS), "--max-examples", "10", "--generation-deterministic",
         "--no-color", "--warnings", "off"],
        cwd=tmp_path,
        env=os.environ
        | {
            "SCHEMATHESIS_HOOKS": "tests.serving.schemathesis_hooks",
            "PYTHONPATH": os.pathsep.join(one for one in sys.path if one),
        },
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )  # fmt: skip
    assert run.returncode == 0, run.stdout[-6000:] + run.stderr[-2000:]
    log = server.log.read_text()
    for route in ("predictions", "jobs", "jobs/<job>", "model", "samples", "samples/<name>"):
        assert f'"route": "/api/v1/{route}"' in log
    assert '"status": 200' in log
    assert '"event": "crash"' not in log
