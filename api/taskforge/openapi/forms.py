"""The bodies of answers to what cannot be done: the envelope, and its exceptions for tokens and limits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from limits import parse

from api.openapi.headers import REPLAYED, references
from api.requests import ID_HEADER
from api.taskforge.bearer import EXPIRED, MALFORMED, MISSING, OTHER_SCHEME, UNVERIFIED, WRONG_KIND
from api.taskforge.endpoints import Endpoint
from api.taskforge.openapi.headers import ALLOW, COUNTED, WWW_AUTHENTICATE

JSON: Final = "application/json"
TOO_MANY: Final = "429 Too Many Requests: "
KEPT_STATUSES: Final = frozenset({403, 404, 409})
"""Refusals that an Idempotency-Key answers again."""

CUT_SHORT: Final = (
    "The body ended early or was badly framed",
    "The body did not arrive within 10 seconds",
)

Described = dict[str, Any]


class Form(NamedTuple):
    """One body that an answer may have, with an example of it."""

    name: str
    schema: Described
    example: Described


def failure(messages: Sequence[str]) -> Form:
    """The envelope around one of the messages; the first is the example."""
    schema = _object({"success": _const(False), "message": _one_of(messages)})
    return Form("refused", schema, {"success": False, "message": messages[0]})


def framework_failure(message: str, error: str, schema: Described | None = None) -> Form:
    """What no endpoint is to blame for says in `error` what HTTP calls it."""
    properties = {
        "success": _const(False),
        "message": schema or _one_of([message]),
        "error": _one_of([error]),
    }
    return Form("by HTTP", _object(properties), {"success": False, "message": message, "error": error})


def refused_token(endpoint: Endpoint) -> Form:
    """`msg` says what is wrong with the token."""
    # An expired refresh token is found among those that were issued, and refused in the envelope.
    kind = "refresh" if endpoint.takes_refresh_token else "access"
    messages = [MISSING, OTHER_SCHEME, MALFORMED, UNVERIFIED, EXPIRED, WRONG_KIND[kind]]
    return Form("token", _object({"msg": _one_of(messages)}), {"msg": MISSING})


def limited(limit: str) -> Form:
    """`limit` is as endpoints name theirs, `5/hour`."""
    message = f"{TOO_MANY}{parse(limit)}"
    return Form("limit", _object({"message": _one_of([message])}), {"message": message})


def answer(status: int, forms: Sequence[Form], endpoint: Endpoint | None = None) -> Described:
    """The answer of a status that has one of the forms."""
    return {
        "description": DESCRIPTIONS[status],
        "headers": references(_headers(status, forms, endpoint)),
        "content": {JSON: {"schema": _schema(forms), **_examples(forms)}},
    }


def reference(name: str) -> Described:
    return {"$ref": f"#/components/responses/{name}"}


def _headers(status: int, forms: Sequence[Form], endpoint: Endpoint | None) -> Iterable[str]:
    yield from COUNTED
    if [form.name for form in forms] == ["token"]:
        yield WWW_AUTHENTICATE
    if endpoint and endpoint.takes_key and status in KEPT_STATUSES:
        yield REPLAYED


def _schema(forms: Sequence[Form]) -> Described:
    return forms[0].schema if len(forms) == 1 else {"oneOf": [form.schema for form in forms]}


def _examples(forms: Sequence[Form]) -> Described:
    if len(forms) == 1:
        return {"example": forms[0].example}
    return {"examples": {form.name: {"value": form.example} for form in forms}}


def _object(properties: Mapping[str, Described]) -> Described:
    return {"type": "object", "properties": {**properties}, "required": [*properties]}


def _const(value: bool) -> Described:
    return {"type": "boolean", "const": value}


def _one_of(messages: Sequence[str]) -> Described:
    if len(messages) == 1:
        return {"type": "string", "const": messages[0]}
    return {"type": "string", "enum": [*messages]}


DESCRIPTIONS: Final[Mapping[int, str]] = {
    400: "The request makes no sense; of what is wrong, the first thing.",
    401: "The token, or what else was to prove who asks, is not right.",
    403: "This is for others.",
    404: "There is no such object, no such address, or no such account any more.",
    405: "The address does not take this method; `Allow` lists those that it takes.",
    409: "The state of things does not allow this, or others are just changing the same.",
    413: "The body is too long.",
    429: "Too many requests; `Retry-After` says when the next one passes.",
    500: "A mistake of ours; the id in `X-Request-Id` names it in the log.",
    503: "Something that is needed is away, behind or full; `Retry-After` says when to ask again.",
}

NO_ADDRESS: Final = framework_failure("Resource not found", "Not Found")
TOO_MANY_BY_DEFAULT: Final = Form(
    "limit",
    _object({"message": {"type": "string", "pattern": f"^{TOO_MANY}[0-9]+ per [0-9]+ [a-z]+$"}}),
    {"message": f"{TOO_MANY}50 per 1 hour"},
)
_TEXT: Final = {"type": "string"}

RESPONSES: Final[Mapping[str, Described]] = {
    "MethodNotAllowed": answer(405, [framework_failure("Method not allowed", "Method Not Allowed")])
    | {"headers": references((ID_HEADER, ALLOW))},
    "PayloadTooLarge": answer(
        413, [framework_failure("The body must have at most 262144 bytes", "Payload Too Large", _TEXT)]
    ),
    "TooManyRequests": answer(429, [TOO_MANY_BY_DEFAULT]),
    "InternalError": answer(
        500, [framework_failure("An unexpected error occurred", "Internal Server Error")]
    ),
    "Unavailable": answer(
        503,
        [framework_failure("The read model is being made ready; ask again", "Service Unavailable", _TEXT)],
    ),
}
"""The answers that operations share, by name."""

SHARED: Final[Mapping[int, Described]] = {
    429: reference("TooManyRequests"),
    500: reference("InternalError"),
    503: reference("Unavailable"),
}
"""Those that every operation can have."""
