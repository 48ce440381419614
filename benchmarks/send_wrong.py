"""Send a node what should not be sent: what does it say, and does it live.

    python -m benchmarks.send_wrong --mutants 10000 --output runs/send_wrong

A node that keeps what it receives gets, over real sockets: associations with wrong titles;
identifiers that are paths; images of another modality, and objects that are no images; the same SOP
Instance UID with the same and with other pixels; data sets that are cut; one whose UID is not that
of the request. Each has one right answer. Then mutated files: images in four transfer syntaxes that
are overwritten, cut, repeated, or given integers at their bounds. The right status of each is what
reading the same bytes in this process gives: success where there is an image and its UID is that of
the request, ``A900`` where it is another, ``C000`` where there is none. In the end the node must
answer a good image, have logged no stack trace, and have written to its own folder alone.

A mutant is made from its number: ``--first`` goes on where a run ended, and how far it came is
printed.
"""

from __future__ import annotations

import argparse
import copy
import io
import json
import random
import struct
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from pathlib import Path
from typing import Any, Final

import pydicom
from benchmarks.kill_node import STATUS, make_series
from benchmarks.record import run_of_node
from pydicom.dataset import FileDataset
from pydicom.filewriter import write_file_meta_info
from pydicom.uid import (
    CTImageStorage,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    MRImageStorage,
    RLELossless,
)
from pynetdicom.dsutils import create_file_meta, encode
from tests.conftest import make_tiny_artifact
from tests.serving.dicom.attacks import (
    COMMAND,
    LAST,
    STORE_CONTEXT,
    NodeProcess,
    associated,
    command,
    connect,
    data,
    read_pdu,
    request,
)

from tumorscope.errors import ImageError
from tumorscope.imaging.inputs.read import read_one
from tumorscope.imaging.quiet import quiet
from tumorscope.model.artifact import write_artifact
from tumorscope.serving.dicom.results.source import hashed_uid

REPORT: Final = "1.2.840.10008.5.1.4.1.1.88.11"
"""Basic Text SR."""
SYNTAXES: Final = (
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    RLELossless,
    DeflatedExplicitVRLittleEndian,
)
OTHERS: Final = [
    *((MRImageStorage, one) for one in SYNTAXES[1:]),
    (CTImageStorage, ExplicitVRLittleEndian),
    (REPORT, ExplicitVRLittleEndian),
]
CT_CONTEXT, REPORT_CONTEXT = 11, 13
OF_A_SERIES: Final = 50
"""Mutants of one series."""
TOLD_EVERY: Final = 500

_BOUNDS: Final = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF)  # fmt: skip  # noqa: E501
_WORDS: Final = (b"-1", b"0", b"99999999999", b"nan", b"../../etc/passwd", b"1e400", b"SQ", b"OB")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--threads", type=int, default=4, help="that send mutants")
    parser.add_argument("--output", type=Path, default=Path("runs/send_wrong"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        account = run(Path(name), options.first, options.mutants, options.threads)
    account["run"] = run_of_node("benchmarks.send_wrong", __file__)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def run(folder: Path, first: int, mutants: int, threads: int) -> dict[str, Any]:
    """Send all, and return what was said."""
    model = folder / "tiny.tumorscope"
    write_artifact(model, make_tiny_artifact())
    home = folder / "home"
    home.mkdir()
    node = NodeProcess(
        home, "--model", str(model), "--store", str(home / "store"), "--series-after", "1",
        "--accept", "STRANGER",
    )  # fmt: skip
    try:
        cases = named_cases(node)
        begin = time.monotonic()
        statuses, wrong = send_mutants(node.port, range(first, first + mutants), threads)
        seconds = time.monotonic() - begin
        good = make_series(1, seed=3)[0][0]
        lives = node.process.poll() is None and store(node.port, good) == "0000"
        peak = node.memory_mib("VmHWM")
        code = node.stop(300)
        log = node.log
    finally:
        node.close()
    strangers = [one.name for one in folder.iterdir() if one not in (home, model)]
    strangers += [
        one.name for one in home.iterdir() if one.name not in ("store", "answers.jsonl", "node.log")
    ]
    missed = [name for name, case in cases.items() if case["said"] != case["right"]]
    return {
        "cases": cases,
        "cases with another answer": missed,
        "mutants": mutants,
        "seconds": round(seconds, 1),
        "statuses": dict(sorted(statuses.items())),
        "mutants with another status than reading gives": wrong[:20],
        "node lives": lives,
        "exit code": code,
        "MiB, peak": round(peak),
        "stack traces": log.count("Traceback"),
        "files elsewhere": strangers,
        "held": lives
        and code == 0
        and "Traceback" not in log
        and not (missed or wrong or strangers),
    }


def named_cases(node: NodeProcess) -> dict[str, dict[str, str]]:
    """Send what has one right answer each."""
    one, other, third, fourth, *_ = make_series(1, seed=1)[0]
    port = node.port
    known = encoded(one)
    changed = encoded(one, PixelData=one.PixelData[::-1])
    path = "../../../../tmp/evil"
    ct = encoded(other, SOPClassUID=CTImageStorage, Modality="CT", SOPInstanceUID="1.2.3.1")
    cases: dict[str, tuple[str, Callable[[], str]]] = {
        "called title that is another": ("rejected 1/1/7", lambda: title(port, called="OTHER")),
        "calling title that is not accepted": (
            "rejected 1/1/3",
            lambda: title(port, calling="NOBODY"),
        ),
        "an image": ("0000", lambda: store(port, one)),
        "the same again": ("0000", lambda: store(port, one)),
        "the same SOP Instance UID, other pixels": (
            "0111",
            lambda: say(port, str(one.SOPInstanceUID), changed),
        ),
        "SOP Instance UID that is not that of the request": (
            "A900",
            lambda: say(port, "1.2.3.999", known),
        ),
        "SOP Instance UID that is a path, kept under a name of ours": (
            "0000",
            lambda: say(port, path, encoded(other, SOPInstanceUID=path)),
        ),
        "SOP Instance UID that is a path, in the data set alone": (
            "A900",
            lambda: say(port, "1.2.3.998", encoded(other, SOPInstanceUID=path)),
        ),
        "series and study UID that are paths": (
            "0000",
            lambda: say(
                port,
                str(other.SOPInstanceUID),
                encoded(other, SeriesInstanceUID=path, StudyInstanceUID=path),
            ),
        ),
        "CT, answered rejected": (
            "0000",
            lambda: say(port, "1.2.3.1", ct, context=CT_CONTEXT, sop_class=CTImageStorage),
        ),
        "a report, whose context was not accepted": (
            "aborted",
            lambda: say(port, "1.2.3.2", known, context=REPORT_CONTEXT, sop_class=REPORT),
        ),
        "data set cut in the pixels": (
            "C000",
            lambda: say(port, str(third.SOPInstanceUID), encoded(third)[:-2000]),
        ),
        "data set cut in the header": (
            "C000",
            lambda: say(port, str(third.SOPInstanceUID), encoded(third)[:120]),
        ),
        "empty data set": ("C000", lambda: say(port, "1.2.3.3", b"")),
        "an image after all that": ("0000", lambda: store(port, fourth)),
    }
    return {name: {"right": right, "said": run()} for name, (right, run) in cases.items()}


def send_mutants(
    port: int, numbers: Sequence[int], threads: int
) -> tuple[Counter[str], list[dict[str, Any]]]:
    """Send mutants; return how often which status came, and which were wrong."""
    originals = [image_in(syntax) for syntax in SYNTAXES]
    statuses: Counter[str] = Counter()
    wrong: list[dict[str, Any]] = []

    def one(number: int) -> None:
        index = number % len(SYNTAXES)
        uid = hashed_uid("mutant", str(number))
        series = hashed_uid("mutants", str(number // OF_A_SERIES))
        whole = encoded(
            originals[index], SYNTAXES[index], SOPInstanceUID=uid, SeriesInstanceUID=series
        )
        content = mutant(number, whole)
        said = say(port, uid, content, context=STORE_CONTEXT + 2 * index)
        right = right_status(content, uid, SYNTAXES[index])
        statuses[said] += 1
        if said != right:
            wrong.append({"number": number, "said": said, "right": right})
        if (done := number - numbers[0] + 1) % TOLD_EVERY == 0:
            # Threads are a few mutants apart: about so many.
            print(f"{done} of {len(numbers)}, {len(wrong)} wrong", file=sys.stderr, flush=True)

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(one, numbers))
    return statuses, wrong


def image_in(syntax: str) -> FileDataset:
    """Return an image in a transfer syntax."""
    ds = make_series(1, seed=2)[0][0]
    if syntax == RLELossless:
        ds.compress(RLELossless, generate_instance_uid=False)
    return ds


def mutant(number: int, original: bytes) -> bytes:
    """Return a data set with one to four faults, made from the number alone."""
    draw = random.Random(number)  # noqa: S311
    content = bytearray(original)
    for _ in range(draw.randint(1, 4)):
        at = draw.randrange(max(1, min(len(content), draw.choice((200, 900, len(content) or 1)))))
        long = struct.pack("<L", draw.choice(_BOUNDS))
        fault = draw.randrange(7)
        if fault == 0:
            content[at : at + 1] = draw.randbytes(1)
        elif fault == 1:
            content[at : at + 4] = long
        elif fault == 2:
            content[at : at + 2] = long[:2]
        elif fault == 3:
            del content[at:]
        elif fault == 4:
            content[at:at] = content[at : at + draw.randrange(1, 400)]
        elif fault == 5:
            word = draw.choice(_WORDS)
            content[at : at + len(word)] = word
        else:
            del content[at : at + draw.randrange(1, 64)]
    return bytes(content)


def right_status(content: bytes, uid: str, syntax: str) -> str:
    """Return what reading the same bytes here gives."""
    buffer = io.BytesIO()
    buffer.write(bytes(128) + b"DICM")
    meta = create_file_meta(
        sop_class_uid=MRImageStorage, sop_instance_uid=uid, transfer_syntax=syntax
    )
    write_file_meta_info(buffer, meta)
    try:
        with quiet("pydicom"):
            scans = read_one(buffer.getvalue() + content, name=uid)
    except ImageError:
        return "C000"
    return "0000" if scans[0].sop_instance_uid == uid else "A900"


# --- over the socket ----------------------------------------------------------------------------


def title(port: int, **titles: str) -> str:
    """Ask for an association; return how it was refused."""
    with closing(connect(port)) as peer:
        peer.sendall(request(**titles))
        answer = read_pdu(peer)
        return f"rejected {answer[7]}/{answer[8]}/{answer[9]}" if answer[:1] == b"\x03" else "taken"


def store(port: int, ds: FileDataset) -> str:
    """Send an image as it should be."""
    return say(port, str(ds.SOPInstanceUID), encoded(ds))


def say(
    port: int,
    uid: str,
    content: bytes,
    *,
    context: int = STORE_CONTEXT,
    sop_class: str = MRImageStorage,
) -> str:
    """Send a data set; return the status, or how the association ended."""
    words = command(1, with_dataset=True, uid=uid, sop_class=sop_class)
    size = 60_000
    fragments = [content[at : at + size] for at in range(0, len(content), size)] or [b""]
    with closing(associated(port, others=OTHERS)) as peer:
        with suppress(OSError):
            peer.sendall(data(context, COMMAND | LAST, words))
            for fragment in fragments[:-1]:
                peer.sendall(data(context, 0, fragment))
            peer.sendall(data(context, LAST, fragments[-1]))
        answer = read_pdu(peer)
    at = answer.find(STATUS)
    if at < 0:
        return "aborted" if answer[:1] in (b"\x07", b"") else "no status"
    return f"{struct.unpack_from('<H', answer, at + len(STATUS))[0]:04X}"


def encoded(ds: FileDataset, syntax: str = ExplicitVRLittleEndian, **elements: Any) -> bytes:
    """Return the data set alone, with other values where given."""
    one = copy.deepcopy(ds)
    with pydicom.config.disable_value_validation():
        for keyword, value in elements.items():
            setattr(one, keyword, value)
        is_deflated = syntax == DeflatedExplicitVRLittleEndian
        content = encode(one, syntax == ImplicitVRLittleEndian, True, is_deflated)
    if content is None:
        raise ValueError("the data set cannot be encoded")
    return content


if __name__ == "__main__":
    main()
