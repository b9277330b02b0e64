"""Recording a history in a ledger: its steps become commands, in waves of such as can go together."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from itertools import islice
from typing import Any, Final

from api.sample_data.steps import Made, Step
from commands.accounts import RegisterUser
from commands.context import Actor
from commands.departments import CreateDepartment
from commands.dispatcher import Decided, Dispatcher
from commands.projects import ChangeProject
from commands.registry import HANDLERS
from commands.users import ChangeUser
from events.event import Event
from events.instants import Instant, instant, moment, now
from events.log import Metadata

WAVE_MAX: Final = 256
BLOCK_MAX: Final = 2_000
"""For so many steps ids are drawn at a time."""

SOURCE: Final = Metadata(dialect="cli")

KINDS: Final[Mapping[str, str]] = {
    "user_id": "user",
    "owner_id": "user",
    "assigned_to": "user",
    "user_ids": "user",
    "department_id": "department",
    "project_id": "project",
    "task_id": "task",
    "risk_id": "risk",
    "expense_id": "expense",
}
"""What each field refers to."""

REFERENCES: Final = {
    command: tuple((one.name, KINDS[one.name]) for one in fields(command) if one.name in KINDS)
    for command in HANDLERS
}
"""By command: the fields that refer to something, and to what."""

PLANNED: Final = frozenset({"start_date", "end_date", "due_date"})

ALONE: Final = (CreateDepartment, RegisterUser)
"""They look at names, which have to be read first, and reading takes a different time each time."""

APART: Final = (ChangeUser, ChangeProject)
"""They change what others look at without naming it: a task's project, and those who work on it."""


@dataclass
class Recorder:
    """Sends steps to a ledger, those of a wave at once, and in an order that does not depend on luck.

    `ids` holds the ledger's number of what is there already. With `at_its_time` each step is
    recorded at its own moment, else at the present, with plans put off by `put_off`. `usernames`
    has the first of each role.
    """

    dispatcher: Dispatcher
    ids: dict[Made, int]
    at_its_time: bool = True
    put_off: timedelta = timedelta()
    topics: Counter[str] = field(default_factory=Counter)
    usernames: dict[str, str] = field(default_factory=dict)
    first_position: int = 0
    last_position: int = 0
    last_moment: Instant = ""

    @property
    def events(self) -> int:
        return self.topics.total()

    async def record(self, steps: Iterable[Step], after_wave: Callable[[Step], bool]) -> None:
        """Record what is not there already; `after_wave` gets the last step and says whether to go on.

        Raises the first error of a wave, when the whole wave is over.
        """
        remaining = iter(step for step in steps if step.makes not in self.ids)
        while block := list(islice(remaining, BLOCK_MAX)):
            for kind, count in Counter(step.makes.kind for step in block if step.makes).items():
                await self.dispatcher.draw_ahead(kind, count)
            for wave in waves(block):
                await self._record_wave(wave)
                if not after_wave(wave[-1]):
                    return

    async def _record_wave(self, wave: list[Step]) -> None:
        outcomes = await asyncio.gather(*map(self._dispatch, wave), return_exceptions=True)
        for step, outcome in zip(wave, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                raise outcome
            self._note(step, outcome)

    async def _dispatch(self, step: Step) -> Decided:
        return await self.dispatcher.dispatch(
            resolved(step.command, self.ids, self.put_off),
            Actor(self.ids[Made("user", step.by.id)], step.by.role),
            SOURCE,
            now=step.at if self.at_its_time else now(),
            recorded_at=step.at if self.at_its_time else None,
        )

    def _note(self, step: Step, decided: Decided) -> None:
        self.topics.update(event.TOPIC for event in decided.events)
        if decided.position is not None and decided.recorded_at is not None:
            self.first_position = self.first_position or decided.position - len(decided.events) + 1
            self.last_position = max(self.last_position, decided.position)
            self.last_moment = max(self.last_moment, decided.recorded_at)
        if isinstance(step.command, RegisterUser):
            self.usernames.setdefault(step.command.role, step.command.username)
        if step.makes:
            self.ids[step.makes] = made_id(step.makes.kind, decided.events)


def waves(steps: Iterable[Step], wave_max: int = WAVE_MAX) -> Iterator[list[Step]]:
    """The steps in their order, cut before each that has to wait for one before it."""
    wave: list[Step] = []
    written: set[Made] = set()
    seen: set[Made] = set()
    for step in steps:
        sees, writes = refers_to(step.command), step.makes or changed_by(step.command)
        meets = writes in seen or not written.isdisjoint(sees)
        if wave and (meets or len(wave) == wave_max or _apart(wave[-1], step)):
            yield wave
            wave, written, seen = [], set(), set()
        wave.append(step)
        written.add(writes)
        seen.update(sees)
    if wave:
        yield wave


def changed_by(command: Any) -> Made:
    """What a command is about that makes nothing new."""
    handler = HANDLERS[type(command)]
    assert handler.kind
    return Made(handler.kind.STREAM, getattr(command, handler.key))


def _apart(before: Step, step: Step) -> bool:
    if isinstance(before.command, ALONE) or isinstance(step.command, ALONE):
        return True
    return isinstance(before.command, APART) is not isinstance(step.command, APART)


def refers_to(command: Any) -> list[Made]:
    """The things that a command names."""
    found = []
    for name, kind in REFERENCES[type(command)]:
        value = getattr(command, name)
        found += [Made(kind, number) for number in _numbers(value)]
    return found


def resolved(command: Any, ids: Mapping[Made, int], put_off: timedelta) -> Any:
    """The command with the ledger's numbers for the history's, and its plans put off."""
    changes: dict[str, Any] = {}
    for name, kind in REFERENCES[type(command)]:
        value = getattr(command, name)
        if numbers := [ids[Made(kind, number)] for number in _numbers(value)]:
            changes[name] = tuple(numbers) if isinstance(value, tuple) else numbers[0]
    for name in PLANNED if put_off else ():
        value = getattr(command, name, None)
        if isinstance(value, str):
            changes[name] = instant(moment(value) + put_off)
    return replace(command, **changes)


def _numbers(value: object) -> tuple[int, ...]:
    """None for a field that is not set."""
    if isinstance(value, tuple):
        return value
    return (value,) if isinstance(value, int) else ()


def made_id(kind: str, events: Iterable[Event]) -> int:
    """The ledger's number of what a command made."""
    return next(int(getattr(event, event.ID)) for event in events if kind == event.STREAM)
