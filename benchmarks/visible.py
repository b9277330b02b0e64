"""How long after a command is in the log the read model shows it, at 300 commands a second, come what may.

The projector is a process of its own; this one appends, waits for announcements and reads, as a server does.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from time import perf_counter
from typing import Final, NamedTuple

from api.processes import last_line
from benchmarks.figures import Bench, Figure, Row, Servers, Target
from benchmarks.ledger import ENVIRONMENT
from benchmarks.made_history import MASTER_KEY
from benchmarks.processes import python
from benchmarks.times import percentile
from benchmarks.work import Work, work_on
from events.store import open_store
from readmodels.announcements import Announcements
from readmodels.connecting import connect
from readmodels.documents import Ref
from readmodels.redis import RedisModel
from tests.projecting import own_generation, until

COMMANDS_PER_S: Final = 300
LOOKED_AT_EVERY: Final = 20
"""How many commands there are to one after which the read model is looked at, and must show it."""
TIMEOUT_S: Final = 10.0
SECONDS_FACTOR: Final = 2
READY_WITHIN_S: Final = 60.0


class Seen(NamedTuple):
    """Milliseconds of one command: from its answer until it was visible, and from when it was due."""

    after_append_ms: float
    after_due_ms: float


async def measure(bench: Bench) -> Sequence[Row]:
    servers = await bench.empty()
    async with (
        reader(bench, servers) as (announcements, model),
        open_store(servers.database_url, MASTER_KEY) as store,
    ):
        commands = Commands(await work_on(store), announcements, model)
        await commands.keep_coming(bench.seconds)
        seen = [await commands.keep_coming(SECONDS_FACTOR * bench.seconds) for _ in range(bench.repeats)]
    what = f"at {COMMANDS_PER_S} commands a second"
    after_append = [[each.after_append_ms for each in run] for run in seen]
    after_due = [[each.after_due_ms for each in run] for run in seen]
    return [
        row(f"append to visible, {what}, half of them", after_append, 50, 5.0),
        row(f"append to visible, {what}, 99 of 100", after_append, 99, 25.0),
        row("the same with deciding and appending, half of them", after_due, 50),
        row("the same with deciding and appending, 99 of 100", after_due, 99),
    ]


def row(what: str, runs: Sequence[Sequence[float]], percent: int, at_most_ms: float | None = None) -> Row:
    target = None if at_most_ms is None else Target(at_most_ms, is_at_least=False)
    return Row(what, "ms", [percentile(run, percent) for run in runs], target=target)


@asynccontextmanager
async def reader(bench: Bench, servers: Servers) -> AsyncIterator[tuple[Announcements, RedisModel]]:
    """What a server reads by, beside a `taskledger project` that has made the read model ready."""
    redis = connect(servers.redis_url)
    where = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url}
    log = bench.folder / "projector.log"
    try:
        with python("-m", "api.cli", "project", log=log, environment=where | ENVIRONMENT) as projector:
            generation = await own_generation(servers.database_url)
            model = RedisModel(redis, generation)
            await ready(model, projector, log)
            async with Announcements(redis, generation) as announcements:
                yield announcements, model
    finally:
        await redis.aclose()


async def ready(model: RedisModel, projector: subprocess.Popen[bytes], log: Path) -> None:
    """Raises RuntimeError when the projector ends before, TimeoutError when it takes too long."""

    async def is_ready() -> bool:
        if projector.poll() is not None:
            raise RuntimeError(f"the projector ended: {last_line(log)} (log: {log})")
        return await model.position() > 0

    await until(is_ready, READY_WITHIN_S)


class Commands:
    """Tasks are created and changed, each command when it is due, whatever became of those before it."""

    def __init__(self, work: Work, announcements: Announcements, model: RedisModel) -> None:
        self._work = work
        self._announcements = announcements
        self._model = model
        self._task_ids: list[int] = []

    async def keep_coming(self, seconds: float) -> list[Seen]:
        """What was seen of each. Raises RuntimeError when one does not become visible."""
        running = []
        started = perf_counter()
        for number in range(int(COMMANDS_PER_S * seconds)):
            due = started + number / COMMANDS_PER_S
            await asyncio.sleep(due - perf_counter())
            running.append(asyncio.create_task(self._one(number, due)))
        return await asyncio.gather(*running)

    async def _one(self, number: int, due: float) -> Seen:
        if number % 2 and self._task_ids:
            task_id = self._task_ids[number % len(self._task_ids)]
            decided = await self._work.change(task_id)
        else:
            task_id, decided = await self._work.create()
        appended = perf_counter()
        assert decided.position is not None
        if not await self._announcements.reached(decided.position, TIMEOUT_S):
            raise RuntimeError(f"position {decided.position} was not visible after {TIMEOUT_S:.0f} s")
        visible = perf_counter()
        if number % LOOKED_AT_EVERY == 0:
            await self._must_be_visible(task_id, decided.position)
        if number % 2 == 0:
            self._task_ids.append(task_id)
        return Seen(1000 * (visible - appended), 1000 * (visible - due))

    async def _must_be_visible(self, task_id: int, position: int) -> None:
        ref = Ref("task", str(task_id))
        document = (await self._model.fetch([ref])).get(ref)
        if document is None or document["updated"] < position:
            raise RuntimeError(f"the read model was announced at {position} and does not show it")


FIGURE: Final = Figure("visible", "From the log to the read model", measure)
