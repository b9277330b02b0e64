"""Figures about the log: how many events of what, by whom and when, and what it takes on disk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

from api.core import Core
from api.operators.instruments import Instruments
from events.instants import DAY_CHARACTERS, instant, moment, now

TAIL_MAX: Final = 20_000
"""Events behind the index that are counted one by one."""

ROWS_MAX: Final = 100
"""Lines in each list: the largest, and of days the latest."""

GROWTH_DAYS: Final = 30

DIMENSIONS: Final[Mapping[str, str]] = {
    "type": "by_type",
    "category": "by_category",
    "actor": "by_actor",
    "day": "by_day",
}


async def stats(place: Core | Instruments) -> dict[str, Any]:
    """What the log consists of. Raises Unavailable.

    Events are counted up to `complete_to`, which is the end of the log unless the index is far behind.
    A list has up to 100 lines. Growth is that of the last 30 days.
    """
    counted = await place.database.rows("count_in_log", tail_max=TAIL_MAX, rows_max=ROWS_MAX)
    measured = await place.database.row("measure_log")
    assert measured is not None, "a statement without a condition has a row"
    events, first_at, last_at, log_bytes, index_bytes, database_bytes = measured
    found = {name: _lines(counted, dimension) for dimension, name in DIMENSIONS.items()}
    return {
        "events": events,
        "first_at": first_at,
        "last_at": last_at,
        "complete_to": _end(counted, "counted_to"),
        "indexed_to": _end(counted, "indexed_to"),
        "size": {"log_bytes": log_bytes, "index_bytes": index_bytes, "database_bytes": database_bytes},
        "growth": _growth(found["by_day"], events, log_bytes + index_bytes),
        **found,
    }


def _lines(counted: Sequence[Sequence[Any]], dimension: str) -> list[dict[str, Any]]:
    lines = [{"value": value, "events": events} for name, value, events in counted if name == dimension]
    return sorted(lines, key=lambda line: line["value"], reverse=True) if dimension == "day" else lines


def _end(counted: Sequence[Sequence[Any]], name: str) -> int:
    return next(int(row[2]) for row in counted if row[0] == name)


def _growth(days: Sequence[Mapping[str, Any]], events: int, size_bytes: int) -> dict[str, int]:
    """Events and bytes a day, whole numbers, as the average of the last days."""
    oldest = instant(moment(now()) - timedelta(days=GROWTH_DAYS))[:DAY_CHARACTERS]
    lately = sum(day["events"] for day in days if day["value"] > oldest)
    return {
        "days": GROWTH_DAYS,
        "events_per_day": round(lately / GROWTH_DAYS),
        "bytes_per_day": round(lately / GROWTH_DAYS * size_bytes / events) if events else 0,
    }
