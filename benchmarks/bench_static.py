"""The static page against its targets, in Chromium on real scans.

    make static
    python -m benchmarks.bench_static --root DATA --manifest DATA/manifest.csv --dicom DATA/dicom

drives Chromium against ``web/dist-static`` and prints each target with what was measured. The parts
are measured one after the other and written into the output as they come; a run that was stopped
goes on where it was, and ``--parts`` takes some alone:

first
    Seconds and bytes from an empty cache to the first answer, and bytes of everything.
warm
    Seconds a slice of either model, on one thread and, isolated, on several; beside each the bare
    network in the same browser on the same graph, which no page can be faster than.
memory
    Of the page after 30 and after 300 scans.
work
    Longest task of the main thread while a volume and pictures are answered and looked at.
parity-lite, parity-default
    Every scan answered by the page and by Python: share of equal outcomes, 99th percentile of the
    difference of probabilities. Raster scans of all sets of the manifests, the DICOM files of a
    folder, and slices from the middle of the NIfTI volumes. Not a matter of time: the machine may
    be busy.

``--record`` puts the figures into ``docs/results/held_out.json`` as ``static_page/...``.
"""

import argparse
import csv
import gzip
import hashlib
import json
import random
import shutil
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import nibabel
import numpy as np
from benchmarks.record import command_line, record_numbers
from PIL import Image
from playwright.sync_api import Browser, Page, expect, sync_playwright
from tests.browser.desk import Desk
from tests.browser.static_host import BUILT, StaticHost

from tumorscope.imaging.phantom import head_phantom
from tumorscope.model.classifier import load_model
from tumorscope.serving.page_host import HEADERS

CHUNK: Final = 50
"""Scans of one zip; what was answered of whole ones stays when the run is stopped."""

TIMEOUT_MS: Final = 3_600_000
WARM_SLICES: Final = 60
MEMORY_AT: Final = (30, 300)
VOLUME_SLICES: Final = 10
"""Taken from the middle of a NIfTI volume."""

LONG_TASK_MS: Final = 100
WORDS: Final = {"lite": "the full one could not be loaded.", "default": "The full model answers."}
"""What the page says once nothing more is on its way."""

FULL_GRAPH: Final = "model/default-"

IS_AT_REST: Final = """() => new Promise((resolve) => {
    const look = () => {
        const tray = document.querySelector("[aria-labelledby=tray-title]")?.innerText ?? "";
        const isBusy = document.querySelector("[role=progressbar]")
            || /Waiting|Analyzing:|Reading,|analyzed/.test(tray);
        if (isBusy || !document.querySelector("#worklist-title")) setTimeout(look, 100);
        else resolve();
    };
    setTimeout(look, 100);
})"""
LONG_TASKS: Final = """() => {
    globalThis.longTasks = [];
    new PerformanceObserver((list) => {
        globalThis.longTasks.push(...list.getEntries().map((one) => one.duration));
    }).observe({ type: "longtask" });
}"""

RUNTIME: Final = Path("web/node_modules/onnxruntime-web/dist")
RUNTIME_FILES: Final = (
    "ort.wasm.min.mjs",
    "ort-wasm-simd-threaded.mjs",
    "ort-wasm-simd-threaded.wasm",
)
NETWORK_RUNS: Final = (5, 20)
"""Before the clock is started, and while it runs."""

BARE_NETWORK: Final = """
import * as ort from "./ort.wasm.min.mjs";
onmessage = async ({ data: { threads, size, before, runs } }) => {
    ort.env.wasm.numThreads = threads;
    const graph = new Uint8Array(await (await fetch("graph.onnx")).arrayBuffer());
    const session = await ort.InferenceSession.create(graph, {
        executionProviders: ["wasm"],
        graphOptimizationLevel: "disabled",
        enableMemPattern: false,
    });
    const canvas = Uint8Array.from({ length: size * size }, (_, at) => (at * 31) % 251);
    const [name] = session.inputNames;
    let started = 0;
    for (let run = -before; run < runs; run += 1) {
        if (run === 0) started = performance.now();
        await session.run({ [name]: new ort.Tensor("uint8", canvas, [1, size, size]) });
    }
    postMessage((performance.now() - started) / 1000 / runs);
};
"""
"""A worker with nothing but the runtime and the page's graph."""

RUN_NETWORK: Final = """(given) => new Promise((resolve, reject) => {
    const worker = new Worker("./network.mjs", { type: "module" });
    worker.onerror = (event) => reject(new Error(event.message));
    worker.onmessage = ({ data }) => { worker.terminate(); resolve(data); };
    worker.postMessage({
        ...given, threads: crossOriginIsolated ? Math.min(4, navigator.hardwareConcurrency) : 1,
    });
})"""

Values = dict[str, float]


@dataclass(frozen=True)
class Target:
    """What a figure is held against, and how it is said."""

    words: str
    limit: float
    is_least: bool = False

    def judge(self, value: float) -> str:
        """Return the line that is printed."""
        is_met = value >= self.limit if self.is_least else value <= self.limit
        sign = ">=" if self.is_least else "<="
        verdict = "met" if is_met else "MISSED"
        return f"{self.words}: {value:.4g} ({sign} {self.limit:g}, {verdict})"


TARGETS: Final[Mapping[str, Target]] = {
    "first_s": Target("first answer, cold cache, s", 3.0),
    "first_mb": Target("transfer to the first answer, MB", 9.0),
    "all_mb": Target("transfer of everything, MB", 25.0),
    "lite_slice_s": Target("a slice of the small model, one thread, s", 0.25),
    "default_slice_s": Target("a slice of the full model, one thread, s", 0.6),
    "memory_ratio": Target("memory after 300 scans over that after 30", 1.2),
    "long_tasks": Target("tasks of the main thread over 100 ms", 0),
    "lite_scans": Target("scans, small model", 500, is_least=True),
    "lite_outcome_equal": Target("equal outcomes, small model", 0.995, is_least=True),
    "lite_difference_99": Target("difference at the 99th percentile, small model", 0.01),
    "default_scans": Target("scans, full model", 500, is_least=True),
    "default_outcome_equal": Target("equal outcomes, full model", 0.995, is_least=True),
    "default_difference_99": Target("difference at the 99th percentile, full model", 0.01),
}
"""Other figures have none."""


class Bench:
    """Scans to show the page, and a browser to show them to."""

    def __init__(self, browser: Browser, scans: list[Path], work: Path) -> None:
        self.browser = browser
        self.scans = scans
        self.work = work
        self.rasters = [one for one in scans if one.suffix == ".jpg"]

    @contextmanager
    def page(self, *, threads: bool = False, only_lite: bool = False) -> Iterator[Desk]:
        """Open the page in a browser that has never seen it."""
        host = StaticHost(BUILT, headers=dict(HEADERS) if threads else {})
        if only_lite:
            host.missing = FULL_GRAPH
        context = self.browser.new_context(
            locale="en-US",
            viewport={"width": 1280, "height": 860},
            # Its headers would isolate the page from the second visit on; the first one counts.
            service_workers="block",
        )
        try:
            desk = Desk(context.new_page(), host.url)
            desk.page.set_default_timeout(TIMEOUT_MS)
            yield desk
        finally:
            context.close()
            host.stop()

    # Parts ---------------------------------------------------------------------------------------

    def first(self) -> Values:
        """With the service worker, as visitors have it."""
        host = StaticHost(BUILT)
        context = self.browser.new_context(locale="en-US")
        desk = Desk(context.new_page(), host.url)
        desk.page.set_default_timeout(TIMEOUT_MS)
        sample = write_sample(self.work)
        started = time.perf_counter()
        desk.open()
        give(desk, sample)
        desk.heading("What the model says").wait_for()
        took, sent = time.perf_counter() - started, host.sent_bytes
        model = desk.page.locator("[data-answering]").get_attribute("data-answering")
        text = "This page now also works without a connection."
        expect(desk.page.get_by_text(text)).to_be_visible(timeout=TIMEOUT_MS)
        everything = host.sent_bytes
        full = next(one for one in host.asked if FULL_GRAPH in one.path)
        context.close()
        host.stop()
        return {
            "first_s": took,
            "first_mb": sent / 1e6,
            "before_full_mb": full.sent_bytes / 1e6,
            "first_was_lite": float(model == "lite"),
            "all_mb": everything / 1e6,
        }

    def warm(self) -> Values:
        """Time a slice of either model once it has answered before."""
        found = {}
        packed = pack(self.rasters[:WARM_SLICES], self.work / "warm.zip")
        for model in WORDS:
            for threads in (False, True):
                with self.page(threads=threads, only_lite=model == "lite") as desk:
                    wait_for_model(desk, model)
                    take_answers(desk, packed)  # the first run of a graph is slower
                    started = time.perf_counter()
                    take_answers(desk, packed)
                    took = (time.perf_counter() - started) / WARM_SLICES
                    if desk.page.evaluate("crossOriginIsolated") != threads:
                        raise SystemExit("The page is not isolated as its host has it.")
                ending = "threads_s" if threads else "s"
                network = self.bare_network(model, threads=threads)
                found[f"{model}_slice_{ending}"] = took
                found[f"{model}_network_{ending}"] = network
                found[f"{model}_over_network{'_threads' if threads else ''}"] = took / network
        return found

    def bare_network(self, model: str, *, threads: bool) -> float:
        """Return seconds of a run of the network alone, on the graph that the page has."""
        before, runs = NETWORK_RUNS
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            for file in RUNTIME_FILES:
                shutil.copy(RUNTIME / file, folder)
            (graph,) = (BUILT / "model").glob(f"{model}-*.onnx.gz")
            (folder / "graph.onnx").write_bytes(gzip.decompress(graph.read_bytes()))
            (folder / "network.mjs").write_text(BARE_NETWORK)
            (folder / "index.html").write_text("<!doctype html>")
            headers = {key: value for key, value in HEADERS.items() if key.startswith("Cross")}
            host = StaticHost(folder, headers=headers if threads else {})
            page = self.browser.new_page()
            try:
                page.goto(host.url)
                size = load_model(model).manifest.preprocessing.size
                given = {"size": size, "before": before, "runs": runs}
                took: float = page.evaluate(RUN_NETWORK, given)
            finally:
                page.close()
                host.stop()
        return took

    def memory(self) -> Values:
        """Compare the page after few scans and after many."""
        few, many = MEMORY_AT
        found = {}
        with self.page(only_lite=True) as desk:
            wait_for_model(desk, "lite")
            for start in range(0, min(many, len(self.rasters)), few):
                chunk = self.rasters[start : start + few]
                take_answers(desk, pack(chunk, self.work / f"memory-{start}.zip"))
                if start == 0:
                    found["memory_first_mb"] = self._resident_mb(desk.page)
            found["memory_last_mb"] = self._resident_mb(desk.page)
            found["memory_scans"] = float(min(many, len(self.rasters)))
        found["memory_ratio"] = found["memory_last_mb"] / found["memory_first_mb"]
        return found

    def _resident_mb(self, page: Page) -> float:
        """Resident memory of this browser's pages, after what can be given back was."""
        session = page.context.new_cdp_session(page)
        session.send("HeapProfiler.collectGarbage")
        session.detach()
        page.wait_for_timeout(2000)
        devtools = self.browser.new_browser_cdp_session()
        told = devtools.send("SystemInfo.getProcessInfo")["processInfo"]
        devtools.detach()
        ids = [one["id"] for one in told if one["type"] == "renderer"]
        pages = [int(Path(f"/proc/{one}/statm").read_text().split()[1]) for one in ids]
        return sum(pages) * 4096 / 1e6

    def work_part(self) -> Values:
        """Answer pictures and a volume while the reader leafs through another."""
        volumes = [one for one in self.scans if one.name.endswith(".nii")]
        packed = pack(self.rasters[:WARM_SLICES], self.work / "work.zip")
        with self.page(only_lite=True) as desk:
            wait_for_model(desk, "lite")
            desk.page.evaluate(LONG_TASKS)
            give(desk, volumes[0])
            desk.heading("What the model says").wait_for()
            for _ in range(VOLUME_SLICES):
                desk.page.keyboard.press("ArrowDown")
                desk.page.wait_for_timeout(50)
            take_answers(desk, packed)
            desk.page.wait_for_timeout(500)
            tasks: list[float] = desk.page.evaluate("globalThis.longTasks")
        return {
            "long_tasks": float(sum(one > LONG_TASK_MS for one in tasks)),
            "longest_task_ms": max(tasks, default=0.0),
        }

    def parity(self, name: str) -> Values:
        """Compare all answers; those of whole chunks are kept for the next run."""
        pages, ours = self.work / f"page-{name}.json", self.work / f"python-{name}.json"
        found, expected = read_kept(pages), read_kept(ours)
        with self.page(only_lite=name == "lite") as desk:
            wait_for_model(desk, name)
            for at in range(0, len(self.scans), CHUNK):
                chunk = self.scans[at : at + CHUNK]
                if str(at) in found and found[str(at)]["files"] == [one.name for one in chunk]:
                    continue
                packed = pack(chunk, self.work / f"{name}-{at}.zip")
                started = time.perf_counter()
                answers = take_answers(desk, packed)
                found[str(at)] = {"files": [one.name for one in chunk], "answers": answers}
                pages.write_text(json.dumps(found))
                took = time.perf_counter() - started
                print(f"{name}: {at + len(chunk)} of {len(self.scans)} files, {took:.0f} s")
                packed.unlink()
        model = load_model("lite") if name == "lite" else load_model()
        for one in self.scans:
            if one.name not in expected:
                told = [answer.to_dict() for answer in model.predict_many([one])]
                expected[one.name] = [each for each in told if each["kind"] == "image"]
        ours.write_text(json.dumps(expected))
        answers = [one for chunk in found.values() for one in chunk["answers"]]
        values, report = compare(answers, [one for each in expected.values() for one in each])
        (self.work / f"differences-{name}.json").write_text(json.dumps(report, indent=1))
        return {f"{name}_{key}": value for key, value in values.items()}


PARTS: Final[Mapping[str, Callable[[Bench], Values]]] = {
    "first": Bench.first,
    "warm": Bench.warm,
    "memory": Bench.memory,
    "main-thread": Bench.work_part,
    "parity-lite": lambda bench: bench.parity("lite"),
    "parity-default": lambda bench: bench.parity("default"),
}


def give(desk: Desk, path: Path) -> None:
    """Choose a file by the dialog."""
    desk.page.get_by_role("link", name="Worklist", exact=True).click()
    with desk.page.expect_file_chooser() as chooser:
        desk.button("Choose files").click()
    chooser.value.set_files([str(path)])


def take_answers(desk: Desk, packed: Path) -> list[dict[str, Any]]:
    """Have a zip answered; return the answers for its images."""
    give(desk, packed)
    # What came alone is opened at once.
    desk.heading("What the model says").wait_for()
    desk.page.get_by_role("link", name="Worklist", exact=True).click()
    desk.page.evaluate(IS_AT_REST)
    with desk.page.expect_download() as download:
        desk.button("JSON").click()
    cases = json.loads(download.value.path().read_text())
    prefix = f"{packed.name}/"
    return [
        one
        for case in cases
        for one in case["slices"]
        if one["kind"] == "image" and one["source"].startswith(prefix)
    ]


def wait_for_model(desk: Desk, name: str) -> None:
    """Open the page, and wait until the model answers."""
    desk.open()
    expect(desk.page.get_by_text(WORDS[name])).to_be_visible(timeout=TIMEOUT_MS)


def read_kept(path: Path) -> dict[str, Any]:
    """Return what an earlier run wrote."""
    kept: dict[str, Any] = json.loads(path.read_text()) if path.is_file() else {}
    return kept


def pack(files: list[Path], path: Path) -> Path:
    """Put files into a zip, as they are."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for one in files:
            archive.write(one, one.name)
    return path


def write_sample(folder: Path) -> Path:
    """Draw a head."""
    path = folder / "sample.png"
    Image.fromarray(head_phantom()).save(path)
    return path


# Scans -------------------------------------------------------------------------------------------


def collect(manifests: list[Path], root: Path, dicom: Path | None, count: int) -> list[Path]:
    """Return scans of all sets in turn, with other kinds of files first; the same each time."""
    others = [*cut_volumes(manifests, root, most=max(1, count // 100))]
    if dicom is not None:
        files = [path for path in sorted(dicom.rglob("*")) if path.is_file()]
        step = max(1, len(files) * 5 // count)
        others += [link(path, f"{path.parent.name}-") for path in files[::step]]
    return others + draw(manifests, root, max(0, count - len(others)))


def read_rows(manifests: list[Path]) -> list[dict[str, str]]:
    """Read manifests whatever values they have."""
    rows = []
    for path in manifests:
        with path.open(newline="", encoding="utf-8") as stream:
            rows += list(csv.DictReader(stream))
    return rows


def draw(manifests: list[Path], root: Path, count: int) -> list[Path]:
    """Draw raster files of all sets in turn."""
    by_set: dict[str, list[str]] = {}
    for row in read_rows(manifests):
        if row["path"].endswith(".jpg"):
            by_set.setdefault(row["set"], []).append(row["path"])
    chance = random.Random(0)  # noqa: S311  no secret
    turns = {name: chance.sample(files, len(files)) for name, files in by_set.items()}
    drawn: list[Path] = []
    while len(drawn) < count and any(turns.values()):
        for name, files in turns.items():
            if files and len(drawn) < count:
                path = root / files.pop()
                if path.is_file():
                    drawn.append(link(path, f"{len(drawn):04d}-{name}-"))
    return drawn


FOLDER: Final = Path("build") / "static-scans"


def link(path: Path, prefix: str) -> Path:
    """Give a file a name that says which one is meant."""
    named = FOLDER / f"{prefix}{path.name}"
    if not named.is_symlink():
        named.symlink_to(path.resolve())
    return named


def cut_volumes(manifests: list[Path], root: Path, *, most: int) -> Iterator[Path]:
    """Write the middle slices of NIfTI volumes, of every set some."""
    paths = dict.fromkeys(
        (row["set"], row["path"]) for row in read_rows(manifests) if ".nii" in row["path"]
    )
    turns: dict[str, list[str]] = {}
    for name, path in paths:
        turns.setdefault(name, []).append(path)
    chosen = [path for rank in zip(*turns.values(), strict=False) for path in rank]
    for path in chosen[:most]:
        cut = FOLDER / path.replace("/", "-").replace(".gz", "")
        if not cut.is_file():
            volume = nibabel.load(root / path)  # type: ignore[attr-defined]
            steps = volume.header.get_zooms()[:3]
            # Across thick slices; else from foot to head, as volumes are stored.
            axis = int(np.argmax(steps)) if max(steps) >= 1.5 * min(steps) else 2
            middle = volume.shape[axis] // 2 - VOLUME_SLICES // 2
            where = [slice(None)] * 3
            where[axis] = slice(middle, middle + VOLUME_SLICES)
            nibabel.save(volume.slicer[tuple(where)], cut)  # type: ignore[attr-defined]
        yield cut


# Comparison --------------------------------------------------------------------------------------


def compare(
    answers: list[dict[str, Any]], expected: list[dict[str, Any]]
) -> tuple[Values, list[dict[str, Any]]]:
    """Return how far apart the answers are, and where they are most."""

    def key(one: dict[str, Any]) -> tuple[str, int | None]:
        return Path(one["source"]).name, one["slice_index"]

    found = {key(one): one for one in answers}
    pairs = [(one, found.get(key(one))) for one in expected]
    both = [(one, other) for one, other in pairs if other is not None]
    others = [one for one, other in both if one["outcome"] != other["outcome"]]
    gaps = [
        (abs(one["probabilities"]["tumor"] - other["probabilities"]["tumor"]), one, other)
        for one, other in both
        if one["probabilities"] and other["probabilities"]
    ]
    gaps.sort(key=lambda gap: -gap[0])
    sizes = [gap for gap, _, _ in gaps]
    values = {
        "scans": float(len(both)),
        "outcome_equal": 1 - len(others) / max(1, len(both)),
        "difference_99": float(np.percentile(sizes, 99)) if sizes else 0.0,
        "difference_most": max(sizes, default=0.0),
        "only_python": float(len(pairs) - len(both)),
        "only_page": float(len(set(found) - {key(one) for one in expected})),
    }
    named = {"outcome": [key(one) for one in others], "missing": []}
    named["missing"] = [key(one) for one, other in pairs if other is None]
    report = [
        {"scan": key(one), "gap": gap, "python": one["outcome"], "page": other["outcome"]}
        for gap, one, other in gaps[:20]
    ]
    return values, [named, *report]


def main() -> None:
    """Measure what has not been measured, print and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--manifest", type=Path, action="append", required=True)
    parser.add_argument("--dicom", type=Path, help="folder of DICOM files")
    parser.add_argument("--count", type=int, default=520, help="files")
    parser.add_argument("--parts", default=",".join(PARTS), help="of: %(default)s")
    parser.add_argument("--again", action="store_true", help="measure what was measured before")
    parser.add_argument("--output", type=Path, default=Path("build/static.json"))
    parser.add_argument("--record", action="store_true")
    given = parser.parse_args()
    parts = given.parts.split(",")
    if unknown := [one for one in parts if one not in PARTS]:
        parser.error(f"there is no part {unknown[0]!r}; parts: {', '.join(PARTS)}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    version = json.loads((BUILT / "integrity.json").read_text())["version"]
    kept = read_kept(given.output)
    if kept.get("version") != version or kept.get("count") != given.count:
        kept = {"version": version, "count": given.count, "parts": {}}
    work = FOLDER.parent / f"static-{version}"
    work.mkdir(exist_ok=True)
    scans = collect(given.manifest, given.root, given.dicom, given.count)
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as downloads:
        browser = playwright.chromium.launch(
            executable_path=shutil.which("chromium"),
            args=["--no-sandbox", "--disable-gpu"],
            downloads_path=downloads,
        )
        bench = Bench(browser, scans, work)
        for part in parts:
            if part in kept["parts"] and not given.again:
                continue
            kept["parts"][part] = PARTS[part](bench)
            given.output.write_text(json.dumps(kept, indent=1) + "\n")
        browser.close()
    for values in kept["parts"].values():
        for name, value in values.items():
            print(TARGETS[name].judge(value) if name in TARGETS else f"{name}: {value:.4g}")
    if given.record:
        # Those kept from an earlier run were recorded with its command.
        record({part: kept["parts"][part] for part in parts}, scans)


def record(parts: Mapping[str, Values], scans: list[Path]) -> None:
    """Put the figures beside the others that the documents show."""
    digests = sorted(hashlib.sha256(one.read_bytes()).hexdigest() for one in scans)
    model_sha256 = {name: load_model(name).identity.sha256 for name in ("lite", "default")}
    for part, values in parts.items():
        record_numbers(
            f"static_page/{part}/",
            values,
            command=command_line("benchmarks.bench_static"),
            data_sha256=hashlib.sha256("\n".join(digests).encode()).hexdigest(),
            model_sha256=model_sha256["lite" if part.endswith("lite") else "default"],
        )


if __name__ == "__main__":
    main()
