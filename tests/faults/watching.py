"""What is watched while a trial runs: the checkpoint beside the log, the feed, and who can be reached."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

import psutil
import psycopg
from redis.exceptions import RedisError

from events.errors import Unavailable
from tests.faults.client_wire import Person, Wire
from tests.faults.operations import Received, Unreachable
from tests.faults.primaries import Primaries

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab
    from tests.faults.parts import Part

GLANCE_INTERVAL_S: Final = 0.03
LOOK_INTERVAL_S: Final = 0.05
FEED_WAIT_S: Final = 1
FEED_PAUSE_S: Final = 0.1
FEED_CATCH_UP_S: Final = 15.0
UNAUTHENTICATED: Final = 401


class Watch:
    """Writes into the lab's history from `start` to `stop`; `admin` is who may follow the log."""

    def __init__(self, lab: Lab, wire: Wire, admin: Person) -> None:
        self._lab = lab
        self._wire = wire
        self._admin = admin
        self._tasks: list[asyncio.Task[None]] = []
        self._is_over = False
        self._followers = [Follower(lab, wire, admin, server) for server in wire.servers]

    async def start(self) -> None:
        """Follow the log from its present end. Raises Unavailable where that cannot be asked."""
        head = await self._head()
        for follower in self._followers:
            follower.position = head
        self._tasks = [
            asyncio.create_task(self._glance()),
            *(asyncio.create_task(self._look_at(server)) for server in self._lab.servers),
            *(asyncio.create_task(follower.run()) for follower in self._followers),
        ]

    async def catch_up(self) -> None:
        """Let subscribers come to the end of the log, as far as they do."""
        head = await self._head()
        with suppress(TimeoutError):
            async with asyncio.timeout(FEED_CATCH_UP_S):
                while any(follower.position < head for follower in self._followers):  # noqa: ASYNC110
                    await asyncio.sleep(LOOK_INTERVAL_S)

    async def stop(self) -> None:
        """Watch no more. Raises what went wrong with watching, once."""
        # The Redis client forgets a cancellation that comes in the moment of an answer.
        self._is_over = True
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        for each in await asyncio.gather(*tasks, return_exceptions=True):
            if isinstance(each, BaseException) and not isinstance(each, asyncio.CancelledError):
                raise each

    async def _head(self) -> int:
        primaries = Primaries.of(self._lab)
        try:
            return (await primaries.head())[0]
        finally:
            await primaries.close()

    async def _glance(self) -> None:
        """Look at the checkpoint again and again; where a primary is away, look where one is now."""
        while not self._is_over:
            primaries = Primaries.of(self._lab)
            try:
                while primaries.are_present(self._lab) and not self._is_over:
                    self._lab.history.glances.append(await primaries.glance(self._lab.clock()))
                    await asyncio.sleep(GLANCE_INTERVAL_S)
            except (Unavailable, RedisError, OSError, TimeoutError, psycopg.Error):
                await asyncio.sleep(LOOK_INTERVAL_S)
            finally:
                await primaries.close()

    async def _look_at(self, server: Part) -> None:
        """Note from when to when nobody can be answered by a server, whatever it does."""
        since: int | None = None
        noted, link = self._lab.history.unreachable, self._lab.links["client", server.name]
        seen, looked_at_s = (link.hits, server.pid), self._lab.clock()
        while True:
            was, seen = seen, (link.hits, server.pid)
            if seen == was and not self._is_cut_off(server):
                if since is not None:
                    noted[since] = replace(noted[since], until_s=self._lab.clock())
                since = None
            elif since is None:
                since = len(noted)
                noted.append(Unreachable(server.name, looked_at_s))
            looked_at_s = self._lab.clock()
            await asyncio.sleep(LOOK_INTERVAL_S)

    def _is_cut_off(self, server: Part) -> bool:
        if self._lab.links["client", server.name].is_silent or not server.is_running:
            return True
        try:
            return psutil.Process(server.pid).status() == psutil.STATUS_STOPPED
        except psutil.NoSuchProcess:
            return True


class Follower:
    """A subscriber that follows the log by way of one server; everything up to `position` has come."""

    def __init__(self, lab: Lab, wire: Wire, admin: Person, server: str) -> None:
        self.position = 0
        self._lab = lab
        self._wire = wire
        self._admin = admin
        self._server = server

    async def run(self) -> None:
        while True:
            found = await self._next()
            self._take(found)
            if not found.get("events"):
                await asyncio.sleep(FEED_PAUSE_S)

    async def _next(self) -> Mapping[str, Any]:
        path = f"/ops/api/events/tail?after={self.position}&wait_s={FEED_WAIT_S}"
        answer = await self._wire.ask(self._server, "GET", path, headers=self._admin.headers(path))
        if answer.status == UNAUTHENTICATED:
            with suppress(AssertionError):
                await self._wire.sign_in(self._admin)
        data: Mapping[str, Any] = answer.data if answer.status == 200 else {}
        return data

    def _take(self, found: Mapping[str, Any]) -> None:
        for event in found.get("events", ()):
            self._lab.history.received.append(
                Received(
                    self._server, event["position"], event["event_id"], event["stream"], event["version"]
                )
            )
        self.position = found.get("position", self.position)
