"""The whole history of the made-up company, day by day: the same plan tells the same story."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random

from api.sample_data.people import Staff
from api.sample_data.plan import Plan
from api.sample_data.projects import Projects
from api.sample_data.steps import Diary, Step
from api.sample_data.tasks import Board
from api.sample_data.work import Work
from api.sample_data.workdays import DAY


def history(plan: Plan) -> Iterator[Step]:
    """The steps in the order of time. Nothing but the plan decides what they are."""
    random = Random(plan.seed)  # noqa: S311 - a story, no secret
    diary = Diary(random, plan.first_day - DAY)
    staff = Staff(plan, random, diary)
    board = Board(random, diary, staff)
    work = Work(random, diary, board)
    diary.plan(plan.first_day, staff.found, board.leave)
    Projects(plan, random, diary, staff, board).found()
    for day in plan.days:
        diary.begin(day)
        for person in staff.there(day) or [staff.admin]:
            work.day(person)
        yield from diary.steps()
