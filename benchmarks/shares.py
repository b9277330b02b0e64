"""Who takes how much processor time for one answer: the server, those behind it, and who asks."""

from __future__ import annotations

from collections.abc import Mapping

import psutil
import redis

from benchmarks.costs import postmaster
from benchmarks.figures import Bench, Servers
from benchmarks.ledger import Ledger
from benchmarks.processes import processor_s
from benchmarks.sides import Side


async def shares(bench: Bench, own: Ledger, servers: Servers, side: Side, clients: int) -> str:
    """Microseconds of each for one answer under this load, as a phrase."""
    processes = involved(own, servers)
    before = {name: processor_s(each) for name, each in processes.items()}
    taken = await side.load(clients, bench.seconds)
    spent_s = {name: processor_s(each) - before[name] for name, each in processes.items()}
    spent_s["load generator"] = taken.generator_s
    return ", ".join(f"{name} {1e6 * each / taken.answers:,.0f}" for name, each in spent_s.items())


def involved(own: Ledger, servers: Servers) -> Mapping[str, psutil.Process]:
    with redis.Redis.from_url(servers.redis_url) as connected:
        valkey = psutil.Process(connected.info("server")["process_id"])
    return {
        "server": psutil.Process(own.server.pid),
        "projector": psutil.Process(own.projector.pid),
        "PostgreSQL": postmaster(servers.database_url),
        "Valkey": valkey,
    }
