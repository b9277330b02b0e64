"""The envelope around every answer of TaskForge, and its two exceptions: tokens and rate limits."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import hdrs, web

from api import errors
from api.replies import Reply
from api.unavailable import BY_READING, as_try_later
from commands import errors as refusals

NO_DATA: Final = "No data provided"
GONE: Final = "User account not found or inactive"
ADMINS_ONLY: Final = "Admin access required"
ADMIN_STAYS: Final = "Cannot deactivate admin users"

log = structlog.get_logger(__name__)


class Failure(Exception):
    """A handler says no, in the words that the client is to read."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class TokenRefused(Exception):
    """A token is missing, or not one that opens anything; the message is for the client."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler has to say; reads carry no message, and what only confirms carries no data."""

    data: Any = None
    message: str | None = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Words:
    """How an endpoint words what the rules refuse.

    `taken` has a message for each field whose value may be somebody else's, in the order in which
    they count.
    """

    forbidden: str = ADMINS_ONLY
    protected: str = ADMIN_STAYS
    taken: Mapping[str, str] = field(default_factory=dict)


def sealed(answer: Answer) -> Reply:
    body: dict[str, Any] = {"success": True}
    if answer.message is not None:
        body["message"] = answer.message
    if answer.data is not None:
        body["data"] = answer.data
    return Reply(answer.status, orjson.dumps(body), answer.headers)


def failure(
    status: int, message: str, error: str | None = None, headers: Mapping[str, str] | None = None
) -> Reply:
    """`error` names what the protocol calls it; what the rules refuse has none."""
    body = {"success": False, "message": message} | ({"error": error} if error else {})
    return Reply(status, orjson.dumps(body), headers or {})


def unauthorized(message: str) -> Reply:
    return Reply(401, orjson.dumps({"msg": message}), {hdrs.WWW_AUTHENTICATE: "Bearer"})


def limited(limit: str, retry_after_s: int) -> Reply:
    """`limit` is as in `5 per 1 hour`."""
    body = {"message": f"429 Too Many Requests: {limit}"}
    return Reply(429, orjson.dumps(body), {hdrs.RETRY_AFTER: str(retry_after_s)})


def refused(refusal: refusals.Refusal, words: Words) -> Reply:
    """The reply to a command that was refused."""
    match refusal:
        case refusals.AdminProtected():
            return failure(403, words.protected)
        case refusals.Forbidden() | refusals.Unseen():
            return failure(403, words.forbidden)
        case refusals.NotFound():
            return failure(404, GONE if isinstance(refusal, refusals.ActorGone) else str(refusal))
        case refusals.Invalid():
            return _invalid(refusal, words)
        case refusals.ProjectClosed():
            return failure(409, "Project is closed")
        case refusals.LastAdmin():
            return failure(403, ADMIN_STAYS)
        case refusals.StillOwnsProjects():
            return failure(409, "User still owns projects")
        case refusals.Busy():
            return failure(409, str(refusal), headers={hdrs.RETRY_AFTER: "1"})
    return failure(409, str(refusal))


def _invalid(refusal: refusals.Invalid, words: Words) -> Reply:
    """Values that are wrong in themselves come first, then those that somebody else has."""
    for name, messages in refusal.errors.items():
        if name not in refusal.taken:
            return failure(400, messages[0])
    return failure(409, next(message for name, message in words.taken.items() if name in refusal.taken))


_REQUEST_ERRORS: Final[Mapping[type[errors.RequestError], Callable[[str], Reply]]] = {
    errors.BadRequest: lambda message: failure(400, message),
    errors.TooSlow: lambda message: failure(400, message, headers={hdrs.CONNECTION: "close"}),
    errors.Unauthenticated: lambda _: unauthorized("Missing Authorization Header"),
    errors.Misdirected: lambda message: failure(421, message, "Misdirected Request"),
    errors.PayloadTooLarge: lambda message: failure(413, message, "Payload Too Large"),
    errors.UnsupportedMediaType: lambda _: failure(400, NO_DATA),
    errors.KeyReused: lambda message: failure(409, message),
    errors.KeyBusy: lambda message: failure(409, message, headers={hdrs.RETRY_AFTER: "1"}),
}

_HTTP_ERRORS: Final[Mapping[int, str]] = {
    404: "Resource not found",
    405: "Method not allowed",
    413: "The body is too long",
    417: "The only expectation that is met is 100-continue",
}


def translated(exception: Exception, end: str = BY_READING) -> Reply:
    """The reply to a request that ended in an exception; what nobody expected is logged and 500.

    `end` is the request's `open_end`.
    """
    later = as_try_later(exception, end)
    if later:
        return failure(503, str(later), "Service Unavailable", {hdrs.RETRY_AFTER: str(later.retry_after_s)})
    match exception:
        case Failure():
            return failure(exception.status, exception.message)
        case TokenRefused():
            return unauthorized(str(exception))
        case errors.RateLimited():
            return limited(exception.limit, exception.retry_after_s)
        case errors.RequestError():
            return _REQUEST_ERRORS[type(exception)](str(exception))
        case refusals.Refusal():
            return refused(exception, Words())
        case web.HTTPException():
            return _http_error(exception)
    log.error("a request failed", exc_info=exception)
    return failure(500, "An unexpected error occurred", "Internal Server Error")


def _http_error(exception: web.HTTPException) -> Reply:
    message = _HTTP_ERRORS.get(exception.status, exception.reason)
    kept = {str(hdrs.ALLOW): exception.headers[hdrs.ALLOW]} if hdrs.ALLOW in exception.headers else {}
    return failure(exception.status, message, HTTPStatus(exception.status).phrase, kept)
