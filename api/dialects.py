"""What wraps every answer of an API, whichever port it is asked at."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple

from aiohttp import web
from aiohttp.typedefs import Middleware

from api.attempts import Request
from api.callers import CALLER
from api.core import CORE
from api.csrf import SAFE_METHODS
from api.replies import Reply
from api.requests import REQUEST_ID, Handler, client_address, user_agent, with_deadline
from api.settings import Settings

PATH_MAX: Final = 400


@dataclass(frozen=True, slots=True)
class Dialect:
    """One of our APIs as far as it is not its endpoints.

    `name` stands in records of requests. `failed` gives the reply to a request that ended in an
    exception, by the request's id. `within` are middlewares inside of its envelope and the deadline,
    and `add_headers` completes answers of every kind.
    """

    name: str
    failed: Callable[[Exception, web.BaseRequest, str], Reply]
    within: tuple[Middleware, ...]
    add_headers: Callable[[web.Request, web.StreamResponse], Awaitable[None]]


Spoken = Callable[[web.BaseRequest], Dialect]
"""Which dialect a request is in."""


class Site(NamedTuple):
    """What is served at one port."""

    app: web.Application
    spoken: Spoken


def with_dialect(spoken: Spoken, settings: Settings) -> Middleware:
    """A middleware that hands a request to the middlewares of its own dialect only."""
    deadline = with_deadline(settings)

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        dialect = spoken(request)
        for each in reversed((deadline, *dialect.within)):
            handler = partial(each, handler=handler)
        return await _enveloped(dialect, request, handler)

    return middleware


async def _enveloped(dialect: Dialect, request: web.Request, handler: Handler) -> web.StreamResponse:
    """Whatever goes wrong is answered in the envelope; every attempt to change something is recorded."""
    try:
        response = await handler(request)
    except Exception as exception:  # noqa: BLE001 - the last place where a request can be answered
        response = dialect.failed(exception, request, request[REQUEST_ID]).response()
    note_attempt(dialect.name, request, response.status)
    return response


def note_attempt(dialect: str, request: web.Request, status: int) -> None:
    """Record where a state-changing request came from and how it ended.

    Requests too many are not: whoever hammers must not fill a table.
    """
    if request.method in SAFE_METHODS or status == web.HTTPTooManyRequests.status_code:
        return
    core, caller = request.config_dict[CORE], request.get(CALLER)
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
