"""Expenses over HTTP: what projects spend besides labour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from api.behind import Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows, timed
from api.taskflow.envelope import Answer
from api.taskflow.expense_forms import CATEGORY_MAX, NewExpense, ShownExpense, expense_answer, shown_expense
from api.taskflow.listing import listed, paged
from api.visibility import must_see
from commands.expenses import RecordExpense, ReverseExpense
from events.expenses import ExpenseRecorded
from events.instants import first_of_day
from readmodels.documents import score
from readmodels.expenses import category_index
from readmodels.model import Query, Range

FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "category": parameters.text_of(CATEGORY_MAX),
    "incurred_from": parameters.DATE,
    "incurred_to": parameters.DATE_END,
    "sort": parameters.sort_by("created_at", "id", "amount", "incurred_on"),
}


async def list_expenses(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    await must_see(call.model, call.caller, project_id, rights=call.core.model)
    page = await call.model.page(expenses_query(project_id, call.filters))
    return listed("expenses", [shown_expense(expense) for expense in page.documents], page, call.filters)


def expenses_query(project_id: int, filters: Mapping[str, Any]) -> Query:
    where: tuple[tuple[str, ...], ...] = ((f"expense:project:{project_id}",),)
    if "category" in filters:
        where = (*where, (category_index(filters["category"]),))
    query = paged(Query("expense", where=where), filters)
    first, last = filters.get("incurred_from"), filters.get("incurred_to")
    if first is None and last is None:
        return query
    from_day = first and score(first_of_day(first))
    span = Range("expense:sort:incurred_on", from_day, last and score(last))
    return replace(query, ranges=(span,))


async def get_expense(call: Call) -> Answer:
    project_id, expense_id = _numbers(call)
    await must_see(call.model, call.caller, project_id, "expense", rights=call.core.model)
    return await expense_answer(call.model, project_id, expense_id)


async def record_expense(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    written = await call.write(RecordExpense(project_id=project_id, **call.fields, invalid=call.invalid))
    expense_id = written.the(ExpenseRecorded).expense_id

    async def show(model: Readable) -> Answer:
        return await expense_answer(model, project_id, expense_id, "Expense created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def reverse_expense(call: Call) -> Answer:
    project_id, expense_id = _numbers(call)
    written = await call.write(ReverseExpense(project_id=project_id, expense_id=expense_id))
    return await call.done(written, "Expense deleted successfully")


def _numbers(call: Call) -> tuple[int, int]:
    """Of an expense and the project that it is said to belong to: each of them names the expense only."""
    return call.number("project_id", "expense"), call.number("expense_id", "expense")


ONE: Final = Shows({"expense": ShownExpense}, is_object=True)

ENDPOINTS: Final = (
    timed(
        Endpoint(
            "GET",
            "/api/projects/{project_id}/expenses",
            list_expenses,
            is_kept=True,
            parameters=FILTERS,
            summary="List a project's expenses",
            shows=Shows({"expenses": list[ShownExpense]}, is_list=True),
        )
    ),
    Endpoint(
        "POST",
        "/api/projects/{project_id}/expenses",
        record_expense,
        body=NewExpense,
        takes_key=True,
        summary="Record what a project spent",
        shows=replace(ONE, status=201),
        example={
            "amount": 1250.50,
            "category": "Licences",
            "description": "Design software, one year",
            "incurred_on": "2025-07-14",
        },
    ),
    timed(
        Endpoint(
            "GET",
            "/api/projects/{project_id}/expenses/{expense_id}",
            get_expense,
            is_kept=True,
            summary="Read an expense",
            shows=ONE,
        )
    ),
    Endpoint(
        "DELETE",
        "/api/projects/{project_id}/expenses/{expense_id}",
        reverse_expense,
        summary="Take back an expense that was recorded by mistake",
    ),
)
