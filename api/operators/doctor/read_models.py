"""Redis or Valkey: its version, clock and rules, and how far the read models in it are."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import psycopg
import redis

from api.database import QUERIES
from api.operators.doctor.clocks import clock
from api.operators.doctor.examined import Connection, connected
from api.operators.doctor.findings import Finding, failed, fine, looked_at, one_line, skipped, warning
from api.preflight import REDIS_MIN
from api.standing import Standing
from projections.generations import FINGERPRINT
from readmodels.keys import Keys

TIMEOUT_S: Final = 3
LAG_MAX_S: Final = 5.0
FULL_SHARE: Final = 0.9

REDIS_CHECKS: Final = ("clock_of_redis", "eviction", "persistence", "redis_memory")


def read_models(url: str) -> Iterator[Finding]:
    try:
        client = redis.Redis.from_url(url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
        with contextlib.closing(client):
            yield from looked_at(Examined(client, client.info()).checks())
    except (redis.RedisError, OSError, ValueError) as error:
        yield failed("redis", one_line(error), "see to it that it runs, and that REDIS_URL is right")
        yield from (skipped(name, "Redis cannot be asked") for name in REDIS_CHECKS)


@dataclass(frozen=True, slots=True)
class Examined:
    """A server, and what it says about itself."""

    client: redis.Redis
    info: dict[str, Any]

    def checks(self) -> dict[str, Any]:
        return {
            "redis": self.version,
            "clock_of_redis": self.clock,
            "eviction": self.eviction,
            "persistence": self.persistence,
            "redis_memory": self.memory,
        }

    def version(self) -> Finding:
        ours = self.info.get("valkey_version")
        number = str(self.info.get("redis_version", "0"))
        found = f"Valkey {ours}" if ours else f"Redis {number}"
        if int(number.partition(".")[0]) < REDIS_MIN:
            return failed("redis", found, "take Redis 7, or Valkey 8, or later")
        return fine("redis", found)

    def clock(self) -> Finding:
        before = time.time()
        seconds, microseconds = self.client.time()
        return clock("clock_of_redis", seconds + microseconds / 1e6 - (before + time.time()) / 2)

    def eviction(self) -> Finding:
        policy = str(self.info.get("maxmemory_policy", "unknown"))
        if policy != "noeviction":
            mend = "set maxmemory-policy noeviction: a read model that loses keys answers wrongly"
            return failed("eviction", f"maxmemory-policy is {policy}", mend)
        return fine("eviction", "maxmemory-policy is noeviction")

    def persistence(self) -> Finding:
        broken = [
            name
            for name in ("aof_last_write_status", "aof_last_bgrewrite_status", "rdb_last_bgsave_status")
            if self.info.get(name, "ok") != "ok"
        ]
        if broken:
            return failed("persistence", f"not ok: {', '.join(broken)}", "look whether the disk is full")
        if not self.info.get("aof_enabled"):
            return warning(
                "persistence",
                "no append-only file",
                "set appendonly yes: otherwise read models are folded again after each restart",
            )
        return fine("persistence", "it keeps an append-only file")

    def memory(self) -> Finding:
        used, most = int(self.info.get("used_memory", 0)), int(self.info.get("maxmemory", 0))
        told = f"{used // 1024**2} MiB used" + (f" of {most // 1024**2}" if most else ", without a bound")
        if most and used > FULL_SHARE * most:
            return failed("redis_memory", told, "raise maxmemory: when it is full, folding stops")
        return fine("redis_memory", told)


def folding(database_url: str, redis_url: str) -> Iterator[Finding]:
    """Who folds, how far it is, and what stands still."""
    try:
        with connected(database_url) as connection:
            connection.execute(f"set statement_timeout = '{TIMEOUT_S}s'")
            stands = _standing(connection)
            yield _projector(stands)
            yield _dead_letters(stands)
            yield _lag(connection, redis_url, stands)
    except psycopg.Error as error:
        for name in ("projector", "dead_letters", "lag"):
            yield skipped(name, f"PostgreSQL cannot tell: {one_line(error)}")


def _standing(connection: Connection) -> Standing:
    row = connection.execute(QUERIES["watch_ledger"], {"fingerprint": FINGERPRINT}).fetchone()
    assert row is not None, "it asks for one row"
    generation, head, is_paused, holder, left_s, dead, held_back = row
    return Standing(generation, head, bool(is_paused), holder, left_s, dead, held_back)


def _projector(stands: Standing) -> Finding:
    why = stands.standstill(LAG_MAX_S)
    if stands.is_paused:
        return failed("projector", "an operator has paused folding", "run `taskledger projections resume`")
    if why:
        return warning("projector", why.partition(":")[0], "start `taskledger up`, or `taskledger project`")
    return fine("projector", f"generation {stands.generation}, held by {stands.holder}")


def _dead_letters(stands: Standing) -> Finding:
    if stands.dead_letters:
        told = f"{stands.dead_letters} events stop documents, {stands.held_back} wait behind them"
        return failed("dead_letters", told, "see `taskledger dead-letters list`")
    return fine("dead_letters", "no event stops a document")


def _lag(connection: Connection, redis_url: str, stands: Standing) -> Finding:
    if stands.generation is None:
        return skipped("lag", "there is no read model yet")
    try:
        with contextlib.closing(
            redis.Redis.from_url(redis_url, socket_connect_timeout=TIMEOUT_S, socket_timeout=TIMEOUT_S)
        ) as client:
            state, told = client.hmget(Keys(stands.generation).checkpoint, ["state", "position"])
            position = int(told or 0)
    except (redis.RedisError, OSError, ValueError) as error:
        return skipped("lag", f"Redis cannot tell: {one_line(error)}")
    if state != b"ready":
        return failed("lag", "the read model is not ready", "the projector makes it: see to it that it runs")
    row = connection.execute(QUERIES["oldest_unfolded"], {"position": position}).fetchone()
    lag_s = float(row[0]) if row else 0.0
    found = f"{max(0, stands.head - position)} events behind, the oldest for {lag_s:.1f} s"
    if lag_s > LAG_MAX_S:
        return failed("lag", found, "see to it that the projector runs, and what its log says")
    return fine("lag", found)
