"""What a history comes to, told by its events alone: the ground that `tests.recomputed` stands on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from events import departments, expenses, projects, risks, tasks, users
from events.event import Record

Thing = dict[str, Any]


class Since(NamedTuple):
    """What something was since an event, which stands at `position`."""

    position: int
    at: str
    value: Any


@dataclass
class Task:
    """A task's story. Hours are hundredths, cost is cents."""

    project_id: int | None
    project: Thing | None
    creator_id: int
    priority: str
    statuses: list[Since]
    dues: list[Since]
    teams: list[Since]
    estimate: int | None
    actual: int | None = None
    bookings: list[tuple[str, Sequence[Any]]] = field(default_factory=list)
    tag_ids: tuple[int, ...] = ()
    deleted: bool = False

    @property
    def status(self) -> str:
        return str(self.statuses[-1].value)

    @property
    def due(self) -> str | None:
        return self.dues[-1].value  # type: ignore[no-any-return]

    @property
    def team(self) -> tuple[int, ...]:
        return self.teams[-1].value  # type: ignore[no-any-return]

    @property
    def counts(self) -> bool:
        return not self.deleted and self.status != "cancelled"

    @property
    def is_open(self) -> bool:
        return self.counts and self.status != "completed" and not self.is_frozen

    @property
    def is_frozen(self) -> bool:
        return self.project is not None and self.project["status"] in ("completed", "cancelled")

    @property
    def is_done(self) -> bool:
        return self.counts and self.status == "completed"

    @property
    def cost(self) -> int:
        return sum(credit["cost_cents"] for _, some in self.bookings for credit in some)

    def is_late(self, now: str) -> bool:
        return self.is_open and self.due is not None and moment(now) >= deadline(self.due)

    def is_overdue(self, now: str) -> bool:
        """Whether it is unfinished, and its due date's very moment is in the past."""
        finished = self.deleted or self.status in ("completed", "cancelled")
        return not finished and self.due is not None and moment(self.due) < moment(now)

    def began(self) -> Since:
        """When it was in progress for the first time, else when it was made."""
        return next((each for each in self.statuses if each.value == "in_progress"), self.statuses[0])

    def promised(self) -> str | None:
        """The due date as it stood when work began."""
        return [due.value for due in self.dues if due.position <= self.began().position][-1]  # type: ignore[no-any-return]

    def since(self, user_id: int) -> str:
        """Since when a member of the present team is in it without a break."""
        found = ""
        for team in self.teams:
            found = (found or team.at) if user_id in team.value else ""
        return found

    def share(self, user_id: int) -> int:
        """What is left for a member of the team; the lowest ids get the odd hundredths."""
        left = max((self.estimate or 0) - (self.actual or 0), 0)
        share, odd = divmod(left, len(self.team))
        return share + (1 if sorted(self.team).index(user_id) < odd else 0)


class Told:
    """What a history comes to: what is there after it, by id."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.users: dict[int, Thing] = {}
        self.departments: dict[int, Thing] = {}
        self.projects: dict[int, Thing] = {}
        self.tasks: dict[int, Task] = {}
        self.risks: dict[int, Thing] = {}
        self.expenses: dict[int, Thing] = {}
        for record in records:
            self.tell_of_people(record.event)
            self.tell_of_a_parting(record.event, record.position, record.recorded_at)
            self.tell_of_projects(record.event)
            self.tell_of_what_is_in_projects(record.event)
            self.tell_of_tasks(record.event, record.position, record.recorded_at)

    def tell_of_people(self, event: Any) -> None:
        match event:
            case users.UserRegistered():
                self.users[event.user_id] = asdict(event)
            case users.UserDepartmentChanged():
                self.users[event.user_id]["department_id"] = event.department_id
            case users.UserActivated() | users.UserDeactivated():
                self.users[event.user_id]["active"] = isinstance(event, users.UserActivated)
            case departments.DepartmentCreated():
                self.departments[event.department_id] = asdict(event)

    def tell_of_a_parting(self, event: Any, position: int, at: str) -> None:
        """Their own tasks go with them, other tasks stay without them; hours and money were spent."""
        if not isinstance(event, users.UserDeleted):
            return
        del self.users[event.user_id]
        for task in self.tasks.values():
            if task.project_id is None and task.creator_id == event.user_id:
                task.deleted = True
            elif event.user_id in task.team:
                team = tuple(each for each in task.team if each != event.user_id)
                task.teams.append(Since(position, at, team))

    def tell_of_projects(self, event: Any) -> None:
        match event:
            case projects.ProjectCreated():
                self.projects[event.project_id] = asdict(event)
            case projects.ProjectDetailsChanged():
                self.projects[event.project_id].update(event.changes)
            case projects.ProjectStatusChanged():
                self.projects[event.project_id]["status"] = event.status
            case projects.ProjectOwnerChanged():
                self.projects[event.project_id]["owner_id"] = event.owner_id
            case projects.ProjectDeleted():
                gone = event.project_id
                del self.projects[gone]
                self.tasks = {key: task for key, task in self.tasks.items() if task.project_id != gone}
                self.risks = {key: each for key, each in self.risks.items() if each["project_id"] != gone}
                self.expenses = {
                    key: each for key, each in self.expenses.items() if each["project_id"] != gone
                }

    def tell_of_what_is_in_projects(self, event: Any) -> None:
        match event:
            case risks.RiskRaised():
                self.risks[event.risk_id] = asdict(event)
            case risks.RiskStatusChanged():
                self.risks[event.risk_id]["status"] = event.status
            case expenses.ExpenseRecorded():
                self.expenses[event.expense_id] = asdict(event)
            case expenses.ExpenseReversed():
                del self.expenses[event.expense_id]

    def tell_of_tasks(self, event: Any, position: int, at: str) -> None:
        match event:
            case tasks.TaskCreated():
                self.tasks[event.task_id] = Task(
                    event.project_id,
                    None if event.project_id is None else self.projects[event.project_id],
                    event.creator_id,
                    event.priority,
                    [Since(position, at, event.status)],
                    [Since(position, at, event.due_date)],
                    [Since(position, at, event.assignee_ids)],
                    event.estimated_centihours,
                )
            case tasks.TaskDetailsChanged() if event.task_id in self.tasks:
                task = self.tasks[event.task_id]
                task.dues.append(Since(position, at, event.changes.get("due_date", task.due)))
                task.estimate = event.changes.get("estimated_centihours", task.estimate)
                task.priority = event.changes.get("priority", task.priority)
            case tasks.TaskStatusChanged() if event.task_id in self.tasks:
                self.tasks[event.task_id].statuses.append(Since(position, at, event.status))
            case tasks.TaskAssigned() if event.task_id in self.tasks:
                self.tasks[event.task_id].teams.append(Since(position, at, event.assignee_ids))
            case tasks.TaskTagged() if event.task_id in self.tasks:
                self.tasks[event.task_id].tag_ids = event.tag_ids
            case tasks.TaskHoursBooked() if event.task_id in self.tasks:
                if event.actual_centihours != (self.tasks[event.task_id].actual or 0):
                    self.tasks[event.task_id].bookings.append((at, event.credits))
                self.tasks[event.task_id].actual = event.actual_centihours
            case tasks.TaskDeleted() if event.task_id in self.tasks:
                self.tasks[event.task_id].deleted = True


def moment(at: str) -> datetime:
    return datetime.fromisoformat(at)


def deadline(due: str) -> datetime:
    """A due date without a time of day stands for its whole day."""
    at = moment(due)
    return at + timedelta(days=1) if at.time() == at.time().min else at
