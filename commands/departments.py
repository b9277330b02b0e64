"""Creating and changing departments, whose names are unique."""

from __future__ import annotations

from dataclasses import dataclass, field

from commands.context import UNSET, Unset
from commands.errors import Errors


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateDepartment:
    name: str = ""
    description: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeDepartment:
    department_id: int
    name: str | Unset = UNSET
    description: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)
