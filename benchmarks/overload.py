"""What becomes of a server that is asked for three times as much as it can answer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from time import perf_counter
from typing import Final, NamedTuple

from benchmarks.figures import Bench, Figure, Row, Target
from benchmarks.ledger import ledger
from benchmarks.load import MakeRequest, closed_loop
from benchmarks.mix import busy_hour
from benchmarks.open_loop import Answer, Fired, open_loop
from benchmarks.times import percentile
from benchmarks.visitor import Visitor, seed, signed_in

CLIENTS: Final = 32
CONNECTIONS: Final = 1_000
FACTOR: Final = 3
SECONDS, SECONDS_QUICK = 60.0, 8.0
KNEE_S: Final = 4.0
ANSWERED: Final = (200, 201)
REFUSED: Final = (429, 503)
PROMISED_ANSWER_S: Final = 1.0
"""What is answered later helps nobody, and is not counted."""
PROBES: Final = 20
PROBE_INTERVAL_S: Final = 0.05
NORMAL_FACTOR: Final = 2.0
NORMAL_S_MIN: Final = 0.02
"""Answers this quick are normal, whatever they took before."""
CALM_PROBES: Final = 10
"""So many quick answers one after the other say that all is as before."""
BACK_WITHIN_S: Final = 60.0


class Overload(NamedTuple):
    """Good answers a second at the knee; what came of more than that; when it was over, in seconds."""

    knee_per_s: float
    fired: Fired
    back_after_s: float


async def measure(bench: Bench) -> Sequence[Row]:
    return rows(await overloaded(bench, SECONDS_QUICK if bench.is_quick else SECONDS, KNEE_S))


async def overloaded(bench: Bench, seconds: float, knee_s: float) -> Overload:
    async with ledger(await bench.empty(), bench.folder) as own, signed_in(own.port) as visitor:
        project_ids = await seed(visitor)
        make = busy_hour(visitor, project_ids)
        normal_s = await usual_s(visitor)
        await knee(own.port, make, knee_s / 4)
        knee_per_s = await knee(own.port, make, knee_s)
        bench.say(f"the knee is at {knee_per_s:,.0f} answers a second; {FACTOR} times as many are asked for")
        per_s = FACTOR * knee_per_s
        fired = await open_loop(own.port, make, per_s=per_s, seconds=seconds, connections=CONNECTIONS)
        return Overload(knee_per_s, fired, await back_after_s(visitor, normal_s))


async def knee(port: int, make: MakeRequest, seconds: float) -> float:
    """Answers a second when just as many ask as keep the server busy. Raises RuntimeError for a refusal."""
    taken = await closed_loop(port, make, clients=CLIENTS, seconds=seconds)
    if not taken.statuses.keys() <= set(ANSWERED):
        raise RuntimeError(f"{CLIENTS} clients were answered {dict(taken.statuses)}")
    return taken.per_s


async def usual_s(visitor: Visitor) -> float:
    """What an answer takes while the server has nothing else to do."""
    return percentile([await probe_s(visitor) or BACK_WITHIN_S for _ in range(PROBES)], 50)


async def back_after_s(visitor: Visitor, normal_s: float) -> float:
    """Seconds until answers are as quick as before; BACK_WITHIN_S when they are not even then."""
    quick_s = max(NORMAL_FACTOR * normal_s, NORMAL_S_MIN)
    began_at, calm = perf_counter(), 0
    while (passed_s := perf_counter() - began_at) < BACK_WITHIN_S:
        took_s = await probe_s(visitor)
        calm = calm + 1 if took_s is not None and took_s <= quick_s else 0
        if calm == CALM_PROBES:
            return max(0.0, passed_s - CALM_PROBES * PROBE_INTERVAL_S)
        await asyncio.sleep(PROBE_INTERVAL_S)
    return BACK_WITHIN_S


async def probe_s(visitor: Visitor) -> float | None:
    """How long somebody who comes now waits for a list; None when there is none."""
    started = perf_counter()
    try:
        await visitor.read("/api/projects?per_page=10")
    except (RuntimeError, OSError):
        return None
    return perf_counter() - started


def rows(seen: Overload) -> Sequence[Row]:
    fired, seconds = seen.fired, seen.fired.seconds
    good = [each for each in fired.with_status(*ANSWERED) if each.took_s <= PROMISED_ANSWER_S]
    refused = fired.with_status(*REFUSED)
    what = f"{FACTOR} times the knee for {seconds:.0f} s"
    return [
        Row(
            f"{what}: good answers",
            "/s",
            [len(good) / seconds],
            [seen.knee_per_s],
            "at the knee",
            Target(0.8),
            note(fired),
        ),
        Row(f"{what}: 99 of 100 refusals", "ms", [took_ms(refused)], target=at_most(50)),
        Row(f"{what}: 99 of 100 good answers", "ms", [took_ms(good)]),
        Row(f"{what}: neither answered nor refused", "%", [100 * neither(fired)], target=at_most(0.1)),
        Row("back to normal after", "s", [seen.back_after_s], target=at_most(30)),
    ]


def at_most(value: float) -> Target:
    return Target(value, is_at_least=False)


def took_ms(answers: Sequence[Answer]) -> float:
    """Of 99 in 100; 0 where there is none."""
    return 1000 * percentile([each.took_s for each in answers], 99) if answers else 0.0


def neither(fired: Fired) -> float:
    """The part of the requests that were sent which nobody answered as they should."""
    known = len(fired.with_status(*ANSWERED)) + len(fired.with_status(*REFUSED))
    return 1 - known / max(1, len(fired.answers))


def note(fired: Fired) -> str:
    """How well the generator kept to its schedule."""
    sent = len(fired.answers)
    late_ms = 1000 * percentile(fired.late_s, 99) if fired.late_s else 0.0
    return (
        f"{sent / fired.seconds:,.0f} requests sent a second, 99 of 100 at most {late_ms:.0f} ms late;"
        f" {fired.unsent:,} not sent for want of a free connection among {CONNECTIONS:,}"
    )


FIGURE: Final = Figure("overload", "Three times too much", measure)
