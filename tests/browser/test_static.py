"""The static page: the model inside the browser, behind a plain file server."""

import json
import re
import shutil
import subprocess
import sys
import textwrap
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pydicom
import pytest
from PIL import Image
from playwright.sync_api import expect
from pydicom.uid import ExplicitVRBigEndian

from tests.browser.desk import Desk
from tests.browser.made_scans import (
    BLOB,
    slices_of,
    write_picture,
    write_series,
    write_volume,
    write_zip,
)
from tests.browser.nginx import NGINX, PageNginx
from tests.browser.static_host import BUILT, ROOT, StaticHost, build_page
from tests.browser.test_access import AXE, violations
from tests.imaging.made_files import FILES, dicom, encoded, gdcm_encoded
from tumorscope.model.artifact import Artifact, write_artifact
from tumorscope.model.classifier import load_model
from tumorscope.serving.page_host import HEADERS

pytestmark = pytest.mark.skipif(
    not (BUILT / "index.html").is_file(), reason="the static page is not built: make static"
)

FULL = "The full model answers."
KEPT = "This page now also works without a connection."


@pytest.fixture(scope="session")
def service() -> None:
    """No service is behind this page, and none is started for it."""


@pytest.fixture(scope="session")
def artifacts(tiny_artifact: Artifact, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Two models of which each has an identity of its own, and a third for an update."""
    folder = tmp_path_factory.mktemp("models")
    found = {}
    for number, name in enumerate(("lite", "default", "update")):
        calibration = replace(tiny_artifact.manifest.calibration, intercept=0.01 * number)
        manifest = replace(tiny_artifact.manifest, calibration=calibration, model_id=f"tiny-{name}")
        found[name] = folder / f"{name}.tumorscope"
        write_artifact(found[name], replace(tiny_artifact, manifest=manifest))
    return found


@pytest.fixture(scope="session")
def built_page(artifacts: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("static") / "page"
    return build_page(folder, lite=artifacts["lite"], default=artifacts["default"])


@pytest.fixture
def host(built_page: Path, tmp_path: Path) -> Iterator[StaticHost]:
    """A page of its own: tests change what it serves."""
    one = StaticHost(Path(shutil.copytree(built_page, tmp_path / "page")))
    yield one
    one.stop()


@pytest.fixture
def static_desk(open_desk: Callable[..., Desk], host: StaticHost) -> Desk:
    """The empty desk of the static page, with its full model."""
    desk = open_desk(server=host)
    wait_for_full(desk)
    return desk


def wait_for_full(desk: Desk) -> None:
    expect(desk.page.get_by_text(FULL)).to_be_visible()


def answers_of(desk: Desk) -> dict[tuple[str, int | None], dict[str, Any]]:
    """The answers of all slices, as the page hands them out."""
    with desk.page.expect_download() as download:
        desk.button("JSON").click()
    cases = json.loads(download.value.path().read_text())
    found: dict[tuple[str, int | None], dict[str, Any]] = {}
    for case in cases:
        for one in case["slices"]:
            found[one["source"], one["slice_index"]] = one
        if case["answer"] and case["answer"]["kind"] == "series":
            found[case["answer"]["source"], -1] = case["answer"]
    return found


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """An answer of the browser is Python's: the same outcome, and a probability within .01."""
    assert found["outcome"] == expected["outcome"], found["source"]
    assert found["model"] == expected["model"]
    for name in ("probabilities", "type_probabilities"):
        assert found[name] == pytest.approx(expected[name], abs=0.01), found["source"]
    for name in ("prediction_set", "reasons", "operating_point", "sop_instance_uid", "plane"):
        assert found.get(name) == expected.get(name), (found["source"], name)
    for name in ("name", "from"):
        assert found["sequence"][name] == expected["sequence"][name], found["source"]
    if expected.get("localization"):
        for part in ("peak", "box"):
            pairs = zip(found["localization"][part], expected["localization"][part], strict=True)
            assert all(abs(one - other) <= 1 for one, other in pairs), found["source"]


def test_it_answers_as_python_does(
    static_desk: Desk,
    artifacts: dict[str, Path],
    make_head: Callable[..., np.ndarray],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "scans"
    folder.mkdir()
    for ending in ("png", "bmp", "tif", "webp", "jpg"):
        write_picture(folder / f"marked.{ending}", make_head(blob=BLOB))
    write_picture(folder / "plain.png", make_head())
    deep = make_head(blob=BLOB).astype(np.uint16) * 200
    Image.fromarray(deep).save(folder / "deep.png")
    Image.fromarray(deep).save(folder / "deep.tif")
    slices = slices_of(make_head, 5)
    write_volume(folder / "volume.nii.gz", slices)
    write_series(folder / "series", slices)
    write_zip(folder / "packed.zip", folder / "plain.png", folder / "deep.png")
    static_desk.drop(*sorted(folder.iterdir()))
    expect(static_desk.page.get_by_text("12 cases")).to_be_visible(timeout=120_000)
    expect(static_desk.page.get_by_text("Analyzing…")).to_have_count(0, timeout=120_000)
    found = answers_of(static_desk)
    model = load_model(artifacts["default"], threads=1)
    expected = {
        (str(one["source"]).removeprefix(f"{folder}/"), one.get("slice_index", -1)): one
        for one in (answer.to_dict() for answer in model.predict_many([folder]))
    }
    assert set(found) == set(expected)
    for key, one in expected.items():
        assert_same(found[key], one)


def test_every_encoding_of_dicom_is_read(
    static_desk: Desk, artifacts: dict[str, Path], tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    made = {name: make for name, make in FILES.items() if name.startswith("dicom")}
    made["big-endian"] = lambda: encoded(dicom(), ExplicitVRBigEndian)
    for syntax in ("JPEGLosslessProcess14_1", "JPEGLSLossless"):
        made[syntax] = partial(gdcm_encoded, syntax)
        made[f"{syntax}-signed"] = partial(gdcm_encoded, syntax, signed=True)
    for name, make in made.items():
        (folder / f"{name}.dcm").write_bytes(make())
    static_desk.drop(folder)
    model = load_model(artifacts["default"], threads=1)
    expected = [one.to_dict() for one in model.predict_many([folder])]
    images = [one for one in expected if one["kind"] == "image"]
    # A case that is alone is opened at once.
    heading = static_desk.page.get_by_role("heading", name="made", level=1)
    expect(heading).to_be_visible(timeout=120_000)
    static_desk.page.get_by_role("link", name="Worklist", exact=True).click()
    expect(static_desk.page.get_by_text("Analyzing…")).to_have_count(0, timeout=120_000)
    found = answers_of(static_desk)
    for one in images:
        key = (f"made/{Path(one['source']).name}", one["slice_index"])
        assert_same(found[key], one | {"source": key[0]})


def test_nothing_leaves_the_page(
    static_desk: Desk, host: StaticHost, scans: Path, tmp_path: Path
) -> None:
    # The fixture of the desk fails on a request to any other host.
    static_desk.read(scans / "marked.png")
    static_desk.page.get_by_role("link", name="Worklist", exact=True).click()
    static_desk.drop(scans / "volume.nii.gz")
    heading = static_desk.page.get_by_role("heading", name="volume.nii.gz", level=1)
    expect(heading).to_be_visible(timeout=60_000)
    probability = static_desk.page.get_by_text("Tumor probability", exact=True)
    expect(probability).to_be_visible(timeout=60_000)
    assert {one.method for one in host.asked} == {"GET"}
    assert [one for one in host.asked if one.body_bytes] == []
    elsewhere = StaticHost(tmp_path)
    try:
        static_desk.forgiven += ["Content Security Policy", "Refused to connect", "violates"]
        ask = f"""fetch("{elsewhere.url}/?scan", {{ mode: "no-cors" }})
            .then(() => "sent", () => "refused")"""
        assert static_desk.page.evaluate(ask) == "refused"
        workers = static_desk.page.workers
        assert workers, "The model runs in a worker."
        assert [one.evaluate(ask) for one in workers] == ["refused"] * len(workers)
        assert elsewhere.asked == []
    finally:
        elsewhere.stop()


def test_it_works_offline_after_the_first_visit(
    static_desk: Desk, host: StaticHost, scans: Path
) -> None:
    expect(static_desk.page.get_by_text(KEPT)).to_be_visible()
    host.stop()
    static_desk.page.reload()
    wait_for_full(static_desk)
    static_desk.read(scans / "marked.png")
    expect(static_desk.page.get_by_text("Tumor probability", exact=True)).to_be_visible()


def test_an_update_waits_and_never_mixes_versions(
    static_desk: Desk, host: StaticHost, artifacts: dict[str, Path], scans: Path
) -> None:
    expect(static_desk.page.get_by_text(KEPT)).to_be_visible()
    build_page(host.folder, lite=artifacts["lite"], default=artifacts["update"])
    static_desk.page.reload()
    button = static_desk.page.get_by_role("button", name="Load it; the worklist is emptied")
    expect(button).to_be_visible()
    # Until then the page is the old one, with the old model, though the host has it no more.
    wait_for_full(static_desk)
    static_desk.drop(scans / "marked.png", scans / "plain.png")
    expect(static_desk.row("plain.png")).to_contain_text("vidence")
    assert {one["model"]["id"] for one in answers_of(static_desk).values()} == {"tiny-default"}
    with static_desk.page.expect_navigation():
        button.click()
    wait_for_full(static_desk)
    static_desk.drop(scans / "marked.png", scans / "plain.png")
    expect(static_desk.row("plain.png")).to_contain_text("vidence")
    assert {one["model"]["id"] for one in answers_of(static_desk).values()} == {"tiny-update"}


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("lite-*.onnx.gz", "damaged"),
        ("lite-*.json.gz", "damaged"),
        ("ort-*.wasm.gz", "damaged"),
        ("none", "could not be loaded"),
    ],
)
def test_a_model_that_cannot_be_used_is_named(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path, pattern: str, words: str
) -> None:
    for path in (host.folder / "model").glob(pattern):
        path.write_bytes(path.read_bytes()[:-9] + b"otherwise")
    if pattern == "none":
        next((host.folder / "model").glob("lite-*.onnx.gz")).unlink()
    desk = open_desk(server=host)
    desk.forgiven.append("404")
    expect(desk.page.get_by_text("The model could not be loaded.")).to_be_visible()
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_role("alert")).to_contain_text(words)


def test_without_webassembly_it_says_so(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path
) -> None:
    host.headers["Content-Security-Policy"] = "script-src 'self'; worker-src 'self' blob:"
    desk = open_desk(server=host)
    desk.forgiven += ["WebAssembly", "wasm", "Content Security Policy"]
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_role("alert")).to_contain_text("cannot run WebAssembly")


def test_without_memory_it_says_so(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path
) -> None:
    # What V8 throws where the system gives it nothing for the runtime.
    script = """WebAssembly.Memory = class {
        constructor() { throw new RangeError("WebAssembly.Memory(): could not allocate memory"); }
    };
    WebAssembly.instantiate = async () => {
        throw new RangeError("WebAssembly.Instance(): Out of memory: Cannot allocate Wasm memory");
    };
    """
    runtime = next((host.folder / "model").glob("ort-*.mjs"))
    runtime.write_text(script + runtime.read_text())
    desk = open_desk(server=host)
    desk.forgiven += ["memory", "wasm"]
    expect(desk.page.get_by_text("The model could not be loaded.")).to_be_visible()
    desk.drop(scans / "marked.png")
    expect(desk.page.get_by_role("alert")).to_contain_text("too little free memory")


def test_without_the_full_model_the_small_one_goes_on_and_says_so(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path
) -> None:
    host.missing = "model/default-"
    desk = open_desk(server=host)
    desk.forgiven.append("404")
    expect(desk.page.locator("[data-answering=lite]")).to_contain_text("could not be loaded")
    desk.read(scans / "marked.png")
    desk.page.get_by_role("link", name="Worklist", exact=True).click()
    assert {one["model"]["id"] for one in answers_of(desk).values()} == {"tiny-lite"}


def test_the_full_model_waits_for_the_first_answer(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path
) -> None:
    desk = open_desk(server=host)
    desk.drop(scans / "marked.png")
    wait_for_full(desk)
    expect(desk.page.get_by_text(KEPT)).to_be_visible()
    asked = [one.path for one in host.asked]

    def place(part: str) -> int:
        return next(at for at, path in enumerate(asked) if part in path)

    assert place("model/lite-") < place("model/default-") < place("service-worker.js")


def test_a_study_is_answered_as_python_does(
    static_desk: Desk,
    artifacts: dict[str, Path],
    make_head: Callable[..., np.ndarray],
    tmp_path: Path,
) -> None:
    folder = tmp_path / "study"
    packed = tmp_path / "study.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for place, (name, blob) in enumerate((("ax T2 FLAIR", BLOB), ("ax T1 +C", None))):
            slices = slices_of(make_head, 4) if blob else [make_head()] * 4
            write_series(folder / f"{place}", slices)
            for number, path in enumerate(sorted((folder / f"{place}").iterdir())):
                ds = pydicom.dcmread(path)
                ds.SeriesDescription, ds.StudyInstanceUID = name, "1.2.3"
                ds.SeriesInstanceUID = f"1.2.3.{place}"
                ds.SOPInstanceUID = f"1.2.3.{place}.{number}"
                ds.save_as(path)
                archive.write(path, f"{place}/{path.name}")
    static_desk.read(packed)
    static_desk.page.get_by_role("link", name="Worklist", exact=True).click()
    expect(static_desk.page.get_by_text("2 cases")).to_be_visible(timeout=120_000)
    expect(static_desk.page.get_by_text("Analyzing…")).to_have_count(0, timeout=120_000)
    model = load_model(artifacts["default"], threads=1)
    expected = [one.to_dict() for one in model.predict_many([packed])]
    found = list(answers_of(static_desk).values())
    told = {one["sequence"]["name"] for one in found}
    assert told == {one["sequence"]["name"] for one in expected if one["kind"] == "image"}
    assert told == {"FLAIR", "T1+C"}
    (study,) = [one for one in expected if one["kind"] == "study"]
    heading = static_desk.page.get_by_role("row").filter(has_text="Study 1: 2 series")
    # The page writes three digits; the last may be rounded otherwise.
    tumor = study["probabilities"]["tumor"]
    shown = re.search(r"\d\.\d{3}", heading.inner_text())
    assert shown
    assert float(shown[0]) == pytest.approx(tumor, abs=0.01)


@pytest.mark.parametrize("kind", ["plain", "nginx", "demo"])
def test_it_works_from_a_real_host(
    open_desk: Callable[..., Desk],
    built_page: Path,
    scans: Path,
    tmp_path: Path,
    kind: str,
) -> None:
    server = _host(kind, built_page, tmp_path)
    try:
        desk = open_desk(server=server)
        desk.read(scans / "marked.png")
        wait_for_full(desk)
        # The first visit: no service worker has added headers yet.
        assert desk.page.evaluate("crossOriginIsolated") == (kind != "plain")
    finally:
        server.stop()


class _Program:
    """A file server that says its address in its first line."""

    def __init__(self, *command: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", *command], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        address = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert address, line
        self.url = address[0]

    def stop(self) -> None:
        self._process.terminate()
        self._process.communicate()


def _host(kind: str, page: Path, folder: Path) -> Any:
    if kind == "plain":
        options = ("--directory", str(page), "--bind", "127.0.0.1", "0")
        return _Program("http.server", *options)
    if kind == "demo":
        return _Program("tumorscope", "demo", "--folder", str(page), "--port", "0")
    if NGINX is None:
        pytest.skip("nginx is not installed")
    text = (ROOT / "docs" / "how-to" / "host-the-page.md").read_text(encoding="utf-8")
    recipe = text.partition("### nginx\n")[2].partition("\n`mjs`")[0]
    return PageNginx(folder, textwrap.dedent(recipe), page)


def test_giant_and_unreadable_files_are_named(
    static_desk: Desk, scans: Path, tmp_path: Path
) -> None:
    with (tmp_path / "giant.nii").open("wb") as giant:
        giant.truncate(4 * 1024**3)
    (tmp_path / "broken.dcm").write_bytes(bytes(128) + b"DICM" + b"nothing")
    static_desk.drop(tmp_path / "giant.nii", tmp_path / "broken.dcm", scans / "marked.png")
    expect(static_desk.row("marked.png")).to_contain_text("Tumor evidence")
    told = static_desk.page.get_by_role("list")
    expect(told.filter(has_text="giant.nii").first).to_contain_text("4,294,967,296 bytes")
    expect(told.filter(has_text="broken.dcm").first).to_contain_text("Damaged or incomplete.")


def test_isolated_by_a_hosts_headers_it_uses_threads(
    open_desk: Callable[..., Desk], host: StaticHost, scans: Path
) -> None:
    host.headers.update(HEADERS)
    desk = open_desk(server=host)
    wait_for_full(desk)
    assert desk.page.evaluate("crossOriginIsolated")
    desk.read(scans / "marked.png")


@pytest.mark.skipif(not AXE.is_file(), reason="axe-core is not there: make web")
@pytest.mark.parametrize("width", [1280, 360])
def test_axe_finds_nothing_on_what_it_adds(
    open_desk: Callable[..., Desk], host: StaticHost, width: int
) -> None:
    desk = open_desk(server=host, width=width, reduced_motion="reduce")
    wait_for_full(desk)
    assert violations(desk) == []
    desk.button("About this page").click()
    desk.page.get_by_role("dialog").wait_for()
    assert violations(desk) == []
    expect(desk.page.get_by_text("If you are looking at your own scan")).to_be_visible()
