"""What clients do to a ledger: nothing unusual, everything twice, all of them the same thing at once."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable
from typing import TYPE_CHECKING, Final

import orjson

from tests.faults.client_wire import Answer, Person, Wire
from tests.faults.operations import Operation
from tests.faults.repeats import Repeats
from tests.faults.schedules import Schedule
from tests.faults.visiting import new_project, visiting

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

QUIET_S: Final = 6.0
TWICE_FOR_S: Final = 8.0
TIMES_MAX: Final = 3
WRITERS: Final = 32
ROUNDS: Final = 12
REFUSED: Final = frozenset({0, 409, 412, 503})
"""What may become of a change that comes too late, or finds too much going on."""


async def nothing(lab: Lab) -> None:
    """What fails here fails without any fault."""
    lab.history.is_untouched = True
    lab.note("nothing is broken")
    await asyncio.sleep(QUIET_S)


async def repeat(lab: Lab) -> None:
    """Every read, and every write that makes something, arrives two or three times, at once or soon after."""
    links = [lab.links["client", server.name] for server in lab.servers]
    began = len(lab.history.operations)
    repeats = [link.repeat(lab.chance.randint(2, TIMES_MAX)) for link in links]
    lab.note("what reads and what makes something is sent more than once")
    lab.history.is_repeating = True
    await asyncio.sleep(TWICE_FOR_S)
    for link in links:
        link.repeats = None
    await asyncio.gather(*(each.settled() for each in repeats))
    _compare(lab, lab.history.operations[began:], repeats)


def _compare(lab: Lab, operations: Iterable[Operation], repeats: Iterable[Repeats]) -> None:
    """Where a request and its repetition were accepted, the answers are the same, byte for byte."""
    first = {each.key: each.command_answer.body for each in operations if each.command_answer}
    again = [(key, body) for each in repeats for key, body in each.accepted if key in first]
    assert again, "no write was repeated"
    other = [key for key, body in again if body != first[key]]
    assert not other, f"{len(other)} of {len(again)} repeated writes were answered otherwise, as {other[0]}"
    lab.note(f"{len(again)} writes were repeated and answered as the first time")


async def crowd(lab: Lab) -> None:
    """Many change one task at the same moment, from the same version: one of them at most may have it."""
    async with visiting(lab) as (wire, manager):
        task = await _new_task(wire, manager)
        lab.note(f"{WRITERS} writers change task {task} at once, {ROUNDS} times")
        won = [await _round(lab, wire, manager, task, number) for number in range(ROUNDS)]
    assert sum(won), "nobody could ever change the task"


async def _new_task(wire: Wire, manager: Person) -> int:
    path = f"/api/projects/{await new_project(wire, manager, 'Crowded')}/tasks"
    answer = await wire.insist(path, {"title": "Wanted"}, manager.headers(path))
    number: int = answer.data["task"]["id"]
    return number


async def _round(lab: Lab, wire: Wire, manager: Person, task: int, number: int) -> int:
    """How many won, which is told as wrong where it is more than one."""
    path, headers = f"/api/tasks/{task}", manager.headers("/")
    seen = await wire.ask(lab.servers[0].name, "GET", path, headers=headers)
    if seen.status != 200:
        return 0
    headers |= {"If-Match": seen.headers["ETag"]}
    bodies = [orjson.dumps({"title": f"Round {number}, writer {writer}"}) for writer in range(WRITERS)]
    answers: list[Answer] = await asyncio.gather(
        *(
            wire.ask(wire.servers[writer % 2], "PUT", path, body=body, headers=headers)
            for writer, body in enumerate(bodies)
        )
    )
    statuses = Counter(answer.status for answer in answers)
    assert statuses[200] <= 1, f"one version was changed more than once: {dict(statuses)}"
    assert statuses.keys() <= {200, *REFUSED}, f"changes of one version were answered {dict(statuses)}"
    return statuses[200]


SCHEDULES: Final = (
    Schedule("none", "nothing is broken", nothing, QUIET_S, is_short=True),
    Schedule(
        "requests-repeated",
        "reads, and writes that make something, arrive two or three times",
        repeat,
        9,
        is_short=True,
    ),
    Schedule("one-task", "32 writers change the same version of a task, 12 times", crowd, 8),
)
