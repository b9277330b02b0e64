"""The envelope around every answer of TaskFlow Pro, errors of every kind included."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson
import structlog
from aiohttp import hdrs, web

from api import errors
from api.replies import Reply
from api.unavailable import BY_READING, as_try_later
from commands import errors as refusals

VERSION: Final = "1.0"
KEPT_HEADERS: Final = (hdrs.ALLOW,)

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler has to say; `version` makes it an object that is known by an entity tag."""

    data: Mapping[str, Any] | None = None
    message: str | None = None
    status: int = 200
    pagination: Mapping[str, int] | None = None
    version: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


def sealed(answer: Answer, request_id: str) -> Reply:
    """The answer in its envelope, stamped."""
    return stamped(unstamped(answer), request_id)


def unstamped(answer: Answer) -> Reply:
    """The answer in its envelope, up to what is another one each time; what follows is up to `stamped`."""
    body: dict[str, Any] = {"status": "success" if answer.status < 400 else "error"}
    if answer.message is not None:
        body["message"] = answer.message
    if answer.data is not None:
        body["data"] = answer.data
    if answer.pagination is not None:
        body["pagination"] = answer.pagination
    return Reply(answer.status, orjson.dumps(body)[:-1], answer.headers)


def stamped(reply: Reply, request_id: str) -> Reply:
    """The reply with the time, and the id of the request that it answers: letters, digits, `_` and `-`."""
    meta = f',"meta":{{"timestamp":"{present()}","version":"{VERSION}","request_id":"{request_id}"}}}}'
    return Reply(reply.status, reply.body + meta.encode(), reply.headers)


def present() -> str:
    return _second(int(time.time()))


@lru_cache(maxsize=2)
def _second(at_s: int) -> str:
    return f"{datetime.fromtimestamp(at_s, UTC):%Y-%m-%dT%H:%M:%SZ}"


def error(
    status: int, code: str, message: str, headers: Mapping[str, str] | None = None, **data: object
) -> Answer:
    return Answer({"error_code": code, **data}, message, status, headers=headers or {})


def invalid(faults: Mapping[str, Any], message: str = "Validation failed") -> Answer:
    return Answer({"errors": faults}, message, 422)


def unavailable(message: str, retry_after_s: int = 1) -> Answer:
    return error(503, "UNAVAILABLE", message, {hdrs.RETRY_AFTER: str(retry_after_s)})


def limited(message: str, retry_after_s: int) -> Answer:
    return error(429, "RATE_LIMITED", message, {hdrs.RETRY_AFTER: str(retry_after_s)})


def refused(refusal: refusals.Refusal, current_role: str | None) -> Answer:
    """The answer to a command that was refused."""
    match refusal:
        case refusals.NotFound():
            return error(404, "NOT_FOUND", str(refusal))
        case refusals.Forbidden():
            return error(
                403,
                "PERMISSION_DENIED",
                str(refusal),
                required_role=refusal.required_role,
                current_role=current_role,
            )
        case refusals.Invalid():
            return invalid(refusal.errors)
        case refusals.PreconditionFailed():
            return error(412, "PRECONDITION_FAILED", str(refusal))
        case refusals.Busy():
            return error(409, "CONFLICT", str(refusal), {hdrs.RETRY_AFTER: "1"})
    return error(409, "CONFLICT", str(refusal))


_REQUEST_ERRORS: Final[Mapping[type[errors.RequestError], Callable[[str], Answer]]] = {
    errors.BadRequest: lambda message: error(400, "BAD_REQUEST", message),
    errors.TooSlow: lambda message: error(400, "BAD_REQUEST", message, {hdrs.CONNECTION: "close"}),
    errors.Unauthenticated: lambda message: error(401, "AUTH_REQUIRED", message, redirect_url="/login"),
    errors.CredentialsRefused: lambda message: error(401, "INVALID_CREDENTIALS", message),
    errors.CrossSite: lambda message: error(403, "CSRF_FAILED", message),
    errors.Misdirected: lambda message: error(421, "BAD_HOST", message),
    errors.PayloadTooLarge: lambda message: error(413, "PAYLOAD_TOO_LARGE", message),
    errors.UnsupportedMediaType: lambda message: error(415, "UNSUPPORTED_MEDIA_TYPE", message),
    errors.KeyReused: lambda message: invalid({"Idempotency-Key": [message]}),
    errors.KeyBusy: lambda message: error(409, "CONFLICT", message, {hdrs.RETRY_AFTER: "1"}),
}

_HTTP_ERRORS: Final[Mapping[int, tuple[str, str]]] = {
    404: ("NOT_FOUND", "There is nothing at this address"),
    405: ("METHOD_NOT_ALLOWED", "This address does not take the method {method}"),
    413: ("PAYLOAD_TOO_LARGE", "The body is too long"),
    417: ("BAD_REQUEST", "The only expectation that is met is 100-continue"),
}


def translated(
    exception: Exception, method: str = "", role: str | None = None, end: str = BY_READING
) -> Answer:
    """The answer to a request that ended in an exception; what nobody expected is logged and 500.

    `role` is the caller's, `end` the request's `open_end`.
    """
    later = as_try_later(exception, end)
    if later:
        return unavailable(str(later), later.retry_after_s)
    match exception:
        case errors.RateLimited():
            return limited(str(exception), exception.retry_after_s)
        case errors.RequestError():
            return _REQUEST_ERRORS[type(exception)](str(exception))
        case refusals.Refusal():
            return refused(exception, role)
        case web.HTTPException():
            return _http_error(exception, method)
    log.error("a request failed", exc_info=exception)
    return error(500, "INTERNAL_ERROR", "Something went wrong here; the request id names it in the log")


def _http_error(exception: web.HTTPException, method: str) -> Answer:
    code, message = _HTTP_ERRORS.get(exception.status, ("BAD_REQUEST", exception.reason))
    kept = {str(name): exception.headers[name] for name in KEPT_HEADERS if name in exception.headers}
    return error(exception.status, code, message.format(method=method), kept)
