"""Two builds of the wheel are equal byte by byte, wherever and whenever they are made."""

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKED = ("pyproject.toml", "README.md", "LICENSE", "hatch_build.py", "src")
LARGE = "*.tumorscope"


def build(checkout: Path, output: Path, *, mask: int) -> Path:
    """Build a wheel of a copy of the source with other times and permissions."""
    for name in PACKED:
        source, target = ROOT / name, checkout / name
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", "static", LARGE)
            shutil.copytree(source, target, ignore=ignored, copy_function=shutil.copyfile)
        else:
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    # The page is built before; the models only take time to be packed.
    page = checkout / "src" / "tumorscope" / "serving" / "static" / "index.html"
    page.parent.mkdir()
    page.write_text("<!doctype html>")
    static_page = checkout / "web" / "dist-static"
    static_page.mkdir(parents=True, exist_ok=True)
    (static_page / "integrity.json").write_text("{}")
    (checkout / "src" / "tumorscope" / "model" / "default.tumorscope").write_bytes(bytes(1000))
    old = os.umask(mask)
    try:
        for one in checkout.rglob("*"):
            os.utime(one, (mask * 10_000_000, mask * 10_000_000))
        script = f"from hatchling.build import build_wheel; print(build_wheel({str(output)!r}))"
        done = subprocess.run(
            [sys.executable, "-c", script],
            cwd=checkout,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
    finally:
        os.umask(old)
    assert done.returncode == 0, done.stderr
    return output / done.stdout.split()[-1]


def test_two_builds_are_one_file(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="the extra [dev] is not installed")
    wheels = []
    for name, mask in (("a", 0o022), ("an other place", 0o077)):
        (tmp_path / name).mkdir()
        (tmp_path / f"{name} out").mkdir()
        wheels.append(build(tmp_path / name, tmp_path / f"{name} out", mask=mask))
    one, other = (hashlib.sha256(wheel.read_bytes()).hexdigest() for wheel in wheels)
    assert one == other
    names = zipfile.ZipFile(wheels[0]).namelist()
    assert "tumorscope/serving/static/index.html" in names
    assert "tumorscope/serving/static_page/integrity.json" in names
    assert not [name for name in names if name.startswith(("tests", "deploy"))]
