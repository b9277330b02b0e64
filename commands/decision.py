"""One decision: what a command leads to, or why not, and the states that the answer rests on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from commands.desk import Desk, Held, empty, folded
from commands.errors import Conflict, PreconditionFailed, Refusal
from commands.registry import HANDLERS, main_stream
from events.event import Event
from events.log import Guard
from events.private import PrivateRow


@dataclass(frozen=True, slots=True)
class Decision:
    """`reads` are the states looked at, `written` those that the events are to be appended to.

    Those `glanced` at are among `reads`, and may change until the events are in the log.
    """

    reads: dict[str, Held]
    written: dict[str, Held]
    events: tuple[Event, ...] = ()
    private: tuple[PrivateRow, ...] = ()
    refusal: Refusal | None = None
    glanced: frozenset[str] = frozenset()

    @property
    def changes_nothing(self) -> bool:
        return not self.events and not self.private

    @property
    def is_fresh(self) -> bool:
        return all(held.fresh for held in self.reads.values())

    @property
    def streams(self) -> set[str]:
        return self.reads.keys() | self.written.keys()

    def versioned(self) -> tuple[tuple[Event, int], ...]:
        """Each event with the version that it takes in its stream."""
        last = {stream: held.version for stream, held in self.written.items()}
        numbered = []
        for event in self.events:
            last[event.stream] += 1
            numbered.append((event, last[event.stream]))
        return tuple(numbered)

    def guards(self) -> tuple[Guard, ...]:
        """What must not have changed meanwhile, though nothing is written there."""
        return tuple(
            Guard(stream, held.version)
            for stream, held in self.reads.items()
            if stream not in self.written and stream not in self.glanced
        )

    def outcome(self) -> dict[str, Held]:
        """The states of the written streams once the events are in the log."""
        return {
            stream: folded(held, stream, (event for event in self.events if event.stream == stream))
            for stream, held in self.written.items()
        }


def decide(command: object, desk: Desk, expected_version: int | None = None) -> Decision:
    """Lets the command's decider decide at this desk; raises NotLoaded or NoIds when that lacks something.

    `expected_version` is what the client takes the version of the command's main stream to be. It
    counts once the command is permitted and valid; a conflict gives way to it, being what a client
    with an old view may well run into.
    """
    try:
        items = tuple(HANDLERS[type(command)].decide(command, desk))
    except Conflict as conflict:
        refusal = PreconditionFailed() if _is_outdated(command, desk, expected_version) else conflict
        return Decision(desk.reads, {}, refusal=refusal)
    except Refusal as refusal:
        return Decision(desk.reads, {}, refusal=refusal)
    if _is_outdated(command, desk, expected_version):
        return Decision(desk.reads, {}, refusal=PreconditionFailed())
    events = tuple(item for item in items if isinstance(item, Event))
    private = tuple(item for item in items if not isinstance(item, Event))
    written = _written(events, desk)
    return Decision(desk.reads, written, events, private, glanced=frozenset(desk.glanced))


def _is_outdated(command: object, desk: Desk, expected_version: int | None) -> bool:
    main = main_stream(command)
    if expected_version is None or main is None:
        return False
    return desk.held([main])[main].version != expected_version


def _written(events: Iterable[Event], desk: Desk) -> dict[str, Held]:
    streams = dict.fromkeys(event.stream for event in events)
    new = {stream: empty(stream) for stream in streams if desk.is_new(stream)}
    return new | desk.held(stream for stream in streams if stream not in new)
