"""Valkey in the lab: a primary and its replica, which can be killed, emptied and failed over."""

from __future__ import annotations

import asyncio
import random
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from redis import Redis

from api.embedded_valkey import Valkey
from tests.faults.nodes import kill, runs, send, started

FOLLOWS_TIMEOUT_S: Final = 20.0
LOOK_INTERVAL_S: Final = 0.05
SCAN_COUNT: Final = 1_000


class Caches:
    """Two servers: `primary` takes writes, the other one follows it through a link at `replication_port`."""

    def __init__(self, folder: Path, *, replication_port: Callable[[], int]) -> None:
        self._replication_port = replication_port
        self.primary, self.replica = (
            Valkey(folder / name / "valkey", folder / name) for name in ("valkey-a", "valkey-b")
        )
        self.failovers = 0

    @property
    def primary_url(self) -> str:
        """The present primary, by its socket."""
        return self.primary.url()

    def socket(self) -> Path:
        """Where the present primary listens."""
        return self.primary.socket

    async def start(self, *, empty: bool = False) -> None:
        """Start the primary if it does not run; `empty` without what it has kept on disk."""
        if not runs(self.primary):
            if empty:
                await asyncio.to_thread(_emptied, self.primary)
            await asyncio.to_thread(started, self.primary)

    async def kill(self) -> None:
        """What `kill -9` does."""
        await asyncio.to_thread(kill, self.primary)

    def suspend(self) -> None:
        """Freeze the primary: its connections stay and nobody answers."""
        send(self.primary, signal.SIGSTOP)

    def resume(self) -> None:
        send(self.primary, signal.SIGCONT)

    def suspend_replica(self) -> None:
        send(self.replica, signal.SIGSTOP)

    def resume_replica(self) -> None:
        send(self.replica, signal.SIGCONT)

    async def flush(self) -> None:
        """What FLUSHALL does: nothing is left, in one moment."""
        await self.ask("FLUSHALL")

    async def lose(self, pattern: str, share: float, chance: random.Random) -> int:
        """Delete a share of the keys that match a pattern, as eviction does; how many."""
        return await asyncio.to_thread(_lose, self.primary_url, pattern, share, chance)

    async def bytes_behind(self) -> int:
        """What the replica has not heard of yet."""
        here = await self.ask("INFO", "replication")
        there = await asyncio.to_thread(_asked, self.replica.url(), ("INFO", "replication"))
        return int(here["master_repl_offset"]) - int(there["slave_repl_offset"])

    async def fail_over(self) -> None:
        """Kill the primary if it lives, and let the replica take its place as far as it has come."""
        await self.kill()
        self.primary, self.replica = self.replica, self.primary
        self.failovers += 1
        self.resume()
        await self.ask("REPLICAOF", "NO", "ONE")

    async def heal(self) -> None:
        """Both run, and the replica follows the primary."""
        self.resume()
        await self.start()
        if not runs(self.replica):
            await asyncio.to_thread(started, self.replica)
        self.resume_replica()
        await self._follow()

    async def ask(self, *words: str) -> Any:
        """What the primary answers to a command, asked past every link."""
        return await asyncio.to_thread(_asked, self.primary_url, words)

    async def end(self) -> None:
        """Stop both, whatever state they are in."""
        for node in (self.replica, self.primary):
            send(node, signal.SIGCONT)
            await asyncio.to_thread(node.stop)

    async def _follow(self) -> None:
        port = str(self._replication_port())
        # By itself a primary waits five seconds for further replicas before it begins with one.
        await self.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        await asyncio.to_thread(_asked, self.replica.url(), ("REPLICAOF", "127.0.0.1", port))
        async with asyncio.timeout(FOLLOWS_TIMEOUT_S):
            while not await self._is_followed():  # noqa: ASYNC110 - another process
                await asyncio.sleep(LOOK_INTERVAL_S)

    async def _is_followed(self) -> bool:
        told = await asyncio.to_thread(_asked, self.replica.url(), ("INFO", "replication"))
        return bool(told["master_link_status"] == "up")


def _emptied(node: Valkey) -> None:
    shutil.rmtree(node.folder / "appendonlydir", ignore_errors=True)


def _asked(url: str, words: tuple[str, ...]) -> Any:
    with Redis.from_url(url, socket_timeout=5) as client:
        return client.execute_command(*words)


def _lose(url: str, pattern: str, share: float, chance: random.Random) -> int:
    with Redis.from_url(url, socket_timeout=5) as client:
        found = sorted(client.scan_iter(pattern, count=SCAN_COUNT))
        lost = chance.sample(found, max(1, int(len(found) * share))) if found else []
        return int(client.delete(*lost)) if lost else 0
