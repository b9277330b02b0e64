"""What every request gets, whatever it asks for: an id, a deadline, an envelope, headers, a line in the log.

All of it is one layer around the handler: each layer more would cost every request its time.
"""

from __future__ import annotations

import time
from http import HTTPStatus
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from multidict import istr
from structlog.contextvars import bind_contextvars

from api.core import Core
from api.csrf import SAFE_METHODS
from api.deadlines import Deadlines
from api.dialects import Dialect, Spoken, note_attempt
from api.hosts import Hosts, hosts_of
from api.logs import log_request
from api.metrics.requests import key_of
from api.parked import add_parked_headers
from api.request_lines import RequestLine
from api.requests import ID_HEADER, REQUEST_ID, ROUTINE, SERVER, Handler, headers_of, request_id_of
from readmodels.noted import Noting

# A name that need not be folded for each answer.
_ID_HEADER: Final = istr(ID_HEADER)


def answering(core: Core, spoken: Spoken) -> Middleware:
    """The middleware of a site. It reads from one generation, whatever becomes current meanwhile."""
    counts, deadlines = core.watch.requests, Deadlines(core.settings.request_deadline_s)
    hosts = hosts_of(core.settings)
    headers = tuple((istr(name), value) for name, value in headers_of(core.settings).items())

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        began, dialect, status = time.perf_counter(), spoken(request), None
        request_id = request[REQUEST_ID] = request_id_of(request)
        bind_contextvars(request_id=request_id)
        counts.begin(dialect.name)
        try:
            with core.announcements.pinned(), Noting() as noted:
                response = await _enveloped(core, dialect, deadlines, hosts, request, handler)
            status = response.status
        finally:
            seconds = time.perf_counter() - began
            counts.end(key_of(dialect.name, request), status, seconds)
        add_headers(response, headers, request_id)
        dialect.add_headers(request, response, core.settings)
        add_parked_headers(noted, response)
        _log(request, request_id, status, seconds)
        return response

    return middleware


async def _enveloped(
    core: Core, dialect: Dialect, deadlines: Deadlines, hosts: Hosts, request: web.Request, handler: Handler
) -> web.StreamResponse:
    """Whatever goes wrong is answered in the envelope; every attempt to change something is recorded."""
    try:
        hosts.must_be_meant_by(request)
        with deadlines.kept():
            response = await dialect.before(request, core) or await handler(request)
    except Exception as exception:  # noqa: BLE001 - the last place where a request can be answered
        response = dialect.failed(exception, request, request[REQUEST_ID]).response()
    if request.method not in SAFE_METHODS:
        note_attempt(core, dialect.name, request, response.status)
    return response


def add_headers(response: web.StreamResponse, usual: tuple[tuple[istr, str], ...], request_id: str) -> None:
    """The `usual` headers, unless a handler has set its own, and those that no handler sets."""
    headers = response.headers
    for name, value in usual:
        headers.setdefault(name, value)
    headers[hdrs.SERVER] = SERVER
    headers[_ID_HEADER] = request_id


def _log(request: web.Request, request_id: str, status: int, seconds: float) -> None:
    # Of what is asked every few seconds only failures are news.
    is_news = status >= HTTPStatus.BAD_REQUEST or request.path not in ROUTINE
    log_request(RequestLine(time.time(), request_id, request.method, request.path, status, seconds, is_news))
