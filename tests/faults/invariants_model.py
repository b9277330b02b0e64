"""Invariants of the read model: the fold of the log, by one writer at a time, and never going back."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final

from tests.faults.evidence import Evidence
from tests.faults.operations import Glance
from tests.faults.verdicts import Finding

TOLD_CHARACTERS_MAX: Final = 200


def equals_the_fold(evidence: Evidence) -> Finding:
    """I4: every document against an independent fold of the log, every key against a second fold.

    The independent one shares no code with projections: it tells all documents and sums. The other one, by
    the code of this process, tells indexes and texts as well. What either side has too many of counts.
    """
    against: list[str] = []
    if isinstance(evidence.plain, str):
        against.append(evidence.plain)
    else:
        against += _differing("document", evidence.documents, evidence.plain)
    against += _differing("key", evidence.held, evidence.folded)
    return Finding("I4", "the read model is the fold of the log", len(evidence.held), tuple(against))


def _differing(what: str, held: Mapping[str, Any], expected: Mapping[str, Any]) -> Iterator[str]:
    for name in sorted(held.keys() | expected.keys()):
        if held.get(name) != expected.get(name):
            yield f"{what} {name}: {_told(held.get(name), expected.get(name))}"


def _told(held: Any, expected: Any) -> str:
    if isinstance(held, dict) and isinstance(expected, dict):
        names = [name for name in held.keys() | expected.keys() if held.get(name) != expected.get(name)]
        held, expected = ({name: each.get(name) for name in sorted(names)} for each in (held, expected))
    return f"{_cut(held)} instead of {_cut(expected)}"


def _cut(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= TOLD_CHARACTERS_MAX else f"{text[:TOLD_CHARACTERS_MAX]}…"


def read_back(evidence: Evidence) -> Finding:
    """I4, as clients see it: each thing read back at the end against all that was acknowledged about it.

    Things about which the log lacks something are I1's.
    """
    readings = [
        reading
        for reading in evidence.history.final
        if evidence.has(reading.about) and reading.about not in evidence.incomplete
    ]
    against = [
        f"{reading.about}: {reading.says or f'status {reading.status}'}"
        for reading in readings
        if reading.shows is False or reading.status in (0, 503)
    ]
    return Finding("I4", "what was acknowledged is read back", len(readings), tuple(against))


def checkpoint_never_back(evidence: Evidence) -> Finding:
    """I5: glances at the checkpoint against those before, and against the end of the log a moment later.

    Within one Valkey and one building of the read model it never goes back. What is written while one
    PostgreSQL reigns never goes beyond the log's end; when all is at rest it is exactly there.
    """
    glances = evidence.history.glances
    against = []
    for before, now in pairwise(glances):
        if _is_same(before, now) and now.position < before.position:
            against.append(f"at {now.at_s:.2f} s it went from {before.position} back to {now.position}")
        has_moved = now.position != before.position and now.timeline == before.timeline
        if has_moved and now.position > now.head:
            against.append(f"at {now.at_s:.2f} s it was {now.position}, and the log ended at {now.head}")
    head = evidence.log[-1].position if evidence.log else 0
    if evidence.checkpoint.get("position") != str(head):
        against.append(f"in the end it is {evidence.checkpoint.get('position')}, and the log ends at {head}")
    return Finding("I5", "the checkpoint never goes back", len(glances), tuple(against))


def of_this_log(evidence: Evidence) -> Finding:
    """I8: what the checkpoint says that it was made of against the log: its identity, and its last event."""
    last = evidence.log[-1].event_id if evidence.log else ""
    expected = {"log_id": evidence.log_id, "event_id": last, "state": "ready"}
    against = tuple(
        f"its {name} is {evidence.checkpoint.get(name)} instead of {value}"
        for name, value in expected.items()
        if evidence.checkpoint.get(name) != value
    )
    return Finding("I8", "the read model is of this log", len(expected), against)


def one_writer(evidence: Evidence) -> Finding:
    """I9: epochs of the checkpoint against those before: whoever was replaced writes nothing any more."""
    glances = evidence.history.glances
    against = tuple(
        f"at {now.at_s:.2f} s epoch {now.epoch} wrote after epoch {before.epoch}"
        for before, now in pairwise(glances)
        if _is_same(before, now) and now.epoch < before.epoch
    )
    return Finding("I9", "one projector writes at a time", len(glances), against)


def _is_same(before: Glance, now: Glance) -> bool:
    return bool(now.build) and (before.valkey, before.build) == (now.valkey, now.build)
