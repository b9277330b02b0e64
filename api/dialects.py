"""What wraps every answer of an API, whichever port it is asked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from aiohttp import web

from api.attempts import Request
from api.callers import CALLER
from api.core import Core
from api.replies import Reply
from api.requests import REQUEST_ID, client_address, user_agent
from api.settings import Settings

PATH_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of our APIs as far as it is not its endpoints.

    `name` stands in records of requests. `before` looks at a request before its handler does, and may
    answer it instead; `failed` gives the reply to one that ended in an exception, by the request's id.
    `add_headers` completes answers of every kind.
    """

    name: str
    failed: Callable[[Exception, web.BaseRequest, str], Reply]
    before: Callable[[web.Request, Core], Awaitable[web.StreamResponse | None]]
    add_headers: Callable[[web.Request, web.StreamResponse, Settings], None]


Spoken = Callable[[web.BaseRequest], Dialect]
"""Which dialect a request is in."""


class Site(NamedTuple):
    """What is served at one port."""

    app: web.Application
    spoken: Spoken


def note_attempt(core: Core, dialect: str, request: web.Request, status: int) -> None:
    """Record where a state-changing request came from and how it ended.

    Requests too many are not: whoever hammers must not fill a table.
    """
    if status == web.HTTPTooManyRequests.status_code:
        return
    caller = request.get(CALLER)
    core.attempts.note(
        Request(
            request[REQUEST_ID],
            client_address(request, core.settings.trusted_proxies),
            user_agent(request),
            caller.id if caller else None,
            dialect,
            request.method,
            request.rel_url.raw_path[:PATH_MAX],
            status,
        )
    )
