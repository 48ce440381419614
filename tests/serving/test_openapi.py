"""The document: current, complete, valid."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tumorscope.errors import ImageError
from tumorscope.labels import NOTICE
from tumorscope.serving.http_api.app import create_documented_app
from tumorscope.serving.http_api.base.problems import KINDS, urn
from tumorscope.serving.http_api.schemas.openapi import document

KEPT = Path(__file__).parents[2] / "web" / "openapi.json"
PROBLEM = "application/problem+json"


@pytest.fixture(scope="module")
def app() -> Flask:
    return create_documented_app()


def test_kept_document_is_current(app: Flask) -> None:
    assert json.loads(KEPT.read_text()) == document(app), (
        "run: python -m tumorscope.serving.http_api > web/openapi.json"
    )


def test_every_route_is_described(app: Flask) -> None:
    described = {
        (path, method)
        for path, operations in document(app)["paths"].items()
        for method in operations
    }
    routes = {
        (str(rule).replace("<int:", "{").replace("<", "{").replace(">", "}"), method.lower())
        for rule in app.url_map.iter_rules()
        for method in rule.methods - {"HEAD", "OPTIONS"}
        if not rule.endpoint.startswith("page.")
    }
    assert described == routes


def test_operations_have_names_of_their_own(app: Flask) -> None:
    names = [
        one["operationId"] for path in document(app)["paths"].values() for one in path.values()
    ]
    assert len(names) == len(set(names))
    assert all(name.isidentifier() for name in names)


def test_schemas_are_valid(app: Flask) -> None:
    for schema in document(app)["components"]["schemas"].values():
        jsonschema.Draft202012Validator.check_schema(schema)


def test_answers_are_told_apart_by_kind(app: Flask) -> None:
    schemas = document(app)["components"]["schemas"]
    kinds = {
        name: schemas[name]["properties"]["kind"]["enum"]
        for name in ("ImageAnswer", "SeriesAnswer", "StudyAnswer", "ErrorAnswer")
    }
    assert kinds == {
        "ImageAnswer": ["image"],
        "SeriesAnswer": ["series"],
        "StudyAnswer": ["study"],
        "ErrorAnswer": ["error"],
    }


def test_document_is_served(client: FlaskClient, app: Flask) -> None:
    response = client.get("/api/v1/openapi.json")
    assert response.get_json() == document(app)
    assert response.get_json()["openapi"].startswith("3.1")


def operations(app: Flask) -> list[dict[str, Any]]:
    return [one for path in document(app)["paths"].values() for one in path.values()]


def test_examples_have_the_shapes_that_they_show(app: Flask) -> None:
    spec = document(app)
    shown = 0
    for one in operations(app):
        for response in one["responses"].values():
            for media, content in response.get("content", {}).items():
                if media not in ("application/json", PROBLEM) or "example" not in content:
                    continue
                shown += 1
                jsonschema.validate(
                    content["example"],
                    content["schema"] | {"components": spec["components"]},
                    cls=jsonschema.Draft202012Validator,
                )
    assert shown > 50


def test_every_answer_in_json_has_an_example(app: Flask) -> None:
    for one in operations(app):
        for status, response in one["responses"].items():
            for media, content in response.get("content", {}).items():
                if media in ("application/json", PROBLEM) and one["operationId"] != "getOpenapi":
                    assert "example" in content, (one["operationId"], status)


def test_operations_are_sorted_under_described_tags(app: Flask) -> None:
    described = {one["name"] for one in document(app)["tags"] if one["description"]}
    assert {tag for one in operations(app) for tag in one["tags"]} == described


def test_both_headers_of_a_key_are_described(app: Flask) -> None:
    spec = document(app)
    schemes = spec["components"]["securitySchemes"]
    assert schemes["BearerKey"]["scheme"] == "bearer"
    header = schemes["HeaderKey"]
    assert (header["type"], header["in"], header["name"]) == ("apiKey", "header", "X-API-Key")
    assert spec["security"] == [{"BearerKey": []}, {"HeaderKey": []}, {}]
    open_ = {one["operationId"] for one in operations(app) if one.get("security") == []}
    assert open_ == {"getHealth", "getReadiness", "getDocs"}


def test_headers_of_answers_are_described(app: Flask) -> None:
    known = document(app)["components"]["headers"]
    for one in operations(app):
        for status, response in one["responses"].items():
            assert set(response["headers"]) <= set(known)
            assert ("Retry-After" in response["headers"]) == (status in ("429", "503"))
            assert ("Location" in response["headers"]) == (status == "202")
    create = document(app)["paths"]["/api/v1/jobs"]["post"]
    assert "Idempotency-Key" in [one["name"] for one in create["parameters"]]
    assert "1,024 MiB" in create["requestBody"]["description"]


def test_kinds_of_problems_are_listed(app: Flask) -> None:
    schemas = document(app)["components"]["schemas"]
    assert schemas["Problem"]["properties"]["type"]["enum"] == [urn(kind) for kind in KINDS]
    kinds = {ImageError.type, *(one.type for one in ImageError.__subclasses__())}
    assert set(schemas["ErrorReason"]["properties"]["type"]["enum"]) == kinds


def test_docs_show_every_operation_and_ask_nobody(client: FlaskClient, app: Flask) -> None:
    response = client.get("/docs")
    assert (response.status_code, response.mimetype) == (200, "text/html")
    for path, methods in document(app)["paths"].items():
        for method in methods:
            assert f"{method.upper()} {path}" in response.text
    assert "<script" not in response.text
    assert set(re.findall(r'(?:href|src)="([^"#]+)"', response.text)) == {
        "api/v1/openapi.json",
        "favicon.svg",
    }
    targets = set(re.findall(r'href="#([^"]+)"', response.text))
    assert targets <= set(re.findall(r' id="([^"]+)"', response.text))
    assert NOTICE in response.text


@pytest.mark.parametrize(("prefix", "server"), [(None, "../.."), ("/tumorscope", "/tumorscope")])
def test_document_says_where_it_is_served(
    client: FlaskClient, prefix: str | None, server: str
) -> None:
    headers = {} if prefix is None else {"X-Forwarded-Prefix": prefix}
    (told,) = client.get("/api/v1/openapi.json", headers=headers).get_json()["servers"]
    assert told["url"] == server
