"""Searches and large lists: what Redis finds by looking through shelves is what the documents say."""

from __future__ import annotations

import re
from collections.abc import Sequence
from random import Random
from typing import Any

import pytest
from redis.asyncio import Redis

from projections.encoding import BUCKET_BYTES, Command, commands_of, size_bytes
from projections.memory import fold
from projections.writer import Move, Writer
from readmodels.changes import Changes
from readmodels.connecting import call
from readmodels.documents import Document, Ref
from readmodels.keys import BUCKET_MAX_BYTES, Keys, elsewhere, level_max, shelf_place, tag_digits
from readmodels.kinds import KINDS, TASK
from readmodels.memory import MemoryModel
from readmodels.model import FOREIGN, PAGE_MAX, Query, Range, Through
from readmodels.projects import PROJECT
from readmodels.redis import RedisModel
from readmodels.shelves import SHELVED_TEXT_MAX_BYTES, SHELVES_MAX
from readmodels.users import USER
from tests.folding import GENERATION, begun, everything
from tests.histories import history, spoiled
from tests.made_tasks import MOMENT, Both, Writing, made_task

OWN = (("task:own:1",),)
PENDING = (("task:status:pending",),)
MANY = 3_000  # ids are kept by a search
LONG = "beta " + "名" * 400
MANY_PEOPLE = list(range(1, 12))
KEYS = Keys(GENERATION)
HOSTILE = (
    "12", "2", "a12", "%", "_", "%d+", ".", "^x", "$", "[a]", "-", " ", "  ", "\n", "d\n", "\nf",
    "é", "ß", "ss",
    "ﬀ", "名", "🚧", "\u00f5", "\u00ff", "\x7f", "\x01", "end", "begin", "nowhere", "straße e",
)  # fmt: skip


@pytest.fixture
async def both(redis: Redis) -> Both:
    model = Both(redis, GENERATION)
    await model.begin()
    return model


def ids(documents: Any) -> list[int]:
    return [document["id"] for document in documents]


def is_in(needle: str, task: Document) -> bool:
    """Whether it stands in one of the texts of the task, not across them."""
    return any(needle.casefold() in task[field].casefold() for field in ("title", "description"))


@pytest.mark.parametrize("needle", [*HOSTILE, "\0", "end\0f", "\0õ"])
async def test_a_needle_is_found_where_it_stands_and_nowhere_else(both: Both, needle: str) -> None:
    tasks = [
        made_task(number, f"begin {word} end", description=f"F{number} {other}")
        for number, (word, other) in enumerate(zip(HOSTILE, reversed(HOSTILE), strict=True), start=1)
    ]
    tasks += [made_task(number, "12", creator_id=2, description="\x00õÿ") for number in range(95, 125)]
    await both.put(tasks)

    for where in ((), OWN, PENDING, (*OWN, *PENDING)):
        page = await both.page(Query("task", where=where, text=needle, limit=PAGE_MAX))
        found = [task["id"] for task in tasks if "\0" not in needle and is_in(needle, task)]
        expected = [
            number
            for number in found
            if where in ((), PENDING) or both.writing.tasks[number]["creator_id"] == 1
        ]
        assert ids(page.documents) == sorted(expected, reverse=True)
        assert page.total == len(expected)


async def test_no_bytes_between_texts_can_be_found(both: Both) -> None:
    await both.put([made_task(number, f"x{number}y") for number in range(1, 130)])
    for needle in ("y\u00ffx", "yx", "y\nx", "\u00f5", "\ufffd", "y\x00", "\x00"):
        assert (await both.page(Query("task", where=OWN, text=needle))).total == 0


async def test_nothing_is_found_across_the_end_of_a_title(both: Both) -> None:
    titles = {1: ("deploy", "now"), 2: ("deploy\nnow", ""), 3: ("", "deploy\nnow"), 4: ("deploy\n", "\nnow")}
    await both.put(made_task(key, title, description=text) for key, (title, text) in titles.items())
    for needle, found in (
        ("y\nn", [3, 2]),
        ("deploy\n", [4, 3, 2]),
        ("\nnow", [4, 3, 2]),
        ("y\n\nn", []),
        ("y\0n", []),
        ("\0", []),
        ("yn", []),
        ("now", [4, 3, 2, 1]),
    ):
        for where in ((), OWN, PENDING):
            assert ids((await both.page(Query("task", where=where, text=needle))).documents) == found, needle


def test_the_texts_of_every_kind_keep_their_fields_apart() -> None:
    user = {"username": "ana", "email": "a@example.com", "first_name": "Ana", "last_name": "Lima"}
    project = {"name": "Website", "description": "New"}
    assert [kind.text and kind.text(document) for kind, document in ((USER, user), (PROJECT, project))] == [
        "ana\0a@example.com\0Ana\0Lima",
        "Website\0New",
    ]


async def test_all_marks_that_are_asked_for_must_be_there(both: Both) -> None:
    await both.put(
        made_task(
            number,
            "needle",
            status=("pending", "completed")[number % 2],
            priority=("low", "high", "urgent")[number % 3],
        )
        for number in range(1, 100)
    )
    urgent, completed = ("task:priority:urgent",), ("task:status:completed",)
    assert await found_by(both, "needle", *OWN, *PENDING, urgent) == [*range(98, 0, -6)][:10]
    assert await found_by(both, "needle", *PENDING, urgent) == [*range(98, 0, -6)][:10]
    assert await found_by(both, "needle", *OWN, *PENDING, completed) == []


async def test_long_texts_are_searched_to_their_end(both: Both) -> None:
    tasks = [made_task(number, "long", description="é" * 4_990 + f" last{number}") for number in range(1, 41)]
    await both.put(tasks)
    assert ids((await both.page(Query("task", where=OWN, text="last17"))).documents) == [17]
    assert (await both.page(Query("task", where=OWN, text="é" * 4_990))).total == 40


async def test_a_text_moves_with_its_task(both: Both, redis: Redis) -> None:
    mine, other = (
        Query("task", where=OWN, text="needle"),
        Query("task", where=(("task:own:2",),), text="needle"),
    )
    task = made_task(7, "a needle", creator_id=1)

    await both.put([made_task(5, "before"), task, made_task(9, "after")])
    assert [(await both.page(each)).total for each in (mine, other)] == [1, 0]
    await both.put([{**task, "assignee_ids": [2]}])
    assert [(await both.page(each)).total for each in (mine, other)] == [1, 1]
    await both.put([{**task, "assignee_ids": [2], "title": "needles"}])
    assert [(await both.page(each)).total for each in (mine, other)] == [1, 1]
    await both.put([{**task, "title": "", "assignee_ids": [2]}])
    assert [(await both.page(each)).total for each in (mine, other)] == [0, 0]
    await both.put([task])
    assert [(await both.page(each)).total for each in (mine, other)] == [1, 0]
    await both.put([{**task, "deleted": True}])
    assert [(await both.page(each)).total for each in (mine, other)] == [0, 0]
    assert not await call(redis, "EXISTS", KEYS.texts("task:own:2"))


async def test_an_emptied_shelf_is_gone(both: Both, redis: Redis) -> None:
    tasks = [made_task(number, "text") for number in (3, 14, 159)]
    await both.put(tasks)
    assert await call(redis, "EXISTS", KEYS.texts("task:own:1"), KEYS.texts("task:sort:id")) == 2
    await both.put([], gone=[3, 14, 159])
    assert await everything(redis, KEYS.prefix) == {
        "checkpoint": (await everything(redis, KEYS.prefix))["checkpoint"]
    }
    assert (await both.page(Query("task", where=OWN, text="text"))).total == 0


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_happens_to_tasks_the_answers_and_the_bytes_are_those_of_a_fresh_fill(
    both: Both, redis: Redis, seed: int
) -> None:
    random = Random(seed)
    for _ in range(40):
        await both.put(*step(random, both.writing.tasks))
    for query in some_queries(random, 60):
        await both.page(query)

    fresh = Writing(redis, GENERATION + 1)
    await fresh.begin()
    await fresh.put(both.writing.tasks.values())
    held, expected = [await everything(redis, Keys(each).prefix) for each in (GENERATION, GENERATION + 1)]
    assert held.pop("checkpoint")
    assert expected.pop("checkpoint")
    assert held == expected


async def test_changes_may_be_written_twice(redis: Redis) -> None:
    once, twice = Writing(redis, GENERATION), Writing(redis, GENERATION + 1)
    for each, times in ((once, 1), (twice, 2)):
        random = Random(9)
        await each.begin()
        for _ in range(20):
            await each.put(*step(random, each.tasks), times=times)
    held, expected = [await everything(redis, Keys(each).prefix) for each in (GENERATION, GENERATION + 1)]
    assert held.pop("checkpoint") != expected.pop("checkpoint")
    assert held == expected


def step(random: Random, tasks: dict[int, Document]) -> tuple[list[Document], list[int]]:
    """Some tasks made, changed and removed."""
    changed = {}
    for _ in range(random.randint(1, 12)):
        number = random.choice([*tasks, random.randint(1, 1_300)])
        if number in tasks and random.random() < 0.4:
            changed[number] = changed_a_little(random, tasks[number])
            continue
        changed[number] = made_task(
            number,
            random.choice(["", "alpha", "Beta needle", f"{number}", "Straße", "名前"]),
            description=random.choice(["", "needle", "x" * 300, "beta", LONG]),
            creator_id=random.randint(1, 3),
            assignee_ids=random.choice([random.sample(range(1, 4), random.randint(0, 2)), MANY_PEOPLE]),
            status=random.choice(["pending", "completed"]),
            priority=random.choice(["low", "high"]),
            due_date=random.choice([None, f"2025-0{random.randint(1, 9)}-01T00:00:00.000000Z"]),
            deleted=random.random() < 0.1,
        )
    gone = [number for number in tasks if number not in changed and random.random() < 0.03]
    return list(changed.values()), gone


def changed_a_little(random: Random, task: Document) -> Document:
    """A task with other marks, or on its way between a user's shelf and elsewhere, else the same."""
    return {
        **task,
        **random.choice(
            [
                {"status": random.choice(["pending", "completed"])},
                {"priority": random.choice(["low", "high"])},
                {"assignee_ids": random.choice([[], [1], [2], MANY_PEOPLE])},
                {"description": random.choice(["beta", LONG])},
            ]
        ),
    }


def some_queries(random: Random, count: int) -> list[Query]:
    return [
        Query(
            "task",
            where=random.choice([(), OWN, PENDING, (*OWN, *PENDING), (("task:own:1", "task:own:2"),)]),
            through=random.choice(
                [None, None, Through("project:visible:1", "task:project:", ("task:personal:2",))]
            ),
            ranges=random.choice([(), (), (Range("task:sort:due_date", None, 1_750_000_000.0),)]),
            without=random.choice([(), (), (Range("task:sort:due_date", 1_740_000_000.0, None),)]),
            text=random.choice([None, "needle", "a", "beta", "1", "名"]),
            sort=random.choice(["created", "id", "title", "due_date", "priority", "updated_at"]),
            descending=random.random() < 0.5,
            ties=random.choice(["newest", "same"]),
            offset=random.choice([0, 0, 3, 40, 5_000]),
            limit=random.choice([0, 1, 5, 10, 500]),
        )
        for _ in range(count)
    ]


async def test_many_matches_are_counted_and_paged_in_every_order(both: Both) -> None:
    """More than a search keeps ids of, so that pages come from following the sort index."""
    random = Random(3)
    await both.put(
        made_task(
            number,
            random.choice(["common", "Common thing", "another common", f"{number} common", "other"]),
            creator_id=random.choice([1, 1, 1, 2]),
            status=random.choice(["pending", "pending", "completed"]),
            priority=random.choice(["low", "medium", "high"]),
            due_date=random.choice(
                [None, "2025-03-01T00:00:00.000000Z", f"2025-01-{random.randint(10, 28)}T10:00:00.000000Z"]
            ),
        )
        for number in range(1, 6_500)
    )
    assert (await both.page(Query("task", where=OWN, text="common"))).total > MANY
    for query in (*orders(), *filtered()):
        await both.page(query)
    assert (await both.page(filtered()[0])).total > MANY


def orders() -> list[Query]:
    return [
        Query(
            "task",
            where=where,
            text=text,
            sort=sort,
            descending=descending,
            ties=ties,
            offset=offset,
            limit=20,
        )
        for where in ((), OWN, PENDING, (*OWN, *PENDING))
        for text in (None, "common")
        for sort in ("created", "title", "due_date", "priority")
        for descending in (True, False)
        for ties in ("newest", "same")
        for offset in (0, 55, 2_500)
    ]


def filtered() -> list[Query]:
    """Conditions that no mark shows, so that matches are asked about while they are found."""
    late = Range("task:sort:due_date", 1_738_000_000.0, None)
    return [
        Query("task", where=where, text="common", without=(late,), sort=sort, offset=offset)
        for where in ((), OWN, PENDING, (("task:own:1", "task:own:2"), *PENDING))
        for sort in ("created", "due_date")
        for offset in (0, 55, 2_500)
    ]


async def test_the_matches_of_a_page_may_stand_last_in_the_order(both: Both) -> None:
    """Following the sort index would take longer than looking at the matches; the page is the same."""
    await both.put(made_task(number, "rest", creator_id=2) for number in range(2_501, 8_500))
    await both.put(made_task(number, "needle") for number in range(1, 2_501))
    page = await both.page(Query("task", where=OWN, text="needle", limit=5))
    assert ids(page.documents) == [2_500, 2_499, 2_498, 2_497, 2_496]
    assert ids((await both.page(Query("task", where=OWN, limit=3))).documents) == [2_500, 2_499, 2_498]


@pytest.mark.parametrize("seed", range(3))
def test_what_queries_may_name_holds_listed_documents_only(seed: int) -> None:
    """RedisModel relies on it, whatever could not be folded; FOREIGN says where it is not so."""
    model = MemoryModel()
    fold(spoiled(history(Random(seed), 1_500), seed, percent=2), model)
    for name, members in model.indexes.items():
        kind = name.partition(":")[0]
        if not KINDS[kind].is_summary and not name.startswith((f"{kind}:of:", f"{kind}:people:", *FOREIGN)):
            assert members.keys() <= model.indexes[f"{kind}:sort:id"].keys(), name


def test_a_shelf_has_the_texts_of_its_index() -> None:
    model = MemoryModel()
    fold(history(Random(2), 1_500), model)
    assert any(shelf.startswith("task:own:") for shelf in model.texts)
    for shelf, texts in model.texts.items():
        kind = KINDS[shelf.partition(":")[0]]
        assert kind.text is not None
        for key in model.indexes[shelf].keys() - model.indexes[elsewhere(shelf)].keys():
            text = kind.text(model.documents[Ref(kind.name, key)]) or ""
            assert (texts[key].text if key in texts else "") == text.casefold()


def test_ids_have_roots_and_tags() -> None:
    assert shelf_place("task:sort:id", "7") == ("0", "7")
    assert shelf_place("task:sort:id", "4711") == ("471", "1")
    assert shelf_place("task:own:1", "7") == ("0", "0007")
    assert shelf_place("task:own:1", "4711") == ("0", "4711")
    assert shelf_place("task:own:1", "1234711") == ("123", "4711")
    assert [level_max(digits) for digits in (1, 4)] == [4, 14]


Shelf = dict[str, list[tuple[str, str, str]]]


async def shelf_in(redis: Redis, name: str, keys: Keys = KEYS) -> Shelf:
    """What lies in each bucket: ids, texts and marks."""
    held: dict[bytes, bytes] = await call(redis, "HGETALL", keys.texts(name))
    return {
        bucket.decode(): [
            (id_of(bucket, tag), text.decode(), digits(tag)[tag_digits(name) :])
            for text, tag in re.findall(rb"([^\xf5-\xff]*)\xff([\xf5-\xfe]+)", blob)
        ]
        for bucket, blob in held.items()
    }


def digits(hidden: bytes) -> str:
    return "".join(str(byte - 0xF5) for byte in hidden)


def id_of(bucket: bytes, tag: bytes) -> str:
    return str(int(bucket.split(b":")[0] + digits(tag[:-2]).encode()))


async def sizes(redis: Redis, name: str) -> list[int]:
    return [len(blob) for blob in (await call(redis, "HGETALL", KEYS.texts(name))).values()]


def texts_of(tasks: dict[int, Document]) -> list[tuple[str, str, str]]:
    """What must lie on the shelf of a user whose tasks these are."""
    marks = {"pending": "1", "completed": "3"}
    return [
        (str(number), f"{task['title']}\0{task['description']}", f"{marks[task['status']]}2")
        for number, task in tasks.items()
    ]


async def test_a_bucket_that_is_too_large_is_halved_and_halves_that_fit_are_joined(
    both: Both, redis: Redis
) -> None:
    """Whatever came before: texts that grow, shrink, go and come back, before and behind a root's end."""
    random, most = Random(4), 0
    for share in (0.1, 0.9, 1.0, 0.5, 0.02, 0.7, 0.01):
        numbers = random.sample(range(9_700, 10_300), 400)
        gone = random.sample([*both.writing.tasks.keys() - set(numbers)], 20 if both.writing.tasks else 0)
        await both.put([sized_task(random, number, share) for number in numbers], gone)
        held = await shelf_in(redis, "task:own:1")
        assert sorted(each for bucket in held.values() for each in bucket) == sorted(
            texts_of(both.writing.tasks)
        )
        assert max(await sizes(redis, "task:own:1")) <= BUCKET_MAX_BYTES
        most = max(most, len(held))
        assert (await both.page(Query("task", where=OWN, text="needle", limit=PAGE_MAX))).total > 0
        fresh = Writing(redis, GENERATION + 1)
        await fresh.begin()
        await fresh.put(both.writing.tasks.values())
        assert held == await shelf_in(redis, "task:own:1", Keys(GENERATION + 1))
    assert most > 16
    await both.put(sized_task(random, number, 0) for number in list(both.writing.tasks))
    assert set(await shelf_in(redis, "task:own:1")) == {"0:14:0", "1:14:0"}
    await both.put([], gone=list(both.writing.tasks))
    assert not await call(redis, "EXISTS", KEYS.texts("task:own:1"))


def sized_task(random: Random, number: int, share: float) -> Document:
    """A task whose text takes some share of what fits on a user's shelf."""
    title = random.choice(["needle", "thread", ""])
    length = int((SHELVED_TEXT_MAX_BYTES - 10) * share * random.random())
    return made_task(number, title, description="x" * length, status=random.choice(["pending", "completed"]))


async def test_a_bucket_of_long_texts_is_halved_until_one_is_left(both: Both, redis: Redis) -> None:
    await both.put(made_task(number, f"needle {number}", description="名" * 2_000) for number in range(1, 30))
    assert max(await sizes(redis, "task:sort:id")) <= BUCKET_MAX_BYTES
    await both.put(made_task(number, f"needle {number}", description="名" * 5_900) for number in range(1, 30))
    held = await shelf_in(redis, "task:sort:id")
    assert {len(bucket) for bucket in held.values()} == {0, 1}
    assert max(await sizes(redis, "task:sort:id")) > BUCKET_MAX_BYTES

    for where in ((), OWN, PENDING):
        assert await found_by(both, "needle 1", *where) == [*range(19, 9, -1)]
    await both.put(made_task(number, f"needle {number}") for number in range(1, 30))
    assert set(await shelf_in(redis, "task:sort:id")) == {"0:4:0", "1:4:0", "2:4:0"}


def test_only_what_changed_is_written() -> None:
    task = made_task(5, "same", assignee_ids=[2])
    changes = Changes()
    changes.replace(TASK, Ref("task", "5"), task, {**task, "status": "completed", "due_date": MOMENT})
    assert not changes.texts
    assert changes.marks == {shelf: {"5": "32"} for shelf in ("task:own:1", "task:own:2", "task:sort:id")}
    changes = Changes()
    changes.replace(TASK, Ref("task", "5"), task, {**task, "due_date": MOMENT, "completion_notes": "same"})
    assert not changes.texts
    assert not changes.marks
    changes.replace(TASK, Ref("task", "5"), task, {**task, "assignee_ids": [3]})
    assert changes.texts == {"task:own:3": {"5": ("same\0", "12")}, "task:own:2": {"5": None}}


def test_a_change_of_status_sends_no_text_and_a_long_or_shared_text_is_sent_once() -> None:
    shared = made_task(5, "needle", description="名" * 5_000, assignee_ids=list(range(2, 102)))
    created, changed = Changes(), Changes()
    created.replace(TASK, Ref("task", "5"), None, shared)
    changed.replace(TASK, Ref("task", "5"), shared, {**shared, "status": "completed"})

    assert created.texts.keys() == {"task:sort:id"}
    assert created.added[elsewhere("task:own:77")] == {"5": 5}
    assert changed.marks == {"task:sort:id": {"5": "32"}}
    assert not changed.texts
    text, document = 15_000, 17_000
    assert text + document < sum(map(size_bytes, commands_of(created, KEYS))) < text + document + 30_000
    words = [word for command in commands_of(changed, KEYS) for word in command if command[0] != "MSET"]
    assert sum(len(str(word)) for word in words) < 1_000


async def test_a_text_that_gets_long_or_many_peoples_leaves_its_shelf_and_comes_back(
    both: Both, redis: Redis
) -> None:
    others = list(range(2, 2 + SHELVES_MAX))
    short = made_task(7, "needle", assignee_ids=others[:-1], status="completed")
    fits = SHELVED_TEXT_MAX_BYTES - len("needle\0")
    await both.put([made_task(3, "needle"), short])
    before = await everything(redis, KEYS.prefix)

    for away in ({"assignee_ids": others}, {"description": "x" * (fits + 1)}, {"description": "名" * 400}):
        await both.put([{**short, **away}])
        for owner in (1, 2):
            assert await found_by(both, "needle", (f"task:own:{owner}",)) == ([7, 3] if owner == 1 else [7])
            assert await found_by(both, "needle", (f"task:own:{owner}",), *PENDING) == ([3] * (owner == 1))
            assert await call(redis, "ZCARD", KEYS.index(elsewhere(f"task:own:{owner}"))) == 1
        assert not await call(redis, "EXISTS", KEYS.texts("task:own:2"))
        await both.put([short])
        held = await everything(redis, KEYS.prefix)
        assert {**held, "checkpoint": None} == {**before, "checkpoint": None}

    await both.put([{**short, "description": "x" * fits}])
    assert not await call(redis, "EXISTS", KEYS.index(elsewhere("task:own:1")))


async def found_by(both: Both, needle: str, *where: tuple[str, ...]) -> list[int]:
    return ids((await both.page(Query("task", where=where, text=needle))).documents)


async def test_a_users_search_of_what_lies_elsewhere_finds_nobody_elses(both: Both) -> None:
    """On the shelf of all, texts of others lie in the same buckets."""
    await both.put(
        made_task(number, "needle", description=LONG if number % 3 else "", creator_id=1 + number % 2)
        for number in range(1, 400)
    )
    for where in (OWN, (*OWN, *PENDING), (("task:own:3",),)):
        for limit in (0, 5, 500):
            await both.page(Query("task", where=where, text="needle", limit=limit))
    assert (await both.page(Query("task", where=OWN, text="needle"))).total == 199


async def test_a_batch_that_moves_too_many_bytes_is_written_in_parts(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    records = history(Random(8), 300)
    live = await begun(redis)
    await live.fold(records, "ready")
    whole = await everything(redis, KEYS.prefix)
    sizes = []
    apply = Writer.apply

    async def noted(writer: Writer, script: Sequence[Command], move: Move, **rest: Any) -> None:
        sizes.append(sum(map(size_bytes, script)))
        await apply(writer, script, move, **rest)

    parted = await begun(redis, script_max_bytes=60_000)
    monkeypatch.setattr(Writer, "apply", noted)
    await parted.fold(records, "ready")
    assert len(sizes) > 2
    assert max(sizes) <= 60_000
    held = await everything(redis, KEYS.prefix)
    assert {**held, "checkpoint": None} == {**whole, "checkpoint": None}


def test_what_a_command_moves_is_counted_in_bytes() -> None:
    assert size_bytes(["MSET", "key", "名" * 10, 5]) == 4 + 3 + 30 + 1
    head: Command = ["key", "0", 14, 16_384]
    words = 3 + 1 + 2 + 5
    assert size_bytes(["MARK", *head, "0007", "11"]) == BUCKET_BYTES + 4 + words + 4 + 2
    two: Command = ["0007", "11", "beta", "0008", "", ""]
    three: Command = ["0107", "12", ""]
    assert size_bytes(["SHELVE", *head, *two]) == BUCKET_BYTES + 6 + words + 8 + 2 + 4
    assert size_bytes(["SHELVE", *head, *two, *three]) == 2 * BUCKET_BYTES + 6 + words + 12 + 4 + 4


async def test_what_others_say_of_a_document_does_not_list_it(redis: Redis) -> None:
    """A project whose deletion could not be folded into its tasks is still visible to somebody, but gone."""
    writer, memory, changes = Writer(redis, GENERATION), MemoryModel(), Changes()
    await writer.seize(1)
    await writer.clear("log")
    reason = {"id": "7:12", "reasons": 1}
    changes.replace(KINDS["access"], Ref("access", "7:12"), None, reason)
    await writer.apply(list(commands_of(changes, KEYS)), Move("filling", 0, "ready", 1, "event-1", MOMENT))
    memory.apply(changes, 1, MOMENT)

    query = Query("project", where=(("project:visible:7",),))
    assert await memory.page(query) == await RedisModel(redis, GENERATION).page(query) == ([], 0, 1)
