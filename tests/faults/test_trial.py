"""A trial counts honestly, and one in which nothing happened proves nothing."""

from __future__ import annotations

from tests.faults.operations import Attempt, History, Operation, Outcome, Reading
from tests.faults.trial import counted, eventful, is_served
from tests.faults.verdicts import Finding


def attempt(server: str, status: int, position: int | None = None, *, sent_at_s: float = 1.0) -> Attempt:
    return Attempt(server, sent_at_s, 0.1, status, position=position)


def operation(*attempts: Attempt, outcome: Outcome = Outcome.OK, was_resolved: bool = False) -> Operation:
    done = Operation("key", "create task", "POST", "/api/projects/1/tasks", {}, attempts=[*attempts])
    done.outcome, done.resolved_by_key = outcome, was_resolved
    return done


def reading(server: str, position: int | None, status: int = 200) -> Reading:
    return Reading(server, "/api/tasks/1", 1.0, 0.1, status, position, position)


def test_a_ledger_is_back_when_every_server_writes_and_reads_what_is_new() -> None:
    written = [operation(attempt("a", 201, 7)), operation(attempt("b", 201, 9))]
    assert is_served(["a", "b"], written, [reading("a", 7), reading("b", 12)])
    assert not is_served(["a", "b"], written, [reading("a", 7), reading("b", 8)])
    assert not is_served(["a", "b"], written, [reading("a", 7), reading("b", 9, 503)])
    assert not is_served(["a", "b"], written[:1], [reading("a", 7), reading("b", 9)])
    assert not is_served(["a", "b"], [written[0], operation(attempt("b", 503))], [reading("a", 7)])


def test_numbers_are_those_of_the_history_and_of_the_findings() -> None:
    history = History(
        operations=[
            operation(attempt("a", 201, 1)),
            operation(attempt("a", 0), attempt("b", 201, 2), was_resolved=True),
            operation(attempt("a", 409), outcome=Outcome.FAILED),
            operation(attempt("a", 0), outcome=Outcome.UNKNOWN),
        ]
    )
    findings = [Finding("I1", "", 4, lost=2), Finding("I3", "", 4, duplicated=1)]
    told = counted("none", 5, history, findings)
    assert (told.operations, told.acknowledged, told.failed) == (4, 2, 1)
    assert (told.unknown, told.resolved, told.lost, told.duplicated) == (2, 1, 2, 1)


def test_a_trial_in_which_nothing_happened_is_a_failure() -> None:
    assert not eventful(History(), 5.0).holds
    history = History(operations=[operation(attempt("a", 201))], readings=[reading("a", 1)])
    assert eventful(history, 5.0).against == ("there was not even a fault",)
    history.injected.append((2.0, "broken"))
    assert eventful(history, 5.0).holds
    late = History([operation(attempt("a", 201, sent_at_s=6))], [reading("a", 1)], history.injected)
    assert eventful(late, 5.0).against == ("there was not even a write before the heal",)
