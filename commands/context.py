"""What a decider may know besides its command: who asks, when, and the states it looks at."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from enum import Enum
from functools import cache
from typing import Any, ClassVar, Final, Protocol, TypeVar

from events.event import Event
from events.instants import Instant


class Unset(Enum):
    """The type of `UNSET`: a field that a change leaves as it is."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: `role` is admin, manager or user, as it is now; who has no account is a visitor."""

    id: int
    role: str

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


SYSTEM: Final = Actor(0, "admin")
VISITOR: Final = Actor(0, "visitor")


class State(Protocol):
    """A frozen dataclass, folded from one stream; all its fields have defaults (the initial state).

    `STREAM` is the category of its stream: key 12 of `task` is the stream `task-12`.
    """

    STREAM: ClassVar[str]

    @property
    def exists(self) -> bool: ...


S = TypeVar("S", bound=State)


class Context(Protocol):
    """Pure from the decider's side: the dispatcher loads what is asked for and decides again."""

    @property
    def actor(self) -> Actor: ...

    @property
    def now(self) -> Instant: ...

    def new_id(self, sequence: str) -> int:
        """A number never used before in `sequence`, which is named as the stream category that it is for."""
        ...

    def load(self, kind: type[S], key: int | str) -> S:
        """The state of one stream now; its initial state where the stream is empty."""
        ...

    def load_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        """The states of several streams, in the order asked, in one round trip."""
        ...

    def glance_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        """As `load_all`, for states that may change before the decision is in the log: no conflict follows.

        They may be outdated already when something is decided by them.
        """
        ...

    def existing(self, kind: type[S], key: int | str) -> S:
        """As `load`; raises NotFound when the object does not exist (any more)."""
        ...

    def claim_of(self, kind: str, name: str) -> str:
        """The key of the claim stream for a unique name (`kind` is username, email, department …)."""
        ...


# Fields that a client knows under another name than the command does.
_PUBLIC_NAMES: Final[Mapping[str, str]] = {
    "password_hash": "password",
    "hourly_rate_cents": "hourly_rate",
    "budget_cents": "budget",
    "tag_ids": "tags",
}


def given(command: Any) -> frozenset[str]:
    """The public names of the fields that a change was given, wrong values included.

    A value that the dialect refused never reaches its field, yet asking for it takes permission.
    Fields without a default name the object and do not count.
    """
    names = {
        _PUBLIC_NAMES.get(field.name, field.name): field.name
        for field in fields(command)
        if field.default is UNSET
    }
    return frozenset(
        public
        for public, name in names.items()
        if public in command.invalid or getattr(command, name) is not UNSET
    )


def adopted(state: S, event: Event, **more: Any) -> S:
    """The state with the value of every field that it has in common with the event, and with `more`."""
    common = {name: getattr(event, name) for name in _common_fields((type(state), type(event)))}
    return replace(state, **common, **more)  # type: ignore[type-var]


@cache
def _common_fields(types: tuple[Any, Any]) -> tuple[str, ...]:
    of_state, of_event = ({field.name: None for field in fields(each)} for each in types)
    return tuple(name for name in of_event if name in of_state)


def changed(before: Any, command: Any, names: Iterable[str]) -> dict[str, Any]:
    """Those of the fields `names` that the command sets to another value than `before` has."""
    wanted = {name: getattr(command, name) for name in names}
    return {
        name: value for name, value in wanted.items() if value is not UNSET and value != getattr(before, name)
    }
