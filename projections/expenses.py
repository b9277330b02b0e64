"""Folds expenses' events, and the end of their projects, into expenses' documents."""

from __future__ import annotations

from events.event import Record
from events.expenses import ExpenseRecorded, ExpenseReversed
from events.projects import ProjectDeleted
from projections.projection import Projection
from readmodels.expenses import Expense

expenses = Projection("expense")


@expenses.creates(ExpenseRecorded)
def recorded(event: ExpenseRecorded, record: Record) -> Expense:
    return Expense(
        id=event.expense_id,
        version=record.version,
        created=record.position,
        updated=record.position,
        project_id=event.project_id,
        amount_cents=event.amount_cents,
        category=event.category,
        description=event.description,
        incurred_on=event.incurred_on,
        created_at=record.recorded_at,
        updated_at=record.recorded_at,
    )


@expenses.on(ExpenseReversed)
def reversed_(_expense: Expense, _event: ExpenseReversed, _record: Record) -> None:
    return None


@expenses.on(ProjectDeleted, group=lambda event: f"expense:of:{event.project_id}")
def project_deleted(_expense: Expense, _event: ProjectDeleted, _record: Record) -> None:
    return None
