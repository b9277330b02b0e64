"""Booking hours: who gets the credit, and what it costs."""

from __future__ import annotations

from collections.abc import Mapping

from commands.context import Context
from commands.errors import Invalid
from commands.money import MONEY_MAX_CENTS, cost_cents, equal_shares
from commands.users import User
from events.tasks import TaskHoursBooked


def booked(
    task_id: int, before: int | None, after: int, assignee_ids: tuple[int, ...], context: Context
) -> TaskHoursBooked:
    """The booking that takes a task's hours (hundredths) from `before` to `after`.

    The difference is credited to the caller when assigned, else in equal parts to those assignees
    whose accounts are still there. Raises Invalid when it would cost more than any amount of money
    can be.
    """
    caller = context.actor.id
    people = (caller,) if caller in assignee_ids else assignee_ids
    users = {user.id: user for user in context.load_all(User, people) if user.exists}
    shares = equal_shares(after - (before or 0), tuple(users))
    entries = tuple(_credit(users[user_id], hours) for user_id, hours in shares.items() if hours)
    if abs(sum(entry["cost_cents"] for entry in entries)) > MONEY_MAX_CENTS:
        raise Invalid({"actual_hours": [f"Actual hours must cost at most {MONEY_MAX_CENTS / 100:,.2f}"]})
    return TaskHoursBooked(task_id, after, entries)


def _credit(user: User, hours: int) -> Mapping[str, int]:
    rate = user.hourly_rate_cents
    return {
        "user_id": user.id,
        "centihours": hours,
        "hourly_rate_cents": rate,
        "cost_cents": cost_cents(hours, rate),
    }
