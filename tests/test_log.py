"""What every log keeps: the same suite runs on the one in memory and on Postgres."""

from __future__ import annotations

import asyncio
import itertools
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from events.errors import DuplicateCommand, Stale
from events.group import pick
from events.instants import instant, moment
from events.log import Appended, Guard, Log, Metadata, RawAppend, RawEvent
from events.private import KeepUserKey

numbers = itertools.count(1)


def event(stream: str, version: int, topic: str = "thing.happened", state: bytes = b"{}") -> RawEvent:
    return RawEvent(stream, version, topic, state, f"00000000-0000-4000-8000-{next(numbers):012}")


def append(*events: RawEvent, guards: tuple[Guard, ...] = (), command_id: str = "") -> RawAppend:
    return RawAppend(command_id or f"command-{next(numbers)}", events, guards)


async def places(log: Log) -> list[tuple[int, str, int]]:
    return [(one.position, one.stream, one.version) for one in await log.read(0, 1000)]


async def test_an_empty_log_is_at_0(log: Log) -> None:
    assert await log.head() == 0
    assert await log.read(0, 10) == []
    assert await log.read_streams(["a", "b"]) == {"a": [], "b": []}
    assert await log.outcome("command") is None


async def test_an_append_is_answered_with_its_last_position(log: Log) -> None:
    [first] = await log.append_group([append(event("a", 1), event("a", 2))])
    [second] = await log.append_group([append(event("b", 1))])
    assert isinstance(first, Appended)
    assert isinstance(second, Appended)
    assert (first.position, second.position) == (2, 3)
    assert await log.head() == 3


async def test_events_come_back_as_they_went_in(log: Log) -> None:
    happened = event("task-1", 1, "task.created", b'{"title":"\xc3\xa9"}')
    who = Metadata(7, "manager", "taskflow", "req_1", "cause", "CreateTask", "10.0.0.1", "curl")
    [outcome] = await log.append_group([RawAppend("c", (happened,), metadata=who)])
    assert isinstance(outcome, Appended)
    [stored] = await log.read(0, 10)
    assert stored == (await log.read_streams(["task-1"]))["task-1"][0]
    assert stored[:6] == ("task-1", 1, 1, "task.created", b'{"title":"\xc3\xa9"}', happened.event_id)
    assert stored[6:] == (outcome.recorded_at, 7, "manager", "taskflow", "req_1", "cause", "CreateTask")


async def test_an_append_may_write_several_streams(log: Log) -> None:
    await log.append_group([append(event("a", 1), event("b", 1), event("a", 2))])
    assert await places(log) == [(1, "a", 1), (2, "b", 1), (3, "a", 2)]


async def test_a_taken_version_is_stale_and_the_others_get_in_without_a_gap(log: Log) -> None:
    await log.append_group([append(event("a", 1))])
    outcomes = await log.append_group([append(event("b", 1)), append(event("a", 1)), append(event("c", 1))])
    assert [type(outcome) for outcome in outcomes] == [Appended, Stale, Appended]
    assert await places(log) == [(1, "a", 1), (2, "b", 1), (3, "c", 1)]


async def test_a_missing_predecessor_is_stale(log: Log) -> None:
    [outcome] = await log.append_group([append(event("a", 2))])
    assert isinstance(outcome, Stale)
    assert await log.head() == 0


@pytest.mark.parametrize("versions", [(1, 3), (1, 1), (2, 1), (1, 2, 2), (2, 1, 4), (1, 3, 2)])
async def test_versions_that_do_not_follow_each_other_are_stale(log: Log, versions: tuple[int, ...]) -> None:
    [outcome] = await log.append_group([append(*(event("a", version) for version in versions))])
    assert isinstance(outcome, Stale)
    assert await log.head() == 0


async def test_one_stale_stream_refuses_the_whole_append(log: Log) -> None:
    await log.append_group([append(event("a", 1))])
    [outcome] = await log.append_group([append(event("b", 1), event("a", 1), event("c", 1))])
    assert isinstance(outcome, Stale)
    assert await places(log) == [(1, "a", 1)]


async def test_guards_must_hold(log: Log) -> None:
    await log.append_group([append(event("project", 1))])
    outcomes = await log.append_group(
        [
            append(event("a", 1), guards=(Guard("project", 1), Guard("nothing", 0))),
            append(event("b", 1), guards=(Guard("project", 2),)),
            append(event("c", 1), guards=(Guard("project", 0),)),
            append(event("d", 1), guards=(Guard("nothing", 1),)),
        ]
    )
    assert [type(outcome) for outcome in outcomes] == [Appended, Stale, Stale, Stale]
    assert await places(log) == [(1, "project", 1), (2, "a", 1)]


async def test_a_command_gets_in_once(log: Log) -> None:
    [first] = await log.append_group([append(event("a", 1), command_id="pay")])
    [again, other] = await log.append_group(
        [append(event("a", 2), command_id="pay"), append(event("b", 1), command_id="play")]
    )
    assert isinstance(again, DuplicateCommand)
    assert isinstance(other, Appended)
    assert await log.outcome("pay") == first
    assert await log.outcome("play") == other
    assert await places(log) == [(1, "a", 1), (2, "b", 1)]


async def test_a_refused_command_is_not_in_the_log_and_may_come_again(log: Log) -> None:
    await log.append_group([append(event("a", 1))])
    await log.append_group([append(event("a", 1), command_id="late")])
    assert await log.outcome("late") is None
    [outcome] = await log.append_group([append(event("a", 2), command_id="late")])
    assert outcome == await log.outcome("late")


async def test_a_command_without_events_is_remembered_at_the_head(log: Log) -> None:
    await log.append_group([append(event("a", 1), event("a", 2))])
    [outcome] = await log.append_group([RawAppend("quiet", (), private=(KeepUserKey(1, b"key"),))])
    assert isinstance(outcome, Appended)
    assert outcome.position == 2
    assert await log.outcome("quiet") == outcome
    assert await log.head() == 2


async def test_private_rows_are_kept_for_admitted_appends_only(log: Log) -> None:
    await log.append_group([append(event("a", 1))])
    await log.append_group(
        [
            RawAppend("in", (event("b", 1),), private=(KeepUserKey(1, b"\x00kept\xff"),)),
            RawAppend("out", (event("a", 1),), private=(KeepUserKey(2, b"lost"),)),
        ]
    )
    assert await log.user_keys([1, 2, 3]) == {1: b"\x00kept\xff"}


async def test_moments_are_instants_that_never_go_back(log: Log) -> None:
    for version in range(1, 20):
        await log.append_group([append(event("a", version))])
    moments = [stored.recorded_at for stored in await log.read(0, 100)]
    assert moments == sorted(moments)
    assert [instant(moment(text)) for text in moments] == moments


# At its own time

LONG_AGO = "2024-05-06T07:08:09.000001Z"
LATER = "2024-05-06T07:08:09.000002Z"
NEVER = "2999-01-01T00:00:00.000000Z"


def at(asked: str | None, *events: RawEvent, guards: tuple[Guard, ...] = ()) -> RawAppend:
    return replace(append(*events, guards=guards), recorded_at=asked)


async def moments(log: Log) -> list[str]:
    return [stored.recorded_at for stored in await log.read(0, 100)]


async def test_a_history_is_recorded_at_its_own_time(log: Log) -> None:
    outcomes = await log.append_group([at(LONG_AGO, event("a", 1), event("b", 1)), at(LATER, event("c", 1))])
    outcomes += await log.append_group([at(LATER, event("a", 2))])
    assert outcomes == [Appended(2, LONG_AGO), Appended(3, LATER), Appended(4, LATER)]
    assert await moments(log) == [LONG_AGO, LONG_AGO, LATER, LATER]


async def test_nothing_is_recorded_before_what_stands_before_it(log: Log) -> None:
    await log.append_group([at(LATER, event("a", 1))])
    outcomes = await log.append_group(
        [at(LONG_AGO, event("b", 1)), at(LATER, event("c", 1)), at(LONG_AGO, event("d", 1))]
    )
    assert {outcome.recorded_at for outcome in outcomes if isinstance(outcome, Appended)} == {LATER}
    assert await moments(log) == [LATER] * 4


async def test_each_append_of_a_group_has_its_own_time_never_an_earlier_one(log: Log) -> None:
    await log.append_group(
        [at(LONG_AGO, event("a", 1)), at(LATER, event("b", 1)), at(LONG_AGO, event("c", 1))]
    )
    assert await moments(log) == [LONG_AGO, LATER, LATER]


async def test_nothing_is_recorded_in_the_future(log: Log) -> None:
    [ahead] = await log.append_group([at(NEVER, event("a", 1))])
    [present] = await log.append_group([append(event("b", 1))])
    assert isinstance(ahead, Appended)
    assert isinstance(present, Appended)
    assert ahead.recorded_at <= present.recorded_at < NEVER
    assert ahead.recorded_at > "2025"


async def test_who_asks_for_no_time_gets_the_present(log: Log) -> None:
    """Also between others that do ask, which then cannot go back behind it."""
    await log.append_group([at(LONG_AGO, event("a", 1)), append(event("b", 1)), at(LATER, event("c", 1))])
    first, second, third = await moments(log)
    assert first == LONG_AGO
    assert LATER < second == third


async def test_a_refused_append_holds_back_nobody_s_time(log: Log) -> None:
    await log.append_group([at(LONG_AGO, event("a", 1))])
    outcomes = await log.append_group([append(event("a", 1)), at(LATER, event("b", 1))])
    assert [type(outcome) for outcome in outcomes] == [Stale, Appended]
    assert await moments(log) == [LONG_AGO, LATER]


async def test_a_command_without_events_holds_back_nobody_s_time(log: Log) -> None:
    quiet = RawAppend("quiet", (), private=(KeepUserKey(1, b"key"),))
    [kept, other] = await log.append_group([quiet, at(LONG_AGO, event("a", 1))])
    assert isinstance(kept, Appended)
    assert kept.recorded_at > LATER
    assert other == Appended(1, LONG_AGO)
    assert await log.outcome("quiet") == kept


async def test_the_outcome_of_a_command_tells_its_time(log: Log) -> None:
    [outcome] = await log.append_group([replace(at(LONG_AGO, event("a", 1)), command_id="then")])
    assert await log.outcome("then") == outcome == Appended(1, LONG_AGO)


asked_moments = st.lists(
    st.tuples(st.booleans(), st.one_of(st.none(), st.sampled_from([LONG_AGO, LATER, NEVER])), st.booleans()),
    max_size=8,
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(asked_moments)
async def test_whatever_is_asked_time_never_goes_back(
    log: Log, tried: list[tuple[bool, str | None, bool]]
) -> None:
    group: list[RawAppend] = []
    for is_stale, asked, ends in tried:
        stream = f"world-{next(examples)}"
        group.append(at(asked, event(stream, 2 if is_stale else 1)))
        if ends:
            await log.append_group(group)
            group = []
    await log.append_group(group)
    found = [stored.recorded_at for stored in await log.read(0, 10_000)]
    assert found == sorted(found)
    assert all(recorded_at <= now_plus_a_second() for recorded_at in found)


def now_plus_a_second() -> str:
    """The database's clock and ours are one, but for what it rounds."""
    return instant(datetime.now(UTC) + timedelta(seconds=1))


# Reading


async def test_reading_starts_after_a_position_and_stops_at_the_limit(log: Log) -> None:
    await log.append_group([append(*(event("a", version) for version in range(1, 11)))])
    assert [stored.position for stored in await log.read(3, 4)] == [4, 5, 6, 7]
    assert [stored.position for stored in await log.read(8, 100)] == [9, 10]
    assert await log.read(10, 100) == []


async def test_streams_are_read_from_a_version_on(log: Log) -> None:
    await log.append_group([append(event("a", 1), event("b", 1), event("a", 2), event("a", 3))])
    found = await log.read_streams({"a", "b", "c"}, after=1)
    assert {stream: [one.version for one in every] for stream, every in found.items()} == {
        "a": [2, 3],
        "b": [],
        "c": [],
    }


async def test_each_stream_is_read_on_from_its_own_version(log: Log) -> None:
    await log.append_group([append(*(event("a", version) for version in (1, 2, 3)), event("b", 1))])
    found = await log.read_since({"a": 3, "b": 2, "c": 0})
    assert {stream: [one.version for one in every] for stream, every in found.items()} == {
        "a": [3],
        "b": [],
        "c": [],
    }
    assert await log.read_since({"a": 0, "b": 0}) == await log.read_streams(["a", "b"])
    assert await log.read_since({}) == {}


async def test_ids_are_given_out_once(log: Log) -> None:
    several = await asyncio.gather(*(log.next_ids("task", 5) for _ in range(10)))
    ids = [number for few in several for number in few]
    assert sorted(ids) == list(range(1, 51))
    assert await log.next_ids("user", 1) == [1]


async def test_a_log_has_one_identity(log: Log) -> None:
    assert await log.log_id() == await log.log_id()
    assert await log.log_id()


async def test_waiting_ends_when_the_log_grows(log: Log) -> None:
    waiting = asyncio.create_task(log.wait(0, 10))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    await log.append_group([append(event("a", 1))])
    async with asyncio.timeout(2):
        assert await waiting
    assert await log.wait(0, 5)


async def test_waiting_in_vain_ends_in_time(log: Log) -> None:
    await log.append_group([append(event("a", 1))])
    async with asyncio.timeout(2):
        assert not await log.wait(1, 0.3)


async def test_many_may_wait_and_leave(log: Log) -> None:
    waiting = [asyncio.create_task(log.wait(0, 10)) for _ in range(20)]
    await asyncio.sleep(0.05)
    for task in waiting[::2]:
        task.cancel()
    await log.append_group([append(event("a", 1))])
    async with asyncio.timeout(2):
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(outcome is True for outcome in outcomes[1::2])


STREAMS = ("red", "green", "blue")
writes = st.tuples(st.sampled_from(STREAMS), st.integers(1, 4), st.integers(1, 2))
attempts = st.builds(
    lambda command, written, guarded: (command, written, guarded),
    st.integers(1, 12),
    st.lists(writes, max_size=2, unique_by=lambda one: one[0]),
    st.lists(st.tuples(st.sampled_from(STREAMS), st.integers(0, 3)), max_size=1),
)
examples = itertools.count(1)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(attempts, max_size=12))
async def test_groups_do_what_one_after_the_other_would(
    log: Log, tried: list[tuple[int, list[tuple[str, int, int]], list[tuple[str, int]]]]
) -> None:
    """A plain model, one append after the other, and the log in groups end with the same history."""
    world = f"{next(examples)}"
    start = await log.head()
    waiting = [
        RawAppend(
            f"{world}.{command}",
            tuple(
                event(f"{world}.{stream}", version)
                for stream, first, length in written
                for version in range(first, first + length)
            ),
            tuple(Guard(f"{world}.{stream}", version) for stream, version in guarded),
        )
        for command, written, guarded in tried
    ]
    expected, history = modelled(waiting)
    outcomes: dict[int, type] = {}
    places = list(range(len(waiting)))
    while places:
        picked = [places[chosen] for chosen in pick((waiting[place] for place in places), 5)]
        group = await log.append_group([waiting[place] for place in picked])
        outcomes |= {place: type(outcome) for place, outcome in zip(picked, group, strict=True)}
        places = [place for place in places if place not in picked]
    assert [outcomes[place] for place in range(len(waiting))] == expected
    stored = await log.read(start, 1000)
    assert [one.position for one in stored] == list(range(start + 1, start + 1 + len(history)))
    assert sorted(one.event_id for one in stored) == sorted(history)
    for stream in STREAMS:
        versions = [one.version for one in stored if one.stream == f"{world}.{stream}"]
        assert versions == list(range(1, len(versions) + 1))


def modelled(appends: list[RawAppend]) -> tuple[list[type], list[str]]:
    """The outcomes of appends made one by one, and the ids of the events that got in."""
    versions: dict[str, int] = {}
    known: set[str] = set()
    outcomes: list[type] = []
    history: list[str] = []
    for one in appends:
        after = dict(versions)
        fits = all(versions.get(guard.stream, 0) == guard.version for guard in one.guards)
        for happened in one.events:
            fits = fits and after.get(happened.stream, 0) == happened.version - 1
            after[happened.stream] = happened.version
        if one.command_id in known:
            outcomes.append(DuplicateCommand)
        elif fits:
            known.add(one.command_id)
            versions = after
            history += [happened.event_id for happened in one.events]
            outcomes.append(Appended)
        else:
            outcomes.append(Stale)
    return outcomes, history


async def test_single_events_are_read_by_their_positions(log: Log) -> None:
    await log.append_group([append(event("a", 1), event("b", 1), event("a", 2))])
    assert await log.read_at([3, 1, 1, 0, -1, 4, 2**63 - 1]) == [
        one for one in await log.read(0, 10) if one.position in (1, 3)
    ]
    assert await log.read_at([]) == []
