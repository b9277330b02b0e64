"""Serving both APIs over HTTP until a signal says stop."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

import structlog
from aiohttp import hdrs, web
from aiohttp.web_protocol import RequestHandler

from api.app import opened
from api.core import Core
from api.dialects import Site, Spoken
from api.errors import BadRequest
from api.logs import logging_to
from api.requests import HEADERS, ID_HEADER, SERVER, new_request_id
from api.settings import Settings
from api.sites import taskflow_site, taskforge_site

HEADERS_MAX: Final = 64

log = structlog.get_logger(__name__)


class Ports(NamedTuple):
    """Where each API is served; 0 is whatever port is free."""

    taskflow: int
    taskforge: int


def serve(settings: Settings, host: str, ports: Ports, *, reuse_port: bool = False) -> None:
    """Serve on `host` and `ports` until SIGINT or SIGTERM, then finish what is running and return.

    With `reuse_port` several processes share the ports. Raises OSError when a port is in use, and
    `events.errors.Unavailable` when the database cannot be reached.
    """
    with logging_to(settings.log_format, settings.log_level):
        asyncio.run(serving(settings, host, ports, reuse_port=reuse_port))


async def serving(settings: Settings, host: str, ports: Ports, *, reuse_port: bool = False) -> None:
    async with opened(settings) as core, listening(core, host, ports, reuse_port=reuse_port):
        log.info(
            "serving",
            host=host,
            port=ports.taskflow,
            taskforge_port=ports.taskforge,
            registration=settings.registration,
        )
        await _stop_signal()
        log.info("stopping")


@asynccontextmanager
async def listening(core: Core, host: str, ports: Ports, *, reuse_port: bool = False) -> AsyncIterator[Ports]:
    """Both APIs served; yields the ports that they really have. Raises OSError when one is in use."""
    runners = [Runner(site(core), core.settings) for site in (taskflow_site, taskforge_site)]
    try:
        # TaskFlow Pro's comes last: whoever is told there that all is ready finds both.
        for runner, port in reversed([*zip(runners, ports, strict=True)]):
            await runner.setup()
            await web.TCPSite(runner, host, port, reuse_port=reuse_port or None).start()
        yield Ports(*(runner.addresses[0][1] for runner in runners))
    finally:
        # Both refuse new connections at once; requests under way have their time to end.
        await asyncio.gather(*(runner.cleanup() for runner in runners if runner.server))


async def _stop_signal() -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()


class Runner(web.AppRunner):
    """Runs a site with our bounds, and with its envelope around what aiohttp itself refuses."""

    def __init__(self, site: Site, settings: Settings) -> None:
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
        self._spoken = site.spoken

    async def _make_server(self) -> web.Server:
        server = await super()._make_server()
        return _Server(server, self._spoken)


class _Server(web.Server):
    def __init__(self, made: web.Server, spoken: Spoken) -> None:
        self.spoken = spoken
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
            return _failed(self.spoken, request, exception)


class _Protocol(RequestHandler):
    __slots__ = ("_spoken",)

    def __init__(self, server: _Server, **options: Any) -> None:
        super().__init__(server, **options)
        self._spoken = server.spoken

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
        response = _failed(self._spoken, request, failure)
        response.force_close()
        return response


def _failed(spoken: Spoken, request: web.BaseRequest, exception: Exception) -> web.Response:
    request_id = new_request_id()
    with structlog.contextvars.bound_contextvars(request_id=request_id):
        response = spoken(request).failed(exception, request, request_id).response()
    response.headers.update({**HEADERS, ID_HEADER: request_id, hdrs.SERVER: SERVER})
    return response
