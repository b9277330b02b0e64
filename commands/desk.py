"""What lies before a decider while it decides: the states at hand, and who to ask for more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, NamedTuple, cast

from commands.context import Actor, S, State
from commands.errors import NotFound
from commands.registry import FOLDS, Fold, stream_of
from events.event import Event
from events.instants import Instant


class NotLoaded(Exception):
    """The decider asked for streams that are not at hand: read them and decide again."""

    def __init__(self, streams: Iterable[str]) -> None:
        super().__init__()
        self.streams = frozenset(streams)


class NoIds(Exception):
    """The decider asked for one more number of `sequence` than are at hand."""

    def __init__(self, sequence: str) -> None:
        super().__init__()
        self.sequence = sequence


class Held(NamedTuple):
    """The state of a stream as of `version`; `fresh` when it was read for the decision at hand."""

    state: State
    version: int
    fresh: bool


def fold_of(stream: str) -> Fold:
    """How the stream's state is folded, by the category that its name begins with."""
    return FOLDS[stream.partition("-")[0]]


def empty(stream: str) -> Held:
    return Held(fold_of(stream).kind(), 0, fresh=True)


def folded(held: Held, stream: str, events: Iterable[Event]) -> Held:
    """What is held after the next events of the stream."""
    evolve, state, version = fold_of(stream).evolve, held.state, held.version
    for event in events:
        state = evolve(state, event)
        version += 1
    return Held(state, version, held.fresh)


def _no_number(_sequence: str) -> None:
    return None


@dataclass(slots=True)
class Desk:
    """The context of one decision. `reads` are the states it looked at, of which those that are only
    `glanced` at may change before the decision is in the log.

    `find` gives what is held of a stream, `ids` the numbers drawn so far by sequence: a decision
    that is taken again gets the same numbers again. `at_hand` gives a further one, if it can at once.
    """

    actor: Actor
    now: Instant
    find: Callable[[str], Held | None]
    ids: dict[str, list[int]]
    claim_of: Callable[[str, str], str]
    at_hand: Callable[[str], int | None] = _no_number
    reads: dict[str, Held] = field(default_factory=dict)
    glanced: set[str] = field(default_factory=set)
    used: dict[str, int] = field(default_factory=dict)

    def new_id(self, sequence: str) -> int:
        place = self.used.get(sequence, 0)
        numbers = self.ids.setdefault(sequence, [])
        if place == len(numbers):
            number = self.at_hand(sequence)
            if number is None:
                raise NoIds(sequence)
            numbers.append(number)
        self.used[sequence] = place + 1
        return numbers[place]

    def load(self, kind: type[S], key: int | str) -> S:
        return self.load_all(kind, (key,))[0]

    def load_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        streams = [stream_of(kind, key) for key in keys]
        held = self.held(streams)
        return [cast(S, held[stream].state) for stream in streams]

    def glance_all(self, kind: type[S], keys: Iterable[int | str]) -> list[S]:
        streams = [stream_of(kind, key) for key in keys]
        glanced = self.glanced | (set(streams) - self.reads.keys())
        held = self.held(streams)
        self.glanced = glanced
        return [cast(S, held[stream].state) for stream in streams]

    def existing(self, kind: type[S], key: int | str) -> S:
        state = self.load(kind, key)
        if not state.exists:
            raise NotFound(kind.STREAM)
        return state

    def held(self, streams: Iterable[str]) -> dict[str, Held]:
        """What is held of the streams; raises NotLoaded with all that are missing."""
        found: dict[str, Any] = {stream: self.reads.get(stream) or self.find(stream) for stream in streams}
        missing = [stream for stream, held in found.items() if held is None]
        if missing:
            raise NotLoaded(missing)
        self.reads.update(found)
        self.glanced -= found.keys()
        return found

    def is_new(self, stream: str) -> bool:
        """Whether the stream is named by a number drawn for this decision: then nobody wrote to it."""
        category, _, key = stream.partition("-")
        return key in map(str, self.ids.get(category, ()))
