"""A projection: for each event type, which documents it touches and what becomes of them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, cast

from events.event import Event, Record
from readmodels.documents import Document, Ref

E = TypeVar("E", bound=Event)
D = TypeVar("D", bound=Mapping[str, Any])

Fold = Callable[[Document | None, Event, Record], Document | None]
Touches = Callable[[Event], Iterable[str]]
Group = Callable[[Event], str]


class Step(NamedTuple):
    """What one projection does with one event type.

    The event reaches the documents whose ids `touches` gives, or, where `group` is set, all
    documents that stand in the index that it names.
    """

    kind: str
    fold: Fold
    touches: Touches
    group: Group | None


class Projection:
    """Folds events into documents of one kind.

    A fold is a pure function of the document, the event and its record, and returns the document
    as it is from now on, or None to remove it. Only what `creates` names is given no document;
    what comes after the end of a document leaves it at that.
    """

    def __init__(self, kind: str) -> None:
        self.kind = kind
        self.steps: dict[type[Event], list[Step]] = defaultdict(list)

    def creates(self, event_type: type[E]) -> Callable[[Callable[[E, Record], D]], Callable[[E, Record], D]]:
        """Register how a document begins; its id is the event's own id."""

        def register(fold: Callable[[E, Record], D]) -> Callable[[E, Record], D]:
            def begin(_: Document | None, event: Event, record: Record) -> Document | None:
                return fold(cast(E, event), record)

            self._add(event_type, begin, None, None)
            return fold

        return register

    def on(
        self,
        *event_types: type[Event],
        touches: Callable[[Any], Iterable[str]] | None = None,
        group: Callable[[Any], str] | None = None,
    ) -> Callable[[Callable[[D, E, Record], D | None]], Callable[[D, E, Record], D | None]]:
        """Register how a document goes on. `touches` gives ids (the event's own by default)."""

        def register(fold: Callable[[D, E, Record], D | None]) -> Callable[[D, E, Record], D | None]:
            def go_on(document: Document | None, event: Event, record: Record) -> Document | None:
                return None if document is None else fold(cast(D, document), cast(E, event), record)

            for event_type in event_types:
                self._add(event_type, go_on, touches, group)
            return fold

        return register

    def _add(self, event_type: type[Event], fold: Fold, touches: Touches | None, group: Group | None) -> None:
        self.steps[event_type].append(Step(self.kind, fold, touches or own_id(event_type), group))


def own_id(event_type: type[Event]) -> Touches:
    number = attrgetter(event_type.ID)
    return lambda event: (str(number(event)),)


def documents_named(stream: str) -> Ref:
    """The document that bears a stream's name: `task-12` is the story of task 12."""
    category, _, number = stream.partition("-")
    return Ref(category, number)


def changed(document: D, record: Record, changes: Mapping[str, Any]) -> D:
    """The document with `changes`, at the record's version and moment."""
    return cast(
        D,
        {
            **document,
            **changes,
            "version": record.version,
            "updated": record.position,
            "updated_at": record.recorded_at,
        },
    )
