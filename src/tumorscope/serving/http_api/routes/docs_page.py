"""``/docs``: the OpenAPI document as a page to read, without scripts and without anybody else."""

from __future__ import annotations

import json
from typing import Any, Final

from flask import Blueprint, Response, render_template, request
from flask.typing import ResponseReturnValue

from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.schemas.openapi import Answered, describe, served_document

blueprint = Blueprint("docs", __name__, template_folder="../templates")

_ORIGIN: Final = "http://127.0.0.1:8000"
"""Where the service is, unless it was told otherwise: for commands to copy."""


@blueprint.get("/docs")
@describe("getDocs", Answered(media=("text/html",)), tag="operation")
def get_docs() -> ResponseReturnValue:
    """Answer with this document as a page."""
    document = served_document()
    root = request.script_root
    text = render_template(
        "docs.html",
        document=document,
        operations=_by_tag(document),
        shape=_shape,
        pretty=_pretty,
        origin=f"https://HOST{root}" if root else _ORIGIN,
        notice=NOTICE,
    )
    return Response(text, mimetype="text/html")


def _by_tag(document: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {one["name"]: [] for one in document["tags"]}
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            row = operation | {"path": path, "method": method.upper()}
            found[operation["tags"][0]].append(row)
    return found


def _pretty(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _shape(schema: dict[str, Any]) -> list[tuple[str, str]]:
    """Tell a shape in words: texts, each with the name of the shape it leads to, or none."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return [(name, name)]
    for several in ("anyOf", "oneOf"):
        if several in schema:
            return _joined([_shape(one) for one in schema[several]], " or ")
    if "enum" in schema:
        return [(" | ".join(json.dumps(one) for one in schema["enum"]), "")]
    kind = schema.get("type", "any value")
    if kind == "array":
        return [("list of ", ""), *_shape(schema.get("items", {}))]
    if isinstance(schema.get("additionalProperties"), dict):
        return [("object of ", ""), *_shape(schema["additionalProperties"])]
    return [(f"{kind}{_bounds(schema)}", "")]


def _bounds(schema: dict[str, Any]) -> str:
    words = {
        "format": "{}",
        "pattern": "matching {}",
        "minimum": "at least {}",
        "maximum": "at most {}",
        "minLength": "at least {} characters",
        "maxLength": "at most {} characters",
        "default": "by default {}",
    }
    said = [text.format(schema[key]) for key, text in words.items() if key in schema]
    return f" ({', '.join(said)})" if said else ""


def _joined(parts: list[list[tuple[str, str]]], word: str) -> list[tuple[str, str]]:
    joined: list[tuple[str, str]] = []
    for part in parts:
        if joined:
            joined.append((word, ""))
        joined += part
    return joined
