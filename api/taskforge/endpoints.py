"""From an HTTP request to a handler's call, in the order in which TaskForge checks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from api.bodies import parse_object, read_body
from api.callers import CALLER, Caller, caller_of
from api.calls import caught_up, demanded
from api.core import CORE, Core
from api.csrf import SAFE_METHODS
from api.errors import BadRequest, UnsupportedMediaType
from api.kept_answers import question
from api.replies import Reply
from api.taskforge.bearer import user_of
from api.taskforge.calls import Call
from api.taskforge.envelope import ADMINS_ONLY, GONE, NO_DATA, Answer, Failure, Words, refused, sealed
from api.taskforge.quota import count, name_of
from commands.errors import Refusal


@dataclass(frozen=True, slots=True)
class Parameter:
    """A query parameter, for the document: `schema` is JSON schema. Reading is up to the handler."""

    schema: Mapping[str, Any]
    description: str


@dataclass(frozen=True, slots=True)
class Shows:
    """What a success holds: the type of `data`, if any; `files` are media types of downloads instead."""

    data: Any = None
    status: int = 200
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Endpoint:
    """One operation, as it is served and as it is documented.

    `methods` are served alike. `body` is the type (a TypedDict) of the JSON object that it takes,
    None for none; `takes_empty` lets the handler judge an empty object, and with `is_body_optional` it
    gets one for whatever else is sent. A public one needs no token; one that
    `takes_refresh_token` looks at that itself.
    `is_kept` is for reads that rest on the read model alone: their answers are given again while nothing
    has changed. `limit` replaces the default limits; with `counts_callers_only` requests count once it is
    known who asks. `fails` are the statuses, with an example message each, that only this endpoint has.
    """

    methods: tuple[str, ...]
    path: str
    handle: Callable[[Call], Awaitable[Answer | web.StreamResponse]]
    body: Any = None
    takes_empty: bool = False
    is_body_optional: bool = False
    takes_key: bool = False
    is_public: bool = False
    takes_refresh_token: bool = False
    is_for_admins: bool = False
    is_kept: bool = False
    limit: str | None = None
    counts_callers_only: bool = False
    words: Words = field(default_factory=Words)
    parameters: Mapping[str, Parameter] = field(default_factory=dict)
    summary: str = ""
    shows: Shows = Shows()
    example: Mapping[str, Any] | None = None
    fails: Mapping[int, tuple[str, ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return name_of(self.methods[0], self.path)

    def routes(self, prefix: str = "") -> list[web.RouteDef]:
        """One for each method; aiohttp adds `HEAD` to what can be got."""

        async def handle(request: web.Request) -> web.StreamResponse:
            answer = await served(self, request)
            return answer.response() if isinstance(answer, Reply) else answer

        return [web.RouteDef(method, prefix + self.path, handle, {}) for method in self.methods]


async def served(endpoint: Endpoint, request: web.Request) -> Reply | web.StreamResponse:
    """The reply to a request. Raises what `envelope.translated` has an answer to."""
    core = request.app[CORE]
    if not endpoint.counts_callers_only:
        await count(request, endpoint.name, endpoint.limit)
    caller = None if endpoint.is_public else await _caller(endpoint, request)
    if endpoint.counts_callers_only:
        await count(request, endpoint.name, endpoint.limit)
    raw, body = await _body(endpoint, core, request)
    call = Call(request=request, core=core, maybe_caller=caller, body=body)
    try:
        return await _answered(endpoint, call, raw)
    except Refusal as refusal:
        return refused(refusal, endpoint.words)


async def _caller(endpoint: Endpoint, request: web.Request) -> Caller:
    """Who the access token was given to. Raises TokenRefused, and Failure for whom it is not."""
    core = request.app[CORE]
    user_id = user_of(request)
    writes = request.method not in SAFE_METHODS
    if not writes:
        await demanded(core, request)
    caller = await caller_of(core, user_id, writes=writes)
    if caller is None:
        raise Failure(404, GONE)
    request[CALLER] = caller
    if endpoint.is_for_admins and not caller.is_admin:
        raise Failure(403, ADMINS_ONLY)
    await caught_up(core, caller)
    return caller


async def _body(endpoint: Endpoint, core: Core, request: web.Request) -> tuple[bytes, Mapping[str, Any]]:
    """The body as it came, and the object in it. Raises Failure where there is none."""
    if endpoint.body is None:
        return b"", {}
    try:
        raw = await _raw(core, request)
        return raw, _parsed(endpoint, core, raw)
    except Failure:
        if endpoint.is_body_optional:
            return b"", {}
        raise


async def _raw(core: Core, request: web.Request) -> bytes:
    settings = core.settings
    try:
        return await read_body(request, bytes_max=settings.body_bytes_max, timeout_s=settings.body_timeout_s)
    except UnsupportedMediaType:
        raise Failure(400, NO_DATA) from None


def _parsed(endpoint: Endpoint, core: Core, raw: bytes) -> Mapping[str, Any]:
    try:
        body = parse_object(raw, depth_max=core.settings.json_depth_max)
    except BadRequest:
        raise Failure(400, NO_DATA) from None
    if not body and not endpoint.takes_empty:
        raise Failure(400, NO_DATA)
    return body


async def _answered(endpoint: Endpoint, call: Call, raw: bytes) -> Reply | web.StreamResponse:
    if endpoint.is_kept:
        asked = question(call.DIALECT, call.request.raw_path, call.caller.id, call.caller.role)
        return await call.core.kept.reply(asked, lambda: _answer(endpoint, call))
    if endpoint.takes_key and call.maybe_caller:
        return await call.once(
            raw, lambda: _reply(endpoint, call), lambda refusal: refused(refusal, endpoint.words)
        )
    return await _answer(endpoint, call)


async def _answer(endpoint: Endpoint, call: Call) -> Reply | web.StreamResponse:
    with call.never_denied():
        answer = await endpoint.handle(call)
    return sealed(answer) if isinstance(answer, Answer) else answer


async def _reply(endpoint: Endpoint, call: Call) -> Reply:
    reply = await _answer(endpoint, call)
    assert isinstance(reply, Reply), "no write answers with a file"
    return reply
