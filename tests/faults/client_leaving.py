"""People who sign out of sessions of their own: whoever was told so is never let in again."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from tests.faults.client_wire import Person, Wire
from tests.faults.client_writing import NEVER, UNAUTHENTICATED
from tests.faults.operations import History, SignOut

SESSIONS_EACH: Final = 6
TRIES_MAX: Final = 3
"""How often somebody signs out, at once after the other, who is not told that it is done."""

LOOKS_MAX: Final = 40
LOOK_PAUSE_S: Final = 0.5
STATUS_OK: Final = 200


class Leaving:
    """Sessions that nobody works with, which end one by one; what came of it goes into `history`."""

    def __init__(self, wire: Wire, people: Sequence[Person], history: History, chance: random.Random) -> None:
        self._wire = wire
        self._history = history
        self._chance = chance
        self._sessions = [replace(person) for person in people for _ in range(SESSIONS_EACH)]
        self._left: list[tuple[SignOut, Person]] = []

    async def begin(self) -> None:
        """Sign in, once for each session. Raises AssertionError where that is never answered."""
        await asyncio.gather(*(self._wire.begin_session(session) for session in self._sessions))

    async def next(self) -> None:
        """One of them ends, while there is any."""
        if self._sessions:
            session = self._sessions.pop()
            sign_out = SignOut(session.username)
            self._history.sign_outs.append(sign_out)
            self._left.append((sign_out, session))
            await self._sign_out(sign_out, session)

    async def _sign_out(self, sign_out: SignOut, session: Person) -> None:
        path = "/api/auth/logout"
        for _ in range(TRIES_MAX):
            server = self._chance.choice(self._wire.servers)
            answer = await self._wire.ask(server, "POST", path, headers=session.headers(path))
            sign_out.statuses.append(answer.status)
            if answer.status not in NEVER or answer.status == UNAUTHENTICATED:
                return

    async def look(self) -> None:
        """Try the sessions again, also those that nobody was told about: who is let in is written down."""
        await asyncio.gather(*(self._look(*each) for each in self._left))

    async def _look(self, sign_out: SignOut, session: Person) -> None:
        path = "/api/auth/me"
        for _ in range(LOOKS_MAX):
            server = self._chance.choice(self._wire.servers)
            answer = await self._wire.ask(server, "GET", path, headers=session.headers(path))
            if answer.status in {STATUS_OK, UNAUTHENTICATED}:
                sign_out.is_let_in = answer.status == STATUS_OK
                return
            await asyncio.sleep(LOOK_PAUSE_S)
