"""The document: current, complete, valid."""

import json
from pathlib import Path

import jsonschema
import pytest
from flask import Flask
from flask.testing import FlaskClient

from tumorscope.serving.http_api.app import create_documented_app
from tumorscope.serving.http_api.openapi import document

KEPT = Path(__file__).parents[2] / "web" / "openapi.json"
SCRAPED = {"/metrics", "/api/v1/openapi.json"}
"""Not of JSON, or the document itself."""


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
        if not rule.endpoint.startswith("page.") and str(rule) not in SCRAPED
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
        for name in ("ImageAnswer", "SeriesAnswer", "ErrorAnswer")
    }
    assert kinds == {"ImageAnswer": ["image"], "SeriesAnswer": ["series"], "ErrorAnswer": ["error"]}


def test_document_is_served(client: FlaskClient, app: Flask) -> None:
    response = client.get("/api/v1/openapi.json")
    assert response.get_json() == document(app)
    assert response.get_json()["openapi"].startswith("3.1")
