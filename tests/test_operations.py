"""What operators may do to the ledger itself, and what is recorded of it."""

from __future__ import annotations

import pytest

from commands.context import SYSTEM
from commands.errors import Conflict, Forbidden, Invalid
from commands.operations import (
    REASON_MAX,
    BackUpLedger,
    CancelRebuild,
    DiscardEvent,
    ExportLog,
    PauseProjection,
    RestoreLedger,
    ResumeProjection,
    RetryDeadLetters,
    RollBackGeneration,
    StartRebuild,
    StartVerification,
    SwitchGeneration,
)
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
from tests.given import MANAGER, USER, given

WHY = "a disk was mended"
EVERY = (
    (StartRebuild(generation=2, reason=WHY), RebuildStarted(2, WHY)),
    (CancelRebuild(generation=2, reason=WHY), RebuildCancelled(2, WHY)),
    (StartVerification(documents=100, reason=WHY), VerificationStarted(100, WHY)),
    (StartVerification(documents=None, reason=WHY), VerificationStarted(None, WHY)),
    (
        SwitchGeneration(from_generation=1, to_generation=2, reason=WHY),
        GenerationSwitched(1, 2, WHY),
    ),
    (
        RollBackGeneration(from_generation=2, to_generation=1, reason=WHY),
        GenerationRolledBack(2, 1, WHY),
    ),
    (PauseProjection(reason=WHY), ProjectionPaused(WHY)),
    (RetryDeadLetters(positions=(4, 9), reason=WHY), DeadLettersRetried((4, 9), WHY)),
    (DiscardEvent(position=4, reason=WHY), EventDiscarded(4, WHY)),
    (ExportLog(first=1, last=9, with_keys=True, reason=WHY), LogExported(1, 9, True, WHY)),
    (BackUpLedger(position=9, reason=WHY), LedgerBackedUp(9, WHY)),
    (
        RestoreLedger(position=9, made_at="2026-01-02T03:04:05.000006Z", is_latest=False, reason=WHY),
        LedgerRestored(9, "2026-01-02T03:04:05.000006Z", False, WHY),
    ),
)


@pytest.mark.parametrize(("command", "event"), EVERY)
def test_every_operation_is_an_event_with_its_reason(command: object, event: object) -> None:
    given().when(command, by=SYSTEM).then(event)  # type: ignore[arg-type]


@pytest.mark.parametrize("command", [command for command, _ in EVERY])
def test_only_admins_operate(command: object) -> None:
    for actor in (USER, MANAGER):
        assert given().when(command, by=actor).refused(Forbidden).required_role == "admin"


@pytest.mark.parametrize("reason", ["", "  ", "a\0b", "x" * (REASON_MAX + 1)])
def test_a_reason_has_to_be_given(reason: str) -> None:
    refusal = given().when(DiscardEvent(position=4, reason=reason)).refused(Invalid)
    assert refusal.errors == {"reason": [f"A reason is a text of 1 to {REASON_MAX} characters"]}


def test_blanks_around_a_reason_are_no_part_of_it() -> None:
    given().when(PauseProjection(reason=f" {WHY}\n")).then(ProjectionPaused(WHY))


def test_who_is_paused_cannot_be_paused_and_who_goes_on_cannot_be_resumed() -> None:
    paused = ProjectionPaused(WHY)
    given(paused).when(PauseProjection(reason=WHY)).refused(Conflict)
    given(paused).when(ResumeProjection(reason=WHY)).then(ProjectionResumed(WHY))
    given(paused, ProjectionResumed(WHY)).when(ResumeProjection(reason=WHY)).refused(Conflict)
    given(paused, ProjectionResumed(WHY)).when(PauseProjection(reason=WHY)).then(ProjectionPaused(WHY))


def test_an_event_is_discarded_once() -> None:
    story = given(EventDiscarded(4, WHY))
    story.when(DiscardEvent(position=4, reason=WHY)).refused(Conflict)
    story.when(DiscardEvent(position=5, reason=WHY)).then(EventDiscarded(5, WHY))
