"""Recording what a project spent besides labour, and taking a mistaken record back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import ClassVar

from commands.context import Context
from commands.errors import Errors, Faults, NotFound
from commands.projects import Project
from events.event import Event
from events.expenses import ExpenseRecorded, ExpenseReversed
from events.instants import Instant, first_of_day


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordExpense:
    """`incurred_on` is any moment of the day (UTC) on which the money was spent; None is today."""

    project_id: int
    amount_cents: int = 0
    category: str = ""
    description: str = ""
    incurred_on: Instant | None = None
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReverseExpense:
    """`project_id` is the project that the expense is said to belong to."""

    project_id: int
    expense_id: int


@dataclass(frozen=True, slots=True)
class Expense:
    STREAM: ClassVar[str] = "expense"

    id: int = 0
    project_id: int = 0
    reversed: bool = False

    @property
    def exists(self) -> bool:
        return self.id > 0 and not self.reversed


def evolve(expense: Expense, event: Event) -> Expense:
    match event:
        case ExpenseRecorded():
            return Expense(event.expense_id, event.project_id)
        case ExpenseReversed():
            return replace(expense, reversed=True)
    return expense


def record_expense(command: RecordExpense, context: Context) -> Iterator[Event]:
    """A closed project may still spend: invoices come late."""
    project = context.existing(Project, command.project_id)
    project.must_be_managed_by(context.actor)
    Faults(command.invalid).refuse()
    yield ExpenseRecorded(
        expense_id=context.new_id("expense"),
        project_id=project.id,
        amount_cents=command.amount_cents,
        category=command.category,
        description=command.description,
        incurred_on=first_of_day(command.incurred_on or context.now),
    )


def reverse_expense(command: ReverseExpense, context: Context) -> Iterator[Event]:
    expense = context.existing(Expense, command.expense_id)
    project = context.load(Project, expense.project_id)
    if expense.project_id != command.project_id or not project.exists:
        raise NotFound("expense")
    project.must_be_managed_by(context.actor, "expense")
    yield ExpenseReversed(expense.id)
