"""What work costs in processor time: that changes little when the machine has other work as well."""

from __future__ import annotations

import time
from dataclasses import dataclass

import psutil
import psycopg
from redis.asyncio import Redis

from benchmarks.processes import processor_s


@dataclass(frozen=True, slots=True)
class Meter:
    """Reads the processor time that this process and the two servers have had so far."""

    postgres: psutil.Process
    redis: Redis

    async def spent_s(self) -> float:
        used = await self.redis.info("cpu")
        valkey_s = float(used["used_cpu_user"] + used["used_cpu_sys"])
        return time.process_time() + valkey_s + processor_s(self.postgres)


def postmaster(database_url: str) -> psutil.Process:
    """The process that all processes of a PostgreSQL on this machine are children of."""
    with psycopg.connect(database_url) as connection:
        parent = psutil.Process(connection.info.backend_pid).parent()
    assert parent is not None
    return parent
