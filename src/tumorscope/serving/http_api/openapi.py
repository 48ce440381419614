"""OpenAPI 3.1 from the routes and their shapes.

``python -m tumorscope.serving.http_api`` prints the document.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec
from flask import Blueprint, Flask, current_app, request
from flask.typing import ResponseReturnValue
from spectree import Response as Responses
from spectree import SecurityScheme, SpecTree
from spectree.model_adapter.msgspec_adapter import MsgspecModelAdapter
from spectree.models import SecureType, SecuritySchemeData

from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.problems import CONTENT_TYPE, KINDS, RefusalError
from tumorscope.serving.http_api.schemas import Problem

VERSION: Final = "1"
_ALWAYS: Final = ("bad-request", "unauthorized", "forbidden-origin", "too-busy", "not-ready")
"""Problems that any route under ``/api`` may answer with."""

blueprint = Blueprint("openapi", __name__)

_KEY: Final = "ApiKey"
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
    security_schemes=[
        SecurityScheme(
            name=_KEY,
            data=SecuritySchemeData(
                type=SecureType.HTTP,
                scheme="bearer",
                description="Needed unless the service is bound to a loopback address.",
            ),
        )
    ],
    security=[{_KEY: []}, {}],
)

_media_types: dict[str, tuple[str, ...]] = {}

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
    query: type[msgspec.Struct] | None = None,
    form: type[msgspec.Struct] | None = None,
    problems: tuple[str, ...] = (),
) -> Callable[[View], View]:
    """Describe a route for the document; the docstring's first paragraph is its summary.

    Parameters
    ----------
    operation
        Stable name, from which clients name their functions.
    query, form
        Shapes of the query and the multipart body.
    problems
        Names of :data:`~tumorscope.serving.http_api.problems.KINDS` beyond those that every route
        may answer with.
    """
    if answered.media:
        _media_types[operation] = answered.media
    refusals = {KINDS[kind][0]: Problem for kind in (*_ALWAYS, *problems)}
    shapes: dict[str, Any] = {f"HTTP_{code}": shape for code, shape in refusals.items()}
    shapes[f"HTTP_{answered.status}"] = answered.body
    decorate: Callable[[View], View] = _TREE.validate(
        query=query,
        form=form,
        resp=Responses(**shapes),
        operation_id=operation,
        skip_validation=True,
    )
    return decorate


def _allowed_words(shape: type[msgspec.Struct], name: str) -> str:
    """Say which values a parameter may have: the few, or where the document describes them."""
    hint = get_type_hints(shape).get(name)
    values = [value for kind in (hint, *get_args(hint)) for value in _literals(kind)]
    if values:
        return f"allowed: {', '.join(map(str, values))}"
    return "the document at /api/v1/openapi.json says what is"


def _literals(kind: object) -> tuple[object, ...]:
    return get_args(kind) if get_origin(kind) is Literal else ()


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
            f"The query parameter {name} has a value that is not allowed; "
            f"{_allowed_words(shape, name)}.",
        ) from error


def document(app: Flask) -> dict[str, Any]:
    """Return the OpenAPI document of an application."""
    with app.app_context():
        spec: dict[str, Any] = json.loads(json.dumps(_TREE.spec))
    for operations in spec["paths"].values():
        for operation in operations.values():
            _finish(operation)
    spec["paths"] = dict(sorted(spec["paths"].items()))
    return spec


@blueprint.get("/openapi.json")
def get_document() -> ResponseReturnValue:
    """Answer with the OpenAPI document."""
    return current_app.json.response(document(current_app))


def _finish(operation: dict[str, Any]) -> None:
    """Give problems and pictures their media types, which SpecTree takes to be JSON."""
    for status, response in operation["responses"].items():
        content = response.get("content", {})
        if int(status) >= 400:
            response["content"] = {CONTENT_TYPE: content["application/json"]}
        elif operation["operationId"] in _media_types:
            binary = {"schema": {"type": "string", "format": "binary"}}
            media = _media_types[operation["operationId"]]
            response["content"] = dict.fromkeys(media, binary)
        if int(status) in (429, 503):
            response["headers"] = {
                "Retry-After": {"schema": {"type": "integer"}, "description": "Seconds."}
            }
