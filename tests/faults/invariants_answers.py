"""Invariants of single answers: in time, in the documented words, true about what was acknowledged before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from tests.faults.client_answers import CONFLICT, told_by
from tests.faults.client_wire import GRACE_S
from tests.faults.evidence import Evidence
from tests.faults.operations import Attempt, History, Operation, Outcome, Reading
from tests.faults.verdicts import Finding

DOCUMENTED: Final = frozenset({0, 200, 201, 401, 403, 404, 409, 412, 422, 429, 503})
"""What clients can get who send nothing wrong; 0 stands for no answer."""

DENIALS: Final = frozenset({400, 403, 404, 409, 412, 422})


def denied_nothing(evidence: Evidence) -> Finding:
    """I6: answers about what was acknowledged before, against it: no 404, and no list that lacks it.

    Clients only do what the rules allow, so no write may be refused by the rules either. Things about which
    the log lacks something are I1's: where that is allowed, their ids may be others' by now.
    """
    history = evidence.history
    readings = [
        each
        for each in (*history.readings, *history.final)
        if evidence.has(each.about) and each.about not in evidence.incomplete
    ]
    against = [
        f"{_told(reading)}: {reading.status} although it is there" for reading in readings if _denies(reading)
    ]
    if not evidence.may_lose_acknowledged:
        against += [f"{_told(reading)}: {reading.says}" for reading in readings if _is_short(reading)]
        against += _denied_writes(history.operations)
    checked = len(readings) + len(history.operations)
    return Finding("I6", "nothing that is there is denied", checked, tuple(against))


def _denies(reading: Reading) -> bool:
    return reading.status in DENIALS


def _is_short(reading: Reading) -> bool:
    """A list that lacks something."""
    return reading.about.startswith("tasks of") and reading.shows is False


def _denied_writes(operations: Sequence[Operation]) -> Iterator[str]:
    for operation in operations:
        for attempt in operation.attempts:
            is_due = operation.is_second and attempt.status == CONFLICT
            is_denial = attempt.status in DENIALS and not attempt.is_to_be_asked_again
            if is_denial and not is_due and not _may_be_done(operation, attempt):
                body = attempt.body[:160].decode(errors="replace")
                yield f"{operation.kind} {operation.key}: {attempt.status} {body}"


def _may_be_done(operation: Operation, refused: Attempt) -> bool:
    """Whether another sending, before the refused one or at once with it, may have been carried out.

    A write that was done may fail its own condition. Whether one is both done and refused is I3's.
    """
    answered_at_s = refused.sent_at_s + refused.took_s
    others = (each for each in operation.attempts if each is not refused)
    return any(each.sent_at_s < answered_at_s and told_by(each) is not Outcome.FAILED for each in others)


def answered_in_time(evidence: Evidence) -> Finding:
    """I11: how long answers took against the deadline of servers, their statuses against the documented ones.

    No answer at all is excused while nobody can reach the server; a connection that ends is no answer in time
    unless the server, or the way to it, was hit at some moment in between.
    """
    history = evidence.history
    attempts = [attempt for operation in history.operations for attempt in operation.attempts]
    every: Sequence[Attempt | Reading] = [*attempts, *history.readings]
    limit_s = evidence.deadline_s + GRACE_S
    against = [
        f"at {each.sent_at_s:.2f} s {each.server}: {fault}"
        for each in every
        for fault in _faults(each, history, limit_s)
    ]
    return Finding("I11", "every request is answered in time, none with 500", len(every), tuple(against))


def _faults(answer: Attempt | Reading, history: History, limit_s: float) -> Iterator[str]:
    if answer.status not in DOCUMENTED:
        yield f"status {answer.status}"
    if answer.status == 0 and not is_excused(answer, history):
        if answer.took_s >= limit_s:
            yield f"no answer within {limit_s:g} s"
        else:
            yield f"the connection ended after {answer.took_s:.2f} s, and nobody had touched the server"


def is_excused(answer: Attempt | Reading, history: History) -> bool:
    """Whether nobody could reach the server at some moment between question and answer, or just before.

    A connection that was cut is found out by who uses it next, and a busy machine is late with that.
    """
    ends_at = answer.sent_at_s + answer.took_s
    return any(
        each.server == answer.server and each.from_s <= ends_at and each.until_s + GRACE_S >= answer.sent_at_s
        for each in history.unreachable
    )


def shows_own_writes(evidence: Evidence) -> Finding:
    """I14: what reads show that demand the position of a write, or are its writer's own, against that write.

    They show it, or something later, or say 503. A write that the log does not have is another invariant's.
    """
    readings = [
        reading
        for reading in evidence.history.readings
        if reading.operation
        and evidence.effects(reading.operation)
        and reading.about not in evidence.incomplete
    ]
    against = tuple(f"{_told(each)}: {each.says}" for each in readings if each.shows is False)
    return Finding("I14", "reads show what was written before", len(readings), against)


def _told(reading: Reading) -> str:
    asked = "" if reading.demanded is None else f" at {reading.demanded} or later"
    return f"{reading.about}{asked}, read at {reading.sent_at_s:.2f} s from {reading.server}"
