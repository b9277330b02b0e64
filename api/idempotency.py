"""One effect and one answer per Idempotency-Key, in this process, in others, and after a crash."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import structlog
from aiohttp import web
from psycopg.types.json import Jsonb

from api.database import Database
from api.errors import BadRequest, KeyBusy, KeyReused, LeftOpen
from api.replies import Reply
from api.together import Together
from commands.errors import AlreadyDone
from events.errors import DuplicateCommand, Rejected, StoreError

HEADER: Final = "Idempotency-Key"
POLL_S: Final = 0.05
ROUNDS_MAX: Final = 3
KEEP_ATTEMPTS_MAX: Final = 2
UNKEPT: Final = "The answer to this could not be kept at the moment"
UNTOLD: Final = "The answer to this cannot be looked up at the moment"
KEYED: Final = web.RequestKey("keyed", bool)
"""Whether the request counts once for its key."""

_KEY = re.compile(r"[\x21-\x7e]{1,255}")

log = structlog.get_logger(__name__)


class Key(NamedTuple):
    """What a keyed request is known by: `command_id` for the log, `fingerprint` for its body."""

    command_id: str
    fingerprint: str


class Outcome(NamedTuple):
    """`is_committed`: the command led to events. Only final replies are kept."""

    reply: Reply
    is_committed: bool = False
    is_final: bool = True


Attempt = Callable[[int | None], Awaitable[Outcome]]
"""Tries the request; given a position, only answers what was committed there."""

Settled = tuple[Reply | None, bool, Reply]
"""What is kept for others, whether it was kept before, and the reply."""


def key_of(request: web.Request, user_id: int, body: bytes, secret: bytes) -> Key | None:
    """The key of a request, scoped to user, method and path; None when the client sent none.

    Bodies may hold passwords, so their fingerprint is keyed. Raises BadRequest.
    """
    given = request.headers.getall(HEADER, [])
    if not given:
        return None
    if len(given) > 1 or not _KEY.fullmatch(given[0]):
        raise BadRequest(f"{HEADER} takes 1 to 255 visible ASCII characters")
    scope = "\n".join((str(user_id), request.method, request.rel_url.raw_path, given[0]))
    fingerprint = hmac.new(secret, body, hashlib.sha256).hexdigest()
    return Key(f"key-{hashlib.sha256(scope.encode()).hexdigest()}", fingerprint)


@dataclass(frozen=True, slots=True)
class _Kept:
    """A reply, or the position of a command whose process died before it kept one."""

    reply: Reply | None
    position: int | None


class Repetitions:
    """Lets the first request with a key run and answers the others with what it got.

    Others wait `wait_s` for it at most. So long, too, another process is given to keep the answer
    to a command that it committed; then it is taken for dead and the answer is made again.
    """

    def __init__(self, database: Database, wait_s: float) -> None:
        self._database = database
        self._wait_s = wait_s
        self._running: dict[str, _Running] = {}
        self._answers: Together[tuple[str, Reply], bool] = Together(self._keep_answers, is_in_turns=True)
        self.repeated = 0

    async def once(self, key: Key, attempt: Attempt) -> Reply:
        """Raises KeyReused, KeyBusy, and whatever the attempt raises."""
        try:
            async with asyncio.timeout(self._wait_s):
                kept = await self._first(key)
        except TimeoutError:
            raise KeyBusy from None
        return self._again(kept) if kept else await self._lead(key, attempt)

    async def _first(self, key: Key) -> Reply | None:
        """The reply of the request that is running with this key; None when none does."""
        while running := self._running.get(key.command_id):
            if running.fingerprint != key.fingerprint:
                raise KeyReused
            reply = await asyncio.shield(running.reply)
            if reply:
                return reply
        return None

    async def _lead(self, key: Key, attempt: Attempt) -> Reply:
        running = _Running(key.fingerprint, asyncio.get_running_loop().create_future())
        self._running[key.command_id] = running
        kept: Reply | None = None
        try:
            kept, is_repeated, reply = await self._settle(key, attempt)
            return self._again(reply) if is_repeated else reply
        finally:
            del self._running[key.command_id]
            running.reply.set_result(kept)

    def _again(self, reply: Reply) -> Reply:
        self.repeated += 1
        return reply.with_header("Idempotency-Replayed", "true")

    async def _settle(self, key: Key, attempt: Attempt) -> Settled:
        """What the request comes to, in this process or in another one.

        Another process may be faster at any point; then its answer counts, or is made again where
        it died before keeping one.
        """
        for turn in range(ROUNDS_MAX):
            try:
                settled = await self._round(key, attempt)
            except StoreError as error:
                if turn == 0:
                    raise
                # Something is kept for the key by now, or was done: nobody may be told that nothing was.
                log.warning("an answer cannot be looked up", reason=str(error))
                raise LeftOpen(UNTOLD) from error
            if settled:
                return settled
        raise KeyBusy

    async def _round(self, key: Key, attempt: Attempt) -> Settled | None:
        """As `_settle`; None where the table has an answer by now that is not known here."""
        kept = await self._find(key)
        if kept and kept.reply:
            return kept.reply, True, kept.reply
        try:
            outcome = await attempt(kept.position if kept else None)
        except (AlreadyDone, DuplicateCommand):
            # Committed by another process, or refused there.
            return None
        if not outcome.is_final:
            return None, False, outcome.reply
        # Another one may have been kept before, or this one: who was cut off while keeping it cannot tell.
        return (outcome.reply, False, outcome.reply) if await self._keep(key, outcome) else None

    async def _find(self, key: Key) -> _Kept | None:
        """What the table has; a fresh command without an answer is given time to get one.

        Raises OutcomeUnknown for an answer that a failover might take back.
        """
        while True:
            row = await self._database.row("find_answer", command_id=key.command_id)
            if row is None:
                return None
            fingerprint, position, status, headers, body, age_s = row
            if fingerprint != key.fingerprint:
                raise KeyReused
            if status is not None:
                # Whoever kept it may have been told that nobody knows whether it is kept.
                await self._database.confirm()
                return _Kept(Reply(status, bytes(body), headers), position)
            if age_s > self._wait_s:
                return _Kept(None, position)
            await asyncio.sleep(POLL_S)

    async def _keep(self, key: Key, outcome: Outcome) -> bool:
        """Whether this is the answer that everybody gets; False when another one was kept before.

        Nobody may be told what is not kept: a repetition could be told something else. Raises LeftOpen.
        """
        for _ in range(KEEP_ATTEMPTS_MAX):
            try:
                return await self._try_to_keep(key, outcome)
            except StoreError as error:
                log.warning("an answer could not be kept", reason=str(error))
        raise LeftOpen(UNKEPT)

    async def _try_to_keep(self, key: Key, outcome: Outcome) -> bool:
        reply = outcome.reply
        if outcome.is_committed:
            return await self._answers.ask((key.command_id, reply))
        values = {"status": reply.status, "headers": Jsonb(dict(reply.headers)), "body": reply.body}
        return await self._database.change("keep_refusal", **key._asdict(), **values) > 0

    async def _keep_answers(self, given: Sequence[tuple[str, Reply]]) -> Sequence[bool | Rejected]:
        """Which of the answers are kept, in one commit as far as that goes: it costs far more than a row."""
        try:
            return await self._keep_together(given)
        except Rejected as error:
            if len(given) == 1:
                return [error]
        # One of them is at fault: the half without it goes through.
        half = len(given) // 2
        return [*await self._keep_answers(given[:half]), *await self._keep_answers(given[half:])]

    async def _keep_together(self, given: Sequence[tuple[str, Reply]]) -> Sequence[bool]:
        command_ids, replies = zip(*given, strict=True)
        kept = await self._database.changed(
            "keep_answers",
            command_ids=list(command_ids),
            statuses=[reply.status for reply in replies],
            headers=[Jsonb(dict(reply.headers)) for reply in replies],
            bodies=[reply.body for reply in replies],
        )
        kept_ids = {command_id for (command_id,) in kept}
        return [command_id in kept_ids for command_id in command_ids]


@dataclass(frozen=True, slots=True)
class _Running:
    fingerprint: str
    reply: asyncio.Future[Reply | None]
