"""An event: something that happened, named in the past tense, never changed afterwards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

from eventsourcing.utils import register_topic


@dataclass(frozen=True, slots=True)
class Event:
    """Base of all events.

    A subclass names its `TOPIC` (the type name in the log, which never changes), the category of
    its stream and the field that completes the stream's name: `task` and `task_id` give `task-12`.
    Without an `ID` the category is the whole name. Fields are JSON values; a list is a tuple.
    Fields named in `PERSONAL` identify a person: the log holds them as ciphertext only, and they
    may stand in `user-N` streams only, whose number names the key.
    A changed shape raises `class_version` and adds a static `upcast_vN_vM(state)`.
    """

    TOPIC: ClassVar[str] = ""
    STREAM: ClassVar[str] = ""
    ID: ClassVar[str] = ""
    PERSONAL: ClassVar[frozenset[str]] = frozenset()
    class_version: ClassVar[int] = 1

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # slots=True makes the class a second time: only the last one counts.
        super(Event, cls).__init_subclass__(**kwargs)
        if cls.PERSONAL and (cls.STREAM, cls.ID) != ("user", "user_id"):
            raise TypeError(f"{cls.__name__} has personal fields, which may stand in streams of users only")
        if "personal" in cls.__annotations__:
            raise TypeError(f"{cls.__name__} has a field called personal, where the log keeps ciphertext")
        if cls.TOPIC:
            TYPES[cls.TOPIC] = cls

    @property
    def stream(self) -> str:
        """The name of the stream that this event belongs to, as in `task-12`."""
        return f"{self.STREAM}-{getattr(self, self.ID)}" if self.ID else self.STREAM


TYPES: dict[str, type[Event]] = {}


class Record(NamedTuple):
    """An event with its place in history: what a reader of the log gets.

    `version` counts from 1 within the stream, `position` from 1 through the whole log without a
    gap; `recorded_at` is an instant (see `events.instants`) and never decreases with the position.
    `request_id` is the correlation id, `causation_id` the id of the event that led to this one.
    """

    event: Event
    stream: str
    version: int
    position: int
    event_id: str
    recorded_at: str
    actor_id: int | None
    actor_role: str | None
    dialect: str | None
    request_id: str | None
    causation_id: str | None
    command: str | None


class Poison(NamedTuple):
    """A stored event that cannot be decoded; it keeps its place, so that nobody skips it unknowingly."""

    stream: str
    version: int
    position: int
    topic: str
    recorded_at: str
    error: str
    event_id: str = ""


def register_types() -> None:
    """Make every event type known to the `eventsourcing` library under its `TOPIC`."""
    for topic, cls in TYPES.items():
        register_topic(topic, cls)
