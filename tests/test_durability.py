"""Killed at any moment, nothing that was acknowledged is lost and no command is there by half."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import requests

from tests.audit import commands_by_half, differences_from_fold
from tests.running import Running, free_port, running, signed_in, up

ROUNDS = 10
WRITERS = 6


@dataclass
class Acknowledged:
    """What clients were told is done: each task's title and, where it was changed, its hours."""

    tasks: dict[int, dict[str, object]] = field(default_factory=dict)
    failed: list[str] = field(default_factory=list)


@pytest.mark.timeout(400)
def test_ten_kills_under_load_lose_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    chance = random.Random(20260101)
    acknowledged = Acknowledged()
    port = free_port()
    for turn in range(ROUNDS):
        ledger = up(tmp_path / "data", port=port)
        try:
            load = start_load(ledger.wait_until_ready(), turn, acknowledged)
            time.sleep(chance.uniform(0.3, 1.2))
        except BaseException:
            ledger.kill_everything()
            raise
        # Every other time the databases die with the servers; else they survive as orphans.
        ledger.kill_everything() if turn % 2 else ledger.kill_group()
        for writer in load:
            writer.join()
    with running(tmp_path / "data", port=port) as ledger:
        check(ledger, acknowledged, tmp_path / "data")


def start_load(ledger: Running, turn: int, acknowledged: Acknowledged) -> list[threading.Thread]:
    project = new_project(ledger, turn)
    writers = [
        threading.Thread(
            target=write, args=(signed_in(ledger.url), ledger.url, project, f"{turn}/{name}", acknowledged)
        )
        for name in range(WRITERS)
    ]
    for writer in writers:
        writer.start()
    return writers


def new_project(ledger: Running, turn: int) -> int:
    answer = signed_in(ledger.url).post(f"{ledger.url}/api/projects", json={"name": f"Round {turn}"})
    assert answer.status_code == 201, answer.text
    number: int = answer.json()["data"]["project"]["id"]
    return number


def write(session: requests.Session, url: str, project: int, name: str, acknowledged: Acknowledged) -> None:
    """Create tasks with hours booked and change them until the server is gone."""
    for number in range(10_000):
        try:
            create_and_change(session, url, project, f"{name}/{number}", acknowledged)
        except requests.RequestException:
            return


def create_and_change(
    session: requests.Session, url: str, project: int, title: str, acknowledged: Acknowledged
) -> None:
    new = {"title": title, "actual_hours": 1.5, "assigned_to": [1]}
    answer = session.post(f"{url}/api/projects/{project}/tasks", json=new, timeout=10)
    if not acknowledge(answer, 201, title, acknowledged):
        return
    task = answer.json()["data"]["task"]["id"]
    acknowledged.tasks[task] = {"title": title}
    change = {"status": "completed", "actual_hours": 2.25, "completion_notes": title}
    answer = session.put(f"{url}/api/tasks/{task}", json=change, timeout=10)
    if acknowledge(answer, 200, title, acknowledged):
        acknowledged.tasks[task] = {"title": title, **change}


def acknowledge(answer: requests.Response, status: int, title: str, acknowledged: Acknowledged) -> bool:
    """A server that is just dying may say 503; anything else unexpected fails the test."""
    if answer.status_code not in (status, 503):
        acknowledged.failed.append(f"{title}: {answer.status_code} {answer.text}")
    return answer.status_code == status


def check(ledger: Running, acknowledged: Acknowledged, data: Path) -> None:
    assert not acknowledged.failed, acknowledged.failed[:3]
    assert len(acknowledged.tasks) > ROUNDS * WRITERS
    session = signed_in(ledger.url)
    for number, expected in acknowledged.tasks.items():
        task = session.get(f"{ledger.url}/api/tasks/{number}").json()["data"]["task"]
        if len(expected) == 1:
            # The change after it was not acknowledged: it may be there whole, or not at all.
            assert (task["status"], task["actual_hours"]) in (("pending", 1.5), ("completed", 2.25))
        assert expected.items() <= task.items()
    assert commands_by_half(data) == []
    assert differences_from_fold(data) == []
