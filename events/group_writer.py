"""Writing groups into Postgres, and finding out what became of one whose answer was lost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from weakref import WeakSet

import psycopg
from psycopg.rows import TupleRow

from events.appender import GROUPS_MAX
from events.arrays import use_arrays
from events.columns import use_instants
from events.connections import Connection, Connections, Prepared, reason
from events.errors import DuplicateCommand, OutcomeUnknown, Rejected, Stale, Unavailable
from events.group import parameters
from events.log import Appended, RawAppend

SQL = Path(__file__).parent / "sql"
APPEND_GROUP = (SQL / "append_group.sql").read_bytes()
OUTCOME = (SQL / "outcome.sql").read_bytes()

# What PostgreSQL says when it is the content that is wrong: data, integrity, rights and names.
CONTENT_ERRORS = ("22", "23", "42")
# A deadlock with a writer beside the log: the group was taken back whole and goes through next time.
DEADLOCK = "40P01"


class AnswerLost(Exception):
    """The connection ended between question and answer."""


class GroupWriter:
    """Owns the connections that write to the log. A group takes `append_timeout_s` at most.

    One whose answer is lost is sent again for `outcome_timeout_s`, then its outcome is unknown.
    """

    def __init__(
        self, database_url: str, connect_timeout_s: float, append_timeout_s: float, outcome_timeout_s: float
    ) -> None:
        self.connections = Connections(
            database_url,
            connections_max=GROUPS_MAX,
            connect_timeout_s=connect_timeout_s,
            call_timeout_s=append_timeout_s,
            prepare=self._prepare,
        )
        self._outcome_timeout_s = outcome_timeout_s
        self._unreplicated: WeakSet[Connection] = WeakSet()

    async def close(self) -> None:
        await self.connections.close()

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        """See `events.log.Log`."""
        try:
            return await self._write(appends)
        except AnswerLost as lost:
            return await self._write_again(appends, lost)

    async def _write_again(self, appends: Sequence[RawAppend], lost: Exception) -> list[Appended | Exception]:
        """Send a group a second time, which is safe and tells what became of the first.

        The lock puts both sendings in an order and the command ids let only the first of them in,
        even when it still hangs in the server: so whatever the second is told is final.
        """
        try:
            async with asyncio.timeout(self._outcome_timeout_s):
                outcomes = await self._until_answered(appends)
                return [
                    await self._first_outcome(append, outcome)
                    for append, outcome in zip(appends, outcomes, strict=True)
                ]
        except (TimeoutError, Unavailable) as error:
            raise OutcomeUnknown(reason(lost)) from error

    async def _until_answered(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        pause_s = 0.05
        while True:
            try:
                return await self._write(appends)
            except (AnswerLost, Unavailable):
                await asyncio.sleep(pause_s)
                pause_s = min(2 * pause_s, 1.0)

    async def _first_outcome(self, append: RawAppend, outcome: Appended | Exception) -> Appended | Exception:
        """A duplicate at the second sending is the first's success, unless the command is an older one."""
        if not isinstance(outcome, DuplicateCommand):
            return outcome
        rows = await self.connections.read(Prepared(OUTCOME, [append.command_id]))
        last_event_id = append.events[-1].event_id if append.events else None
        if rows and last_event_id in (None, rows[0][2]):
            return Appended(rows[0][0], rows[0][1])
        return outcome

    async def _write(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        """Send a group once; raises AnswerLost when it may have been written all the same."""
        try:
            rows = await self.connections.run(
                partial(self._call, Prepared(APPEND_GROUP, parameters(appends)))
            )
        except (psycopg.Error, ValueError, TypeError, struct.error) as error:
            raise failure(error) from error
        return [outcome(*row) for row in rows]

    async def _call(self, append_group: Prepared, connection: Connection) -> list[TupleRow]:
        self._unreplicated.discard(connection)
        rows = await append_group(connection)
        if connection in self._unreplicated:
            raise OutcomeUnknown("the database gave up waiting for its synchronous standby")
        return rows

    def _prepare(self, connection: Connection) -> None:
        use_instants(connection)
        use_arrays(connection)

        def notice(diagnostic: psycopg.errors.Diagnostic) -> None:
            # A commit whose wait for the standby is cancelled reports success, with this warning only.
            if diagnostic.sqlstate == "01000":
                self._unreplicated.add(connection)

        connection.add_notice_handler(notice)


def outcome(word: str, position: int, recorded_at: str) -> Appended | Exception:
    """What a row of append_group says about its append."""
    match word:
        case "appended":
            return Appended(position, recorded_at)
        case "duplicate":
            return DuplicateCommand("the command is in the log already")
        case _:
            return Stale("a stream moved on since it was read")


def failure(error: Exception) -> Exception:
    """What a failed append means: only an ERROR that the server itself reports leaves nothing behind.

    AnswerLost means to send it again.
    """
    if not isinstance(error, psycopg.Error):
        return Rejected(reason(error))
    if error.sqlstate is None:
        never_sent = isinstance(error, psycopg.DataError | psycopg.ProgrammingError)
        return Rejected(reason(error)) if never_sent else AnswerLost(reason(error))
    if error.diag.severity_nonlocalized != "ERROR" or error.sqlstate == DEADLOCK:
        return AnswerLost(reason(error))
    if error.sqlstate.startswith(CONTENT_ERRORS):
        return Rejected(reason(error))
    return Unavailable(reason(error))
