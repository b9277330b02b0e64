"""Processes that stop, die or hang: connections are answered by those that live, or refused at once."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from api import rolling, workers
from api.rolling import rolled
from api.workers import Worker
from tests.running import ROOT, Running, running
from tests.test_rolling import all_replaced
from tests.test_up import until, wait_for

pytestmark = pytest.mark.timeout(180)

BODY = b'{"username": "nobody", "password": "wrong"}'

DRAINING_S = 1.0
NOTICED_S = 0.3
"""A death is seen at once; a busy machine takes its time."""

SLOWEST_S = 0.8
"""Shorter than the pause before a process is started again and that start take together."""


class Strangers:
    """Clients with a new connection for each question; what happened to those that were connected."""

    def __init__(self, ledger: Running) -> None:
        self.outcomes: Counter[str] = Counter()
        self._port = ledger.port
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._ask) for _ in range(4)]

    def __enter__(self) -> Strangers:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _ask(self) -> None:
        while not self._stop.is_set():
            try:
                connected = socket.create_connection(("127.0.0.1", self._port), timeout=20)
            except OSError as error:
                self.outcomes[type(error).__name__] += 1
                time.sleep(0.01)
                continue
            self.outcomes[answer_of(connected)] += 1


def answer_of(connected: socket.socket) -> str:
    with connected:
        try:
            connected.sendall(b"GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = connected.recv(1000)
        except OSError as error:
            return f"{type(error).__name__} after it was connected"
    return answer[9:12].decode() or "closed without an answer"


@pytest.mark.parametrize("number", ["1", "2"])
def test_a_stop_answers_who_is_connected_and_refuses_who_comes_later(tmp_path: Path, number: str) -> None:
    with running(tmp_path / "data", "--workers", number) as ledger:
        slow = [half_asked(ledger) for _ in range(8)]
        with Strangers(ledger) as strangers:
            time.sleep(DRAINING_S)
            ledger.process.send_signal(signal.SIGTERM)
            time.sleep(DRAINING_S)
            assert ledger.process.poll() is None, "it waits for the requests that are under way"
            for one in slow:
                one.sendall(BODY[-1:])
            assert [ended(one) for one in slow] == [b"HTTP/1.1 401"] * len(slow)
            ledger.process.wait(timeout=30)
        assert strangers.outcomes.keys() == {"200", "ConnectionRefusedError"}
        assert strangers.outcomes["200"] > 20
        assert ledger.process.returncode == 0


def ended(connected: socket.socket) -> bytes:
    """How the answer begins."""
    with connected:
        return connected.recv(20)[:12]


def half_asked(ledger: Running) -> socket.socket:
    """A connection with a request that is under way until its last byte comes."""
    connected = socket.create_connection(("127.0.0.1", ledger.port), timeout=20)
    head = "POST /api/auth/login HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    connected.sendall(f"{head}Content-Length: {len(BODY)}\r\n\r\n".encode() + BODY[:-1])
    return connected


def test_who_connects_while_one_of_two_servers_is_dead_is_served_by_the_other(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--workers", "2") as ledger:
        # It is ready as soon as the first of them serves.
        until(lambda: times_serving(ledger) == 2)
        dead = ledger.descendants_named("serve")[0]
        dead.kill()
        time.sleep(NOTICED_S)
        took_s = []
        for _ in range(40):
            began_at = time.monotonic()
            with socket.create_connection(("127.0.0.1", ledger.port), timeout=20) as connected:
                assert answer_of(connected) == "200"
            took_s.append(time.monotonic() - began_at)
        assert max(took_s) < SLOWEST_S
        until(lambda: len(ledger.descendants_named("serve")) == 2)
        until(lambda: times_serving(ledger) == 3)
        # The new one has sockets of its own, and every connection is served.
        with Strangers(ledger) as strangers:
            time.sleep(DRAINING_S)
        assert strangers.outcomes.keys() == {"200"}


def times_serving(ledger: Running) -> int:
    """How many server processes have said that they serve, in either format of the log."""
    return ledger.said().count(" serving ") + ledger.said().count('"serving"')


def test_a_new_projector_that_dies_before_it_takes_over_ends_the_replacing(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--workers", "2") as ledger:
        old = {process.pid for process in ledger.descendants_named("project")}
        servers = {process.pid for process in ledger.descendants_named("serve")}
        ledger.process.send_signal(signal.SIGHUP)
        until(lambda: bool({process.pid for process in ledger.descendants_named("serve")} - servers))
        for process in ledger.descendants_named("project"):
            if process.pid not in old:
                process.kill()
        said = wait_for(ledger, "those that have not been replaced go on")
        assert re.search(r"the new projector [12] ended", said)
        assert {process.pid for process in ledger.descendants_named("project")} == old
        assert {process.pid for process in ledger.descendants_named("serve")} == servers
        ledger.process.send_signal(signal.SIGHUP)
        all_replaced(ledger)


@pytest.fixture
def hanging(tmp_path: Path) -> Iterator[Worker]:
    """A part whose next process hangs as soon as it is told to go."""
    worker = Worker("projector", ("project", "--data", str(tmp_path / "data")))
    before = worker.prepare_successor

    def prepare_successor() -> workers.Child:
        successor = before()
        successor.process.send_signal(signal.SIGSTOP)
        return successor

    worker.prepare_successor = prepare_successor  # type: ignore[method-assign]
    yield worker
    worker.stop()


def test_a_new_process_that_hangs_is_told_of_and_ended(
    hanging: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(workers, "START_TIMEOUT_S", 2.0)
    monkeypatch.setattr(rolling, "TELL_INTERVAL_S", 0.5)
    said: list[str] = []
    successors = set()
    for _ in rolled([hanging], [], said.append):
        successors |= {process.pid for process in psutil.Process().children()}
        time.sleep(0.1)
    assert "waiting for the new projector to be ready, for 1 s by now" in said
    assert said[-1] == (
        "the new projector has shown no life for 2 s; those that have not been replaced go on"
    )
    assert not [pid for pid in successors if psutil.pid_exists(pid) and is_project(pid)]


def is_project(pid: int) -> bool:
    return "project" in psutil.Process(pid).cmdline()


PREPARED_UNDER_SIGNALS = """
import os, signal, sys
from api.opening import settings_for, folder_at
from api.embedded import Servers
from api.signals import Stopped, listened_to
from api.up import prepared
from pathlib import Path
found = Servers(os.environ["DATABASE_URL"], os.environ["REDIS_URL"])
settings = settings_for(found, folder_at(Path(sys.argv[1])), os.environ, "development")
with listened_to() as asked:
    signal.setitimer(signal.ITIMER_REAL, float(sys.argv[2]))
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with asked.held():
            prepared(settings, os.environ)
            # In one piece: `print` writes the end of the line apart, and a signal may come in between.
            sys.stdout.write("prepared\\n")
        signal.pause()
    except Stopped:
        sys.exit(7)
"""


@pytest.mark.parametrize("delay_s", [0.02, 0.1, 0.2, 0.3])
def test_ctrl_c_while_the_database_is_prepared_stops_right_after_it_and_says_nothing_else(
    tmp_path: Path, empty_database_url: str, redis_url: str, delay_s: float
) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", PREPARED_UNDER_SIGNALS, str(tmp_path / "data"), str(delay_s)],
        env=os.environ
        | {"PYTHONPATH": str(ROOT), "DATABASE_URL": empty_database_url, "REDIS_URL": redis_url},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ended.returncode, ended.stderr) == (7, "")
    assert sorted(ended.stdout.split()) == ["prepared", "stopping…"]
