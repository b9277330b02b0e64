"""Writer processes that give a log a hard time: groups, refusals, rollbacks, and transactions that stall."""

from __future__ import annotations

import asyncio
import random
import uuid
from dataclasses import dataclass, field

import psycopg

from events.arrays import use_arrays
from events.columns import use_instants
from events.connections import Connection, connect
from events.errors import Stale, StoreError
from events.group import parameters
from events.group_writer import APPEND_GROUP, outcome
from events.log import Appended, RawAppend, RawEvent
from events.postgres import PostgresLog, open_log

STALL_S = 0.004
GROUP_MAX = 5
EVENTS_MAX = 3
SHARED_STREAMS = 4


@dataclass
class Report:
    """What a writer knows: the ids of events that were acknowledged, and of those that must not be there."""

    acknowledged: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def write(database_url: str, number: int, events: int) -> Report:
    """Append until `events` are acknowledged: the body of one process."""
    return asyncio.run(Writer(number, events).write(database_url))


class Writer:
    def __init__(self, number: int, events: int) -> None:
        self._number = number
        self._quota = events
        self._random = random.Random(number)
        self._streams = 0
        self._report = Report()

    async def write(self, database_url: str) -> Report:
        connection = await connect(database_url, connect_timeout_s=10, call_timeout_s=10)
        use_instants(connection)
        use_arrays(connection)
        async with open_log(database_url) as log, connection:
            while len(self._report.acknowledged) < self._quota and not self._report.failures:
                group = await self._next_group(log)
                try:
                    if self._random.random() < 0.8:
                        self._note(group, await log.append_group(group))
                    else:
                        await self._stall(connection, group)
                except (StoreError, psycopg.Error) as error:
                    self._report.failures.append(str(error))
        return self._report

    async def _next_group(self, log: PostgresLog) -> list[RawAppend]:
        """Appends to new streams, one that is refused, and one to a stream that all writers share."""
        group = [self._append(self._new_stream(), 1) for _ in range(self._random.randint(1, GROUP_MAX))]
        if self._random.random() < 0.2:
            group.append(self._append(self._new_stream(), 2))
        if self._random.random() < 0.3:
            shared = f"shared-{self._random.randrange(SHARED_STREAMS)}"
            group.append(self._append(shared, len((await log.read_streams([shared]))[shared]) + 1))
        self._random.shuffle(group)
        return group

    async def _stall(self, connection: Connection, group: list[RawAppend]) -> None:
        """Hold a written group open for a while, then commit it or roll it back."""
        rolls_back = self._random.random() < 0.5
        async with (
            connection.transaction(force_rollback=rolls_back),
            connection.cursor(binary=True) as cursor,
        ):
            await cursor.execute(APPEND_GROUP, parameters(group))
            outcomes = [outcome(*row) for row in await cursor.fetchall()]
            await asyncio.sleep(self._random.random() * 2 * STALL_S)
        self._note(group, [Stale("rolled back") for _ in group] if rolls_back else outcomes)

    def _note(self, group: list[RawAppend], outcomes: list[Appended | Exception]) -> None:
        for append, one in zip(group, outcomes, strict=True):
            ids = [event.event_id for event in append.events]
            (self._report.acknowledged if isinstance(one, Appended) else self._report.refused).extend(ids)

    def _append(self, stream: str, version: int) -> RawAppend:
        events = (
            RawEvent(stream, version + place, "thing.happened", b'{"thing":1}', str(uuid.uuid4()))
            for place in range(self._random.randint(1, EVENTS_MAX))
        )
        return RawAppend(str(uuid.uuid4()), tuple(events))

    def _new_stream(self) -> str:
        self._streams += 1
        return f"thing-{self._number}x{self._streams}"
