"""Reports for tests of their forms: real ones, made of documents as a read model holds them."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import orjson

from api.reports.order import Form, Order
from readmodels.reports import budget, projects
from readmodels.reports.periods import Period
from readmodels.reports.report import Report
from readmodels.snapshots import Snapshot

MOMENT: Final = "2026-03-31T14:05:09.123456Z"
AWKWARD: Final = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    " =1+1",
    "＝1+1",  # noqa: RUF001 - a wide sign counts as the narrow one
    'say "yes", twice',
    "two\r\nlines\nor\rthree",
    "שלום עולם 12",
    "مرحبا بالعالم",
    "Straße — naïve Ωδός Дом",
    "項目 프로젝트",
    "App 😀🏗️👩‍👩‍👧",
    "x" * 5000,
    "word " * 1000,
    "\u202eright to left\u202c \u2066isolated\u2069 \ufeff",
    "bell \x07 escape \x1b[31m delete \x7f next \x85 line",
    "e\u0301 a\u0308 combined \u0301",
    "private \ue000 unassigned \U000e0fff last \U0010ffff",
    "<para>&amp;<font color='red'>{{7*7}}</font>",
    "   ",
    "",
)
"""Names that spreadsheets, printers and parsers stumble over."""


def documents(names: Sequence[str], cents: Sequence[tuple[int, int]] = ()) -> Snapshot:
    """Projects with these names; `cents` are their budgets and spendings, as far as they are given."""
    money = [*cents, *[(0, 0)] * (len(names) - len(cents))]
    found: Mapping[str, Sequence[Mapping[str, Any]]] = {
        "project": [project(number, name, money[number - 1][0]) for number, name in enumerate(names, 1)],
        "project_figures": [
            {"id": str(number), "tasks": 3, "completed": 1, "labour_cents": spent - 1, "expenses_cents": 1}
            for number, (_, spent) in enumerate(money, 1)
            if spent
        ],
        "portfolio": [{"id": "all", "spent.2025-10": 4}],
        "user": [{"id": 1, "username": "-ana", "email": "+ana@example.com"}],
    }
    chunks = {kind: [orjson.dumps(listed)] for kind, listed in found.items()}
    return Snapshot(1234, MOMENT, chunks, {"overdue": b'{"1":2}'})


def project(number: int, name: str, budget_cents: int) -> Mapping[str, Any]:
    return {
        "id": number,
        "version": 1,
        "created": number,
        "updated": number,
        "owner_id": 1 if number % 2 else 99,
        "name": name,
        "description": f"All about {name}",
        "budget_cents": budget_cents,
        "start_date": "2025-01-01T00:00:00.000000Z",
        "end_date": None,
        "status": "active",
        "created_at": "2025-01-01T10:30:00.000000Z",
        "updated_at": "2025-06-20T15:30:59.999999Z",
    }


ALWAYS: Final = Period(None, None)


def budgets(snapshot: Snapshot) -> Report:
    return budget.report(snapshot, ALWAYS)


def listed(snapshot: Snapshot) -> Report:
    return projects.report(snapshot, ALWAYS)


def order(snapshot: Snapshot, form: Form) -> Order:
    return Order(partial(budget.report, snapshot, ALWAYS), form)


def after_sleep(seconds: float, begun: str, snapshot: Snapshot) -> Report:
    """A report that takes its time; its beginning leaves a file behind."""
    Path(begun).touch()
    time.sleep(seconds)
    return budgets(snapshot)


def after_dying(times: int, deaths: str, snapshot: Snapshot) -> Report:
    """A report whose making ends the process, the first few times; each adds a character to a file."""
    with Path(deaths).open("a") as file:
        file.write("x")
    if Path(deaths).stat().st_size <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return budgets(snapshot)


class Stubborn(Exception):
    """Cannot be made again from what pickle keeps of it."""

    def __init__(self, first: str, second: str) -> None:
        super().__init__(first + second)


def failing(error: type[Exception], *words: str) -> Report:
    raise error(*words)
