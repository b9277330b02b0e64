"""What the generator says in the end, to people and to machines."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from api.bootstrap import DEVELOPMENT_PASSWORD, USERNAME
from api.sample_data.generating import Outcome

MADE: Final[Mapping[str, tuple[str, str]]] = {
    "department.created": ("department", "departments"),
    "user.registered": ("user", "users"),
    "project.created": ("project", "projects"),
    "task.created": ("task", "tasks"),
    "task.hours_booked": ("booking of hours", "bookings of hours"),
    "risk.raised": ("risk", "risks"),
    "expense.recorded": ("expense", "expenses"),
}
"""What one of each is called, and what several are."""

PATHS: Final = ("/login", "/api/reports/budget-analysis", "/api/reports/users/productivity?format=pdf")


@dataclass(frozen=True)
class SignIn:
    """`password` is that of all sample users; `default_login` whether the admin has the development one."""

    password: str
    default_login: bool
    is_running: bool


def tell(outcome: Outcome, sign_in: SignIn) -> str:
    """Some lines for whoever waited."""
    recorder, plan = outcome.recorder, outcome.plan
    made = ", ".join(counted(recorder.topics[topic], *words) for topic, words in MADE.items())
    people = [f"{role}: {name}" for role, name in recorder.usernames.items()]
    admin = f"{USERNAME} / {DEVELOPMENT_PASSWORD}" if sign_in.default_login else "your admin, as before"
    lines = [
        *(["Stopped; what was recorded stays."] if outcome.interrupted else []),
        f"Recorded {made}.",
        f"  events    {_events(outcome)}",
        *_time(outcome),
        f"  seed      {plan.seed}: the same seed and options make the same history before {plan.until}",
        f"  sign in   {admin}",
        *([f"            {', '.join(people)}, all with {sign_in.password}"] if people else []),
        *(
            []
            if sign_in.is_running
            else ["Start it: ./taskledger up, with the same --data if you named one."]
        ),
        "Try next, at the address that `./taskledger up` names:",
        *(f"  {path}" for path in PATHS),
    ]
    return "\n".join(lines)


def counted(number: int, one: str, several: str) -> str:
    return f"{number:,} {one if number == 1 else several}"


def _events(outcome: Outcome) -> str:
    recorder = outcome.recorder
    if not recorder.events:
        return "none: nothing was asked for"
    return (
        f"{recorder.events:,} at positions {recorder.first_position:,} to {recorder.last_position:,},"
        f" in {outcome.took_s:.1f} s ({outcome.events_per_second:,.0f} a second)"
    )


def _time(outcome: Outcome) -> list[str]:
    recorder, plan = outcome.recorder, outcome.plan
    time = counted(plan.months, "month", "months")
    if outcome.at_its_time:
        return [f"  time      {plan.first_day} to {recorder.last_moment[:10] or plan.until}, as it happened"]
    return [
        "  time      now: this ledger has later events than the history would begin with, and a log never",
        "            goes back. Plans lie around today, but all work counts as done this month.",
        f"            For reports over {time}: the same command with --data and a new folder.",
    ]


def tell_machines(outcome: Outcome, sign_in: SignIn) -> str:
    """The same as one JSON object."""
    recorder, plan = outcome.recorder, outcome.plan
    told: dict[str, Any] = {
        "projects": plan.projects,
        "tasks": sum(plan.tasks_by_project),
        "users": plan.users,
        "seed": plan.seed,
        "from": plan.first_day.isoformat(),
        "until": plan.until.isoformat(),
        "recorded_at": "its own time" if outcome.at_its_time else "present",
        "last_recorded_at": recorder.last_moment or None,
        "interrupted": outcome.interrupted,
        "events": recorder.events,
        "events_by_type": dict(sorted(recorder.topics.items())),
        "positions": {"first": recorder.first_position, "last": recorder.last_position},
        "seconds": round(outcome.took_s, 3),
        "events_per_second": round(outcome.events_per_second),
        "usernames": recorder.usernames,
        "password": sign_in.password,
    }
    return json.dumps(told, indent=2)
