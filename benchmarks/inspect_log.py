"""How long operators wait for the first page of a search in a long log, filter by filter.

Makes the log in a database of its own, fills the index of events, then asks. Run with
`python -m benchmarks.inspect_log [--events 1000000] [--repeat 5] [--json]`; ten million events need 12 GB.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, Final

import psycopg

from benchmarks.made_log import make_log
from events.connections import Connections
from events.criteria import Criteria
from events.finding import Finder, Wanted
from events.index import connections_to_fill, fill
from events.index_pace import IndexBounds
from events.migrate import migrate
from events.positions import position_at
from events.postgres import open_log
from tests.servers import own_postgres, short_folder

LIMIT: Final = 50
BOUND_MS: Final = 200.0
TYPE: Final = Criteria(types=("task.status_changed",))

FILTERS: Final[Mapping[str, Criteria]] = {
    "nothing": Criteria(),
    "type, common": TYPE,
    "type, 1 in 1,000,000": Criteria(types=("task.deleted",)),
    "type, absent": Criteria(types=("risk.raised",)),
    "type, pattern": Criteria(types=("task.*ed",)),
    "stream": Criteria(stream="task-777"),
    "stream, absent": Criteria(stream="project-1"),
    "actor": Criteria(actor_id=7),
    "actor, absent": Criteria(actor_id=999_999),
    "request": Criteria(request_id="req_c4ca4238a0b923820dcc"),
    "request, absent": Criteria(request_id="req_none"),
    "text in the payload, common": Criteria(fields=(("status", "completed"),)),
    "text in the payload, once": Criteria(fields=(("title", "Task 5000 of the plan"),)),
    "text in the payload, absent": Criteria(fields=(("status", "lost"),)),
    "number in the payload": Criteria(fields=(("project_id", 77),)),
    "number in a list": Criteria(fields=(("credits.user_id", 77),)),
    "type, actor and payload": replace(TYPE, actor_id=7, fields=(("status", "completed"),)),
    "type and actor": replace(TYPE, actor_id=7),
    "two in the payload": Criteria(fields=(("priority", "low"), ("project_id", 77))),
    "actor and payload, never both": Criteria(actor_id=7, fields=(("creator_id", 8),)),
    "type and payload, never both": replace(TYPE, fields=(("priority", "low"),)),
    "types and payload, never both": Criteria(types=("task.*d",), fields=(("status", "completed"),)),
    "two in the payload, never both": Criteria(fields=(("status", "completed"), ("status", "blocked"))),
    "three in the payload, never all": Criteria(
        fields=(("status", "completed"), ("status", "blocked"), ("status", "review"))
    ),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with database() as url:
        figures = made(url, options.events) | asyncio.run(filled(url, options.events))
        figures["sizes"] = sizes(url)
        figures["pages"] = asyncio.run(asked(url, options.events, options.repeat))
    if options.json:
        print(json.dumps(figures, indent=2))
    else:
        show(figures)
    sys.exit(any(row["worst_ms"] > BOUND_MS for row in figures["pages"]))


@contextmanager
def database() -> Iterator[str]:
    with short_folder() as folder, own_postgres(folder) as postgres:
        url = postgres.url("postgres")
        migrate(url)
        yield url


def made(url: str, events: int) -> dict[str, Any]:
    started = time.perf_counter()
    make_log(url, events)
    return {"events": events, "made_s": round(time.perf_counter() - started, 1)}


async def filled(url: str, events: int) -> dict[str, Any]:
    bounds = IndexBounds()
    connections = connections_to_fill(url, bounds)
    done, started, slowest_s = 0, time.perf_counter(), 0.0
    try:
        while True:
            batch_started = time.perf_counter()
            count = await fill(connections, bounds)
            slowest_s = max(slowest_s, time.perf_counter() - batch_started)
            done += count
            if not count:
                break
            print(f"\rindexed {done:,} of {events:,}", end="", file=sys.stderr)
    finally:
        await connections.close()
    seconds = time.perf_counter() - started
    print(file=sys.stderr)
    return {"fill_events_per_s": round(done / seconds), "slowest_batch_s": round(slowest_s, 2)}


def sizes(url: str) -> dict[str, int]:
    query = "select pg_total_relation_size('stored_events'), pg_total_relation_size('event_index')"
    with psycopg.connect(url, autocommit=True) as connection:
        row = connection.execute(query).fetchone()
        assert row is not None
        return {"log_bytes": row[0], "index_bytes": row[1]}


async def asked(url: str, events: int, repeat: int) -> list[dict[str, Any]]:
    connections = Connections(url)
    async with open_log(url) as log:
        finder = Finder(log, connections)
        pages = []
        for name, criteria in FILTERS.items():
            for where, wanted in places(criteria, events).items():
                pages.append(await timed(finder, f"{name}; {where}", wanted, repeat))
        pages.append(await timed_moment(connections, repeat))
    await connections.close()
    return pages


def places(criteria: Criteria, events: int) -> Mapping[str, Wanted]:
    wanted = Wanted(criteria=criteria, limit=LIMIT)
    return {
        "newest first": wanted,
        "oldest first": replace(wanted, newest_first=False),
        "within a tenth of the log": replace(wanted, after=events // 2, before=events // 2 + events // 10),
    }


async def timed(finder: Finder, name: str, wanted: Wanted, repeat: int) -> dict[str, Any]:
    took_ms, found = [], None
    for _ in range(repeat):
        started = time.perf_counter()
        found = await finder.find(wanted)
        took_ms.append(1000 * (time.perf_counter() - started))
    assert found is not None
    return {
        "page": name,
        "events": len(found.events),
        "is_whole": len(found.events) == wanted.limit or found.next is None,
        "first_ms": round(took_ms[0], 1),
        "worst_ms": round(max(took_ms), 1),
        "best_ms": round(min(took_ms), 1),
    }


async def timed_moment(connections: Connections, repeat: int) -> dict[str, Any]:
    took_ms = []
    for _ in range(repeat):
        started = time.perf_counter()
        await position_at(connections, "2025-03-01T00:00:00.000000Z")
        took_ms.append(1000 * (time.perf_counter() - started))
    row = {"first_ms": took_ms[0], "worst_ms": max(took_ms), "best_ms": min(took_ms)}
    return {"page": "the position of a moment", "events": 1, "is_whole": True} | {
        name: round(value, 1) for name, value in row.items()
    }


def show(figures: Mapping[str, Any]) -> None:
    print(f"{figures['events']:,} events, made in {figures['made_s']} s")
    print(f"index filled at {figures['fill_events_per_s']:,} events/s")
    for name, size in figures["sizes"].items():
        print(f"{name} {size:,}")
    print(f"{'page':60} {'found':>6} {'first ms':>9} {'worst ms':>9} {'best ms':>9}")
    for row in figures["pages"]:
        marks = "" if row["is_whole"] else "  (not whole)"
        times = " ".join(f"{row[name]:9.1f}" for name in ("first_ms", "worst_ms", "best_ms"))
        print(f"{row['page']:60} {row['events']:6} {times}{marks}")


if __name__ == "__main__":
    main()
