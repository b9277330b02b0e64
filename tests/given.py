"""Deciders told as stories: given these events, when this is asked, then those follow, or a refusal."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TypeVar

from commands.context import Actor
from commands.decision import Decision, decide
from commands.desk import Desk, Held, empty, folded
from commands.errors import Refusal
from events.claims import Claimed
from events.departments import DepartmentCreated
from events.event import Event
from events.private import PrivateRow
from events.users import AdminGained, UserRegistered

NOW = "2025-07-01T12:00:00.000000Z"

ADMIN = Actor(1, "admin")
MANAGER = Actor(2, "manager")
USER = Actor(3, "user")
OTHER_MANAGER = Actor(4, "manager")
OTHER_USER = Actor(5, "user")

SEQUENCES = ("user", "department", "project", "task", "tag", "risk", "expense")

R = TypeVar("R", bound=Refusal)


def claim_of(kind: str, name: str) -> str:
    """Readable where the real one is a keyed hash."""
    return f"{kind}:{name.casefold()}"


@dataclass(frozen=True)
class Story:
    events: tuple[Event, ...]

    def when(self, command: object, by: Actor = ADMIN, expected_version: int | None = None) -> Answer:
        held = self.held()
        desk = Desk(by, NOW, lambda stream: held.get(stream) or empty(stream), self._ids(), claim_of)
        return Answer(decide(command, desk, expected_version))

    def held(self) -> dict[str, Held]:
        """The states that the history leads to, by stream."""
        streams = {event.stream for event in self.events}
        return {
            stream: folded(empty(stream), stream, (event for event in self.events if event.stream == stream))
            for stream in streams
        }

    def _ids(self) -> dict[str, list[int]]:
        last: defaultdict[str, int] = defaultdict(int)
        for event in self.events:
            number = getattr(event, event.ID, 0) if event.ID else 0
            if isinstance(number, int):
                last[event.STREAM] = max(last[event.STREAM], number)
        return {name: [last[name] + 1] for name in SEQUENCES}


@dataclass(frozen=True)
class Answer:
    decision: Decision

    def then(self, *expected: Event | PrivateRow) -> None:
        """Exactly these events, in order, and after them these private rows."""
        if self.decision.refusal:
            raise self.decision.refusal
        assert [*self.decision.events, *self.decision.private] == list(expected)

    def refused(self, word: type[R]) -> R:
        assert type(self.decision.refusal) is word, self.decision
        return self.decision.refusal

    def guards(self) -> set[str]:
        """The streams that must not have changed until the events are in the log."""
        return {guard.stream for guard in self.decision.guards()}


def given(*events: Event | tuple[Event, ...]) -> Story:
    """A history: events, or tuples of events that belong together."""
    flat: list[Event] = []
    for event in events:
        flat.extend(event if isinstance(event, tuple) else (event,))
    return Story(tuple(flat))


def user(
    number: int, role: str = "user", *, active: bool = True, rate: int = 0, department_id: int | None = None
) -> tuple[Event, ...]:
    """What registering user `number` left behind; the name is `user<number>`."""
    name = f"user{number}"
    registered = UserRegistered(
        user_id=number,
        username=name,
        email=f"{name}@example.com",
        first_name="",
        last_name="",
        role=role,
        department_id=department_id,
        active=active,
        hourly_rate_cents=rate,
    )
    claims = (
        Claimed(claim_of("username", name), registered.stream),
        Claimed(claim_of("email", registered.email), registered.stream),
    )
    gained = (AdminGained(number),) if active and role == "admin" else ()
    return (registered, *claims, *gained)


def department(number: int, name: str) -> tuple[Event, ...]:
    created = DepartmentCreated(number, name, "")
    return (created, Claimed(claim_of("department", name), created.stream))


PEOPLE: tuple[Event, ...] = (
    *user(1, "admin"),
    *user(2, "manager"),
    *user(3),
    *user(4, "manager"),
    *user(5),
)
