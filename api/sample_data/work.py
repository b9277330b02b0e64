"""The daily work: tasks begun, hours spent and booked now and then, tasks completed, some opened again."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Final

from api.sample_data.people import Person
from api.sample_data.steps import Diary
from api.sample_data.tasks import Board, Task, booking, line_up
from api.sample_data.vocabulary import COMPLETION_NOTES
from api.sample_data.workdays import DAY
from commands.tasks import ChangeTask

QUARTER: Final = 25
"""Hours (hundredths) are worked in quarters of an hour."""

EVENING_S: Final = (15 * 3600, 17 * 3600 + 1800)
SESSION_MIN: Final = 50
AT_HAND_MIN: Final = 600
ABSENT: Final = 0.08
"""How often somebody is ill or on holiday."""


class Work:
    """Hours are hundredths. Everybody tells in the evening what they did: one thing a day for each task."""

    def __init__(self, random: Random, diary: Diary, board: Board) -> None:
        self._random, self._diary, self._board = random, diary, board

    def day(self, person: Person) -> None:
        """A day of one person's work. What was done, and what is begun next, is told in the evening."""
        if self._random.random() < ABSENT:
            return
        left = self._random.choice((400, 450, 500, 550, 600, 650))
        second = self._random.randrange(*EVENING_S)
        for task in self._in_hand(person):
            if left >= SESSION_MIN:
                hours = min(left, task.needed - task.worked)
                left -= hours
                second = self._work_on(task, second, hours)
        self._begin_next(person, second)

    def _in_hand(self, person: Person) -> list[Task]:
        """What a person has begun and can go on with."""
        today = self._diary.today
        return [one for one in person.tasks if one.status == "in_progress" and one.can_be_worked_on(today)]

    def _work_on(self, task: Task, second: int, hours: int) -> int:
        """The second of the day at which the next thing may be told."""
        task.worked += hours
        if task.worked >= task.needed:
            self._complete(task, second)
        elif self._random.random() < 0.4:
            self._diary.note_at(second, *booking(task))
        return second + self._random.randrange(20, 120)

    def _begin_next(self, person: Person, second: int) -> None:
        """Take so much in hand that there is work for tomorrow."""
        at_hand = sum(task.needed - task.worked for task in self._in_hand(person))
        for task in person.tasks:
            if at_hand >= AT_HAND_MIN or task.begins > self._diary.today + DAY:
                return
            if task.status == "pending" and task.can_be_worked_on(self._diary.today):
                task.status = "in_progress"
                at_hand += task.needed
                command = ChangeTask(task_id=task.number, status="in_progress")
                self._diary.note_at(second, person.actor, command)
                second += self._random.randrange(20, 120)

    def _complete(self, task: Task, second: int) -> None:
        by, hours = booking(task)
        notes = self._random.choice(COMPLETION_NOTES)
        self._diary.note_at(second, by, replace(hours, status="completed", completion_notes=notes))
        self._board.close(task, "completed")
        if self._random.random() < 0.02:
            self._diary.plan(self._diary.today + DAY, self._reopen, task)

    def _reopen(self, task: Task) -> None:
        """Somebody found something that does not work yet."""
        if not task.project.takes_work or not task.assignees[0].is_there(self._diary.today):
            return
        task.status = "in_progress"
        task.needed += QUARTER * self._random.randint(2, 8)
        task.project.open_tasks += 1
        line_up(task, task.assignees[0])
        self._diary.note(task.project.owner.actor, ChangeTask(task_id=task.number, status="in_progress"))
