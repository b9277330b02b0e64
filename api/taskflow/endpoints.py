"""From an HTTP request to a handler's call, and from its answer back to HTTP: the same for every endpoint."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

import orjson
from aiohttp import web

from api import conditional
from api.bodies import parse_object, read_body
from api.callers import CALLER, Caller, caller_of
from api.calls import caught_up, demanded
from api.core import CORE, Core
from api.csrf import SAFE_METHODS, must_not_be_cross_site
from api.errors import BadRequest, Unauthenticated
from api.kept_answers import question
from api.limits.applied import by_address, limited
from api.limits.operations import Operation
from api.replies import FileReply, Reply
from api.requests import REQUEST_ID, Handler
from api.sessions import Session
from api.taskflow import parameters
from api.taskflow.as_of import AS_OF_POSITION, past_of
from api.taskflow.calls import Call
from api.taskflow.downloads import Download, sealed_file
from api.taskflow.envelope import Answer, refused, sealed, stamped, unstamped
from api.taskflow.fields import Body
from api.taskflow.validation import Checked, checked
from api.taskflow.visitors import principal_of, session_of, token_of
from commands.errors import Forbidden, Refusal

ETAG: Final = "ETag"


@dataclass(frozen=True, slots=True)
class Shows:
    """What a success holds: the type of each field of `data`, by name.

    A list is paginated; an object is known by an `ETag`. `media_types` are those that the answer
    may come in besides JSON, `headers` those that it has besides what all such answers have.
    """

    data: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    is_list: bool = False
    is_object: bool = False
    media_types: tuple[str, ...] = ()
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One operation, as it is served and as it is documented.

    `body` is what it reads; a public one needs no session. `example` is a body as clients send it,
    `asks_role` the least role that it takes whatever it is about; `is_partly_forbidden` says that something
    may be known of and not be read. `is_kept` is for reads that rest on the read model alone: their answers
    are given again while nothing has changed. `limit` holds for this operation alone, beside the account's
    quotas, as in `20/minute`.
    """

    WAITS: ClassVar[bool] = True
    """Whether a read waits for what its user wrote, and for the position that it demands."""

    method: str
    path: str
    handle: Callable[[Call], Awaitable[Answer | Download]]
    body: type[Body] | None = None
    parameters: parameters.Parameters = field(default_factory=dict)
    is_public: bool = False
    takes_key: bool = False
    summary: str = ""
    shows: Shows = Shows()
    example: Mapping[str, Any] | None = None
    asks_role: str | None = None
    is_partly_forbidden: bool = False
    is_kept: bool = False
    limit: str | None = None

    def route(self) -> web.RouteDef:
        async def handle(request: web.Request) -> web.StreamResponse:
            return (await served(self, request)).response()

        return web.RouteDef(self.method, self.path, self._limited(handle), {})

    def must_be_for(self, caller: Caller) -> None:
        """Raises Forbidden for a read that is about no object, which would have to exist first.

        Writes are judged by their deciders, whose refusals are kept under an Idempotency-Key.
        """
        of_all = self.method in SAFE_METHODS and "{" not in self.path
        if of_all and self.asks_role == "manager" and not caller.sees_all:
            raise Forbidden(self.asks_role)

    def call(self, **given: Any) -> Call:
        """The call that `handle` is given."""
        return Call(**given)

    def _limited(self, handler: Handler) -> Handler:
        if self.limit is None:
            return handler
        principal = by_address if self.is_public else principal_of
        return limited(Operation(f"{self.method} {self.path}", self.limit, principal), handler)


def timed(endpoint: Endpoint) -> Endpoint:
    """The endpoint of a read that can also be asked about the past."""
    shows = replace(endpoint.shows, headers=(*endpoint.shows.headers, AS_OF_POSITION))
    return replace(endpoint, parameters={**endpoint.parameters, **parameters.AS_OF}, shows=shows)


async def served(endpoint: Endpoint, request: web.Request) -> Reply | FileReply:
    """The reply to a request. Raises what `envelope.translated` has an answer to."""
    core = request.app[CORE]
    session = await _session(request)
    writes = request.method not in SAFE_METHODS
    caller = None
    if not endpoint.is_public:
        caller = await _caller(endpoint, core, request, session)
    if not writes:
        return _conditional(request, await _read(endpoint, request, core, session, caller))
    raw = await _body(core, request)
    call = _call(endpoint, request, core, session, caller, raw)
    if endpoint.takes_key and caller:
        return await call.once(raw, lambda: _written(endpoint, call), lambda refusal: _refused(call, refusal))
    return await _written(endpoint, call)


async def _read(
    endpoint: Endpoint, request: web.Request, core: Core, session: Session | None, caller: Caller | None
) -> Reply | FileReply:
    async def make() -> Reply | FileReply:
        call = _call(endpoint, request, core, session, caller, b"")
        call.past = await past_of(call)
        return await _reply(endpoint, call)

    if endpoint.is_kept and caller and not _is_for_once(request):
        asked = question(Call.DIALECT, request.raw_path, caller.id, caller.role)
        reply = await core.kept.reply(asked, make)
    else:
        reply = await make()
    return stamped(reply, request[REQUEST_ID]) if isinstance(reply, Reply) else reply


def _is_for_once(request: web.Request) -> bool:
    """Whether it asks about the past or for a file: such answers are never kept."""
    asked = request.query
    return not asked.keys().isdisjoint(parameters.AS_OF) or asked.get("format", "json") != "json"


async def _session(request: web.Request) -> Session | None:
    """The live session of the request's cookie, which no other site's page may use for a write."""
    session = await session_of(request)
    if token_of(request):
        must_not_be_cross_site(request, session, request.app[CORE].csrf_tokens)
    return session


async def _caller(endpoint: Endpoint, core: Core, request: web.Request, session: Session | None) -> Caller:
    """Who asks. For reads, the read model has then reached all that they wait for."""
    if session is None:
        raise Unauthenticated
    writes = request.method not in SAFE_METHODS
    waits = endpoint.WAITS and not writes
    if waits:
        await demanded(core, request)
    caller = await caller_of(core, session.user_id, writes=writes)
    if caller is None:
        raise Unauthenticated
    request[CALLER] = caller
    endpoint.must_be_for(caller)
    if waits:
        await caught_up(core, caller)
    return caller


async def _body(core: Core, request: web.Request) -> bytes:
    settings = core.settings
    return await read_body(request, bytes_max=settings.body_bytes_max, timeout_s=settings.body_timeout_s)


def _call(
    endpoint: Endpoint,
    request: web.Request,
    core: Core,
    session: Session | None,
    caller: Caller | None,
    raw: bytes,
) -> Call:
    filters = parameters.read(endpoint.parameters, request.query)
    body = Checked({}, {})
    if endpoint.body is not None:
        if not raw:
            raise BadRequest("The body must be a JSON object")
        body = checked(endpoint.body, parse_object(raw, depth_max=core.settings.json_depth_max))
    return endpoint.call(
        request=request,
        core=core,
        maybe_caller=caller,
        session=session,
        fields=body.fields,
        invalid=body.faults,
        filters=filters,
    )


async def _written(endpoint: Endpoint, call: Call) -> Reply:
    reply = await _reply(endpoint, call)
    assert isinstance(reply, Reply), "no write answers with a file"
    return stamped(reply, call.request[REQUEST_ID])


def _refused(call: Call, refusal: Refusal) -> Reply:
    return sealed(refused(refusal, call.caller.role), call.request[REQUEST_ID])


async def _reply(endpoint: Endpoint, call: Call) -> Reply | FileReply:
    """The reply before it is stamped; a file has its stamp already."""
    with call.never_denied():
        answer = await endpoint.handle(call)
    if call.past is not None:
        headers = {**answer.headers, AS_OF_POSITION: str(call.past.position)}
        answer = replace(answer, headers=headers)
    if isinstance(answer, Download):
        return sealed_file(answer, call.request[REQUEST_ID])
    reply = unstamped(answer)
    if answer.version is None:
        return reply
    return reply.with_header(ETAG, conditional.etag(answer.version, orjson.dumps(answer.data)))


def _conditional(request: web.Request, reply: Reply | FileReply) -> Reply | FileReply:
    tag = reply.headers.get(ETAG)
    if tag and request.method in SAFE_METHODS and conditional.is_known(request, tag):
        return Reply(304, b"", reply.headers)
    return reply
