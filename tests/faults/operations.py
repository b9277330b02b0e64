"""What clients of the lab asked for and what they were told: the only thing that the checker believes."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import Any


class Outcome(enum.Enum):
    """Three honest answers, as a client sees them."""

    OK = "ok"
    """Answered with success: it must be there, whole, for ever."""

    FAILED = "failed"
    """Answered with a refusal that promises that nothing was done: it must not be there."""

    UNKNOWN = "unknown"
    """No answer, or one that says so: there or not, until the same key is sent again."""


@dataclass(slots=True)
class Attempt:
    """One sending of an operation. `status` is 0 when no answer came; times are in seconds of the lab."""

    server: str
    sent_at_s: float
    took_s: float
    status: int
    body: bytes = b""
    position: int | None = None
    """The position that the answer names (`X-Event-Position`), where it names one."""
    request_id: str = ""
    """What it called itself: it stands on every event that came of it."""
    was_sent: bool = True
    """False where no connection came about: then the server cannot have seen it."""
    is_repeated: bool = False
    """Whether the answer says that it is the one that was given before."""
    is_to_be_asked_again: bool = False
    """Whether the answer names a time after which to ask again (`Retry-After`)."""


@dataclass(slots=True)
class Operation:
    """A write that a client wants to happen once: all attempts carry the same idempotency key.

    `kind` is one of those that `client_writes.py` makes, `sent` the JSON that was sent, and `expected` what
    must be read back when it is done, by the names of the answer. `topics` are the events that it comes to,
    in order. Where the endpoint takes no key (`takes_key`), what it changes tells whether it was done: nobody
    else changes that meanwhile. `about` names what it changes or makes, as `task 12`, once that is known.
    """

    key: str
    kind: str
    method: str
    path: str
    sent: dict[str, Any]
    expected: dict[str, Any] = field(default_factory=dict)
    topics: tuple[str, ...] = ()
    takes_key: bool = True
    about: str = ""
    is_second: bool = False
    """Whether its `name` was given before: the rules refuse it, unless nothing came of the first."""
    attempts: list[Attempt] = field(default_factory=list)
    outcome: Outcome = Outcome.UNKNOWN
    resolved_by_key: bool = False
    """Whether an unknown outcome became known by sending the request again, with its key if it has one."""

    @property
    def command_answer(self) -> Attempt | None:
        """The first attempt that was answered with success."""
        return next((attempt for attempt in self.attempts if 200 <= attempt.status < 300), None)


@dataclass(slots=True)
class Reading:
    """A read that asked for at least `demanded` (a position), and the position that its answer named."""

    server: str
    path: str
    sent_at_s: float
    took_s: float
    status: int
    demanded: int | None
    position: int | None
    shows: bool | None = None
    """Whether the answer showed the write it was about; None where it was about none, or refused."""
    about: str = ""
    """What was read, as `task 12`, and `operation` the key of the write that must be seen in it."""
    operation: str = ""
    says: str = ""
    """What the answer showed instead, for people."""


@dataclass(slots=True)
class SignOut:
    """What somebody was told who signed out of one session, each time, and what became of the session."""

    username: str
    statuses: list[int] = field(default_factory=list)
    is_let_in: bool | None = None
    """Whether the session is good when all is mended; None where nobody could tell."""

    @property
    def is_acknowledged(self) -> bool:
        return any(200 <= status < 300 for status in self.statuses)


@dataclass(frozen=True, slots=True)
class Received:
    """An event as a subscriber of `server` got it from the feed over HTTP."""

    server: str
    position: int
    event_id: str
    stream: str
    version: int


@dataclass(frozen=True, slots=True)
class Glance:
    """The read model's checkpoint at `at_s`, and the end of the log (`head`) a moment later.

    `valkey` tells one Valkey process from another, `timeline` one reign of a PostgreSQL primary from another.
    """

    at_s: float
    valkey: str
    build: str
    state: str
    epoch: int
    position: int
    log_id: str
    head: int
    timeline: int


@dataclass(frozen=True, slots=True)
class Unreachable:
    """From when to when clients could get no answer from a server: frozen, dead, new, or cut off."""

    server: str
    from_s: float
    until_s: float = float("inf")


@dataclass(slots=True)
class History:
    """Everything that clients did in one trial, and what was injected meanwhile (`seconds, words`).

    `unreachable` are the times of servers that were frozen or dead, or whose clients' link was stalled: a
    request that meets such a time may stay without an answer.
    """

    operations: list[Operation] = field(default_factory=list)
    readings: list[Reading] = field(default_factory=list)
    injected: list[tuple[float, str]] = field(default_factory=list)
    unreachable: list[Unreachable] = field(default_factory=list)
    final: list[Reading] = field(default_factory=list)
    """One reading of each thing that clients made, when everything was mended."""
    sign_outs: list[SignOut] = field(default_factory=list)
    received: list[Received] = field(default_factory=list)
    glances: list[Glance] = field(default_factory=list)
    is_untouched: bool = False
    """Whether nothing is broken on purpose: then nothing excuses an answer that is missing or made again."""
    is_repeating: bool = False
    """Whether requests with a key arrive several times: what one is told says nothing of the others."""
    skipped: int = 0
    """Requests that the clock asked for while too many were under way: they were never sent."""

    @property
    def signed_out(self) -> list[SignOut]:
        """Those who were told that they are."""
        return [each for each in self.sign_outs if each.is_acknowledged]

    def with_outcome(self, outcome: Outcome) -> list[Operation]:
        return [operation for operation in self.operations if operation.outcome is outcome]
