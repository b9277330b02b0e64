"""A write before it is sent, and what all of them are made with: people, things, keys and dice."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from tests.faults.client_things import Thing
from tests.faults.client_wire import Person
from tests.faults.operations import Operation

TRIES_MAX: Final = 8
"""How many things are looked at for one that nobody is just changing."""


@dataclass(slots=True)
class Draft:
    """A write before it is sent: by whom, with what besides the key, and what it makes or changes.

    `new` is the kind of what it makes, `thing` what it changes; `parent` is the project that it stands in.
    `under_way` counts its attempts that nobody has answered yet.
    """

    operation: Operation
    person: Person
    new: str = ""
    thing: Thing | None = None
    parent: Thing | None = None
    headers: dict[str, str] = field(default_factory=dict)
    under_way: int = 0

    @property
    def text(self) -> str:
        """The text of its own that it writes, if it writes one."""
        names = ("title", "name", "description")
        return next((str(self.operation.sent[name]) for name in names if name in self.operation.sent), "")


class Drafting:
    """Makes drafts by the dice of the trial; `things` are all that were made so far, by kind.

    Keys begin with `run`, which no other trial on the same ledger has.
    """

    def __init__(self, people: Sequence[Person], chance: random.Random, run: str) -> None:
        self.people = people
        self.things: dict[str, list[Thing]] = {}
        self._chance = chance
        self._run = run
        self._number = 0

    def _change(
        self, kind: str, method: str, path: str, sent: dict[str, Any], topics: tuple[str, ...], thing: Thing
    ) -> Draft:
        draft = self._draft(kind, path, sent, topics, thing.owner, method=method, thing=thing)
        thing.busy_with = draft.operation.key
        draft.operation.takes_key = kind == "assign task"
        draft.operation.about = thing.name
        if draft.text:
            thing.texts.append(draft.text)
        return draft

    def _draft(
        self,
        kind: str,
        path: str,
        sent: dict[str, Any],
        topics: tuple[str, ...],
        person: Person,
        *,
        method: str = "POST",
        **more: Any,
    ) -> Draft:
        key = f"{self._run}-{self._number:06}"
        expected = {_shown_as(name): value for name, value in sent.items()}
        return Draft(Operation(key, kind, method, path, sent, expected, topics), person, **more)

    def _key(self) -> str:
        """The next key, which is also the text of its own that a write bears."""
        self._number += 1
        return f"{self._run}-{self._number:06}"

    def _person(self) -> Person:
        return self._chance.choice(self.people)

    def _amount(self) -> float:
        return self._chance.randrange(1, 100_000) / 4

    def _team(self, but: object = None) -> list[int]:
        """Some people, in no order; another team than `but`."""
        ids = [person.id for person in self.people]
        team = self._chance.sample(ids, self._chance.randint(1, 2))
        return team if team != but else [each for each in ids if each not in team][:1]

    def _any(self, kind: str) -> Thing | None:
        found = self.things.get(kind)
        return self._chance.choice(found) if found else None

    def _idle(self, fits: Callable[[Thing], bool], kind: str = "task") -> Thing | None:
        for _ in range(TRIES_MAX):
            thing = self._any(kind)
            if thing and not thing.is_busy and fits(thing):
                return thing
        return None


def _shown_as(name: str) -> str:
    return {"assigned_to": "assignees"}.get(name, name)
