"""A Postman collection (v2.1) from an OpenAPI document: a folder for each tag, examples as bodies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final
from uuid import NAMESPACE_URL, uuid5

import orjson

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
JSON: Final = "application/json"
SIGN_IN: Final = "login"
"""The id of the operation that comes first, outside all folders; the cookie that it sets is kept."""

SIGN_OUT: Final = "/logout"

VARIABLES: Final[Mapping[str, str]] = {
    "baseUrl": "http://localhost:5000",
    "username": "admin",
    "password": "admin123",
}
CHECK: Final = (
    'pm.test("answers as documented", () => pm.expect({statuses}).to.include(pm.response.code));',
    'pm.test("says so in the envelope", () => pm.expect(pm.response.json()).to.have.property("meta"));',
)
"""What is looked at after each request, when the collection is run."""

Described = Mapping[str, Any]
Made = dict[str, Any]


def collection(document: Described) -> Made:
    """Made of nothing but the document, so the same document makes the same collection."""
    found = list(_operations(document))
    first = [each for each in found if each[2]["operationId"] == SIGN_IN]
    folders = [_folder(document, tag, found) for tag in _ordered(document["tags"], first)]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, document["info"]["title"])),
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": SCHEMA,
        },
        "item": [*(_item(document, *each) for each in first), *folders],
        "variable": [{"key": key, "value": value, "type": "string"} for key, value in VARIABLES.items()],
    }


Found = tuple[str, str, Described]


def _operations(document: Described) -> Iterator[Found]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _ordered(tags: list[Described], first: list[Found]) -> list[Described]:
    """The folder of what signs in and out at the end: nothing can be asked after it."""
    last = {tag for *_, operation in first for tag in operation["tags"]}
    return sorted(tags, key=lambda tag: tag["name"] in last)


def _folder(document: Described, tag: Described, found: list[Found]) -> Made:
    items = [
        _item(document, *each)
        for each in found
        if tag["name"] in each[2]["tags"] and each[2]["operationId"] != SIGN_IN
    ]
    return {"name": tag["name"], "description": tag["description"], "item": sorted(items, key=_is_last)}


def _is_last(item: Made) -> bool:
    return bool(item["request"]["url"]["raw"].endswith(SIGN_OUT))


def _item(document: Described, path: str, method: str, operation: Described) -> Made:
    parameters = [_resolved(document, each) for each in operation.get("parameters", ())]
    request: Made = {
        "method": method,
        "header": [_header(each) for each in parameters if each["in"] == "header"],
        "url": _url(path, parameters),
        "description": _about(operation),
    }
    body = _body(operation)
    if body is not None:
        request["header"].insert(0, {"key": "Content-Type", "value": JSON})
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return {
        "name": operation["summary"],
        "request": request,
        "response": [_example(request, status, answer) for status, answer in _examples(operation)],
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": _checks(operation)}}],
    }


def _resolved(document: Described, described: Described) -> Described:
    if "$ref" not in described:
        return described
    found: Any = document
    for part in described["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _header(parameter: Described) -> Made:
    """Headers are there to be switched on."""
    return {
        "key": parameter["name"],
        "value": str(parameter["example"]),
        "description": parameter["description"],
        "disabled": True,
    }


def _url(path: str, parameters: list[Described]) -> Made:
    raw = "{{baseUrl}}" + re.sub(r"{(\w+)}", r":\1", path)
    url: Made = {"raw": raw, "host": ["{{baseUrl}}"], "path": raw.split("/")[1:]}
    query = [_query(each) for each in parameters if each["in"] == "query"]
    variables = [
        {"key": each["name"], "value": str(each["example"]), "description": each["description"]}
        for each in parameters
        if each["in"] == "path"
    ]
    return url | ({"query": query} if query else {}) | ({"variable": variables} if variables else {})


def _query(parameter: Described) -> Made:
    schema = parameter["schema"]
    value = schema.get("default", schema.get("enum", [""])[0])
    return {
        "key": parameter["name"],
        "value": str(value),
        "description": parameter["description"],
        "disabled": True,
    }


def _body(operation: Described) -> str | None:
    """The example; whoever signs in does so by the collection's own variables."""
    if "requestBody" not in operation:
        return None
    example = operation["requestBody"]["content"][JSON]["example"]
    if operation["operationId"] == SIGN_IN:
        example = {name: f"{{{{{name}}}}}" for name in example}
    return orjson.dumps(example, option=orjson.OPT_INDENT_2).decode()


def _about(operation: Described) -> str:
    return f"`{operation['operationId']}`: {operation['summary']}. {operation.get('description', '')}".strip()


def _examples(operation: Described) -> Iterator[tuple[str, Described]]:
    for status, answer in operation["responses"].items():
        if "example" in answer.get("content", {}).get(JSON, {}):
            yield status, answer


def _example(request: Made, status: str, answer: Described) -> Made:
    return {
        "name": answer["description"],
        "originalRequest": request,
        "status": REASONS[status],
        "code": int(status),
        "header": [{"key": "Content-Type", "value": JSON}],
        "body": orjson.dumps(answer["content"][JSON]["example"], option=orjson.OPT_INDENT_2).decode(),
        "_postman_previewlanguage": "json",
    }


def _checks(operation: Described) -> list[str]:
    statuses = [int(status) for status in operation["responses"]]
    return [line.replace("{statuses}", str(statuses)) for line in CHECK]


REASONS: Final[Mapping[str, str]] = {"200": "OK", "201": "Created", "503": "Service Unavailable"}
