"""``predict --html``: all answers with their pictures on one page that needs no server."""

from __future__ import annotations

import contextlib
import html
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any, Final, cast

import numpy as np
from msgspec.structs import replace

from tumorscope.answer import Answer, Failure, Prediction, SeriesPrediction, StudyPrediction
from tumorscope.errors import UsageError
from tumorscope.imaging.picture_html import image_tag
from tumorscope.labels import NOTICE
from tumorscope.system.files import whole_file

_OUTCOMES: Final = ("tumor", "no_tumor", "abstain", "rejected", "error")

_HEAD: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>tumorscope: contact sheet</title>
<style>
body { font: 14px/1.4 system-ui, sans-serif; margin: 1rem; color: #111; background: #fff; }
main { display: flex; flex-wrap: wrap; gap: 1rem; }
article { border: 1px solid #bbb; border-radius: 4px; padding: .5rem; max-width: 26rem; }
article img { height: 12rem; max-width: 12rem; object-fit: contain; background: #000; }
article p { margin: .25rem 0; overflow-wrap: anywhere; }
.scale { background: linear-gradient(to right, #555, #ff390a, #ffe628); height: .5rem; }
label { margin-right: 1rem; }
RULES
</style></head><body>
<h1>Answers</h1><p><strong>NOTICE</strong></p>
<p>Left the scan, right the evidence over it, with a box around the connected evidence at its peak.
Evidence from none to strong:</p><div class="scale"></div>
<form>FILTERS</form>
<main>
"""


class ContactSheet:
    """Adds a card for each answer to a page; nothing but the card at hand is kept in memory.

    Parameters
    ----------
    stream
        Text is written to it.
    """

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        filters = "".join(
            f'<label><input type="checkbox" id="show-{name}" checked> {name.replace("_", " ")}'
            "</label>"
            for name in _OUTCOMES
        )
        rules = "\n".join(
            f"body:has(#show-{name}:not(:checked)) article.{name} {{ display: none; }}"
            for name in _OUTCOMES
        )
        head = _HEAD.replace("FILTERS", filters).replace("RULES", rules)
        stream.write(head.replace("NOTICE", NOTICE))

    def add(self, answer: Answer) -> None:
        """Write the card of an answer."""
        if isinstance(answer, Failure):
            self._card("error", "", [answer.source, answer.error.detail])
            return
        pictures = _pictures(answer) if isinstance(answer, Prediction) else ""
        self._card(answer.outcome, pictures, list(_lines(answer)))

    def close(self) -> None:
        """Write the end of the page."""
        self._stream.write("</main></body></html>\n")

    def _card(self, outcome: str, pictures: str, lines: list[str]) -> None:
        text = "".join(f"<p>{html.escape(line)}</p>" for line in lines)
        self._stream.write(f'<article class="{outcome}">{pictures}{text}</article>\n')


@contextlib.contextmanager
def contact_sheet(path: Path | None) -> Iterator[ContactSheet | None]:
    """Open a page that appears whole or not at all; ``None`` where none is asked for."""
    if path is None:
        yield None
        return
    if path.exists():
        raise UsageError(f"{path} exists; give another name for --html.")
    with whole_file(path, "w") as stream:
        sheet = ContactSheet(stream)
        yield sheet
        sheet.close()


def _pictures(answer: Prediction) -> str:
    if answer.pixels is None or answer.evidence is None:
        return ""
    plain = replace(answer, evidence=np.zeros_like(answer.evidence)).overlay()
    return image_tag(plain, "scan") + image_tag(_with_box(answer), "evidence")


def _with_box(answer: Prediction) -> Any:
    from tumorscope.imaging.overlay import draw_box

    picture = answer.overlay()
    if answer.localization is not None:
        draw_box(picture, answer.localization.box)
    return picture


def _lines(answer: Prediction | SeriesPrediction | StudyPrediction) -> Iterator[str]:
    place = ""
    if isinstance(answer, Prediction) and answer.slice_index is not None:
        place = f" [{answer.slice_index}]"
    if isinstance(answer, SeriesPrediction):
        place = f" (series of {answer.slices} slices)"
    if isinstance(answer, StudyPrediction):
        place = f" (study of {len(answer.series) + len(answer.skipped)} series)"
    yield answer.source + place
    yield answer.outcome.replace("_", " ")
    if answer.probabilities is not None:
        yield f"probability of tumor {answer.probabilities['tumor']:.3f}"
    if answer.outcome == "tumor" and answer.type_probabilities is not None:
        shares = cast("dict[str, float]", answer.type_probabilities)
        yield "if tumor: " + ", ".join(f"{name} {share:.2f}" for name, share in shares.items())
    yield from answer.reasons
    yield from answer.notes
