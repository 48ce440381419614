"""A report as text: Markdown, and a page of HTML that needs nothing but itself."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader

from tumorscope.errors import UsageError
from tumorscope.evaluation.tables import LEGEND, Table
from tumorscope.labels import NOTICE
from tumorscope.system.files import write_whole


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
        images = [base64.b64encode(one.path.read_bytes()).decode() for one in self.pictures]
        return render_page(
            "tumorscope.evaluation",
            "report.html",
            document=self,
            notice=NOTICE,
            pictures=list(zip(self.pictures, images, strict=True)),
        )

    def _markdown_lines(self) -> Iterator[str]:
        yield from (f"    {line}" for line in self.command.splitlines() or [""])
        yield from ("", f"# {_inline(self.title)}", "", f"**{NOTICE}**")
        yield from ("", _inline(self.introduction))
        if self.legend:
            yield from ("", self.legend)
        for table in self.tables:
            yield from ("", f"## {_inline(table.title)}", "", _markdown_row(table.header))
            yield "|" + " --- |" * len(table.header)
            yield from map(_markdown_row, table.rows)
        if self.pictures:
            yield from ("", "## Plots")
        for picture in self.pictures:
            yield from ("", f"![{_inline(picture.description)}]({picture.path.name})")


def render_page(package: str, template: str, **values: Any) -> str:
    """Fill in a template of a package's folder ``templates``; what it is given is escaped."""
    loader = PackageLoader(package, "templates")
    environment = Environment(loader=loader, autoescape=True, keep_trailing_newline=True)
    return environment.get_template(template).render(**values)


def report_texts(document: Document, records: Mapping[str, Any]) -> dict[str, str]:
    """Return the files of a report by name: both forms of the document, and records as JSON."""
    return {
        "report.md": document.to_markdown(),
        "report.html": document.to_html(),
        **{
            name: json.dumps(record, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
            for name, record in records.items()
        },
    }


def write_report(output: Path, document: Document, records: Mapping[str, Any]) -> None:
    """Write the files of :func:`report_texts`, each whole or not at all.

    Raises
    ------
    UsageError
        If the folder cannot be written to.
    """
    with report_folder(output):
        for name, text in report_texts(document, records).items():
            write_whole(output / name, text)


@contextmanager
def report_folder(output: Path) -> Iterator[None]:
    """Make the folder of a report, and say so where it or a file in it cannot be written.

    Raises
    ------
    UsageError
        Names the folder and what is wrong.
    """
    try:
        output.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"The report cannot be written to {output}: {error.strerror or error}. Give another "
            "folder or free some space."
        ) from error


def _markdown_row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(map(_inline, cells))} |"


def _inline(text: str) -> str:
    """Return text that Markdown shows as it is, on one line."""
    text = text.replace("|", "\\|").replace("*", "\\*")
    return " ".join(text.replace("<", "&lt;").split())
