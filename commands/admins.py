"""The active admins: one stream for the whole set, so that no two changes of it can pass each other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from commands.context import Context
from commands.errors import LastAdmin
from events.event import Event
from events.users import AdminGained, AdminLost


@dataclass(frozen=True, slots=True)
class Admins:
    """Users who are both admin and active. The key of the only such state is the empty text."""

    STREAM: ClassVar[str] = "admins"

    ids: frozenset[int] = frozenset()

    @property
    def exists(self) -> bool:
        return bool(self.ids)


def evolve(admins: Admins, event: Event) -> Admins:
    match event:
        case AdminGained():
            return Admins(admins.ids | {event.user_id})
        case AdminLost():
            return Admins(admins.ids - {event.user_id})
    return admins


def must_leave_an_admin(leaving_id: int, context: Context) -> None:
    """Raises LastAdmin when nobody would be an active admin without the one who leaves."""
    if context.load(Admins, "").ids <= {leaving_id}:
        raise LastAdmin
