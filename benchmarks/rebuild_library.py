"""The library's way to a read model: its ProjectionRunner, event by event, into a table of documents.

It has less to do than we have: documents of the events' own streams only, without indexes, texts or sums.
"""

from __future__ import annotations

import time
from typing import Any

import orjson
from eventsourcing.application import Application
from eventsourcing.persistence import Mapper, Tracking
from eventsourcing.postgres import PostgresDatastore, PostgresTrackingRecorder
from eventsourcing.projection import Projection, ProjectionRunner
from psycopg.conninfo import conninfo_to_dict
from psycopg.sql import SQL

from events.event import Event, Record
from events.instants import now
from events.keys import Keyring
from events.mapper import EventMapper
from projections.catalogue import STEPS

WAIT_S = 600.0
CREATE = SQL(
    "create table if not exists library_documents"
    " (kind text, id text, document bytea, primary key (kind, id))"
).format()
FIND = "select document from library_documents where kind = %s and id = %s"
KEEP = (
    "insert into library_documents values (%s, %s, %s)"
    " on conflict (kind, id) do update set document = excluded.document"
)
REMOVE = "delete from library_documents where kind = %s and id = %s"


class Ledger(Application[str]):
    """Our log as the library reads it: it takes `stored_events` for this application's table."""

    name = "stored"

    def construct_mapper(self) -> Mapper[str]:
        return EventMapper(AnybodysKeyring(bytes(32)))


class AnybodysKeyring(Keyring):
    """People are of no matter here: their names are taken for erased, which costs the library nothing."""

    def cipher(self, _: int) -> None:
        return None


class Documents(PostgresTrackingRecorder):
    """Documents by kind and id, each change in one transaction with the position."""

    def __init__(self, datastore: PostgresDatastore, **named: Any) -> None:
        super().__init__(datastore, **named)
        self.sql_create_statements.append(CREATE)

    def take(self, event: Event, record: Record, tracking: Tracking) -> None:
        with self.datastore.transaction(commit=True) as cursor:
            for step in STEPS.get(type(event), ()):
                for key in () if step.group else step.touches(event):
                    found = cursor.execute(FIND, (step.kind, key)).fetchone()
                    before = None if found is None else orjson.loads(found["document"])
                    after = step.fold(before, event, record)
                    if after is None:
                        cursor.execute(REMOVE, (step.kind, key))
                    else:
                        cursor.execute(KEEP, (step.kind, key, orjson.dumps(after)))
            self._insert_tracking(cursor, tracking)


class Folding(Projection[Documents]):
    name = "folding"

    def process_event(self, domain_event: Any, tracking: Tracking) -> None:
        event, stream, version = (
            domain_event.event, domain_event.originator_id, domain_event.originator_version,
        )  # fmt: skip
        position = tracking.notification_id
        nobody = (None, None, None, None, None, None)
        self.view.take(event, Record(event, stream, version, position, "", now(), *nobody), tracking)


def library_rate(database_url: str, events: int) -> float:
    """Events a second, over the first `events` of the log."""
    started = time.perf_counter()
    with ProjectionRunner(
        application_class=Ledger,
        projection_class=Folding,
        view_class=Documents,
        env=environment(database_url),
    ) as runner:
        runner.wait(events, timeout=WAIT_S)
        return events / (time.perf_counter() - started)


def environment(database_url: str) -> dict[str, str]:
    where = {name: str(value) for name, value in conninfo_to_dict(database_url).items()}
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": where["dbname"],
        "POSTGRES_HOST": where["host"],
        "POSTGRES_PORT": where.get("port", "5432"),
        "POSTGRES_USER": where.get("user", ""),
        "POSTGRES_PASSWORD": where.get("password", "none"),
        "POSTGRES_ORIGINATOR_ID_TYPE": "text",
        "CREATE_TABLE": "y",
    }
