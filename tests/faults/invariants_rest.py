"""Invariants of what is beside answers and data: the feed, and what processes hold on to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Final

from tests.faults.evidence import Entry, Evidence
from tests.faults.operations import Outcome, Received
from tests.faults.verdicts import Finding

GROWTH_MAX: Final = 0.1
ALLOWANCES: Final[Mapping[str, float]] = {
    "resident_bytes": 24 * 2**20,
    "descriptors": 6,
    "connections": 0,
    "used_bytes": 4 * 2**20,
    "backends": 6,
}
"""What may come on top of a tenth, by what is measured: caches that fill, PostgreSQL's workers."""

FULL: Final[Mapping[str, float]] = {"connections": 48}
"""What a part may hold in any case: its pools, once filled, stay so up to their bounds.

These are 32 connections to Redis, and 4 to PostgreSQL for each kind of work.
"""

POOL: Final = "pool:"
"""Begins the names of connections at work: at rest there are none, however many there were before."""

MODEL_BYTES_PER_WRITE: Final = 12_000
"""What a write adds to the read model, at most on average: a ledger grows with what is in it."""

Measured = Mapping[str, Mapping[str, float]]
"""Numbers by part and name, see `resources.py`."""


def feed_is_whole(evidence: Evidence) -> Finding:
    """I10: what each subscriber was given against the same slice of the log: all, in order, to its end."""
    by_position = {entry.position: entry for entry in evidence.log}
    head = evidence.log[-1].position if evidence.log else 0
    against: list[str] = []
    received = evidence.history.received
    for server in sorted({each.server for each in received}):
        own = [each for each in received if each.server == server]
        against += [f"{server}: {fault}" for fault in _holes(own)]
        if own[-1].position < head:
            against.append(f"{server}: nothing came after {own[-1].position}, the log goes on to {head}")
        if not (evidence.has_switched or evidence.may_lose_acknowledged):
            against += [f"{server}: {fault}" for fault in _changed(own, by_position)]
    return Finding("I10", "the feed has every event, in order", len(received), tuple(against))


def _holes(received: list[Received]) -> Iterator[str]:
    for before, now in pairwise(received):
        if now.position != before.position + 1:
            yield f"after position {before.position} came {now.position}"


def _changed(received: list[Received], by_position: Mapping[int, Entry]) -> Iterator[str]:
    for each in received:
        entry = by_position.get(each.position)
        if entry and (entry.stream, entry.version) != (each.stream, each.version):
            yield f"position {each.position} was version {each.version} of {each.stream}"


def bounded(evidence: Evidence) -> Finding:
    """I12: what every part holds at rest against what it held when the trial began and a tenth more."""
    written = len(evidence.history.with_outcome(Outcome.OK))
    against = tuple(grown(evidence.before, evidence.after, written))
    checked = sum(map(len, evidence.before.values()))
    return Finding("I12", "what processes hold stays bounded", checked, against)


def nobody_died(evidence: Evidence) -> Finding:
    """I15: how processes of the ledger ended against what was done to them: by themselves none ends."""
    against = tuple(death for deaths in evidence.deaths.values() for death in deaths)
    return Finding("I15", "no process died of it", len(evidence.deaths), against)


def grown(before: Measured, after: Measured, written: int) -> Iterator[str]:
    """What holds more than it may after `written` operations.

    The measure is the one of its kind that held most: a spare that takes over grows as the first one did.
    """
    for part, measures in before.items():
        for name in measures:
            most = most_of(name, _most_held(before, _kind(part), name), written)
            now = after.get(part, {}).get(name, 0.0)
            if now > most:
                yield f"{name} of {part} went from {measures[name]:,.0f} to {now:,.0f}"


def _most_held(before: Measured, kind: str, name: str) -> float:
    return max(measures.get(name, 0.0) for part, measures in before.items() if _kind(part) == kind)


def _kind(part: str) -> str:
    """`server` for `server-2`."""
    return part.partition("-")[0]


def most_of(name: str, held: float, written: int) -> float:
    """What a measure may be at rest that was `held` under work, `written` operations earlier."""
    if name.startswith(POOL):
        return 0.0
    more = written * MODEL_BYTES_PER_WRITE if name == "used_bytes" else 0
    return max(FULL.get(name, 0.0), held * (1 + GROWTH_MAX) + ALLOWANCES[name] + more)
