"""Endpoints of the operators' API: those of TaskFlow Pro, but for admins only."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from api.callers import Caller
from api.ops.calls import OpsCall
from api.taskflow.calls import Call
from api.taskflow.downloads import Download
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from commands.errors import Forbidden


@dataclass(frozen=True, slots=True)
class OpsEndpoint(Endpoint):
    """An operation for admins; `handle` is given an OpsCall.

    `also` is another success that there can be. With `may_miss` it answers 404 where there is nothing of what
    it is about, although no id in its address says what that is.
    """

    # Operators look at what is, above all while the read model stands still.
    WAITS: ClassVar[bool] = False

    handle: Callable[[Any], Awaitable[Answer | Download]]
    asks_role: str | None = "admin"
    also: Shows | None = None
    may_miss: bool = False

    def must_be_for(self, caller: Caller) -> None:
        """Raises Forbidden, whatever the request is about, and before anything of it is read."""
        if not caller.is_admin:
            raise Forbidden("admin")

    def call(self, **given: Any) -> Call:
        return OpsCall(**given)
