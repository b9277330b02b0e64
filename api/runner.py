"""aiohttp's server with our bounds: on headers and requests under way; and with an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import HttpVersion10, HttpVersion11, hdrs, web
from aiohttp.web_protocol import RequestHandler

from api.admission import Admission
from api.connection import Connection
from api.core import Core
from api.dialects import Site
from api.errors import BadRequest
from api.listeners import taken_from
from api.overload import PLACEHOLDER, Overload, too_busy
from api.plain import first_step
from api.requests import ID_HEADER, SERVER, headers_of, new_request_id

HEADERS_MAX: Final = 64
DRAIN_CHECK_S: Final = 0.05
VERSIONS: Final = (HttpVersion11, HttpVersion10)


class Runner(web.AppRunner):
    """Runs a site with our bounds, and with its envelope around what is refused before the site sees it."""

    def __init__(self, site: Site, core: Core) -> None:
        settings = core.settings
        super().__init__(
            site.app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=settings.idle_connection_s,
            lingering_time=settings.lingering_s,
            max_field_size=settings.header_bytes_max,
            max_headers=HEADERS_MAX,
            shutdown_timeout=settings.shutdown_timeout_s,
        )
        self._site = site
        self._core = core

    async def listen_no_more(self) -> None:
        for listening in list(self.sites):
            await listening.stop()

    async def take_in(self, listening: Sequence[socket.socket]) -> None:
        """Serve the connections that wait in sockets, and close these: whoever connected is not reset."""
        loop = asyncio.get_running_loop()
        for one in [one for each in listening for one in taken_from(each)]:
            assert self.server is not None
            with contextlib.suppress(OSError):
                await loop.connect_accepted_socket(self.server, one)

    async def drained(self) -> None:
        """Until all connections are closed: each after its next answer, or when it has been silent.

        Those that are open after `shutdown_timeout_s` are left to `cleanup`.
        """
        if isinstance(self.server, Server):
            self.server.is_ending = True
            settings, loop = self._core.settings, asyncio.get_running_loop()
            deadline = loop.time() + settings.shutdown_timeout_s
            while self.server.connections and loop.time() < deadline:
                for connection in self.server.connections:
                    assert isinstance(connection, Connection)
                    connection.close_if_silent(settings.silent_connection_s)
                await asyncio.sleep(DRAIN_CHECK_S)

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return Server(server, self._site, self._core)


class Server(web.Server):
    """Gives each request its place, or the answer that there is none."""

    def __init__(self, made: web.Server, site: Site, core: Core) -> None:
        self.settings = core.settings
        self.admission: Admission = core.admission
        self._spoken = site.spoken
        self._headers = headers_of(core.settings)
        self.overload = Overload(_first_steps(site))
        self.is_ending = False
        self._handle = made.request_handler
        super().__init__(
            self._enveloped,
            request_factory=made.request_factory,
            handler_cancellation=made.handler_cancellation,
            **made._kwargs,  # noqa: SLF001 - what the runner was given, to be given on
        )

    def __call__(self) -> RequestHandler:
        return Connection(self, loop=self._loop, **self._kwargs)

    async def _enveloped(self, request: Any) -> web.StreamResponse:
        # Asking for `version` would have it remembered.
        if request._version not in VERSIONS:  # noqa: SLF001
            return self._in_another_protocol(request)
        gate = request.protocol.gate_taken(request.method, request.path)
        if gate is None:
            return self._turned_away(request)
        began_at = self._loop.time()
        unfinished = None
        if not request.content.is_eof():
            unfinished = gate.expect(request.content.is_eof, request.protocol.force_close)
        try:
            response = await self._answered(request)
        finally:
            gate.leave(unfinished)
            self.admission.turned_away += bool(unfinished and unfinished.has_left)
        if gate is self.admission.writes and response.status < HTTPStatus.BAD_REQUEST:
            self.admission.wrote(self._loop.time() - began_at)
        return response

    async def _answered(self, request: Any) -> web.StreamResponse:
        """aiohttp answers an unmet `Expect` before any middleware gets to see the request."""
        if self.is_ending:
            # Also for an answer whose headers are sent before it comes back here.
            request._message = request._message._replace(should_close=True)  # noqa: SLF001
        try:
            response: web.StreamResponse = await self._handle(request)
        except web.HTTPException as exception:
            response = self.failed(request, exception, new_request_id())
        if self.is_ending and not response.prepared:
            response.force_close()
        return response

    def _in_another_protocol(self, request: Any) -> web.Response:
        """The parser knows more versions than we do, and would have them answered in kind."""
        request._version = HttpVersion11  # noqa: SLF001
        response = self.failed(
            request, BadRequest("The request must be HTTP/1.1 or HTTP/1.0"), new_request_id()
        )
        response.force_close()
        return response

    def _turned_away(self, request: Any) -> web.Response:
        response = self.failed(request, too_busy(), PLACEHOLDER)
        self.admission.turned_away += 1
        self.overload.keep(request.rel_url.raw_path.encode(), response)
        response = self.failed(request, too_busy(), new_request_id())
        if self.is_ending or request.protocol.is_excess:
            response.force_close()
        return response

    def failed(self, request: web.BaseRequest, exception: Exception, request_id: str) -> web.Response:
        """The answer to a request that no handler has seen."""
        with structlog.contextvars.bound_contextvars(request_id=request_id):
            response = self._spoken(request).failed(exception, request, request_id).response()
        response.headers.update({**self._headers, ID_HEADER: request_id, hdrs.SERVER: SERVER})
        return response


def _first_steps(site: Site) -> frozenset[bytes]:
    resources = site.app.router.resources()
    return frozenset(first_step(resource.canonical.encode()) for resource in resources)
