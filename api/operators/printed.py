"""The history of an object as a report, for the forms that reports come in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Final

from api.operators.asked import Asked
from api.operators.history import Entry, type_of
from events.event import Record
from readmodels.documents import Ref, month_of
from readmodels.reports.report import BARS_MAX, Bar, Chart, Column, Report, Row, Unit

SUMMARY_COLUMNS: Final = (
    Column("events", "Events", Unit.COUNT),
    Column("changes", "Changed values", Unit.COUNT),
    Column("people", "People", Unit.COUNT),
    Column("first_at", "First", Unit.MOMENT),
    Column("last_at", "Last", Unit.MOMENT),
)
COLUMNS: Final = (
    Column("position", "Position", Unit.ID),
    Column("at", "When", Unit.MOMENT),
    Column("actor", "Who", Unit.TEXT),
    Column("type", "What", Unit.TEXT),
    Column("field", "Field", Unit.TEXT),
    Column("old", "Old value", Unit.TEXT),
    Column("new", "New value", Unit.TEXT),
    Column("request_id", "Request", Unit.TEXT),
    Column("address", "From", Unit.TEXT),
)
NOTES: Final = (
    "Moments are UTC. A value that was null is shown as nothing; long values are cut off in print only.",
    "Where requests came from is remembered for a while only; names are those of today.",
)


def history_report(ref: Ref, end: Asked, entries: Sequence[Entry]) -> Report:
    """Each changed value is a row, in the order of the log; `end` is how far the history goes."""
    rows = [row for entry in entries for row in rows_of(entry)]
    moments = [entry.told.record.recorded_at for entry in entries]
    return Report(
        name=f"{ref.kind}-{ref.id}-history",
        title=f"History of {ref.kind} {ref.id}",
        position=end.position,
        moment=end.moment or max(moments, default=""),
        summary_name="summary",
        summary_columns=SUMMARY_COLUMNS,
        summary={
            "events": len(entries),
            "changes": len(rows),
            "people": len(set(actors(entries))),
            "first_at": min(moments, default=None),
            "last_at": max(moments, default=None),
        },
        rows_name="history",
        columns=COLUMNS,
        rows=rows,
        chart=chart(moments),
        notes=NOTES,
    )


def rows_of(entry: Entry) -> Iterator[Row]:
    """A row for each changed value, and one for an event that changed none."""
    told = {name: value for name, value in entry.as_json().items() if name != "changes"}
    event = {**told, "type": type_of(entry.told.record), "actor": _who(told["actor"])}
    changes = [each for each in entry.changes if each.old != each.new]
    for each in changes:
        yield {**_texts(event), "field": each.field, "old": _text(each.old), "new": _text(each.new)}
    if not changes:
        yield {**_texts(event), "field": entry.told.note or "", "old": "", "new": ""}


def chart(moments: Sequence[str]) -> Chart:
    """Events by month: the latest months that had any."""
    months = Counter(map(month_of, moments))
    bars = [Bar(month, (months[month],)) for month in sorted(months)[-BARS_MAX:]]
    note = f"The {len(bars)} latest of {len(months)} months with events" if len(bars) < len(months) else ""
    return Chart("Events by month", Unit.COUNT, ("Events",), bars, note, is_over_time=True)


def actors(entries: Sequence[Entry]) -> Iterator[int]:
    for entry in entries:
        record = entry.told.record
        if isinstance(record, Record) and record.actor_id is not None:
            yield record.actor_id


def _who(actor: dict[str, Any] | None) -> str:
    return "" if actor is None else f"{actor['name'] or actor['id']} ({actor['role']})"


def _texts(event: dict[str, Any]) -> Row:
    return {**event, "request_id": event["request_id"] or "", "address": event["address"] or ""}


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
