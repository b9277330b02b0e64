"""One request on behalf of somebody, as the handlers of every dialect see it: it writes, and it waits."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import ClassVar, Final, TypeVar

import structlog
from aiohttp import web

from api import idempotency
from api.behind import Readable
from api.callers import Caller
from api.core import Core
from api.errors import BadRequest, LeftOpen, TryLater, Unauthenticated
from api.idempotency import KEYED, Key, Outcome
from api.replies import Reply
from api.requests import REQUEST_ID, Client, client_of
from api.writing import Written, shown, write, written_before
from commands.context import Actor
from commands.errors import Busy, Refusal
from events.errors import StoreError
from events.log import Metadata
from readmodels.model import NotReady

POSITION_HEADER: Final = "X-Event-Position"
MIN_POSITION_HEADER: Final = "X-Min-Position"
MODEL_HEADER: Final = "X-Read-Model"

UNSHOWN: Final = "What came of this cannot be read at the moment"

_POSITION = re.compile(r"[0-9]{1,18}", re.ASCII)

T = TypeVar("T")

log = structlog.get_logger(__name__)


async def demanded(core: Core, request: web.Request) -> None:
    """A read waits for what it asks for, before it is looked who asks: rights are read as well.

    Raises BadRequest, TryLater.
    """
    text = request.headers.get(MIN_POSITION_HEADER, "0")
    if not _POSITION.fullmatch(text):
        raise BadRequest(f"{MIN_POSITION_HEADER} takes a position, as {POSITION_HEADER} gives it")
    await _reached(core, int(text))


async def caught_up(core: Core, caller: Caller) -> None:
    """A read waits for what its user wrote. Raises TryLater."""
    await _reached(core, caller.reads_from)


async def _reached(core: Core, position: int) -> None:
    if position and not await core.announcements.reached(position, core.settings.caught_up_timeout_s):
        raise TryLater(f"The read model has not reached position {position} yet")


@dataclass(slots=True, kw_only=True)
class BaseCall:
    """`done_at` is the position of what an earlier try of this request committed."""

    DIALECT: ClassVar[str]

    request: web.Request
    core: Core
    maybe_caller: Caller | None = None
    key: Key | None = None
    done_at: int | None = None
    has_committed: bool = False

    @property
    def caller(self) -> Caller:
        if self.maybe_caller is None:
            raise Unauthenticated
        return self.maybe_caller

    @property
    def client(self) -> Client:
        return client_of(self.request, self.core.settings.trusted_proxies)

    def expected_version(self) -> int | None:
        """The version that a write's object must be at; none where the dialect shows no versions."""
        return None

    async def write(self, command: object, actor: Actor | None = None) -> Written:
        """Carry the command out on behalf of the caller, or of `actor`, unless an earlier try did."""
        if self.done_at is not None:
            assert self.key, "an earlier try was found by its key"
            self.has_committed = True
            # It can be seen; whether it would outlive a failover has to be asked.
            await self.core.store.outcome(self.key.command_id)
            return await written_before(self.core, self.done_at)
        written = await write(
            self.core,
            command,
            actor or self.caller.actor,
            self.metadata(),
            expected_version=self.expected_version(),
            key=self.key,
        )
        self.has_committed |= bool(written.events)
        return written

    async def seen(
        self, written: Written, show: Callable[[Readable], Awaitable[T]], *, is_new: bool = False
    ) -> tuple[T, Mapping[str, str]]:
        """What `show` makes of a model that has the write in it, and the headers that tell of the write.

        Raises NotReady, and what the store raises, where nothing can be shown now.
        """
        user_id = self.maybe_caller.id if self.maybe_caller else None
        answer, is_behind = await shown(self.core, written, user_id, show, is_new=is_new)
        headers = {POSITION_HEADER: str(written.position)}
        return answer, (headers | {MODEL_HEADER: "behind"} if is_behind else headers)

    @contextmanager
    def never_denied(self) -> Iterator[None]:
        """The block of the handler: whatever is away, nobody is told that nothing was done where it was.

        Raises LeftOpen then.
        """
        try:
            yield
        except (StoreError, NotReady) as error:
            if not self.has_committed:
                raise
            log.warning("a write cannot be shown", reason=str(error))
            raise LeftOpen(UNSHOWN) from error

    async def once(
        self, raw: bytes, reply: Callable[[], Awaitable[Reply]], refused: Callable[[Refusal], Reply]
    ) -> Reply:
        """The reply, the same for every try with one Idempotency-Key; refusals by the rules are kept, too."""
        key = idempotency.key_of(self.request, self.caller.id, raw, self.core.fingerprint_secret)
        if key is None:
            return await reply()
        self.request[KEYED] = True

        async def attempt(done_at: int | None) -> Outcome:
            self.key, self.done_at = key, done_at
            try:
                return Outcome(await reply(), is_committed=self.has_committed)
            except Refusal as refusal:
                return Outcome(refused(refusal), is_final=not isinstance(refusal, Busy))

        return await self.core.repetitions.once(key, attempt)

    def metadata(self) -> Metadata:
        """Where this request comes from, as it stands on events."""
        return Metadata(
            dialect=self.DIALECT,
            request_id=self.request[REQUEST_ID],
            **self.client._asdict(),
        )
