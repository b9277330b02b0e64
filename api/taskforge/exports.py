"""All tasks of a list as one file, CSV or JSON, made while it is sent."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Final, NamedTuple

from aiohttp import hdrs, web

from api.behind import Readable
from api.cards import cards
from api.scans import scanned
from api.streams import StreamedResponse
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Parameter, Shows
from api.taskforge.envelope import Failure
from api.taskforge.export_rows import Row, csv_header, csv_lines, json_items, row
from api.taskforge.tag_forms import tags_of
from api.taskforge.task_filters import FILTERS, tasks_query
from events.instants import Instant, now
from readmodels.model import Query

NO_TASKS: Final = "No tasks to export"
FILTERED: Final = ("status", "priority", "tag_id", "overdue")


class Form(NamedTuple):
    """A file is its `head`, the rows page by page with `between` among the pages, and its `tail`."""

    media_type: str
    file_name: str
    head: bytes
    write: Callable[[Sequence[Row]], bytes]
    between: bytes
    tail: bytes


FORMS: Final = {
    "csv": Form("text/csv; charset=utf-8", "tasks.csv", csv_header(), csv_lines, b"", b""),
    "json": Form("application/json", "tasks.json", b"[\n", json_items, b",\n", b"\n]"),
}


async def export_tasks(call: Call) -> web.StreamResponse:
    """The file begins when its first page is there: until then there are proper answers to what fails."""
    form = FORMS.get(call.query.get("format", "").lower(), FORMS["csv"])
    model, at = call.core.model, now()
    filters = {name: call.query[name] for name in FILTERED if name in call.query}
    pages = _pages(model, await tasks_query(model, call.caller, filters, lambda: at), at)
    first = await anext(pages, None)
    if first is None:
        raise Failure(404, NO_TASKS)
    headers: dict[str, str] = {
        hdrs.CONTENT_TYPE: form.media_type,
        hdrs.CONTENT_DISPOSITION: f"attachment; filename={form.file_name}",
    }
    timeout_s = call.core.settings.report_send_timeout_s
    return StreamedResponse(_written(form, first, pages), headers, timeout_s)


async def _pages(model: Readable, query: Query, at: Instant) -> AsyncGenerator[Sequence[Row], None]:
    async for tasks in scanned(model, query):
        people = await cards(model, "user", (task["creator_id"] for task in tasks))
        tags = await tags_of(model, (tag_id for task in tasks for tag_id in task["tag_ids"]))
        yield [row(task, people, tags, at) for task in tasks]


async def _written(
    form: Form, first: Sequence[Row], rest: AsyncGenerator[Sequence[Row], None]
) -> AsyncGenerator[bytes, None]:
    yield form.head + form.write(first)
    async for rows in rest:
        yield form.between + form.write(rows)
    yield form.tail


ENDPOINTS: Final = (
    Endpoint(
        methods=("GET",),
        path="/api/tasks/export",
        handle=export_tasks,
        parameters={
            "format": Parameter({"type": "string", "enum": list(FORMS)}, "CSV unless it says `json`"),
            **{name: FILTERS[name] for name in FILTERED},
        },
        summary="Export the tasks that you may list, as a file",
        shows=Shows(files=tuple(form.media_type for form in FORMS.values())),
        fails={404: (NO_TASKS,)},
    ),
)
