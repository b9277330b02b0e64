"""Which streams tell a document's story: its own, and those whose events reach it as a member of a group.

`own_stream(Ref("task", "12"))` is `task-12`; as long as the task stands in the group `task:of:9`, what
happens to `project-9` reaches it, too: `streams_through("task", "task:of:9")`. So a document's story can
be read from a few streams: fold its own, see which groups it stood in on the way, and fold once more
with the streams through these groups.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from types import SimpleNamespace
from typing import Any, Final, NamedTuple, cast

from events.event import Event
from projections.catalogue import STEPS
from projections.projection import Step
from readmodels.documents import Ref

ANY: Final = "*"
GROUPS_CACHED_MAX: Final = 10_000


class Way(NamedTuple):
    """Events of the streams `{category}-N` reach all documents of `kind` in the group `{group}N`."""

    kind: str
    group: str
    category: str


def ways() -> Iterable[Way]:
    for event_type, steps in STEPS.items():
        for step in steps:
            if step.group is not None:
                yield Way(step.kind, group_prefix(event_type, step), event_type.STREAM)


def group_prefix(event_type: type[Event], step: Step) -> str:
    """`task:of:` for a group `task:of:9` that is named by the event's own id, as every group has to be."""
    assert step.group is not None
    probe: Any = SimpleNamespace(**{event_type.ID: ANY})
    name = step.group(cast(Event, probe))
    assert name.endswith(ANY), f"{name} is not named by the id of {event_type.__name__}"
    return name.removesuffix(ANY)


WAYS: Final = frozenset(ways())


def own_stream(ref: Ref) -> str:
    """The stream that bears a document's name, as `documents_named` has it the other way round."""
    return f"{ref.kind}-{ref.id}"


@lru_cache(maxsize=GROUPS_CACHED_MAX)
def streams_through(kind: str, group: str) -> frozenset[str]:
    """The streams whose events reach the documents of `kind` that stand in `group`."""
    return frozenset(
        f"{way.category}-{group.removeprefix(way.group)}"
        for way in WAYS
        if way.kind == kind and group.startswith(way.group)
    )


def streams_reaching(ref: Ref, groups: Iterable[str]) -> frozenset[str]:
    """All streams of a document's story, where `groups` are those in which it has ever stood."""
    return frozenset({own_stream(ref)}).union(*(streams_through(ref.kind, group) for group in groups))
