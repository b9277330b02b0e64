"""Tasks, and what is decided about them: handed out, handed on, put off, given up."""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Final

from api.sample_data.people import ADMIN, Person, Staff
from api.sample_data.steps import Diary
from api.sample_data.workdays import DAY, midnight, workday_after
from commands.context import Actor
from commands.tasks import AssignTask, ChangeTask, CreateTask
from commands.users import ChangeUser

if TYPE_CHECKING:
    from api.sample_data.projects import Project

WAITING: Final = 0.04
"""How often a task cannot go on for a while; most of those are late, and some of them for long."""


@dataclass(eq=False)
class Task:
    """Hours are hundredths: `estimate` as people see it, `needed` as it will turn out, `worked` so far.

    Not everybody books every day: `booked` are those of `worked` that the ledger knows.
    `status` is planned until the task is created.
    """

    project: Project
    title: str
    description: str
    priority: str
    estimate: int
    needed: int
    begins: date
    due: date
    is_estimated: bool = True
    waits_until: date = date.min
    number: int = 0
    status: str = "planned"
    worked: int = 0
    booked: int = 0
    assignees: list[Person] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        return self.status in ("planned", "pending", "in_progress")

    def can_be_worked_on(self, day: date) -> bool:
        return self.project.takes_work and self.waits_until <= day


class Board:
    """What owners and admins do about tasks, noted down in the diary."""

    def __init__(self, random: Random, diary: Diary, staff: Staff) -> None:
        self._random, self._diary, self._staff = random, diary, staff

    def create(self, task: Task) -> None:
        """Most tasks have somebody from the beginning on, the others are handed out before they begin."""
        assert task.project.is_open
        task.status = "pending"
        chosen = self._choose(task) if self._random.random() < 0.7 else []
        command = CreateTask(
            project_id=task.project.number,
            title=task.title,
            description=task.description,
            priority=task.priority,
            due_date=midnight(task.due),
            estimated_centihours=task.estimate if task.is_estimated else None,
            assigned_to=numbers(chosen),
        )
        task.number = self._diary.note_new("task", task.project.owner.actor, command)
        self._hand_to(task, chosen)
        if not chosen:
            self._diary.plan(min(task.begins, self._diary.today + 5 * DAY), self._hand_out, task)
        self._foresee(task)

    def close(self, task: Task, status: str) -> None:
        """The end of a task's work; the project's owner looks whether it was the last one."""
        task.status = status
        if task.assignees and task in task.assignees[0].tasks:
            task.assignees[0].tasks.remove(task)
        task.project.open_tasks -= 1
        if not task.project.open_tasks:
            self._diary.plan(self._diary.today, task.project.finish)

    def cancel(self, task: Task) -> None:
        if task.project.is_open and task.is_open and task.number:
            self._book_the_rest(task)
            self._diary.note(task.project.owner.actor, ChangeTask(task_id=task.number, status="cancelled"))
            self.close(task, "cancelled")

    def wait(self, task: Task) -> None:
        """Somebody outside has to answer first, and takes weeks for it: nothing that the ledger is told."""
        task.waits_until = workday_after(self._diary.today, self._random.randint(20, 80))

    def leave(self, person: Person) -> None:
        """Hand everything on, then close the account."""
        for task in list(person.tasks):
            self._assign(task, self._choose(task), by=ADMIN)
        self._diary.note(ADMIN, ChangeUser(user_id=person.number, active=False))

    def _foresee(self, task: Task) -> None:
        """What will be done about the task besides the work, if it is still open then."""
        plan, chance = self._diary.plan, self._random.random
        if chance() < 0.08:
            plan(workday_after(task.begins, 2), self._hand_on, task)
        if chance() < 0.05:
            plan(task.due - DAY, self._put_off, task)
        if chance() < 0.05:
            plan(workday_after(task.begins, 1), self.cancel, task)
        if chance() < 0.04:
            plan(task.begins, self._hurry, task)
        if chance() < WAITING:
            plan(workday_after(task.begins, 1), self.wait, task)

    def _choose(self, task: Task) -> list[Person]:
        """Whoever of the team has the least to do, and sometimes a second person with them."""
        today = self._diary.today
        team = [person for person in task.project.team if person.is_there(today)]
        team = [one for one in team if one not in task.assignees] or team or self._staff.workers(today)
        chosen = min(team, key=lambda person: (len(person.tasks), person.number))
        others = [person for person in team if person is not chosen]
        if others and self._random.random() < 0.1:
            return [chosen, self._random.choice(others)]
        return [chosen]

    def _hand_out(self, task: Task) -> None:
        if task.project.takes_work and task.is_open and not task.assignees:
            self._assign(task, self._choose(task))

    def _hand_on(self, task: Task) -> None:
        if task.project.takes_work and task.is_open and task.assignees:
            self._assign(task, self._choose(task))

    def _assign(self, task: Task, chosen: Sequence[Person], by: Actor | None = None) -> None:
        self._book_the_rest(task)
        command = AssignTask(task_id=task.number, user_ids=numbers(chosen))
        if not task.is_estimated:
            task.is_estimated = True
            command = AssignTask(
                task_id=task.number, user_ids=numbers(chosen), estimated_centihours=task.estimate
            )
        self._diary.note(by or task.project.owner.actor, command)
        self._hand_to(task, chosen)

    def _hand_to(self, task: Task, chosen: Sequence[Person]) -> None:
        if task.assignees:
            task.assignees[0].tasks.remove(task)
        task.assignees = list(chosen)
        if chosen:
            line_up(task, chosen[0])

    def _put_off(self, task: Task) -> None:
        if task.project.takes_work and task.is_open:
            task.due = workday_after(task.due, self._random.randint(3, 10))
            command = ChangeTask(task_id=task.number, due_date=midnight(task.due))
            self._diary.note(task.project.owner.actor, command)

    def _hurry(self, task: Task) -> None:
        if task.project.takes_work and task.is_open and task.priority != "urgent":
            task.priority = "urgent"
            self._diary.note(task.project.owner.actor, ChangeTask(task_id=task.number, priority="urgent"))

    def _book_the_rest(self, task: Task) -> None:
        if task.worked > task.booked:
            self._diary.note(*booking(task))


def booking(task: Task) -> tuple[Actor, ChangeTask]:
    """All hours up to now; those of two people are booked by the owner, so that both get their share."""
    task.booked = task.worked
    lead, *others = task.assignees
    by = task.project.owner.actor if others else lead.actor
    return by, ChangeTask(task_id=task.number, actual_centihours=task.booked)


def line_up(task: Task, person: Person) -> None:
    """Put a task among those that a person has to do, in the order in which they begin."""
    insort(person.tasks, task, key=lambda one: (one.begins, one.number))


def numbers(people: Sequence[Person]) -> tuple[int, ...]:
    return tuple(person.number for person in people)
