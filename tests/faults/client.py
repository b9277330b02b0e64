"""Clients of the lab: they write and read by the clock, answered or not, and remember what they were told."""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Final

from tests.faults.client_leaving import Leaving
from tests.faults.client_reads import Reads
from tests.faults.client_things import Thing
from tests.faults.client_wire import GRACE_S, Person, Wire, deadline_s
from tests.faults.client_writes import Writes
from tests.faults.client_writing import NEVER, UNAUTHENTICATED, Writing
from tests.faults.schedules import Load
from tests.faults.watching import Watch

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

PEOPLE: Final = 4
PROJECTS_EACH: Final = 2
UNDER_WAY_MAX: Final = 512
"""Requests that may wait for an answer at a time; what the clock asks for beyond that is never sent."""

SIGN_OUTS_PER_S: Final = 2.0
FINAL_AT_ONCE: Final = 32
FINAL_TRIES_MAX: Final = 20
FINAL_PAUSE_S: Final = 0.5


class Clients:
    """Some people who use every server of a lab in both dialects; what came of it is in the lab's history.

    `start`, then `stop` (no new requests; those under way are waited for), `resolve`, `final_reads`; and
    `close`, whatever happens.
    """

    def __init__(self, lab: Lab, load: Load, chance: random.Random) -> None:
        self._lab = lab
        self._load = load
        self._chance = chance
        self._people = [Person(f"p{number}-{secrets.token_hex(4)}") for number in range(PEOPLE)]
        self._under_way: set[asyncio.Task[None]] = set()
        self._clocks: list[asyncio.Task[None]] = []
        urls = {server.name: lab.client_url(server) for server in lab.servers}
        self._wire = Wire(urls, deadline_s(lab) + GRACE_S, lab.clock)
        self._admin = Person("admin", password="admin123")
        self._watch = Watch(lab, self._wire, self._admin)

    async def start(self) -> None:
        """Make people and their first projects, then begin to work. Raises AssertionError if that fails."""
        await self._make_people()
        self._writes = Writes(self._people, self._chance, f"run-{secrets.token_hex(4)}")
        self._writing = Writing(self._wire, self._writes, self._lab.history, self._chance)
        for person in self._people * PROJECTS_EACH:
            await self._writing.write(self._writes.new_project(person))
        assert self._writes.things.get("project"), "no project could be made"
        self._reads = Reads(self._wire, self._writes.things, self._lab.history, self._chance)
        self._leaving = Leaving(self._wire, self._people, self._lab.history, self._chance)
        await self._leaving.begin()
        await self._watch.start()
        self._clocks = [
            asyncio.create_task(self._by_the_clock(SIGN_OUTS_PER_S, self._leaving.next)),
            asyncio.create_task(self._by_the_clock(self._load.writes_per_s, self._next_write)),
            asyncio.create_task(self._by_the_clock(self._load.reads_per_s, self._reads.next)),
        ]

    async def stop(self) -> None:
        """Send nothing new and wait for the last answers."""
        for clock in self._clocks:
            clock.cancel()
        await asyncio.gather(*self._clocks, return_exceptions=True)
        if self._under_way:
            await asyncio.wait(self._under_way)

    async def resolve(self) -> None:
        """Send what was left open again until it is known; what stays unknown is a finding."""
        await self._writing.resolve()

    async def final_reads(self) -> None:
        """Read everything back that was made, once; then nobody watches any more."""
        turns = asyncio.Semaphore(FINAL_AT_ONCE)
        things = [thing for some in self._writes.things.values() for thing in some]
        await asyncio.gather(*(self._final_read(thing, turns) for thing in things))
        await self._leaving.look()
        await self._watch.catch_up()
        await self.close()

    async def close(self) -> None:
        """Leave nothing behind, wherever the trial has come to; a second time does nothing."""
        for task in (*self._clocks, *self._under_way):
            task.cancel()
        await asyncio.gather(*self._clocks, *self._under_way, return_exceptions=True)
        await self._watch.stop()
        await self._wire.close()

    async def _make_people(self) -> None:
        await self._wire.sign_in(self._admin)
        for person in self._people:
            new = {
                "username": person.username,
                "email": f"{person.username}@example.com",
                "password": person.password,
                "role": "manager",
            }
            once = {"Idempotency-Key": person.username}
            await self._wire.insist("/api/users", new, self._admin.headers("") | once)
            await self._wire.sign_in(person)

    async def _by_the_clock(self, per_s: float, act: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Begin something `per_s` times a second on average, however long each takes."""
        loop = asyncio.get_running_loop()
        due = loop.time()
        while per_s > 0:
            due += self._chance.expovariate(per_s)
            await asyncio.sleep(due - loop.time())
            if len(self._under_way) >= UNDER_WAY_MAX:
                self._lab.history.skipped += 1
                continue
            task = asyncio.create_task(act())
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)

    async def _next_write(self) -> None:
        await self._writing.write(self._writes.next())

    async def _final_read(self, thing: Thing, turns: asyncio.Semaphore) -> None:
        async with turns:
            answer = await self._writing.get(thing)
            for _ in range(FINAL_TRIES_MAX):
                if answer.status not in NEVER:
                    break
                await asyncio.sleep(FINAL_PAUSE_S)
                if answer.status == UNAUTHENTICATED:
                    await self._wire.sign_in_again(thing.owner, thing.owner.headers(thing.path))
                answer = await self._writing.get(thing)
        # What an unknown write has made of it is not known.
        expected = {} if thing.is_busy else thing.expected
        self._lab.history.final.append(self._reads.reading(thing, answer, None, expected=expected))
