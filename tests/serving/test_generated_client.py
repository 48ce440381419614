"""A client made from the document by a program of others, against the running service."""

import importlib
import io
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tests.serving.made_requests import JOB_S, Server
from tumorscope.serving.http_api.base.api_keys import add_key

pytest.importorskip("openapi_python_client", reason="openapi-python-client is not installed")
NAME = "generated_tumorscope_client"
TIMEOUT_S = 300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder that holds the client, which was made without a warning."""
    folder = tmp_path_factory.mktemp("client")
    document = Path(__file__).parents[2] / "web" / "openapi.json"
    run = subprocess.run(
        [sys.executable, "-m", "openapi_python_client", "generate", "--path", str(document),
         "--meta", "none", "--output-path", str(folder / NAME), "--fail-on-warning"],
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        env=os.environ | {"PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
    )  # fmt: skip
    said = run.stdout + run.stderr
    assert run.returncode == 0, said
    assert "warning" not in said.lower(), said
    return folder


@pytest.fixture
def load(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], ModuleType]]:
    """Import a part of the client by its name."""
    monkeypatch.syspath_prepend(str(folder))
    yield lambda part: importlib.import_module(f"{NAME}.{part}")
    for name in [one for one in sys.modules if one.startswith(NAME)]:
        del sys.modules[name]


def operations(document: dict[str, Any]) -> set[str]:
    return {one["operationId"] for path in document["paths"].values() for one in path.values()}


def test_every_operation_answers_a_typed_client(
    load: Callable[[str], ModuleType],
    start_server: Callable[..., Server],
    tmp_path: Path,
    png: bytes,
) -> None:
    keys = tmp_path / "keys"
    key = add_key(keys, "client")
    server = start_server("--api-keys", str(keys))
    models, types = load("models"), load("types")
    client = load("client").AuthenticatedClient(base_url=server.url, token=key, timeout=JOB_S)
    called = set()

    def call(tag: str, name: str, *arguments: Any, **options: Any) -> Any:
        called.add(name)
        function = load(f"api.{tag}.{name}").sync_detailed
        answer = function(*arguments, client=client, **options)
        assert answer.status_code.value < 300, answer.content
        return answer.parsed

    def upload(*files: tuple[str, bytes]) -> Any:
        return models.Upload(
            file=[types.File(io.BytesIO(content), name) for name, content in files]
        )

    with client:
        assert call("operation", "get_health").status.value == "ok"
        assert call("operation", "get_readiness").status.value == "ready"
        assert "tumorscope_build_info" in call("operation", "get_metrics")
        assert "<title>" in call("operation", "get_docs")
        document = call("operation", "get_openapi").to_dict()
        assert call("model", "get_model").default_operating_point == "balanced"
        sample = call("samples", "list_samples").samples[0]
        assert call("samples", "get_sample", sample.name).payload.read().startswith(b"\x89PNG")
        found = call("predictions", "create_predictions", body=upload(("a.png", png), ("b", b"?")))
        image, failure = found.predictions
        assert isinstance(image, models.ImageAnswer)
        assert isinstance(failure, models.ErrorAnswer)
        assert failure.error.type_.value == "unsupported-format"
        made = [
            call("jobs", "create_job", body=upload(("a.png", png)), hold=60, idempotency_key="k").id
            for _ in range(2)
        ]
        assert made[0] == made[1]
        deadline = time.monotonic() + JOB_S
        while (job := call("jobs", "get_job", made[0])).state.value != "finished":
            assert time.monotonic() < deadline
        assert job.predictions[0].probabilities.to_dict() == image.probabilities.to_dict()
        for name in ("get_slice_image", "get_slice_evidence"):
            assert call("jobs", name, job.id, 0).payload.read().startswith(b"\x89PNG")
        assert [one.id for one in call("jobs", "list_jobs", limit=5).jobs] == [job.id]
        call("jobs", "delete_job", job.id)
        gone = load("api.jobs.get_job").sync_detailed(job.id, client=client)
        assert (gone.status_code, gone.parsed.type_.value.rpartition(":")[2]) == (404, "not-found")
    assert {name.replace("_", "") for name in called} == {
        name.lower() for name in operations(document)
    }


@pytest.mark.slow
def test_client_holds_its_types(folder: Path) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "mypy", "--config-file", "/dev/null", "--disallow-untyped-defs",
         "--disallow-incomplete-defs", "--cache-dir", str(folder / "cache"), NAME],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )  # fmt: skip
    lines = run.stdout.splitlines()
    # client.py is not made from the document, and the program's own fault.
    own = f"{NAME}/client.py"
    assert [one for one in lines if ": error:" in one and not one.startswith(own)] == []
    assert "checked" in lines[-1], run.stdout + run.stderr
    for module in (folder / NAME / "api").rglob("*.py"):
        assert "Response[Any]" not in module.read_text(), f"{module.name} tells no type"
