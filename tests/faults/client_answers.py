"""What an answer promises about a write: done, not done, or nothing."""

from __future__ import annotations

from typing import Final

from tests.faults.operations import Attempt, Operation, Outcome

LEAVES_OPEN: Final = b"may have been done"
"""A 503 that says so leaves it open, with a key or without; any other promises that nothing was done."""

CONFLICT: Final = 409
UNAVAILABLE: Final = 503
KEPT_REFUSALS: Final = frozenset({403, 404, CONFLICT, 422})
"""Refusals by the rules, which are answers to keep: after one of them the key never leads to an effect."""


def told_by(attempt: Attempt) -> Outcome:
    """What one answer alone tells."""
    if 200 <= attempt.status < 300:
        return Outcome.OK
    if attempt.status == UNAVAILABLE:
        return Outcome.UNKNOWN if LEAVES_OPEN in attempt.body else Outcome.FAILED
    if attempt.status == CONFLICT and attempt.is_to_be_asked_again:
        # Another attempt with the key is under way, or somebody else was always faster.
        return Outcome.UNKNOWN
    if attempt.status >= 500 or (attempt.status < 400 and attempt.was_sent):
        return Outcome.UNKNOWN
    return Outcome.FAILED


def outcome_of(operation: Operation) -> Outcome:
    """What all answers together tell.

    Once an attempt was left open, "not done" about a later one says nothing about it, unless it is a refusal
    that is kept under the key.
    """
    is_open = not operation.attempts
    for attempt in operation.attempts:
        told = told_by(attempt)
        if told is Outcome.OK:
            return told
        if operation.takes_key and told is Outcome.FAILED and attempt.status in KEPT_REFUSALS:
            is_open = False
        is_open = is_open or told is Outcome.UNKNOWN
    return Outcome.UNKNOWN if is_open else Outcome.FAILED
