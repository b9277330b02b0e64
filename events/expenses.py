"""What projects spend besides labour. Money is integer cents."""

from __future__ import annotations

from dataclasses import dataclass

from events.event import Event
from events.instants import Instant


@dataclass(frozen=True, slots=True)
class ExpenseRecorded(Event):
    """`incurred_on` is the first moment (UTC) of the day on which the money was spent."""

    TOPIC = "expense.recorded"
    STREAM = "expense"
    ID = "expense_id"

    expense_id: int
    project_id: int
    amount_cents: int
    category: str
    description: str
    incurred_on: Instant


@dataclass(frozen=True, slots=True)
class ExpenseReversed(Event):
    """The expense was a mistake: it counts no more, and both stay in the log."""

    TOPIC = "expense.reversed"
    STREAM = "expense"
    ID = "expense_id"

    expense_id: int
