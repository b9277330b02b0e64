"""What a decider may know besides its command: who asks, when, and the states it looks at."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum
from typing import Final, Protocol, TypeVar, runtime_checkable

from events.event import Event
from events.instants import Instant


class Unset(Enum):
    """The type of `UNSET`: a field that a change leaves as it is."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET


@dataclass(frozen=True, slots=True)
class Actor:
    """Who asks: `role` is admin, manager or user, as it is now."""

    id: int
    role: str

    @property
    def is_admin(self) -> bool:
        return self.role == "admin"


SYSTEM: Final = Actor(0, "admin")


@runtime_checkable
class State(Protocol):
    """A frozen dataclass, folded from one stream; all its fields have defaults (the initial state)."""

    @property
    def exists(self) -> bool: ...


S = TypeVar("S", bound=State)


class Context(Protocol):
    """Pure from the decider's side: the dispatcher loads what is asked for and decides again."""

    actor: Actor
    now: Instant

    def new_id(self, sequence: str) -> int:
        """A number never used before in `sequence` (user, department, project, task, …)."""
        ...

    def load(self, kind: type[S], key: int | str) -> S:
        """The state of one stream now; its initial state where the stream is empty."""
        ...

    def load_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        """The states of several streams, in the order asked, in one round trip."""
        ...

    def existing(self, kind: type[S], key: int | str) -> S:
        """As `load`; raises NotFound when the object does not exist (any more)."""
        ...

    def claim_of(self, kind: str, name: str) -> str:
        """The key of the claim stream for a unique name (`kind` is username, email, department …)."""
        ...


class Evolve(Protocol):
    def __call__(self, state: S, event: Event) -> S: ...
