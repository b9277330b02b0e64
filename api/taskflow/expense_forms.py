"""The forms of expenses: as requests send them, and as answers show them."""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import AfterValidator, Field
from typing_extensions import TypedDict

from api.behind import Readable
from api.taskflow.envelope import Answer
from api.taskflow.fields import Body, Label, Moment, Money, Prose, Said
from api.taskflow.formats import ShownMoment, moment, money
from commands.errors import NotFound
from readmodels.documents import Document, Ref


def _above_zero(cents: int) -> int:
    if cents == 0:
        raise ValueError("must be a positive number")
    return cents


Amount = Annotated[Money, AfterValidator(_above_zero), Said({"minimum": 0.01})]
"""Cents, at least one."""

CATEGORY_MAX: Final = 50


class NewExpense(Body):
    amount: Amount = Field(serialization_alias="amount_cents")
    category: Annotated[Label, Field(max_length=CATEGORY_MAX)] = ""
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


async def expense_answer(
    model: Readable, project_id: int, expense_id: int, message: str | None = None, status: int = 200
) -> Answer:
    """Raises NotFound; also for an expense of another project."""
    ref = Ref("expense", str(expense_id))
    expense = (await model.fetch([ref])).get(ref)
    if expense is None or expense["project_id"] != project_id:
        raise NotFound("expense")
    return Answer({"expense": shown_expense(expense)}, message, status, version=expense["version"])
