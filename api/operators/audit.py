"""Answers to auditors about one object: its history, how it was, and how two moments differ."""

from __future__ import annotations

from typing import Any, NamedTuple

from api.operators.asked import Asked
from api.operators.history import Entry, Reader, entries, state, story
from api.operators.readable import readable
from api.operators.telling import Told, differences
from commands.errors import NotFound
from readmodels.documents import Document, Ref


class HistoryPage(NamedTuple):
    """Some entries, newest first, and how many the history has."""

    entries: list[Entry]
    total: int


async def whole_history(reader: Reader, ref: Ref, end: int) -> list[Entry]:
    """All entries up to position `end`, oldest first. Raises NotFound, TooLong, Unavailable."""
    return await entries(reader, await story(reader, ref, end))


async def history_page(reader: Reader, ref: Ref, offset: int, limit: int) -> HistoryPage:
    """`limit` entries after the `offset` newest ones. Raises NotFound, TooLong, Unavailable."""
    told = await story(reader, ref)
    return HistoryPage(await entries(reader, newest(told, offset, limit)), len(told))


def newest(told: list[Told], offset: int, limit: int) -> list[Told]:
    end = max(len(told) - offset, 0)
    return told[max(end - limit, 0) : end][::-1]


async def state_of(reader: Reader, ref: Ref, asked: Asked) -> dict[str, Any]:
    """The object as it was. Raises NotFound where there was none, TooLong, Unavailable."""
    document = await state(reader, ref, asked.position)
    return {**about(ref), "position": asked.position, "moment": asked.moment, "state": readable(document)}


async def difference(reader: Reader, ref: Ref, first: Asked, second: Asked) -> dict[str, Any]:
    """What is not the same of an object at two moments; at one of them it may not exist.

    Raises NotFound where it existed at neither, TooLong, Unavailable.
    """
    before, after = [await _state_or_none(reader, ref, each) for each in (first, second)]
    if before is None and after is None:
        raise NotFound(ref.kind)
    return {
        **about(ref),
        "from": {"position": first.position, "moment": first.moment, "existed": before is not None},
        "to": {"position": second.position, "moment": second.moment, "existed": after is not None},
        "changes": [each._asdict() for each in differences(before, after)],
    }


async def _state_or_none(reader: Reader, ref: Ref, asked: Asked) -> Document | None:
    try:
        return await state(reader, ref, asked.position)
    except NotFound:
        return None


def about(ref: Ref) -> dict[str, Any]:
    return {"kind": ref.kind, "id": int(ref.id)}
