"""The operations for load balancers, which take no session and count against no limit."""

from __future__ import annotations

from typing import Any, Final

from api.openapi.document import Operation
from api.openapi.headers import RETRY_AFTER
from api.requests import ID_HEADER

Described = dict[str, Any]

_META: Final = {"$ref": "#/components/schemas/Meta"}
_ID: Final = {ID_HEADER: {"$ref": f"#/components/headers/{ID_HEADER}"}}
_RETRY: Final = {RETRY_AFTER: {"$ref": f"#/components/headers/{RETRY_AFTER}"}}
_CHECKS: Final = {"type": "object", "additionalProperties": {"$ref": "#/components/schemas/Check"}}
_EXAMPLE_META: Final = {
    "timestamp": "2025-06-21T10:30:00Z",
    "version": "1.0",
    "request_id": "req_9f86d081884c7d65",
}

HEALTH_SCHEMAS: Final[dict[str, Described]] = {
    "Check": {
        "type": "object",
        "description": "What one check found; `reason` says what is wrong, for operators.",
        "properties": {"ok": {"type": "boolean"}, "reason": {"type": "string"}},
        "required": ["ok"],
        "additionalProperties": True,
    }
}


def _answer(description: str, properties: Described, example: Described) -> Described:
    schema = {
        "type": "object",
        "properties": {**properties, "meta": _META},
        "required": [*properties, "meta"],
    }
    content = {"schema": schema, "example": {**example, "meta": _EXAMPLE_META}}
    return {"description": description, "headers": _ID, "content": {"application/json": content}}


def _said(status: str, message: str) -> Described:
    return {
        "status": {"type": "string", "const": status},
        "message": {"type": "string", "const": message},
    }


def _data(**properties: Described) -> Described:
    return {"data": {"type": "object", "properties": properties, "required": [*properties]}}


_LIVE: Final = _answer(
    "This process answers.", _said("success", "alive"), {"status": "success", "message": "alive"}
)
_READY: Final = _answer(
    "Everything that requests need is there.",
    {**_said("success", "ready"), **_data(checks=_CHECKS)},
    {
        "status": "success",
        "message": "ready",
        "data": {
            "checks": {
                "database": {"ok": True, "head": 42},
                "redis": {"ok": True, "position": 42},
                "migrations": {"ok": True},
                "projector": {"ok": True, "lag": {"events": 0, "seconds": 0.0}},
            }
        },
    },
)
_NOT_READY: Final = _answer(
    "Something that requests need is away or behind.",
    {
        **_said("error", "not ready"),
        **_data(error_code={"type": "string", "const": "UNAVAILABLE"}, checks=_CHECKS),
    },
    {
        "status": "error",
        "message": "not ready",
        "data": {
            "error_code": "UNAVAILABLE",
            "checks": {"redis": {"ok": False, "reason": "no answer within 3 seconds"}},
        },
    },
)

HEALTH: Final = (
    Operation(
        method="GET",
        path="/livez",
        id="isAlive",
        tag="Health",
        summary="Tell whether this process answers",
        responses={200: _LIVE},
    ),
    Operation(
        method="GET",
        path="/readyz",
        id="isReady",
        tag="Health",
        summary="Tell whether requests can be served",
        responses={200: _READY, 503: {**_NOT_READY, "headers": {**_ID, **_RETRY}}},
    ),
)
