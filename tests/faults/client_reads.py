"""What clients of the lab read: things that they have written, at once, on any server."""

from __future__ import annotations

import random
from collections.abc import Mapping
from typing import Any, Final

import orjson

from tests.faults.client_things import Thing, difference, shown, text_of
from tests.faults.client_wire import Answer, Wire
from tests.faults.operations import History, Reading

RECENT: Final = 50
"""Of how many things, the latest ones, most reads are: there the read model may lag."""

RECENT_SHARE: Final = 0.7
DEMANDING_SHARE: Final = 0.6
LIST_SHARE: Final = 0.2
STATUS_OK: Final = 200


class Reads:
    """Reads by the dice of the trial; what came of them goes into `history`."""

    def __init__(
        self, wire: Wire, things: Mapping[str, list[Thing]], history: History, chance: random.Random
    ) -> None:
        self._wire = wire
        self._things = things
        self._history = history
        self._chance = chance

    async def next(self) -> None:
        """One read of something that was acknowledged: it is there, with its latest change or a later one.

        Most say which position they demand; the others are their writer's own, who need not say it.
        """
        kinds = [kind for kind, some in self._things.items() if some]
        thing = self._one_of(self._things[self._chance.choice(kinds)])
        if thing.kind == "project" and thing.tasks and self._chance.random() < LIST_SHARE:
            await self._read_list(thing)
            return
        demanded = thing.position if self._chance.random() < DEMANDING_SHARE else None
        server, known = self._chance.choice(self._wire.servers), thing.acknowledged
        answer = await self._wire.ask(server, "GET", thing.path, headers=self._headers(thing, demanded))
        self._history.readings.append(self.reading(thing, answer, demanded, server=server, known=known))

    async def _read_list(self, project: Thing) -> None:
        """The list of a project's tasks: it has as many at least as were acknowledged before."""
        least, position = project.tasks, project.position
        server, path = self._chance.choice(self._wire.servers), f"{project.path}/tasks"
        answer = await self._wire.ask(server, "GET", path, headers=self._headers(project, position))
        reading = self._reading(server, path, answer, position, about=f"tasks of {project.name}")
        if answer.status == STATUS_OK:
            total = _total(answer)
            reading.shows = total >= least
            reading.says = f"{total} tasks instead of {least} at least"
        self._history.readings.append(reading)

    def reading(
        self,
        thing: Thing,
        answer: Answer,
        demanded: int | None,
        *,
        server: str = "",
        known: int | None = None,
        expected: Mapping[str, Any] | None = None,
    ) -> Reading:
        """What an answer shows of a thing: `expected`, or else the text at place `known` or a later one."""
        reading = self._reading(server, thing.path, answer, demanded, about=thing.name)
        if answer.status != STATUS_OK:
            return reading
        found = shown(thing.kind, thing.path, answer)
        if expected is not None:
            reading.says = difference(expected, found)
            reading.shows = not reading.says
        else:
            texts = thing.texts[known or 0 :]
            reading.shows = text_of(thing.kind, found) in texts
            reading.operation = texts[0]
            reading.says = f"{text_of(thing.kind, found)} instead of {' or '.join(texts)}"
        return reading

    def _reading(
        self, server: str, path: str, answer: Answer, demanded: int | None, *, about: str
    ) -> Reading:
        position = demanded if answer.status == STATUS_OK else None
        return Reading(
            server, path, answer.sent_at_s, answer.took_s, answer.status, demanded, position, about=about
        )

    def _headers(self, thing: Thing, demanded: int | None) -> dict[str, str]:
        more = {} if demanded is None else {"X-Min-Position": str(demanded)}
        return thing.owner.headers(thing.path) | more

    def _one_of(self, things: list[Thing]) -> Thing:
        recent = self._chance.random() < RECENT_SHARE
        return self._chance.choice(things[-RECENT:] if recent else things)


def _total(answer: Answer) -> int:
    return int(orjson.loads(answer.body)["pagination"]["total"])
