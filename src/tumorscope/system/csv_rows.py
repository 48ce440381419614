"""The rows of a CSV file as people and spreadsheets write it: the one reader of manifests."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Final, TextIO, cast

from tumorscope.errors import TumorscopeError


def read_rows(
    path: Path,
    check_columns: Callable[[Sequence[str]], None],
    *,
    error: type[TumorscopeError],
) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield the rows of a CSV file in UTF-8 with a header line, with or without a byte order mark.

    Columns are separated by commas, semicolons or tabs.

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
            reader = csv.DictReader(stream, strict=True, delimiter=_delimiter(stream))
            check_columns(reader.fieldnames or ())
            for cells in reader:
                if None in cells or None in cells.values():
                    raise error(
                        f"Row {reader.line_num} has more or fewer cells than the header of {path}."
                    )
                yield reader.line_num, cast(dict[str, str], cells)
    except IsADirectoryError as cause:
        raise error(f"{path} is a folder; expected a manifest or table, a CSV file.") from cause
    except OSError as cause:
        raise error(f"{path} cannot be read: {cause.strerror}.") from cause
    except (UnicodeDecodeError, csv.Error) as cause:
        raise error(
            f"{path} is not a CSV file in UTF-8: {_kind_of(Path(path)) or cause}."
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
    return next((what for start, what in _BEGINNINGS.items() if head.startswith(start)), None)


def _delimiter(stream: TextIO) -> str:
    """Tell by the header line what separates the columns.

    Where the comma is the decimal mark, spreadsheets write semicolons.
    """
    header = stream.readline()
    stream.seek(0)
    counts = {mark: header.count(mark) for mark in (",", ";", "\t")}
    return max(counts, key=counts.__getitem__)
