"""The Postman collection of TaskFlow Pro."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.openapi.postman import collection

Described = dict[str, Any]

BODIES: Final[Mapping[str, Mapping[str, Any]]] = {
    "login": {"username": "{{username}}", "password": "{{password}}"},
    "createDepartment": {"name": "Quality Assurance {{$timestamp}}"},
    "changeDepartment": {"name": "Quality Assurance {{$timestamp}}"},
    "createUser": {
        "username": "newuser-{{$timestamp}}",
        "email": "newuser-{{$timestamp}}@taskflow.com",
        "department_id": "{{department_id}}",
    },
    "changeUser": {"department_id": "{{department_id}}"},
    "createTask": {"assigned_to": ["{{user_id}}"]},
    "assignTask": {"user_ids": ["{{user_id}}"]},
}
"""The fields of examples that speak of what another request makes, or whose values nobody else may have.

`$timestamp` is Postman's own: with it the collection can be run again on the same server.
"""


LEFT_OUT: Final = frozenset({"endSession", "endOtherSessions"})
"""Whoever runs the collection would be signed out elsewhere: it ends no session but its own."""


def taskflow_collection(document: Described) -> Described:
    """Made of nothing but the document, so the same document makes the same collection."""
    return collection({**document, "paths": run_by_it(document["paths"])}, BODIES)


def run_by_it(paths: Described) -> Described:
    """The paths with the operations that may be run from top to bottom."""
    kept = {
        path: {method: each for method, each in methods.items() if each["operationId"] not in LEFT_OUT}
        for path, methods in paths.items()
    }
    return {path: methods for path, methods in kept.items() if methods}
