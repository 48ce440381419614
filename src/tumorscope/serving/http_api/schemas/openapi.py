"""OpenAPI 3.1 from the routes and their shapes.

``python -m tumorscope.serving.http_api`` prints the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Final, TypeVar

import msgspec
from flask import Blueprint, Flask, current_app, request
from flask.typing import ResponseReturnValue
from spectree import Response as Responses
from spectree import SecurityScheme, SpecTree
from spectree.model_adapter.msgspec_adapter import MsgspecModelAdapter
from spectree.models import InType, SecureType, SecuritySchemeData

from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.base.problems import CONTENT_TYPE, KINDS, RefusalError
from tumorscope.serving.http_api.base.under_path import TOLD
from tumorscope.serving.http_api.schemas.examples import (
    BODY_LIMITS,
    EXAMPLES,
    FORM_EXAMPLE,
    REQUEST_HEADERS,
    RESPONSE_HEADERS,
    problem_example,
)
from tumorscope.serving.http_api.schemas.shapes import Problem

VERSION: Final = "1"
_ANY: Final = ("bad-request", "forbidden-origin", "internal")
"""Problems that any route may answer with."""

_ANY_OF_API: Final = (*_ANY, "unauthorized", "not-ready")
"""Problems that any route may answer with that needs a key."""

TAGS: Final = {
    "predictions": "Images that are answered within the request.",
    "jobs": "Series, volumes and archives that are answered in the background.",
    "model": "What the model says of itself, and what a request may cost.",
    "samples": "Made-up scans to try things on.",
    "operation": "Health, metrics and this document.",
}
_OPEN_TAG: Final = "operation"
_UNKNOWN_ROOT: Final = "../.."
"""Against the address of the document, which is then right behind any proxy."""

blueprint = Blueprint("document", __name__)

_NEEDED: Final = "Needed unless the service is bound to a loopback address."
_SCHEMES: Final = (
    SecurityScheme(
        name="BearerKey",
        data=SecuritySchemeData(type=SecureType.HTTP, scheme="bearer", description=_NEEDED),
    ),
    SecurityScheme(
        name="HeaderKey",
        data=SecuritySchemeData(
            type=SecureType.API_KEY, name="X-API-Key", field_in=InType.HEADER, description=_NEEDED
        ),
    ),
)
_KEYS: Final[list[dict[str, list[str]]]] = [{one.name: []} for one in _SCHEMES]
_TREE: Final = SpecTree(
    "flask",
    mode="strict",
    title="tumorscope",
    version=VERSION,
    description=f"Brain-tumor classifier for MR images. {NOTICE}",
    openapi_version="3.1.0",
    annotations=False,
    naming_strategy=lambda model: model.__name__,
    nested_naming_strategy=lambda _parent, child: child,
    # Its protocol is wider than the adapter that SpecTree itself ships.
    model_adapter=MsgspecModelAdapter(),  # type: ignore[arg-type]
    validation_error_status=400,
    validation_error_model=Problem,
    security_schemes=list(_SCHEMES),
    security=[*_KEYS, {}],
)

_media_types: dict[str, tuple[str, ...]] = {}
_problems: dict[str, tuple[str, ...]] = {}

_KEPT: Final = frozenset({"getMetrics", "getOpenapi"})
"""Operations that need a key all the same."""

_HEADERS_OF: Final = {"createJob": ("Idempotency-Key",)}
"""Headers that a request may have, by operation."""

_MORE_HEADERS: Final = {
    202: ("Location",),
    401: ("WWW-Authenticate",),
    429: ("Retry-After",),
    503: ("Retry-After",),
}

View = Callable[..., ResponseReturnValue]
Query = TypeVar("Query", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Answered:
    """The good answer of a route: its shape, or its media types where it is no JSON."""

    body: type[msgspec.Struct] | None = None
    status: int = 200
    media: tuple[str, ...] = ()


def describe(
    operation: str,
    answered: Answered,
    *,
    tag: str,
    query: type[msgspec.Struct] | None = None,
    form: type[msgspec.Struct] | None = None,
    problems: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Describe a route for the document; the docstring's first paragraph is its summary.

    Parameters
    ----------
    operation
        Stable name, from which clients name their functions.
    tag
        One of :data:`TAGS`.
    query, form
        Shapes of the query and the multipart body.
    problems
        Names of :data:`~tumorscope.serving.http_api.base.problems.KINDS` beyond those that every
        route may answer with.
    """
    if answered.media:
        _media_types[operation] = answered.media
    is_open = tag == _OPEN_TAG and operation not in _KEPT
    _problems[operation] = (*(_ANY if is_open else _ANY_OF_API), *problems)
    refusals = {KINDS[kind][0]: Problem for kind in _problems[operation]}
    shapes: dict[str, Any] = {f"HTTP_{code}": shape for code, shape in refusals.items()}
    shapes[f"HTTP_{answered.status}"] = answered.body
    decorate: Callable[[View], View] = _TREE.validate(
        query=query,
        form=form,
        resp=Responses(**shapes),
        tags=[tag],
        operation_id=operation,
        skip_validation=True,
    )
    return decorate


def parse_query(shape: type[Query]) -> Query:
    """Read the request's query.

    Raises
    ------
    RefusalError
        If a parameter is unknown or has a value that it may not have.
    """
    known = set(shape.__struct_encode_fields__)
    unknown = sorted(set(request.args) - known)
    if unknown:
        raise RefusalError(
            "bad-request",
            f"Unknown query parameters: {len(unknown)}; "
            f"allowed: {', '.join(sorted(known)) or 'none'}.",
        )
    try:
        return msgspec.convert(request.args.to_dict(), shape, strict=False)
    except msgspec.ValidationError as error:
        place = re.search(r"\$\.(\w+)", str(error))
        name = place.group(1) if place else "?"
        raise RefusalError(
            "bad-request",
            f"The query parameter {name} must be {_allowed(shape, name)}; it has another value.",
        ) from error


def _allowed(shape: type[msgspec.Struct], name: str) -> str:
    """Say in words which values a parameter may have."""
    info = msgspec.inspect.type_info(shape)
    fields = info.fields if isinstance(info, msgspec.inspect.StructType) else ()
    kinds = [kind for one in fields if one.encode_name == name for kind in _kinds(one.type)]
    return " or ".join(filter(None, map(_in_words, kinds))) or "as /api/v1/openapi.json says"


def _kinds(kind: msgspec.inspect.Type) -> Iterator[msgspec.inspect.Type]:
    if isinstance(kind, msgspec.inspect.UnionType):
        for one in kind.types:
            yield from _kinds(one)
    elif isinstance(kind, msgspec.inspect.Metadata):
        yield from _kinds(kind.type)
    else:
        yield kind


def _in_words(kind: msgspec.inspect.Type) -> str:
    if isinstance(kind, msgspec.inspect.LiteralType):
        return " or ".join(str(value) for value in kind.values)
    if isinstance(kind, (msgspec.inspect.IntType, msgspec.inspect.FloatType)):
        noun = "a whole number" if isinstance(kind, msgspec.inspect.IntType) else "a number"
        ends = (f" from {kind.ge}" if kind.ge is not None else "") + (
            f" to {kind.le}" if kind.le is not None else ""
        )
        return noun + ends
    if isinstance(kind, msgspec.inspect.StrType):
        return "text" + (f" of at most {kind.max_length} characters" if kind.max_length else "")
    return ""


def document(app: Flask, *, root: str | None = None) -> dict[str, Any]:
    """Return the OpenAPI document of an application.

    Parameters
    ----------
    root
        Path before all others, where it is known; empty for the root of the host.
    """
    with app.app_context():
        spec: dict[str, Any] = json.loads(json.dumps(_TREE.spec))
    for operations in spec["paths"].values():
        for operation in operations.values():
            _finish(operation)
    spec["info"]["license"] = {"name": "Apache License 2.0", "identifier": "Apache-2.0"}
    spec["servers"] = [
        {"url": _UNKNOWN_ROOT, "description": "Relative to the address of this document."}
        if root is None
        else {"url": root, "description": "This service."}
    ]
    spec["tags"] = [{"name": name, "description": text} for name, text in TAGS.items()]
    spec["paths"] = dict(sorted(spec["paths"].items()))
    spec["components"]["headers"] = RESPONSE_HEADERS
    return spec


def served_document() -> dict[str, Any]:
    """Return the document with the path that the request at hand came under, if it is known."""
    root = request.script_root if request.environ.get(TOLD) else None
    return document(current_app, root=root)


@blueprint.get("/openapi.json")
@describe("getOpenapi", Answered(media=("application/json",)), tag=_OPEN_TAG)
def get_document() -> ResponseReturnValue:
    """Answer with this document."""
    return current_app.json.response(served_document())


def _finish(operation: dict[str, Any]) -> None:
    """Add what SpecTree cannot be told: media types, headers, examples, limits."""
    name = operation["operationId"]
    if _OPEN_TAG in operation["tags"] and name not in _KEPT:
        operation["security"] = []
    for status, response in operation["responses"].items():
        _finish_response(name, int(status), response)
    operation["responses"] = dict(sorted(operation["responses"].items()))
    operation.setdefault("parameters", []).extend(
        {"name": one, "in": "header", "required": False, **REQUEST_HEADERS[one]}
        for one in _HEADERS_OF.get(name, ())
    )
    body = operation.get("requestBody")
    if body is not None:
        body["description"] = BODY_LIMITS[name]
        body["content"]["multipart/form-data"]["example"] = FORM_EXAMPLE


def _finish_response(operation: str, status: int, response: dict[str, Any]) -> None:
    content = response.get("content", {})
    kinds = [kind for kind in _problems[operation] if KINDS[kind][0] == status]
    if kinds:
        response["description"] = " ".join(f"{KINDS[kind][1]} (`{kind}`)" for kind in kinds)
        problem = content["application/json"] | {"example": problem_example(kinds[0])}
        response["content"] = {CONTENT_TYPE: problem}
    elif operation in _media_types:
        response["content"] = {one: {"schema": _schema_of(one)} for one in _media_types[operation]}
    elif content:
        content["application/json"]["example"] = EXAMPLES[operation]
    headers = ["X-Request-ID", *_MORE_HEADERS.get(status, ())]
    response["headers"] = {one: {"$ref": f"#/components/headers/{one}"} for one in headers}


def _schema_of(media_type: str) -> dict[str, str]:
    if media_type == "application/json":
        return {"type": "object"}
    if media_type.startswith("text/"):
        return {"type": "string"}
    return {"type": "string", "format": "binary"}
