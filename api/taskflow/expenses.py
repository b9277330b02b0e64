"""Expenses over HTTP: what projects spend besides labour."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.taskflow import parameters
from api.taskflow.calls import Call
from api.taskflow.endpoints import Endpoint, Shows
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Label, Moment, Money, Prose, Said
from api.taskflow.formats import ShownMoment, moment, money
from api.taskflow.listing import listed, paged
from api.taskflow.visibility import must_see
from commands.errors import NotFound
from commands.expenses import RecordExpense, ReverseExpense
from events.expenses import ExpenseRecorded
from events.instants import first_of_day
from readmodels.documents import Document, Ref, score
from readmodels.expenses import category_index
from readmodels.model import Query, Range


def _above_zero(cents: int) -> int:
    if cents == 0:
        raise ValueError("must be a positive number")
    return cents


Amount = Annotated[Money, AfterValidator(_above_zero), Said({"minimum": 0.01})]
"""Cents, at least one."""


class NewExpense(Body):
    amount: Amount = Field(serialization_alias="amount_cents")
    category: Annotated[Label, Field(max_length=50)] = ""
    description: Annotated[Prose, Field(max_length=500)] = ""
    incurred_on: Moment | None = None


class ShownExpense(TypedDict):
    """`incurred_on` is the first moment of the day (UTC) on which the money was spent."""

    id: int
    project_id: int
    amount: float
    category: str
    description: str
    incurred_on: ShownMoment
    created_at: ShownMoment


FILTERS: Final[parameters.Parameters] = {
    **parameters.PAGING,
    "category": parameters.TEXT,
    "incurred_from": parameters.DATE,
    "incurred_to": parameters.DATE_END,
    "sort": parameters.sort_by("created_at", "id", "amount", "incurred_on"),
}


async def list_expenses(call: Call) -> Answer:
    project_id = call.number("project_id", "project")
    await must_see(call.core.model, call.caller, project_id)
    page = await call.core.model.page(expenses_query(project_id, call.filters))
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
    await must_see(call.core.model, call.caller, project_id, "expense")
    return await expense_answer(call.core.model, project_id, expense_id)


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


async def expense_answer(
    model: Readable, project_id: int, expense_id: int, message: str | None = None, status: int = 200
) -> Answer:
    """Raises NotFound; also for an expense of another project."""
    ref = Ref("expense", str(expense_id))
    expense = (await model.fetch([ref])).get(ref)
    if expense is None or expense["project_id"] != project_id:
        raise NotFound("expense")
    return Answer({"expense": shown_expense(expense)}, message, status, version=expense["version"])


def shown_expense(expense: Document) -> ShownExpense:
    return {
        "id": expense["id"],
        "project_id": expense["project_id"],
        "amount": money(expense["amount_cents"]),
        "category": expense["category"],
        "description": expense["description"],
        "incurred_on": moment(expense["incurred_on"]),
        "created_at": moment(expense["created_at"]),
    }


ONE: Final = Shows({"expense": ShownExpense}, is_object=True)

ENDPOINTS: Final = (
    Endpoint(
        "GET",
        "/api/projects/{project_id}/expenses",
        list_expenses,
        parameters=FILTERS,
        summary="List a project's expenses",
        shows=Shows({"expenses": list[ShownExpense]}, is_list=True),
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
    Endpoint(
        "GET",
        "/api/projects/{project_id}/expenses/{expense_id}",
        get_expense,
        summary="Read an expense",
        shows=ONE,
    ),
    Endpoint(
        "DELETE",
        "/api/projects/{project_id}/expenses/{expense_id}",
        reverse_expense,
        summary="Take back an expense that was recorded by mistake",
    ),
)
