"""The rows of a CSV file as people and spreadsheets write it: the one reader of manifests."""

from __future__ import annotations

import csv
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO

from tumorscope.errors import TumorscopeError


def read_rows(
    path: Path,
    check_columns: Callable[[Sequence[str]], None],
    *,
    error: type[TumorscopeError],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file in UTF-8 with a header line, with or without a byte order mark.

    Columns are separated by commas, semicolons or tabs. What spreadsheets add is passed over: a
    first line ``sep=;``, rows of empty cells, and empty columns without a name behind the last.

    Parameters
    ----------
    check_columns
        Takes the names in the header and raises if they cannot be used.
    error
        Raised where the file cannot be read.

    Yields
    ------
    line, cells
        Number of the line at which the row ends, the header's being 1, and text by column.
    """
    try:
        with Path(path).open(newline="", encoding="utf-8-sig") as stream:
            mark, lines_before = _delimiter(stream)
            reader = csv.reader(stream, strict=True, delimiter=mark)
            header = next(reader, [])
            names = _named(header)
            check_columns(names)
            for cells in reader:
                if not any(map(str.strip, cells)):
                    continue
                line = lines_before + reader.line_num
                if any(cells[len(names) : len(header)]):
                    raise error(f"{path}, row {line}: a column has no name in the header; name it.")
                if len(cells) < len(names) or any(cells[len(names) :]):
                    raise error(f"Row {line} has more or fewer cells than the header of {path}.")
                yield line, dict(zip(names, cells, strict=False))
    except IsADirectoryError as cause:
        raise error(f"{path} is a folder; expected a manifest or table, a CSV file.") from cause
    except OSError as cause:
        raise error(f"{path} cannot be read: {cause.strerror}.") from cause
    except (UnicodeDecodeError, csv.Error) as cause:
        advice = "; save it as UTF-8" if isinstance(cause, UnicodeDecodeError) else ""
        raise error(
            f"{path} is not a CSV file in UTF-8: {_kind_of(Path(path)) or f'{cause}{advice}'}."
        ) from cause


_BEGINNINGS: Final = {
    b"PK\x03\x04": "it is a spreadsheet or zip archive; export the sheet as CSV",
    b"\xd0\xcf\x11\xe0": "it is a spreadsheet of an old format; export the sheet as CSV",
    b"\xff\xfe": "it is text in UTF-16; save it as UTF-8",
    b"\xfe\xff": "it is text in UTF-16; save it as UTF-8",
    b"\x89PNG": "it is a PNG image",
}


def _kind_of(path: Path) -> str | None:
    """Say what a file is that is no CSV file, where its first bytes tell."""
    with path.open("rb") as stream:
        head = stream.read(4)
    if len(head) == 4 and (not any(head[::2]) or not any(head[1::2])) and any(head):
        return _BEGINNINGS[b"\xff\xfe"]  # a letter in two bytes, and no mark before them
    return next((what for start, what in _BEGINNINGS.items() if head.startswith(start)), None)


def _delimiter(stream: TextIO) -> tuple[str, int]:
    """Tell by the header line what separates the columns, and how many lines stand before it.

    Where the comma is the decimal mark, spreadsheets write semicolons; some say so in a line of its
    own before the header.
    """
    header = stream.readline()
    if "\0" in header:
        raise csv.Error("it holds zero bytes")
    stated = _STATED.fullmatch(header)
    if stated:
        return stated[1], 1
    stream.seek(0)
    bare = _QUOTED.sub("", header)
    counts = {mark: bare.count(mark) for mark in (",", ";", "\t")}
    return max(counts, key=counts.__getitem__), 0


_STATED: Final = re.compile(r'"?sep=([,;\t])"?\s*', re.IGNORECASE)
_QUOTED: Final = re.compile(r'"[^"]*"')


def _named(names: Sequence[str]) -> list[str]:
    """Leave out the columns without a name behind the last that has one."""
    named = list(names)
    while len(named) > 1 and not named[-1].strip():
        named.pop()
    return named
