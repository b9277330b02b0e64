"""The services that HTTP figures compare, and measuring them in turn with the same load."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

import psutil

from benchmarks.figures import Bench, Row, Servers, Target
from benchmarks.flask_service.models import make_tables
from benchmarks.load import MakeRequest, closed_loop
from benchmarks.processes import answering, processor_s, python
from benchmarks.visitor import PASSWORD, USERNAME
from tests.running import free_port

GUNICORN: Final = ("--workers", "2", "--worker-class", "gthread", "--threads", "4")
"""As many processes as there are processors here, each with some threads that wait for the database."""


REFUSALS: Final = (429, 503)
"""Answers of a server that has too much to do: no success, and no mistake."""


class Measurement(NamedTuple):
    """Answers as they should be in so many seconds, and how many were refused meanwhile.

    The processor time is that of the server and of the load generator.
    """

    answers: int
    refused: int
    seconds: float
    server_s: float
    generator_s: float

    @property
    def per_s(self) -> float:
        return self.answers / self.seconds

    @property
    def server_us(self) -> float:
        """Of one answer."""
        return 1e6 * self.server_s / self.answers

    @property
    def generator_busy(self) -> float:
        """The part of the time in which the load generator could not have done more."""
        return self.generator_s / self.seconds


@dataclass(slots=True)
class Side:
    """A service, what it is asked, and the status that an answer must have; `answered` is how many had it."""

    what: str
    port: int
    process: psutil.Process
    make: MakeRequest
    status: int = 200
    answered: int = 0
    taken: list[Measurement] = field(default_factory=list)

    async def load(self, clients: int, seconds: float) -> Measurement:
        """Raises RuntimeError when anything was neither answered as it should be nor refused."""
        server_s, generator_s = processor_s(self.process), time.process_time()
        taken = await closed_loop(self.port, self.make, clients=clients, seconds=seconds)
        generator_s, server_s = time.process_time() - generator_s, processor_s(self.process) - server_s
        if self.status not in taken.statuses or not taken.statuses.keys() <= {self.status, *REFUSALS}:
            raise RuntimeError(f"{self.what} answered {dict(taken.statuses)}, and not {self.status} only")
        answers = taken.statuses[self.status]
        self.answered += answers
        refused = len(taken.took_s) - answers
        return Measurement(answers, refused, taken.seconds, server_s, generator_s)


async def in_turn(bench: Bench, sides: Sequence[Side], clients: int) -> None:
    """Warm every side up, then measure one after the other, and repeat that with another one first."""
    for side in sides:
        await side.load(clients, bench.seconds / 2)
    for repeat in range(bench.repeats):
        first = repeat % len(sides)
        for side in (*sides[first:], *sides[:first]):
            side.taken.append(await side.load(clients, bench.seconds))
            bench.say(f"{side.what}: {told(side.taken[-1])}")


def told(each: Measurement) -> str:
    return (
        f"{each.per_s:,.0f}/s, {each.server_us:,.0f} us of the server's processor time for one,"
        f" load generator {each.generator_busy:.0%} busy"
        + (f", {each.refused:,} refused" if each.refused else "")
    )


def rate(what: str, ours: Side, base: Side, target: float, clients: int) -> Row:
    """How many answers a second."""
    busy = [max(each.generator_busy for each in side.taken) for side in (ours, base)]
    refused = sum(each.refused for each in (*ours.taken, *base.taken))
    return Row(
        what,
        "/s",
        [each.per_s for each in ours.taken],
        [each.per_s for each in base.taken],
        base.what,
        Target(target),
        f"{clients} clients; load generator {busy[0]:.0%} busy, for the baseline {busy[1]:.0%}"
        + (f"; {refused:,} requests were refused" if refused else ""),
    )


def processor_time(what: str, ours: Side, base: Side, shares: str) -> Row:
    """What an answer costs the server process: steadier than a rate on a busy machine."""
    return Row(
        f"{what}, processor time of the server",
        "µs",
        [each.server_us for each in ours.taken],
        [each.server_us for each in base.taken],
        base.what,
        note=f"µs of all: {shares}",
    )


@asynccontextmanager
async def bare(folder: Path, body: bytes = b"{}") -> AsyncIterator[tuple[int, psutil.Process]]:
    """Port and process of the bare aiohttp application."""
    port, log, answered = free_port(), folder / "bare.log", folder / "bare.body"
    answered.write_bytes(body)
    with python("-m", "benchmarks.bare", str(port), str(answered), log=log) as process:
        await answering(process, log, f"http://127.0.0.1:{port}/")
        yield port, psutil.Process(process.pid)


@asynccontextmanager
async def flask(servers: Servers, folder: Path) -> AsyncIterator[tuple[int, psutil.Process]]:
    """Port and process of the Flask service on a database without tables."""
    port, log = free_port(), folder / "flask.log"
    make_tables(servers.database_url, USERNAME, PASSWORD)
    application = "benchmarks.flask_service.service:app_from_environment()"
    gunicorn = ("-m", "gunicorn", *GUNICORN, "--bind", f"127.0.0.1:{port}", application)
    environment = {"DATABASE_URL": servers.database_url, "SECRET_KEY": "of no matter here"}
    with python(*gunicorn, log=log, environment=environment) as process:
        await answering(process, log, f"http://127.0.0.1:{port}/health")
        yield port, psutil.Process(process.pid)
