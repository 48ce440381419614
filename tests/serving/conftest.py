"""The service in this process and as a program of its own, with the tiny model."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.serving.made_requests import CheckedClient, Server, encode
from tumorscope.model.artifact import Artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.api_keys import hash_key
from tumorscope.serving.http_api.base.config import ServerConfig


@pytest.fixture
def png(make_head: Callable[..., np.ndarray]) -> bytes:
    """A head with a blob, which the tiny model calls a tumor."""
    return encode(make_head(blob=(80, 60)))


@pytest.fixture
def plain_png(make_head: Callable[..., np.ndarray]) -> bytes:
    """A head without a blob."""
    return encode(make_head())


@pytest.fixture(scope="session")
def volume(make_head: Callable[..., np.ndarray]) -> Callable[[int], bytes]:
    """A NIfTI volume of a number of slices; those in the middle third have a blob."""

    def make(slices: int, *, size: int = 64) -> bytes:
        plain = make_head((size, size))
        bright = make_head((size, size), blob=(size // 2, size // 3))
        middle = range(slices // 3, 2 * slices // 3)
        cut = [bright if index in middle else plain for index in range(slices)]
        # Sides that differ by half keep the reader to the axis that was stacked.
        return nibabel.Nifti1Image(np.stack(cut, axis=-1), np.diag([1.0, 1.0, 4.0, 1.0])).to_bytes()

    return make


@pytest.fixture
def tiny_model(tiny_artifact: Artifact) -> Classifier:
    return Classifier(tiny_artifact, threads=1)


@pytest.fixture
def make_app(tmp_path: Path, tiny_model: Classifier) -> Iterator[Callable[..., Flask]]:
    """Build applications with changed settings; they are closed after the test."""
    apps = []

    def make(*, classifier: Classifier = tiny_model, **settings: Any) -> Flask:
        settings = {"spool": tmp_path / "spool", "static": tmp_path / "static"} | settings
        apps.append(create_app(ServerConfig(**settings), classifier=classifier))
        apps[-1].test_client_class = CheckedClient
        return apps[-1]

    yield make
    for app in apps:
        close_app(app)


@pytest.fixture
def key_file(tmp_path: Path) -> Callable[..., Path]:
    """Write a file of given keys' hashes."""

    def write(*keys: str) -> Path:
        lines = [f"{hash_key(key)} desk{number}\n" for number, key in enumerate(keys)]
        path = tmp_path / "keys"
        path.write_text("".join(lines))
        return path

    return write


@pytest.fixture
def client(make_app: Callable[..., Flask]) -> FlaskClient:
    return make_app().test_client()


@pytest.fixture
def start_server(tmp_path: Path, tiny_artifact_path: Path) -> Iterator[Callable[..., Server]]:
    """Start ``tumorscope serve`` as a program; what still runs is killed after the test."""
    servers = []

    def start(*options: str) -> Server:
        servers.append(Server(tmp_path, tiny_artifact_path, options))
        return servers[-1]

    yield start
    for server in servers:
        server.kill()
