"""What the process that projects does besides folding: the index of events, and loading a long log."""

from __future__ import annotations

import socket
import subprocess
from dataclasses import replace

import pytest

from api import projecting
from api.settings import Settings
from events.index_blocks import BLOCK
from events.store import Append
from events.tasks import TaskStatusChanged
from projections import bulk_team
from projections.bulk import BulkSettings
from projections.follower import RunnerSettings
from readmodels.connecting import connect
from tests.http import Taskflow
from tests.projecting import is_the_fold_of_the_log, until

SMALL = BulkSettings(events_min=100, range_events=80, buckets=3, documents_max=20)


async def happened_to_a_task(ledger: Taskflow, events: int) -> int:
    """A task that changes its status so often; the end of the log."""
    await ledger.admin.made("/api/projects", {"name": "Bridge"})
    await ledger.admin.made("/api/projects/1/tasks", {"title": "Dig"})
    changes = [
        (TaskStatusChanged(1, ("completed", "in_progress")[version % 2]), version)
        for version in range(2, 2 + events)
    ]
    for start in range(0, events, 50):
        await ledger.core.store.append(Append(f"changes-{start}", tuple(changes[start : start + 50])))
    return await ledger.core.store.head()


async def test_the_index_of_events_is_filled_beside_the_read_model(taskflow: Taskflow) -> None:
    end = await happened_to_a_task(taskflow, BLOCK)

    async def listed() -> dict[str, int]:
        answer = await taskflow.admin.get("/ops/api/events", params={"limit": "1"})
        assert answer.status == 200, answer.raw
        return answer.data

    async def is_indexed() -> bool:
        return (await listed())["indexed_to"] == BLOCK

    await until(is_indexed, within_s=20)
    assert (await listed())["head"] == end > BLOCK


async def test_a_long_log_comes_into_an_empty_redis_by_processes(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    end = await happened_to_a_task(taskflow, 300)
    await taskflow.stop_projector()
    redis = connect(taskflow.core.settings.redis_url)
    await redis.flushdb()
    begun: list[subprocess.Popen[bytes]] = []
    start, settings = bulk_team.start, projecting.runner_settings

    def counted(channel: socket.socket) -> subprocess.Popen[bytes]:
        begun.append(start(channel))
        return begun[-1]

    def loading_sooner(known: Settings) -> RunnerSettings:
        return replace(settings(known), loading=SMALL)

    monkeypatch.setattr(bulk_team, "start", counted)
    monkeypatch.setattr(projecting, "runner_settings", loading_sooner)
    taskflow.start_projector()

    async def is_there() -> bool:
        return await taskflow.core.model.position() >= end

    await until(is_there, within_s=60)
    assert len(begun) == SMALL.workers
    assert all(process.returncode is not None for process in begun)
    await is_the_fold_of_the_log(redis, taskflow.core.settings.database_url, taskflow.core.store)
    await redis.aclose()
