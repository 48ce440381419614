"""An answer as one row of a table: the same column names in CSV, Parquet and on the page.

In: the shapes of :mod:`tumorscope.answer`. Out: their fields, each with its columns. Imports only
`answer`. ``python -m tumorscope.columns`` prints the columns as TypeScript for the page.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from msgspec import Struct, inspect

from tumorscope.answer import Answer, ErrorAnswer, ImageAnswer, SeriesAnswer, StudyAnswer
from tumorscope.errors import needs_extra

LIST_SEPARATOR: Final = "; "
"""Between the items of a list in a cell of text."""

Kind = Literal["text", "integer", "number", "list of text"]
Path = tuple[str | int, ...]
"""Keys and positions from the answer down to a value."""

_KINDS: Final[tuple[tuple[type[inspect.Type], Kind], ...]] = (
    (inspect.StrType, "text"),
    (inspect.LiteralType, "text"),
    (inspect.IntType, "integer"),
    (inspect.FloatType, "number"),
)
_Nested = inspect.StructType | inspect.TypedDictType
_Items = inspect.ListType | inspect.VarTupleType


@dataclass(frozen=True, slots=True)
class Column:
    """A column, and where its value stands in the JSON object of an answer."""

    name: str
    path: Path
    kind: Kind
    meaning: str


@dataclass(frozen=True, slots=True)
class Field:
    """A field of an answer as the reference describes it.

    Attributes
    ----------
    name
        Path in the JSON object, with dots, and ``[]`` for the items of a list.
    type
        In the words of JSON, such as ``number 0 to 1 or null``.
    meaning
        One line.
    columns
        Its columns; none for objects, whose parts have them, and for lists of objects.
    """

    name: str
    type: str
    meaning: str
    columns: tuple[Column, ...] = ()


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a walk over a shape is: ``path`` is ``None`` inside a list of objects."""

    name: str
    path: Path | None
    column: str


def fields_of(shape: type[Struct]) -> tuple[Field, ...]:
    """Return the fields of an answer, parts after the objects that hold them."""
    info = inspect.type_info(shape)
    if not isinstance(info, inspect.StructType):
        raise TypeError(shape)
    meaning = "What the object is."
    kind = Field("kind", f"`{info.tag}`", meaning, (Column("kind", ("kind",), "text", meaning),))
    return (kind, *_fields_in(info, _Place("", (), "")))


def columns_of(*shapes: type[Struct]) -> tuple[Column, ...]:
    """Return the columns of a table that holds answers of several shapes.

    The rule of their names: a field keeps its name; a part of an object is called by the object
    and its own name (``error_type``, ``model_sha256``), parts of both ``probabilities`` by
    ``probability_`` (``probability_tumor``), and those of ``operating_point`` and ``localization``
    stand alone (``operating_point``, ``threshold``, ``peak_row``). Lists of objects have no
    column.
    """
    merged: list[Column] = []
    for shape in shapes:
        place = len(merged)
        for column in reversed([one for each in fields_of(shape) for one in each.columns]):
            names = [one.name for one in merged]
            if column.name in names:
                place = names.index(column.name)
            else:
                merged.insert(place, column)
    return tuple(merged)


def flatten(answer: Mapping[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """Return the JSON object of an answer as a row; what is null or not there is left out."""
    row = {}
    for column in columns:
        value: Any = answer
        for key in column.path:
            value = value.get(key) if isinstance(key, str) else value[key]
            if value is None:
                break
        else:
            row[column.name] = value
    return row


def in_cell(value: Any) -> Any:
    """Return a value as it stands in a cell of text."""
    return LIST_SEPARATOR.join(value) if isinstance(value, list) else value


def to_frame(answers: Iterable[Answer]) -> Any:
    """Return answers as a pandas ``DataFrame``, a row each with the columns of the CSV.

    Raises
    ------
    MissingExtraError
        If pandas is not installed.
    """
    with needs_extra("A data frame", "data"):
        import pandas
    rows = [flatten(answer.to_dict(), COLUMNS) for answer in answers]
    return pandas.DataFrame(rows, columns=[column.name for column in COLUMNS])


def _fields_in(shape: _Nested, place: _Place) -> Iterator[Field]:
    # msgspec sorts the keys of a TypedDict.
    known = {one.encode_name: one for one in shape.fields}
    names = known if isinstance(shape, inspect.StructType) else shape.cls.__annotations__
    for name in names:
        path = None if place.path is None else (*place.path, name)
        yield from _describe(known[name].type, _Place(place.name + name, path, place.column + name))


def _describe(type_: inspect.Type, place: _Place) -> Iterator[Field]:
    bare, meaning, extra, is_nullable = _unwrap(type_)
    word = _word(bare) + (" or null" if is_nullable else "")
    yield Field(place.name, word, meaning, tuple(_columns(bare, meaning, extra, place)))
    if isinstance(bare, _Nested):
        prefix = extra.get("prefix", f"{place.column}_")
        yield from _fields_in(bare, _Place(f"{place.name}.", place.path, prefix))
    elif isinstance(bare, _Items):
        item = _unwrap(bare.item_type)[0]
        if isinstance(item, _Nested):
            yield from _fields_in(item, _Place(f"{place.name}[].", None, ""))


def _columns(
    bare: inspect.Type, meaning: str, extra: Mapping[str, Any], place: _Place
) -> Iterator[Column]:
    path, named = place.path, extra.get("columns", {place.column: None})
    kind = _kind(_unwrap(bare.item_type)[0] if isinstance(bare, _Items) else bare)
    if path is None or kind is None:
        return
    for at, (name, own_meaning) in enumerate(named.items()):
        if not isinstance(bare, _Items):
            yield Column(name, path, kind, own_meaning or meaning)
        elif kind == "text":
            yield Column(name, path, "list of text", meaning)
        else:
            yield Column(name, (*path, at), kind, own_meaning or meaning)


def _unwrap(type_: inspect.Type) -> tuple[inspect.Type, str, dict[str, Any], bool]:
    """Return a type without what is said of it; what is said outside counts."""
    meaning, extra, is_nullable = "", dict[str, Any](), False
    while True:
        if isinstance(type_, inspect.Metadata):
            meaning = meaning or (type_.extra_json_schema or {}).get("description", "")
            extra = (type_.extra or {}) | extra
            type_ = type_.type
        elif isinstance(type_, inspect.UnionType):
            is_nullable = True
            (type_,) = (one for one in type_.types if not isinstance(one, inspect.NoneType))
        else:
            return type_, meaning, extra, is_nullable


def _kind(bare: inspect.Type) -> Kind | None:
    return next((kind for type_, kind in _KINDS if isinstance(bare, type_)), None)


def _word(bare: inspect.Type) -> str:
    if isinstance(bare, inspect.LiteralType):
        return ", ".join(f"`{value}`" for value in bare.values)
    if isinstance(bare, _Items):
        item = _unwrap(bare.item_type)[0]
        if isinstance(item, _Nested):
            return "list of objects"
        size = f"{bare.max_length} " if bare.max_length else ""
        return f"list of {size}{_word(item) if bare.max_length is None else 'integers'}"
    if isinstance(bare, inspect.FloatType):
        low, high = bare.ge, bare.le
        return "number" + (f" {low} to {high}" if high is not None else "")
    return _kind(bare) or "object"


def typescript() -> str:
    """Return the columns of the page's table."""
    lines = [
        "// Made by python -m tumorscope.columns; do not edit.",
        "",
        "export interface Column {",
        "  readonly name: string;",
        "  /** Keys and positions from the answer down to the value. */",
        "  readonly path: readonly (string | number)[];",
        "}",
        "",
        "/** Columns of a table of answers, as in `tumorscope predict --format csv`. */",
        "export const ANSWER_COLUMNS: readonly Column[] = [",
    ]
    lines += [
        f"  {{ name: {json.dumps(one.name)}, path: {json.dumps(one.path)} }}," for one in COLUMNS
    ]
    lines += ["];", "", "/** Between the items of a list in a cell. */"]
    lines += [f"export const LIST_SEPARATOR = {json.dumps(LIST_SEPARATOR)};"]
    return "\n".join(lines) + "\n"


COLUMNS: Final = columns_of(ImageAnswer, SeriesAnswer, StudyAnswer, ErrorAnswer)
"""Of ``tumorscope predict --format csv``."""

if __name__ == "__main__":
    sys.stdout.write(typescript())
