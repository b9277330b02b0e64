"""Who may know of a project and of what is in it: all of it, or owned or with a task assigned."""

from __future__ import annotations

from api.behind import Readable
from api.callers import Caller
from commands.errors import NotFound
from readmodels.documents import Ref


async def sees(model: Readable, caller: Caller, project_id: int) -> bool:
    """Whether the caller may know of a project that exists."""
    if caller.sees_all:
        return True
    ref = _access(caller, project_id)
    return ref in await model.fetch([ref])


async def must_see(model: Readable, caller: Caller, project_id: int, what: str = "project") -> None:
    """Raises NotFound(`what`) where there is no such project, or none that the caller may know of."""
    needed = {Ref("project", str(project_id))}
    if not caller.sees_all:
        needed.add(_access(caller, project_id))
    if needed != (await model.fetch(needed)).keys():
        raise NotFound(what)


def _access(caller: Caller, project_id: int) -> Ref:
    return Ref("access", f"{caller.id}:{project_id}")
