"""How long searches and lists take for a user with very many own tasks among all: a real Valkey.

Fills the read model through the projection's own code, asks ten questions a second, whatever the answers
take, and asks the plain way (every text fetched by itself) in the same run: trust the ratio more than the
figures. Run with `python -m benchmarks.search [--tasks 1000000 --own 100000 --seconds 60] [--quick]`.
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from random import Random
from typing import Final

from redis.asyncio import Redis

from projections.encoding import commands_of
from projections.writer import Move, Writer
from readmodels.changes import Changes
from readmodels.connecting import call, connect
from readmodels.documents import Document, Ref, score
from readmodels.keys import Keys, member
from readmodels.kinds import TASK
from readmodels.model import Query, Range
from readmodels.redis import RedisModel
from readmodels.scripts import script
from tests.made_tasks import made_task
from tests.servers import own_valkey, short_folder

GENERATION: Final = 1
BATCH_TASKS: Final = 2_000
QUICK_TASKS, QUICK_OWN, QUICK_SECONDS = 50_000, 10_000, 10
QUESTIONS_PER_S: Final = 10
OTHERS: Final = 1_000
OWNER: Final = 1
EVERYBODYS: Final = "."
RARE, RARE_EVERY = "zeppelin", 1_000
MEDIUM, MEDIUM_EVERY = "quarterly", 40
FREQUENT, FREQUENT_EVERY = "budget", 3
STATUSES: Final = ("pending", "in_progress", "completed", "cancelled")
PRIORITIES: Final = ("low", "medium", "high", "urgent")
DUE_FIRST, DUE_DAYS, HAS_DUE = datetime(2025, 1, 1, tzinfo=UTC), 365, 0.5
LATE: Final = "2025-06-01T00:00:00.000000Z"
TAGS: Final = 200
TEXT_CHARACTERS: Final = (30, 300)
PLAIN: Final = script(Path(__file__).parent, "plain_search")
PLAIN_TEXTS: Final = "plain:texts"
PLAIN_REPEATS: Final = 5

Ask = Callable[[], Awaitable[int]]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--tasks", type=int, default=1_000_000)
    parser.add_argument("--own", type=int, default=100_000)
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--quick", action="store_true", help="small and short: done within a minute")
    options = parser.parse_args()
    if options.quick:
        options.tasks, options.own, options.seconds = QUICK_TASKS, QUICK_OWN, QUICK_SECONDS
    with server() as redis_url:
        asyncio.run(measure(redis_url, options))


@contextmanager
def server() -> Iterator[str]:
    with short_folder() as folder, own_valkey(folder) as valkey:
        yield valkey.url()


async def measure(redis_url: str, options: argparse.Namespace) -> None:
    redis = connect(redis_url, timeout_s=60)
    await fill(redis, options.tasks, options.own)
    await show_size(redis)
    model = RedisModel(redis, GENERATION, timeout_s=30, page_script_max_s=30)
    queries = questions()
    plain = {name: await plain_ms(redis, needle) for name, needle in needles().items()}
    asked = {name: asking(model, query) for name, query in queries.items()}
    taken = await open_loop(asked, options.seconds)
    show(taken, plain, {name: await ask() for name, ask in asked.items()})
    print("\nquestions that are asked alone, in milliseconds")
    for name, query in long_questions(options.tasks, options.own).items():
        print(f"{name:40}{middle(await in_turn(asking(model, query), PLAIN_REPEATS)):9.0f}")
    await redis.aclose()


def needles() -> dict[str, str]:
    """What is searched for: which part of the texts has it is known from how they are made."""
    return {
        "nothing": "no such text",
        "rare": RARE,
        "medium": MEDIUM,
        "frequent": FREQUENT,
        "one letter": "e",
        "everything": EVERYBODYS,
    }


def questions() -> dict[str, Query]:
    own = Query("task", where=((f"task:own:{OWNER}",),))
    pending = Query("task", where=((f"task:own:{OWNER}",), ("task:status:pending",)))
    found = {name: replace(own, text=needle) for name, needle in needles().items()}
    return {
        "list": own,
        "list, by title": replace(own, sort="title", descending=False, ties="same"),
        "list, 100th page": replace(own, offset=990),
        "list, pending": pending,
        **found,
        "medium, pending": replace(pending, text=MEDIUM),
        "frequent, pending": replace(pending, text=FREQUENT),
        "everything, pending": replace(pending, text=EVERYBODYS),
        "medium, second page": replace(own, text=MEDIUM, offset=10),
        "medium, by title": replace(own, text=MEDIUM, sort="title", descending=False, ties="same"),
        "frequent, by title": replace(own, text=FREQUENT, sort="title", descending=False, ties="same"),
    }


def long_questions(tasks: int, own: int) -> dict[str, Query]:
    """What takes longest: the middle and the end of lists, many tags, and an admin's lists of everything."""
    everything, mine = Query("task"), Query("task", where=((f"task:own:{OWNER}",),))
    some = Query("task", where=((f"task:own:{OWNER + 1}",),))
    tagged = tuple(f"task:tag:{number}" for number in range(1, TAGS + 1))
    pending = replace(everything, where=(("task:status:pending",),))
    late = (Range(f"task:due:own:{OWNER}", None, score(LATE)),)
    return {
        "own, by title, in the middle": replace(mine, sort="title", offset=own // 2),
        "own, by title, the last page": replace(mine, sort="title", offset=own - 5),
        "own, by due date, the last page": replace(mine, sort="due_date", offset=own - 5),
        "somebody's with any of all tags": replace(some, where=(*some.where, tagged)),
        "own with any of all tags": replace(mine, where=(*mine.where, tagged)),
        "own, overdue": replace(everything, ranges=late),
        "own, overdue, one letter": replace(mine, ranges=late, text="e"),
        "admin: by due date, behind the dated": replace(everything, sort="due_date", offset=tasks * 3 // 4),
        "admin: pending": pending,
        "admin: pending, by due date, the last": replace(pending, sort="due_date", offset=tasks // 4 - 500),
        "admin: pending, in the middle": replace(pending, offset=tasks // 8),
        "admin: a search through all texts": replace(everything, text=FREQUENT),
    }


def asking(model: RedisModel, query: Query) -> Ask:
    async def ask() -> int:
        return (await model.page(query)).total

    return ask


async def open_loop(asked: Mapping[str, Ask], seconds: int) -> Mapping[str, list[float]]:
    """Milliseconds from the moment when a question was due, so that waiting for others counts."""
    taken: dict[str, list[float]] = defaultdict(list)
    names = list(asked)
    random = Random(5)
    started = time.perf_counter()

    async def one(name: str, due: float) -> None:
        await asked[name]()
        taken[name].append(1000 * (time.perf_counter() - due))

    running = []
    for turn in range(seconds * QUESTIONS_PER_S):
        due = started + turn / QUESTIONS_PER_S
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        if turn % len(names) == 0:
            random.shuffle(names)
        running.append(asyncio.create_task(one(names[turn % len(names)], due)))
    await asyncio.gather(*running)
    return taken


async def plain_ms(redis: Redis, needle: str) -> float:
    keys = Keys(GENERATION)
    words = (keys.index(f"task:own:{OWNER}"), PLAIN_TEXTS, keys.index("task:sort:created"), needle, 10)

    async def ask() -> int:
        found: list[int] = await call(redis, "EVAL", PLAIN.text, 0, *words)
        return found[0]

    return middle(await in_turn(ask, PLAIN_REPEATS))


async def in_turn(ask: Ask, times: int) -> list[float]:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await ask()
        taken.append(1000 * (time.perf_counter() - started))
    return taken


async def fill(redis: Redis, count: int, own: int) -> None:
    writer = Writer(redis, GENERATION, timeout_s=60)
    await writer.seize(1)
    await writer.clear("log")
    random, started = Random(7), time.perf_counter()
    owned = set(random.sample(range(1, count + 1), own))
    for first in range(1, count + 1, BATCH_TASKS):
        last = min(first + BATCH_TASKS - 1, count)
        tasks = [made(number, random, number in owned) for number in range(first, last + 1)]
        await write(writer, tasks, last, "ready" if last == count else "filling")
        texts = ((member(str(task["id"])), f"{task['title']}\n{task['description']}") for task in tasks)
        await call(redis, "HSET", PLAIN_TEXTS, *chain.from_iterable(texts))
    print(f"{count:,} tasks, {own:,} of one user, written in {time.perf_counter() - started:.0f} s")


async def write(writer: Writer, tasks: list[Document], position: int, state: str) -> None:
    changes = Changes()
    for task in tasks:
        changes.replace(TASK, Ref("task", str(task["id"])), None, task)
    moment = "2025-01-01T00:00:00.000000Z"
    await writer.apply(
        list(commands_of(changes, writer.keys)),
        Move("filling", position - len(tasks), state, position, f"event-{position}", moment),
    )


def made(number: int, random: Random, is_own: bool) -> Document:
    """A task in no project: what searches and lists of own tasks look at is random, the rest is empty."""
    due = DUE_FIRST + timedelta(seconds=random.randrange(DUE_DAYS * 86_400))
    text = words(number, random)
    middle = random.randint(10, min(len(text), 60))
    return made_task(
        number,
        text[:middle],
        description=text[middle:] + EVERYBODYS,
        creator_id=OWNER if is_own else random.randint(OWNER + 1, OWNER + OTHERS),
        priority=random.choice(PRIORITIES),
        status=random.choice(STATUSES),
        due_date=due.strftime("%Y-%m-%dT%H:%M:%S.000000Z") if random.random() < HAS_DUE else None,
        tag_ids=random.sample(range(1, TAGS + 1), random.randint(0, 3)),
    )


def words(number: int, random: Random) -> str:
    """30 to 300 characters: common words often, rare ones seldom, as in any language."""
    length = random.randint(*TEXT_CHARACTERS)
    found: list[str] = []
    for word, every in ((RARE, RARE_EVERY), (MEDIUM, MEDIUM_EVERY), (FREQUENT, FREQUENT_EVERY)):
        if random.randrange(every) == 0:
            found.append(word)
    while sum(map(len, found)) + len(found) < length:
        found.append(VOCABULARY[int(len(VOCABULARY) * random.random() ** 3)])
    random.shuffle(found)
    return f"{' '.join(found)[:length]} {number}"


def vocabulary(random: Random) -> list[str]:
    letters = "eeeeetttaaaooiinnsshhrrdlcumwfgypbvk"
    return ["".join(random.choices(letters, k=random.randint(2, 10))) for _ in range(5_000)]


VOCABULARY: Final = vocabulary(Random(3))


async def show_size(redis: Redis) -> None:
    keys = Keys(GENERATION)
    memory = await redis.info("memory")
    print(f"the read model and the texts of the plain way take {memory['used_memory_human']}")
    for shelf in ("task:sort:id", f"task:own:{OWNER}"):
        size = await call(redis, "MEMORY", "USAGE", keys.texts(shelf), "SAMPLES", "1000")
        buckets = await call(redis, "HLEN", keys.texts(shelf))
        print(f"texts of {shelf:16} {size / 1e6:8.1f} MB in {buckets:,} buckets")
    plain = await call(redis, "MEMORY", "USAGE", PLAIN_TEXTS, "SAMPLES", "1000")
    print(f"texts of the plain way  {plain / 1e6:9.1f} MB")


def show(taken: Mapping[str, list[float]], plain: Mapping[str, float], totals: Mapping[str, int]) -> None:
    print(f"\n{'milliseconds':22}{'p50':>9}{'p99':>9}{'plain':>9}{'found':>10}")
    for name, times in taken.items():
        by_plain = f"{plain[name]:9.1f}" if name in plain else f"{'':9}"
        row = f"{name:22}{middle(times):9.1f}{percentile(times, 99):9.1f}{by_plain}{totals[name]:10,}"
        print(row)
    everything = [each for times in taken.values() for each in times]
    print(f"{'all':22}{middle(everything):9.1f}{percentile(everything, 99):9.1f}")


def middle(times: list[float]) -> float:
    return percentile(times, 50)


def percentile(times: list[float], percent: int) -> float:
    ordered = sorted(times)
    return ordered[min(len(ordered) * percent // 100, len(ordered) - 1)]


if __name__ == "__main__":
    main()
