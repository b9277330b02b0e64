"""Sessions: an opaque token in a cookie, its hash in PostgreSQL, and for a second in this process."""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from api.database import Database
from api.requests import Client
from api.settings import Settings
from events.errors import StoreError

TOKEN_BYTES: Final = 32


@dataclass(frozen=True, slots=True)
class Session:
    """`token_hash` is SHA-256 of the token: what a thief of the table would get; `id` is no secret."""

    token_hash: bytes
    user_id: int
    id: int


class Sessions:
    """`clock` gives monotonic seconds.

    A row is trusted for `session_cache_s` and no longer, so a session that was ended anywhere
    has ended on every process after that time.
    """

    def __init__(self, database: Database, settings: Settings, clock: Callable[[], float]) -> None:
        self._database = database
        self._settings = settings
        self._clock = clock
        self._known: OrderedDict[bytes, tuple[float, Session]] = OrderedDict()
        self._asking: dict[bytes, asyncio.Task[Session | None]] = {}
        self.refused = 0

    async def start(self, user_id: int, changes: int, client: Client) -> str | None:
        """The token of a new session; None when the user's password was set again since it was proved.

        `changes` is how often that had happened before.
        """
        token = secrets.token_urlsafe(TOKEN_BYTES)
        started = await self._database.change(
            "start_session",
            token_hash=hash_of(token),
            user_id=user_id,
            changes=changes,
            life_s=self._settings.session_life_s,
            **client._asdict(),
        )
        return token if started else None

    async def find(self, token: str) -> Session | None:
        """The live session of a token. Raises `events.errors.Unavailable`."""
        token_hash = hash_of(token)
        known = self._known.get(token_hash)
        if known and known[0] > self._clock():
            return known[1]
        return await self._ask_once(token_hash)

    async def end(self, token: str) -> None:
        """Sign out: at once in this process, within `session_cache_s` everywhere.

        What ended before may have ended only here, and be alive again after a failover.
        """
        token_hash = hash_of(token)
        ended = await self._database.change("end_session", token_hash=token_hash)
        self._known.pop(token_hash, None)
        if not ended:
            await self._database.confirm()

    def forget(self, user_id: int) -> None:
        """Look all sessions of a user up again: some may have ended."""
        for token_hash in [each.token_hash for _, each in self._known.values() if each.user_id == user_id]:
            del self._known[token_hash]

    async def _ask_once(self, token_hash: bytes) -> Session | None:
        """Many requests of one page come at the same time: the first asks for all of them."""
        task = self._asking.get(token_hash)
        if task is None:
            task = asyncio.create_task(self._ask(token_hash))
            self._asking[token_hash] = task
            task.add_done_callback(lambda _: self._asking.pop(token_hash, None))
        return await asyncio.shield(task)

    async def _ask(self, token_hash: bytes) -> Session | None:
        asked_at = self._clock()
        touch_s = self._settings.session_touch_s
        row = await self._database.row(
            "find_session", token_hash=token_hash, idle_s=self._settings.session_idle_s, touch_s=touch_s
        )
        if row is None:
            self.refused += 1
            return None
        session_id, user_id, left_s, is_to_be_touched = row
        session = Session(token_hash, user_id, session_id)
        if is_to_be_touched:
            await self._touch(token_hash)
        self._remember(session, asked_at + min(self._settings.session_cache_s, left_s))
        return session

    async def _touch(self, token_hash: bytes) -> None:
        try:
            await self._database.change(
                "touch_session", token_hash=token_hash, touch_s=self._settings.session_touch_s
            )
        except StoreError:
            # The session is good all the same; the next request notes it.
            return

    def _remember(self, session: Session, until: float) -> None:
        self._known[session.token_hash] = (until, session)
        self._known.move_to_end(session.token_hash)
        while len(self._known) > self._settings.session_cache_max:
            self._known.popitem(last=False)


def hash_of(token: str) -> bytes:
    # What clients send as a token may be no text at all.
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
