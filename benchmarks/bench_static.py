"""The static page against Python on real scans: answers, time, transfer and memory.

    make static && python -m benchmarks.bench_static --root DATA --manifest DATA/manifest.csv

drives Chromium against ``web/dist-static`` behind a plain file server. It draws scans from all sets
of the manifest, has the page and Python answer them with the full model, and prints the share of
equal outcomes, the 99th percentile of the difference of probabilities, seconds to the first answer
with a cold cache and what was sent until then, seconds for a warm slice of either model, and the
memory of the page after a tenth of the scans and after all. ``--threads`` serves the headers that
isolate the page.
"""

import argparse
import csv
import json
import random
import shutil
import statistics
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from tests.browser.static_host import BUILT, StaticHost
from web.static_build import HEADERS

from tumorscope.imaging.phantom import head_phantom
from tumorscope.model.classifier import load_model

CHUNK = 50
TIMEOUT_MS = 3_600_000
FULL = "The full model answers."


def choose(manifest: Path, root: Path, count: int) -> list[Path]:
    """Draw files of all sets in turn, the same ones each time."""
    with manifest.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    by_set: dict[str, list[str]] = {}
    for row in rows:
        files = by_set.setdefault(row["set"], [])
        if row["path"] not in files[-1:]:
            files.append(row["path"])
    drawn: list[Path] = []
    chance = random.Random(0)  # noqa: S311  no secret
    turns = [chance.sample(files, len(files)) for files in by_set.values()]
    while len(drawn) < count and any(turns):
        for files in turns:
            if files and len(drawn) < count:
                path = root / files.pop()
                if path.is_file() and path not in drawn:
                    drawn.append(path)
    return drawn


def first_answer(page: Page, host: StaticHost, sample: Path) -> tuple[float, int]:
    """Open the page with a cold cache and answer one picture; return seconds and bytes sent."""
    sent = 0

    def count(response: Any) -> None:
        nonlocal sent
        sent += int(response.headers.get("content-length", 0))

    page.on("response", count)
    started = time.perf_counter()
    page.goto(host.url)
    give(page, [sample])
    page.get_by_role("heading", name="What the model says", exact=True).wait_for()
    took = time.perf_counter() - started
    page.remove_listener("response", count)
    return took, sent


def give(page: Page, files: list[Path]) -> None:
    """Choose files by the dialog."""
    page.get_by_role("link", name="Worklist", exact=True).click()
    with page.expect_file_chooser() as chooser:
        page.get_by_role("button", name="Choose files", exact=True).click()
    chooser.value.set_files([str(one) for one in files])


def wait_until_answered(page: Page) -> None:
    """Wait until nothing is read or answered any more."""
    page.get_by_role("link", name="Worklist", exact=True).click()
    script = """() => !document.querySelector('[role=progressbar]') &&
        !document.body.innerText.includes('Waiting') &&
        !document.body.innerText.includes('Analyzing')"""
    page.wait_for_timeout(500)
    page.wait_for_function(script, timeout=TIMEOUT_MS)


def answers(page: Page) -> list[dict[str, Any]]:
    """Return all answers for images that the page has given."""
    with page.expect_download() as download:
        page.get_by_role("button", name="JSON", exact=True).click()
    cases = json.loads(download.value.path().read_text())
    return [one for case in cases for one in case["slices"]]


def renderer_mebibytes() -> float:
    """Resident memory of all pages of Chromium."""
    total = 0.0
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if b"--type=renderer" in (folder / "cmdline").read_bytes():
                total += int((folder / "statm").read_text().split()[1]) * 4096 / 2**20
        except OSError:
            continue
    return total


def measure(host: StaticHost, files: list[Path], sample: Path) -> tuple[dict[str, Any], Any]:
    """Drive the page; return what was measured and all answers by source and slice."""
    result: dict[str, Any] = {"scans": len(files)}
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"), args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_context(locale="en-US").new_page()
        page.set_default_timeout(TIMEOUT_MS)
        result["first_answer_s"], result["first_answer_bytes"] = first_answer(page, host, sample)
        page.get_by_text(FULL).wait_for()
        result["slice_s"] = statistics.median(_warm(page, sample) for _ in range(5))
        for start in range(0, len(files), CHUNK):
            give(page, files[start : start + CHUNK])
            wait_until_answered(page)
            result.setdefault("mebibytes_first", renderer_mebibytes())
        result["mebibytes_last"] = renderer_mebibytes()
        found = {(one["source"], one["slice_index"]): one for one in answers(page)}
        result["isolated"] = page.evaluate("crossOriginIsolated")
        browser.close()
    return result, found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, required=True)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--threads", action="store_true")
    parser.add_argument("--output", type=Path, default=Path("build/static.json"))
    given = parser.parse_args()
    work = given.output.parent / "static-scans"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir(parents=True)
    named = []
    for number, path in enumerate(choose(given.manifest, given.root, given.count)):
        named.append(work / f"{number:04d}-{path.name}")  # says which file is meant
        named[-1].symlink_to(path.resolve())
    sample = work / "sample.png"
    _write_png(sample)
    host = StaticHost(BUILT, headers=dict(HEADERS) if given.threads else {})
    result, found = measure(host, named, sample)
    host.stop()
    result |= compare(found, named)
    given.output.write_text(json.dumps(result, indent=1) + "\n")
    for name, value in result.items():
        print(f"{name}: {value}")


def _write_png(path: Path) -> None:
    from PIL import Image

    Image.fromarray(head_phantom()).save(path)


def _warm(page: Page, sample: Path) -> float:
    started = time.perf_counter()
    give(page, [sample])
    wait_until_answered(page)
    return time.perf_counter() - started


def compare(found: Any, files: list[Path]) -> dict[str, Any]:
    """Have Python answer the same files; return how far apart the answers are."""
    model = load_model()
    equal, differences, missing = [], [], []
    for answer in model.predict_many(files):
        one = answer.to_dict()
        if one["kind"] != "image":
            continue
        other = found.get((Path(one["source"]).name, one["slice_index"]))
        if other is None:
            missing.append(one["source"])
            continue
        equal.append(one["outcome"] == other["outcome"])
        if one["probabilities"] and other["probabilities"]:
            gap = one["probabilities"]["tumor"] - other["probabilities"]["tumor"]
            differences.append(abs(gap))
    differences.sort()
    return {
        "images": len(equal),
        "outcome_equal": sum(equal) / max(1, len(equal)),
        "difference_99th": differences[int(0.99 * (len(differences) - 1))] if differences else None,
        "difference_most": differences[-1] if differences else None,
        "only_python": len(missing),
        "only_python_names": missing[:20],
    }


if __name__ == "__main__":
    main()
