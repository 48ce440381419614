"""Attack a DICOM node as strangers would: its memory, its good senders, and whether it lives.

    python -m benchmarks.attack_node --seconds 10 --mutants 10000 --output runs/attack_node

The node is a process of its own, with the limits that are the default. While
each attack goes on, dcmtk's storescu sends it an image over and over. Needs Linux and dcmtk.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid
from tests.serving.dicom.attacks import ATTACKS, PATIENT, GoodPeer, NodeProcess, send_mutants

from tumorscope.imaging.phantom import Lesion, head_phantom

MAX_MIB: Final = 300
MAX_S: Final = 2.0


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__, allow_abbrev=False)
    parser.add_argument("--seconds", type=float, default=10.0, help="of each attack")
    parser.add_argument("--mutants", type=int, default=10_000)
    parser.add_argument("--threads", type=int, default=4, help="that send mutants")
    parser.add_argument("--model", default="", help="artifact, or lite; default the embedded one")
    parser.add_argument("--output", type=Path, default=Path("runs/attack_node"))
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        account = _run(Path(name), options)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def _run(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    image = _image()
    path = folder / "good.dcm"
    image.save_as(path, enforce_file_format=True)
    node = NodeProcess(folder, *(("--model", options.model) if options.model else ()))
    try:
        good = GoodPeer(node.port, path)
        good.send()  # the first image makes the session warm
        rows = {"no attack": _row(node, path, lambda: time.sleep(options.seconds))}
        for name, attack in ATTACKS.items():
            rows[name] = _row(node, path, lambda attack=attack: attack(node.port, options.seconds))
        numbers = range(options.mutants)
        rows[f"{options.mutants:,} mutants"] = _row(
            node,
            path,
            lambda: send_mutants(node.port, image, numbers, threads=options.threads),
        )
        alive = node.process.poll() is None
        code = node.stop()
        log = node.log
    finally:
        node.close()
    answers = [json.loads(line) for line in node.output.read_text().splitlines()]
    return {
        "idle MiB": round(node.idle_mib),
        "attacks": rows,
        "alive": alive,
        "exit code": code,
        "stack traces": log.count("Traceback"),
        "patient's name in the log": PATIENT.decode() in log,
        "good images answered": sum(one.get("calling_ae_title") == "SENDER" for one in answers),
        "held": alive
        and code == 0
        and "Traceback" not in log
        and all(
            row["MiB over idle"] < MAX_MIB and row["slowest s"] < MAX_S and not row["faults"]
            for row in rows.values()
        ),
    }


def _row(node: NodeProcess, image: Path, attack: Callable[[], None]) -> dict[str, Any]:
    node.forget_peak()
    good = GoodPeer(node.port, image)
    begin = time.monotonic()
    with good.at_work():
        attack()
    row = {
        "seconds": round(time.monotonic() - begin, 1),
        "MiB over idle": round(node.memory_mib("VmHWM") - node.idle_mib),
        "good images": len(good.seconds),
        "median s": round(sorted(good.seconds)[len(good.seconds) // 2], 3),
        "slowest s": round(max(good.seconds), 3),
        "faults": good.faults[:3],
    }
    print(row, file=sys.stderr, flush=True)
    return row


def _image() -> FileDataset:
    pixels = head_phantom(lesion=Lesion())
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID = MRImageStorage, generate_uid()
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    ds.StudyInstanceUID, ds.SeriesInstanceUID = generate_uid(), generate_uid()
    ds.PatientName, ds.Modality = PATIENT.decode(), "MR"
    ds.Rows, ds.Columns = pixels.shape
    ds.SamplesPerPixel, ds.PhotometricInterpretation = 1, "MONOCHROME2"
    ds.BitsAllocated = ds.BitsStored = 8
    ds.HighBit, ds.PixelRepresentation = 7, 0
    ds.PixelData = pixels.tobytes()
    ds["PixelData"].VR = "OB"
    return ds


if __name__ == "__main__":
    main()
