"""The Postman collection: made of the OpenAPI document, imported by Postman, run from top to bottom."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
from jsonschema_rs import Draft202012Validator

from api.openapi.document import printed
from api.openapi.postman import collection
from api.taskflow.openapi.postman import BODIES, run_by_it, taskflow_collection
from tests.http import Client, Reply, Taskflow
from tests.test_openapi import DOCUMENT

FILE: Final = Path(__file__).parent.parent / "docs" / "api" / "postman_collection.json"
COLLECTION: Final = taskflow_collection(DOCUMENT)

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


def operations() -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    """Those that are run: method, path and description."""
    for path, methods in run_by_it(DOCUMENT["paths"]).items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def test_ending_sessions_is_left_out_of_what_is_run() -> None:
    every = {each["operationId"] for methods in DOCUMENT["paths"].values() for each in methods.values()}
    assert every - {each["operationId"] for *_, each in operations()} == {"endSession", "endOtherSessions"}


def test_it_is_of_the_shape_of_version_2_1() -> None:
    Draft202012Validator(SHAPE).validate(COLLECTION)


def test_every_operation_is_in_the_folder_of_its_tag_once() -> None:
    folders = {
        (folder["name"], item["name"])
        for folder in COLLECTION["item"]
        if "item" in folder
        for item in folder["item"]
    }
    expected = {
        ("Removing" if method == "DELETE" else each["tags"][0], each["summary"])
        for method, _, each in operations()
    }
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
        **dict.fromkeys(("project_id", "task_id", "risk_id", "expense_id", "user_id", "department_id"), "1"),
    }


def test_what_is_made_comes_before_what_speaks_of_it_and_is_removed_last() -> None:
    folders = [entry["name"] for entry in COLLECTION["item"]]
    assert folders.index("Departments") < folders.index("Users") < folders.index("Tasks")
    assert folders[-2:] == ["Removing", "Authentication"]
    removed = [item["request"]["url"]["raw"].rsplit("/", 1)[1] for item in COLLECTION["item"][-2]["item"]]
    assert removed == [":task_id", "sessions", ":expense_id", ":project_id"]


def test_a_document_whose_parts_need_each_other_has_no_order() -> None:
    """Rather no collection than one that cannot be run."""
    without = {name: each for name, each in DOCUMENT["paths"].items() if name != "/api/departments"}
    with pytest.raises(RuntimeError):
        collection({**DOCUMENT, "paths": without}, BODIES)


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
        places = {each["key"]: each["value"] for each in url.get("variable", ())}
        assert places == {name: f"{{{{{name}}}}}" for name in re.findall(r"{(\w+)}", path)}
        assert [f"{{{{{name}}}}}" for name in ("baseUrl",)] == url["host"]
        if "requestBody" in operation:
            example = operation["requestBody"]["content"]["application/json"]["example"]
            sent = json.loads(re.sub(r'(?<!")({{\w+_id}})', r'"\1"', item["request"]["body"]["raw"]))
            changed = BODIES.get(operation["operationId"], {})
            assert changed.keys() <= example.keys()
            assert sent == {**example, **changed}


def test_filters_and_headers_are_there_to_be_switched_on() -> None:
    for item in requests():
        query = item["request"]["url"].get("query", [])
        headers = [each for each in item["request"]["header"] if each["key"] != "Content-Type"]
        assert all(each["disabled"] and each["description"] for each in [*query, *headers])
        assert all(each["value"] == "" for each in headers), "nobody else's token or key"


def test_the_committed_collection_is_the_one_that_the_code_makes() -> None:
    """Else: .venv/bin/python scripts/write_api_docs.py"""
    assert FILE.read_bytes() == printed(COLLECTION)


KEEPS: Final = re.compile(r'pm\.collectionVariables\.set\("(\w+)", pm\.response\.json\(\)((?:\.\w+)+)\);')
STATUSES: Final = re.compile(
    r'pm\.test\("succeeds as documented", \(\) => '
    r"pm\.expect\(\[([0-9, ]+)\]\)\.to\.include\(pm\.response\.code\)\);"
)
ENVELOPE: Final = re.compile(
    r'pm\.test\("says so in the envelope", \(\) => '
    r'pm\.expect\(pm\.response\.json\(\)\)\.to\.have\.property\("meta"\)\);'
)


class Postman:
    """As much of Postman as the collection needs: variables in addresses and bodies, and its scripts."""

    def __init__(self, client: Client, started_at: int) -> None:
        self.client = client
        self.variables = {each["key"]: each["value"] for each in COLLECTION["variable"]}
        self.variables |= {"baseUrl": "", "$timestamp": str(started_at)}

    def filled(self, text: str) -> str:
        return re.sub(r"{{([$\w]+)}}", lambda found: self.variables[found[1]], text)

    async def send(self, item: Item) -> Reply:
        request = item["request"]
        address = self.filled(request["url"]["raw"])
        for each in request["url"].get("variable", ()):
            address = re.sub(rf":{each['key']}\b", self.filled(each["value"]), address)
        headers = {each["key"]: each["value"] for each in request["header"] if not each.get("disabled")}
        data = self.filled(request["body"]["raw"]).encode() if "body" in request else None
        answer = await self.client.send(request["method"], address, data=data, headers=headers)
        for line in item["event"][0]["script"]["exec"]:
            self.after(line, answer, f"{request['method']} {address}: {answer.raw!r}")
        return answer

    def after(self, line: str, answer: Reply, said: str) -> None:
        """Do what a line of a script does; one that nobody knows is an error."""
        if found := STATUSES.fullmatch(line):
            assert answer.status in json.loads(f"[{found[1]}]"), said
        elif ENVELOPE.fullmatch(line):
            assert "meta" in answer.body, said
        else:
            keeps = KEEPS.fullmatch(line)
            assert keeps, line
            self.variables[keeps[1]] = str(at(answer.body, keeps[2]))


def at(body: Mapping[str, Any], place: str) -> object:
    found: Any = body
    for name in place.removeprefix(".").split("."):
        found = found[name]
    return found


async def test_it_runs_from_top_to_bottom_and_runs_again(taskflow: Taskflow) -> None:
    """On a new ledger, and on one where its own first run left people and departments."""
    documented = {each["summary"]: int(min(each["responses"])) for *_, each in operations()}
    for started_at in (1_750_000_000, 1_750_000_060):
        postman = Postman(await taskflow.anybody(), started_at)
        for item in requests():
            answer = await postman.send(item)
            assert answer.status == documented[item["name"]], answer.raw
        assert (await postman.client.get("/api/auth/me")).status == 401


async def test_a_run_notices_what_is_answered_otherwise(taskflow: Taskflow) -> None:
    postman = Postman(await taskflow.anybody(), 1)
    await postman.send(COLLECTION["item"][0])
    gone = next(item for item in requests() if item["request"]["url"]["raw"].endswith("/api/tasks/:task_id"))
    with pytest.raises(AssertionError, match="Task not found"):
        await postman.send(gone)
