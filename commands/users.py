"""Registering and changing users: unique names, roles, and the last active admin."""

from __future__ import annotations

from dataclasses import dataclass, field

from commands.context import UNSET, Unset
from commands.errors import Errors


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisterUser:
    """`invalid` holds what the dialect found wrong with the fields; it is refused with the rest."""

    username: str = ""
    email: str = ""
    password_hash: str = ""
    role: str = "user"
    department_id: int | None = None
    active: bool = True
    first_name: str = ""
    last_name: str = ""
    hourly_rate_cents: int = 0
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeUser:
    user_id: int
    username: str | Unset = UNSET
    email: str | Unset = UNSET
    password_hash: str | Unset = UNSET
    role: str | Unset = UNSET
    department_id: int | None | Unset = UNSET
    active: bool | Unset = UNSET
    first_name: str | Unset = UNSET
    last_name: str | Unset = UNSET
    hourly_rate_cents: int | Unset = UNSET
    invalid: Errors = field(default_factory=dict)
