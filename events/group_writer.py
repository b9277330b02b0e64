"""Writing groups into Postgres, and finding out what became of one whose answer was lost."""

from __future__ import annotations

import asyncio
import struct
from collections.abc import Sequence
from pathlib import Path

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
            prepare=prepare,
        )
        self._outcome_timeout_s = outcome_timeout_s

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
        found = await self._find(append.command_id)
        last_event_id = append.events[-1].event_id if append.events else None
        if found and last_event_id in (None, found[2]):
            return Appended(*found[:2])
        return outcome

    async def outcome(self, command_id: str) -> Appended | None:
        """See `events.log.Log`."""
        found = await self._find(command_id)
        return Appended(*found[:2]) if found else None

    async def _find(self, command_id: str) -> TupleRow | None:
        """Position, moment and last event's id of a command that a failover does not take back.

        What is in the log can be seen before the synchronous standby has it, once its writer was cut off.
        """
        try:
            rows = await self.connections.run(Prepared(OUTCOME, [command_id]))
        except (psycopg.Error, Unavailable) as error:
            raise OutcomeUnknown(reason(error)) from error
        return rows[0] if rows else None

    async def _write(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        """Send a group once; raises AnswerLost when it may have been written all the same."""
        try:
            rows = await self.connections.run(Prepared(APPEND_GROUP, parameters(appends)))
        except (psycopg.Error, ValueError, TypeError, struct.error) as error:
            raise failure(error) from error
        return [outcome(*row) for row in rows]


def prepare(connection: Connection) -> None:
    use_instants(connection)
    use_arrays(connection)


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
