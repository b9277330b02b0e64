"""Each invariant on histories made by hand: it holds where all is well, and names what is not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.faults.client_answers import outcome_of
from tests.faults.evidence import Entry, Evidence
from tests.faults.invariants import INVARIANTS
from tests.faults.invariants_answers import answered_in_time, denied_nothing, shows_own_writes
from tests.faults.invariants_log import durable, exactly_once, gapless, names_once
from tests.faults.invariants_model import (
    checkpoint_never_back,
    equals_the_fold,
    of_this_log,
    one_writer,
    read_back,
)
from tests.faults.invariants_rest import bounded, feed_is_whole, nobody_died
from tests.faults.operations import (
    Attempt,
    Glance,
    History,
    Operation,
    Outcome,
    Reading,
    Received,
    SignOut,
    Unreachable,
)
from tests.faults.verdicts import Finding

CREATED = b'{"data": {"task": {"id": 1, "title": "run-1"}}}'


def attempt(status: int = 201, **more: Any) -> Attempt:
    given: dict[str, Any] = {"body": CREATED, "request_id": "run-1-0"} | more
    return Attempt("server-1", 1.0, 0.1, status, **given)


def operation(*attempts: Attempt, key: str = "run-1", **more: Any) -> Operation:
    """The creation of task 1 with notes: two events, acknowledged unless it is said otherwise."""
    made = Operation(
        key,
        "create task",
        "POST",
        "/api/tasks",
        {},
        topics=("task.created", "task.details_changed"),
        about="task 1",
        attempts=list(attempts or [attempt(position=2)]),
    )
    made.outcome = outcome_of(made)
    return replace(made, **more)


def tag(key: str, *attempts: Attempt, **more: Any) -> Operation:
    """The creation of a tag by a name that each of them bears."""
    return operation(*attempts, key=key, sent={"name": "same"}, topics=("tag.created",), **more)


def second(*attempts: Attempt) -> Operation:
    """The creation of another tag by a name that was given already."""
    return tag("run-2", *attempts, is_second=True)


def entry(position: int, version: int | None = None, topic: str = "task.created", **more: Any) -> Entry:
    given: dict[str, Any] = {"stream": "task-1", "recorded_at": "2026-01-01", "request_id": "run-1-0"} | more
    return Entry(position, version=version or position, topic=topic, event_id=f"event {position}", **given)


def glance(position: int, **more: Any) -> Glance:
    given: dict[str, Any] = {"epoch": 1, "head": 2, "timeline": 1, "valkey": "a", "build": "b"} | more
    return Glance(at_s=1.0, state="ready", position=position, log_id="log", **given)


LOG = (entry(1), entry(2, topic="task.details_changed"))
READING = Reading("server-1", "/api/tasks/1", 1.0, 0.1, 200, 2, 2, True, "task 1", "run-1")


def sound(**changes: Any) -> Evidence:
    """A ledger with one task, of which everything is as it should be."""
    given: dict[str, Any] = {
        "history": History(
            operations=[operation()],
            readings=[READING],
            final=[READING],
            received=[received(1), received(2)],
            glances=[glance(0), glance(2)],
            is_untouched=True,
        ),
        "log": LOG,
        "log_id": "log",
        "checkpoint": {"position": "2", "log_id": "log", "event_id": "event 2", "state": "ready"},
        "held": {"document:task:1": b'{"id": 1}', "index:task:sort:id": [b"a1", b"1"]},
        "folded": {"document:task:1": b'{"id": 1}', "index:task:sort:id": [b"a1", b"1"]},
        "plain": {"task:1": {"id": 1}},
        "before": {"server-1": {"descriptors": 100.0, "pool:read": 3.0}},
        "after": {"server-1": {"descriptors": 100.0, "pool:read": 0.0}},
        "deaths": {"server-1": []},
    }
    return Evidence(**given | changes)


def received(position: int, **more: Any) -> Received:
    given: dict[str, Any] = {"event_id": f"event {position}", "stream": "task-1", "version": position} | more
    return Received("server-1", position, **given)


def past(**changes: Any) -> Evidence:
    """The same ledger with another history."""
    return sound(history=replace(sound().history, **changes))


def attempted(*attempts: Attempt, **more: Any) -> Evidence:
    return past(operations=[operation(*attempts, **more)])


def test_everything_holds_of_a_sound_ledger_and_looks_at_something() -> None:
    for invariant in INVARIANTS:
        finding = invariant(sound())
        assert (finding.holds, finding.checked > 0) == (True, True), finding


WRONG: dict[str, tuple[Callable[[Evidence], Finding], Evidence]] = {
    "acknowledged, not in the log": (durable, sound(log=())),
    "half a command": (durable, sound(log=LOG[:1])),
    "half a command of the time before a loss": (
        durable,
        replace(past(glances=[replace(glance(2), at_s=9.0)]), log=LOG[:1], may_lose_acknowledged=True),
    ),
    "events in another order": (durable, sound(log=(replace(LOG[0], topic="task.tagged"), LOG[1]))),
    "events of others in between": (durable, sound(log=(LOG[0], entry(3, topic="task.details_changed")))),
    "recorded at two moments": (durable, sound(log=(LOG[0], replace(LOG[1], recorded_at="2026-01-02")))),
    "signed out and let in": (durable, past(sign_outs=[SignOut("p1", [503, 200], is_let_in=True)])),
    "refused for what is not there": (durable, past(operations=[operation(), second(attempt(409))])),
    "one name for two tags": (
        names_once,
        replace(
            past(operations=[tag("run-1"), tag("run-2", is_second=True)]),
            log=(entry(1), entry(2, request_id="run-2-0")),
        ),
    ),
    "a missing position": (gapless, sound(log=(entry(1), entry(3, 2)))),
    "a missing version": (gapless, sound(log=(entry(1), entry(2, 3)))),
    "a stream without a beginning": (gapless, sound(log=(entry(1), entry(2, 2, stream="task-2")))),
    "a moment that goes back": (gapless, sound(log=(entry(1), entry(2, recorded_at="2025")))),
    "two effects": (exactly_once, sound(log=(*LOG, entry(3, request_id="run-1-1")))),
    "an effect of what failed": (exactly_once, attempted(attempt(503))),
    "an outcome that stays unknown": (exactly_once, attempted(attempt(0))),
    "another answer to the same key": (
        exactly_once,
        attempted(attempt(), attempt(body=b'{"data": {"task": {"id": 1}, "more": 1}}')),
    ),
    "an answer about something else": (
        exactly_once,
        attempted(attempt(), attempt(body=b'{"data": {"task": {"id": 2}}}')),
    ),
    "done and refused": (exactly_once, attempted(attempt(), attempt(409))),
    "a document that is missing": (equals_the_fold, sound(held={})),
    "a document that is too many": (equals_the_fold, sound(plain={}, folded={})),
    "an index that is wrong": (equals_the_fold, sound(folded={**sound().held, "index:task:sort:id": []})),
    "an event that nobody expected": (equals_the_fold, sound(plain="nobody expected this")),
    "read back otherwise": (read_back, past(final=[replace(READING, shows=False, says="title is None")])),
    "never read back": (read_back, past(final=[replace(READING, status=503, shows=None)])),
    "a checkpoint that goes back": (checkpoint_never_back, past(glances=[glance(2), glance(1)])),
    "a checkpoint beyond the log": (checkpoint_never_back, past(glances=[glance(2), glance(3)])),
    "a checkpoint that stays behind": (checkpoint_never_back, sound(checkpoint={"position": "1"})),
    "a 404 for something that is there": (denied_nothing, past(readings=[replace(READING, status=404)])),
    "a 404 in the end": (denied_nothing, past(final=[replace(READING, status=404)])),
    "a list that lacks something": (
        denied_nothing,
        past(readings=[replace(READING, about="tasks of task 1", shows=False)]),
    ),
    "a write that the rules refuse": (denied_nothing, attempted(attempt(404))),
    "a write that the rules refuse at first": (
        denied_nothing,
        attempted(attempt(404), replace(attempt(), sent_at_s=1.2)),
    ),
    "a write that is done and refused at once": (exactly_once, attempted(attempt(409), attempt())),
    "one id for two things": (
        names_once,
        replace(
            past(operations=[operation(), operation(key="run-2")]),
            log=(*LOG, entry(3, request_id="run-2-0")),
        ),
    ),
    "another position than its own": (names_once, attempted(attempt(position=1))),
    "a position without an event": (names_once, attempted(attempt(position=9))),
    "an event that was replaced": (names_once, past(received=[received(1, event_id="another")])),
    "a model of another log": (of_this_log, sound(log_id="another")),
    "a model of another end": (of_this_log, sound(log=(LOG[0], replace(LOG[1], event_id="another")))),
    "an older epoch": (one_writer, past(glances=[glance(1, epoch=2), glance(2, epoch=1)])),
    "a feed with a hole": (feed_is_whole, past(received=[received(0), received(2)])),
    "a feed out of order": (feed_is_whole, past(received=[received(2), received(1), received(2)])),
    "a feed that ends early": (feed_is_whole, past(received=[received(1)])),
    "a feed with another event": (feed_is_whole, past(received=[received(1, version=7), received(2)])),
    "a 500": (answered_in_time, attempted(attempt(500))),
    "no answer in time": (
        answered_in_time,
        past(operations=[operation(replace(attempt(0), took_s=18.0))], is_untouched=False),
    ),
    "a connection that ends by itself": (answered_in_time, attempted(attempt(0))),
    "a connection that ends while something else is broken": (
        answered_in_time,
        past(
            operations=[operation(attempt(0))],
            is_untouched=False,
            unreachable=[Unreachable("server-2", 0.0), Unreachable("server-1", 3.0, 9.0)],
        ),
    ),
    "a server that grew to what a projector holds": (
        bounded,
        sound(
            before={"server-1": {"resident_bytes": 80e6}, "projector-1": {"resident_bytes": 140e6}},
            after={"server-1": {"resident_bytes": 140e6}, "projector-1": {"resident_bytes": 140e6}},
        ),
    ),
    "descriptors that stay": (bounded, sound(after={"server-1": {"descriptors": 130.0}})),
    "a place of a pool that stays taken": (bounded, sound(after={"server-1": {"pool:read": 1.0}})),
    "a process that ended by itself": (nobody_died, sound(deaths={"server-1": ["server-1 ended with 3"]})),
    "an older state": (shows_own_writes, past(readings=[replace(READING, shows=False)])),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_found(name: str) -> None:
    invariant, evidence = WRONG[name]
    assert invariant(sound()).holds
    assert not invariant(evidence).holds


EXCUSED: dict[str, tuple[Callable[[Evidence], Finding], Evidence]] = {
    "lost where that is allowed": (durable, sound(log=(), may_lose_acknowledged=True)),
    "less where something is lost that it rests on": (
        durable,
        replace(past(glances=[glance(0, timeline=1)]), log=LOG[:1], may_lose_acknowledged=True),
    ),
    "a tag that is lost": (
        read_back,
        past(
            operations=[
                operation(sent={"tags": [7]}),
                tag("run-2", about="tag 7"),
            ],
            final=[replace(READING, shows=False, says="tags is [] instead of [7]")],
        ),
    ),
    "an id that is somebody else's after a loss": (
        denied_nothing,
        replace(
            past(operations=[operation(), operation(key="run-2")], readings=[replace(READING, status=403)]),
            may_lose_acknowledged=True,
        ),
    ),
    "a failed write that is nowhere": (exactly_once, replace(attempted(attempt(503)), log=())),
    "an answer made again after a fault": (
        exactly_once,
        sound(
            history=History(
                operations=[operation(attempt(), attempt(body=CREATED.replace(b"run-1", b"later")))],
            )
        ),
    ),
    "another Valkey may be behind": (
        checkpoint_never_back,
        past(glances=[glance(2), glance(1, valkey="c")]),
    ),
    "a model that is begun anew": (checkpoint_never_back, past(glances=[glance(2), glance(0, build="c")])),
    "beyond what another PostgreSQL has": (
        checkpoint_never_back,
        past(glances=[glance(2), glance(2, head=1, timeline=2)]),
    ),
    "what the log never had": (
        denied_nothing,
        replace(past(readings=[replace(READING, status=404)], operations=[]), log=()),
    ),
    "signed out, and not let in": (durable, past(sign_outs=[SignOut("p1", [200], is_let_in=False)])),
    "let in who was never told to be out": (durable, past(sign_outs=[SignOut("p1", [503], is_let_in=True)])),
    "refused for what is there": (
        durable,
        replace(past(operations=[tag("run-1"), second(attempt(409))]), log=(entry(1, topic="tag.created"),)),
    ),
    "a second name that the rules refuse": (
        denied_nothing,
        past(operations=[tag("run-1"), second(attempt(409))]),
    ),
    "refused when sent again": (
        denied_nothing,
        attempted(attempt(0), attempt(412), takes_key=False),
    ),
    "refused where it is sent at once": (denied_nothing, attempted(attempt(409), attempt())),
    "no answer from a frozen server": (
        answered_in_time,
        sound(
            history=History(
                operations=[operation(replace(attempt(0), took_s=18.0))],
                unreachable=[Unreachable("server-1", 3.0, 9.0)],
            )
        ),
    ),
    "a read of what the log never had": (
        shows_own_writes,
        replace(past(readings=[replace(READING, shows=False)]), log=()),
    ),
    "a spare that took over": (
        bounded,
        sound(
            before={"projector-1": {"resident_bytes": 120e6}, "projector-2": {"resident_bytes": 80e6}},
            after={"projector-1": {"resident_bytes": 80e6}, "projector-2": {"resident_bytes": 120e6}},
        ),
    ),
    "a tenth more": (bounded, sound(after={"server-1": {"descriptors": 110.0}})),
}


@pytest.mark.parametrize("name", EXCUSED)
def test_what_is_excused_does_not_speak_against_the_ledger(name: str) -> None:
    invariant, evidence = EXCUSED[name]
    assert invariant(evidence).against == ()


def test_what_is_lost_is_counted_also_where_it_is_allowed() -> None:
    assert durable(sound(log=(), may_lose_acknowledged=True)).lost == 1
    assert exactly_once(sound(log=(*LOG, entry(3, request_id="run-1-1")))).duplicated == 1


UNANSWERED = attempt(0)
NOT_DONE = attempt(503, body=b"nothing was done")
LEFT_OPEN = attempt(503, body=b"It may have been done: the same request with the same Idempotency-Key tells")
UNDER_WAY = attempt(409, is_to_be_asked_again=True)


@pytest.mark.parametrize(
    ("attempts", "takes_key", "outcome"),
    [
        ([], True, Outcome.UNKNOWN),
        ([attempt()], True, Outcome.OK),
        ([UNANSWERED], True, Outcome.UNKNOWN),
        ([replace(UNANSWERED, was_sent=False)], True, Outcome.FAILED),
        ([NOT_DONE], True, Outcome.FAILED),
        ([LEFT_OPEN], True, Outcome.UNKNOWN),
        ([UNDER_WAY], True, Outcome.UNKNOWN),
        ([attempt(500)], True, Outcome.UNKNOWN),
        ([attempt(422)], True, Outcome.FAILED),
        # What is said about one sending says nothing about another one that was left open.
        ([UNANSWERED, NOT_DONE], True, Outcome.UNKNOWN),
        ([UNANSWERED, attempt(401)], True, Outcome.UNKNOWN),
        ([UNANSWERED, attempt()], True, Outcome.OK),
        # A refusal is kept under the key, and the first sending finds it there.
        ([UNANSWERED, attempt(404)], True, Outcome.FAILED),
        ([UNANSWERED, attempt(412)], False, Outcome.UNKNOWN),
    ],
)
def test_what_answers_promise(attempts: list[Attempt], takes_key: bool, outcome: Outcome) -> None:
    sent = operation(*attempts, takes_key=takes_key)
    sent.attempts = attempts
    assert outcome_of(sent) is outcome
