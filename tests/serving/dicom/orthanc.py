"""A real Orthanc with DICOMweb, from the recipe in ``deploy/orthanc``."""

import json
import shutil
import socket
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest

RECIPE = Path(__file__).parents[3] / "deploy" / "orthanc"
PLUGIN = Path("/usr/share/orthanc/plugins/libOrthancDicomWeb.so")


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def wait_until_open(port: int) -> None:
    for _ in range(1200):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError("nobody listens")


class Orthanc:
    """Runs until closed; its folder is new."""

    def __init__(self, folder: Path, *, node_port: int = 1, **changes: Any) -> None:
        program = shutil.which("Orthanc") or shutil.which("Orthanc", path="/usr/sbin")
        if program is None or not PLUGIN.exists():
            pytest.skip("Orthanc with its DICOMweb plugin is not installed")
        self.http, self.dicom = free_port(), free_port()
        config = json.loads((RECIPE / "orthanc.json").read_text()) | {
            "HttpPort": self.http,
            "DicomPort": self.dicom,
            "StorageDirectory": str(folder / "storage"),
            "IndexDirectory": str(folder / "storage"),
            "StableAge": 1,
            "AuthenticationEnabled": False,
            "DicomModalities": {"tumorscope": ["TUMORSCOPE", "127.0.0.1", node_port]},
            "LuaScripts": [str(RECIPE / "tumorscope.lua")],
        }
        (folder / "orthanc.json").write_text(json.dumps(config | changes))
        self.log = (folder / "orthanc.log").open("wb")
        self.process = subprocess.Popen(
            [program, str(folder / "orthanc.json")], stdout=self.log, stderr=self.log, cwd=folder
        )
        self._wait()

    @property
    def web(self) -> str:
        return f"http://127.0.0.1:{self.http}/dicom-web"

    def get(self, path: str) -> Any:
        with urllib.request.urlopen(f"http://127.0.0.1:{self.http}{path}", timeout=10) as answer:
            return json.load(answer)

    def instances(self, modality: str) -> int:
        series = [self.get(f"/series/{one}") for one in self.get("/series")]
        return sum(
            len(one["Instances"]) for one in series if one["MainDicomTags"]["Modality"] == modality
        )

    def wait_for(self, modality: str, count: int, seconds: float = 90) -> int:
        end = time.monotonic() + seconds
        while (found := self.instances(modality)) < count and time.monotonic() < end:
            time.sleep(0.3)
        return found

    def close(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()

    def _wait(self) -> None:
        for _ in range(300):
            try:
                self.get("/system")
            except OSError:
                time.sleep(0.1)
                assert self.process.poll() is None, "Orthanc ended"
            else:
                return
        raise AssertionError("Orthanc does not answer")
