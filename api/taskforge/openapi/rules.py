"""Which headers an operation takes and answers with, and which token it asks for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from api.calls import MODEL_HEADER, POSITION_HEADER
from api.csrf import SAFE_METHODS
from api.openapi.headers import DISPOSITION, REPLAYED
from api.parked import LACKS_HEADER
from api.taskforge.endpoints import Endpoint
from api.taskforge.openapi.headers import COUNTED

SILENT: Final = frozenset({"/api/auth/login", "/api/auth/refresh", "/api/auth/logout"})


def security_of(endpoint: Endpoint) -> str | None:
    """The name of the security scheme; None for what anybody may do."""
    if endpoint.takes_refresh_token:
        return "refresh"
    return None if endpoint.is_public else "bearer"


def waits(endpoint: Endpoint, method: str) -> bool:
    """Whether an answer can be made to wait for a write."""
    return method in SAFE_METHODS and not endpoint.is_public


def writes_events(endpoint: Endpoint, method: str) -> bool:
    """Tokens come and go without an event."""
    return method not in SAFE_METHODS and endpoint.path not in SILENT


def taken_by(endpoint: Endpoint, method: str) -> Iterator[str]:
    """The names among the components of the headers that an operation looks at."""
    if waits(endpoint, method):
        yield "MinPosition"
    if endpoint.takes_key:
        yield "IdempotencyKey"
    yield "RequestId"


def borne_by(endpoint: Endpoint, method: str) -> Iterator[str]:
    """The names of the headers of a success."""
    yield from COUNTED
    if writes_events(endpoint, method):
        yield POSITION_HEADER
    if waits(endpoint, method) or writes_events(endpoint, method):
        yield from (MODEL_HEADER, LACKS_HEADER)
    if endpoint.takes_key:
        yield REPLAYED
    if endpoint.shows.files:
        yield DISPOSITION
