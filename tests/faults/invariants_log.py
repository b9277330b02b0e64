"""Invariants of the log: nothing lost, nothing twice, no gap, no name or number given out again."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

import orjson

from tests.faults.client_answers import CONFLICT, KEPT_REFUSALS
from tests.faults.evidence import Entry, Evidence, topics_of
from tests.faults.operations import Attempt, Operation, Outcome
from tests.faults.verdicts import Finding

BEGINNINGS: Final = frozenset({"created", "raised", "recorded"})


def durable(evidence: Evidence) -> Finding:
    """I1: every acknowledged operation against the log: all its events are there, in one piece.

    Its events bear the id of one of its requests, are those that it comes to, in order, stand side by side
    and were recorded at one moment. Who was signed out stays so, and what a refusal
    rests on is there as well.
    """
    history = evidence.history
    acknowledged, signed_out = history.with_outcome(Outcome.OK), history.signed_out
    lost = [operation for operation in acknowledged if not evidence.effects(operation)]
    let_in = [each for each in signed_out if each.is_let_in]
    against = [f"{_told(operation)} is not in the log" for operation in lost]
    against += [f"{each.username} was signed out ({each.statuses}) and is let in" for each in let_in]
    against += [
        f"{_told(operation)} was refused for a tag that is not in the log"
        for operation in _unfounded(evidence)
    ]
    if evidence.may_lose_acknowledged:
        against = []
    for operation in acknowledged:
        against += [f"{_told(operation)}: {fault}" for fault in _by_half(operation, evidence)]
    return Finding(
        "I1",
        "what was acknowledged is in the log, whole",
        len(acknowledged) + len(signed_out),
        tuple(against),
        lost=len(lost) + len(let_in),
    )


def _unfounded(evidence: Evidence) -> Iterator[Operation]:
    """Refusals of a name that, in the end, nothing bears."""
    given = evidence.names_given
    for operation in evidence.history.operations:
        was_refused = any(
            each.status == CONFLICT and not each.is_to_be_asked_again for each in operation.attempts
        )
        if operation.is_second and was_refused and operation.sent["name"] not in given:
            yield operation


def _by_half(operation: Operation, evidence: Evidence) -> Iterator[str]:
    for events in evidence.effects(operation):
        topics = topics_of(events)
        is_part = evidence.may_come_to_less(operation) and {*topics} < {*operation.topics}
        if topics != operation.topics and not is_part:
            yield f"it is {', '.join(topics)} instead of {', '.join(operation.topics)}"
        if events[-1].position - events[0].position != len(events) - 1:
            yield f"its events are scattered over {[entry.position for entry in events]}"
        if len({entry.recorded_at for entry in events}) > 1:
            yield "its events were recorded at several moments"


def gapless(evidence: Evidence) -> Finding:
    """I2: positions against 1, 2, 3 …, the versions of each stream as well, moments against order."""
    against: list[str] = []
    versions: Counter[str] = Counter()
    moment = ""
    for place, entry in enumerate(evidence.log, start=1):
        versions[entry.stream] += 1
        if entry.position != place and len(against) < len(evidence.log):
            against.append(f"position {entry.position} stands at place {place}")
        if entry.version != versions[entry.stream]:
            against.append(
                f"version {entry.version} of {entry.stream} is its event no. {versions[entry.stream]}"
            )
            versions[entry.stream] = entry.version
        if entry.recorded_at < moment:
            against.append(f"position {entry.position} is older than the one before it")
        moment = entry.recorded_at
    return Finding("I2", "positions and versions have no gap", len(evidence.log), tuple(against))


def exactly_once(evidence: Evidence) -> Finding:
    """I3: operations against the effects of their requests: one if acknowledged, none if failed.

    Every outcome is known in the end, and answers to the same key are the same bytes.
    """
    against: list[str] = []
    twice = 0
    for operation in evidence.history.operations:
        effects = evidence.effects(operation)
        if len(effects) > 1:
            twice += 1
            against.append(f"{_told(operation)} took effect {len(effects)} times")
        if operation.outcome is Outcome.FAILED and effects:
            against.append(f"{_told(operation)} is in the log, though {_refusal(operation)}")
        if operation.outcome is Outcome.UNKNOWN:
            against.append(f"nobody can tell whether {_told(operation)} was done")
        against += _different_answers(operation, evidence)
    checked = len(evidence.history.operations)
    return Finding("I3", "each operation takes effect once", checked, tuple(against), duplicated=twice)


def _refusal(operation: Operation) -> str:
    last = operation.attempts[-1]
    return f"it was answered {last.status} {last.body[:160].decode(errors='replace')}"


def _different_answers(operation: Operation, evidence: Evidence) -> Iterator[str]:
    """Answers with success to one key that differ.

    An answer that could not be kept, because something was broken just then, is made again once: it may tell
    another request id, and what others have changed meanwhile, but is about the same thing.
    """
    if not operation.takes_key:
        return
    answers = [attempt for attempt in operation.attempts if 200 <= attempt.status < 300]
    if answers and any(
        attempt.status in KEPT_REFUSALS and not attempt.is_to_be_asked_again for attempt in operation.attempts
    ):
        yield f"{_told(operation)} was both done and refused"
    repeated = {attempt.body for attempt in answers if attempt.is_repeated}
    if len(repeated) > 1:
        yield f"{_told(operation)} was repeated in {len(repeated)} ways"
    bodies = {attempt.body for attempt in answers}
    if len(bodies) > 1 and evidence.history.is_untouched:
        yield f"{_told(operation)} was answered in {len(bodies)} ways"
    if len({_thing(attempt) for attempt in answers}) > 1:
        yield f"{_told(operation)} was answered about several things"


def _thing(attempt: Attempt) -> object:
    """The id of what an answer is about, in either dialect."""
    data = orjson.loads(attempt.body).get("data") or {}
    inner = next((each for each in data.values() if isinstance(each, dict) and "id" in each), data)
    return data.get("id", inner.get("id"))


def names_once(evidence: Evidence) -> Finding:
    """I7: ids of new things against each other; positions that answers and subscribers saw against the log's.

    An event that was seen and that nobody was promised may be gone where another PostgreSQL took over.
    """
    by_position = {entry.position: entry for entry in evidence.log}
    acknowledged = evidence.history.with_outcome(Outcome.OK)
    against = [
        *_given_out_twice(acknowledged, evidence),
        *_misnamed(acknowledged, by_position, evidence),
        *_replaced(evidence, by_position),
        *(f"{name} is the name of {count} tags" for name, count in evidence.names_given.items() if count > 1),
    ]
    checked = len(acknowledged) + len(evidence.history.received)
    return Finding("I7", "no id and no position is given out twice", checked, tuple(against))


def _given_out_twice(acknowledged: list[Operation], evidence: Evidence) -> Iterator[str]:
    """Ids of several things that are all there: what was lost, where that is allowed, has no id any more."""
    made: dict[str, list[str]] = defaultdict(list)
    for operation in acknowledged:
        word = operation.topics[0].rpartition(".")[2]
        if word in BEGINNINGS and evidence.effects(operation):
            made[operation.about].append(operation.key)
    for about, keys in made.items():
        if len(keys) > 1:
            yield f"{about} was made by {', '.join(keys)}"


def _misnamed(
    acknowledged: list[Operation], by_position: dict[int, Entry], evidence: Evidence
) -> Iterator[str]:
    """Positions that answers give which are not those of the operation's last event."""
    for operation in acknowledged:
        if not evidence.effects(operation):
            continue
        for attempt in operation.attempts:
            entry = by_position.get(attempt.position or 0)
            if (
                attempt.position
                and _is_telling(operation, attempt)
                and not _is_last_of(entry, operation, evidence)
            ):
                found = entry.operation if entry else "nothing"
                yield f"{_told(operation)} was answered at position {attempt.position}, where {found} is"


def _is_telling(operation: Operation, attempt: Attempt) -> bool:
    """Whether its answer is about the operation's own events: a later one that found nothing to do is not."""
    return attempt.is_repeated or len(operation.attempts) == 1


def _is_last_of(entry: Entry | None, operation: Operation, evidence: Evidence) -> bool:
    return entry is not None and any(events[-1] == entry for events in evidence.effects(operation))


def _replaced(evidence: Evidence, by_position: dict[int, Entry]) -> Iterator[str]:
    """Positions at which a subscriber was given an event that is not there any more."""
    if evidence.has_switched or evidence.may_lose_acknowledged:
        return
    for received in evidence.history.received:
        entry = by_position.get(received.position)
        if entry is None or entry.event_id != received.event_id:
            yield f"{received.server} gave another event at {received.position}: {received.event_id}"


def _told(operation: Operation) -> str:
    return f"{operation.kind} {operation.key}{f' ({operation.about})' if operation.about else ''}"
