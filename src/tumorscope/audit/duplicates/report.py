"""One self-contained page that shows pairs of pictures side by side, to page and filter."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image

from tumorscope.audit.duplicates.findings import CopySearch
from tumorscope.data.collection import Collection
from tumorscope.data.pictures import read_pictures
from tumorscope.errors import ImageError, ManifestError
from tumorscope.evaluation.document import render_page
from tumorscope.labels import NOTICE
from tumorscope.system.files import check_output, write_whole

PICTURE_SIDE: Final = 128
"""Longer side in pixels of a picture inside the page: about 4 kB each."""

_SHOWN: Final = (
    *("verdict", "score", "change", "first_set", "first", "second_set", "second"),
    *("first_tumor", "second_tumor", "is_contradiction"),
)


def write_pair_report(
    path: Path,
    pairs: Sequence[Mapping[str, Any]],
    *,
    title: str,
    facts: Sequence[str] = (),
    pictures: Mapping[str, str] | None = None,
    overwrite: bool = False,
) -> None:
    """Write the page.

    Parameters
    ----------
    path
        HTML file to write.
    pairs
        Rows of :func:`~tumorscope.audit.duplicates.findings.pair_findings`.
    title, facts
        Heading, and sentences below it.
    pictures
        Data URIs by name; without them the page names the files and shows none.
    """
    check_output(path, overwrite=overwrite)
    page = render_page(
        "tumorscope.audit.duplicates",
        "pairs.html",
        title=title,
        facts=facts,
        notice=NOTICE,
        content=_embed({"pairs": _compact(pairs), "pictures": dict(pictures or {})}),
    )
    write_whole(path, page)


def report_pictures(search: CopySearch) -> dict[str, str]:
    """Return a small JPEG of every picture that stands in a pair, as data URIs by name."""
    wanted = {index for pair in search.pairs for index in (pair.first, pair.second)}
    return picture_uris(search.collection, wanted)


def picture_uris(collection: Collection, wanted: Iterable[int]) -> dict[str, str]:
    """Return small JPEGs of rows of a collection, as data URIs by name."""
    rows = collection.rows
    return {
        rows[index].name: uri
        for index in sorted(wanted)
        if (uri := _data_uri(collection, index)) is not None
    }


def _compact(pairs: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return columns and rows without the names repeated: a third of the size."""
    return {"columns": _SHOWN, "rows": [[pair[name] for name in _SHOWN] for pair in pairs]}


def _embed(content: Mapping[str, Any]) -> str:
    """Return JSON that may stand inside a script element whatever the files are called."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data_uri(collection: Collection, index: int) -> str | None:
    try:
        pixels = next(read_pictures([collection.rows[index]], collection.root))
    except (ImageError, ManifestError, OSError):
        return None
    low, high = np.percentile(pixels, (0.5, 99.5))
    grey = np.clip((pixels - low) * (255 / max(float(high - low), 1e-6)), 0, 255)
    picture = Image.fromarray(grey.astype(np.uint8))
    picture.thumbnail((PICTURE_SIDE, PICTURE_SIDE))
    stream = io.BytesIO()
    picture.save(stream, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(stream.getvalue()).decode()
