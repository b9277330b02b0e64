"""Who works in the made-up company, who comes and goes, and who has time for another task."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date
from random import Random
from typing import TYPE_CHECKING, Final

from api.sample_data.plan import Plan
from api.sample_data.steps import Diary, Made
from api.sample_data.vocabulary import DEPARTMENTS, FIRST_NAMES, LAST_NAMES
from api.sample_data.workdays import workday_from
from commands.accounts import RegisterUser
from commands.context import Actor
from commands.departments import CreateDepartment
from commands.users import ChangeUser

if TYPE_CHECKING:
    from api.sample_data.tasks import Task

ADMIN: Final = Actor(0, "admin")
USERS_PER_MANAGER: Final = 5
USERS_PER_DEPARTMENT: Final = 4
RAISE: Final = 103
"""Per cent of the old rate, every January."""


@dataclass(eq=False)
class Person:
    """`tasks` are those that are open, in the order in which they are to be begun."""

    actor: Actor
    rate_cents: int
    joins: date
    department: int | None = None
    leaves: date | None = None
    tasks: list[Task] = field(default_factory=list)

    @property
    def number(self) -> int:
        return self.actor.id

    def is_there(self, day: date) -> bool:
        return self.joins <= day and (self.leaves is None or day < self.leaves)


class Staff:
    """Everybody, in the order of their numbers; with nobody else the admin does the work."""

    def __init__(self, plan: Plan, random: Random, diary: Diary) -> None:
        self._plan, self._random, self._diary = plan, random, diary
        self._departments = min(len(DEPARTMENTS), -(-plan.users // USERS_PER_DEPARTMENT))
        self.people: list[Person] = []
        self.admin = Person(ADMIN, 0, plan.first_day)

    def found(self, leave: Callable[[Person], None]) -> None:
        """Note down how the company begins, and what will happen to its people."""
        for name, description in DEPARTMENTS[: self._departments]:
            self._diary.note_new("department", ADMIN, CreateDepartment(name=name, description=description))
        for number, (first, last) in enumerate(names(self._plan), 1):
            person = self._person(number)
            self.people.append(person)
            if person.joins == self._plan.first_day:
                self._join(person, first, last)
            else:
                self._diary.plan(person.joins, self._join, person, first, last)
            if person.leaves:
                self._diary.plan(person.leaves, leave, person)
        for year in range(self._plan.first_day.year + 1, self._plan.until.year + 1):
            self._diary.plan(date(year, 1, 2), self._raise_rates)
        for person in self.people[8::9]:
            self._diary.plan(self._plan.day(0.5), self._move, person)

    def there(self, day: date) -> list[Person]:
        return [person for person in self.people if person.is_there(day)]

    def managers(self, day: date) -> list[Person]:
        """Those who may own a project that begins on a day."""
        found = [one for one in self.there(day) if one.actor.role == "manager"]
        return found or [self.admin]

    def workers(self, day: date) -> list[Person]:
        """Those who do the tasks, as far as there are enough people for that."""
        there = self.there(day)
        return [one for one in there if one.actor.role == "user"] or there or [self.admin]

    def _person(self, number: int) -> Person:
        """Every fifth is a manager, beginning with the first; some come late, and some leave."""
        role = "manager" if number % USERS_PER_MANAGER == 1 else "user"
        if number % 20 == 12:
            role = "admin"
        joins, leaves = self._plan.first_day, None
        if role == "user" and number % 4 == 0:
            joins = workday_from(self._plan.day(self._random.uniform(0.1, 0.6)))
        if role == "user" and number % 7 == 0:
            leaves = self._plan.day(self._random.uniform(0.7, 0.9))
        rate_cents = 100 * self._random.randrange(42, 80) + (3000 if role != "user" else 0)
        department = number % self._departments + 1
        return Person(Actor(number, role), rate_cents, joins, department, leaves)

    def _join(self, person: Person, first: str, last: str) -> None:
        username = username_of(first, last, self._plan.suffix)
        command = RegisterUser(
            username=username,
            email=email_of(username),
            password_hash=self._plan.password_hash,
            role=person.actor.role,
            department_id=person.department,
            first_name=first.rstrip("0123456789"),
            last_name=last.rstrip("0123456789"),
            hourly_rate_cents=person.rate_cents,
        )
        self._diary.note(ADMIN, command, Made("user", person.number))

    def _raise_rates(self) -> None:
        for person in self.there(self._diary.today):
            person.rate_cents = person.rate_cents * RAISE // 100
            self._diary.note(ADMIN, ChangeUser(user_id=person.number, hourly_rate_cents=person.rate_cents))

    def _move(self, person: Person) -> None:
        if person.is_there(self._diary.today) and self._departments > 1:
            assert person.department is not None
            person.department = person.department % self._departments + 1
            self._diary.note(ADMIN, ChangeUser(user_id=person.number, department_id=person.department))


def names(plan: Plan) -> Iterator[tuple[str, str]]:
    """First and last names, as many as there are users, all different: when used up they bear numbers."""
    every = [(first, last) for first in FIRST_NAMES for last in LAST_NAMES]
    Random(plan.seed).shuffle(every)  # noqa: S311 - a story, no secret
    for place in range(plan.users):
        round_, one = divmod(place, len(every))
        first, last = every[one]
        yield first, f"{last}{round_ + 1}" if round_ else last


def username_of(first: str, last: str, suffix: str) -> str:
    return f"{first}-{last}".lower() + suffix


def email_of(username: str) -> str:
    """A domain that belongs to nobody."""
    return f"{username}@example.com"
