"""The rows of an export: a task in one line, for spreadsheets as CSV and for programs as JSON."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping
from typing import Any, Final

import orjson

from api.reports.csv_files import guarded
from api.taskforge.tag_forms import ShownTag
from api.taskforge.task_forms import shown_task
from events.instants import Instant
from readmodels.documents import Document

COLUMNS: Final = (
    "id", "title", "description", "status", "priority", "due_date", "completed_at", "is_overdue",
    "is_completed", "created_at", "updated_at", "user_id", "user_username", "user_email", "tags",
)  # fmt: skip
TEXTS: Final = frozenset({"title", "description", "user_username", "user_email", "tags"})
"""Columns in which people write what they like."""

Row = Mapping[str, Any]


def row(task: Document, people: Mapping[int, Document], tags: Mapping[int, ShownTag], at: Instant) -> Row:
    """A task as it stands at the instant `at`; its creator's account and some of its tags may be gone."""
    shown = shown_task(task, tags, at)
    creator = people.get(task["creator_id"], {})
    found = {
        **shown,
        "user_username": creator.get("username"),
        "user_email": creator.get("email"),
        "tags": ", ".join(tag["name"] for tag in shown["tags"]),
    }
    return {name: found[name] for name in COLUMNS}


def csv_header() -> bytes:
    return _csv([COLUMNS])


def csv_lines(rows: Iterable[Row]) -> bytes:
    """Lines in UTF-8 that end with CR LF, quoted only where they have to be."""
    return _csv([_cell(name, each[name]) for name in COLUMNS] for each in rows)


def json_items(rows: Iterable[Row]) -> bytes:
    """The objects as they stand in an array, without its brackets, two spaces deep."""
    return orjson.dumps(list(rows), option=orjson.OPT_INDENT_2)[2:-2]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return ""
    return guarded(value) if name in TEXTS else str(value)


def _csv(lines: Iterable[Iterable[str]]) -> bytes:
    file = io.StringIO(newline="")
    csv.writer(file).writerows(lines)
    return file.getvalue().encode(errors="replace")
