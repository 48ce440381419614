"""Put models, runtime and service worker beside the static page: ``python web/static_build.py``.

Vite has built the page into ``web/dist-static`` before (``npm run build -- --mode static``). What
the page must know of the rest is written into its index.html, the one file without a hash in its
name, so that every visit is of one version. See docs/how-to/host-the-page.md.
"""

import argparse
import base64
import gzip
import hashlib
import json
import re
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import onnxruntime

from tumorscope.model.artifact import read_artifact
from tumorscope.model.classifier import Classifier
from tumorscope.serving.http_api.app import close_app, create_app
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.page_host import CONTENT_SECURITY_POLICY, FOREVER, HASHED, HEADERS

WEB = Path(__file__).parent
OUTPUT = WEB / "dist-static"
RUNTIME = WEB / "node_modules" / "onnxruntime-web" / "dist"
RUNTIME_NAME = "ort-wasm-simd-threaded"
SERVICE_WORKER = WEB / "src" / "local" / "service-worker.js"
FOLDER = "model"
SAMPLES = "samples"
_MADE = ("service-worker.js", "integrity.json", "_headers", "tumorscope.webmanifest")


@dataclass
class Build:
    """The folder in the making."""

    output: Path
    written: set[Path] = field(default_factory=set)

    def write(self, folder: str, name: str, content: bytes, *, packed: bool) -> dict[str, Any]:
        """Write a file with a hash in its name; return what the page has to know of it."""
        digest = hashlib.sha256(content).hexdigest()
        stem, _, ending = name.partition(".")
        path = f"{folder}/{stem}-{digest[:12]}.{ending}" + (".gz" if packed else "")
        file = self.output / path
        self.written.add(file)
        if not file.is_file():  # what has its hash in its name is the same as before
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(gzip.compress(content, 9, mtime=0) if packed else content)
        return {"path": path, "sha256": digest, "bytes": file.stat().st_size}

    def tidy(self) -> None:
        """Delete what an earlier build left."""
        for folder in (FOLDER, SAMPLES):
            for file in (self.output / folder).iterdir():
                if file not in self.written:
                    file.unlink()


def fill(output: Path, models: dict[str, Path | None]) -> str:
    """Put everything beside the page that Vite has built into a folder.

    Parameters
    ----------
    models
        Artifacts by name, ``lite`` first; ``None`` for the one inside the package.

    Returns
    -------
    str
        Version of the build: a digest of all its files.
    """
    for name in _MADE:
        (output / name).unlink(missing_ok=True)
    build = Build(output)
    wasm = (RUNTIME / f"{RUNTIME_NAME}.wasm").read_bytes()
    module = (RUNTIME / f"{RUNTIME_NAME}.mjs").read_bytes()
    said: dict[str, Any] = {
        "wasm": build.write(FOLDER, f"{RUNTIME_NAME}.wasm", wasm, packed=True),
        "runtime": build.write(FOLDER, f"{RUNTIME_NAME}.mjs", module, packed=False)["path"],
        "models": [_model(build, name, path) for name, path in models.items()],
        "samples": _samples(build),
    }
    build.tidy()
    _write_web_manifest(output)
    _put_into_page(output, said)
    return _finish(output, said)


def _model(build: Build, name: str, path: Path | None) -> dict[str, Any]:
    artifact = read_artifact(Path(name) if path is None else path)
    with tempfile.TemporaryDirectory() as spool:
        app = create_app(
            ServerConfig(spool=Path(spool) / "jobs"), classifier=Classifier(artifact, threads=1)
        )
        try:
            card = app.test_client().get("/api/v1/model").get_json()
        finally:
            close_app(app)
    manifest = artifact.manifest.to_dict()
    del manifest["card"]
    text = json.dumps({"card": card, "manifest": manifest}, ensure_ascii=False)
    return {
        "name": name,
        "graph": build.write(FOLDER, f"{name}.onnx", _optimized(artifact.graph), packed=True),
        "card": build.write(FOLDER, f"{name}.json", text.encode(), packed=True),
    }


def _optimized(graph: bytes) -> bytes:
    """Do once what ONNX Runtime would do to the graph in every browser, at every visit.

    Only what each processor has: the layout of blocked channels is that of this machine's.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3  # it warns that the result is for this machine
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_ALL
    with tempfile.TemporaryDirectory() as folder:
        options.optimized_model_filepath = str(Path(folder) / "graph.onnx")
        onnxruntime.InferenceSession(
            graph,
            options,
            providers=["CPUExecutionProvider"],
            disabled_optimizers=["NchwcTransformer"],
        )
        return Path(options.optimized_model_filepath).read_bytes()


def _samples(build: Build) -> list[dict[str, Any]]:
    """Write the service's made-up scans as files."""
    artifact = read_artifact(Path("lite"))
    with tempfile.TemporaryDirectory() as spool:
        app = create_app(
            ServerConfig(spool=Path(spool) / "jobs"), classifier=Classifier(artifact, threads=1)
        )
        try:
            client = app.test_client()
            samples: list[dict[str, Any]] = client.get("/api/v1/samples").get_json()["samples"]
            for one in samples:
                content = client.get(one["url"]).data
                one["url"] = build.write(SAMPLES, one["file_name"], content, packed=False)["path"]
        finally:
            close_app(app)
    return samples


def _write_web_manifest(output: Path) -> None:
    """Let browsers install the page."""
    manifest = {
        "name": "tumorscope",
        "short_name": "tumorscope",
        "description": "Brain-tumor classifier for MR images that runs inside the browser. "
        "Research use only. Not a medical device.",
        "start_url": "./",
        "scope": "./",
        "display": "standalone",
        "background_color": "#14181c",
        "theme_color": "#14181c",
        "icons": [{"src": "favicon.svg", "sizes": "any", "type": "image/svg+xml"}],
    }
    (output / "tumorscope.webmanifest").write_text(json.dumps(manifest, indent=1) + "\n")


def _put_into_page(output: Path, said: dict[str, Any]) -> None:
    """Write policy, build and integrity into index.html."""
    page = output / "index.html"
    text = re.sub(r"\n *<!--static-->.*<!--/static-->", "", page.read_text(), flags=re.DOTALL)
    said["version"] = hashlib.sha256(json.dumps([said, text]).encode()).hexdigest()[:16]
    data = json.dumps(said, ensure_ascii=False).replace("<", "\\u003c")
    head = "\n".join(
        (
            "",
            "    <!--static-->",
            '    <meta http-equiv="Content-Security-Policy" '
            f'content="{CONTENT_SECURITY_POLICY}" />',
            '    <meta name="referrer" content="no-referrer" />',
            '    <link rel="manifest" href="./tumorscope.webmanifest" />',
            f'    <script type="application/json" id="tumorscope-build">{data}</script>',
            "    <!--/static-->",
        )
    )
    # First in the head: a policy holds for what comes behind it.
    text = text.replace('<meta charset="utf-8" />', f'<meta charset="utf-8" />{head}', 1)
    page.write_text(_with_integrity(output, text))


def _with_integrity(output: Path, text: str) -> str:
    """Say of each script and style that index.html names which content it must have."""

    def say(match: re.Match[str]) -> str:
        tag = re.sub(r' integrity="[^"]*"', "", match[0])
        digest = hashlib.sha384((output / match[1]).read_bytes()).digest()
        return tag.replace(
            f'"./{match[1]}"',
            f'"./{match[1]}" integrity="sha384-{base64.b64encode(digest).decode()}"',
        )

    return re.sub(r'<(?:script|link)[^>]*(?:src|href)="\./(assets/[^"]+)"[^>]*>', say, text)


def _finish(output: Path, said: dict[str, Any]) -> str:
    """Write the list of all files, the service worker that keeps them, and headers for hosts."""
    kept = sorted(
        str(path.relative_to(output)).replace("\\", "/")
        for path in output.rglob("*")
        if path.is_file()
    )
    # Models and runtime are kept by the page itself, after it has checked them.
    behind = {said["wasm"]["path"]}
    behind |= {one[part]["path"] for one in said["models"] for part in ("graph", "card")}
    listed = {
        "version": said["version"],
        "shell": [path for path in kept if path not in behind],
        "files": sorted(behind),
        "headers": dict(HEADERS),
    }
    script = SERVICE_WORKER.read_text()
    if "__BUILD__" not in script:
        raise SystemExit(f"{SERVICE_WORKER} has no place for the build.")
    (output / "service-worker.js").write_text(
        script.replace("__BUILD__", json.dumps(listed, indent=1), 1)
    )
    hashed = "".join(f"/{folder}/*\n  Cache-Control: {FOREVER}\n" for folder in HASHED)
    headers = "".join(f"  {name}: {value}\n" for name, value in HEADERS.items())
    (output / "_headers").write_text(f"/*\n{headers}{hashed}")
    digests = {
        str(path.relative_to(output)).replace("\\", "/"): "sha256-"
        + base64.b64encode(hashlib.sha256(path.read_bytes()).digest()).decode()
        for path in sorted(output.rglob("*"))
        if path.is_file() and path.name != "integrity.json"
    }
    text = json.dumps({"version": said["version"], "files": digests}, indent=1)
    (output / "integrity.json").write_text(text + "\n")
    return str(said["version"])


def main() -> None:
    """Fill ``web/dist-static``, with other artifacts where they are named."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--output", type=Path, default=OUTPUT)
    parser.add_argument("--lite", type=Path, help="artifact in place of the package's lite one")
    parser.add_argument("--default", type=Path, help="artifact in place of the package's full one")
    given = parser.parse_args()
    version = fill(given.output, {"lite": given.lite, "default": given.default})
    size = sum(path.stat().st_size for path in given.output.rglob("*") if path.is_file())
    print(f"{given.output}: version {version}, {size / 1e6:.1f} MB")  # noqa: T201


if __name__ == "__main__":
    main()
