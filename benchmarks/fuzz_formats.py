"""Mutated files of every format through the readers: no crash, hang, flood of memory or garbage.

    python -m benchmarks.fuzz_formats --count 200000 --output runs/fuzz-formats

Each case is made from its number alone: ``--only NUMBER`` runs one again, and a run that ended
early goes on where it was. A child process reads. A case that takes it 5 seconds of processor time
ends it, as does one that waits for two minutes; that, every other end of the child and a flood of
more than 1 GiB of memory are found. A case is a valid file that is overwritten, cut, repeated,
spliced with another format or given integers at their bounds.

Silent garbage is looked for where the pixels are known: what was edited behind a checksum that the
format has (PNG, gzip) or outside of all that matters must be read unchanged or refused.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import random
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from tests.imaging.made_files import FILES

from tumorscope.errors import ImageError
from tumorscope.imaging.inputs.read import decode
from tumorscope.imaging.limits import Limits

HANG_S = 5
STILL_S = 120
FLOOD_BYTES = 1 << 30
"""Over what the process has once all readers are loaded."""

BATCH = 500
"""Cases between two reports of the child."""

BOUNDS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)
WORDS = (b"-1", b"0", b"99999999999", b"nan", b"../../etc/passwd", b"1e400", b"%d", b"LIST")
CHECKED = frozenset(
    {"png", "png-16", "png-16-color", "nifti-gz", "mgz", "dicom-gz", "nrrd", "metaimage"}
)
"""Formats whose pixels, or all of whose content, stands behind a checksum."""

LIMITS = Limits()

Report = tuple[int, dict[str, int], list[tuple[int, str]], int]
"""The case that follows, outcomes since the last report, what was found, and MiB of memory."""


def main() -> int:
    """Run the cases; return 1 if one of them found something."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--count", type=int, default=200_000)
    parser.add_argument("--only", type=int)
    parser.add_argument("--seconds", type=float, default=float("inf"))
    parser.add_argument("--output", type=Path, default=Path("runs/fuzz-formats"))
    options = parser.parse_args()
    whole = {name: make() for name, make in FILES.items()}
    if options.only is not None:
        print(run_case(options.only, whole, known_pixels(whole)))
        return 0
    options.output.mkdir(parents=True, exist_ok=True)
    return run(options.count, options.seconds, options.output / "state.json", whole)


def run(count: int, seconds: float, state_path: Path, whole: dict[str, bytes]) -> int:
    """Run cases up to a number or a time, in children that are replaced when one ends."""
    state: dict[str, Any] = {"next": 0, "counts": {}, "found": [], "seconds": 0.0}
    if state_path.exists():
        state = json.loads(state_path.read_text())
    started, before = time.monotonic(), state["seconds"]
    while state["next"] < count and time.monotonic() - started < seconds:
        for report in _reports(state["next"], count, whole, until=started + seconds):
            number, counts, found, largest = report
            total = Counter(state["counts"])
            total.update(counts)
            state |= {"next": number, "counts": dict(total), "peak_mib": largest}
            state["found"] += found
            state["seconds"] = before + time.monotonic() - started
            state_path.write_text(json.dumps(state, indent=1))
    for case, what in state["found"]:
        print(f"case {case}: {what}")
    print(f"{state['next']:,} cases in {state['seconds']:,.0f} s; {state['counts']}")
    print(f"{len(state['found'])} found; largest resident memory {state.get('peak_mib')} MiB")
    return int(bool(state["found"]))


def _reports(first: int, count: int, whole: dict[str, bytes], *, until: float) -> Iterator[Report]:
    """Yield what a child reports, at last the case that ended it; leave no child behind."""
    context = multiprocessing.get_context("fork")
    parent, pipe = context.Pipe(duplex=False)
    case = context.Value("q", first, lock=False)
    child = context.Process(target=_work, args=(pipe, case, first, count, whole))
    child.start()
    pipe.close()
    largest, at, since = 0, first, time.monotonic()
    try:
        while time.monotonic() < until:
            if parent.poll(1):
                report: Report = parent.recv()
                largest = report[3]
                yield report
                if report[0] == count:
                    return
            elif case.value != at:
                at, since = case.value, time.monotonic()
            elif time.monotonic() - since > STILL_S:
                yield at + 1, {}, [(at, f"FOUND: {STILL_S} s without an end")], largest
                return
    except EOFError:
        child.join()
        what = f"FOUND: the reader ended with code {child.exitcode}"
        if child.exitcode == -signal.SIGPROF:
            what = f"FOUND: more than {HANG_S} s of processor time"
        yield case.value + 1, {}, [(case.value, what)], largest
    finally:
        child.kill()
        child.join()


def _work(pipe: Any, case: Any, first: int, count: int, whole: dict[str, bytes]) -> None:
    pixels = known_pixels(whole)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    # Beyond it allocations fail, which is reported as what it is.
    used = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 2 * FLOOD_BYTES, used + 2 * FLOOD_BYTES))
    counts: Counter[str] = Counter()
    found: list[tuple[int, str]] = []
    for number in range(first, count):
        case.value = number
        signal.setitimer(signal.ITIMER_PROF, HANG_S)  # its signal ends the process, wherever it is
        outcome = run_case(number, whole, pixels)
        largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        if largest - peak > FLOOD_BYTES:
            outcome = f"FOUND: {(largest - peak) >> 20} MiB of memory"
            peak = largest
        if outcome.startswith("FOUND"):
            found.append((number, outcome))
            outcome = "found"
        counts[outcome] += 1
        # What was found is told at once: the next case may end the process.
        if found or (number + 1) % BATCH == 0 or number + 1 == count:
            pipe.send((number + 1, dict(counts), found, largest >> 20))
            counts.clear()
            found = []
    pipe.close()


def known_pixels(whole: dict[str, bytes]) -> dict[str, list[np.ndarray]]:
    """Return what the valid files of formats with a checksum hold."""
    return {
        name: [scan.pixels for scan in decode(content, name, LIMITS)]
        for name, content in whole.items()
    }


def run_case(number: int, whole: dict[str, bytes], known: dict[str, list[np.ndarray]]) -> str:
    """Read one mutated file; return ``read``, ``refused`` or what was found."""
    name, content, is_header_safe = make_case(number, whole)
    try:
        scans = decode(content, f"case{number}", LIMITS)
    except ImageError as error:
        if len(str(error)) > 1000 or "Traceback" in str(error):
            return f"FOUND: a message of {len(str(error))} characters ({name})"
        return "refused"
    except BaseException as error:
        place = traceback.extract_tb(error.__traceback__)[-1]
        return f"FOUND: {type(error).__name__} at {place.filename}:{place.lineno} ({name})"
    for pixels in (scan.pixels for scan in scans):
        if pixels.ndim != 2 or pixels.dtype != np.float32 or not np.isfinite(pixels).all():
            return f"FOUND: pixels of {pixels.dtype}, shape {pixels.shape} ({name})"
    if is_header_safe and not _same(scans, known[name]):
        return f"FOUND: other pixels behind a checksum, silently ({name})"
    return "read"


def _same(scans: list[Any], pixels: list[np.ndarray]) -> bool:
    return len(scans) == len(pixels) and all(
        scan.pixels.shape == one.shape and bool((scan.pixels == one).all())
        for scan, one in zip(scans, pixels, strict=True)
    )


def make_case(number: int, whole: dict[str, bytes]) -> tuple[str, bytes, bool]:
    """Return format, mutated content, and whether its pixels stand behind a checksum."""
    rng = random.Random(number)  # noqa: S311 - cases that can be made again, no secrets
    names = list(whole)
    name = names[number % len(names)]
    data = bytearray(whole[name])
    if name in CHECKED and rng.random() < 0.3:
        # One byte of the packed pixels: the checksum has to find it.
        low, high = _packed_part(name, data)
        place = rng.randrange(low, high)
        data[place] ^= 1 << rng.randrange(8)
        return name, bytes(data), True
    for _ in range(rng.randint(1, 5)):
        _edit(rng, data, whole, names)
    return name, bytes(data), False


def _packed_part(name: str, data: bytearray) -> tuple[int, int]:
    if name.startswith("png"):
        start = data.find(b"IDAT") + 4
        return start, start + int.from_bytes(data[start - 8 : start - 4], "big")
    if name == "nrrd":
        start = data.find(b"\n\n") + 2
        return start + 10, len(data) - 8
    if name == "metaimage":
        start = data.find(b"LOCAL\n") + 6
        return start + 2, len(data) - 4
    return 10, len(data) - 8


def _edit(rng: random.Random, data: bytearray, whole: dict[str, bytes], names: list[str]) -> None:
    near = rng.random() < 0.7
    at = rng.randrange(min(len(data), 600) if near else len(data)) if data else 0
    kind = rng.randrange(8)
    if kind <= 1:
        data[at : at + 1] = bytes([rng.randrange(256)])
    elif kind == 2:
        size, order = rng.choice((1, 2, 4)), rng.choice(("little", "big"))
        value = rng.choice(BOUNDS) % (1 << 8 * size)
        data[at : at + size] = value.to_bytes(size, order)  # type: ignore[arg-type]
    elif kind == 3:
        del data[at : at + rng.randint(1, 16)]
    elif kind == 4:
        data[at:at] = data[at : at + rng.randint(1, 64)]
    elif kind == 5 and rng.random() < 0.5:
        del data[at:]
    elif kind == 6:
        word = rng.choice(WORDS)
        data[at : at + len(word)] = word
    else:
        other = whole[rng.choice(names)]
        start = rng.randrange(len(other))
        data[at:at] = other[start : start + rng.randint(1, 200)]


if __name__ == "__main__":
    sys.exit(main())
