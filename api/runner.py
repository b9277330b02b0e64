"""aiohttp's server with our bounds: on headers, connections, requests under way; and with an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any, Final

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from api.admission import Admission, Gate
from api.core import Core
from api.csrf import SAFE_METHODS
from api.dialects import Site, Spoken
from api.errors import BadRequest
from api.listeners import taken_from
from api.overload import PLACEHOLDER, Overload, too_busy
from api.plain import first_step, plain_path
from api.requests import HEADERS, ID_HEADER, SERVER, new_request_id

HEADERS_MAX: Final = 64
EXCESS_CONNECTIONS_MAX: Final = 100
"""So many connections beyond the bound are told so; any more are just ended."""

DRAIN_CHECK_S: Final = 0.05
PROBES: Final = frozenset({"/livez", "/readyz"})
RESERVED: Final = ("/metrics", "/ops/")
PARSED: Final = tuple(path.encode() for path in (*PROBES, *RESERVED))
"""What begins so is never turned away unparsed."""

log = structlog.get_logger(__name__)


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
        if isinstance(self.server, _Server):
            self.server.is_ending = True
            settings, loop = self._core.settings, asyncio.get_running_loop()
            deadline = loop.time() + settings.shutdown_timeout_s
            while self.server.connections and loop.time() < deadline:
                for connection in self.server.connections:
                    assert isinstance(connection, _Protocol)
                    connection.close_if_silent(settings.silent_connection_s)
                await asyncio.sleep(DRAIN_CHECK_S)

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server, self._site, self._core)


class _Server(web.Server):
    def __init__(self, made: web.Server, site: Site, core: Core) -> None:
        self.spoken = site.spoken
        self.admission: Admission = core.admission
        self.connections_max = core.settings.connections_max
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
        return _Protocol(self, loop=self._loop, **self._kwargs)

    async def _enveloped(self, request: Any) -> web.StreamResponse:
        gate = request.protocol.gate_taken(request.method, request.path)
        if gate is None:
            return self._turned_away(request)
        began_at = self._loop.time()
        try:
            response = await self._answered(request)
        finally:
            gate.leave()
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
            response = _failed(self.spoken, request, exception, new_request_id())
        if self.is_ending and not response.prepared:
            response.force_close()
        return response

    def _turned_away(self, request: Any) -> web.Response:
        response = _failed(self.spoken, request, too_busy(), PLACEHOLDER)
        self.admission.turned_away += 1
        self.overload.keep(request.rel_url.raw_path.encode(), response)
        response = _failed(self.spoken, request, too_busy(), new_request_id())
        if self.is_ending or request.protocol.is_excess:
            response.force_close()
        return response


class _Protocol(RequestHandler):
    """A connection. A plain request for which there is no room is answered before anything else sees it."""

    __slots__ = ("_gate", "_is_plain", "_server", "is_excess")

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._gate: Gate | None = None
        self._is_plain = True
        self.is_excess = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        admission, most = self._server.admission, self._server.connections_max
        admission.connections += 1
        self.is_excess = admission.connections > most
        super().connection_made(transport)
        if admission.connections > most + EXCESS_CONNECTIONS_MAX:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.admission.connections -= 1
        if gate := self._gate:
            self._gate = None
            gate.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if not self._is_plain or self._comes_in(data):
            super().data_received(data)

    def gate_taken(self, method: str, path: str) -> Gate | None:
        """The gate by which the request that begins now has come in; None when it is not let in."""
        gate, self._gate = self._gate, None
        if gate is None and not self.is_excess:
            probes = self._server.admission.probes
            if path in PROBES and probes.enter():
                return probes
            gate = self._gate_for(is_read=method in SAFE_METHODS)
            return gate if gate.enter(is_reserved=path.startswith(RESERVED)) else None
        return gate

    def close_if_silent(self, seconds: float) -> None:
        """Close when nothing was asked for so long."""
        active_at = self._next_keepalive_close_time - self._keepalive_timeout
        if self._is_waiting and self._loop.time() - active_at > seconds:
            self.force_close()

    @property
    def _is_waiting(self) -> bool:
        return self._waiter is not None and not self._waiter.done() and not self._messages

    def _comes_in(self, data: bytes) -> bool:
        """Whether `data` is to be parsed: unless it is one plain request, told to come later."""
        path = plain_path(data)
        # What comes in parts is whole for the parser alone, and so is whatever follows it.
        self._is_plain = path is not None
        if path is None or not self._is_waiting or self._server.is_ending or self.is_excess:
            return True
        if path.startswith(PARSED):
            return True
        gate = self._gate_for(is_read=data.startswith(b"GET "))
        if gate.enter():
            self._gate = gate
        return self._gate is not None or not self._is_told(path)

    def _gate_for(self, *, is_read: bool) -> Gate:
        return self._server.admission.reads if is_read else self._server.admission.writes

    def _is_told(self, path: bytes) -> bool:
        """Whether the answer that there is no room is on its way already."""
        answer = self._server.overload.answer(path)
        if answer is None or self.transport is None or self.transport.get_write_buffer_size():
            return False
        self._server.admission.turned_away += 1
        self.transport.write(answer)
        self._next_keepalive_close_time = self._loop.time() + self._keepalive_timeout
        return True

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,  # noqa: ARG002 - holds what the client sent
    ) -> web.StreamResponse:
        """The answer to what is no HTTP, and to what failed outside all handlers."""
        if request.writer.output_size > 0:
            raise ConnectionError("the answer has begun already")
        failure: Exception = RuntimeError("a request failed outside all handlers")
        failure.__cause__ = exc
        if status < 500:
            log.info("malformed request", address=request.remote, error=type(exc).__name__)
            failure = BadRequest("The request is not well-formed HTTP")
        response = _failed(self._server.spoken, request, failure, new_request_id())
        response.force_close()
        return response


def _first_steps(site: Site) -> frozenset[bytes]:
    resources = site.app.router.resources()
    return frozenset(first_step(resource.canonical.encode()) for resource in resources)


def _failed(spoken: Spoken, request: web.BaseRequest, exception: Exception, request_id: str) -> web.Response:
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = spoken(request).failed(exception, request, request_id).response()
    response.headers.update({**HEADERS, ID_HEADER: request_id, hdrs.SERVER: SERVER})
    return response
