"""What operators may do to the ledger itself: each operation is recorded, with its reason."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from commands.context import Actor, Context
from commands.errors import Conflict, Faults, Forbidden, Invalid
from events.event import Event
from events.operations import (
    DeadLettersRetried,
    EventDiscarded,
    GenerationRolledBack,
    GenerationSwitched,
    LedgerBackedUp,
    LedgerRestored,
    LogExported,
    ProjectionPaused,
    ProjectionResumed,
    RebuildCancelled,
    RebuildStarted,
    VerificationStarted,
)

REASON_MAX: Final = 500
RETRIED_AT_ONCE_MAX: Final = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class StartRebuild:
    generation: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CancelRebuild:
    generation: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class StartVerification:
    """`documents` is how many are looked at, None for all of the read model."""

    documents: int | None
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SwitchGeneration:
    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RollBackGeneration:
    from_generation: int
    to_generation: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class PauseProjection:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ResumeProjection:
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryDeadLetters:
    """`positions` are those of the events that stopped documents."""

    positions: tuple[int, ...]
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscardEvent:
    position: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportLog:
    """`first` and `last` are positions, both included; `with_keys` when the keys of people go along."""

    first: int
    last: int
    with_keys: bool
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BackUpLedger:
    """`position` is that of the last event in the backup."""

    position: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RestoreLedger:
    """`made_at` is when the backup was made, `is_latest` whether nothing was written after it."""

    position: int
    made_at: str
    is_latest: bool
    reason: str


@dataclass(frozen=True, slots=True)
class Operations:
    """What operators have done so far. The key of the only such state is the empty text."""

    STREAM: ClassVar[str] = "operations"

    count: int = 0
    is_paused: bool = False
    discarded: frozenset[int] = frozenset()

    @property
    def exists(self) -> bool:
        return self.count > 0


def evolve(operations: Operations, event: Event) -> Operations:
    operations = replace(operations, count=operations.count + 1)
    match event:
        case ProjectionPaused():
            return replace(operations, is_paused=True)
        case ProjectionResumed():
            return replace(operations, is_paused=False)
        case EventDiscarded():
            return replace(operations, discarded=operations.discarded | {event.position})
    return operations


def start_rebuild(command: StartRebuild, context: Context) -> Iterator[Event]:
    yield RebuildStarted(command.generation, checked(command.reason, context))


def cancel_rebuild(command: CancelRebuild, context: Context) -> Iterator[Event]:
    yield RebuildCancelled(command.generation, checked(command.reason, context))


def start_verification(command: StartVerification, context: Context) -> Iterator[Event]:
    yield VerificationStarted(command.documents, checked(command.reason, context))


def switch_generation(command: SwitchGeneration, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    yield GenerationSwitched(command.from_generation, command.to_generation, reason)


def roll_back_generation(command: RollBackGeneration, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    yield GenerationRolledBack(command.from_generation, command.to_generation, reason)


def pause_projection(command: PauseProjection, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    if context.load(Operations, "").is_paused:
        raise Conflict("The projection is paused already")
    yield ProjectionPaused(reason)


def resume_projection(command: ResumeProjection, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    if not context.load(Operations, "").is_paused:
        raise Conflict("The projection is not paused")
    yield ProjectionResumed(reason)


def retry_dead_letters(command: RetryDeadLetters, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    if not 1 <= len(command.positions) <= RETRIED_AT_ONCE_MAX:
        raise Invalid({"positions": [f"1 to {RETRIED_AT_ONCE_MAX} events are retried at once"]})
    yield DeadLettersRetried(command.positions, reason)


def discard_event(command: DiscardEvent, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    if command.position in context.load(Operations, "").discarded:
        raise Conflict(f"The event at position {command.position} is discarded already")
    yield EventDiscarded(command.position, reason)


def export_log(command: ExportLog, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    yield LogExported(command.first, command.last, command.with_keys, reason)


def back_up_ledger(command: BackUpLedger, context: Context) -> Iterator[Event]:
    yield LedgerBackedUp(command.position, checked(command.reason, context))


def restore_ledger(command: RestoreLedger, context: Context) -> Iterator[Event]:
    reason = checked(command.reason, context)
    yield LedgerRestored(command.position, command.made_at, command.is_latest, reason)


def checked(reason: str, context: Context) -> str:
    """The reason without blanks around it. Raises Forbidden, Invalid."""
    return permitted(reason, context.actor)


def permitted(reason: str, actor: Actor) -> str:
    """As `checked`, for what has to be judged before a command can be made. Raises Forbidden, Invalid."""
    if not actor.is_admin:
        raise Forbidden("admin")
    faults, text = Faults({}), reason.strip()
    if not text or "\0" in text or len(text) > REASON_MAX:
        faults.add("reason", f"A reason is a text of 1 to {REASON_MAX} characters")
    faults.refuse()
    return text
