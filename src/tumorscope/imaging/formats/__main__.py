"""Print the table as TypeScript for the page: ``python -m tumorscope.imaging.formats``."""

from __future__ import annotations

import json
import sys

from tumorscope.imaging.formats.table import (
    PICTURE_ENDINGS,
    READ_NAMES,
    SLICE_ENDINGS,
    VOLUME_ENDINGS,
)


def typescript() -> str:
    """Return what the page knows of formats."""
    tables = {
        "READ_NAMES": (READ_NAMES, "Formats that are read, as users know them."),
        "ALONE_ENDINGS": (
            (*PICTURE_ENDINGS, *VOLUME_ENDINGS, ".zip"),
            "Files that are an upload of their own.",
        ),
        "SLICE_ENDINGS": (SLICE_ENDINGS, "Files that belong to the others of their folder."),
    }
    lines = ["// Made by python -m tumorscope.imaging.formats; do not edit."]
    for name, (values, words) in tables.items():
        lines += ["", f"/** {words} */", f"export const {name}: readonly string[] = ["]
        lines += [f"  {json.dumps(value)}," for value in values]
        lines += ["];"]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(typescript())
