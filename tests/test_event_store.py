"""The event store: personal data, old shapes and poison, groups and their callers, and lost answers."""

from __future__ import annotations

import asyncio
import itertools
import sys
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest

from events.appender import LARGE_GROUP_APPENDS
from events.claims import Claimed
from events.connections import Connection, Connections
from events.errors import DuplicateCommand, Erased, OutcomeUnknown, Rejected, Stale, Unavailable, Undecodable
from events.event import TYPES, Event, Poison, Record
from events.keys import Keyring, WrongMasterKey
from events.log import Appended, Guard, Log, Metadata, RawAppend, RawEvent
from events.mapper import ERASED
from events.memory import MemoryLog
from events.migrate import migrate
from events.postgres import Bounds, open_log
from events.private import EndSessions, SetPassword
from events.store import Append, EventStore, open_store
from events.tasks import TaskAssigned, TaskDeleted, TaskHoursBooked, TaskStatusChanged
from events.users import PasswordChanged, UserRegistered, UserRenamed
from tests.proxy import Proxy, proxied
from tests.servers import own_postgres, short_folder

MASTER_KEY = bytes(range(32))
ANA = UserRegistered(1, "ana", "ana@example.org", "Ana", "Núñez", "user", None, True, 0)
numbers = itertools.count(1)


@asynccontextmanager
async def opened(log: Log, **settings: Any) -> AsyncIterator[EventStore]:
    async with EventStore(log, Keyring(MASTER_KEY), **settings) as store:
        yield store


@pytest.fixture
async def store(log: Log) -> AsyncIterator[EventStore]:
    async with opened(log) as store:
        yield store


def appending(*events: Event, start: int = 1, **more: Any) -> Append:
    """An append of events of one stream, from version `start` on."""
    return Append(f"command-{next(numbers)}", tuple(zip(events, itertools.count(start))), **more)


async def put(log: Log, stream: str, version: int, topic: str, state: bytes) -> None:
    raw = RawEvent(stream, version, topic, state, f"00000000-0000-4000-9000-{next(numbers):012}")
    [outcome] = await log.append_group([RawAppend(f"raw-{next(numbers)}", (raw,))])
    assert isinstance(outcome, Appended)


async def read_one(log: Log, stream: str) -> Event:
    """The stream's first event, read by a store that has seen nothing before."""
    return (await EventStore(log, Keyring(MASTER_KEY)).read_stream(stream))[0].event


# Events and records


async def test_records_come_back_as_the_events_that_went_in(store: EventStore) -> None:
    credit = {"user_id": 1, "centihours": 150, "hourly_rate_cents": 4000, "cost_cents": 6000}
    events = (TaskAssigned(5, (3, 1)), TaskHoursBooked(5, 150, (credit,)), TaskStatusChanged(5, "completed"))
    appended = await store.append(appending(*events, metadata=Metadata(7, "admin", request_id="req_1")))
    records = await store.read_stream("task-5")
    assert tuple(record.event for record in records) == events
    assert [record.version for record in records] == [1, 2, 3]
    assert records == await store.read(0, 10)
    assert records[2].position == appended.position == await store.head()
    assert {(one.actor_id, one.actor_role, one.request_id) for one in records} == {(7, "admin", "req_1")}
    assert len({record.event_id for record in records}) == 3


async def test_news_of_streams_are_what_came_after_the_known_version(store: EventStore) -> None:
    await store.append(appending(TaskDeleted(1), TaskStatusChanged(1, "x"), TaskStatusChanged(1, "y")))
    records = await store.read_stream("task-1")
    assert await store.read_since({"task-1": 0, "task-2": 0}) == {"task-1": records, "task-2": []}
    assert await store.read_since({"task-1": 2}) == {"task-1": records[2:]}
    assert await store.read_since({"task-1": 3}) == {"task-1": []}
    assert await store.read_since({"task-1": 4, "task-2": 1}) == {"task-1": None, "task-2": None}


async def test_a_stale_append_is_refused(store: EventStore) -> None:
    await store.append(appending(TaskStatusChanged(5, "pending")))
    with pytest.raises(Stale):
        await store.append(appending(TaskStatusChanged(5, "completed")))
    with pytest.raises(Stale):
        await store.append(appending(TaskDeleted(6), guards=(Guard("task-5", 2),)))


async def test_records_of_a_history_have_its_own_time(store: EventStore) -> None:
    then = "2024-05-06T07:08:09.000001Z"
    appended = await store.append(appending(TaskDeleted(1), TaskStatusChanged(1, "x"), recorded_at=then))
    present = await store.append(appending(TaskDeleted(2)))
    assert appended == Appended(2, then)
    assert [one.recorded_at for one in await store.read(0, 10)] == [then, then, present.recorded_at]
    assert present.recorded_at > then


async def test_a_command_id_is_taken_once(store: EventStore) -> None:
    first = await store.append(Append("once", ((TaskDeleted(1), 1),)))
    with pytest.raises(DuplicateCommand):
        await store.append(Append("once", ((TaskDeleted(2), 1),)))
    assert await store.outcome("once") == first


async def test_what_json_cannot_hold_is_refused_before_it_reaches_the_log(store: EventStore) -> None:
    for value in ("\ud800", 2**70, {1, 2}):
        with pytest.raises(Rejected, match="JSON"):
            await store.append(appending(TaskStatusChanged(5, value)))  # type: ignore[arg-type]
    assert await store.head() == 0


# Personal data


async def test_the_log_holds_nothing_that_identifies_a_person(log: Log, store: EventStore) -> None:
    claim = store.keyring.claim_key("email", ANA.email)
    await store.append(
        Append("register", ((ANA, 1), (PasswordChanged(1), 2), (Claimed(claim, "user-1"), 1)), private=(
            SetPassword(1, "$argon2id$v=19$secret"), EndSessions(1),
        ))
    )  # fmt: skip
    for stored in await log.read(0, 10):
        text = f"{stored.stream} {stored.topic} {stored.state.decode()} {stored[5:]}".lower()
        for word in ("ana", "example", "núñez", "argon2", "secret"):
            assert word not in text


async def test_a_person_is_read_by_whoever_has_the_master_key(log: Log, store: EventStore) -> None:
    await store.append(appending(ANA, UserRenamed(1, "anna")))
    assert await read_one(log, "user-1") == ANA
    stranger = EventStore(log, Keyring(bytes(32)))
    with pytest.raises(WrongMasterKey, match="user 1"):
        await stranger.read(0, 10)


async def test_a_destroyed_key_erases_the_person_and_takes_nothing_new(
    log_place: str | None, log: Log
) -> None:
    async with opened(log) as store:
        await store.append(appending(ANA, PasswordChanged(1)))
    destroy_key(log, log_place, 1)
    assert await read_one(log, "user-1") == UserRegistered(
        1, ERASED, ERASED, ERASED, ERASED, "user", None, True, 0
    )
    async with opened(log) as store:
        with pytest.raises(Erased):
            await store.append(appending(UserRenamed(1, "anna"), start=3))
        await store.append(appending(PasswordChanged(1), start=3))
        assert len(await store.read(0, 10)) == 3


def destroy_key(log: Log, database_url: str | None, user_id: int) -> None:
    if isinstance(log, MemoryLog):
        del log.keys[user_id]
        return
    assert database_url is not None
    with psycopg.connect(database_url) as connection:
        connection.execute("delete from user_keys where user_id = %s", [user_id])


async def test_a_refused_newcomer_may_try_again(store: EventStore) -> None:
    """The key made for the first attempt was never stored, so the second needs another."""
    await store.append(appending(TaskStatusChanged(5, "pending")))
    with pytest.raises(Stale):
        await store.append(appending(ANA, guards=(Guard("task-5", 0),)))
    await store.append(appending(ANA))
    assert (await store.read_stream("user-1"))[0].event == ANA


async def test_ciphertext_cannot_be_moved(log: Log, store: EventStore) -> None:
    await store.append(appending(ANA, UserRenamed(1, "anna")))
    await store.append(appending(UserRegistered(2, "bob", "b@example.org", "B", "Ob", "user", None, True, 0)))
    renamed = (await log.read_streams(["user-1"]))["user-1"][1]
    await put(log, "user-1", 3, renamed.topic, renamed.state)
    await put(log, "user-2", 2, renamed.topic, renamed.state)
    found = await store.read(0, 10)
    assert [type(one) for one in found] == [Record, Record, Record, Poison, Poison]
    assert "ciphertext" in str(found[3])


async def test_keys_beyond_the_bound_are_looked_up_again(log: Log) -> None:
    people = [
        UserRegistered(n, f"user{n}", f"{n}@x.org", "", "", "user", None, True, 0) for n in range(1, 30)
    ]
    async with EventStore(log, Keyring(MASTER_KEY, users_max=5)) as store:
        await asyncio.gather(*(store.append(appending(person)) for person in people))
        for limit in (100, 3):
            records = [one for after in range(0, 29, limit) for one in await store.read(after, limit)]
            assert {one.event for one in records if isinstance(one, Record)} == set(people)


def test_claims_do_not_depend_on_case_or_form() -> None:
    keyring = Keyring(MASTER_KEY)
    assert keyring.claim_key("username", "Ana") == keyring.claim_key("username", "ANA")
    assert keyring.claim_key("username", "\u212bsa") == keyring.claim_key("username", "a\u030asa")
    assert keyring.claim_key("username", "ana") != keyring.claim_key("email", "ana")
    assert keyring.claim_key("username", "ana") != Keyring(bytes(32)).claim_key("username", "ana")


def test_personal_fields_belong_to_users() -> None:
    with pytest.raises(TypeError, match="streams of users"):

        @dataclass(frozen=True, slots=True)
        class Noted(Event):
            TOPIC = "test.noted"
            STREAM = "note"
            ID = "note_id"
            PERSONAL = frozenset({"name"})

            note_id: int
            name: str


# Old shapes and poison


@dataclass(frozen=True, slots=True)
class Weighed(Event):
    """Version 1 had pounds, version 2 grams, version 3 says by whom, and has several."""

    TOPIC = "test.weighed"
    STREAM = "scales"
    class_version = 3

    grams: tuple[int, ...]
    by: str

    @staticmethod
    def upcast_v1_v2(state: dict[str, Any]) -> None:
        state["grams"] = state.pop("pounds") * 454

    @staticmethod
    def upcast_v2_v3(state: dict[str, Any]) -> None:
        state |= {"grams": [state["grams"]], "by": "nobody"}


# Other tests go through all the types that there are, and this one is not TaskLedger's.
del TYPES[Weighed.TOPIC]


@pytest.fixture
def weighing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(TYPES, Weighed.TOPIC, Weighed)


async def test_every_old_shape_is_read_as_the_present_one(
    weighing: None, log: Log, store: EventStore
) -> None:
    await put(log, "scales", 1, "test.weighed", b'{"pounds":2}')
    await put(log, "scales", 2, "test.weighed", b'{"grams":900,"class_version":2}')
    await store.append(appending(Weighed((1, 2), "ana"), start=3))
    assert [record.event for record in await store.read_stream("scales")] == [
        Weighed((908,), "nobody"),
        Weighed((900,), "nobody"),
        Weighed((1, 2), "ana"),
    ]
    assert b'"class_version":3' in (await log.read(2, 1))[0].state


@pytest.mark.parametrize(
    ("topic", "state", "reason"),
    [
        ("risk.invented", b"{}", "no event type is called 'risk.invented'"),
        ("antigravity:fly", b"{}", "no event type"),
        ("task.deleted", b"{", "JSONDecodeError"),
        ("task.deleted", b"\xff\xfe", "JSONDecodeError"),
        ("task.deleted", b"[]", "task.deleted cannot be read"),
        ("task.deleted", b"{}", "task_id"),
        ("task.deleted", b'{"task_id":1,"colour":"red"}', "colour"),
        ("task.deleted", b'{"task_id":1,"class_version":2}', "written by newer code"),
        ("task.assigned", b'{"task_id":1,"assignee_ids":null}', "TypeError"),
        ("test.weighed", b'{"pounds":null}', "TypeError"),
        ("user.renamed", b'{"user_id":1,"personal":{"username":"?"}}', "streams of users"),
    ],
)
async def test_what_cannot_be_decoded_keeps_its_place(
    log: Log, store: EventStore, topic: str, state: bytes, reason: str
) -> None:
    await store.append(appending(TaskDeleted(1)))
    await put(log, "strange", 1, topic, state)
    await store.append(appending(TaskDeleted(2)))
    before, poison, after = await store.read(0, 10)
    assert isinstance(before, Record)
    assert isinstance(after, Record)
    assert isinstance(poison, Poison)
    assert poison[:4] == ("strange", 1, 2, topic)
    assert before.recorded_at <= poison.recorded_at <= after.recorded_at
    assert reason in poison.error
    with pytest.raises(Undecodable, match=topic):
        await store.read_stream("strange")
    assert "antigravity" not in sys.modules


async def test_a_user_stream_without_a_number_is_poison(log: Log, store: EventStore) -> None:
    await put(log, "user-ana", 1, "user.renamed", b'{"user_id":1,"personal":{"username":"?"}}')
    assert isinstance((await store.read(0, 10))[0], Poison)


# Groups and their callers


class Gate(MemoryLog):
    """A log whose groups wait before the door until it is opened."""

    def __init__(self) -> None:
        super().__init__()
        self.door = asyncio.Event()
        self.groups: list[list[str]] = []

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        self.groups.append([append.command_id for append in appends])
        await self.door.wait()
        return await super().append_group(appends)


async def test_callers_racing_for_one_stream_win_each_version_once(store: EventStore) -> None:
    async def update(caller: int) -> int:
        while True:
            version = len(await store.read_stream("task-5")) + 1
            try:
                await store.append(appending(TaskStatusChanged(5, f"by {caller}"), start=version))
            except Stale:
                continue
            return version

    versions = await asyncio.gather(*(update(caller) for caller in range(16)))
    assert sorted(versions) == list(range(1, 17))
    assert len({record.event for record in await store.read_stream("task-5")}) == 16


async def test_appends_gather_while_a_group_is_under_way() -> None:
    log = Gate()
    async with opened(log, append_batch_max=4) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(10)]
        await asyncio.sleep(0.01)
        log.door.set()
        positions = [(await caller).position for caller in callers]
    assert positions == list(range(1, 11))
    assert [len(group) for group in log.groups] == [4, 4, 2]


async def started(store: EventStore, *streams: int, start: int = 1) -> list[asyncio.Task[Appended]]:
    """One append for each stream, once they have reached the appender."""
    callers = [
        asyncio.create_task(store.append(appending(TaskStatusChanged(stream, "x"), start=start)))
        for stream in streams
    ]
    await asyncio.sleep(0.01)
    return callers


async def test_a_large_group_goes_beside_the_one_under_way() -> None:
    log = Gate()
    async with opened(log) as store:
        callers = await started(store, 0)
        callers += await started(store, *range(1, LARGE_GROUP_APPENDS))
        assert [len(group) for group in log.groups] == [1]
        callers += await started(store, LARGE_GROUP_APPENDS)
        callers += await started(store, *range(100, 100 + LARGE_GROUP_APPENDS))
        assert [len(group) for group in log.groups] == [1, LARGE_GROUP_APPENDS], "no third one"
        log.door.set()
        positions = [(await caller).position for caller in callers]
    assert sorted(positions) == list(range(1, 2 * LARGE_GROUP_APPENDS + 2))


async def test_many_who_wait_are_shared_between_two_groups() -> None:
    log = Gate()
    async with opened(log) as store:
        callers = await started(store, *range(3 * LARGE_GROUP_APPENDS))
        assert [len(group) for group in log.groups] == [3 * LARGE_GROUP_APPENDS // 2] * 2
        log.door.set()
        await asyncio.gather(*callers)


async def test_groups_under_way_do_not_meet() -> None:
    log = Gate()
    async with opened(log) as store:
        callers = await started(store, 0)
        callers += await started(store, 0, start=2)
        callers += await started(store, *range(1, LARGE_GROUP_APPENDS))
        first, beside = log.groups
        guarding = asyncio.create_task(store.append(appending(TaskDeleted(77), guards=(Guard("task-0", 2),))))
        await asyncio.sleep(0.01)
        log.door.set()
        assert (await callers[1]).position == LARGE_GROUP_APPENDS + 1
        assert (await guarding).position == LARGE_GROUP_APPENDS + 2
        await asyncio.gather(*callers)
    assert (len(first), len(beside)) == (1, LARGE_GROUP_APPENDS - 1)


async def test_those_who_left_hold_up_nobody_behind_them() -> None:
    log = Gate()
    async with opened(log, append_batch_max=1) as store:
        callers = await started(store, *range(6))
        for caller in callers[1:5]:
            caller.cancel()
        await asyncio.sleep(0.01)
        log.door.set()
        async with asyncio.timeout(1):
            assert [(await caller).position for caller in (callers[0], callers[5])] == [1, 2]


async def test_groups_side_by_side_leave_no_gap(database_url: str) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        calls = (store.append(appending(TaskDeleted(n), metadata=Metadata(n))) for n in range(1, 401))
        positions = [appended.position for appended in await asyncio.gather(*calls)]
        records = [each for each in await store.read(0, 1000) if isinstance(each, Record)]
    assert sorted(positions) == list(range(1, 401)) == [record.position for record in records]
    told = {record.position: record.actor_id for record in records}
    assert [told[position] for position in positions] == list(range(1, 401))


async def test_appends_to_one_stream_keep_their_order() -> None:
    log = Gate()
    async with opened(log) as store:
        callers = [
            asyncio.create_task(store.append(appending(TaskStatusChanged(stream, "x"), start=version)))
            for version in (1, 2, 3)
            for stream in (1, 2)
        ]
        await asyncio.sleep(0.01)
        log.door.set()
        positions = [(await caller).position for caller in callers]
    assert positions == [1, 2, 3, 4, 5, 6]
    assert [len(group) for group in log.groups] == [2, 2, 2]


async def test_a_full_queue_says_so_at_once() -> None:
    log = Gate()
    async with opened(log, append_batch_max=1, append_queue_max=5) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(0))))]
        await asyncio.sleep(0.01)
        callers += [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(1, 6)]
        await asyncio.sleep(0.01)
        async with asyncio.timeout(0.5):
            with pytest.raises(Unavailable, match="too many"):
                await store.append(appending(TaskDeleted(99)))
        log.door.set()
        assert [(await caller).position for caller in callers] == [1, 2, 3, 4, 5, 6]


async def test_a_caller_who_leaves_costs_nobody_else_anything() -> None:
    log = Gate()
    async with opened(log, append_batch_max=2) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(5)]
        await asyncio.sleep(0.01)
        callers[0].cancel()  # already with the database: it may get in
        callers[2].cancel()  # still waiting: it is dropped
        await asyncio.sleep(0.01)
        log.door.set()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        deleted = {one.event for one in await store.read(0, 10) if isinstance(one, Record)}
    assert [isinstance(outcome, Appended) for outcome in outcomes] == [False, True, False, True, True]
    assert deleted == {TaskDeleted(0), TaskDeleted(1), TaskDeleted(3), TaskDeleted(4)}


async def test_closing_writes_what_waits_and_refuses_what_comes() -> None:
    log = Gate()
    async with opened(log, append_batch_max=1) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(3)]
        await asyncio.sleep(0.01)
        log.door.set()
    assert [(await caller).position for caller in callers] == [1, 2, 3]
    with pytest.raises(Unavailable, match="not open"):
        await store.append(appending(TaskDeleted(9)))


async def test_closing_does_not_wait_for_ever() -> None:
    log = Gate()
    async with opened(log, append_batch_max=1, stop_timeout_s=0.1) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(2)]
        await asyncio.sleep(0.01)
    under_way, waiting = await asyncio.gather(*callers, return_exceptions=True)
    assert isinstance(under_way, OutcomeUnknown)
    assert isinstance(waiting, Unavailable)


class Picky(MemoryLog):
    """A log that takes no group, and is slow with everything."""

    def __init__(self) -> None:
        super().__init__()
        self.groups = 0

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        self.groups += 1
        if len(appends) > 1:
            raise Rejected("not like this")
        await asyncio.sleep(60)
        return await super().append_group(appends)


async def test_closing_answers_also_those_whose_group_is_written_singly() -> None:
    log = Picky()
    async with opened(log, stop_timeout_s=0.1) as store:
        callers = [asyncio.create_task(store.append(appending(TaskDeleted(n)))) for n in range(3)]
        await asyncio.sleep(0.01)
        assert log.groups == 2
    async with asyncio.timeout(1):
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [OutcomeUnknown, Unavailable, Unavailable]


class Fragile(MemoryLog):
    """A log that fails in a way nobody foresaw, once."""

    broken = True

    async def append_group(self, appends: Sequence[RawAppend]) -> list[Appended | Exception]:
        if self.broken:
            self.broken = False
            raise ZeroDivisionError("unforeseen")
        return await super().append_group(appends)


async def test_the_writer_survives_the_unforeseen(caplog: pytest.LogCaptureFixture) -> None:
    async with opened(Fragile()) as store:
        with pytest.raises(OutcomeUnknown, match="unforeseen"):
            await store.append(appending(TaskDeleted(1)))
        assert (await store.append(appending(TaskDeleted(1)))).position == 1
    assert "unforeseen" in caplog.text


async def test_content_that_postgres_refuses_harms_its_own_append_only(database_url: str) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        outcomes = await asyncio.gather(
            store.append(appending(TaskDeleted(1))),
            store.append(appending(TaskDeleted(2), metadata=Metadata(user_agent="a\x00b"))),
            store.append(appending(TaskDeleted(3), metadata=Metadata(user_agent="\ud800"))),
            store.append(appending(TaskDeleted(4), metadata=Metadata(actor_id=2**70))),
            store.append(appending(TaskDeleted(6), metadata=Metadata(dialect={"no": "text"}))),  # type: ignore[arg-type]
            store.append(appending(TaskDeleted(7), private=(SetPassword(1, b"no text"),))),  # type: ignore[arg-type]
            store.append(appending(TaskDeleted(5))),
            return_exceptions=True,
        )
        assert [type(outcome) for outcome in outcomes] == [Appended, *[Rejected] * 5, Appended]
        assert await store.head() == 2


# Private rows in Postgres


async def test_private_rows_are_written_with_their_command(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "insert into sessions (token_hash, user_id, expires_at) "
            "select uuid_send(gen_random_uuid()), user_id, now() from unnest(array[1, 1, 2]) user_id"
        )
    async with open_store(database_url, MASTER_KEY) as store:
        await store.append(appending(PasswordChanged(1), private=(SetPassword(1, "first"),)))
        with pytest.raises(Stale):
            await store.append(
                appending(PasswordChanged(1), private=(SetPassword(1, "never"), EndSessions(2)))
            )
        who = Metadata(1, "user", "taskflow", "req_2", address="10.0.0.1", user_agent="curl")
        await store.append(
            appending(PasswordChanged(1), start=2, private=(SetPassword(1, "second"),), metadata=who)
        )
    with psycopg.connect(database_url) as connection:
        assert connection.execute("select user_id, password_hash from credentials").fetchall() == [
            (1, "second")
        ]
        assert connection.execute("select user_id from sessions").fetchall() == [(2,)]
        assert connection.execute(
            "select request_id, address, user_agent, actor_id, dialect from requests"
        ).fetchall() == [("req_2", "10.0.0.1", "curl", 1, "taskflow")]


async def test_what_is_kept_for_a_while_counts_from_when_it_came(database_url: str) -> None:
    """Commands and requests of a history would otherwise be purged before they were settled."""
    then = "2024-05-06T07:08:09.000001Z"
    who = Metadata(1, "user", "cli", "req_3")
    async with open_store(database_url, MASTER_KEY) as store:
        secret = (SetPassword(1, "first"),)
        await store.append(appending(ANA, private=secret, metadata=who, recorded_at=then))
    with psycopg.connect(database_url) as connection:
        recent = "now() - interval '1 hour'"
        assert connection.execute(
            "select recorded_at = %s::timestamptz, created_at > " + recent + " from commands", [then]
        ).fetchall() == [(True, True)]
        assert connection.execute(f"select at > {recent} from requests").fetchall() == [(True,)]
        for table, column in (("credentials", "changed_at"), ("user_keys", "created_at")):
            kept = connection.execute(f"select {column} = %s::timestamptz from {table}", [then]).fetchall()
            assert kept == [(True,)]


async def test_a_deadlock_over_request_ids_costs_nobody_an_append(database_url: str) -> None:
    """Clients choose request ids, and a batch of finished requests may meet a group in the other order."""
    by_hand = await psycopg.AsyncConnection.connect(database_url)
    async with by_hand, open_store(database_url, MASTER_KEY) as store:
        await store.append(appending(TaskDeleted(1)))
        keep = "insert into requests (request_id) values (%s) on conflict do nothing"
        await by_hand.execute(keep, ["req_last"])
        callers = [
            asyncio.create_task(
                store.append(appending(TaskDeleted(n), metadata=Metadata(request_id=request_id)))
            )
            for n, request_id in ((2, "req_first"), (3, "req_last"))
        ]
        await asyncio.sleep(0.3)
        meeting = asyncio.create_task(by_hand.execute(keep, ["req_first"]))
        await asyncio.wait([meeting], timeout=3)
        await by_hand.commit()
        outcomes = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [Appended, Appended]


# Lost answers

QUICK = Bounds(connect_timeout_s=0.5, read_timeout_s=0.5, append_timeout_s=0.6, outcome_timeout_s=1.0)


@pytest.fixture
def folder() -> Iterator[Path]:
    with short_folder() as folder:
        yield folder


@pytest.fixture
async def proxy(database_url: str, folder: Path) -> AsyncIterator[Proxy]:
    async with proxied(database_url, folder) as proxy:
        yield proxy


async def test_a_lost_answer_is_found_out_and_the_command_is_there_once(proxy: Proxy) -> None:
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(appending(TaskStatusChanged(5, "pending")))
        proxy.lose_answer_to = b"lost-1"
        appended = await store.append(Append("lost-1", ((TaskStatusChanged(5, "in_progress"), 2),)))
        assert proxy.lost == 1
        assert appended == await store.outcome("lost-1")
        assert [record.version for record in await store.read_stream("task-5")] == [1, 2]


async def test_a_lost_answer_keeps_its_own_time(proxy: Proxy) -> None:
    then = "2024-05-06T07:08:09.000001Z"
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(Append("before", ((TaskDeleted(1), 1),), recorded_at=then))
        proxy.lose_answer_to = b"lost-4"
        assert await store.append(Append("lost-4", ((TaskDeleted(5), 1),), recorded_at=then)) == (2, then)
        assert proxy.lost == 1


async def test_a_lost_question_is_asked_again(proxy: Proxy) -> None:
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(appending(TaskDeleted(1)))
        proxy.lose_question_with = b"lost-0"
        assert (await store.append(Append("lost-0", ((TaskDeleted(5), 1),)))).position == 2
        assert proxy.lost == 1


async def test_a_lost_refusal_stays_a_refusal(proxy: Proxy) -> None:
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(Append("first", ((TaskDeleted(5), 1),)))
        proxy.lose_answer_to = b"lost-2"
        with pytest.raises(Stale):
            await store.append(Append("lost-2", ((TaskDeleted(5), 1),)))
        proxy.lose_answer_to = b"first"
        with pytest.raises(DuplicateCommand):
            await store.append(Append("first", ((TaskDeleted(5), 2),)))
        assert proxy.lost == 2
        assert await store.head() == 1


async def test_when_nobody_can_be_asked_the_outcome_is_unknown_until_somebody_can(proxy: Proxy) -> None:
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(appending(TaskDeleted(1)))
        proxy.lose_answer_to, proxy.stays_away_then = b"lost-3", True
        with pytest.raises(OutcomeUnknown):
            await store.append(Append("lost-3", ((TaskDeleted(5), 1),)))
        with pytest.raises(Unavailable):
            await store.append(appending(TaskDeleted(2)))
        with pytest.raises(OutcomeUnknown):
            await store.outcome("lost-3")
        proxy.stays_away = False
        assert await store.outcome("lost-3") == Appended(2, (await store.read(1, 1))[0].recorded_at)
        with pytest.raises(DuplicateCommand):
            await store.append(Append("lost-3", ((TaskDeleted(5), 1),)))


async def test_a_frozen_server_holds_nobody_beyond_the_bounds(proxy: Proxy) -> None:
    async with open_store(proxy.url, MASTER_KEY, bounds=QUICK) as store:
        await store.append(appending(TaskDeleted(1)))
        await store.head()
        proxy.freeze()
        loop = asyncio.get_running_loop()
        started = loop.time()
        with pytest.raises(Unavailable):
            await store.head()
        assert loop.time() - started < 2.0
        started = loop.time()
        with pytest.raises(OutcomeUnknown):
            await store.append(appending(TaskDeleted(2)))
        assert loop.time() - started < 2.5
        proxy.thaw()
        assert (await store.append(appending(TaskDeleted(3)))).position in (2, 3)


async def test_a_cancelled_reader_leaves_the_connection_in_order(database_url: str) -> None:
    bounds = Bounds(read_connections_max=1)
    async with open_store(database_url, MASTER_KEY, bounds=bounds) as store:
        for _ in range(20):
            reading = asyncio.create_task(store.read(0, 10))
            await asyncio.sleep(0)
            reading.cancel()
        async with asyncio.timeout(2):
            assert await store.read(0, 10) == []


async def test_a_store_finds_its_database_again(database_url: str) -> None:
    """Every connection is ended by the server, as in a restart."""
    async with open_store(database_url, MASTER_KEY) as store:
        for n in range(1, 6):
            waiting = asyncio.create_task(store.wait(n - 1, 5))
            assert (await store.append(appending(TaskDeleted(n)))).position == n
            assert await waiting
            end_connections(database_url)
            assert await store.head() == n


def end_connections(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid, 1000) from pg_stat_activity "
            "where datname = current_database() and pid <> pg_backend_pid()"
        )


async def test_the_feed_outlives_a_notification_that_makes_no_sense(database_url: str) -> None:
    async with open_log(database_url, Bounds(poll_interval_s=60)) as log:
        assert not await log.wait(0, 0.3)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as by_hand:
            await by_hand.execute("notify taskledger_events, 'nonsense'")
        await asyncio.sleep(0.5)
        await put(log, "task-1", 1, "task.deleted", b'{"task_id":1}')
        assert await log.wait(0, 2)


async def test_the_feed_outlives_its_listener(database_url: str) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        for n in range(1, 5):
            waiting = asyncio.create_task(store.wait(n - 1, 10))
            await asyncio.sleep(0.3)
            end_connections(database_url)
            await store.append(appending(TaskDeleted(n)))
            async with asyncio.timeout(2):
                assert await waiting


async def test_a_notification_wakes_at_once(database_url: str) -> None:
    bounds = Bounds(poll_interval_s=30.0)
    async with (
        open_store(database_url, MASTER_KEY, bounds=bounds) as reader,
        open_store(database_url, MASTER_KEY) as writer,
    ):
        assert not await reader.wait(0, 0.5)
        waiting = asyncio.create_task(reader.wait(0, 10))
        await asyncio.sleep(0)
        await writer.append(appending(TaskDeleted(1)))
        async with asyncio.timeout(1):
            assert await waiting


@pytest.fixture
def waiting_for_a_standby() -> Iterator[str]:
    """A Postgres of its own whose commits wait for a standby that does not exist."""
    with short_folder() as folder, own_postgres(folder) as postgres:
        url = postgres.url("postgres")
        migrate(url)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("alter system set synchronous_standby_names = 'nowhere'")
            connection.execute("select pg_reload_conf()")
        yield url


async def test_a_wait_for_the_standby_that_is_cut_short_is_an_unknown_outcome(
    waiting_for_a_standby: str,
) -> None:
    """PostgreSQL reports success with a warning; after a failover the event might be gone."""
    async with open_store(waiting_for_a_standby, MASTER_KEY) as store:
        waiting = asyncio.create_task(store.append(appending(TaskDeleted(1))))
        await asyncio.sleep(0.5)
        assert not waiting.done()
        cancel_commits(waiting_for_a_standby)
        with pytest.raises(OutcomeUnknown, match="standby"):
            await waiting


def cancel_commits(url: str, how: str = "pg_cancel_backend") -> None:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(f"select {how}(pid) from pg_stat_activity where wait_event = 'SyncRep'".encode())


async def test_who_is_cut_off_while_waiting_for_the_standby_is_not_told_of_success(
    waiting_for_a_standby: str,
) -> None:
    """The command is in the log then and can be seen, but the standby may never have heard of it."""
    bounds = Bounds(append_timeout_s=1.0, outcome_timeout_s=1.5)
    append = appending(TaskDeleted(1))
    async with open_store(waiting_for_a_standby, MASTER_KEY, bounds=bounds) as store:
        waiting = asyncio.create_task(store.append(append))
        await asyncio.sleep(0.5)
        cancel_commits(waiting_for_a_standby, "pg_terminate_backend")
        with pytest.raises(OutcomeUnknown):
            await waiting
        assert await store.head() == 1
        with pytest.raises(OutcomeUnknown):
            await store.outcome(append.command_id)


async def test_a_change_beside_the_log_that_the_standby_may_lack_is_unknown_too(
    waiting_for_a_standby: str,
) -> None:
    connections = Connections(waiting_for_a_standby)

    async def change(connection: Connection) -> None:
        await connection.execute("insert into generations (fingerprint) values (gen_random_uuid()::text)")

    for ask, expected in ((connections.run, OutcomeUnknown), (connections.read, Unavailable)):
        waiting = asyncio.create_task(ask(change))
        await asyncio.sleep(0.5)
        cancel_commits(waiting_for_a_standby)
        with pytest.raises(expected, match="standby"):
            await waiting
    await connections.close()


async def test_a_repeated_command_is_known_as_soon_as_the_standby_has_it(waiting_for_a_standby: str) -> None:
    append = appending(TaskDeleted(1))
    async with open_store(waiting_for_a_standby, MASTER_KEY) as store:
        waiting = asyncio.create_task(store.append(append))
        await asyncio.sleep(0.5)
        cancel_commits(waiting_for_a_standby)
        with pytest.raises(OutcomeUnknown):
            await waiting
        asking = asyncio.create_task(store.outcome(append.command_id))
        await asyncio.sleep(0.5)
        assert not asking.done()
        with psycopg.connect(waiting_for_a_standby, autocommit=True) as connection:
            connection.execute("alter system reset synchronous_standby_names")
            connection.execute("select pg_reload_conf()")
        outcome = await asking
        assert outcome is not None
        assert outcome.position == 1


async def test_histories_are_in_the_order_of_the_log_with_poison_in_its_place(
    log: Log, store: EventStore
) -> None:
    await put(log, "task-1", 1, "task.deleted", b'{"task_id":1}')
    await put(log, "task-2", 1, "task.imagined", b"{}")
    await put(log, "task-3", 1, "task.deleted", b'{"task_id":3}')
    await put(log, "task-1", 2, "task.deleted", b'{"task_id":1}')
    found = await store.histories(["task-2", "task-1", "task-9"])
    assert [(each.stream, each.position) for each in found] == [("task-1", 1), ("task-2", 2), ("task-1", 4)]
    assert [isinstance(each, Poison) for each in found] == [False, True, False]
    assert await store.read_at([4, 2]) == [found[1], found[2]]
    assert found[1] in await store.read(0, 10)
