"""What a user may see of the past: what was there then, as far as it is theirs to see today."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Final

from redis.asyncio import Redis
from redis.exceptions import RedisError

from api.callers import Caller
from api.moments import Past
from readmodels.connecting import call
from readmodels.keys import member, permitted
from readmodels.model import Model, NotReady, Through
from readmodels.scripts import script

PERMIT: Final = script(Path(__file__).parent / "lua", "permit")
EXPIRES_S: Final = 60


async def permitted_projects(redis: Redis, live: Model, past: Past, caller: Caller) -> str:
    """An index of the moment: its projects that the caller sees today. Raises NotReady."""
    ids = await live.members(f"project:visible:{caller.id}")
    return await _permit(redis, past, "project", caller, ids)


async def permitted_tasks(redis: Redis, live: Model, past: Past, caller: Caller) -> Through:
    """The moment's tasks of such projects, those that are the caller's today, and own ones in no project.

    Raises NotReady.
    """
    projects, assigned = await asyncio.gather(
        permitted_projects(redis, live, past, caller), live.members(f"task:assignee:{caller.id}")
    )
    own = await _permit(redis, past, "task", caller, assigned)
    return Through(projects, "task:project:", (f"task:personal:{caller.id}", own))


async def _permit(redis: Redis, past: Past, kind: str, caller: Caller, ids: list[str]) -> str:
    """Written anew for each request, because rights may change between two of them."""
    keys, index = past.model.keys, permitted(kind, caller.id)
    names = (keys.checkpoint, keys.index(index), keys.index(f"{kind}:sort:id"))
    try:
        await call(redis, "EVAL", PERMIT.text, len(names), *names, EXPIRES_S, *map(member, ids))
    except (RedisError, OSError, TimeoutError) as error:
        raise NotReady(f"Redis cannot be asked: {error}") from error
    return index
