"""Deleting a user without leaving a project that has no owner."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import structlog

from api.core import Core
from api.errors import TryLater
from api.taskforge.calls import Call
from api.writing import Written
from commands.accounts import DeleteUser
from commands.errors import Refusal
from commands.projects import ChangeProject
from events.errors import StoreError
from readmodels.model import NotReady, Query

HANDED_OVER_MAX: Final = 100
"""How many projects may come to a user while they are deleted; only requests in flight can bring any."""

log = structlog.get_logger(__name__)


async def departed(call: Call, user_id: int) -> Written:
    """Delete a user who owns no projects; those that they get meanwhile become the caller's.

    Raises TryLater and NotReady while nobody can tell whose the projects are.
    """
    owned = await _owned(call.core, user_id, await call.core.store.head())
    written = await call.write(DeleteUser(user_id=user_id, owns_projects=bool(owned)))
    try:
        late = await _owned(call.core, user_id, written.position)
    except (TryLater, NotReady) as trouble:
        # The user is gone: that is what the answer has to say, whatever cannot be told now.
        log.warning("projects_may_lack_an_owner", user_id=user_id, reason=str(trouble))
        late = []
    for project_id in late:
        written = await _handed_over(call, project_id, written)
    return written


async def _owned(core: Core, user_id: int, position: int) -> list[int]:
    """The user's projects in a read model that has reached `position`. Raises TryLater and NotReady."""
    if not await core.announcements.reached(position, core.settings.caught_up_timeout_s):
        raise TryLater("Whether the user owns projects cannot be told at the moment; ask again")
    query = Query("project", where=((f"project:owner:{user_id}",),), limit=HANDED_OVER_MAX)
    return [project["id"] for project in (await core.model.page(query)).documents]


async def _handed_over(call: Call, project_id: int, written: Written) -> Written:
    """What is written when the project is the caller's; one that is gone or kept back stays as it is."""
    try:
        change = await call.write(ChangeProject(project_id=project_id, owner_id=call.caller.id))
    except (Refusal, StoreError) as trouble:
        log.warning("project_lacks_an_owner", project_id=project_id, reason=str(trouble))
        return written
    return replace(written, position=max(written.position, change.position))
