"""Reads whole streams from Postgres, in a process that does nothing else; everything here blocks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import psycopg

from events.columns import instant_of
from events.connections import CONNECT
from events.errors import Undecodable
from events.event import Poison, Record
from events.keys import Keyring
from events.mapper import USER, EventMapper
from projections.bulk_groups import GROUPED_TYPES
from projections.bulk_plan import USERS, Range, range_of
from projections.queries import query

STREAMS, TOPICS, KEYS = (query(f"bulk_{name}") for name in ("streams", "topics", "keys"))
FETCH_EVENTS: Final = 2_000
CONNECT_TIMEOUT_S: Final = 5
STATEMENT_TIMEOUT_MS: Final = 60_000

Row = tuple[str, int, int, str, bytes, bytes]


class NotRead:
    """Stands in a record for what is not read here. JSON holds no such thing: who uses it is noticed."""


NOT_READ: Final[Any] = NotRead()


class StreamReader:
    """Reads the log of `connection` up to position `end`; `events` have been read so far.

    Raises psycopg.Error, WrongMasterKey.
    """

    def __init__(self, connection: psycopg.Connection[Any], master_key: bytes, end: int) -> None:
        self.events = 0
        self._connection = connection
        self._end = end
        self._keyring = Keyring(master_key)
        self._decode = EventMapper(self._keyring).decode

    def streams(self, wanted: Range) -> Iterator[tuple[str, Iterator[Record | Poison]]]:
        """Each stream of a range with its records, which have to be taken before the next stream."""
        rows = self._rows(STREAMS, {"low": wanted.low, "high": wanted.high, "end": self._end})
        for stream, some in groupby(rows, key=itemgetter(0)):
            yield stream, map(self._record, some)

    def reaching_groups(self) -> Iterator[Record]:
        """The records that reach documents of other streams. What cannot be decoded reaches nothing."""
        for category in sorted({event_type.STREAM for event_type in GROUPED_TYPES}):
            topics = [each.TOPIC for each in GROUPED_TYPES if category == each.STREAM]
            within = range_of(category)
            bounds = {"low": within.low, "high": within.high, "end": self._end, "topics": topics}
            for record in map(self._record, self._rows(TOPICS, bounds)):
                if isinstance(record, Record):
                    yield record

    def _rows(self, sql: bytes, arguments: Mapping[str, Any]) -> Iterator[Row]:
        with self._connection.transaction(), self._connection.cursor("streams", binary=True) as cursor:
            cursor.execute(sql, arguments)
            while rows := cursor.fetchmany(FETCH_EVENTS):
                self.events += len(rows)
                self._have_keys(rows)
                yield from rows

    def _have_keys(self, rows: Sequence[Row]) -> None:
        if rows[-1][0] < USERS.low or rows[0][0] >= USERS.high:
            return
        numbers = {row[0][len(USER) :] for row in rows if row[0].startswith(USER)}
        user_ids = {int(number) for number in numbers if number.isdecimal()}
        if missing := self._keyring.missing(user_ids):
            found = self._connection.execute(KEYS, {"users": missing}, binary=True).fetchall()
            self._keyring.learn(missing, dict(found))
        self._keyring.trim(keep=len(user_ids))

    def _record(self, row: Row) -> Record | Poison:
        stream, version, position, topic, state, moment = row
        try:
            event = self._decode(stream, version, topic, state)
        except Undecodable as error:
            return Poison(stream, version, position, topic, instant_of(moment), str(error))
        # As `Record(...)` does it, in a third of the time.
        return new_tuple(
            Record,
            (
                event, stream, version, position, NOT_READ, instant_of(moment),
                NOT_READ, NOT_READ, NOT_READ, NOT_READ, NOT_READ, NOT_READ,
            ),
        )  # fmt: skip


new_tuple: Final = tuple.__new__


@contextmanager
def reading(database_url: str, master_key: bytes, end: int) -> Iterator[StreamReader]:
    """A reader on a connection of its own, in the role that cannot change the log."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.execute(CONNECT, {"statement_timeout_ms": str(STATEMENT_TIMEOUT_MS)})
        yield StreamReader(connection, master_key, end)
