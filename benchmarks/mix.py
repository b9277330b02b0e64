"""What people ask a server in the course of a day, as requests in an endless turn."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count, cycle
from random import Random
from typing import Final

import orjson

from benchmarks.load import MakeRequest, always, in_turn, request
from benchmarks.visitor import TASK, Visitor

TURN: Final = 100
"""Requests until the same kinds of requests come again, in the same order."""


def busy_hour(visitor: Visitor, project_ids: Sequence[int]) -> MakeRequest:
    """Half of them lists of projects, four of ten a project, one of ten a new task in one."""
    growing, read = parted(project_ids)
    listed = request("GET", "/api/projects?per_page=10", visitor.headers)
    details = [request("GET", f"/api/projects/{each}", visitor.headers) for each in read]
    return shuffled({always(listed): 50, in_turn(details): 40, new_tasks(visitor, growing): 10})


def long_day(visitor: Visitor, project_ids: Sequence[int], task_ids: Sequence[int]) -> MakeRequest:
    """Reads of everything, searches that nobody made before, things that are not there, and some changes."""
    growing, read = parted(project_ids)
    paths = [
        *(f"/api/projects?per_page=10&page={page}" for page in (1, 2, 3)),
        *(f"/api/projects/{each}" for each in read),
        *(f"/api/projects/{each}/tasks" for each in read),
        *(f"/api/tasks/{each}" for each in task_ids),
        "/api/reports/budget-analysis",
        "/api/users/1/stats",
        "/api/projects/999999999",
        "/api/nothing/here",
    ]
    reads = [request("GET", path, visitor.headers) for path in paths]
    return shuffled(
        {
            in_turn(reads): 89,
            searches(visitor): 5,
            changes(visitor, task_ids): 5,
            new_tasks(visitor, growing): 1,
        }
    )


def parted(project_ids: Sequence[int]) -> tuple[Sequence[int], Sequence[int]]:
    """Projects that get the new tasks, and those that are read, whose answers do not grow therefore."""
    middle = len(project_ids) // 3
    return project_ids[:middle], project_ids[middle:]


def shuffled(shares: dict[MakeRequest, int]) -> MakeRequest:
    """Each in its share of every TURN, in an order that is always the same."""
    turn = [make for make, share in shares.items() for _ in range(share)]
    assert len(turn) == TURN, "shares are percentages"
    Random(6).shuffle(turn)
    turns = cycle(turn)

    def make() -> bytes:
        return next(turns)()

    return make


def searches(visitor: Visitor) -> MakeRequest:
    numbers = count()
    return lambda: request("GET", f"/api/projects?q=never{next(numbers)}", visitor.headers)


def new_tasks(visitor: Visitor, project_ids: Sequence[int]) -> MakeRequest:
    numbers = count()

    def make() -> bytes:
        number = next(numbers)
        path = f"/api/projects/{project_ids[number % len(project_ids)]}/tasks"
        return request("POST", path, visitor.headers, orjson.dumps({"title": f"Task {number}"} | TASK))

    return make


def changes(visitor: Visitor, task_ids: Sequence[int]) -> MakeRequest:
    numbers = count()

    def make() -> bytes:
        number = next(numbers)
        path = f"/api/tasks/{task_ids[number % len(task_ids)]}"
        return request("PUT", path, visitor.headers, orjson.dumps({"title": f"Task, said anew {number}"}))

    return make
