"""Positions that a user's reads must not fall behind, on whichever process they ask."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.together import Together
from readmodels.announcements import Announcements
from readmodels.connecting import call
from readmodels.keys import BEHIND
from readmodels.model import NotReady
from readmodels.pipe import shared_pipe
from readmodels.scripts import script

POSITIONS_OF: Final = script(Path(__file__).parent / "lua", "behind")

log = structlog.get_logger(__name__)


class Positions:
    """Remembers, by user, a write that was answered before the read model had reached it.

    Such a write is the user's own, or is about them.

    The question for it also asks how far the read model is, which `listener`, whoever listens to the
    generation that is read, is told: what is kept in this process is then no older than the question.

    Redis tells the other processes; while it does not answer, that is tried every `retry_s`.
    `users_max` users are remembered, the latest ones.
    """

    def __init__(
        self,
        redis: Redis,
        timeout_s: float,
        listener: Callable[[], Announcements],
        *,
        users_max: int = 10_000,
        retry_s: float = 0.2,
        keep_s: int = 3600,
    ) -> None:
        self._redis = redis
        self._pipe = shared_pipe(redis, timeout_s)
        self._listener = listener
        self._shared: Together[int, int] = Together(self._shared_of)
        self._users_max = users_max
        self._retry_s = retry_s
        self._keep_s = keep_s
        self._own: OrderedDict[int, int] = OrderedDict()
        self._unshared: dict[int, int] = {}
        self._work = asyncio.Event()

    async def note(self, user_ids: Iterable[int], position: int) -> None:
        """Known to the other processes when this returns, unless Redis does not take it now."""
        for user_id in user_ids:
            self._own[user_id] = max(position, self._own.get(user_id, 0))
            self._own.move_to_end(user_id)
            self._unshared[user_id] = self._own[user_id]
        while len(self._own) > self._users_max:
            self._unshared.pop(self._own.popitem(last=False)[0], None)
        if not await self._share_now():
            self._work.set()

    async def of(self, user_id: int) -> int:
        """The position that the user's reads must have reached; 0 for nearly everybody.

        Where Redis does not answer, no read does either.
        """
        own = self._own.get(user_id, 0)
        try:
            return max(own, await self._shared.ask(user_id))
        except NotReady:
            return own

    async def forget_until(self, position: int) -> None:
        """Everything up to `position` is in the read model: nobody has to wait for it any more."""
        for user_id in [user_id for user_id, own in self._own.items() if own <= position]:
            del self._own[user_id]
        try:
            await call(self._redis, "ZREMRANGEBYSCORE", BEHIND, "-inf", position)
        except (RedisError, OSError) as error:
            log.debug("positions were not forgotten", reason=str(error))

    def forget_shared(self) -> None:
        """The read model was begun anew: it has what was told before, or the restored log lacks it."""
        self._own = OrderedDict(self._unshared)

    async def share(self) -> None:
        """Tell the other processes what they could not be told at once, until cancelled."""
        while True:
            await self._work.wait()
            self._work.clear()
            if not await self._share_now():
                await asyncio.sleep(self._retry_s)
                self._work.set()

    async def _shared_of(self, user_ids: Sequence[int]) -> list[int]:
        listener = self._listener()
        heard, keys = listener.heard(), [BEHIND, listener.checkpoint]
        try:
            shared, checkpoint = await self._pipe.run(POSITIONS_OF, keys, *map(str, user_ids))
        except NotReady:
            listener.doubt()
            raise
        listener.saw(checkpoint, heard)
        return [int(each or 0) for each in shared]

    async def _share_now(self) -> bool:
        taken, self._unshared = self._unshared, {}
        members = [word for user_id, position in taken.items() for word in (position, str(user_id))]
        try:
            if members:
                await call(self._redis, "ZADD", BEHIND, "GT", *members)
                await call(self._redis, "EXPIRE", BEHIND, self._keep_s)
        except (RedisError, OSError):
            self._unshared = {**taken, **self._unshared}
            return False
        except asyncio.CancelledError:
            # Whoever leaves may be telling the positions of others, too.
            self._unshared = {**taken, **self._unshared}
            self._work.set()
            raise
        return True
