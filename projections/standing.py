"""Who stood in a group at an earlier place of the log: the read model knows those of today only.

The log alone can tell. It is read once from its beginning up to that place, however many groups are asked
about, and of it only the names are kept of documents that may have stood there; their stories then say
whether they did. That takes as long as reading the log, and is done for repairs of events that reach groups
only: the end of a project or of a person, which operators repair rarely.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Final, NamedTuple

import orjson

from events.event import Poison, Record
from projections.projection import documents_named
from projections.retelling import History, groups_of, stories_of
from readmodels.documents import Ref

READ_EVENTS: Final = 500
STORIES_AT_ONCE_MAX: Final = 200


class Reached(NamedTuple):
    """The documents of `kind` that the event at `position` reached in a group of the number `id`."""

    kind: str
    group: str
    id: str
    position: int


async def members_before(
    reached: Collection[Reached], history: History, discarded: Collection[int]
) -> list[Ref]:
    """The documents that stood in one of the groups just before its event. Raises Unavailable."""
    members: dict[Ref, None] = {}
    for each, refs in (await _candidates(reached, history)).items():
        for part in _parts(list(refs)):
            stories = await stories_of(part, history, each.position, discarded)
            members |= {story.ref: None for story in stories if each.group in groups_of(story)}
    return list(members)


async def _candidates(reached: Collection[Reached], history: History) -> dict[Reached, dict[Ref, None]]:
    """For each group the documents of whose own events one names its number: no other comes into it."""
    found: dict[Reached, dict[Ref, None]] = {each: {} for each in reached}
    looking = [(each, named(each.id)) for each in reached]
    end, position = max((each.position for each in reached), default=0), 0
    while position < end - 1:
        records = await history.read(position, min(READ_EVENTS, end - 1 - position))
        if not records:
            break
        for record in records:
            _look(record, looking, found)
        position = records[-1].position
    return found


def _look(
    record: Record | Poison,
    looking: Sequence[tuple[Reached, Callable[[bytes], object]]],
    found: dict[Reached, dict[Ref, None]],
) -> None:
    ref = documents_named(record.stream)
    asked = [pair for pair in looking if pair[0].kind == ref.kind and record.position < pair[0].position]
    if isinstance(record, Poison) or not asked:
        return
    payload = orjson.dumps(record.event, default=str)
    for each, is_named in asked:
        if is_named(payload):
            found[each][ref] = None


def named(number: str) -> Callable[[bytes], object]:
    """Whether a number stands in a text of JSON, wherever; one too many is no harm, one missed would be."""
    return re.compile(rb"(?<!\d)%s(?!\d)" % number.encode()).search


def _parts(refs: Sequence[Ref]) -> Iterator[Sequence[Ref]]:
    for start in range(0, len(refs), STORIES_AT_ONCE_MAX):
        yield refs[start : start + STORIES_AT_ONCE_MAX]
