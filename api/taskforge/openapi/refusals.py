"""What can go wrong with a request: the statuses of an operation, and the messages of each."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any, Final, NotRequired, get_origin, get_type_hints

from api import idempotency
from api.calls import MIN_POSITION_HEADER, POSITION_HEADER
from api.errors import KeyBusy, KeyReused
from api.openapi.addresses import in_path
from api.taskforge.endpoints import Endpoint
from api.taskforge.envelope import ADMINS_ONLY, GONE, NO_DATA
from api.taskforge.openapi.forms import (
    CUT_SHORT,
    NO_ADDRESS,
    SHARED,
    Form,
    answer,
    failure,
    limited,
    reference,
    refused_token,
)
from api.taskforge.openapi.rules import security_of, waits, writes_events
from commands.errors import Busy

MISSING_FIELDS: Final = "Missing required fields: "

Described = dict[str, Any]


def refusals_of(endpoint: Endpoint, method: str) -> dict[int, Described]:
    """The answers to what cannot be done, by status."""
    made = {status: answer(status, forms, endpoint) for status, forms in _forms(endpoint, method)}
    return {**SHARED, **made} | ({413: reference("PayloadTooLarge")} if endpoint.body else {})


def _forms(endpoint: Endpoint, method: str) -> Iterator[tuple[int, list[Form]]]:
    for status, messages in _messages(endpoint, method).items():
        forms = [failure(messages)] if messages else []
        if status == 401 and security_of(endpoint):
            forms.append(refused_token(endpoint))
        if status == 404 and in_path(endpoint.path):
            forms.append(NO_ADDRESS)
        if forms:
            yield status, forms
    if endpoint.limit:
        yield 429, [limited(endpoint.limit)]


def _messages(endpoint: Endpoint, method: str) -> dict[int, list[str]]:
    """The messages in the envelope, by status; some statuses have other forms besides, or only those."""
    general: dict[int, list[str]] = {
        400: [*_of_headers(endpoint, method), *_of_bodies(endpoint)],
        401: [],
        403: [ADMINS_ONLY] if endpoint.is_for_admins else [],
        404: [GONE] if security_of(endpoint) else [],
        409: [*_of_writing(endpoint, method)],
    }
    own = {status: [*_spelled_out(endpoint, messages)] for status, messages in endpoint.fails.items()}
    return {
        status: [*dict.fromkeys((*own.get(status, ()), *general.get(status, ())))]
        for status in sorted(general.keys() | own.keys())
    }


def _of_headers(endpoint: Endpoint, method: str) -> Iterator[str]:
    if waits(endpoint, method):
        yield f"{MIN_POSITION_HEADER} takes a position, as {POSITION_HEADER} gives it"
    if endpoint.takes_key:
        yield f"{idempotency.HEADER} takes 1 to 255 visible ASCII characters"


def _of_bodies(endpoint: Endpoint) -> Iterator[str]:
    if endpoint.body is not None:
        if not endpoint.is_body_optional:
            yield NO_DATA
        yield from CUT_SHORT


def _of_writing(endpoint: Endpoint, method: str) -> Iterator[str]:
    if writes_events(endpoint, method):
        yield str(Busy())
    if endpoint.takes_key:
        yield from (str(KeyReused()), str(KeyBusy()))


def _spelled_out(endpoint: Endpoint, messages: Sequence[str]) -> Iterator[str]:
    """The messages, with every way in which required fields can be missing."""
    for message in messages:
        if message.startswith(MISSING_FIELDS):
            yield from _missing(required_fields(endpoint.body))
        else:
            yield message


def _missing(names: Sequence[str]) -> Iterator[str]:
    for size in range(1, len(names) + 1):
        yield from (f"{MISSING_FIELDS}{', '.join(some)}" for some in combinations(names, size))


def required_fields(body: Any) -> list[str]:
    """The fields of a typed dictionary that must be there, in their order."""
    # Where annotations are texts, the dictionary itself does not see `NotRequired` in them.
    types = get_type_hints(body, include_extras=True)
    may_lack = {name for name, each in types.items() if get_origin(each) is NotRequired}
    return [name for name in types if name in body.__required_keys__ - may_lack]
