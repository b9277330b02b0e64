"""One connection of a client: what it asks for is let in by gates, and what it holds up ends in time."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Literal, cast

import structlog
from aiohttp import web
from aiohttp.web_protocol import RequestHandler

from api.admission import Gate
from api.csrf import SAFE_METHODS
from api.errors import BadRequest
from api.plain import plain_path
from api.requests import PROBES, new_request_id
from api.streams import reset

if TYPE_CHECKING:
    from api.runner import Server

EXCESS_CONNECTIONS_MAX: Final = 100
"""So many connections beyond the bound are told so; any more are just ended."""

RESERVED: Final = ("/metrics", "/ops/")
PARSED: Final = tuple(path.encode() for path in (*PROBES, *RESERVED))
"""What begins so is never turned away unparsed."""

Due = Literal["head", "answer", "rest"]
"""What a client has to be done with in time: sending a head, taking an answer, taking all at the end."""

log = structlog.get_logger(__name__)


class Connection(RequestHandler):
    """A plain request for which there is no room is answered before anything else sees it.

    A head that has begun, and an answer that is not taken, have a time by which they are over.
    """

    __slots__ = ("_due", "_gate", "_is_plain", "_line", "_server", "is_excess")

    def __init__(self, server: Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._server = server
        self._gate: Gate | None = None
        self._is_plain = True
        self._due: dict[Due, asyncio.TimerHandle] = {}
        self._line: asyncio.Transport | None = None
        self.is_excess = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are none of asyncio's classes.
        self._line = cast(asyncio.Transport, transport)
        settings = self._server.settings
        most, patience_s = settings.connections_max, settings.silent_connection_s
        there = self._server.admission.open.add(self, most=most, patience_s=patience_s)
        self.is_excess = there > most
        super().connection_made(transport)
        if there > most + EXCESS_CONNECTIONS_MAX:
            self.force_close()

    def connection_lost(self, exc: BaseException | None) -> None:
        self._server.admission.open.drop(self)
        self._line = None
        for what in [*self._due]:
            self._is_done(what)
        if gate := self._gate:
            self._gate = None
            gate.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        # Without data, aiohttp asks itself to go on: that says nothing about what the client sends.
        if not data or not self._is_plain or self._comes_in(data):
            super().data_received(data)
            if not self._is_plain:
                self._time_head()

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
        if self.silent_s > seconds:
            self.force_close()

    @property
    def silent_s(self) -> float:
        active_at = self._next_keepalive_close_time - self._keepalive_timeout
        return self._loop.time() - active_at if self._is_waiting else 0.0

    @property
    def _is_waiting(self) -> bool:
        return self._waiter is not None and not self._waiter.done() and not self._messages

    def _time_head(self) -> None:
        """A head of which a part is there has its time from that part on, however its rest trickles in."""
        if not self._is_waiting:
            self._is_done("head")
        elif "head" not in self._due:
            header_timeout_s = self._server.settings.header_timeout_s
            self._due["head"] = self._loop.call_later(header_timeout_s, self.force_close)

    def pause_writing(self) -> None:
        super().pause_writing()
        self._must_take("answer")

    def resume_writing(self) -> None:
        self._is_done("answer")
        super().resume_writing()

    async def start(self) -> None:
        """Serve until the connection is to end, which waits for the client to take what was sent."""
        try:
            await super().start()
        finally:
            if self._line and self._line.get_write_buffer_size():
                self._must_take("rest")

    def _must_take(self, what: Due) -> None:
        send_timeout_s = self._server.settings.send_timeout_s
        self._due[what] = self._loop.call_later(send_timeout_s, self._reset)

    def _is_done(self, what: Due) -> None:
        if due := self._due.pop(what, None):
            due.cancel()

    def _reset(self) -> None:
        if self._line:
            reset(self._line)

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
        response = self._server.failed(request, failure, new_request_id())
        response.force_close()
        return response
