"""Accessibility and best practices of the static and the served page, as Lighthouse judges them.

    make web static
    python -m benchmarks.bench_lighthouse

starts ``tumorscope demo`` and ``tumorscope serve``, has Lighthouse look at both in Debian's
Chromium and prints its scores with all audits that were not passed. Lighthouse is no dependency of
the project: ``npx`` brings it, or ``--lighthouse`` names the program where it is installed.
``--record`` puts the scores into ``docs/results/held_out.json`` as ``static_page/lighthouse/...``.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from benchmarks.record import command_line, record_numbers

from tumorscope.model.classifier import load_model
from tumorscope.serving.page_host import page_folder

PACKAGE: Final = "lighthouse@12.8.2"
"""The last that runs on Node 20."""

CATEGORIES: Final = ("accessibility", "best-practices")
LEAST: Final = 95
FLAGS: Final = "--headless=new --no-sandbox --disable-gpu"


@contextmanager
def running(*command: str) -> Iterator[str]:
    """Run a verb that serves; yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-u", "-m", "tumorscope", *command], stdout=subprocess.PIPE, text=True
    )
    try:
        line = process.stdout.readline() if process.stdout else ""
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        if not address:
            raise SystemExit(f"tumorscope {command[0]} said: {line!r}")
        yield address[0]
    finally:
        process.terminate()
        process.communicate()


def look(program: list[str], url: str) -> dict[str, Any]:
    """Return what Lighthouse says of a page."""
    browser = {"CHROME_PATH": shutil.which("chromium") or "chromium"}
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder) / "report.json"
        options = [
            "--quiet",
            "--output=json",
            f"--output-path={output}",
            "--max-wait-for-load=180000",
        ]
        options += [f"--only-categories={','.join(CATEGORIES)}", f"--chrome-flags={FLAGS}"]
        subprocess.run([*program, url, *options], check=True, env=os.environ | browser)
        report: dict[str, Any] = json.loads(output.read_text())
    return report


def not_passed(report: dict[str, Any], category: str) -> list[str]:
    """Return the titles of audits of a category that lost points."""
    weights = {one["id"]: one["weight"] for one in report["categories"][category]["auditRefs"]}
    audits = ((name, report["audits"][name]) for name, weight in weights.items() if weight)
    return [f"{name}: {one['title']}" for name, one in audits if one["score"] not in (1, None)]


def main() -> None:
    """Look, print and, if asked, record."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--lighthouse", help="program; by default npx brings it")
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    program = [given.lighthouse] if given.lighthouse else ["npx", "--yes", PACKAGE]
    pages = {"static": ("demo", "--port", "0")}
    with tempfile.TemporaryDirectory() as spool:
        pages["served"] = ("serve", "--port", "0", "--spool", spool)
        scores = {}
        for page, command in pages.items():
            with running(*command) as url:
                report = look(program, url)
            for category in CATEGORIES:
                score = 100 * report["categories"][category]["score"]
                scores[f"{page}/{category}"] = score
                verdict = "met" if score >= LEAST else "MISSED"
                print(f"{page} page, {category}: {score:.0f} (>= {LEAST}, {verdict})")
                for one in not_passed(report, category):
                    print(f"  {one}")
    if given.record:
        version = (page_folder() / "integrity.json").read_bytes()
        record_numbers(
            "static_page/lighthouse/",
            scores,
            command=command_line("benchmarks.bench_lighthouse"),
            data_sha256=hashlib.sha256(version).hexdigest(),
            model_sha256=load_model().identity.sha256,
        )


if __name__ == "__main__":
    main()
