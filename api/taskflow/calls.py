"""One request as handlers see it, and how they write and answer."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from aiohttp import web

from api import conditional
from api.attempts import Request
from api.behind import Readable
from api.callers import CALLER, Caller
from api.core import CORE, Core
from api.csrf import SAFE_METHODS
from api.errors import Unauthenticated
from api.idempotency import Key
from api.requests import REQUEST_ID, client_address, user_agent
from api.sessions import Session
from api.taskflow.envelope import Answer
from api.writing import Written, shown, write, written_before
from commands.errors import NotFound
from events.log import Metadata

DIALECT: Final = "taskflow"
POSITION_HEADER: Final = "X-Event-Position"
MODEL_HEADER: Final = "X-Read-Model"
PATH_MAX: Final = 400

_NUMBER = re.compile(r"[1-9][0-9]{0,17}", re.ASCII)


@dataclass(slots=True)
class Call:
    """One request to one endpoint, read and checked as far as that goes without the handler.

    `fields` are the body's right fields under the names that commands use, `invalid` what is wrong
    with the others. `done_at` is the position of what an earlier try of this request committed.
    """

    request: web.Request
    core: Core
    session: Session | None
    maybe_caller: Caller | None
    fields: Mapping[str, Any]
    invalid: Mapping[str, list[str]]
    filters: Mapping[str, Any]
    key: Key | None = None
    done_at: int | None = None
    has_committed: bool = False

    @property
    def caller(self) -> Caller:
        if self.maybe_caller is None:
            raise Unauthenticated
        return self.maybe_caller

    def number(self, name: str, what: str) -> int:
        """The id in the path. Raises NotFound for what is no number."""
        text = self.request.match_info[name]
        if not _NUMBER.fullmatch(text):
            raise NotFound(what)
        return int(text)

    async def write(self, command: object) -> Written:
        """Carry the command out, unless an earlier try did."""
        if self.done_at is not None:
            written = await written_before(self.core, self.done_at)
        else:
            written = await write(
                self.core,
                command,
                self.caller.actor,
                self._metadata(),
                expected_version=conditional.expected_version(self.request),
                key=self.key,
            )
        self.has_committed = bool(written.events)
        return written

    async def shown(
        self, written: Written, show: Callable[[Readable], Awaitable[Answer]], *, is_new: bool = False
    ) -> Answer:
        """The answer to a write: what `show` makes of a model that has the write in it."""
        answer, is_behind = await shown(self.core, written, self.caller.id, show, is_new=is_new)
        headers = {**answer.headers, POSITION_HEADER: str(written.position)}
        if is_behind:
            headers[MODEL_HEADER] = "behind"
        version = written.version if written.version and answer.version else answer.version
        return replace(answer, headers=headers, version=version)

    async def done(self, written: Written, message: str) -> Answer:
        """The answer to a write after which there is nothing to show."""

        async def show(_: Readable) -> Answer:
            return Answer(message=message)

        return await self.shown(written, show)

    def _metadata(self) -> Metadata:
        return Metadata(
            dialect=DIALECT,
            request_id=self.request[REQUEST_ID],
            address=client_address(self.request, self.core.settings.trusted_proxies),
            user_agent=user_agent(self.request),
        )


def note_attempt(request: web.Request, status: int) -> None:
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
            DIALECT,
            request.method,
            request.rel_url.raw_path[:PATH_MAX],
            status,
        )
    )
