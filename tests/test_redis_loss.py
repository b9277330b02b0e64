"""Losing the read model loses nothing: reads say 503 for a moment, writes go on, all comes back."""

from __future__ import annotations

import threading
import time
from collections import Counter
from pathlib import Path

import pytest
import requests

from tests.audit import differences_from_fold, flush_read_model
from tests.running import Running, running, signed_in


@pytest.mark.timeout(180)
def test_flushall_under_load_heals_by_itself_and_refuses_no_write(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        session = signed_in(ledger.url)
        project = new_project(session, ledger)
        writes: Counter[int] = Counter()
        reads: Counter[tuple[int, bool]] = Counter()
        stop = threading.Event()
        threads = [
            threading.Thread(target=keep_writing, args=(ledger.url, project, writes, stop)),
            threading.Thread(target=keep_reading, args=(ledger.url, project, reads, stop)),
        ]
        for thread in threads:
            thread.start()
        for _ in range(3):
            time.sleep(0.7)
            flush_read_model(tmp_path / "data")
        healed_within(session, ledger, project, seconds=20)
        stop.set()
        for thread in threads:
            thread.join()
        assert set(writes) == {201}, writes
        # Never an empty success and never a false 404: only the project, or "not now".
        assert set(reads) <= {(200, True), (503, False)}, reads
        assert reads[(200, True)] > 0
        total = session.get(f"{ledger.url}/api/projects/{project}/tasks").json()["pagination"]["total"]
        assert total == writes[201]
        assert differences_from_fold(tmp_path / "data") == []


def new_project(session: requests.Session, ledger: Running) -> int:
    answer = session.post(f"{ledger.url}/api/projects", json={"name": "Flushed"})
    number: int = answer.json()["data"]["project"]["id"]
    return number


def keep_writing(url: str, project: int, statuses: Counter[int], stop: threading.Event) -> None:
    session = signed_in(url)
    while not stop.is_set():
        answer = session.post(f"{url}/api/projects/{project}/tasks", json={"title": "On we go"})
        statuses[answer.status_code] += 1


def keep_reading(url: str, project: int, seen: Counter[tuple[int, bool]], stop: threading.Event) -> None:
    session = signed_in(url)
    while not stop.is_set():
        answer = session.get(f"{url}/api/projects/{project}")
        found = answer.json().get("data", {}).get("project", {}).get("id") == project
        seen[(answer.status_code, found)] += 1
        time.sleep(0.005)


def healed_within(session: requests.Session, ledger: Running, project: int, seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while session.get(f"{ledger.url}/api/projects/{project}").status_code != 200:
        assert time.monotonic() < deadline, "the read model did not come back"
        time.sleep(0.02)
