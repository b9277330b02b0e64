"""What the checker goes by: the history of a trial, the log, and the read model as they are at its end."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, Final

import orjson

from tests.faults.operations import History, Operation, Outcome
from tests.faults.plain_sums import Named

DOCUMENT: Final = "document:"
TAGGED: Final = ("tag.created",)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event of the log, as far as the checker cares."""

    position: int
    stream: str
    version: int
    topic: str
    event_id: str
    recorded_at: str
    request_id: str | None

    @property
    def operation(self) -> str | None:
        """The key of the operation whose attempt caused it."""
        return self.request_id and self.request_id.rpartition("-")[0]


def topics_of(events: Iterable[Entry]) -> tuple[str, ...]:
    return tuple(entry.topic for entry in events)


def _tags(operation: Operation) -> Sequence[int]:
    tags: Sequence[int] = operation.sent.get("tags", ())
    return tags


@dataclass(frozen=True)
class Evidence:
    """`held` is the read model by key, `folded` the same as a second fold makes it.

    `plain` is what `plain_fold` tells, or one line that says why it cannot. `deaths` tells of each part how
    it ended by itself.
    """

    history: History
    log: Sequence[Entry] = ()
    log_id: str = ""
    checkpoint: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, Any] = field(default_factory=dict)
    folded: Mapping[str, Any] = field(default_factory=dict)
    plain: Named | str = field(default_factory=dict)
    before: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    after: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    deaths: Mapping[str, Sequence[str]] = field(default_factory=dict)
    deadline_s: float = 15.0
    may_lose_acknowledged: bool = False

    @property
    def documents(self) -> Named:
        """The documents of the read model by name, as `task:12`."""
        return {
            key.removeprefix(DOCUMENT): orjson.loads(value)
            for key, value in self.held.items()
            if key.startswith(DOCUMENT)
        }

    @cached_property
    def streams(self) -> frozenset[str]:
        return frozenset(entry.stream for entry in self.log)

    @cached_property
    def _effects(self) -> Mapping[str, Mapping[str, list[Entry]]]:
        found: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
        for entry in self.log:
            if entry.operation and entry.request_id:
                found[entry.operation][entry.request_id].append(entry)
        return found

    def effects(self, operation: Operation | str) -> list[list[Entry]]:
        """The events of each attempt at an operation that came to any: of one attempt, if all is well."""
        key = operation if isinstance(operation, str) else operation.key
        return list(self._effects.get(key, {}).values())

    def is_whole(self, operation: Operation) -> bool:
        """Whether the log has all that it comes to."""
        effects = self.effects(operation)
        return bool(effects) and all(topics_of(events) == operation.topics for events in effects)

    @cached_property
    def incomplete(self) -> frozenset[str]:
        """Things about which the log has not all that was acknowledged: whether it may is for I1 to say.

        So are those that bear a tag of which that is true.
        """
        acknowledged = self.history.with_outcome(Outcome.OK)
        found = {each.about for each in acknowledged if not self.is_whole(each)}
        return frozenset(
            found | {each.about for each in acknowledged if found & {f"tag {tag}" for tag in _tags(each)}}
        )

    def may_come_to_less(self, operation: Operation) -> bool:
        """Whether it was decided where something was lost that it rests on, such as a tag that it names."""
        glances, last = self.history.glances, operation.attempts[-1]
        if not self.may_lose_acknowledged or not glances:
            return False
        seen_at_s = max(each.at_s for each in glances if each.timeline == glances[0].timeline)
        return last.sent_at_s + last.took_s >= seen_at_s

    @cached_property
    def names_given(self) -> Counter[str]:
        """How many tags of the log bear each name."""
        operations = self.history.operations
        return Counter(
            each.sent["name"] for each in operations if each.topics[:1] == TAGGED and self.effects(each)
        )

    def has(self, about: str) -> bool:
        """Whether the log has ever heard of a thing, as `task 12`."""
        return about.removeprefix("tasks of ").replace(" ", "-") in self.streams

    @cached_property
    def has_switched(self) -> bool:
        """Whether another PostgreSQL took over: what nobody was promised may have been seen, and gone."""
        return len({glance.timeline for glance in self.history.glances}) > 1
