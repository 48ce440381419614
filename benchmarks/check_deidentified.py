"""Is anything left that the profile removes? De-identifies DICOM files and looks, tag by tag.

    python -m benchmarks.check_deidentified FOLDER... --output runs/check_deidentified

Each DICOM file of the folders (archives and compressed files, too) is de-identified, written and
read again. Each element of the original, those inside of sequences included, is held against its
row of Table E.1-1 of PS3.15, read here from the table itself and not by the code that applies it:
what has X must be gone, what has Z be gone, empty or another value, what has D or U be gone or
another value. Private, overlay and curve elements must be gone. Then the values that had to go are
looked for in the bytes of the output, but those that an element has that stays.
"""

from __future__ import annotations

import argparse
import io
import json
import sys
from collections import Counter
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

import pydicom
from pydicom.datadict import keyword_for_tag
from pydicom.dataelem import DataElement

from tumorscope.errors import ImageError
from tumorscope.imaging.deidentification.deidentifier import Deidentifier, NotAnImageError
from tumorscope.imaging.formats.table import MAGIC_BYTES, recognize
from tumorscope.imaging.inputs.sources import expand
from tumorscope.imaging.quiet import quiet
from tumorscope.imaging.scan import ReadFailure

Place = tuple[int, ...]
"""Tags and numbers of items on the way to an element."""

_SHORTEST: Final = 6
"""Bytes of a value that is looked for: shorter ones are found anywhere."""
_BINARY: Final = frozenset(
    ("OB", "OW", "OF", "OD", "OL", "OV", "UN", "US", "SS", "UL", "SL", "FL", "FD", "AT")
)
_PIXELS: Final = frozenset({0x7FE00008, 0x7FE00009, 0x7FE00010})


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0], allow_abbrev=False)
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--output", type=Path, default=Path("runs/check_deidentified"))
    options = parser.parse_args()
    account = check(options.folders)
    options.output.mkdir(parents=True, exist_ok=True)
    (options.output / "account.json").write_text(json.dumps(account, indent=1) + "\n")
    print(json.dumps(account, indent=1))
    sys.exit(0 if account["held"] else 1)


def check(paths: list[Path]) -> dict[str, Any]:
    """De-identify all, and return what was found."""
    deidentifier, table = Deidentifier(), _table()
    left_out: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    wrong: list[str] = []
    number = texts = 0
    for file in expand(paths):
        if isinstance(file, ReadFailure):
            continue
        content = file.read()
        found = recognize(content[:MAGIC_BYTES])
        if found is None or found.name != "DICOM":
            continue
        try:
            with quiet("pydicom"):
                before = pydicom.dcmread(io.BytesIO(content), force=True)
                output = _deidentified(content, deidentifier)
        except NotAnImageError as error:
            left_out[str(error).partition(". ")[0]] += 1
            continue
        except ImageError as error:
            left_out[error.title] += 1
            continue
        except Exception as error:
            left_out[f"cannot be read ({type(error).__name__})"] += 1
            continue
        with quiet("pydicom"):
            after = pydicom.dcmread(io.BytesIO(output))
            problems, secrets = _compare(before, after, table, counts)
        number, texts = number + 1, texts + len(secrets)
        head = output[: len(output) - len(after.get("PixelData") or b"")]
        problems += [
            f"found in the bytes: {one}" for one, value in secrets.items() if value in head
        ]
        wrong += [f"file {number}: {one}" for one in problems]
    return {
        "files": number,
        "left out, and not copied": dict(left_out),
        "elements checked, by the table's action": dict(sorted(counts.items())),
        "values looked for in the bytes": texts,
        "violations": wrong,
        "held": number > 0 and not wrong,
    }


def _deidentified(content: bytes, deidentifier: Deidentifier) -> bytes:
    """Return the file as ``tumorscope deidentify`` writes it."""
    ds = pydicom.dcmread(io.BytesIO(content), force=True)
    deidentifier.apply(ds)
    buffer = io.BytesIO()
    pydicom.dcmwrite(buffer, ds, enforce_file_format=True)
    return buffer.getvalue()


def _compare(
    before: pydicom.Dataset, after: pydicom.Dataset, table: dict[int, str], counts: Counter[str]
) -> tuple[list[str], dict[str, bytes]]:
    """Return what is wrong, and values that must not be in the output, by a name for each."""
    problems: list[str] = []
    secrets: dict[str, bytes] = {}
    # Of the program that writes the file; made files have been seen to bear it as a series UID.
    stays = {str(after.file_meta.ImplementationClassUID).encode()}
    left = dict(_elements(after))
    for place, element in _elements(before):
        action = _action(element, table)
        counts[action] += 1
        now = left.get(place)
        if action == "K":
            stays |= set(_texts(element))
            continue
        problem = _problem(action, element, now)
        if problem:
            problems.append(f"{_name(place)}: {problem}")
        secrets |= {f"{_name(place)} {at}": text for at, text in enumerate(_texts(element))}
    # What an element has that stays by right is no find.
    return problems, {
        name: one for name, one in secrets.items() if not any(one in text for text in stays)
    }


def _problem(action: str, element: DataElement, now: DataElement | None) -> str | None:
    if now is None:
        return None
    if action == "X":
        return "is still there"
    if element.VR == "SQ" or now.is_empty:  # of items, each element is held against its own row
        return None
    is_same = not element.is_empty and now.value == element.value
    if is_same and not str(element.value).startswith("1.2.840.10008."):
        return "has its old value"
    return None


def _action(element: DataElement, table: dict[int, str]) -> str:
    group = element.tag.group
    if element.tag.is_private or group & 0xFF00 in (0x5000, 0x6000):
        return "X"
    return table.get(int(element.tag), "K")


def _elements(ds: pydicom.Dataset, way: Place = ()) -> Iterator[tuple[Place, DataElement]]:
    for tag in list(ds.keys()):
        try:
            element = ds[tag]
        except Exception:  # noqa: S112  # what cannot be read is nothing to compare with
            continue
        place = (*way, int(element.tag))
        yield place, element
        if element.VR == "SQ":
            for number, item in enumerate(element.value):
                yield from _elements(item, (*place, number))


def _texts(element: DataElement) -> Iterator[bytes]:
    """Yield what of a value could be found in the bytes of a file."""
    if element.VR == "SQ" or element.VR in _BINARY or int(element.tag) in _PIXELS:
        return
    values = element.value if element.VM > 1 else [element.value]
    for value in values or ():
        text = str(value).strip().encode("utf-8", "replace")
        # Zeros are what the profile puts in the place of a time.
        says = text.strip(b"0.") and not text.startswith(b"1.2.840.10008.")
        if len(text) >= _SHORTEST and says:
            yield text


def _name(place: Place) -> str:
    tags = [one for one in place if one > 0xFFFF]
    return "/".join(keyword_for_tag(one) or f"{one:08X}" for one in tags)


def _table() -> dict[int, str]:
    """Return the actions of Table E.1-1 by tag."""
    package = files("tumorscope.imaging.deidentification")
    rows = json.loads(package.joinpath("profile.json").read_text(encoding="ascii"))
    return {int(tag, 16): action for tag, action, *_ in rows}


if __name__ == "__main__":
    main()
