"""Whether a server process that has answered very many requests takes more memory than it did before."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from time import perf_counter
from typing import Final, NamedTuple

import psutil

from benchmarks.figures import Bench, Figure, Row, Target
from benchmarks.ledger import ledger
from benchmarks.load import MakeRequest, closed_loop
from benchmarks.mix import long_day
from benchmarks.visitor import seed, signed_in

REQUESTS, REQUESTS_QUICK = 1_000_000, 30_000
SECONDS_MAX, SECONDS_MAX_QUICK = 150.0, 8.0
CLIENTS: Final = 32
PART_S: Final = 1.0
WARM_SHARE: Final = 0.1
"""What part of the requests comes before the first of the two compared looks at the memory."""
EXPECTED: Final = frozenset({200, 201, 404})


class Look(NamedTuple):
    """How much memory was resident after so many requests."""

    requests: int
    resident_mb: float


async def measure(bench: Bench) -> Sequence[Row]:
    if bench.is_quick:
        return await watched(bench, REQUESTS_QUICK, SECONDS_MAX_QUICK)
    return await watched(bench, REQUESTS, SECONDS_MAX)


async def watched(bench: Bench, requests: int, seconds_max: float, part_s: float = PART_S) -> Sequence[Row]:
    """One row, after `requests` requests or those of `seconds_max` seconds, whichever are fewer."""
    async with ledger(await bench.empty(), bench.folder) as own, signed_in(own.port) as visitor:
        project_ids = await seed(visitor)
        tasks = (await visitor.read(f"/api/projects/{project_ids[0]}/tasks"))["tasks"]
        make = long_day(visitor, project_ids, [task["id"] for task in tasks])
        server = psutil.Process(own.server.pid)
        looks = await looked(server, own.port, make, requests, seconds_max, part_s)
    last = looks[-1]
    first = next(look for look in looks if look.requests >= WARM_SHARE * last.requests)
    return [
        Row(
            f"memory after {last.requests:,} requests to one server",
            "MB",
            [last.resident_mb],
            [first.resident_mb],
            f"after {first.requests:,}",
            Target(1.1, is_at_least=False),
        )
    ]


async def looked(
    server: psutil.Process, port: int, make: MakeRequest, requests: int, seconds_max: float, part_s: float
) -> Sequence[Look]:
    """A look every `part_s` seconds. Raises RuntimeError when an answer is none of those expected."""
    looks, statuses, began_at = list[Look](), Counter[int](), perf_counter()
    while statuses.total() < requests and perf_counter() - began_at < seconds_max:
        statuses += (await closed_loop(port, make, clients=CLIENTS, seconds=part_s)).statuses
        if not statuses.keys() <= EXPECTED:
            raise RuntimeError(f"the server answered {dict(statuses)}")
        looks.append(Look(statuses.total(), server.memory_info().rss / 1e6))
    return looks


FIGURE: Final = Figure("memory", "Memory of a server", measure)
