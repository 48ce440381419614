"""Figures from committed JSON, and how they are filled into Markdown.

A table stands between ``<!-- table: NAME -->`` and ``<!-- end -->``, a figure in a sentence between
``<!-- = NAME -->`` and ``<!-- -->``, what belongs into the front matter of a page between
``# table: NAME`` and ``# end``. The name of a figure begins with its file: ``test:`` and section,
row and metric of the test report; ``held_out:``, ``stated:``, ``bench:``, ``data:``, ``readers:``,
``card:`` or ``lite:`` and its keys, with `` / `` between them. After a ``|`` comes how it is
written: ``%`` as a percentage, ``n`` the number of images, ``groups``, ``low``, ``high``, or a
format of Python such as ``.2f``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parents[1]
BLOCK: Final = re.compile(
    r"^(<!-- table: (?P<name>[\w-]+) -->\n)(?:(?!<!-- table:).)*?^(<!-- end -->)$",
    re.DOTALL | re.MULTILINE,
)
OPENING: Final = re.compile(r"^<!-- table:", re.MULTILINE)
FRONT: Final = re.compile(
    r"^(# table: (?P<name>[\w-]+)\n)(?:(?!# table:).)*?^(# end)$", re.DOTALL | re.MULTILINE
)
VALUE: Final = re.compile(r"(<!-- = (?P<name>[^|>]+?)(?: \| (?P<style>\S+))? -->).*?(<!-- -->)")
NUMBER: Final = re.compile(r"(?<![\w.,/])(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?(?![\w]|\.\d)")
VALUE_OPENING: Final = re.compile(r"<!-- = ")
CARD: Final = ROOT / "src" / "tumorscope" / "model" / "default.tumorscope"

MIN_GROUPS: Final = 20
"""With fewer patients a bootstrap interval is too narrow; the cell is marked with a dagger."""


class TablesError(Exception):
    """A page names a table that there is none of, or a figure is missing."""


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number.

    Attributes
    ----------
    estimate
        The number.
    low, high
        Its 95 % interval; ``None`` where none was measured.
    n, groups
        Images and independent groups (patients) that it was measured on; ``None`` if not known.
    is_exact
        Whether the interval is Clopper-Pearson's, as all images agree.
    """

    estimate: float
    low: float | None = None
    high: float | None = None
    n: int | None = None
    groups: int | None = None
    is_exact: bool = False

    def __str__(self) -> str:
        """Write the number, its interval and its mark as in a report of ``evaluate``."""
        text = f"{self.estimate:.3f}"
        if self.low is not None and self.high is not None:
            text += f" [{self.low:.3f}, {self.high:.3f}]"
        if self.is_exact:
            return f"{text} \\*"
        return f"{text} †" if self.groups is not None and self.groups < MIN_GROUPS else text

    @property
    def size(self) -> str:
        """Images, and patients or groups, that it was measured on."""
        images = "–" if self.n is None else f"{self.n:,}"
        return images if self.groups is None else f"{images}; {self.groups}"


class Figures:
    """The committed figures, and which of them were asked for.

    Parameters
    ----------
    root
        Checkout that holds ``docs``.

    Attributes
    ----------
    reader_run
        What the simulation of reader studies records of its run.
    run
        What the test report records of its run.
    data_run
        What the description of the data records of its run.
    asked
        Every figure that was read, by its name with the file before it.
    """

    def __init__(self, root: Path = ROOT) -> None:
        results = root / "docs" / "results"
        report = _read(results / "test" / "metrics.json")
        self.tumor_types: list[str] = report["tumor_types"]
        self.data_run: Mapping[str, Any] = _read(results / "data.json")["run"]
        self.reader_run: Mapping[str, Any] = _read(results / "readers.json")["run"]
        self.run: Mapping[str, Any] = {"command": report["command"]} | report.get("provenance", {})
        self.asked: dict[str, Figure | float | str] = {}
        self.sources: dict[str, Mapping[str, Any]] = {
            "test": report["sections"],
            "held_out": _read(results / "held_out.json")["figures"],
            "stated": _read(results / "stated.json")["figures"],
            "bench": _read(root / "docs" / "bench.json"),
            "readers": _read(results / "readers.json")["figures"],
            "data": _read(results / "data.json")["sets"],
            "measured": _read(results / "measured.json")["tables"],
            "card": _read(results / "model.json")["default"],
            "lite": _read(results / "model.json")["lite"],
        }

    def section(self, name: str) -> Mapping[str, Mapping[str, Any]]:
        """Return a section of the test report, by row and metric."""
        rows: Mapping[str, Mapping[str, Any]] = _get(self.sources["test"], name)
        return rows

    def test(self, section: str, row: str, metric: str) -> Figure:
        """Return a figure of the test report."""
        return self._figure("test", section, row, metric)

    def held_out(self, name: str) -> Figure:
        """Return a figure that another command than ``evaluate`` on ``test`` measured."""
        return self._figure("held_out", name)

    def has_held_out(self, name: str) -> bool:
        """Whether such a figure exists: a source with one class has no AUROC."""
        return name in self.sources["held_out"]

    def readers(self, name: str) -> Figure:
        """Return a figure of the simulated reader studies."""
        return self._figure("readers", name)

    def bench(self, *keys: str) -> float:
        """Return a figure of the benchmark."""
        return self._number("bench", *keys)

    def card(self, *keys: str) -> float:
        """Return a number of the embedded model's card, or of its file."""
        return self._number("card", *keys)

    def value(self, name: str, style: str | None = None) -> str:
        """Return a figure of a sentence as text.

        Parameters
        ----------
        name
            ``FILE:KEY / KEY``.
        style
            How it is written, as the module says; ``None`` for as it is.
        """
        source, _, path = name.partition(":")
        if source not in self.sources:
            raise TablesError(f"{name!r} begins with no file; there are {', '.join(self.sources)}.")
        keys = path.split(" / ")
        found = _get(self.sources[source], *keys)
        if not isinstance(found, Mapping):
            number = self._keep(source, keys, found)
            return str(number) if isinstance(number, str) else _written(float(number), style)
        figure = self._figure(source, *keys)
        if style in ("n", "groups", "low", "high"):
            return _written(getattr(figure, style), ",.0f" if style in ("n", "groups") else ".3f")
        return _written(figure.estimate, style)

    def _figure(self, source: str, *keys: str) -> Figure:
        value = _get(self.sources[source], *keys)
        figure = Figure(
            value["estimate"],
            value.get("low"),
            value.get("high"),
            value.get("n_images", value.get("n")),
            value.get("n_groups", value.get("groups")),
            is_exact=value.get("method") == "clopper-pearson" or value.get("exact", False),
        )
        self._keep(source, keys, figure)
        return figure

    def _number(self, source: str, *keys: str) -> float:
        number = float(_get(self.sources[source], *keys))
        self._keep(source, keys, number)
        return number

    def _keep(self, source: str, keys: Sequence[str], found: Any) -> Any:
        self.asked[f"{source}:{' / '.join(keys)}"] = found
        return found


Rows = Sequence[Sequence[object]]
"""Cells, each written by ``str``."""
Builder = Callable[[Figures], tuple[Sequence[str], Rows]]

TABLES: dict[str, Builder] = {}


def table(builder: Builder) -> Builder:
    """Register a table under its function's name, with hyphens."""
    TABLES[builder.__name__.replace("_", "-")] = builder
    return builder


TEXTS: dict[str, Callable[[Figures], str]] = {}


def text_block(builder: Callable[[Figures], str]) -> Callable[[Figures], str]:
    """Register a block that is no table under its function's name, with hyphens."""
    TEXTS[builder.__name__.replace("_", "-")] = builder
    return builder


def measured(name: str, figures: Figures) -> tuple[Sequence[str], Rows]:
    """Return a table of ``measured.json``; each number of its columns of figures is asked for."""
    found = _get(figures.sources["measured"], name)
    for index, row in enumerate(found["rows"]):
        for column in found["figures"]:
            for at, number in enumerate(NUMBER.findall(row["cells"][column])):
                key = f"measured:{name} / {index} / {found['header'][column]} / {at}"
                figures.asked[key] = float(number.replace(",", ""))
    return found["header"], [row["cells"] for row in found["rows"]]


def fill(text: str, figures: Figures) -> str:
    """Return a page with every table and every figure of it written anew.

    Raises
    ------
    TablesError
        If a table or a figure is not known, or one has no end.
    """
    if len(OPENING.findall(text)) != len(BLOCK.findall(text)):
        raise TablesError("A table has no <!-- end -->, or its opening line is malformed.")
    if len(VALUE_OPENING.findall(text)) != len(VALUE.findall(text)):
        raise TablesError("A figure has no <!-- --> in its line, or its opening is malformed.")

    def write(block: re.Match[str]) -> str:
        name = block["name"]
        return f"{block[1]}\n{_content(name, figures)}\n\n{block[3]}"

    def lead(block: re.Match[str]) -> str:
        return f"{block[1]}{_content(block['name'], figures)}\n{block[3]}"

    def say(value: re.Match[str]) -> str:
        return f"{value[1]}{figures.value(value['name'], value['style'])}{value[4]}"

    return VALUE.sub(say, BLOCK.sub(write, FRONT.sub(lead, text, count=1)))


def _content(name: str, figures: Figures) -> str:
    if name in TEXTS:
        return TEXTS[name](figures)
    if name.startswith("measured-"):
        return markdown(*measured(name.removeprefix("measured-"), figures))
    if name not in TABLES:
        known = ", ".join(sorted({*TABLES, *TEXTS}))
        raise TablesError(f"There is no table {name!r}; there are {known}.")
    return markdown(*TABLES[name](figures))


def markdown(header: Sequence[str], rows: Rows) -> str:
    """Write a table in Markdown."""
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(map(str, row)) + " |" for row in rows]
    return "\n".join(lines)


def pages(root: Path = ROOT) -> Iterator[Path]:
    """Yield README.md and the pages of docs."""
    yield root / "README.md"
    yield from sorted(root.glob("docs/**/*.md"))


def _read(path: Path) -> dict[str, Any]:
    try:
        content: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise SystemExit(f"{path} cannot be read: {error}") from error
    return content


def _written(number: float | None, style: str | None) -> str:
    if number is None:
        raise TablesError("A figure that a sentence asks for was not measured.")
    if style == "%":
        return f"{number:.0%}".replace("%", " %")
    if style is None:
        return f"{number:,.0f}" if float(number).is_integer() else f"{number:g}"
    return format(number, style)


def _get(values: Mapping[str, Any], *keys: str) -> Any:
    for key in keys:
        if not isinstance(values, Mapping) or key not in values:
            raise TablesError(f"The figures have no {' / '.join(keys)!r}.")
        values = values[key]
    return values
