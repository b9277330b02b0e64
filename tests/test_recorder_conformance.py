"""The library's own test cases for recorders, run on our logs, and its recorder on our table."""

from __future__ import annotations

import asyncio
import itertools
import threading
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeVar

import pytest
from eventsourcing.persistence import (
    ApplicationRecorder,
    IntegrityError,
    ListenNotifySubscription,
    Notification,
    ProgrammingError,
    StoredEvent,
    Subscription,
)
from eventsourcing.postgres import PostgresApplicationRecorder, PostgresDatastore
from eventsourcing.tests import persistence as library
from psycopg.conninfo import conninfo_to_dict

from events.errors import Stale
from events.log import Appended, Log, Metadata, RawAppend, RawEvent, Stored
from events.memory import MemoryLog
from events.postgres import Bounds, PostgresLog, open_log

T = TypeVar("T")
# The library's cases count versions from 0 here and there, our log counts from 1.
FIRST_VERSION = 1


class LoopThread:
    """An event loop of its own, for synchronous callers in any thread."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._thread.start()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        with self._lock:
            if self._closed:
                work.close()
                raise RuntimeError("the loop is closed")
            future = asyncio.run_coroutine_threadsafe(work, self._loop)
        return future.result(60)

    def close(self) -> None:
        """The library's subscriptions may leave a thread behind: let its last question be answered."""
        with self._lock:
            self._closed = True
        asyncio.run_coroutine_threadsafe(rest(), self._loop).result(60)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()


async def rest() -> None:
    await asyncio.gather(*asyncio.all_tasks() - {asyncio.current_task()}, return_exceptions=True)


class LogRecorder(ApplicationRecorder):
    """One of our logs in the library's clothes."""

    def __init__(self, log: Log, thread: LoopThread) -> None:
        self.log = log
        self.thread = thread

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        events = tuple(
            RawEvent(str(e.originator_id), e.originator_version + FIRST_VERSION, e.topic, e.state, new_id())
            for e in stored_events
        )
        [outcome] = self.thread.run(self.log.append_group([RawAppend(new_id(), events)]))
        if isinstance(outcome, Stale):
            raise IntegrityError(str(outcome))
        assert isinstance(outcome, Appended)
        return list(range(outcome.position - len(events) + 1, outcome.position + 1))

    def select_events(
        self,
        originator_id: uuid.UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        after = 0 if gt is None else gt + FIRST_VERSION
        found = self.thread.run(self.log.read_streams([str(originator_id)], after))[str(originator_id)]
        events = [as_stored_event(one) for one in found]
        wanted = [event for event in events if lte is None or event.originator_version <= lte]
        return (wanted[::-1] if desc else wanted)[:limit]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        after = 0 if start is None else start - 1 if inclusive_of_start else start
        last = self.thread.run(self.log.head()) if stop is None else stop
        found = self.thread.run(self.log.read(after, max(1, last - after)))
        wanted = (one for one in found if one.position <= last and (not topics or one.topic in topics))
        return [as_notification(one) for one in itertools.islice(wanted, limit)]

    def max_notification_id(self) -> int | None:
        return self.thread.run(self.log.head()) or None

    def subscribe(
        self, gt: int | None = None, topics: Sequence[str] = ()
    ) -> Subscription[ApplicationRecorder]:
        return LogSubscription(self, gt, topics)


class AggregateLogRecorder(LogRecorder):
    """The library's recorders without a global order answer no positions."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **more: Any) -> Sequence[int] | None:
        super().insert_events(stored_events, **more)
        return None


class LogSubscription(ListenNotifySubscription[LogRecorder]):
    """The library pulls; our feed tells it when."""

    def __init__(self, recorder: LogRecorder, gt: int | None, topics: Sequence[str]) -> None:
        super().__init__(recorder, gt, topics)
        self._listener = threading.Thread(target=self._listen)
        self._listener.start()

    def _listen(self) -> None:
        while not self._has_been_stopped:
            after = self._last_notification_id or 0
            if self._recorder.thread.run(self._recorder.log.wait(after, 0.2)):
                self._has_been_notified.set()

    def stop(self) -> None:
        super().stop()
        if self._listener is not threading.current_thread():
            self._listener.join(10)


def new_id() -> str:
    return str(uuid.uuid4())


def as_stored_event(stored: Stored) -> StoredEvent:
    return StoredEvent(stored.stream, stored.version - FIRST_VERSION, stored.topic, stored.state)


def as_notification(stored: Stored) -> Notification:
    event = as_stored_event(stored)
    return Notification(
        event.originator_id, event.originator_version, event.topic, event.state, stored.position
    )


@pytest.fixture(params=["memory", "postgres"])
def log_place(request: pytest.FixtureRequest) -> str | None:
    return request.getfixturevalue("database_url") if request.param == "postgres" else None


@pytest.fixture
def log(log_place: str | None) -> Iterator[tuple[Log, LoopThread]]:
    thread = LoopThread()
    try:
        if log_place is None:
            yield MemoryLog(), thread
            return
        opened = open_log(log_place, Bounds(read_connections_max=8))
        yield thread.run(opened.__aenter__()), thread
        thread.run(closed(opened))
    finally:
        thread.close()


async def closed(opened: AbstractAsyncContextManager[PostgresLog]) -> None:
    await opened.__aexit__(None, None, None)


def methods_of(case: type[library.RecorderTestCase]) -> list[str]:
    """All tests of a case: one that a later version of the library adds is run as well."""
    return [name for name in dir(case) if name.startswith(("test", "optional_test"))]


CASES = [
    pytest.param(case, method, recorder, id=f"{case.__name__}.{method}")
    for case, recorder in (
        (library.AggregateRecorderTestCase, AggregateLogRecorder),
        (library.ApplicationRecorderTestCase, LogRecorder),
        (library.NonInterleavingNotificationIDsBaseCase, LogRecorder),
    )
    for method in methods_of(case)
]


@pytest.mark.parametrize(("case", "method", "recorder_class"), CASES)
def test_our_logs_pass_the_library_s_cases(
    case: type[Any], method: str, recorder_class: type[LogRecorder], log: tuple[Log, LoopThread]
) -> None:
    """Tracking and process recorders are left out: our read models keep their own checkpoints."""

    class Conforming(case):  # type: ignore[misc]
        INITIAL_VERSION = 0

        def create_recorder(self) -> LogRecorder:
            return recorder_class(*log)

        def new_originator_id(self) -> str:
            return f"thing-{uuid.uuid4()}"

    getattr(Conforming(method), method)()


def test_the_cases_are_found() -> None:
    assert len(CASES) >= 7


# The other way round: the library's recorder on our table


@pytest.fixture
def stock_recorder(database_url: str) -> Iterator[PostgresApplicationRecorder]:
    where = conninfo_to_dict(database_url)
    datastore = PostgresDatastore(
        dbname=str(where["dbname"]),
        host=str(where["host"]),
        port=str(where.get("port") or 5432),
        user=str(where.get("user") or ""),
        password=str(where.get("password") or ""),
        originator_id_type="text",
    )
    with datastore:
        yield PostgresApplicationRecorder(datastore, events_table_name="stored_events")


async def written(database_url: str) -> list[Stored]:
    events = [
        RawEvent("task-1", 1, "task.created", b'{"n":1}', new_id()),
        RawEvent("task-1", 2, "task.deleted", b'{"n":2}', new_id()),
        RawEvent("task-2", 1, "task.created", b'{"n":3}', new_id()),
    ]
    async with open_log(database_url) as log:
        for event in events:
            await log.append_group([RawAppend(new_id(), (event,), metadata=Metadata(1, "admin"))])
        return await log.read(0, 10)


def test_the_stock_recorder_reads_our_log(
    database_url: str, stock_recorder: PostgresApplicationRecorder
) -> None:
    assert stock_recorder.max_notification_id() is None
    stored = asyncio.run(written(database_url))
    first, second, third = (StoredEvent(one.stream, one.version, one.topic, one.state) for one in stored)
    assert stock_recorder.max_notification_id() == 3
    assert stock_recorder.select_events("task-1") == [first, second]
    assert stock_recorder.select_events("task-1", desc=True, limit=1) == [second]
    assert stock_recorder.select_events("task-2", gt=0, lte=1) == [third]
    notifications = stock_recorder.select_notifications(start=1, limit=10)
    assert [(one.id, one.originator_id, one.originator_version, one.state) for one in notifications] == [
        (one.position, one.stream, one.version, one.state) for one in stored
    ]
    assert [one.id for one in stock_recorder.select_notifications(1, 10, topics=["task.created"])] == [1, 3]


def test_the_stock_recorder_cannot_write_past_our_lock(
    database_url: str, stock_recorder: PostgresApplicationRecorder
) -> None:
    with pytest.raises(ProgrammingError, match="stored_event_text"):
        stock_recorder.insert_events([StoredEvent("task-1", 1, "task.created", b"{}")])
    assert asyncio.run(read_all(database_url)) == []


async def read_all(database_url: str) -> list[Stored]:
    async with open_log(database_url) as log:
        return await log.read(0, 10)
