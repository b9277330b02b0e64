"""What operators did to the ledger itself, all of it in one stream."""

from __future__ import annotations

from dataclasses import dataclass

from events.event import Event


@dataclass(frozen=True, slots=True)
class RebuildStarted(Event):
    """A generation began to be folded beside the one in use."""

    TOPIC = "operator.rebuild_started"
    STREAM = "operations"

    generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationSwitched(Event):
    """Readers were sent from one generation to a newer one."""

    TOPIC = "operator.generation_switched"
    STREAM = "operations"

    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class GenerationRolledBack(Event):
    """Readers were sent back to the generation that was in use before."""

    TOPIC = "operator.generation_rolled_back"
    STREAM = "operations"

    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProjectionPaused(Event):
    TOPIC = "operator.projection_paused"
    STREAM = "operations"

    reason: str


@dataclass(frozen=True, slots=True)
class ProjectionResumed(Event):
    TOPIC = "operator.projection_resumed"
    STREAM = "operations"

    reason: str


@dataclass(frozen=True, slots=True)
class DeadLettersRetried(Event):
    """The documents that these events stopped are folded again from the log, as it is read by now."""

    TOPIC = "operator.dead_letters_retried"
    STREAM = "operations"

    positions: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True)
class EventDiscarded(Event):
    """The event at `position` is left out of every fold that knows of this; it stays in the log."""

    TOPIC = "operator.event_discarded"
    STREAM = "operations"

    position: int
    reason: str
