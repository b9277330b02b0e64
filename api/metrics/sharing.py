"""The figures of all processes of a ledger: each leaves its own in Redis, and the page gathers them.

What a process left is gone a moment after the process, without anybody seeing to it; one that dies
and starts again is another process, so its counters never seem to run backwards.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from typing import Any, Final, NamedTuple

import orjson
import structlog
from prometheus_client.core import Metric
from prometheus_client.metrics_core import METRIC_TYPES
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.metrics.process import name, process_families
from readmodels.connecting import call, within
from readmodels.keys import PROCESS, PROCESSES

PUBLISH_INTERVAL_S: Final = 2.0
KEEP_S: Final = 10
FORGET_S: Final = 600.0
PROCESSES_MAX: Final = 200
TIMEOUT_S: Final = 1.0

TROUBLE: Final = (RedisError, OSError, TimeoutError)

Families = Callable[[], Iterable[Metric]]

log = structlog.get_logger(__name__)


class Told(NamedTuple):
    """What a process tells of itself; `role` is server or projector."""

    role: str
    process: str
    families: list[Metric]


async def own(role: str, families: Families) -> Told:
    """What this process has to tell now."""
    system = await asyncio.to_thread(lambda: [*process_families()])
    return Told(role, name(), [*families(), *system])


async def publish(redis: Redis, role: str, families: Families) -> None:
    """Leave this process' figures in Redis again and again, until cancelled; they are taken back then."""
    is_said = False
    try:
        while True:
            try:
                await within(TIMEOUT_S, _leave(redis, await own(role, families)))
                is_said = False
            except TROUBLE as error:
                if not is_said:
                    log.info("figures are kept back", reason=f"{type(error).__name__}: {error}")
                is_said = True
            await asyncio.sleep(PUBLISH_INTERVAL_S)
    finally:
        with suppress(*TROUBLE):
            await within(TIMEOUT_S, _withdraw(redis, key_of(role, name())))


async def others(redis: Redis, own_role: str) -> list[Told]:
    """What all other processes told last. Raises what TROUBLE names."""
    return await within(TIMEOUT_S, _others(redis, key_of(own_role, name())))


def key_of(role: str, process: str) -> str:
    return f"{PROCESS}{role}:{process}"


async def _leave(redis: Redis, told: Told) -> None:
    key, now_s = key_of(told.role, told.process), time.time()
    pipeline = redis.pipeline(transaction=False)
    pipeline.execute_command("SET", key, packed(told), "EX", KEEP_S)
    pipeline.execute_command("ZADD", PROCESSES, now_s, key)
    # By the clocks of the processes, which may differ: who is forgotten wrongly is back in a moment.
    pipeline.execute_command("ZREMRANGEBYSCORE", PROCESSES, "-inf", now_s - FORGET_S)
    await pipeline.execute()


async def _withdraw(redis: Redis, key: str) -> None:
    await call(redis, "UNLINK", key)
    await call(redis, "ZREM", PROCESSES, key)


async def _others(redis: Redis, own_key: str) -> list[Told]:
    keys = [each.decode() for each in await call(redis, "ZREVRANGE", PROCESSES, 0, PROCESSES_MAX)]
    wanted = sorted(each for each in keys if each != own_key)
    texts = await call(redis, "MGET", *wanted) if wanted else []
    return [told for text in texts if text and (told := unpacked(text))]


def packed(told: Told) -> bytes:
    families = [
        [each.name, each.documentation, each.type, [[*sample[:3]] for sample in each.samples]]
        for each in told.families
    ]
    return orjson.dumps([told.role, told.process, families])


def unpacked(text: bytes) -> Told | None:
    """None for what another version of this program may have left."""
    with suppress(ValueError, TypeError, KeyError):
        role, process, families = orjson.loads(text)
        return Told(str(role), str(process), [_family(*each) for each in families])
    return None


def _family(family: str, about: str, kind: str, samples: list[Any]) -> Metric:
    if kind not in METRIC_TYPES:
        raise ValueError(kind)
    made = Metric(family, about, kind)
    for sample, labels, value in samples:
        made.add_sample(str(sample), dict(labels), float(value))
    return made


def merged(tellers: Iterable[Told]) -> Iterator[Metric]:
    """Each family once, with the samples of all who told of it under their names."""
    families: dict[str, Metric] = {}
    for told in tellers:
        whose = {"role": told.role, "process": told.process}
        for each in told.families:
            family = families.setdefault(each.name, Metric(each.name, each.documentation, each.type))
            for sample in each.samples:
                family.add_sample(sample.name, {**sample.labels, **whose}, sample.value)
    yield from families.values()
