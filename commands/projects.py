"""Creating, changing and deleting projects."""

from __future__ import annotations

from dataclasses import dataclass, field

from commands.context import UNSET, Unset
from commands.errors import Errors
from events.instants import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateProject:
    """`owner_id` unset: the caller."""

    name: str = ""
    description: str = ""
    budget_cents: int = 0
    start_date: Instant | None = None
    end_date: Instant | None = None
    status: str = "active"
    owner_id: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeProject:
    project_id: int
    name: str | Unset = UNSET
    description: str | Unset = UNSET
    budget_cents: int | Unset = UNSET
    start_date: Instant | None | Unset = UNSET
    end_date: Instant | None | Unset = UNSET
    status: str | Unset = UNSET
    owner_id: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteProject:
    project_id: int
