"""Who may know of what: of projects and what is in them, and of users."""

from __future__ import annotations

import asyncio

from api.behind import Readable
from api.callers import Caller
from commands.errors import NotFound
from readmodels.documents import Document, Ref
from readmodels.model import Through


async def sees(model: Readable, caller: Caller, project_id: int) -> bool:
    """Whether the caller may know of a project that exists: all of them, or owned or with a task assigned."""
    if caller.sees_all:
        return True
    ref = _access(caller, project_id)
    return ref in await model.fetch([ref])


async def must_see(
    model: Readable, caller: Caller, project_id: int, what: str = "project", *, rights: Readable | None = None
) -> None:
    """Raises NotFound(`what`) where there is no such project, or none that the caller may know of.

    `rights` is the model that says so, where `model` is one of the past.
    """
    project, access = Ref("project", str(project_id)), _access(caller, project_id)
    if caller.sees_all:
        found = project in await model.fetch([project])
    elif rights is None or rights is model:
        found = len(await model.fetch([project, access])) == 2
    else:
        was_there, is_seen = await asyncio.gather(model.fetch([project]), rights.fetch([access]))
        found = bool(was_there and is_seen)
    if not found:
        raise NotFound(what)


def must_see_user(caller: Caller, user_id: int) -> None:
    """Users know of themselves, managers and admins of everybody. Raises NotFound."""
    if not caller.sees_all and caller.id != user_id:
        raise NotFound("user")


async def sees_task(model: Readable, caller: Caller, task: Document) -> bool:
    """Whether the caller may know of a task: an own one, or one of a project that they see."""
    if caller.id in task["assignee_ids"]:
        return True
    if task["project_id"] is None:
        return caller.sees_all or caller.id == task["creator_id"]
    return await sees(model, caller, task["project_id"])


async def sees_past_task(rights: Readable, caller: Caller, task: Document) -> bool:
    """Whether the caller may know, by the `rights` of today, of a task as it once was."""
    if caller.sees_all or (task["project_id"] is None and caller.id == task["creator_id"]):
        return True
    ref = Ref("task", str(task["id"]))
    today = (await rights.fetch([ref])).get(ref)
    if today is not None and not today["deleted"] and caller.id in today["assignee_ids"]:
        return True
    return task["project_id"] is not None and await sees(rights, caller, task["project_id"])


def visible_tasks(caller: Caller) -> Through:
    """Tasks of projects that a user sees, and the user's own ones that are in no project."""
    also = (f"task:personal:{caller.id}", f"task:assignee:{caller.id}")
    return Through(f"project:visible:{caller.id}", "task:project:", also)


def _access(caller: Caller, project_id: int) -> Ref:
    return Ref("access", f"{caller.id}:{project_id}")
