"""Answers are kept within bounds, made once for many who ask, and only if they will be the same again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from functools import partial
from random import Random
from typing import Any, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from api import kept_answers, reading_side
from api.keep import ENTRY_BYTES, ONCE_SHARE, TAG_BYTES, Keep
from api.kept_answers import KeptAnswers, Question, question
from api.kept_documents import AT_ONCE_MAX, KeptDocuments
from api.reading_side import ReadingSide, View
from api.recording import holds_now_only, holds_until, rests_on
from api.replies import Reply
from projections.live import Live
from readmodels.announcements import Announcements
from readmodels.changes import Changes
from readmodels.connecting import call
from readmodels.documents import Document, Ref
from readmodels.freshness import Freshness
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from readmodels.noted import Noting
from readmodels.redis import RedisModel, note_sums
from tests.folding import GENERATION, begun
from tests.histories import history

RECORDS: Final = history(Random(61), 60)
ASKED: Final = question("taskflow", "/api/projects", 1, "admin")
TAG: Final = Ref("tag", "7")
BYTES_MAX: Final = 160_000
ANSWER_BYTES_MAX: Final = 2_000

Make = Callable[[], Awaitable[Reply]]


def view_of(redis: Redis, generation: int) -> View:
    announcements = Announcements(redis, generation, poll_interval_s=0.02)
    model = RedisModel(redis, generation, announced=announcements.heard, saw=announcements.saw)
    return View(generation, model, announcements, KeptDocuments(BYTES_MAX))


@pytest.fixture
async def live(redis: Redis) -> Live:
    live = await begun(redis)
    await live.fold(RECORDS[:20], "ready")
    return live


@pytest.fixture
async def side(redis: Redis, live: Live) -> AsyncIterator[ReadingSide]:
    async def current() -> int:
        return GENERATION

    async with ReadingSide(GENERATION, partial(view_of, redis), current) as side:
        await hearing(side)
        yield side


@pytest.fixture
def answers(side: ReadingSide) -> KeptAnswers:
    return answers_of(side)


def answers_of(side: ReadingSide) -> KeptAnswers:
    return KeptAnswers(side, bytes_max=BYTES_MAX, answer_bytes_max=ANSWER_BYTES_MAX)


async def hearing(side: ReadingSide) -> Freshness:
    async with asyncio.timeout(5):
        while (freshness := side.freshness()) is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)
    return freshness


def making(reply: Reply, then: Callable[[], None] = lambda: None) -> tuple[Make, list[Reply]]:
    """What makes a reply, and the list of those that it made."""
    made: list[Reply] = []

    async def make() -> Reply:
        await asyncio.sleep(0.01)
        rests_on(["tag:7"])
        then()
        made.append(reply)
        return reply

    return make, made


async def changed(side: ReadingSide, live: Live, changes: Changes) -> None:
    """When this returns, the change was heard of."""
    turn = (await hearing(side)).turn
    await live.amend(changes)
    async with asyncio.timeout(2):
        while (await hearing(side)).turn == turn:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.005)


async def asked_twice(answers: KeptAnswers, make: Make) -> None:
    with Noting():
        for _ in range(2):
            await answers.reply(ASKED, make)


async def test_what_is_asked_again_is_not_made_again(answers: KeptAnswers) -> None:
    make, made = making(Reply(200, b"{}"))
    await asked_twice(answers, make)
    assert len(made) == 1


async def test_many_who_ask_at_once_are_answered_by_one(answers: KeptAnswers) -> None:
    make, made = making(Reply(200, b"{}"))
    with Noting():
        replies = await asyncio.gather(*(answers.reply(ASKED, make) for _ in range(20)))
    assert len(made) == 1
    assert len(replies) == 20
    assert not answers._making


async def test_who_waits_is_not_given_what_has_changed_meanwhile(
    answers: KeptAnswers, live: Live, side: ReadingSide
) -> None:
    """The second one asked after the first one had read, and before the change was heard of."""
    has_read, may_end, made = asyncio.Event(), asyncio.Event(), 0

    async def make() -> Reply:
        nonlocal made
        made += 1
        mine = made
        rests_on(["tag:7"])
        has_read.set()
        await may_end.wait()
        return Reply(200, str(mine).encode())

    with Noting():
        first = asyncio.create_task(answers.reply(ASKED, make))
        await has_read.wait()
        second = asyncio.create_task(answers.reply(ASKED, make))
        await changed(side, live, Changes(documents={TAG: None}))
        may_end.set()
        assert (await first).body == b"1"
        assert (await second).body == b"2"
        assert (await answers.reply(ASKED, make)).body == b"2"


async def test_one_who_fails_or_leaves_keeps_nobody_else_from_an_answer(answers: KeptAnswers) -> None:
    tries = 0

    async def make() -> Reply:
        nonlocal tries
        tries += 1
        is_first = tries == 1
        await asyncio.sleep(0.02)
        if is_first:
            raise ValueError
        return Reply(200, b"{}")

    with Noting():
        asking = [asyncio.create_task(answers.reply(ASKED, make)) for _ in range(4)]
        failed, *others = await asyncio.gather(*asking, return_exceptions=True)
        assert isinstance(failed, ValueError)
        assert [other.status for other in others if isinstance(other, Reply)] == [200, 200, 200]
        another = ASKED._replace(address="/other")
        leaving, waiting = (asyncio.create_task(answers.reply(another, make)) for _ in range(2))
        await asyncio.sleep(0.01)
        leaving.cancel()
        assert (await waiting).status == 200
    assert not answers._making


async def test_one_who_gives_up_waiting_leaves_the_others_waiting(answers: KeptAnswers) -> None:
    make, made = making(Reply(200, b"{}"))
    with Noting():
        asking = [asyncio.create_task(answers.reply(ASKED, make)) for _ in range(4)]
        await asyncio.sleep(0)
        asking[1].cancel()
        replies = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(replies.pop(1), asyncio.CancelledError)
    assert replies == [Reply(200, b"{}")] * 3
    assert len(made) == 1


async def test_nobody_waits_for_an_answer_that_is_known_not_to_be_kept(answers: KeptAnswers) -> None:
    may_end, under_way = asyncio.Event(), 0

    async def make() -> Reply:
        nonlocal under_way
        under_way += 1
        await asyncio.sleep(0)
        holds_now_only()
        await may_end.wait()
        return Reply(200, b"{}")

    with Noting():
        asking = [asyncio.create_task(answers.reply(ASKED, make)) for _ in range(3)]
        async with asyncio.timeout(2):
            while under_way < 3:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.005)
        may_end.set()
        await asyncio.gather(*asking)


async def test_nobody_waits_where_the_last_answer_was_not_kept(
    answers: KeptAnswers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_answers, "NOT_KEPT_MAX", 3)
    status, under_way, most = 404, 0, 0

    async def make() -> Reply:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        await asyncio.sleep(0.01)
        under_way -= 1
        return Reply(status, b"{}")

    async def at_once(asked: Question) -> int:
        nonlocal most
        most = 0
        await asyncio.gather(*(answers.reply(asked, make) for _ in range(4)))
        return most

    with Noting():
        await answers.reply(ASKED, make)
        assert await at_once(ASKED) == 4
        for number in range(4):
            await answers.reply(ASKED._replace(address=f"/{number}"), make)
        assert len(answers._not_kept) == 3
        status = 200
        # The last answer to this one is forgotten: so it may be one that is kept.
        assert await at_once(ASKED) == 1
        known = ASKED._replace(address="/3")
        await answers.reply(known, make)
        assert known not in answers._not_kept


@pytest.mark.parametrize(
    ("reply", "then"),
    [
        (Reply(404, b"{}"), lambda: None),
        (Reply(200, b"x" * (ANSWER_BYTES_MAX + 1)), lambda: None),
        (Reply(200, b"{}"), holds_now_only),
        (Reply(200, b"{}"), lambda: holds_until(1.0)),
        (Reply(200, b"{}"), lambda: note_sums(3)),
    ],
    ids=["not found", "too long", "of now only", "over", "parked"],
)
async def test_some_answers_are_made_each_time(
    answers: KeptAnswers, reply: Reply, then: Callable[[], None]
) -> None:
    make, made = making(reply, then)
    await asked_twice(answers, make)
    assert len(made) == 2


async def test_nothing_is_kept_where_nobody_notes_what_stands_still(answers: KeptAnswers) -> None:
    make, made = making(Reply(200, b"{}"))
    for _ in range(2):
        await answers.reply(ASKED, make)
    assert len(made) == 2


async def test_nothing_kept_is_given_while_nothing_is_heard(answers: KeptAnswers, side: ReadingSide) -> None:
    make, made = making(Reply(200, b"{}"))
    with Noting():
        await answers.reply(ASKED, make)
        side._present.announcements.doubt()
        await answers.reply(ASKED, make)
    assert len(made) == 2


async def test_nothing_kept_is_given_once_an_answer_was_of_a_later_position(
    side: ReadingSide, redis: Redis
) -> None:
    """Its message is still under way."""
    position = await side.position()
    assert side.freshness() is not None
    await call(redis, "HSET", Keys(GENERATION).checkpoint, "position", position + 1)
    await side.position()
    assert side.freshness() is None


async def test_after_a_switch_nothing_is_given_that_the_other_generation_said(
    redis: Redis, live: Live, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading_side, "GRACE_S", 0.5)
    other, numbers = await begun(redis, generation=GENERATION + 1), [GENERATION]
    await other.fold(RECORDS[:20], "ready")

    async def current() -> int:
        return numbers[-1]

    async with ReadingSide(GENERATION, partial(view_of, redis), current) as side:
        answers = answers_of(side)
        make, made = making(Reply(200, b"{}"))
        await hearing(side)
        await asked_twice(answers, make)
        assert len(made) == 1
        numbers.append(GENERATION + 1)
        async with asyncio.timeout(5):
            while side.generation == GENERATION:  # noqa: ASYNC110 - nobody tells of it
                await asyncio.sleep(0.01)
        # Others may have seen more of the one before: each answer asks whether it is level with that.
        await asked_twice(answers, make)
        assert len(made) == 3
        await hearing(side)
        await asked_twice(answers, make)
        assert len(made) == 4


async def test_what_does_not_touch_an_answer_leaves_it(
    answers: KeptAnswers, live: Live, side: ReadingSide
) -> None:
    make, made = making(Reply(200, b"{}"))
    with Noting():
        await answers.reply(ASKED, make)
        for ref, expected in ((Ref("tag", "8"), 1), (TAG, 2), (Ref("user", "7"), 2)):
            await changed(side, live, Changes(documents={ref: None}))
            await answers.reply(ASKED, make)
            assert len(made) == expected


@pytest.mark.parametrize(("times", "room"), [(1, BYTES_MAX // ONCE_SHARE), (2, BYTES_MAX)])
async def test_all_answers_together_stay_within_their_bound(
    answers: KeptAnswers, times: int, room: int
) -> None:
    make, _ = making(Reply(200, b"x" * 1_000))
    with Noting():
        for number in range(2 * BYTES_MAX // 1_000):
            for _ in range(times):
                await answers.reply(ASKED._replace(address=f"/{number}"), make)
    assert room / 2 < answers.keep.size_bytes <= room
    assert len(answers.keep) <= room // (1_000 + ENTRY_BYTES)


def test_what_is_asked_once_pushes_out_nothing_that_is_asked_again() -> None:
    keep: Keep[int, int] = Keep(BYTES_MAX)
    freshness = Freshness()
    keep.put(0, 0, 100, (), freshness, freshness.turn)
    assert keep.fresh(0, freshness)
    for number in range(1, BYTES_MAX // ENTRY_BYTES * 2):
        keep.put(number, number, 100, (), freshness, freshness.turn)
    assert keep.fresh(0, freshness)
    assert not keep.fresh(1, freshness)


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from("abcdef"), st.integers(0, 4_000), st.booleans(), st.booleans()), max_size=60
    )
)
def test_a_keep_is_never_larger_than_it_may_be_and_never_gives_what_is_stale(
    steps: list[tuple[str, int, bool, bool]],
) -> None:
    keep: Keep[str, int] = Keep(12_000)
    freshness, newest = Freshness(), dict[str, int]()
    for number, (key, size, changes, reads) in enumerate(steps):
        if changes:
            freshness.note([key])
            newest[key] = number
        entry = keep.fresh(key, freshness)
        assert entry is None or entry.value >= newest.get(key, 0)
        if entry is None or not reads:
            keep.put(key, number, size, (key,), freshness, freshness.turn)
        segments = (keep._once, keep._again)
        sizes = [each.size_bytes for segment in segments for each in segment.entries.values()]
        assert keep.size_bytes == sum(sizes) <= 12_000
        assert not keep._once.entries.keys() & keep._again.entries.keys()
        assert all(each >= ENTRY_BYTES + TAG_BYTES for each in sizes)


async def test_documents_are_fetched_once_and_again_when_they_have_changed(
    side: ReadingSide, redis: Redis, live: Live
) -> None:
    there, absent = Ref("tag", "7"), Ref("tag", "8")
    await call(redis, "SET", Keys(GENERATION).document(there), '{"id":7}')
    assert await side.fetch([there, absent]) == {there: {"id": 7}}
    await call(redis, "SET", Keys(GENERATION).document(there), '{"id":70}')
    assert await side.fetch([there, absent]) == {there: {"id": 7}}
    await changed(side, live, Changes(documents={absent: None}))
    assert await side.fetch([there]) == {there: {"id": 7}}
    # All of one moment: so both are fetched where one has to be.
    assert await side.fetch([there, absent]) == {there: {"id": 70}}


async def test_documents_that_stand_still_are_not_kept(side: ReadingSide, live: Live) -> None:
    await changed(side, live, Changes(parked={TAG}))
    for _ in range(2):
        with Noting() as noted:
            await side.fetch([TAG])
        assert noted.shows_parked


async def test_who_goes_through_very_many_documents_pushes_none_out(side: ReadingSide) -> None:
    await side.fetch([TAG])
    await side.fetch(Ref("tag", str(number)) for number in range(100, 101 + AT_ONCE_MAX))
    assert len(side.kept.keep) == 1


def test_questions_differ_by_all_that_answers_depend_on() -> None:
    differing: dict[str, Any] = {
        "dialect": "taskforge", "address": "/x", "user_id": 2, "role": "user", "day": 1,
    }  # fmt: skip
    assert {*differing} == {*Question._fields}
    for name, value in differing.items():
        assert ASKED._replace(**{name: value}) != ASKED


async def test_what_changes_while_documents_are_fetched_is_not_taken_for_known() -> None:
    freshness, kept = Freshness(), KeptDocuments(BYTES_MAX)

    class Slow(MemoryModel):
        async def fetch(self, refs: Iterable[Ref]) -> Mapping[Ref, Document]:
            found = await super().fetch(refs)
            freshness.note(["tag:7"])
            return found

    await kept.fetched(Slow(), {TAG: "tag:7"}, freshness)
    assert kept.known({TAG: "tag:7"}, freshness) is None
    await kept.fetched(MemoryModel(), {TAG: "tag:7"}, freshness)
    assert kept.known({TAG: "tag:7"}, freshness) == {}
