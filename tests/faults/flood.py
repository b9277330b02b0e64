"""Far too many requests, in a process of its own, which reads from standard input what to send."""

from __future__ import annotations

import asyncio
import json
import sys
from collections import Counter
from itertools import count
from typing import Final, NamedTuple

import orjson

from benchmarks.load import MakeRequest, request
from benchmarks.open_loop import open_loop

CONNECTIONS: Final = 400
"""To each server."""

WRITES_EVERY: Final = 5
REFUSED: Final = 503


class Flood(NamedTuple):
    """`headers` prove who asks, somebody who may make tasks in `project`; `per_s` counts for all ports."""

    ports: list[int]
    headers: dict[str, str]
    project: int
    per_s: float
    seconds: float


class Flooded(NamedTuple):
    """What came of it: numbers of answers by their status, 0 for one that never came.

    `unsent` found no free connection. `refused_within_s` is how long nine of ten refusals took at most.
    """

    statuses: dict[str, int]
    unsent: int
    refused_within_s: float


async def made(flood: Flood) -> Flooded:
    each_per_s = flood.per_s / len(flood.ports)
    fired = await asyncio.gather(
        *(
            open_loop(
                port,
                _requests(flood),
                per_s=each_per_s,
                seconds=flood.seconds,
                connections=CONNECTIONS,
            )
            for port in flood.ports
        )
    )
    answers = [answer for one in fired for answer in one.answers]
    statuses = Counter(str(answer.status) for answer in answers)
    refused = sorted(answer.took_s for answer in answers if answer.status == REFUSED)
    slow_s = refused[len(refused) * 9 // 10] if refused else 0.0
    return Flooded(dict(sorted(statuses.items())), sum(one.unsent for one in fired), slow_s)


def _requests(flood: Flood) -> MakeRequest:
    """Four reads of a list, then a new task, and so on."""
    read = request("GET", "/api/projects?per_page=10", flood.headers)
    numbers = count(1)

    def make() -> bytes:
        number = next(numbers)
        if number % WRITES_EVERY:
            return read
        body = orjson.dumps({"title": f"Drop {number}"})
        return request("POST", f"/api/projects/{flood.project}/tasks", flood.headers, body)

    return make


def main() -> None:
    """Print what came of it as JSON."""
    flooded = asyncio.run(made(Flood(**json.load(sys.stdin))))
    print(json.dumps(flooded._asdict()))


if __name__ == "__main__":
    main()
