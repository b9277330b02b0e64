"""Which headers an operation takes and answers with, and which problems it can have."""

from __future__ import annotations

from collections.abc import Iterator

from api.calls import MODEL_HEADER, POSITION_HEADER
from api.csrf import SAFE_METHODS
from api.openapi.headers import DISPOSITION, LIMIT_HEADERS, REPLAYED
from api.parked import LACKS_HEADER
from api.requests import ID_HEADER
from api.taskflow.endpoints import ETAG, Endpoint


def problems_of(endpoint: Endpoint) -> Iterator[str]:
    """The names of the problems that an operation can answer with, one for each status."""
    writes = endpoint.method not in SAFE_METHODS
    yield "BadRequest"
    yield "InvalidCredentials" if endpoint.is_public else "AuthenticationRequired"
    if writes:
        yield "Forbidden" if is_about_objects(endpoint) else "CsrfFailed"
    elif endpoint.asks_role or endpoint.is_partly_forbidden:
        yield "PermissionDenied"
    if "{" in endpoint.path:
        yield "NotFound"
    if writes:
        yield from _problems_of_writing(endpoint)
    yield from ("RateLimited", "InternalError", "Unavailable")


def _problems_of_writing(endpoint: Endpoint) -> Iterator[str]:
    if is_about_objects(endpoint):
        yield "Conflict"
    if compares_version(endpoint):
        yield "PreconditionFailed"
    yield from ("PayloadTooLarge", "UnsupportedMediaType")
    if endpoint.body or endpoint.takes_key:
        yield "ValidationFailed"


def taken_by(endpoint: Endpoint) -> Iterator[str]:
    """The names in `TAKEN` of the headers that an endpoint looks at."""
    if endpoint.method in SAFE_METHODS:
        yield "MinPosition"
        if endpoint.shows.is_object:
            yield "IfNoneMatch"
    else:
        yield "CsrfToken"
        if endpoint.takes_key:
            yield "IdempotencyKey"
        if compares_version(endpoint):
            yield "IfMatch"
    yield "RequestId"


def compares_version(endpoint: Endpoint) -> bool:
    """Whether the endpoint changes something that exists, so that `If-Match` has something to match."""
    is_change = endpoint.method not in SAFE_METHODS and endpoint.shows.status != 201
    return is_change and "{" in endpoint.path


def borne_by(endpoint: Endpoint) -> Iterator[str]:
    """The names in `BORNE` of the headers of a success."""
    yield ID_HEADER
    yield from LIMIT_HEADERS
    if endpoint.shows.is_object:
        yield ETAG
    if endpoint.method not in SAFE_METHODS and is_about_objects(endpoint):
        yield POSITION_HEADER
    if endpoint.method in SAFE_METHODS or is_about_objects(endpoint):
        yield from (MODEL_HEADER, LACKS_HEADER)
    if endpoint.takes_key:
        yield REPLAYED
    if endpoint.shows.media_types:
        yield DISPOSITION
    yield from endpoint.shows.headers


def is_about_objects(endpoint: Endpoint) -> bool:
    """Signing in and out writes no event; ending sessions does."""
    return not endpoint.path.startswith("/api/auth/") or endpoint.path.startswith("/api/auth/sessions")
