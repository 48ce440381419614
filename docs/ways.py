"""Draw how a DICOM series becomes an answer, and a manifest row a gradient, by watching both.

    python docs/ways.py            # rewrites the drawings in docs/explanation/architecture.md
    python docs/ways.py --check    # changes nothing; exit code 1 where a drawing lacks a step

Both ways are gone on made scans while every call is noted. A drawing has a line for each room, in
the order in which the way first enters them, with the first function called of each module.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any, Final

import numpy as np
import pydicom
from PIL import Image
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import ExplicitVRLittleEndian, MRImageStorage, generate_uid

from tumorscope.imaging.phantom import SAMPLES, head_phantom

PAGE: Final = Path(__file__).parent / "explanation" / "architecture.md"
NESTED: Final = ("imaging.formats", "imaging.inputs")
"""Rooms within a room that stand on a line of their own."""

Calls = dict[str, str]
"""The first function called of each module, in the order of the calls."""


def watch(way: Callable[[], object]) -> Calls:
    """Note the first call into each module of the package, in all threads."""
    calls: Calls = {}

    def note(frame: FrameType, event: str, _: Any) -> None:
        module = frame.f_globals.get("__name__", "")
        name = frame.f_code.co_name
        is_function = name[0].islower()  # the body of a class is called, too
        if event == "call" and is_function and module.startswith("tumorscope."):
            calls.setdefault(module.removeprefix("tumorscope."), name)

    threading.setprofile(note)
    sys.setprofile(note)
    try:
        way()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return calls


def draw(calls: Calls) -> str:
    """Write a line for each room, with its modules and their first functions."""
    rooms: dict[str, list[str]] = {}
    for module, function in calls.items():
        room = next((one for one in NESTED if module.startswith(one)), module.partition(".")[0])
        name = module.removeprefix(room).lstrip(".")
        rooms.setdefault(room, []).append(f"{name}.{function}" if name else function)
    width = max(map(len, rooms))
    lines = [f"{room:<{width}}  {', '.join(steps)}" for room, steps in rooms.items()]
    return "\n".join(["```", *lines, "```"])


def series_way() -> Calls:
    """Answer a made DICOM series of three slices."""
    from tumorscope import load_model

    model = load_model()
    with tempfile.TemporaryDirectory() as folder:
        uid = generate_uid(entropy_srcs=["ways"])
        for number in range(3):
            _write_slice(Path(folder) / f"{number}.dcm", number, uid)
        return watch(lambda: [one.to_dict() for one in model.predict_many([folder])])


def training_way() -> Calls:
    """Train one epoch on made pictures, with random weights."""
    import tensorflow as tf

    from tumorscope.recipes.train import train
    from tumorscope.training.config import MIN_WIDTH, TrainConfig

    config = TrainConfig(
        width=MIN_WIDTH, views=1, frozen_epochs=0, fine_tune_epochs=1, batch_size=4
    )
    # To build graphs while every call is noted would take nearly all of the time.
    tf.config.run_functions_eagerly(True)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        manifest = _write_manifest(folder)
        output = folder / "run"
        return watch(lambda: train(manifest, output=output, config=config, weights="none"))


def _write_slice(path: Path, number: int, series: str) -> None:
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    meta.MediaStorageSOPClassUID = MRImageStorage
    meta.MediaStorageSOPInstanceUID = generate_uid(entropy_srcs=[series, str(number)])
    ds = FileDataset("", {}, file_meta=meta, preamble=bytes(128))
    ds.SOPClassUID, ds.SOPInstanceUID = MRImageStorage, meta.MediaStorageSOPInstanceUID
    ds.SeriesInstanceUID, ds.Modality, ds.InstanceNumber = series, "MR", number
    ds.ImagePositionPatient = [0, 0, 5 * number]
    ds.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    ds.PixelSpacing, ds.SamplesPerPixel, ds.PhotometricInterpretation = [1, 1], 1, "MONOCHROME2"
    pixels = head_phantom(seed=number).astype(np.uint16)
    ds.Rows, ds.Columns = pixels.shape
    ds.BitsAllocated, ds.BitsStored, ds.HighBit, ds.PixelRepresentation = 16, 16, 15, 0
    ds.PixelData = pixels.tobytes()
    pydicom.dcmwrite(path, ds)


def _write_manifest(folder: Path) -> Path:
    rows = ["set,path,tumor,group_id,split"]
    for number, (split, lesion) in enumerate(
        (split, lesion) for split in ("train", "val") for lesion in SAMPLES.values()
    ):
        Image.fromarray(head_phantom(lesion=lesion, seed=number)).save(folder / f"{number}.png")
        rows.append(f"made,{number}.png,{int(lesion is not None)},{number},{split}")
    manifest = folder / "manifest.csv"
    manifest.write_text("\n".join(rows) + "\n")
    return manifest


WAYS: Final = {"series": series_way, "training": training_way}


def filled(text: str, names: Iterable[str]) -> str:
    """Return the page with some drawings as they are now."""
    for name in names:
        block = re.compile(rf"(<!-- way: {name} -->\n).*?(<!-- end -->)", re.DOTALL)
        drawing = draw(WAYS[name]())  # holds no backslash, which a template would take for its own
        text, found = block.subn(rf"\1\n{drawing}\n\n\2", text)
        if found != 1:
            raise SystemExit(f"{PAGE} needs one block '<!-- way: {name} -->'; it has {found}.")
    return text


def steps(text: str) -> set[str]:
    """Return the modules and functions of the drawings; threads may take turns otherwise."""
    drawn = re.findall(r"<!-- way: .*?<!-- end -->", text, re.DOTALL)
    return set(re.findall(r"[\w.]+", " ".join(drawn)))


def main() -> None:
    """Rewrite the drawings, or check them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--only", choices=tuple(WAYS), help="Of the two ways.")
    options = parser.parse_args()
    before = PAGE.read_text(encoding="utf-8")
    after = filled(before, WAYS if options.only is None else (options.only,))
    if not options.check:
        PAGE.write_text(after, encoding="utf-8")
    elif steps(after) != steps(before):
        changed = ", ".join(sorted(steps(after) ^ steps(before)))
        raise SystemExit(f"{PAGE} does not draw the code's ways ({changed}); run docs/ways.py.")


if __name__ == "__main__":
    main()
