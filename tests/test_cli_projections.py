"""`taskledger projections …` as processes, beside a running ledger: what operators see and do."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from redis import Redis

from api.data_folder import DataFolder
from api.opening import opened
from readmodels.documents import Ref
from readmodels.keys import Keys
from tests.audit import differences_from_fold
from tests.golden.cli import must_be_golden
from tests.running import ROOT, UNLIMITED, Running, running, second_server, signed_in

pytestmark = pytest.mark.timeout(240)
WITHIN_S = 60.0
VARYING = (
    "id", "head", "position", "done", "total", "events", "events_per_s", "expected_s", "keys", "generation",
    "log_bytes", "redis_bytes", "redis_max_bytes", "from_generation", "to_generation",
    "by", "asked_by", "differences",
)  # fmt: skip
PROJECTS = 12
TASKS = 900
READS_MIN = 10_000


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Ledger:
    data: Path
    server: Running
    session: requests.Session

    def begin(self, *words: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "api.cli", *words, "--data", str(self.data)],
            env=os.environ | UNLIMITED | {"PYTHONPATH": str(ROOT)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: str) -> Said:
        process = self.begin(*words)
        out, err = process.communicate(timeout=120)
        assert "Traceback" not in err
        return Said(process.returncode, out, err)

    def projections(self, *words: str) -> Said:
        return self.run("projections", *words)

    def status(self) -> Any:
        """As `status --json`, over HTTP: asked often, without a new process each time."""
        answer = self.session.get(f"{self.server.url}/ops/api/projections")
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]["projections"]

    def told_status(self) -> Any:
        """By the command: a server whose read model stands still answers nobody for long."""
        return self.projections("status", "--json").json

    def current(self) -> int:
        (current,) = (each["generation"] for each in self.status()["generations"] if each["is_current"])
        return int(current)

    @contextmanager
    def redis(self) -> Iterator[Redis]:
        with opened(DataFolder(self.data), os.environ, "development") as settings:
            client = Redis.from_url(settings.redis_url)
            try:
                yield client
            finally:
                client.close()

    def make_wrong(self, ref: Ref) -> str:
        """Change a name where servers look it up, unless they have done so already; the right one."""
        with self.redis() as redis:
            key = Keys(self.current()).document(ref)
            found: Any = redis.get(key)
            held = json.loads(found)
            redis.set(key, json.dumps(held | {"name": "Made up"}))
            return str(held["name"])


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ledger]:
    """A running ledger with the history of a company, in which nobody writes but the tests."""
    data = tmp_path_factory.mktemp("projections") / "data"
    with running(data) as server:
        made = Ledger(data, server, signed_in(server.url))
        words = ("--projects", str(PROJECTS), "--tasks", str(TASKS), "--until", "2025-06-30")
        assert made.run("sample-data", *words).code == 0
        until(lambda: made.status()["generations"][0]["lag_events"] == 0)
        yield made


def until(condition: Any, within_s: float = WITHIN_S) -> None:
    deadline = time.monotonic() + within_s
    while not condition():
        assert time.monotonic() < deadline, "it did not come to that in time"
        time.sleep(0.02)


def name_of(session: Any, url: str, number: int) -> str:
    answer = session.get(f"{url}/api/projects/{number}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["data"]["project"]["name"])


def test_status_and_a_plan(ledger: Ledger) -> None:
    found = ledger.projections("status", "--json")
    assert found.code == 0
    shown = must_be_golden("projections_status", found.out, ("head", "position", "generation"))
    assert shown["generations"][0]["is_current"]
    table = ledger.projections("status")
    assert "generation" in table.out
    head = ledger.status()["head"]
    planned = ledger.projections("rebuild", "--dry-run", "--reason", "to see", "--json")
    assert must_be_golden("projections_plan", planned.out, VARYING)["events"] == head
    assert ledger.status()["head"] == head, "a plan records nothing"


def test_what_somebody_made_wrong_is_named_and_mended_and_rolled_back(ledger: Ledger) -> None:
    session = signed_in(ledger.server.url)
    before = ledger.current()
    assert ledger.projections("verify", "--documents", "50").code == 0
    right = ledger.make_wrong(Ref("project", "3"))
    assert name_of(session, ledger.server.url, 3) == "Made up"

    sampled = ledger.projections("verify", "--documents", "1000", "--json")
    assert sampled.code == 5
    assert [each["name"] for each in sampled.json["listed"]] == ["project:3"]
    verified = ledger.projections("verify", "--all", "--json")
    assert verified.code == 5
    must_be_golden("projections_verify", verified.out, VARYING)

    refused = ledger.projections("rebuild", "--reason", "the name is wrong", "--json")
    assert (refused.code, refused.json["state"]) == (5, "kept")
    assert name_of(session, ledger.server.url, 3) == "Made up"
    assert ledger.projections("verify", "--all").code == 4, "the one that is kept must not be lost"
    done = ledger.projections("rebuild", "--switch-if", "always", "--reason", "it is wrong", "--json")
    assert done.code == 0, done.err
    must_be_golden("projections_rebuild", done.out, VARYING)
    until(lambda: name_of(session, ledger.server.url, 3) == right)

    back = ledger.projections("rollback", "--reason", "to see", "--json")
    assert back.code == 0, back.err
    must_be_golden("projections_rollback", back.out, VARYING)
    assert back.json == {"from_generation": done.json["generation"], "to_generation": before}
    until(lambda: name_of(session, ledger.server.url, 3) == "Made up")
    assert ledger.projections("rollback", "--reason", "and forth").code == 0
    until(lambda: name_of(session, ledger.server.url, 3) == right)


def test_paused_nothing_is_folded_also_after_a_restart(ledger: Ledger) -> None:
    paused = ledger.projections("pause", "--reason", "Redis is being moved", "--json")
    assert (paused.code, "resume" in paused.err) == (0, True)
    shown = must_be_golden("projections_pause", paused.out, VARYING)
    assert shown["paused"] == ledger.told_status()["paused"]
    assert ledger.projections("pause", "--reason", "again").code == 4
    killed = ledger.server.descendants_named("project")
    for projector in killed:
        projector.kill()
    until(lambda: len({*ledger.server.descendants_named("project")} - {*killed}) == len(killed))
    session = signed_in(ledger.server.url)
    answer = session.post(f"{ledger.server.url}/api/projects", json={"name": "Meanwhile"})
    assert (answer.status_code, answer.headers.get("X-Read-Model")) == (201, "behind")
    status = ledger.told_status()
    assert status["paused"]["reason"] == "Redis is being moved"
    assert status["generations"][0]["lag_events"] >= 1
    resumed = ledger.projections("resume", "--reason", "it is back", "--json")
    assert resumed.code == 0, resumed.err
    must_be_golden("projections_resume", resumed.out)
    assert ledger.projections("resume", "--reason", "again").code == 4
    until(lambda: ledger.told_status()["generations"][0]["lag_events"] == 0)
    assert ledger.told_status()["paused"] is None


def test_wrong_usage_changes_nothing(ledger: Ledger) -> None:
    assert ledger.projections("rebuild").code == 2
    assert ledger.projections("rebuild", "--reason", "  ").code == 2
    assert ledger.projections("rebuild", "--reason", "x", "--switch-if", "perhaps").code == 2
    assert ledger.projections("cancel", "--reason", "x").code == 2
    assert ledger.projections("cancel", "--reason", "x", "--yes").code == 3
    assert ledger.projections("verify", "--documents", "0").code == 2
    assert ledger.run("projections").code == 2


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGKILL])
def test_interrupted_or_killed_it_goes_on_and_ends_alike(ledger: Ledger, ending: signal.Signals) -> None:
    before = ledger.current()
    process = ledger.begin("projections", "rebuild", "--reason", "broken off", "--fresh")
    until(lambda: (ledger.status()["rebuild"] or {}).get("reason") == "broken off")
    process.send_signal(ending)
    process.communicate(timeout=60)
    if ending is signal.SIGINT:
        assert process.returncode in (0, 130)
    done = ledger.projections("rebuild", "--reason", "once more", "--json")
    assert done.code == 0, done.err
    assert done.json["report"]["differences"] == 0
    assert ledger.current() == done.json["generation"] != before
    assert differences_from_fold(ledger.data) == []


def test_cancelled_from_elsewhere_nothing_is_left(ledger: Ledger) -> None:
    """The projector works on it, as asked for over HTTP; with a live one that differs it stays to be seen."""
    session = signed_in(ledger.server.url)
    before = ledger.current()
    ledger.make_wrong(Ref("project", "4"))
    url = f"{ledger.server.url}/ops/api/projections"
    asked = session.post(f"{url}/rebuild", json={"reason": "to see"})
    assert asked.status_code == 202, asked.text
    until(lambda: session.get(url).json()["data"]["projections"]["rebuild"]["state"] == "kept")
    number = asked.json()["data"]["rebuild"]["generation"]
    cancelled = ledger.projections("cancel", "--reason", "seen", "--yes", "--json")
    assert cancelled.code == 0, cancelled.err
    must_be_golden("projections_cancel", cancelled.out, VARYING)
    with ledger.redis() as redis:
        assert not [*redis.scan_iter(f"{Keys(number).prefix}*")]
        assert [*redis.scan_iter(f"{Keys(before).prefix}*", count=1000)]
    assert ledger.current() == before
    assert ledger.projections("rebuild", "--switch-if", "always", "--reason", "mended").code == 0


def test_reads_under_load_are_old_or_new_and_writes_are_seen_on_every_server(ledger: Ledger) -> None:
    """Readers and writers on two server processes, while readers of the log are sent to and fro."""
    other = second_server(ledger.data).wait_until_ready()
    urls = (ledger.server.url, other.url)
    stop, wrong = threading.Event(), list[str]()
    counted = [0] * 6
    try:
        threads = [
            threading.Thread(target=keep_reading, args=(urls, place, counted, wrong, stop))
            for place in range(4)
        ]
        threads += [
            threading.Thread(target=keep_writing, args=(urls, place, counted, wrong, stop))
            for place in (4, 5)
        ]
        for thread in threads:
            thread.start()
        switches = 0
        deadline = time.monotonic() + 180
        while sum(counted[:4]) < READS_MIN or min(counted) <= 20 or switches < 3:
            assert time.monotonic() < deadline, (counted, switches)
            words = ("rebuild", "--switch-if", "always") if switches % 2 == 0 else ("rollback",)
            said = ledger.projections(*words, "--reason", "under load")
            assert said.code == 0, said.err
            switches += 1
    finally:
        stop.set()
        for thread in threads:
            thread.join()
        other.stop()
    assert wrong == []
    assert min(counted) > 20
    assert differences_from_fold(ledger.data) == []


def keep_reading(
    urls: tuple[str, str], place: int, counted: list[int], wrong: list[str], stop: threading.Event
) -> None:
    """What nobody changes is answered as it always was."""
    url = urls[place % 2]
    session = signed_in(url)
    paths = ("/api/projects/5", "/api/projects/5/tasks?limit=20", "/api/projects/6/risks")
    old = [shape(session.get(url + path)) for path in paths]
    while not stop.is_set():
        for path, expected in zip(paths, old, strict=True):
            seen = shape(session.get(url + path))
            if seen != expected:
                wrong.append(f"{path}: {str(seen)[:300]}")
            counted[place] += 1


def shape(answer: Any) -> Any:
    body = answer.json()
    return answer.status_code, body.get("data"), body.get("pagination")


def keep_writing(
    urls: tuple[str, str], place: int, counted: list[int], wrong: list[str], stop: threading.Event
) -> None:
    """What is written by one server is read from the other one in the next moment."""
    here, there = urls if place % 2 else urls[::-1]
    writer, reader = signed_in(here), signed_in(there)
    project = writer.post(f"{here}/api/projects", json={"name": f"Of writer {place}"}).json()["data"][
        "project"
    ]["id"]
    while not stop.is_set():
        name = f"Name {counted[place]}"
        answer = writer.put(f"{here}/api/projects/{project}", json={"name": name})
        if answer.status_code != 200:
            wrong.append(f"PUT: {answer.text[:300]}")
        seen = reader.get(f"{there}/api/projects/{project}")
        if seen.status_code != 200 or seen.json()["data"]["project"]["name"] != name:
            wrong.append(f"read after {name}: {seen.text[:300]}")
        counted[place] += 1
        time.sleep(0.01)
