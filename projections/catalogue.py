"""All projections, and for each event type what they do with it."""

from __future__ import annotations

from typing import Final

from events import operations
from events.claims import Claimed, Released
from events.event import Event
from events.users import AdminGained, AdminLost
from projections.departments import departments
from projections.expenses import expenses
from projections.projection import Projection, Step
from projections.projects import projects
from projections.risks import risks
from projections.tags import tags
from projections.tasks import tasks
from projections.users import users

PROJECTIONS: Final[tuple[Projection, ...]] = (users, departments, tags, projects, tasks, risks, expenses)

# They guard rules on the write side; nobody asks for them.
GUARDS: Final[frozenset[type[Event]]] = frozenset({Claimed, Released, AdminGained, AdminLost})
# They tell of the ledger itself, and some of them steer folding.
OPERATIONS: Final = frozenset(
    each
    for each in vars(operations).values()
    if isinstance(each, type) and issubclass(each, Event) and each.TOPIC
)
UNREAD: Final[frozenset[type[Event]]] = GUARDS | OPERATIONS


def steps_by_type() -> dict[type[Event], tuple[Step, ...]]:
    steps: dict[type[Event], tuple[Step, ...]] = {}
    for projection in PROJECTIONS:
        for event_type, own in projection.steps.items():
            steps[event_type] = (*steps.get(event_type, ()), *own)
    return steps


STEPS: Final = steps_by_type()
