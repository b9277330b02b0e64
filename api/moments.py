"""Moments for requests: found, shared, or built within the time that there is."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.errors import TryLater
from api.moments_builder import Builder
from api.settings import Settings
from events.connections import Connections
from events.errors import StoreError
from events.instants import Instant
from events.positions import Place
from events.store import EventStore
from projections.moments import Found, KeptMoments, NoRoom, generation_of
from readmodels.connecting import call
from readmodels.keys import Keys
from readmodels.model import NotReady
from readmodels.redis import RedisModel

RETRY_AFTER_S: Final = 2
POLL_INTERVAL_S: Final = 0.1
TIDY_INTERVAL_S: Final = 15.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Past:
    """What a request about the past is answered from; `at` is its present."""

    model: RedisModel
    position: int
    at: Instant


class Moments:
    """The read models of the past that this server's requests ask for."""

    def __init__(
        self, settings: Settings, connections: Connections, store: EventStore, redis: Redis, large: Redis
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._large = large
        self._kept = KeptMoments(connections, settings.moments_max)
        self._builder = Builder(settings, self._kept, store, redis, large)
        self._models: dict[int, RedisModel] = {}

    @property
    def is_building(self) -> bool:
        """Whether this server builds a moment now."""
        return self._builder.is_building

    async def model(self, place: Place, user_id: int) -> RedisModel:
        """The read model that ends at a place, for a user who waits `moment_wait_s` for it at most.

        Whether or not it is there in time, it goes on being built. Raises TryLater, NotReady, Unavailable.
        """
        try:
            async with asyncio.timeout(self._settings.moment_wait_s):
                while (model := await self._look(place, user_id)) is None:
                    await self._builder.wait(place, POLL_INTERVAL_S)
                return model
        except NoRoom as error:
            raise TryLater(str(error), RETRY_AFTER_S) from error
        except TimeoutError:
            raise TryLater(
                "What is asked of the past is being made ready; ask again", RETRY_AFTER_S
            ) from None

    async def tidy(self) -> None:
        """Remove what nobody asks for any more, until cancelled."""
        while True:
            try:
                await self._kept.tidy(self._redis, self._settings.moment_keep_s)
            except (StoreError, RedisError, OSError, TimeoutError) as error:
                log.debug("moments were not tidied", reason=str(error))
            await asyncio.sleep(TIDY_INTERVAL_S)

    async def close(self) -> None:
        """Give up what is being built."""
        await self._builder.close()

    async def _look(self, place: Place, user_id: int) -> RedisModel | None:
        """The model, if it is there; else somebody is building it when this returns. Raises NoRoom."""
        found = await self._kept.find(place)
        if found is None or found.is_left:
            await self._builder.begin(place, user_id, None)
        elif found.state == "ready":
            if not await self._is_lost(found, place):
                return self._model_of(found)
            await self._builder.begin(place, user_id, found)
        return None

    async def _is_lost(self, found: Found, place: Place) -> bool:
        """Whether Redis lost the model. Raises NotReady where Redis cannot be asked."""
        checkpoint = Keys(generation_of(found.number)).checkpoint
        try:
            state, position = await call(self._redis, "HMGET", checkpoint, "state", "position")
        except (RedisError, OSError, TimeoutError) as error:
            raise NotReady(f"Redis cannot be asked: {error}") from error
        return bool(state != b"ready" or int(position) != place.position)

    def _model_of(self, found: Found) -> RedisModel:
        """One object for each moment: it knows what it has seen."""
        model = self._models.get(found.number)
        if model is None:
            model = self._models[found.number] = RedisModel(
                self._redis, generation_of(found.number), self._settings.redis_timeout_s, large=self._large
            )
            while len(self._models) > 2 * self._settings.moments_max:
                del self._models[next(iter(self._models))]
        return model
