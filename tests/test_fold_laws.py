"""Laws that every projection keeps: batches do not matter, nor does folding again, and nothing drifts."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from events.event import TYPES, Poison, Record
from projections import folding as folding_module
from projections.catalogue import PROJECTIONS, STEPS, UNREAD
from projections.encoding import Command
from projections.folding import folding
from projections.live import TURN_COMMANDS, in_turns
from projections.memory import fold
from projections.projection import Projection
from projections.wanted import NOTHING, Found, Wanted
from projections.writer import Lost, Move, Writer
from readmodels.changes import (
    Sums,
    add_contributions,
    add_difference,
    follows,
    member_of,
    places,
    standing_of,
    summed,
)
from readmodels.documents import Document, Place, Ref, Standing
from readmodels.keys import Keys
from readmodels.kinds import KINDS
from readmodels.memory import MemoryModel
from readmodels.shelves import Searched
from tests.folding import GENERATION, Letters, begun, client, everything, fold_parts
from tests.histories import batches, histories, history, splits, spoiled

IN_MEMORY = settings(max_examples=200, deadline=None)
IN_REDIS = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
EACH = pytest.mark.parametrize("projection", PROJECTIONS, ids=lambda projection: projection.kind)

Records = Sequence[Record | Poison]


def folded(parts: Iterable[Records]) -> MemoryModel:
    model = MemoryModel()
    for part in parts:
        fold(part, model)
    return model


def documents(model: MemoryModel, projection: Projection) -> dict[Ref, Document]:
    return {ref: document for ref, document in model.documents.items() if ref.kind == projection.kind}


def contents(model: MemoryModel) -> tuple[object, ...]:
    return (model.documents, dict(model.indexes), model.texts, model.stopped, model.dead_letters, model.at)


def test_every_event_type_is_folded_or_known_to_be_unread() -> None:
    assert set(STEPS) | UNREAD == set(TYPES.values())
    assert not set(STEPS) & UNREAD


def test_the_histories_of_these_laws_have_every_event_that_is_folded() -> None:
    assert {type(record.event) for record in history(Random(1), 3_000)} >= set(STEPS)


@EACH
def test_every_projection_makes_documents_of_a_known_kind(projection: Projection) -> None:
    model = folded([history(Random(2), 500)])
    assert projection.kind in KINDS
    assert documents(model, projection)


@EACH
@IN_MEMORY
@given(records=histories(), sizes=splits())
def test_any_split_into_batches_gives_the_same_documents(
    projection: Projection, records: list[Record], sizes: list[int]
) -> None:
    split, whole = folded(batches(records, sizes)), folded([records])
    assert documents(split, projection) == documents(whole, projection)


@EACH
@IN_MEMORY
@given(records=histories(), place=st.floats(0, 1), back=st.integers(1, 20))
def test_folding_again_changes_nothing(
    projection: Projection, records: list[Record], place: float, back: int
) -> None:
    end = max(1, int(place * len(records)))
    model = folded([records])
    before = documents(model, projection)
    fold(records[max(0, end - back) : end], model)
    assert documents(model, projection) == before


@IN_MEMORY
@given(records=histories(), sizes=splits(), seed=st.integers(0, 1_000))
def test_splits_agree_on_indexes_summaries_and_what_is_parked(
    records: list[Record], sizes: list[int], seed: int
) -> None:
    broken = spoiled(records, seed)
    assert contents(folded(batches(broken, sizes))) == contents(folded([broken]))


@IN_MEMORY
@given(records=histories(120), sizes=splits(), seed=st.integers(0, 1_000))
def test_indexes_texts_and_summaries_are_what_the_documents_say(
    records: list[Record], sizes: list[int], seed: int
) -> None:
    model = folded(batches(spoiled(records, seed, percent=2), sizes))

    own = {ref: document for ref, document in model.documents.items() if not KINDS[ref.kind].is_summary}
    assert model.documents == own | recomputed_summaries(own)
    assert dict(model.indexes) == recomputed_indexes(model.documents)
    assert model.texts == recomputed_texts(own)


def recomputed_summaries(own: dict[Ref, Document]) -> dict[Ref, Document]:
    sums: Sums = {}
    for ref, document in own.items():
        add_contributions(KINDS[ref.kind], None, document, sums)
        add_difference([], list(standing(ref, document, own).contributions), sums)
    found = {ref: summed(ref, None, figures) for ref, figures in sums.items()}
    return {ref: document for ref, document in found.items() if document is not None}


def recomputed_indexes(found: dict[Ref, Document]) -> dict[str, dict[str, Place]]:
    indexes: dict[str, dict[str, Place]] = defaultdict(dict)
    for ref, document in found.items():
        kind = KINDS[ref.kind]
        for index, place in {**places(kind, document), **standing(ref, document, found).places}.items():
            indexes[index][member_of(kind, ref, document)] = place
    return dict(indexes)


def standing(ref: Ref, document: Document, all_of_them: dict[Ref, Document]) -> Standing:
    """What follows from a document and the departments that people are in at the end."""

    def department_of(user_id: int) -> int | None:
        card = all_of_them.get(Ref("user", str(user_id)))
        return None if card is None else card["department_id"]

    return standing_of(KINDS[ref.kind], document, department_of)


def recomputed_texts(own: dict[Ref, Document]) -> dict[str, dict[str, Searched]]:
    found: defaultdict[str, dict[str, Searched]] = defaultdict(dict)
    for ref, document in own.items():
        kind = KINDS[ref.kind]
        for shelf, searched in follows(kind, document).texts.items():
            found[shelf][ref.id] = searched
    return found


@IN_REDIS
@given(records=histories(), sizes=splits(), seed=st.integers(0, 1_000))
async def test_redis_holds_the_same_after_any_split(
    redis_url: str, records: list[Record], sizes: list[int], seed: int
) -> None:
    """Rebuilt (one batch), incremental (one by one) and split: the same keys with the same bytes."""
    broken = spoiled(records, seed)
    held, letters = [], []
    for parts in ([broken], [[record] for record in broken], batches(broken, sizes)):
        async with client(redis_url) as redis:
            letters.append(Letters())
            await fold_parts(await begun(redis, letters[-1]), parts)
            held.append(await everything(redis, Keys(GENERATION).prefix))
            held[-1].pop("checkpoint")
    assert held[0] == held[1] == held[2]
    assert letters[0] == letters[1] == letters[2]


@IN_REDIS
@given(records=histories(), place=st.floats(0, 1))
async def test_redis_refuses_a_batch_that_it_has(redis_url: str, records: list[Record], place: float) -> None:
    """Whoever lost the answer to a batch may send it again: it has its effect once."""
    middle = int(place * (len(records) - 1))
    async with client(redis_url) as redis:
        live = await begun(redis)
        start = live.checkpoint
        await fold_parts(live, [records[:middle], records[middle:]])
        held = await everything(redis, Keys(GENERATION).prefix)

        live.checkpoint = start
        with pytest.raises(Lost) as lost:
            await live.fold(records, "ready")

        assert (lost.value.state, lost.value.position) == ("ready", len(records))
        assert await everything(redis, Keys(GENERATION).prefix) == held


async def test_a_batch_too_long_for_one_script_is_folded_in_parts(redis_url: str) -> None:
    records = history(Random(8), 600)
    async with client(redis_url) as redis:
        await (await begun(redis)).fold(records, "ready")
        whole = await everything(redis, Keys(GENERATION).prefix)
        live = await begun(redis, script_words_max=500)
        await live.fold(records, "ready")
        parts = await everything(redis, Keys(GENERATION).prefix)
    assert whole.pop("checkpoint") != parts.pop("checkpoint")
    assert whole == parts


def test_much_that_follows_from_a_batch_is_derived_in_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    records = history(Random(8), 600)
    whole = contents(folded([records]))
    monkeypatch.setattr(folding_module, "TURN_DOCUMENTS", 10)
    steps = folding(records, set())
    turns, changes = 0, None
    wanted = next(steps)
    while changes is None:
        turns += wanted == NOTHING
        try:
            wanted = steps.send(Found({}, {}))
        except StopIteration as ended:
            changes = ended.value
    own = [ref for ref in changes.documents if not KINDS[ref.kind].is_summary]
    assert turns >= len(own) // 10 > 10
    assert contents(folded([records])) == whole


async def test_a_fold_lets_others_have_a_turn_before_it_writes(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []

    async def load(_writer: Writer, _wanted: Wanted) -> Found:
        return Found({}, {})

    async def apply(_writer: Writer, _script: object, _move: Move, **_rest: object) -> None:
        told.append("written")

    live = await begun(redis)
    monkeypatch.setattr(Writer, "load", load)
    monkeypatch.setattr(Writer, "apply", apply)
    asyncio.get_running_loop().call_soon(told.append, "somebody else's turn")
    await live.fold(history(Random(8), 1), "ready")
    assert told == ["somebody else's turn", "written"]


async def test_a_long_script_is_put_together_in_turns() -> None:
    gathered: list[int] = []
    seen: list[int] = []

    def script() -> Iterator[Command]:
        for number in range(2 * TURN_COMMANDS):
            gathered.append(number)
            yield ["SET", "key", number]

    asyncio.get_running_loop().call_soon(lambda: seen.append(len(gathered)))
    assert await in_turns(script()) == [["SET", "key", number] for number in range(2 * TURN_COMMANDS)]
    assert seen == [TURN_COMMANDS]


async def test_a_command_that_fails_leaves_the_checkpoint_where_it_was(redis_url: str) -> None:
    records = history(Random(8), 50)
    async with client(redis_url) as redis:
        live = await begun(redis)
        keys = Keys(GENERATION)
        await redis.set(keys.index("task:sort:title"), "in the way of a sorted set")

        with pytest.raises(Lost) as lost:
            await live.fold(records, "ready")

        checkpoint = await redis.hgetall(keys.checkpoint)
        assert lost.value.state == "torn"
        assert (checkpoint[b"position"], checkpoint[b"state"]) == (b"0", b"torn")
        writer = Writer(redis, GENERATION)
        await writer.seize(1)
        with pytest.raises(Lost):
            await writer.apply([], Move("ready", 0, "ready", 1, ""))
