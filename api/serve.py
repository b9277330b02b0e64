"""Serving the application over HTTP until a signal says stop."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from api.app import build_app
from api.logs import logging_to
from api.requests import HEADERS, ID_HEADER, SERVER, new_request_id
from api.settings import Settings
from api.taskflow.envelope import Answer, error, sealed, translated

log = structlog.get_logger(__name__)


def serve(settings: Settings, host: str, port: int, *, reuse_port: bool = False) -> None:
    """Serve on `host` and `port` until SIGINT or SIGTERM, then finish what is running and return.

    With `reuse_port` several processes share one port. Raises OSError when the port is in use, and
    `events.errors.Unavailable` when the database cannot be reached.
    """
    with logging_to(settings.log_format, settings.log_level):
        asyncio.run(serving(settings, host, port, reuse_port=reuse_port))


async def serving(settings: Settings, host: str, port: int, *, reuse_port: bool = False) -> None:
    runner = Runner(build_app(settings), settings)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port, reuse_port=reuse_port or None).start()
        log.info("serving", host=host, port=port)
        await _stop_signal()
        log.info("stopping")
    finally:
        # New connections are refused at once; requests under way have their time to end.
        await runner.cleanup()


async def _stop_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


class Runner(web.AppRunner):
    """Runs an application with our bounds, and with the envelope around what aiohttp itself refuses."""

    def __init__(self, app: web.Application, settings: Settings) -> None:
        super().__init__(
            app,
            access_log=None,
            auto_decompress=False,
            keepalive_timeout=settings.idle_connection_s,
            lingering_time=settings.lingering_s,
            shutdown_timeout=settings.shutdown_timeout_s,
        )

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server)


class _Server(web.Server):
    def __init__(self, made: web.Server) -> None:
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
        """aiohttp answers an unmet `Expect` before any middleware gets to see the request."""
        try:
            return await self._handle(request)
        except web.HTTPException as exception:
            return _response(translated(exception, request.method))


class _Protocol(RequestHandler):
    __slots__ = ()

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
        if status < 500:
            log.info("malformed request", address=request.remote, error=type(exc).__name__)
            answer = error(400, "BAD_REQUEST", "The request is not well-formed HTTP")
        else:
            log.error("a request failed", exc_info=exc)
            answer = error(500, "INTERNAL_ERROR", "Something went wrong here")
        response = _response(answer)
        response.force_close()
        return response


def _response(answer: Answer) -> web.Response:
    request_id = new_request_id()
    response = sealed(answer, request_id).response()
    response.headers.update({**HEADERS, ID_HEADER: request_id, hdrs.SERVER: SERVER})
    return response
