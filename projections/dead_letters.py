"""Dead letters: events that were not folded, kept in Postgres for operators."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import structlog

from events.connections import Connection, Connections
from projections.queries import query, rows
from readmodels.changes import DeadLetter
from readmodels.documents import Ref

log = structlog.get_logger(__name__)

ADD, RELEASE, SETTLE, FAILED, FORGET = (
    query(f"dead_letter{name}") for name in ("_add", "s_release", "s_settle", "s_failed", "s_forget")
)
CAUSE_DIGITS: Final = 12

_DECODING = re.compile(r"cannot be read: (\w+)", re.ASCII)


class Settlement(NamedTuple):
    """What came of folding `refs` again, for the operation at a position; `resolution` says which it was.

    `letters` are about events that stop them still. At the end, `named` are the positions that the
    operation was about, and `readable` those of them that can be read, or are discarded: they need no
    letter if they keep no document.
    """

    operation: int
    resolution: str
    refs: Sequence[Ref]
    letters: Sequence[DeadLetter]
    named: Sequence[int] = ()
    readable: Sequence[int] = ()


class Letterbox:
    """The dead letters of one generation. Every method raises Unavailable, and may be repeated."""

    def __init__(self, connections: Connections, generation: int) -> None:
        self._connections = connections
        self._generation = generation

    async def keep(self, letters: Sequence[DeadLetter]) -> None:
        """Tell operators of events that were not folded, and keep them."""
        for letter in letters:
            tell(letter)
        values = [self._values(letter) for letter in letters]

        async def work(connection: Connection) -> None:
            async with connection.cursor() as cursor:
                await cursor.executemany(ADD, values)

        await self._connections.read(work)

    async def settle(self, settlement: Settlement) -> None:
        """Note what is settled and what failed again, all of it or nothing."""
        for letter in settlement.letters:
            tell(letter)
        again = [self._values(letter, settlement.operation) for letter in settlement.letters]
        settled = {
            "generation": self._generation,
            "operation": settlement.operation,
            "resolution": settlement.resolution,
            "documents": [name_of(ref) for ref in settlement.refs],
            "named": list(settlement.named),
            "positions": list(settlement.readable),
        }

        async def work(connection: Connection) -> None:
            async with connection.transaction(), connection.cursor() as cursor:
                await cursor.execute(RELEASE, settled)
                if again:
                    await cursor.executemany(ADD, again)
                await cursor.execute(SETTLE, settled)
                await cursor.execute(FAILED, settled)

        await self._connections.read(work)

    async def forget(self, after: int) -> None:
        """Forget events after a position: they are folded from there, and what fails then fails anew."""
        await rows(self._connections, FORGET, generation=self._generation, after=after)

    def _values(self, letter: DeadLetter, failed_again_by: int | None = None) -> dict[str, Any]:
        return letter._asdict() | {
            "generation": self._generation,
            # PostgreSQL holds no NUL in a text; a letter that it refused would stop everything.
            "error": letter.error.replace("\0", "\\0"),
            "cause": cause_of(letter),
            "documents": sorted({name_of(ref) for ref in letter.documents}),
            "failed_again_by": failed_again_by,
        }


def tell(letter: DeadLetter) -> None:
    documents = [name_of(ref) for ref in letter.documents]
    where = {"position": letter.position, "stream": letter.stream, "topic": letter.topic}
    if letter.held_back:
        log.warning("event_held_back", **where, documents=documents)
    else:
        log.error("event_parked", **where, documents=documents, error=letter.error)


def name_of(ref: Ref) -> str:
    """`task:12`, as documents are called in letters and in the set of those that stand still."""
    return f"{ref.kind}:{ref.id}"


def cause_of(letter: DeadLetter) -> str:
    """The same short text for events of one type that failed alike, whatever they hold."""
    found = _DECODING.search(letter.error)
    kind = found[1] if found else letter.error
    return hashlib.sha256(f"{letter.topic}\0{kind}".encode()).hexdigest()[:CAUSE_DIGITS]
