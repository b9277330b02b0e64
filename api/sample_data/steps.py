"""One step of a history: who asks for what, and when; and the diary that a made-up day is noted in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any, Final, NamedTuple

from api.sample_data.workdays import DAY, moment_of, workday_from
from commands.context import Actor
from events.instants import Instant

MORNING_S: Final = (8 * 3600, 10 * 3600 + 1500)
"""Planning is done before the others begin to work."""


class Made(NamedTuple):
    """Something that the history makes, under its number there: the ledger has numbers of its own."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True)
class Step:
    """Numbers in `by` and `command` are the history's own; user 0 is the admin who is there already."""

    at: Instant
    by: Actor
    command: object
    makes: Made | None = None


class Diary:
    """What is to be done on which morning, and what was done today; the steps of a day come out in order."""

    def __init__(self, random: Random, today: date) -> None:
        self.today = today
        self._random = random
        self._plans: defaultdict[date, list[Callable[[], None]]] = defaultdict(list)
        self._made: Counter[str] = Counter()
        self._morning: list[tuple[Actor, object, Made | None]] = []
        self._day: list[Step] = []

    def plan(self, day: date, action: Callable[..., None], *about: Any) -> None:
        """Do something on the morning of a day; tomorrow when that has begun, on a workday in any case."""
        day = workday_from(max(day, self.today + DAY))
        self._plans[day].append(lambda: action(*about))

    def begin(self, day: date) -> None:
        """Turn the page, and do what was planned for this morning."""
        self.today = day
        for action in self._plans.pop(day, ()):
            action()

    def number(self, kind: str) -> int:
        """The next number for things of a kind."""
        self._made[kind] += 1
        return self._made[kind]

    def note(self, by: Actor, command: object, makes: Made | None = None) -> None:
        """Somebody asks for something this morning, after what is noted already."""
        self._morning.append((by, command, makes))

    def note_new(self, kind: str, by: Actor, command: object) -> int:
        """As `note`, for a command that makes something; its number."""
        made = Made(kind, self.number(kind))
        self.note(by, command, made)
        return made.number

    def note_at(self, second: int, by: Actor, command: object) -> None:
        """Somebody asks for something at a second of today, after the morning."""
        assert second > MORNING_S[1]
        self._day.append(Step(moment_of(self.today, second), by, command))

    def steps(self) -> list[Step]:
        """Today's steps in the order of time; the diary is ready for the next day."""
        begin, end = MORNING_S
        seconds = sorted(self._random.randrange(begin, end) for _ in self._morning)
        steps = [
            Step(moment_of(self.today, second), *noted)
            for second, noted in zip(seconds, self._morning, strict=True)
        ]
        steps += sorted(self._day, key=lambda step: step.at)
        self._morning, self._day = [], []
        return steps
