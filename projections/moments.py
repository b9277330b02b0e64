"""Moments: read models that end at a position, built when somebody asks for the past, and at most a few.

A row in PostgreSQL says that a moment exists and who builds it; its keys in Redis are those of a
generation called `m<number>`. A moment is never changed once it is ready. What removes one takes its
checkpoint away first, so readers are told NotReady and never see half of it.
"""

from __future__ import annotations

from contextlib import suppress
from typing import Final, NamedTuple

from redis.asyncio import Redis
from redis.exceptions import RedisError

from events.connections import Connection, Connections
from events.errors import Unavailable
from events.positions import Place
from projections.generations import FINGERPRINT
from projections.queries import query, rows
from projections.writer import unlink
from readmodels.connecting import call
from readmodels.keys import MOMENTS, Keys

LEASE_TTL_S: Final = 4.0

ADD, BASE, CARRY, EVICT, FIND, GIVE_UP, GONE, HOLD, LOCK, READY, ROOM, TAKE_OVER = (
    query(f"moment_{name}")
    for name in (
        "add", "base", "carry", "evict", "find", "give_up", "gone", "hold", "lock", "ready", "room",
        "take_over",
    )
)  # fmt: skip
UNUSED, KEPT = query("moments_unused"), query("moments_kept")


class Found(NamedTuple):
    """A moment that exists; `is_left` where its builder has been silent for LEASE_TTL_S."""

    number: int
    epoch: int
    state: str
    is_left: bool


class Base(NamedTuple):
    """A moment that another one can begin from."""

    number: int
    position: int


class Claim(NamedTuple):
    """The right to build a moment, until somebody claims it under a later epoch.

    Where it is an earlier one that is carried on, `carried` says from where.
    """

    number: int
    epoch: int
    place: Place
    carried: Base | None = None


class Unread(NamedTuple):
    """Which moments may be carried on: at most `events_max` events, and not asked for since `unread_s`."""

    events_max: int
    unread_s: float


class NoRoom(Exception):
    """Another moment cannot be built at present; the message is for whoever asked."""


class KeptMoments:
    """The moments of one ledger that this folding code reads: `moments_max` of them at the most.

    Every method raises Unavailable.
    """

    def __init__(self, connections: Connections, moments_max: int, *, fingerprint: str = FINGERPRINT) -> None:
        self._connections = connections
        self._moments_max = moments_max
        self._fingerprint = fingerprint

    async def find(self, place: Place) -> Found | None:
        """The moment of a place, which counts as used now."""
        found = await rows(self._connections, FIND, **self._words(place))
        return Found(*found[0]) if found else None

    async def claim(
        self, place: Place, user_id: int, lost: Found | None = None, unread: Unread | None = None
    ) -> Claim | None:
        """Begin a moment for a user, or begin one anew that its builder left, or that Redis `lost`.

        An `unread` moment near before the place becomes the new one, and is no more what it was.
        None where somebody builds it already, or has built it. Where there are too many, the one that
        was used longest ago goes. Raises NoRoom when the user has another one built at this moment, and
        when all there are are being built.
        """

        async def work(connection: Connection) -> Claim | None:
            async with connection.transaction():
                await connection.execute(LOCK)
                return await self._claimed(connection, place, user_id, lost, unread)

        return await self._connections.read(work)

    async def base(self, place: Place, events_max: int) -> Base | None:
        """The nearest moment before a place, `events_max` events at the most."""
        found = await rows(self._connections, BASE, events_max=events_max, **self._words(place))
        return Base(*found[0]) if found else None

    async def hold(self, claim: Claim) -> bool:
        """Go on building; False when somebody else may be building it by now. Due every LEASE_TTL_S."""
        return bool(await self._change(HOLD, claim, ttl_s=LEASE_TTL_S))

    async def ready(self, claim: Claim) -> bool:
        """Let everybody read it; False when it is somebody else's by now."""
        return bool(await self._change(READY, claim))

    async def give_up(self, claim: Claim) -> None:
        await self._change(GIVE_UP, claim)

    async def tidy(self, redis: Redis, keep_s: float) -> None:
        """Remove what has not been used for `keep_s` seconds, and what nobody knows of any more.

        Raises RedisError, OSError.
        """
        await rows(self._connections, UNUSED, keep_s=keep_s)
        await self.sweep(redis)

    async def sweep(self, redis: Redis) -> None:
        """Remove the keys of moments that were given up. Raises RedisError, OSError."""
        # Read first: a number gets into Redis after it got into the table.
        noted = {int(number) for number in await call(redis, "SMEMBERS", MOMENTS)}
        known: dict[int, bool] = dict(await rows(self._connections, KEPT))
        removed = {number for number, is_removed in known.items() if is_removed}
        for number in removed | (noted - known.keys()):
            await remove_keys(redis, number)
            await rows(self._connections, GONE, number=number)

    async def _claimed(
        self, connection: Connection, place: Place, user_id: int, lost: Found | None, unread: Unread | None
    ) -> Claim | None:
        words = {**self._words(place), "asked_by": user_id, "ttl_s": LEASE_TTL_S}
        rest = await (await connection.execute(FIND, words)).fetchone()
        found = Found(*rest) if rest else None
        if found is not None and not _is_to_be_built(found, lost):
            return None
        living = await self._living(connection, user_id)
        if found is None and unread is not None:
            carried = await (await connection.execute(CARRY, words | unread._asdict())).fetchone()
            if carried is not None:
                number, epoch, position = carried
                return Claim(number, epoch, place, Base(number, position))
        await self._make_room(connection, living + (found is None))
        words |= found._asdict() if found else {}
        begun = await (await connection.execute(TAKE_OVER if found else ADD, words)).fetchone()
        assert begun is not None
        number, epoch = begun
        return Claim(number, epoch, place)

    async def _living(self, connection: Connection, user_id: int) -> int:
        """How many moments there are, none of which is being built for this user. Raises NoRoom."""
        counted = await (await connection.execute(ROOM, {"asked_by": user_id})).fetchone()
        assert counted is not None
        living, of_user = counted
        if of_user:
            raise NoRoom("Another moment is being made ready for you; ask again when it is there")
        return int(living)

    async def _make_room(self, connection: Connection, count: int) -> None:
        """Let as many go as `count` moments would be too many."""
        for _ in range(count - self._moments_max):
            if not (await connection.execute(EVICT)).rowcount:
                raise NoRoom("Too many moments are being made ready; ask again")

    async def _change(self, sql: bytes, claim: Claim, **more: float) -> list[tuple[object, ...]]:
        return await rows(self._connections, sql, number=claim.number, epoch=claim.epoch, **more)

    def _words(self, place: Place) -> dict[str, object]:
        return {
            "position": place.position,
            "event_id": place.event_id,
            "fingerprint": self._fingerprint,
        }


def _is_to_be_built(found: Found, lost: Found | None) -> bool:
    return found.is_left or (
        lost is not None and (found.number, found.epoch, found.state) == (lost.number, lost.epoch, lost.state)
    )


def generation_of(number: int) -> str:
    """What a moment's generation is called."""
    return f"m{number}"


async def remove_keys(redis: Redis, number: int) -> None:
    """Leave nothing of a moment in Redis, its checkpoint first. Raises RedisError, OSError."""
    keys = Keys(generation_of(number))
    await call(redis, "DEL", keys.checkpoint)
    await unlink(redis, keys.prefix)
    await call(redis, "SREM", MOMENTS, number)


async def forget(moments: KeptMoments, redis: Redis, claim: Claim) -> None:
    """Give a moment up, as far as that is possible now; who sweeps next does the rest."""
    with suppress(Unavailable, RedisError, OSError, TimeoutError):
        await moments.give_up(claim)
        await moments.sweep(redis)
