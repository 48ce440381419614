"""What administrators install is tried as far as this machine can."""

import json
import re
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from http.client import HTTPSConnection
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from tests.browser.nginx import NGINX, OPENSSL, make_certificate, unverified
from tests.serving.made_requests import START_S, Server, form, multipart
from tumorscope.cli.settings import problems

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UNITS = sorted((DEPLOY / "systemd").glob("*.service"))
METRIC = re.compile(r"\btumorscope_\w+")

has_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd is not installed"
)
SYSTEM = "/usr/sbin:/sbin:/usr/bin:/bin"
PROMTOOL = shutil.which("promtool") or shutil.which("promtool", path=Path(sys.executable).parent)
LOGROTATE = shutil.which("logrotate") or shutil.which("logrotate", path=SYSTEM)
has_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not installed: apt-get install prometheus"
)


def run(*words: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(one) for one in words], capture_output=True, text=True, timeout=120, check=False
    )


@pytest.mark.parametrize(
    "path", [DEPLOY / "tumorscope.toml", DEPLOY / "container" / "tumorscope.toml"]
)
def test_settings_are_known(path: Path) -> None:
    assert problems(path) == []


@has_systemd
@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_is_sound_and_hardened(unit: Path, tmp_path: Path) -> None:
    program = tmp_path / "tumorscope"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    for one in (DEPLOY / "systemd").iterdir():
        text = one.read_text().replace("/opt/tumorscope/bin/tumorscope", str(program))
        (tmp_path / one.name).write_text(text)
    verified = run("systemd-analyze", "verify", "--man=no", tmp_path / unit.name)
    ours = [line for line in verified.stderr.splitlines() if "tumorscope" in line]
    assert (verified.returncode, ours) == (0, [])
    # 0 is safe, 10 is a service that nothing holds back.
    judged = run("systemd-analyze", "security", "--offline=true", "--threshold=15", unit)
    assert judged.returncode == 0, judged.stdout


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_unit_has_what_the_pages_promise(unit: Path) -> None:
    lines = set(unit.read_text().splitlines())
    assert lines >= {
        "User=tumorscope",
        "NoNewPrivileges=yes",
        "ProtectSystem=strict",
        "LimitCORE=0",
        "MemoryMax=4G",
        "TasksMax=256",
        "UMask=0077",
        "CapabilityBoundingSet=",
    }


@has_promtool
def test_alerts_fire_when_they_should() -> None:
    for words in (("check", "rules", "alerts.yml"), ("test", "rules", "alerts_test.yml")):
        done = subprocess.run(
            [str(PROMTOOL), *words],
            cwd=DEPLOY / "prometheus",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def dashboard() -> dict[str, Any]:
    text = (DEPLOY / "grafana" / "tumorscope.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def expressions() -> list[str]:
    return [one["expr"] for panel in dashboard()["panels"] for one in panel["targets"]]


@has_promtool
def test_dashboard_asks_what_prometheus_understands(tmp_path: Path) -> None:
    rules = [
        {"record": f"one:{number}", "expr": expr.replace("$instance", ".*")}
        for number, expr in enumerate(expressions())
    ]
    path = tmp_path / "rules.yml"
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    done = run(PROMTOOL, "check", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_dashboard_has_what_grafana_asks_of_one() -> None:
    board = dashboard()
    assert board["schemaVersion"] >= 36
    places = [tuple(panel["gridPos"].values()) for panel in board["panels"]]
    assert len(set(places)) == len(places)
    assert len({panel["id"] for panel in board["panels"]}) == len(places)
    for panel in board["panels"]:
        assert {"type", "title", "datasource", "fieldConfig", "targets"} <= set(panel)
        assert {one["refId"] for one in panel["targets"]} <= set("ABCDEF")


def test_alerts_and_dashboard_name_metrics_that_there_are(
    make_app: Callable[..., Flask], png: bytes
) -> None:
    client = make_app().test_client()
    client.post("/api/v1/predictions", data=form(("a.png", png)))
    text = client.get("/metrics").get_data(as_text=True)
    there = set(re.findall(r"^(tumorscope_\w+)", text, re.MULTILINE))
    named = set(METRIC.findall("\n".join(expressions())))
    alerts = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    named |= set(METRIC.findall(alerts))
    assert named
    assert named <= there


def test_every_alert_stands_in_the_runbook() -> None:
    alerts = (DEPLOY / "prometheus" / "alerts.yml").read_text(encoding="utf-8")
    runbook = (ROOT / "docs" / "how-to" / "runbook.md").read_text(encoding="utf-8")
    for name in re.findall(r"alert: (\w+)", alerts):
        assert f"`{name}`" in runbook, name


@pytest.mark.skipif(NGINX is None or OPENSSL is None, reason="nginx or openssl is not installed")
def test_nginx_shows_the_service_under_a_path(
    start_server: Callable[..., Server], tmp_path: Path, png: bytes
) -> None:
    server = start_server()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    make_certificate(tmp_path)
    site = (DEPLOY / "nginx" / "tumorscope.conf").read_text(encoding="utf-8")
    for old, new in {
        "http://127.0.0.1:8000/": f"{server.url}/",
        "listen 443 ssl": f"listen 127.0.0.1:{port} ssl",
        "/etc/ssl/tumorscope": str(tmp_path),
    }.items():
        assert old in site
        site = site.replace(old, new)
    folders = " ".join(
        f"{name}_temp_path {tmp_path}/{name};"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (tmp_path / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {tmp_path}/pid; error_log {tmp_path}/error.log;\n"
        f"events {{}}\nhttp {{ access_log off; {folders}\n{site}\n}}\n"
    )
    nginx = subprocess.Popen([str(NGINX), "-c", str(tmp_path / "nginx.conf"), "-p", str(tmp_path)])
    try:
        wait_for(port)
        body, kind = multipart(("a.png", png))
        status, text = ask(port, "POST", "/tumorscope/api/v1/predictions", body, kind)
        assert (status, json.loads(text)["predictions"][0]["outcome"]) == (200, "tumor")
        document = json.loads(ask(port, "GET", "/tumorscope/api/v1/openapi.json")[1])
        assert document["servers"][0]["url"].startswith("/tumorscope")
        assert ask(port, "GET", "/tumorscope/healthz")[0] == 200
        assert ask(port, "GET", "/tumorscope")[0] == 301
        assert ask(port, "GET", "/tumorscope/metrics")[0] == 404
        assert ask(port, "GET", "/")[0] == 404
    finally:
        nginx.terminate()
        nginx.wait(20)


def wait_for(port: int) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    pytest.fail("nginx does not listen")


def ask(
    port: int, method: str, path: str, body: bytes | None = None, kind: str = ""
) -> tuple[int, bytes]:
    connection = HTTPSConnection("127.0.0.1", port, context=unverified(), timeout=START_S)
    try:
        connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


def test_containerfile_keeps_the_rules() -> None:
    text = (DEPLOY / "container" / "Containerfile").read_text(encoding="utf-8")
    steps = [line for line in text.replace("\\\n", " ").splitlines() if line and line[0] != "#"]
    words = [line.split(maxsplit=1)[0] for line in steps]
    assert words.count("FROM") == 2, "a stage that builds and one that runs"
    assert "ADD" not in words
    assert "latest" not in text
    assert steps[words.index("USER")] == "USER 10001:10001"
    assert words.index("USER") < words.index("ENTRYPOINT")
    assert not [line for line in steps[words.index("USER") :] if line.startswith("RUN")]
    assert all(re.match(r"FROM python:\$\{PYTHON\}", one) for one in steps if one[:4] == "FROM")
    for line in steps:
        if "pip install" in line:
            assert line.count("pip install") == line.count("--require-hashes") + line.count(
                "--no-index"
            )
        if line.startswith("COPY") and "--from" not in line:
            *sources, _ = line.split()[1:]
            for source in sources:
                assert source.startswith("dist/") or (ROOT / source).is_file(), source


@pytest.mark.parametrize("lock", sorted((DEPLOY / "locks").glob("*.txt")), ids=lambda one: one.name)
def test_lock_has_hashes_and_names_no_registry(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    assert "://" not in text
    assert "--index" not in text
    wanted = re.findall(r"^([a-z0-9][\w.\[\]-]*)==", text, re.MULTILINE)
    assert wanted
    for part in re.split(r"\n(?=\S)", text.strip()):
        assert part.startswith("#") or "--hash=sha256:" in part, part[:60]


def test_web_lock_has_hashes_and_names_no_registry() -> None:
    lock = json.loads((ROOT / "web" / "package-lock.json").read_text(encoding="utf-8"))
    packages = {name: one for name, one in lock["packages"].items() if name}
    missing = [
        name for name, one in packages.items() if not one.get("link") and "integrity" not in one
    ]
    assert missing == []
    assert not [name for name, one in packages.items() if "resolved" in one]


def test_scripts_are_shell() -> None:
    for script in DEPLOY.rglob("*.sh"):
        assert run("sh", "-n", script).returncode == 0, script


@pytest.mark.skipif(LOGROTATE is None, reason="logrotate is not installed")
def test_logrotate_understands_its_file(tmp_path: Path) -> None:
    text = (DEPLOY / "logrotate" / "tumorscope").read_text(encoding="utf-8")
    text = text.replace("/var/lib/tumorscope", str(tmp_path)).replace(
        "tumorscope tumorscope", "root root"
    )
    (tmp_path / "rotate").write_text(text)
    done = run(LOGROTATE, "--debug", tmp_path / "rotate")
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
