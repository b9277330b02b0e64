"""The lab: a whole ledger of real processes with a link between any two of them, to be broken and mended."""

from __future__ import annotations

import asyncio
import random
import secrets
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Final

from api.processes import last_line
from tests.faults.asking import Said, get
from tests.faults.building import begin_databases, begin_parts, set_clocks_right, stop_parts
from tests.faults.caches import Caches
from tests.faults.databases import NODES, Cluster
from tests.faults.links import Links
from tests.faults.operations import History
from tests.faults.parts import CRASH, Part
from tests.faults.resources import resources_of
from tests.faults.schedules import Setup
from tests.faults.small_disk import small_disk

READY_TIMEOUT_S: Final = 60.0
LOOK_INTERVAL_S: Final = 0.05


class Lab:
    """Made by `laboratory`. Whatever is broken, `heal` mends it."""

    def __init__(self, folder: Path, seed: int, setup: Setup) -> None:
        self.folder = folder
        self.seed = seed
        self.setup = setup
        self.chance = random.Random(seed)
        self.history = History()
        self.master_key = secrets.token_bytes(32)
        self.links = Links(random.Random(seed))
        self.postgres = Cluster(
            folder,
            is_synchronous=setup.is_synchronous,
            replication_port=lambda: self.links["standby", "postgres"].port,
        )
        self.valkey = Caches(folder, replication_port=lambda: self.links["replica", "valkey"].port)
        self.servers: list[Part] = []
        self.projectors: list[Part] = []
        self._began_at = time.monotonic()

    @property
    def parts(self) -> list[Part]:
        return [*self.servers, *self.projectors]

    @property
    def database_url(self) -> str:
        """The present primary, past every link."""
        return self.postgres.primary_url

    @property
    def redis_url(self) -> str:
        """The present primary, past every link."""
        return self.valkey.primary_url

    def clock(self) -> float:
        """Seconds since the lab began."""
        return time.monotonic() - self._began_at

    def note(self, words: str) -> None:
        """Say in the history what was injected just now."""
        self.history.injected.append((self.clock(), words))

    def client_url(self, server: Part) -> str:
        """Where clients reach a server, through their link."""
        return f"http://127.0.0.1:{self.links['client', server.name].port}"

    async def heal(self) -> None:
        """Mend everything: resume, reconnect, restart what is dead; return when every server is ready."""
        self.links.heal()
        set_clocks_right(self)
        for part in self.parts:
            if part.is_running:
                await part.resume()
        await asyncio.gather(self.postgres.heal(), self.valkey.heal())
        await asyncio.gather(*(self._revive(part) for part in self.parts))
        await self.until_ready()

    async def until_ready(self) -> None:
        """Return when every server says that all is well. Raises TimeoutError with what they say."""
        deadline = self.clock() + READY_TIMEOUT_S
        for server in self.servers:
            while (said := await get(server.port, "/readyz")).status != 200:
                await self._revive(server)
                if self.clock() > deadline:
                    told = said.body.decode(errors="replace") or last_line(server.log)
                    raise TimeoutError(f"{server.name} is not ready: {told}")
                await asyncio.sleep(LOOK_INTERVAL_S)

    async def quiesce(self, within_s: float = 30.0) -> float:
        """Wait until every server sees the read model at the end of the log; the seconds that took.

        Raises TimeoutError with what they say.
        """
        began_at = self.clock()
        for server in self.servers:
            while not is_level(said := await get(server.port, "/readyz")):
                if self.clock() > began_at + within_s:
                    raise TimeoutError(f"{server.name} is behind: {said.body.decode(errors='replace')}")
                await asyncio.sleep(LOOK_INTERVAL_S)
        return self.clock() - began_at

    async def resources(self) -> dict[str, dict[str, float]]:
        """What each part holds: see `resources.py`."""
        return await resources_of(self)

    async def _revive(self, part: Part) -> None:
        if not part.is_running:
            if part.mutant and part.mutant.startswith(CRASH):
                part.mutant = None
            await part.start()


@asynccontextmanager
async def laboratory(
    folder: Path, seed: int, setup: Setup | None = None, mutant: Mapping[str, str] | None = None
) -> AsyncIterator[Lab]:
    """A lab in `folder`, whose path has to be short enough for sockets; all of it runs and is ready.

    `mutant` names a deliberate break for a part by its name. Nothing is left running, however it ends.
    """
    setup = setup or Setup()
    async with AsyncExitStack() as stack:
        if setup.has_small_disk:
            stack.enter_context(small_disk(folder / NODES[0]))
        lab = Lab(folder, seed, setup)
        stack.push_async_callback(lab.links.close)
        stack.push_async_callback(lab.valkey.end)
        stack.push_async_callback(lab.postgres.end)
        stack.push_async_callback(stop_parts, lab)
        await begin_databases(lab)
        await begin_parts(lab, mutant or {})
        await lab.until_ready()
        yield lab


def is_level(said: Said) -> bool:
    """Whether a server that is ready sees the read model where the log ends."""
    if said.status != 200:
        return False
    checks = said.data["data"]["checks"]
    return bool(checks["database"]["head"] == checks["redis"]["position"])
