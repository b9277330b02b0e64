"""The Postman collection: made of the OpenAPI document, of the shape that Postman imports."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from jsonschema_rs import Draft202012Validator

from api.openapi.document import printed
from api.openapi.postman import collection
from tests.test_openapi import DOCUMENT, operations

FILE: Final = Path(__file__).parent.parent / "docs" / "api" / "postman_collection.json"
COLLECTION: Final = collection(DOCUMENT)

Item = dict[str, Any]

KEYED: Final = {
    "type": "object",
    "required": ["key", "value"],
    "properties": {
        "key": {"type": "string"},
        "value": {"type": "string"},
        "disabled": {"type": "boolean"},
        "description": {"type": "string"},
    },
    "additionalProperties": False,
}
SHAPE: Final = {
    "type": "object",
    "required": ["info", "item"],
    "additionalProperties": False,
    "properties": {
        "info": {
            "type": "object",
            "required": ["name", "schema", "_postman_id"],
            "properties": {
                "schema": {"const": "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"},
                "_postman_id": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
            },
        },
        "item": {"type": "array", "items": {"anyOf": [{"$ref": "#/$defs/folder"}, {"$ref": "#/$defs/item"}]}},
        "variable": {
            "type": "array",
            "items": {"type": "object", "required": ["key", "value", "type"]},
        },
    },
    "$defs": {
        "folder": {
            "type": "object",
            "required": ["name", "item"],
            "properties": {"item": {"type": "array", "items": {"$ref": "#/$defs/item"}, "minItems": 1}},
        },
        "item": {
            "type": "object",
            "required": ["name", "request"],
            "additionalProperties": False,
            "properties": {
                "name": {"type": "string"},
                "request": {"$ref": "#/$defs/request"},
                "response": {"type": "array", "items": {"$ref": "#/$defs/response"}},
                "event": {"type": "array", "items": {"$ref": "#/$defs/event"}},
            },
        },
        "request": {
            "type": "object",
            "required": ["method", "header", "url"],
            "additionalProperties": False,
            "properties": {
                "method": {"enum": ["GET", "POST", "PUT", "DELETE"]},
                "description": {"type": "string"},
                "header": {"type": "array", "items": KEYED},
                "body": {
                    "type": "object",
                    "required": ["mode", "raw"],
                    "properties": {"mode": {"const": "raw"}, "raw": {"type": "string"}},
                },
                "url": {
                    "type": "object",
                    "required": ["raw", "host", "path"],
                    "additionalProperties": False,
                    "properties": {
                        "raw": {"type": "string"},
                        "host": {"type": "array", "items": {"type": "string"}},
                        "path": {"type": "array", "items": {"type": "string"}},
                        "query": {"type": "array", "items": KEYED},
                        "variable": {"type": "array", "items": KEYED},
                    },
                },
            },
        },
        "response": {
            "type": "object",
            "required": ["name", "originalRequest", "code", "header", "body"],
            "properties": {"originalRequest": {"$ref": "#/$defs/request"}, "code": {"type": "integer"}},
        },
        "event": {
            "type": "object",
            "required": ["listen", "script"],
            "properties": {"listen": {"enum": ["test", "prerequest"]}},
        },
    },
}
"""What the v2.1 schema of collections asks of the parts that are used here."""


def requests() -> Iterator[Item]:
    for entry in COLLECTION["item"]:
        yield from entry.get("item", [entry])


def test_it_is_of_the_shape_of_version_2_1() -> None:
    Draft202012Validator(SHAPE).validate(COLLECTION)


def test_every_operation_is_in_the_folder_of_its_tag_once() -> None:
    folders = {
        (folder["name"], item["name"])
        for folder in COLLECTION["item"]
        if "item" in folder
        for item in folder["item"]
    }
    expected = {(each["tags"][0], each["summary"]) for *_, each in operations()}
    assert folders == expected - {("Authentication", "Sign in")}
    assert len(list(requests())) == len(list(operations()))


def test_signing_in_comes_first_by_the_collections_variables() -> None:
    first = COLLECTION["item"][0]
    assert first["request"]["url"]["raw"] == "{{baseUrl}}/api/auth/login"
    assert json.loads(first["request"]["body"]["raw"]) == {
        "username": "{{username}}",
        "password": "{{password}}",
    }
    assert {each["key"]: each["value"] for each in COLLECTION["variable"]} == {
        "baseUrl": "http://localhost:5000",
        "username": "admin",
        "password": "admin123",
    }


def test_the_session_ends_last() -> None:
    assert [item["request"]["url"]["raw"] for item in requests()][-1] == "{{baseUrl}}/api/auth/logout"


def test_addresses_and_bodies_are_those_of_the_document() -> None:
    by_request = {
        (
            item["request"]["method"],
            re.sub(r":(\w+)", r"{\1}", "/" + "/".join(item["request"]["url"]["path"])),
        ): item
        for item in requests()
    }
    for method, path, operation in operations():
        item = by_request[method, path]
        url = item["request"]["url"]
        assert url["raw"] == "{{baseUrl}}/" + "/".join(url["path"])
        assert {each["key"] for each in url.get("variable", ())} == set(re.findall(r"{(\w+)}", path))
        assert [f"{{{{{name}}}}}" for name in ("baseUrl",)] == url["host"]
        if "requestBody" in operation and operation["operationId"] != "login":
            example = operation["requestBody"]["content"]["application/json"]["example"]
            assert json.loads(item["request"]["body"]["raw"]) == example


def test_filters_and_headers_are_there_to_be_switched_on() -> None:
    for item in requests():
        query = item["request"]["url"].get("query", [])
        headers = [each for each in item["request"]["header"] if each["key"] != "Content-Type"]
        assert all(each["disabled"] and each["description"] for each in [*query, *headers])


def test_the_committed_collection_is_the_one_that_the_code_makes() -> None:
    """Else: .venv/bin/python scripts/write_api_docs.py"""
    assert FILE.read_bytes() == printed(COLLECTION)
