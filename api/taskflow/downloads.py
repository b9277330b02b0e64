"""A report as an answer: a file with a name, or `data` in the envelope, made by the worker process.

A handler returns what `download` gives instead of an `Answer`:

    order = Order(partial(budget_analysis, snapshot), "pdf")
    return await download(call.core, order, "budget-analysis", snapshot.moment, headers)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from aiohttp import hdrs

from api.core import Core
from api.replies import FileReply
from api.reports.order import Form, Order, file_name
from api.reports.spool import Spool
from api.taskflow.envelope import Answer, sealed

MEDIA_TYPES: Final[Mapping[Form, str]] = {
    "json": "application/json",
    "csv": "text/csv; charset=utf-8",
    "pdf": "application/pdf",
}


@dataclass(frozen=True, slots=True)
class Download:
    """A made report: JSON is the `data` of an answer, anything else a file called `name`."""

    spool: Spool
    form: Form
    name: str
    send_timeout_s: float
    headers: Mapping[str, str] = field(default_factory=dict)


async def download(
    core: Core, order: Order, name: str, moment: str, headers: Mapping[str, str] | None = None
) -> Download:
    """Have a report made. `name` is its address', `moment` what it speaks of, as events write it.

    Raises TryLater, and what `order.make` raises.
    """
    spool = await core.reports.make(order)
    called = file_name(name, moment, order.form)
    return Download(spool, order.form, called, core.settings.report_send_timeout_s, headers or {})


def sealed_file(made: Download, request_id: str) -> FileReply:
    """The reply to a request that a report answers."""
    headers = {**made.headers, hdrs.CONTENT_TYPE: MEDIA_TYPES[made.form]}
    if made.form == "json":
        head, _, tail = sealed(Answer({}), request_id).body.partition(b"{}")
        return FileReply(made.spool, headers, made.send_timeout_s, head, tail)
    headers[hdrs.CONTENT_DISPOSITION] = f'attachment; filename="{made.name}"'
    return FileReply(made.spool, headers, made.send_timeout_s)
