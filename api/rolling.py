"""Replacing every process by a new one, one after the other, while the work goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

from api.lifeline import STOP_TIMEOUT_S
from api.workers import Child, Worker

READY_TIMEOUT_S: Final = 600.0
"""New code may have to fold a long log first."""

TELL_INTERVAL_S: Final = 10.0

Prepared = list[tuple[Worker, Child]]
"""New processes that have not yet taken over, each with the part that is to be its own."""


class NotReady(Exception):
    """The message says which new process did not get ready, and why."""


def rolled(
    projectors: Sequence[Worker], servers: Sequence[Worker], say: Callable[[str], None]
) -> Iterator[None]:
    """Replace all; yields whenever there is something to wait for.

    New projectors come first, and old ones stay until the last server has been replaced: new code may read
    another read model than the old one, and each is fed as long as anybody reads it. When a new process does
    not get ready, all that have not been replaced stay.
    """
    say("replacing every process, one after the other")
    prepared: Prepared = []
    try:
        for projector in projectors:
            prepared.append(_prepared(projector))
            yield from _until_ready(prepared, say)
        for server in servers:
            prepared.append(_prepared(server))
            yield from _until_ready(prepared, say)
            yield from _handed_over(*prepared.pop())
        while prepared:
            _must_live(prepared)
            yield from _handed_over(*prepared.pop())
    except NotReady as reason:
        say(f"{reason}; those that have not been replaced go on")
        for worker, successor in prepared:
            worker.dismiss(successor)
    else:
        say("every process has been replaced")


def _prepared(worker: Worker) -> tuple[Worker, Child]:
    try:
        return worker, worker.prepare_successor()
    except OSError as error:
        raise NotReady(f"the new {worker.name} cannot be started: {error.strerror}") from None


def _until_ready(prepared: Prepared, say: Callable[[str], None]) -> Iterator[None]:
    """Wait for the last of them; all others have to live on meanwhile."""
    worker, successor = prepared[-1]
    started_at = time.monotonic()
    tell_at = started_at + TELL_INTERVAL_S
    while not successor.is_ready:
        _must_live(prepared)
        now = time.monotonic()
        if now > started_at + READY_TIMEOUT_S:
            raise NotReady(f"the new {worker.name} was not ready after {READY_TIMEOUT_S:g} s")
        if now > tell_at:
            say(f"waiting for the new {worker.name} to be ready, for {now - started_at:.0f} s by now")
            tell_at = now + TELL_INTERVAL_S
        yield
    _must_live(prepared)


def _must_live(prepared: Prepared) -> None:
    for worker, successor in prepared:
        successor.listen()
        if successor.has_ended:
            raise NotReady(f"the new {worker.name} ended: its messages stand above")
        if (seconds := successor.hangs_for_s) is not None:
            raise NotReady(f"the new {worker.name} has shown no life for {seconds:g} s")


def _handed_over(worker: Worker, successor: Child) -> Iterator[None]:
    before = worker.hand_over(successor)
    deadline = time.monotonic() + STOP_TIMEOUT_S
    while before and not before.has_ended and time.monotonic() < deadline:
        yield
    if before and not before.has_ended:
        before.abort()
    if before:
        worker.dismiss(before)
    yield
