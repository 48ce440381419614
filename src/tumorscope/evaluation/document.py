"""A report as text: Markdown, and a page of HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tumorscope.errors import UsageError
from tumorscope.evaluation.tables import LEGEND, Table
from tumorscope.labels import NOTICE
from tumorscope.system.files import write_whole

# Nothing may be loaded or run, so the page is the same without a network.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE: Final = """
:root { color-scheme: light dark; }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 96rem; margin: 2rem auto; padding: 0 1rem; }
.notice { border: 2px solid; padding: .5rem 1rem; font-weight: bold; }
pre { padding: .6rem; border: 1px solid; white-space: pre-wrap; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin: 1.5rem 0; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
caption { text-align: left; font-weight: bold; padding: .3rem 0; }
th, td { border-bottom: 1px solid #888; padding: .3rem .7rem; text-align: left; }
td { white-space: nowrap; }
tbody th { min-width: 9rem; }
p { max-width: 50rem; }
figure { display: inline-block; vertical-align: top; margin: 0 1rem 2rem 0; max-width: 34rem; }
img { max-width: 100%; height: auto; background: white; }
"""


@dataclass(frozen=True, slots=True)
class Picture:
    """A plot and what it shows in words, for those who cannot see it."""

    path: Path
    title: str
    description: str


@dataclass(frozen=True, slots=True)
class Document:
    """What a report says, in order."""

    command: str
    title: str
    introduction: str
    tables: Sequence[Table]
    pictures: Sequence[Picture]
    legend: str = LEGEND

    def to_markdown(self) -> str:
        """Return Markdown that begins with the command; pictures are linked by name."""
        return "\n".join(self._markdown_lines()) + "\n"

    def to_html(self) -> str:
        """Return one page with the pictures inside it."""
        title = html.escape(self.title)
        return (
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{title}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n<main>\n"
            f'<h1>{title}</h1>\n<p class="notice">{html.escape(NOTICE)}</p>\n'
            f"<p>Made by</p>\n<pre><code>{html.escape(self.command)}</code></pre>\n"
            f"<p>{html.escape(self.introduction)}</p>\n{_html_paragraph(self.legend)}"
            f"<h2>Tables</h2>\n{''.join(map(_html_table, self.tables))}"
            f"{_html_plots(self.pictures)}"
            "</main>\n</body>\n</html>\n"
        )

    def _markdown_lines(self) -> Iterator[str]:
        yield from (f"    {line}" for line in self.command.splitlines() or [""])
        yield from ("", f"# {_inline(self.title)}", "", f"**{NOTICE}**")
        yield from ("", _inline(self.introduction))
        if self.legend:
            yield from ("", self.legend)
        for table in self.tables:
            yield from ("", f"## {table.title}", "", _markdown_row(table.header))
            yield "|" + " --- |" * len(table.header)
            yield from map(_markdown_row, table.rows)
        if self.pictures:
            yield from ("", "## Plots")
        for picture in self.pictures:
            yield from ("", f"![{picture.description}]({picture.path.name})")


def write_texts(output: Path, texts: Mapping[str, str]) -> None:
    """Write the files of a report by name, each whole or not at all.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_whole(output / name, text)
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {output}: {error.strerror or error}. Give another "
            "folder or free some space."
        ) from error


def _html_paragraph(text: str) -> str:
    return f"<p>{html.escape(text)}</p>\n" if text else ""


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_inline, cells))} |"


def _inline(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = text.replace("|", "\\|").replace("*", "\\*")
    return " ".join(text.replace("<", "&lt;").split())


def _html_table(table: Table) -> str:
    header = "".join(f'<th scope="col">{html.escape(text)}</th>' for text in table.header)
    rows = "".join(map(_html_row, table.rows))
    label = html.escape(table.title)
    return (
        f'<div class="scroll" role="region" tabindex="0" aria-label="{label}">\n'
        f"<table>\n<caption>{label}</caption>\n<thead><tr>{header}</tr></thead>\n"
        f"<tbody>\n{rows}</tbody>\n</table>\n</div>\n"
    )


def _html_row(cells: Sequence[str]) -> str:
    values = "".join(f"<td>{html.escape(text)}</td>" for text in cells[1:])
    return f'<tr><th scope="row">{html.escape(cells[0])}</th>{values}</tr>\n'


def _html_plots(pictures: Sequence[Picture]) -> str:
    return f"<h2>Plots</h2>\n{''.join(map(_html_figure, pictures))}" if pictures else ""


def _html_figure(picture: Picture) -> str:
    content = base64.b64encode(picture.path.read_bytes()).decode("ascii")
    return (
        f'<figure>\n<img alt="{html.escape(picture.description)}" '
        f'src="data:image/png;base64,{content}">\n'
        f"<figcaption>{html.escape(picture.title)}</figcaption>\n</figure>\n"
    )
