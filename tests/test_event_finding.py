"""Finding events: what PostgreSQL finds by reading everything, however far the index has got."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import psycopg
import pytest

from api.operators.asked import NoSuchMoment, beginning_of
from api.operators.event_queries import NoSuchQuery, Query, condition, criteria_of, find
from benchmarks.made_log import make_log
from events.connections import Connections
from events.criteria import Criteria, leaves
from events.finding import Finder, FindingBounds, Found, Wanted
from events.index import connections_to_fill, fill, keep_filling
from events.index_blocks import BLOCK
from events.index_pace import Batch, IndexBounds, Pace
from events.log import Stored
from events.postgres import PostgresLog, open_log
from events.store import Append, EventStore
from events.users import UserRegistered, UserRenamed
from tests.projecting import until

EVENTS = 5 * BLOCK + 700

FINDINGS: dict[str, tuple[Criteria, str]] = {
    "everything": (Criteria(), "true"),
    "a type": (Criteria(types=("task.hours_booked",)), "type = 'task.hours_booked'"),
    "types": (
        Criteria(types=("task.created", "task.assigned")),
        "type in ('task.created', 'task.assigned')",
    ),
    "a pattern": (Criteria(types=("task.*ed",)), "type like 'task.%ed'"),
    "one letter": (Criteria(types=("task.create?",)), "type = 'task.created'"),
    "a type that is not there": (Criteria(types=("risk.raised",)), "false"),
    "a pattern of none": (Criteria(types=("risk.*",)), "false"),
    "a stream": (Criteria(stream="task-77"), "stream = 'task-77'"),
    "no stream": (Criteria(stream="project-77"), "false"),
    "a stream and a type": (
        Criteria(stream="task-77", types=("task.status_changed",)),
        "stream = 'task-77' and type = 'task.status_changed'",
    ),
    "an actor": (Criteria(actor_id=13), "actor_id = 13"),
    "nobody": (Criteria(actor_id=999_999), "false"),
    "a request": (Criteria(request_id="req_c4ca4238a0b923820dcc"), "request_id = 'req_c4ca4238a0b923820dcc'"),
    "a text": (Criteria(fields=(("status", "completed"),)), "data->>'status' = 'completed'"),
    "a number": (Criteria(fields=(("project_id", 77),)), "(data->>'project_id')::int = 77"),
    "the number as a fraction": (Criteria(fields=(("project_id", 77.0),)), "(data->>'project_id')::int = 77"),
    "the number as a text": (Criteria(fields=(("project_id", "77"),)), "false"),
    "true is not 1": (Criteria(fields=(("project_id", True),)), "false"),
    "in a list": (
        Criteria(fields=(("assignee_ids", 20),)),
        "data->'assignee_ids' @> '20'",
    ),
    "twice in a list": (
        Criteria(fields=(("assignee_ids", 22), ("assignee_ids", 23))),
        "data->'assignee_ids' @> '[22, 23]'",
    ),
    "deeper": (Criteria(fields=(("credits.user_id", 30),)), "data->'credits' @> '[{\"user_id\": 30}]'"),
    "changes": (
        Criteria(fields=(("changes.title", "Task 3, better said"),)),
        "data->'changes'->>'title' = 'Task 3, better said'",
    ),
    "all at once": (
        Criteria(types=("task.created",), actor_id=162, fields=(("priority", "low"),)),
        "type = 'task.created' and actor_id = 162 and data->>'priority' = 'low'",
    ),
    "never both": (
        Criteria(types=("task.created",), fields=(("status", "completed"),)),
        "type = 'task.created' and data->>'status' = 'completed'",
    ),
}
SPANS = [(0, None), (BLOCK, 3 * BLOCK + 1), (1500, 1600), (5 * BLOCK - 5, 5 * BLOCK + 10), (EVENTS, None)]


@pytest.fixture
async def made(database_url: str) -> str:
    await asyncio.to_thread(make_log, database_url, EVENTS)
    return database_url


@asynccontextmanager
async def reading(url: str) -> AsyncIterator[tuple[PostgresLog, Connections]]:
    connections = Connections(url)
    try:
        async with open_log(url) as log:
            yield log, connections
    finally:
        await connections.close()


async def filled(url: str, batches: int, bounds: IndexBounds | None = None) -> list[int]:
    bounds = bounds or IndexBounds(batch_blocks_max=2)
    connections = connections_to_fill(url, bounds)
    try:
        return [await fill(connections, bounds) for _ in range(batches)]
    finally:
        await connections.close()


async def sql(url: str, query: str) -> list[tuple[Any, ...]]:
    def ask() -> list[tuple[Any, ...]]:
        with psycopg.connect(url, autocommit=True) as connection:
            cursor = connection.execute(query.encode())
            return cursor.fetchall() if cursor.description else []

    return await asyncio.to_thread(ask)


async def all_pages(
    finder: Finder, criteria: Criteria, span: tuple[int, int | None], **more: Any
) -> list[int]:
    """The positions on all pages, one page after the other."""
    after, before = span
    found: list[int] = []
    for _ in range(EVENTS):
        page = await finder.find(Wanted(criteria=criteria, after=after, before=before, **more))
        assert len(page.events) <= more["limit"]
        found += [event.position for event in page.events]
        if page.next is None:
            return found
        before, after = (page.next, after) if more["newest_first"] else (before, page.next)
    raise AssertionError("pages without an end")


@pytest.mark.parametrize("batches", [0, 2, 4], ids=["no index", "a part", "all blocks"])
async def test_pages_are_what_reading_everything_finds(made: str, batches: int) -> None:
    await filled(made, batches)
    async with reading(made) as (log, connections):
        finder = Finder(log, connections)
        assert await finder.index.complete_to() == min(2 * batches, EVENTS // BLOCK) * BLOCK
        for name, (criteria, condition_) in FINDINGS.items():
            expected = [
                row[0]
                for row in await sql(made, f"select position from events where {condition_} order by 1")
            ]
            assert expected or condition_ == "false" or "both" in name, name
            for after, before in SPANS:
                within = [each for each in expected if after < each < (before or EVENTS + 1)]
                for newest_first in (True, False):
                    found = await all_pages(
                        finder, criteria, (after, before), limit=700, newest_first=newest_first
                    )
                    assert found == (within[::-1] if newest_first else within), (name, after, before)


async def test_small_pages_and_small_bounds_find_the_same(made: str) -> None:
    await filled(made, 2)
    bounds = FindingBounds(rows_max=100, chunk_rows=40, round_rows=50, blocks_max=1)
    async with reading(made) as (log, connections):
        small, large = Finder(log, connections, bounds), Finder(log, connections)
        for name in ("an actor", "a stream", "deeper", "never both", "nobody", "all at once"):
            criteria = FINDINGS[name][0]
            for newest_first in (True, False):
                pages = [
                    await all_pages(finder, criteria, (0, None), limit=limit, newest_first=newest_first)
                    for finder, limit in ((small, 3), (large, 1000))
                ]
                assert pages[0] == pages[1], name


async def test_a_page_costs_no_more_than_its_bound_and_says_where_to_go_on(made: str) -> None:
    bounds = FindingBounds(rows_max=100, chunk_rows=40)
    async with reading(made) as (log, connections):
        page = await Finder(log, connections, bounds).find(
            Wanted(criteria=Criteria(actor_id=999_999), limit=5)
        )
    assert page == Found([], EVENTS - 120 + 1, 0, EVENTS)


@pytest.mark.parametrize("newest_first", [True, False])
async def test_common_conditions_that_never_meet_are_not_followed_through_the_whole_log(
    made: str, newest_first: bool
) -> None:
    await filled(made, 4)
    criteria = FINDINGS["never both"][0]
    bounds = FindingBounds(rows_max=500, round_rows=0, blocks_max=1, offsets_per_row=1)
    wanted = Wanted(criteria=criteria, limit=5, before=5 * BLOCK + 1, newest_first=newest_first)
    async with reading(made) as (log, connections):
        page = await Finder(log, connections, bounds).find(wanted)
        whole = await Finder(log, connections, replace(bounds, offsets_per_row=1_000_000)).find(wanted)
    assert page.events == whole.events == []
    assert whole.next is None
    # A block has 230 offsets or so at which one of the two conditions is met.
    assert page.next == (2 * BLOCK + 1 if newest_first else 3 * BLOCK), page


async def test_every_value_of_every_event_finds_it(made: str) -> None:
    await filled(made, 4)
    async with reading(made) as (log, connections):
        finder = Finder(log, connections)
        [some] = [stored for stored in await log.read(1500, 1) if stored.topic]
        for stored in (some, *await log.read(2040, 12)):
            for criteria in by_every_value(stored):
                page = await finder.find(Wanted(criteria=criteria, limit=1, before=stored.position + 1))
                assert [each.position for each in page.events] == [stored.position], criteria


def by_every_value(stored: Stored) -> Iterator[Criteria]:
    from events.criteria import payload_of

    assert stored.request_id
    yield Criteria(event_id=stored.event_id)
    yield Criteria(types=(stored.topic,))
    yield Criteria(request_id=stored.request_id)
    yield Criteria(actor_id=stored.actor_id)
    for path, value in leaves(payload_of(stored.state)):
        yield Criteria(fields=((path.removeprefix("data."), value),))


async def test_filling_stops_at_whole_blocks_and_goes_on_where_it_stopped(made: str) -> None:
    assert await filled(made, 1) == [2 * BLOCK]
    assert await filled(made, 4) == [2 * BLOCK, BLOCK, 0, 0]
    assert await sql(made, "select complete_to from event_index_state") == [(5 * BLOCK,)]


async def test_two_who_fill_at_once_count_nothing_twice(made: str) -> None:
    bounds = IndexBounds(batch_blocks_max=1)
    done = await asyncio.gather(*(filled(made, 8, bounds) for _ in range(3)))
    assert sum(map(sum, done)) == 5 * BLOCK
    by_dimension = "select dimension, sum(events)::int from event_counts group by 1 order by 1"
    assert await sql(made, by_dimension) == [
        (each, 5 * BLOCK) for each in ("actor", "category", "day", "type")
    ]


@pytest.mark.parametrize(
    "change",
    [
        "update log_identity set log_id = gen_random_uuid()",
        "update event_index_state set event_id = gen_random_uuid()",
        "update event_index_state set complete_to = 1000000 * 1024",
    ],
    ids=["another log", "another event there", "a log that went back"],
)
async def test_the_index_of_another_log_is_not_believed_and_made_anew(made: str, change: str) -> None:
    await filled(made, 3)
    before = await sql(made, "select * from event_index order by 1, 2, 3")
    await sql(
        made, f"{change}; delete from event_index where term % 2 = 0; update event_counts set events = 7"
    )
    async with reading(made) as (log, connections):
        page = await Finder(log, connections).find(Wanted(criteria=Criteria(actor_id=13), limit=100))
        assert (page.indexed_to, len(page.events)) == (
            0,
            len(await sql(made, "select position from events where actor_id = 13")),
        )
    assert await filled(made, 4) == [2 * BLOCK, 2 * BLOCK, BLOCK, 0]
    assert await sql(made, "select * from event_index order by 1, 2, 3") == before
    assert (await sql(made, "select sum(events)::int from event_counts where dimension = 'type'"))[0] == (
        5 * BLOCK,
    )


async def test_two_terms_with_the_same_number_do_not_mislead(made: str) -> None:
    await filled(made, 4)
    await sql(
        made,
        "insert into event_index select 0, event_term('type', '\"risk.raised\"'), block, offsets"
        " from event_index where term = event_term('type', '\"task.created\"')",
    )
    async with reading(made) as (log, connections):
        page = await Finder(log, connections).find(
            Wanted(criteria=Criteria(types=("risk.raised",)), limit=10)
        )
    assert page[:2] == ([], None)


async def test_what_identifies_people_is_in_no_index(store: EventStore, database_url: str) -> None:
    person = UserRegistered(1, "dana", "dana@example.com", "Dana", "Scully", "user", None, True, 0)
    events = [(person, 1), *((UserRenamed(1, f"dana-{number}"), number) for number in range(2, BLOCK + 1))]
    await store.append(Append("c", tuple(events)))
    assert await filled(database_url, 1) == [BLOCK]
    terms = "select event_term(%s) from stored_events"
    held = f"select count(*)::int from event_index where term = any(array({terms}))"
    sealed = "'data.personal.username', state_as_json(state)#>'{personal,username}'"
    assert await sql(database_url, held % sealed) == [(0,)]
    assert await sql(database_url, held % "'data.user_id', state_as_json(state)->'user_id'") == [(1,)]


async def test_states_that_are_no_json_stop_nothing(database_url: str) -> None:
    states = (
        "'\\xff'::bytea",
        "'[1, {\"a\": null}]'",
        "'\"text\"'",
        "'{}'",
        '\'{"a": {"b": [[], {}, [true]]}}\'',
    )
    for number, state in enumerate(states, 1):
        await sql(
            database_url,
            "insert into stored_events (originator_id, originator_version, topic, state, notification_id)"
            f" values ('odd', {number}, 'odd', {state}, {number})",
        )
    await sql(
        database_url,
        "insert into stored_events (originator_id, originator_version, topic, state, notification_id)"
        f" select 'even', n, 'even', '{{}}', n + 5 from generate_series(1, {BLOCK}) n",
    )
    assert await filled(database_url, 1) == [BLOCK]
    async with reading(database_url) as (log, connections):
        finder = Finder(log, connections)
        for fields, positions in (((("a.b", True),), [5]), ((("a", None),), [2]), ((("a", 1),), [])):
            page = await finder.find(Wanted(criteria=Criteria(fields=fields), limit=10))
            assert [event.position for event in page.events] == positions


async def test_the_index_is_filled_beside_other_work_until_it_is_cancelled(made: str) -> None:
    task = asyncio.create_task(keep_filling(made, IndexBounds(idle_s=0.01)))
    async with reading(made) as (log, connections), asyncio.timeout(30):
        index = Finder(log, connections).index

        async def is_complete() -> bool:
            return await index.complete_to() == 5 * BLOCK

        await until(is_complete)
        await sql(made, "update log_identity set log_id = gen_random_uuid()")
        await until(is_complete)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


def test_filling_stands_back_while_much_is_appended() -> None:
    bounds = IndexBounds(
        batch_blocks_max=16, busy_blocks_max=2, busy_events_per_s=100, busy_share=0.1, busy_pause_max_s=5
    )
    pace = Pace(bounds)
    assert (pace.pause_s(Batch(BLOCK, 5_000), 0.0, 1.0), pace.blocks_max) == (0.0, 16)
    assert (pace.pause_s(Batch(BLOCK, 5_100), 1.9, 2.0), pace.blocks_max) == (0.0, 16), "100 a second"
    assert pace.pause_s(Batch(BLOCK, 5_301), 3.5, 4.0) == pytest.approx(4.5)
    assert pace.blocks_max == 2
    assert pace.pause_s(Batch(BLOCK, 6_000), 4.0, 5.0) == 5, "no pause is longer"
    assert (pace.pause_s(Batch(0, 7_000), 5.0, 6.0), pace.blocks_max) == (bounds.idle_s, 2)
    assert (pace.pause_s(Batch(BLOCK, 7_050), 6.0, 7.0), pace.blocks_max) == (0.0, 16), "calm again"
    assert (pace.pause_s(Batch(0, None), 7.0, 8.0), pace.blocks_max) == (bounds.idle_s, 16), "another's turn"
    assert (pace.pause_s(Batch(BLOCK, 90_000), 8.0, 9.0), pace.blocks_max) == (0.0, 16), "nothing to compare"


async def test_while_much_is_appended_the_index_waits_and_then_catches_up(made: str) -> None:
    """Everything counts as much here: after the first batches there is a pause, however much is left."""
    busy = IndexBounds(
        batch_blocks_max=1, busy_blocks_max=1, busy_events_per_s=-1, busy_share=0.0001, busy_pause_max_s=60
    )
    async with reading(made) as (log, connections), asyncio.timeout(30):
        index = Finder(log, connections).index
        task = asyncio.create_task(keep_filling(made, busy))

        async def is_at(blocks: int) -> bool:
            return await index.complete_to() == blocks * BLOCK

        await until(lambda: is_at(2))
        await asyncio.sleep(0.5)
        assert await is_at(2), "the second batch saw the log grow"
        task.cancel()
        task = asyncio.create_task(keep_filling(made))
        await until(lambda: is_at(5))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_moments_are_positions(made: str) -> None:
    moments = dict(await sql(made, "select position, recorded_at from events where position in (100, 200)"))
    since, until = (f"{moments[each]:%Y-%m-%dT%H:%M:%S.%fZ}" for each in (100, 200))
    async with reading(made) as (log, connections):

        async def ends(**asked: Any) -> tuple[int, int]:
            found = await find(log, connections, Query(criteria=Criteria(), limit=EVENTS, **asked))
            return found.events[-1].position, found.events[0].position

        assert await ends(since=since, until=until) == (100, 200)
        assert await ends(since=since, until=until, after=120, before=180) == (121, 179)
        assert await ends(until="2999-01-01T00:00:00.000000Z") == (1, EVENTS)
        later = await find(log, connections, Query(criteria=Criteria(), since="2999-01-01T00:00:00.000000Z"))
        assert later.events == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("data.status=completed", ("status", "completed")),
        ("status=completed", ("status", "completed")),
        ("data.a.b=1", ("a.b", 1)),
        ("data.a=1.50", ("a", 1.5)),
        ("data.a=true", ("a", True)),
        ("data.a=null", ("a", None)),
        ('data.a="1"', ("a", "1")),
        ("data.a=b=c", ("a", "b=c")),
        ("data.a=", ("a", "")),
        ("data.a=[1]", ("a", "[1]")),
        ("data.a=1e999", ("a", "1e999")),
    ],
)
def test_a_condition_is_read_with_its_type(text: str, expected: tuple[str, object]) -> None:
    assert repr(condition(text)) == repr(expected)


@pytest.mark.parametrize(
    "asked",
    [
        {"where": ["status"]},
        {"where": ["=1"]},
        {"where": ["data.a=\0"]},
        {"where": ['data.a="\\u0000"']},
        {"where": ["data.a=\udcff"]},
        {"types": ["x" * 1001]},
        {"types": ["x"] * 21},
        {"stream": "\0"},
        {"request_id": "\ud800"},
    ],
)
def test_what_cannot_be_asked_is_refused(asked: dict[str, Sequence[str]]) -> None:
    with pytest.raises(NoSuchQuery):
        criteria_of(**asked)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["", "10", "10x", "999999w", "2025-13-01", "yesterday"])
def test_what_is_no_moment_is_refused(text: str) -> None:
    with pytest.raises(NoSuchMoment):
        beginning_of(text)


def test_only_asterisk_and_question_mark_stand_for_letters() -> None:
    assert Criteria(types=("ta?k.*",)).takes_type("task.created")
    assert not Criteria(types=("[t]ask.created",)).takes_type("task.created")
    assert Criteria(types=("nix[a]*",)).takes_type("nix[a].made")
    assert not Criteria(types=("nix[",)).has_patterns()
    assert Criteria(types=("nix[",)).takes_type("nix[")
