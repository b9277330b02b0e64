"""One request of a Postman collection: from an operation, with examples of its answers and tests of them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson

JSON: Final = "application/json"
SUCCEEDS: Final = (
    'pm.test("succeeds as documented", () => pm.expect({statuses}).to.include(pm.response.code));'
)
HAS_ENVELOPE: Final = (
    'pm.test("says so in the envelope", () => pm.expect(pm.response.json()).to.have.property("meta"));'
)
KEEPS: Final = 'pm.collectionVariables.set("{name}", pm.response.json().{place});'
"""What later requests speak of is kept by these."""

BODY: Final = "$response.body#/"

Described = Mapping[str, Any]
Made = dict[str, Any]
Found = tuple[str, str, Described]
"""The method, the path and the operation."""

Bodies = Mapping[str, Mapping[str, Any]]


def item(document: Described, found: Found, bodies: Bodies) -> Made:
    method, path, operation = found
    parameters = _parameters(document, operation)
    request: Made = {
        "method": method,
        "header": [_header(each) for each in parameters if each["in"] == "header"],
        "url": _url(path, parameters),
        "description": _about(operation),
    }
    body = _body(operation, bodies, variables_of(document))
    if body is not None:
        request["header"].insert(0, {"key": "Content-Type", "value": JSON})
        request["body"] = {"mode": "raw", "raw": body, "options": {"raw": {"language": "json"}}}
    return {
        "name": operation["summary"],
        "request": request,
        "response": [_example(request, status, answer) for status, answer in _examples(operation)],
        "event": [{"listen": "test", "script": {"type": "text/javascript", "exec": _script(operation)}}],
    }


def variables_of(document: Described) -> Mapping[str, str]:
    """The variables that stand for ids in paths, and what they are before anything is made."""
    return {
        parameter["name"]: str(parameter["example"])
        for methods in document["paths"].values()
        for operation in methods.values()
        for parameter in _parameters(document, operation)
        if parameter["in"] == "path"
    }


def made_by(operation: Described) -> Mapping[str, str]:
    """The variables that an answer gives values to, and where these stand in it, as its links say."""
    return {
        name: place.removeprefix(BODY).replace("/", ".")
        for answer in operation["responses"].values()
        for link in answer.get("links", {}).values()
        for name, place in link["parameters"].items()
        if place.startswith(BODY)
    }


def used_by(document: Described, found: Found, bodies: Bodies) -> set[str]:
    """The variables in an operation's path and body."""
    _, path, operation = found
    body = _body(operation, bodies, variables_of(document)) or ""
    return {*re.findall(r"{(\w+)}", path), *re.findall(r"{{(\w+)}}", body)}


def _parameters(document: Described, operation: Described) -> list[Described]:
    return [_resolved(document, each) for each in operation.get("parameters", ())]


def _resolved(document: Described, described: Described) -> Described:
    if "$ref" not in described:
        return described
    found: Any = document
    for part in described["$ref"].removeprefix("#/").split("/"):
        found = found[part]
    return dict(found)


def _header(parameter: Described) -> Made:
    """Headers are there to be filled in and switched on."""
    return {
        "key": parameter["name"],
        "value": "",
        "description": parameter["description"],
        "disabled": True,
    }


def _url(path: str, parameters: list[Described]) -> Made:
    raw = "{{baseUrl}}" + re.sub(r"{(\w+)}", r":\1", path)
    url: Made = {"raw": raw, "host": ["{{baseUrl}}"], "path": raw.split("/")[1:]}
    query = [_query(each) for each in parameters if each["in"] == "query"]
    variables = [
        {"key": each["name"], "value": f"{{{{{each['name']}}}}}", "description": each["description"]}
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


def _body(operation: Described, bodies: Bodies, numbers: Mapping[str, str]) -> str | None:
    """The example with the fields that the collection must have otherwise; ids stand without quotes."""
    if "requestBody" not in operation:
        return None
    example = operation["requestBody"]["content"][JSON]["example"]
    body = {**example, **bodies.get(operation["operationId"], {})}
    raw = orjson.dumps(body, option=orjson.OPT_INDENT_2).decode()
    for name in numbers:
        raw = raw.replace(f'"{{{{{name}}}}}"', f"{{{{{name}}}}}")
    return raw


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
        "status": HTTPStatus(int(status)).phrase,
        "code": int(status),
        "header": [{"key": "Content-Type", "value": JSON}],
        "body": orjson.dumps(answer["content"][JSON]["example"], option=orjson.OPT_INDENT_2).decode(),
        "_postman_previewlanguage": "json",
    }


def _script(operation: Described) -> list[str]:
    """What is looked at after the request, and kept of its answer."""
    statuses = [int(status) for status in operation["responses"] if int(status) < 300]
    kept = [KEEPS.format(name=name, place=place) for name, place in made_by(operation).items()]
    return [SUCCEEDS.replace("{statuses}", str(statuses)), HAS_ENVELOPE, *kept]
