"""Kill the service at random moments while jobs run: none lost, none answered twice.

    python -m benchmarks.trial_kill_jobs --kills 100 --output runs/kill

Jobs of made volumes are sent, polled and fetched without a pause over a socket; all processes of
the service are killed (SIGKILL) after a random time, whatever they are doing, and started anew on
the same spool. Every job that was accepted must in the end give each of its slices once, in order,
with the answers that Python gives. The service is forked from this process, which has its modules
loaded already: a hundred starts of the interpreter would take most of the time.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from typing import Any

import nibabel
import numpy as np
from tests.conftest import make_tiny_artifact
from tests.serving.made_requests import multipart

from tumorscope.model.artifact import write_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api import app, gunicorn_server
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.server import serve

LOADED = (app, gunicorn_server)
"""Modules that the service would load after the fork."""

SLICES = (3, 40)
OPEN_JOBS = 6
"""Jobs that are kept under way."""

RUN_S = (0.0, 4.0)
"""Time between the first answer after a start and the next kill."""

LEASE_S = 0.5
"""Short, so that most jobs are taken up again several times."""

END_S = 1200


class BrokenOffError(Exception):
    """The service was killed during a request."""


class Trial:
    """The jobs of a trial, and what became of them."""

    def __init__(self, folder: Path, *, seed: int) -> None:
        self._chance = random.Random(seed)  # noqa: S311 - to be repeated
        self._folder = folder
        artifact = make_tiny_artifact()
        model = folder / "tiny.tumorscope"
        write_artifact(model, artifact)
        self._config = ServerConfig(
            spool=folder / "spool", model=model, lease_s=LEASE_S, keep_results_s=0
        )
        self._artifact = artifact
        self._open: dict[str, int] = {}
        self._fetched: list[tuple[int, list[dict[str, Any]]]] = []
        self._sent: dict[str, bytes] = {}
        names = "kills accepted unsure interrupted finished lost wrong still_there"
        self.account = dict.fromkeys(names.split(), 0)

    def run(self, kills: int) -> None:
        """Kill the service so many times, let it finish, and hold the answers to Python's."""
        for _ in range(kills):
            with forked_service(self._config) as (process, port):
                after = self._chance.uniform(*RUN_S)
                killer = threading.Timer(after, os.killpg, (process, signal.SIGKILL))
                killer.start()
                self._work_until_killed(port)
                killer.join()
            self.account["kills"] += 1
            self.account["interrupted"] += len(self._open)
        with forked_service(self._config) as (process, port):
            end = time.monotonic() + END_S
            while self._open and time.monotonic() < end:
                self._look(port)
                time.sleep(0.05)
            self.account["lost"] += len(self._open)
            for job in self._sent:
                self.account["still_there"] += self._request(port, "GET", job)[0] != 404
            os.killpg(process, signal.SIGTERM)
        self.account["finished"] = len(self._fetched)
        self._check()

    def _work_until_killed(self, port: int) -> None:
        try:
            while True:
                if len(self._open) < OPEN_JOBS:
                    self._send(port)
                self._look(port)
        except BrokenOffError:
            return

    def _send(self, port: int) -> None:
        slices = self._chance.randint(*SLICES)
        content = made_volume(slices, seed=slices)
        try:
            status, body = self._request(port, "POST", "", ("v.nii", content))
        except BrokenOffError:
            self.account["unsure"] += 1  # perhaps it was accepted, but nobody was told
            raise
        if status == 202:
            job = json.loads(body)["id"]
            self._open[job], self._sent[job] = slices, content
            self.account["accepted"] += 1

    def _look(self, port: int) -> None:
        for job, slices in list(self._open.items()):
            status, body = self._request(port, "GET", job)
            if status != 200:
                self.account["lost"] += 1
                del self._open[job]
                continue
            answer = json.loads(body)
            images = [one for one in answer["predictions"] if one["kind"] == "image"]
            in_order = [one["slice_index"] for one in images] == list(range(len(images)))
            self.account["wrong"] += not in_order
            if answer["state"] == "finished":
                self._fetched.append((slices, answer["predictions"]))
                del self._open[job]

    def _request(
        self, port: int, method: str, job: str, *files: tuple[str, bytes]
    ) -> tuple[int, bytes]:
        body, kind = multipart(*files) if files else (None, "")
        path = "/api/v1/jobs" + (f"/{job}" if job else "")
        try:
            with closing(HTTPConnection("127.0.0.1", port, timeout=120)) as connection:
                connection.request(method, path, body, {"Content-Type": kind} if kind else {})
                response = connection.getresponse()
                return response.status, response.read()
        except (OSError, HTTPException) as error:
            raise BrokenOffError from error

    def _check(self) -> None:
        """Hold each fetched job to Python's answers, in which no file has a name."""
        classifier, known = Classifier(self._artifact, threads=1), {}
        for slices, predictions in self._fetched:
            if slices not in known:
                path = self._folder / "v.nii"
                path.write_bytes(made_volume(slices, seed=slices))
                known[slices] = [one.to_dict() for one in classifier.predict_many([path])]
            self.account["wrong"] += not _are_equal(predictions, known[slices])


def _are_equal(answers: list[dict[str, Any]], expected: list[dict[str, Any]]) -> bool:
    def told(answer: dict[str, Any]) -> tuple[Any, ...]:
        return answer["kind"], answer.get("slice_index"), answer.get("outcome")

    def tumor(answer: dict[str, Any]) -> float:
        return float(answer["probabilities"]["tumor"])

    return [told(one) for one in answers] == [told(one) for one in expected] and all(
        np.isclose(tumor(one), tumor(right)) for one, right in zip(answers, expected, strict=True)
    )


@contextmanager
def forked_service(config: ServerConfig) -> Iterator[tuple[int, int]]:
    """Run the service as processes of their own group; yields the group and the port."""
    reader, writer = os.pipe()
    process = os.fork()
    if process == 0:
        os.setpgid(0, 0)
        os.close(reader)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
        try:
            serve(config, port=0, workers=1, announce=lambda url: _tell(writer, url))
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader) as lines:
        port = int(lines.readline().rpartition(":")[2])
        try:
            yield process, port
        finally:
            os.waitpid(process, 0)


def _tell(writer: int, url: str) -> None:
    os.write(writer, f"{url}\n".encode())
    os.close(writer)


def made_volume(slices: int, *, seed: int) -> bytes:
    """Return a NIfTI volume whose slices all differ."""
    noise = np.random.default_rng(seed).integers(60, 250, (48, 48, 1))
    levels = np.linspace(0.4, 1.0, slices)
    voxels = (noise * levels).astype(np.int16)
    content: bytes = nibabel.Nifti1Image(voxels, np.diag([1.0, 1.0, 4.0, 1.0])).to_bytes()
    return content


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--output", type=Path, default=Path("runs/kill"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        trial = Trial(Path(folder), seed=options.seed)
        trial.run(options.kills)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(trial.account, indent=1) + "\n")
    print(json.dumps(trial.account, indent=1))
    sys.exit(1 if trial.account["lost"] or trial.account["wrong"] else 0)


if __name__ == "__main__":
    main()
