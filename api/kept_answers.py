"""Kept answers: what was answered once is answered again, as long as nothing that it rests on has changed."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from time import time
from typing import Final, NamedTuple, TypeVar

from api.keep import Keep
from api.reading_side import ReadingSide
from api.recording import recording
from api.replies import Reply
from readmodels.freshness import Freshness
from readmodels.noted import present

DAY_S: Final = 86_400
NOT_KEPT_MAX: Final = 1_000

Made = TypeVar("Made")


class Question(NamedTuple):
    """All that an answer may depend on besides the read model; `address` is path and query as they came."""

    dialect: str
    address: str
    user_id: int
    role: str
    day: int


class Answered(NamedTuple):
    """A reply as it is before it is stamped, and the moment, in Unix time, until which it holds."""

    reply: Reply
    until_s: float


def question(dialect: str, address: str, user_id: int, role: str) -> Question:
    """A question of today: at midnight (UTC) all answers are made anew."""
    return Question(dialect, address, user_id, role, int(time()) // DAY_S)


class KeptAnswers:
    """Answers of 200, each of at most `answer_bytes_max` and all together of `bytes_max`.

    A question that is asked many times at once is answered by the first answer, if that is still fresh.
    Nobody waits for an answer that is not going to be kept, as far as that is known: not where the last
    answer to this question was not, of NOT_KEPT_MAX such questions.
    """

    def __init__(self, reading: ReadingSide, *, bytes_max: int, answer_bytes_max: int) -> None:
        self.keep: Final[Keep[Question, Answered]] = Keep(bytes_max)
        self._reading = reading
        self._answer_bytes_max = answer_bytes_max
        self._making: dict[Question, asyncio.Event] = {}
        self._not_kept: OrderedDict[Question, None] = OrderedDict()

    async def reply(self, asked: Question, make: Callable[[], Awaitable[Reply | Made]]) -> Reply | Made:
        """A kept reply, or what `make` makes, which must rest on the reading side alone or say so."""
        freshness = self._reading.freshness()
        if freshness is None:
            return await make()
        found = self._found(asked, freshness)
        if found is None and (made := self._making.get(asked)):
            await made.wait()
            found = self._found(asked, freshness) if self._reading.freshness() is freshness else None
        if found is None:
            self.keep.misses += 1
            return await self._made(asked, make, freshness)
        self.keep.hits += 1
        return found

    def _found(self, asked: Question, freshness: Freshness) -> Reply | None:
        entry = self.keep.fresh(asked, freshness)
        return None if entry is None or entry.value.until_s < time() else entry.value.reply

    async def _made(
        self, asked: Question, make: Callable[[], Awaitable[Reply | Made]], freshness: Freshness
    ) -> Reply | Made:
        made = asyncio.Event()
        if asked not in self._not_kept:
            self._making[asked] = made

        def nobody_waits() -> None:
            if self._making.get(asked) is made:
                del self._making[asked]
            made.set()

        try:
            return await self._recorded(asked, make, freshness, nobody_waits)
        except Exception:
            self._note_not_kept(asked)
            raise
        finally:
            nobody_waits()

    async def _recorded(
        self,
        asked: Question,
        make: Callable[[], Awaitable[Reply | Made]],
        freshness: Freshness,
        passes: Callable[[], None],
    ) -> Reply | Made:
        since = freshness.turn
        with recording(passes) as record:
            reply = await make()
        if isinstance(reply, Reply) and record.is_lasting and self._is_to_be_kept(reply):
            size_bytes = len(reply.body) + len(asked.address)
            kept = Answered(reply, record.until_s)
            self.keep.put(asked, kept, size_bytes, tuple(record.tags), freshness, since)
            self._not_kept.pop(asked, None)
        else:
            self._note_not_kept(asked)
        return reply

    def _note_not_kept(self, asked: Question) -> None:
        self._not_kept[asked] = None
        self._not_kept.move_to_end(asked)
        if len(self._not_kept) > NOT_KEPT_MAX:
            self._not_kept.popitem(last=False)

    def _is_to_be_kept(self, reply: Reply) -> bool:
        """Not where parked documents are shown or missed, which an answer says in headers of its own."""
        noted = present()
        tells_all = noted is not None and noted.is_nothing
        return tells_all and reply.status == HTTPStatus.OK and len(reply.body) <= self._answer_bytes_max
