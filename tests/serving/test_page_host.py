"""The file server of ``tumorscope demo``, over real sockets."""

import http.client
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, suppress
from pathlib import Path

import pytest
from click.testing import CliRunner

from tumorscope.cli.main import cli
from tumorscope.errors import UsageError
from tumorscope.serving import page_host
from tumorscope.serving.page_host import FOREVER, HEADERS, open_server, page_folder


@pytest.fixture
def page(tmp_path: Path) -> Path:
    """A page of a few files, beside one that is none of it."""
    folder = tmp_path / "page"
    (folder / "assets").mkdir(parents=True)
    (folder / "model").mkdir()
    (folder / "index.html").write_text("<!doctype html>")
    (folder / "integrity.json").write_text("{}")
    (folder / "assets" / "index-abc.js").write_text("1")
    (folder / "model" / "ort-abc.mjs").write_text("2")
    (folder / "model" / "lite-abc.onnx.gz").write_bytes(b"\x1f\x8b")
    (tmp_path / "secret").write_text("secret")
    return folder


@pytest.fixture
def port(page: Path) -> Iterator[int]:
    with open_server(page, host="127.0.0.1", port=0) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def ask(port: int, path: str, method: str = "GET") -> tuple[int, http.client.HTTPMessage, bytes]:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.request(method, path)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


@pytest.mark.parametrize("path", ["/", "/index.html", "/assets/index-abc.js", "/nothing", "/model"])
def test_every_answer_has_the_headers_of_the_recipe(port: int, path: str) -> None:
    _, headers, _ = ask(port, path)
    assert {name: headers[name] for name in HEADERS} == dict(HEADERS)


def test_media_types_do_not_depend_on_the_machine(port: int) -> None:
    kinds = {
        "/": "text/html",
        "/assets/index-abc.js": "text/javascript",
        "/model/ort-abc.mjs": "text/javascript",
        "/model/lite-abc.onnx.gz": "application/gzip",
    }
    found = {path: ask(port, path)[1] for path in kinds}
    assert {path: one["Content-Type"] for path, one in found.items()} == kinds
    # Browsers would unpack it, and its digest would be that of something else.
    assert found["/model/lite-abc.onnx.gz"]["Content-Encoding"] is None


def test_only_what_has_a_hash_in_its_name_is_kept_for_long(port: int) -> None:
    paths = ("/assets/index-abc.js", "/", "/integrity.json", "/assets/gone.js")
    found = [ask(port, path)[1]["Cache-Control"] for path in paths]
    assert found == [FOREVER, "no-cache", "no-cache", "no-cache"]


@pytest.mark.parametrize("path", ["/assets/", "/model/", "/../secret", "/%2e%2e/secret"])
def test_nothing_but_files_of_the_page_is_shown(port: int, path: str) -> None:
    status, _, body = ask(port, path)
    assert status == 404
    assert b"secret" not in body
    assert b"index-abc" not in body


def test_nothing_is_received(port: int) -> None:
    assert ask(port, "/", "POST")[0] == 501


def test_connections_beyond_the_bound_are_closed_and_their_places_given_back(
    page: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_host, "MOST_CONNECTIONS", 3)
    with open_server(page, host="127.0.0.1", port=0) as server, ExitStack() as silent:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        for _ in range(3):
            one = socket.create_connection(("127.0.0.1", server.server_port), timeout=30)
            silent.enter_context(closing(one))
        with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as beyond:
            assert beyond.recv(1) == b""
        silent.close()
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            with suppress(http.client.RemoteDisconnected, ConnectionError):
                assert ask(server.server_port, "/")[0] == 200
                break
        else:
            pytest.fail("No place was given back.")
        server.shutdown()


def test_a_port_that_is_taken_is_named(page: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(UsageError, match=f"127.0.0.1:{port} cannot be used"):
            open_server(page, host="127.0.0.1", port=port)


def test_an_installation_without_the_page_says_how_to_build_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_host, "PACKED", tmp_path / "packed")
    monkeypatch.setattr(page_host, "BUILT", tmp_path / "built")
    with pytest.raises(UsageError, match="make static"):
        page_folder()
    result = CliRunner().invoke(cli, ["demo", "--folder", str(tmp_path)])
    assert isinstance(result.exception, UsageError)
    assert "holds no built static page" in str(result.exception)


def test_the_page_of_the_package_goes_before_that_of_the_checkout(
    page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_host, "PACKED", page)
    monkeypatch.setattr(page_host, "BUILT", tmp_path)
    assert page_folder() == page
    monkeypatch.setattr(page_host, "PACKED", tmp_path)
    monkeypatch.setattr(page_host, "BUILT", page)
    assert page_folder() == page
