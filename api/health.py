"""Whether this process lives, and whether everything that it needs is there."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import psycopg
from aiohttp import web

from api.core import Core
from api.standing import standing
from events.errors import StoreError
from events.migrate import pending
from readmodels.model import NotReady

CHECK_TIMEOUT_S: Final = 3.0

Check = Callable[[], Awaitable[Mapping[str, Any]]]


class NotHealthy(Exception):
    """The message says what is wrong, for operators."""


class Health:
    """Asks everything that requests depend on, each within a bound."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._is_migrated = False

    async def checks(self) -> dict[str, dict[str, Any]]:
        """By name: `{"ok": true, …}`, or `{"ok": false, "reason": "…"}`."""
        checks: dict[str, Check] = {
            "database": self._database,
            "redis": self._redis,
            "migrations": self._migrations,
            "projector": self._projector,
        }
        found = await asyncio.gather(*(_checked(check) for check in checks.values()))
        return dict(zip(checks, found, strict=True))

    async def _database(self) -> Mapping[str, Any]:
        return {"head": await self._core.store.head()}

    async def _redis(self) -> Mapping[str, Any]:
        return {"position": await self._core.model.position()}

    async def _migrations(self) -> Mapping[str, Any]:
        # Once applied they stay applied.
        if not self._is_migrated:
            missing = await asyncio.to_thread(pending, self._core.settings.database_url)
            if missing:
                raise NotHealthy(f"not applied: {', '.join(missing)}; run `taskledger migrate`")
            self._is_migrated = True
        return {}

    async def _projector(self) -> Mapping[str, Any]:
        """Who folds, and how far the read model is behind the log, in events and in seconds.

        An empty lag alone says nothing: a projector that is dead has none while nobody writes.
        """
        stands = await standing(self._core.database)
        position = await self._core.model.position()
        head = await self._core.store.head()
        if position > head:
            raise NotHealthy(f"the read model is at {position}, the log ends at {head}: it was restored")
        row = await self._core.database.row("oldest_unfolded", position=position)
        lag = {"events": max(0, head - position), "seconds": round(row[0], 1) if row else 0.0}
        patience_s = self._core.settings.projector_lag_max_s
        reasons = [why] if (why := stands.standstill(patience_s)) else []
        if lag["seconds"] > patience_s:
            reasons.append(f"{lag['events']} events behind for {lag['seconds']} seconds")
        if reasons:
            raise NotHealthy("; ".join(reasons))
        return {"lag": lag}


HEALTH: Final = web.AppKey("health", Health)


async def is_database_up(core: Core) -> bool:
    """Whether the log answers within `CHECK_TIMEOUT_S`."""

    async def head() -> Mapping[str, Any]:
        return {"head": await core.store.head()}

    return bool((await _checked(head))["ok"])


async def _checked(check: Check) -> dict[str, Any]:
    try:
        async with asyncio.timeout(CHECK_TIMEOUT_S):
            return {"ok": True, **await check()}
    except (NotHealthy, NotReady, StoreError, psycopg.Error) as error:
        return {"ok": False, "reason": str(error).partition("\n")[0]}
    except TimeoutError:
        return {"ok": False, "reason": f"no answer within {CHECK_TIMEOUT_S:g} seconds"}
