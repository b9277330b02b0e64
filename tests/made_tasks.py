"""Task documents out of nothing, written into read models without a history, for tests of searching."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from redis.asyncio import Redis

from projections.encoding import commands_of
from projections.writer import Move, Writer
from readmodels.changes import Changes
from readmodels.documents import Document, Ref
from readmodels.kinds import TASK
from readmodels.memory import MemoryModel
from readmodels.model import Page, Query
from readmodels.redis import RedisModel

MOMENT = "2025-01-01T00:00:00.000000Z"


def made_task(number: int, title: str = "", **fields: Any) -> Document:
    """A task in no project; what is not given is empty."""
    return {
        "id": number,
        "version": 1,
        "created": number,
        "updated": number,
        "project_id": None,
        "creator_id": 1,
        "title": title,
        "description": "",
        "priority": "medium",
        "status": "pending",
        "due_date": None,
        "estimated_centihours": None,
        "actual_centihours": None,
        "assignee_ids": [],
        "tag_ids": [],
        "assigned_at": {},
        "started_at": None,
        "promised_date": None,
        "credits": {},
        "bookings": {},
        "completion_notes": "",
        "cost_cents": 0,
        "deleted": False,
        "in_closed_project": False,
        "created_at": MOMENT,
        "updated_at": MOMENT,
        "completed_at": None,
    } | fields


class Writing:
    """Writes tasks as a projection does, so that nothing but changes reaches Redis."""

    def __init__(self, redis: Redis, generation: int) -> None:
        self.tasks: dict[int, Document] = {}
        self.position = 0
        self.state = "filling"
        self._writer = Writer(redis, generation, timeout_s=60)

    async def begin(self) -> None:
        await self._writer.seize(1)
        await self._writer.clear("log")

    async def put(self, tasks: Iterable[Document], gone: Iterable[int] = (), *, times: int = 1) -> Changes:
        """Write tasks, and remove some, in one batch that moves the position by one; maybe `times` over."""
        changes = Changes()
        after: Mapping[int, Document | None] = {**{task["id"]: task for task in tasks}, **dict.fromkeys(gone)}
        for number, task in after.items():
            changes.replace(TASK, Ref("task", str(number)), self.tasks.get(number), task)
        self.tasks |= {number: task for number, task in after.items() if task is not None}
        for number in gone:
            self.tasks.pop(number, None)
        for _ in range(times):
            await self._apply(changes)
        return changes

    async def _apply(self, changes: Changes) -> None:
        now, self.position = self.position, self.position + 1
        move = Move(self.state, now, "ready", self.position, f"event-{self.position}", MOMENT)
        await self._writer.apply(list(commands_of(changes, self._writer.keys)), move)
        self.state = "ready"


class Both:
    """The same tasks in memory and in Redis, asked together."""

    def __init__(self, redis: Redis, generation: int) -> None:
        self.memory = MemoryModel()
        self.stored = RedisModel(redis, generation, timeout_s=30)
        self.writing = Writing(redis, generation)

    async def begin(self) -> None:
        await self.writing.begin()

    async def put(self, tasks: Iterable[Document], gone: Iterable[int] = ()) -> None:
        changes = await self.writing.put(tasks, gone)
        self.memory.apply(changes, self.writing.position, MOMENT)

    async def page(self, query: Query) -> Page:
        """What both answer, which must be the same."""
        stored = await self.stored.page(query)
        assert stored == await self.memory.page(query), query
        return stored
