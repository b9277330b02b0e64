"""Projects: begun one after the other, reviewed, put on hold, extended, given up, finished."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import Final

from api.sample_data.people import ADMIN, Person, Staff
from api.sample_data.plan import Plan
from api.sample_data.planning import CENTS_ROUNDED_TO, budget_cents, planned_task, title
from api.sample_data.steps import Diary
from api.sample_data.tasks import Board, Task
from api.sample_data.troubles import Troubles
from api.sample_data.workdays import midnight, workday_after, workday_from
from commands.projects import ChangeProject, CreateProject

EXTENSIONS_MAX: Final = 2
TASKS_PER_MEMBER: Final = 20


@dataclass(eq=False)
class Project:
    """`open_tasks` counts those to come too; `budget_cents` may be less than it will take."""

    work: Projects
    owner: Person
    begins: date
    ends: date
    team: list[Person]
    tasks: list[Task] = field(default_factory=list)
    number: int = 0
    status: str = "active"
    open_tasks: int = 0
    budget_cents: int = 0
    extensions: int = 0

    @property
    def takes_work(self) -> bool:
        return self.status == "active"

    @property
    def is_open(self) -> bool:
        return self.status in ("active", "on_hold")

    def day(self, part: float) -> date:
        """The day at a part of the planned time."""
        return workday_from(self.begins + part * (self.ends - self.begins))

    def finish(self) -> None:
        """Nothing is left to do: the project is completed, unless something came up meanwhile."""
        if self.takes_work and not self.open_tasks:
            self.work.change_status(self, "completed")


class Projects:
    """Every project of the history, noted down in the diary as it goes."""

    def __init__(self, plan: Plan, random: Random, diary: Diary, staff: Staff, board: Board) -> None:
        self._plan, self._random, self._diary = plan, random, diary
        self._staff, self._board = staff, board
        self._troubles = Troubles(random, diary)

    def found(self) -> None:
        """Plan when which project begins: the first at once, the last some weeks ago."""
        for place in range(self._plan.projects):
            begins = self._plan.day(0.92 * place / max(self._plan.projects - 1, 1))
            self._diary.plan(begins, self._begin, place)

    def change_status(self, project: Project, status: str) -> None:
        project.status = status
        command = ChangeProject(project_id=project.number, status=status)
        self._diary.note(project.owner.actor, command)

    def _begin(self, place: int) -> None:
        today = self._diary.today
        owners, workers = self._staff.managers(today), self._staff.workers(today)
        tasks = self._plan.tasks_by_project[place]
        wanted = max(self._random.randint(3, 7), tasks // TASKS_PER_MEMBER)
        team = self._random.sample(workers, min(len(workers), wanted))
        ends = workday_after(today, self._length())
        project = Project(self, owners[place % len(owners)], today, ends, team)
        project.tasks = [
            planned_task(project, number / tasks, self._plan.task_size, self._random)
            for number in range(tasks)
        ]
        project.open_tasks = len(project.tasks)
        project.budget_cents = budget_cents(project, place, self._random)
        name, description = title(place)
        command = CreateProject(
            name=name,
            description=description,
            budget_cents=project.budget_cents,
            start_date=midnight(project.begins),
            end_date=midnight(project.ends),
        )
        project.number = self._diary.note_new("project", project.owner.actor, command)
        self._foresee(project, place)

    def _length(self) -> int:
        """In workdays: the time of the history is covered, also by few projects."""
        return self._random.randint(80, 170) * max(3, self._plan.projects) // max(1, self._plan.projects)

    def _foresee(self, project: Project, place: int) -> None:
        """One task of each gets stuck; every tenth is given up, every fifth rests, some get another owner."""
        is_given_up = place % 10 == 6
        for task in project.tasks:
            self._diary.plan(self._created_on(project, task, at_once=is_given_up), self._board.create, task)
        for task in project.tasks[len(project.tasks) // 4 :][:1]:
            self._diary.plan(workday_after(task.begins, 1), self._board.wait, task)
        if is_given_up:
            self._diary.plan(project.day(0.5), self._give_up, project)
        if place % 5 == 3:
            self._diary.plan(project.day(0.6), self._rest, project)
        if place % 6 == 4:
            self._diary.plan(project.day(0.4), self._hand_over, project)
        self._diary.plan(project.ends, self._review, project)
        self._troubles.foresee(project)

    def _created_on(self, project: Project, task: Task, *, at_once: bool) -> date:
        """Six of ten tasks are known within days of the beginning, the others some time before their work."""
        soon = workday_after(project.begins, self._random.randint(1, 3))
        early = at_once or self._random.random() < 0.6
        planned = soon if early else max(soon, workday_from(task.begins - (task.begins - soon) / 3))
        return min(planned, self._plan.days[-1])

    def _rest(self, project: Project) -> None:
        if project.takes_work:
            self.change_status(project, "on_hold")
            again = workday_after(self._diary.today, self._random.randint(15, 40))
            self._diary.plan(again, self._go_on, project)

    def _go_on(self, project: Project) -> None:
        if project.status == "on_hold":
            self.change_status(project, "active")
            self._diary.plan(self._diary.today, project.finish)

    def _give_up(self, project: Project) -> None:
        for task in self._left(project):
            self._board.cancel(task)
        if project.is_open:
            self.change_status(project, "cancelled")

    def _hand_over(self, project: Project) -> None:
        """Only an admin gives a project to somebody else."""
        others = [one for one in self._staff.managers(self._diary.today) if one is not project.owner]
        if project.is_open and others:
            project.owner = self._random.choice(others)
            command = ChangeProject(project_id=project.number, owner_id=project.owner.number)
            self._diary.note(ADMIN, command)

    def _review(self, project: Project) -> None:
        """At its planned end a project is extended or, when that has been done before, brought to its end."""
        if not project.is_open:
            return
        if project.extensions < EXTENSIONS_MAX and (project.open_tasks or project.status == "on_hold"):
            self._extend(project)
            return
        for task in self._left(project):
            self._board.cancel(task)
        self.change_status(project, "completed")

    def _extend(self, project: Project) -> None:
        project.extensions += 1
        project.ends = workday_after(project.ends, self._random.randint(15, 35))
        command = ChangeProject(project_id=project.number, end_date=midnight(project.ends))
        if self._random.random() < 0.4:
            project.budget_cents += -(-project.budget_cents // 10 // CENTS_ROUNDED_TO) * CENTS_ROUNDED_TO
            command = ChangeProject(
                project_id=project.number,
                end_date=midnight(project.ends),
                budget_cents=project.budget_cents,
            )
        self._diary.note(project.owner.actor, command)
        self._diary.plan(project.ends, self._review, project)

    def _left(self, project: Project) -> Iterator[Task]:
        return (task for task in project.tasks if task.is_open)
