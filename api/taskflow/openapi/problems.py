"""What can go wrong with a request, with the exact body of each answer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from api.openapi.headers import LIMIT_HEADERS, REPLAYED, RETRY_AFTER
from api.requests import ID_HEADER

Described = dict[str, Any]

REASONS: Final[Described] = {"type": "array", "items": {"type": "string"}, "minItems": 1}
ROLES: Final = ("admin", "manager", "user")


@dataclass(frozen=True, slots=True)
class Problem:
    """`code` is the error code, or None where `data` holds faults by field; `more` is beside it in `data`."""

    status: int
    description: str
    message: str
    code: str | None = None
    more: Mapping[str, Described] = field(default_factory=dict)
    headers: tuple[str, ...] = ()


PROBLEMS: Final[Mapping[str, Problem]] = {
    "BadRequest": Problem(
        400,
        "The request makes no sense: malformed JSON, or a query parameter that is unknown or wrong.",
        "The query parameter page takes a page number from 1",
        "BAD_REQUEST",
    ),
    "AuthenticationRequired": Problem(
        401,
        "Nobody is signed in.",
        "Authentication required",
        "AUTH_REQUIRED",
        {"redirect_url": {"type": "string", "const": "/login"}},
    ),
    "InvalidCredentials": Problem(
        401,
        "User and password do not belong together, or the account is disabled.",
        "Invalid username or password",
        "INVALID_CREDENTIALS",
    ),
    "PermissionDenied": Problem(
        403,
        "Your role, or your place in the project, does not allow this.",
        "Insufficient permissions",
        "PERMISSION_DENIED",
        {
            "required_role": {"type": "string", "enum": ["manager", "admin"]},
            "current_role": {"type": "string", "enum": [*reversed(ROLES)]},
        },
    ),
    "CsrfFailed": Problem(
        403,
        "Another site's page may have sent this, or the CSRF token is wrong.",
        "The X-CSRFToken is wrong or belongs to another session",
        "CSRF_FAILED",
    ),
    "NotFound": Problem(
        404, "There is no such object, or none that you may see.", "Project not found", "NOT_FOUND"
    ),
    "Conflict": Problem(
        409,
        "The state of things does not allow this. With `Retry-After`: others are at it, ask again.",
        "The project is completed and takes no new tasks; set its status to active to reopen it",
        "CONFLICT",
        headers=(RETRY_AFTER,),
    ),
    "PreconditionFailed": Problem(
        412,
        "The object has changed since the version in `If-Match`.",
        "The object has changed since the version that If-Match names",
        "PRECONDITION_FAILED",
    ),
    "PayloadTooLarge": Problem(
        413, "The body is too long.", "The body must have at most 262144 bytes", "PAYLOAD_TOO_LARGE"
    ),
    "UnsupportedMediaType": Problem(
        415,
        "The body is not `application/json` in UTF-8, or it is compressed.",
        "The body must be sent as Content-Type: application/json",
        "UNSUPPORTED_MEDIA_TYPE",
    ),
    "ValidationFailed": Problem(
        422,
        "What is wrong, field by field, all at once.",
        "Validation failed",
        more={"errors": {"type": "object", "minProperties": 1, "additionalProperties": REASONS}},
    ),
    "RateLimited": Problem(
        429,
        "Too many requests; `Retry-After` says when the next one passes.",
        "Too many requests",
        "RATE_LIMITED",
        headers=(RETRY_AFTER,),
    ),
    "InternalError": Problem(
        500,
        "A mistake of ours; the request id names it in the log.",
        "Something went wrong here; the request id names it in the log",
        "INTERNAL_ERROR",
    ),
    "Unavailable": Problem(
        503,
        "Something that is needed is away, behind or full; `Retry-After` says when to ask again.",
        "The read model is being made ready; ask again",
        "UNAVAILABLE",
        headers=(RETRY_AFTER,),
    ),
}
ALTERNATIVES: Final[Mapping[str, tuple[str, ...]]] = {"Forbidden": ("PermissionDenied", "CsrfFailed")}
"""Answers of one status with one of several bodies."""

KEPT_STATUSES: Final = frozenset({403, 404, 409, 412, 422})
"""Refusals that an Idempotency-Key answers again."""


def status_of(name: str) -> int:
    return PROBLEMS[ALTERNATIVES.get(name, (name,))[0]].status


def body_schemas() -> dict[str, Described]:
    """Of every problem the schema of its body, by name."""
    return {name: _body_schema(problem) for name, problem in PROBLEMS.items()}


def _body_schema(problem: Problem) -> Described:
    data = dict(problem.more)
    if problem.code:
        data = {"error_code": {"type": "string", "const": problem.code}, **data}
    properties = {
        "status": {"type": "string", "const": "error"},
        "message": {"type": "string"},
        "data": {"type": "object", "properties": data, "required": [*data]},
        "meta": {"$ref": "#/components/schemas/Meta"},
    }
    return {"type": "object", "properties": properties, "required": [*properties]}


def headers_of(name: str) -> tuple[str, ...]:
    headers = PROBLEMS[ALTERNATIVES.get(name, (name,))[0]].headers
    replayed = (REPLAYED,) if status_of(name) in KEPT_STATUSES else ()
    return (ID_HEADER, *LIMIT_HEADERS, *headers, *replayed)
