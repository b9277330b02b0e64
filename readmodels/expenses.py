"""Expenses: their documents, where they are listed, and what they add to their project."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypedDict, cast

from readmodels.documents import Contribution, Document, Kind, Places, month_of, ref_to, score
from readmodels.portfolio import PORTFOLIO_REF


class Expense(TypedDict):
    """`incurred_on` is the first moment of a day."""

    id: int
    version: int
    created: int
    updated: int
    project_id: int
    amount_cents: int
    category: str
    description: str
    incurred_on: str
    created_at: str
    updated_at: str


def places(document: Document) -> Places:
    expense = cast(Expense, document)
    return {
        "expense:sort:created": expense["created"],
        "expense:sort:id": expense["id"],
        "expense:sort:amount": expense["amount_cents"],
        "expense:sort:incurred_on": score(expense["incurred_on"]),
        f"expense:project:{expense['project_id']}": expense["id"],
        category_index(expense["category"]): expense["id"],
    }


def category_index(category: str) -> str:
    """Categories are people's own words, and the same in any case."""
    return f"expense:category:{category.casefold()}"


def groups(document: Document) -> Sequence[str]:
    """Where a project finds its expenses."""
    return (f"expense:of:{document['project_id']}",)


def contributions(document: Document) -> Iterable[Contribution]:
    expense = cast(Expense, document)
    spent = {"expenses": 1, "expenses_cents": expense["amount_cents"]}
    yield ref_to("project_figures", expense["project_id"]), spent
    month = {f"spent.{month_of(expense['incurred_on'])}": 1}
    yield PORTFOLIO_REF, {"expenses_cents": expense["amount_cents"], **month}


EXPENSE = Kind("expense", places, contributions, groups=groups, group_fields=("project_id",))
