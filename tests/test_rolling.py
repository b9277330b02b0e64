"""Processes that are replaced: on request, when they hang, and when they die; nobody's request fails."""

from __future__ import annotations

import http.client
import json
import os
import pty
import re
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest
import requests

from tests.running import ROOT, Running, free_ports, running, signed_in
from tests.test_up import until, wait_for

pytestmark = pytest.mark.timeout(300)

TAKEOVER_MAX_S = 5.0
REPLACED_MAX_S = 90.0


class Load:
    """Clients that ask again as soon as they have an answer, and give up at the first failure."""

    def __init__(self, ledger: Running) -> None:
        self.statuses: Counter[int] = Counter()
        self.failures: list[BaseException] = []
        self._port = ledger.port
        self._stop = threading.Event()
        session = signed_in(ledger.url)
        made = session.post(f"{ledger.url}/api/projects", json={"name": "Under load"})
        self._post = f"/api/projects/{made.json()['data']['project']['id']}/tasks"
        self._headers = {"Cookie": f"session={session.cookies['session']}"}
        self._pool = ThreadPoolExecutor(8)

    def __enter__(self) -> Load:
        for is_writer in (False, False, False, True, True):
            self._pool.submit(self._ask, is_writer, is_kept=True)
        for _ in range(3):
            self._pool.submit(self._ask, False, is_kept=False)
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._pool.shutdown()

    def _ask(self, is_writer: bool, *, is_kept: bool) -> None:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=20)
            while not self._stop.is_set():
                self.statuses[self._answer(connection, is_writer)] += 1
                if not is_kept:
                    connection.close()
            connection.close()
        except Exception as failure:  # noqa: BLE001 - the test tells of it
            self.failures.append(failure)

    def _answer(self, connection: http.client.HTTPConnection, is_writer: bool) -> int:
        if is_writer:
            headers = self._headers | {"Content-Type": "application/json"}
            connection.request("POST", self._post, json.dumps({"title": "T"}), headers)
        else:
            connection.request("GET", "/api/projects?per_page=10", headers=self._headers)
        answer = connection.getresponse()
        answer.read()
        return answer.status


def all_replaced(ledger: Running, times: int = 1) -> None:
    """Wait until all are, which takes several starts one after the other."""
    until(lambda: ledger.said().count("every process has been replaced") >= times, timeout_s=REPLACED_MAX_S)


def pids(ledger: Running) -> set[int]:
    return {process.pid for name in ("serve", "project") for process in ledger.descendants_named(name)}


@pytest.mark.parametrize(("workers", "processes"), [("1", 2), ("2", 4)])
def test_every_process_is_replaced_without_a_failed_request(
    tmp_path: Path, workers: str, processes: int
) -> None:
    with running(tmp_path / "data", "--workers", workers) as ledger:
        before = pids(ledger)
        assert len(before) == processes
        with Load(ledger) as load:
            time.sleep(1)
            ledger.process.send_signal(signal.SIGHUP)
            all_replaced(ledger)
            time.sleep(1)
        assert not load.failures
        assert load.statuses.keys() == {200, 201}
        assert load.statuses[201] > 10
        assert len(after := pids(ledger)) == processes
        assert not before & after
        # What was ended was ended in order.
        assert "starting it again" not in ledger.said()
        # And all of it can be done again.
        ledger.process.send_signal(signal.SIGHUP)
        all_replaced(ledger, times=2)


def test_a_new_process_that_cannot_start_leaves_the_old_ones_at_work(tmp_path: Path) -> None:
    data = tmp_path / "data"
    with running(data) as ledger:
        before = pids(ledger)
        key = data / "secrets" / "master.key"
        kept = key.read_text()
        key.write_text("nonsense")
        ledger.process.send_signal(signal.SIGHUP)
        said = wait_for(ledger, "those that have not been replaced go on")
        assert re.search("the new projector( 1)? ended: its messages stand above", said)
        assert pids(ledger) == before
        key.write_text(kept)
        assert signed_in(ledger.url).get(f"{ledger.url}/api/projects").status_code == 200
        ledger.process.send_signal(signal.SIGHUP)
        all_replaced(ledger)


def test_a_server_that_hangs_is_replaced(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        session, before = signed_in(ledger.url), pids(ledger)
        # They are started in the order of their numbers.
        server = min(ledger.descendants_named("serve"), key=psutil.Process.create_time)
        server.suspend()
        wait_for(ledger, "the server 1 has shown no life for 10 s and was ended")
        # The connection waited meanwhile, and nobody was told that there is no server.
        assert session.get(f"{ledger.url}/api/projects", timeout=30).status_code == 200
        wait_for(ledger, "starting it again")
        until(lambda: len(pids(ledger) - {server.pid}) == len(before))


@pytest.mark.parametrize("ending", [signal.SIGKILL, signal.SIGSTOP])
def test_the_spare_takes_over_from_a_projector_that_dies_or_hangs(
    tmp_path: Path, ending: signal.Signals
) -> None:
    with running(tmp_path / "data", "--workers", "2") as ledger:
        session = signed_in(ledger.url)
        (holder,) = holders(ledger)
        os.kill(holder, ending)
        ended_at = time.monotonic()
        while True:
            made = session.post(f"{ledger.url}/api/projects", json={"name": "P"})
            assert made.status_code == 201
            if "X-Read-Model" not in made.headers:
                break
        # An answer waits up to 2 s for the read model before it says that it is behind.
        assert time.monotonic() - ended_at < TAKEOVER_MAX_S + 2
        until(lambda: holders(ledger) not in (set(), {holder}))


def holders(ledger: Running) -> set[int]:
    """The process ids of those who say that they hold the lease."""
    answer = requests.get(f"{ledger.url}/metrics", timeout=5).text
    found = re.findall(
        r'^taskledger_projector_is_holder\{[^}]*process="[^"]*:(\d+)"[^}]*\} 1', answer, re.MULTILINE
    )
    return {int(pid) for pid in found}


def test_a_projector_with_a_spare(tmp_path: Path, empty_database_url: str, redis_url: str) -> None:
    secrets = {"TASKLEDGER_MASTER_KEY": "ab" * 32, "TASKLEDGER_JWT_SECRET": "ba" * 32}
    projector = Running(["project", "--spare"], 0, tmp_path / "projector")
    projector.environment = {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url} | secrets
    arguments = [sys.executable, "-P", "-m", "api.cli", "migrate"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)} | projector.environment
    subprocess.run(arguments, check=True, env=environment, capture_output=True)
    projector.start()
    try:
        until(lambda: len(projector.descendants_named("project")) == 2)
        wait_for(projector, "projector_holds_the_lease")
    finally:
        projector.stop()
    assert projector.process.returncode == 0


def test_a_terminal_that_is_closed_stops_everything(tmp_path: Path) -> None:
    """SIGHUP without a terminal is no wish to be replaced."""
    master, terminal = pty.openpty()
    arguments = [sys.executable, "-P", "-m", "api.cli", "up", "--data", str(tmp_path / "data"), *free_ports()]
    # The session's leader is the one that a closed terminal tells.
    leader = "import fcntl, os, sys, termios; os.setsid(); fcntl.ioctl(0, termios.TIOCSCTTY, 0)"
    output = tmp_path / "said"
    with output.open("wb") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", f"{leader}; os.execv(sys.argv[1], sys.argv[1:])", *arguments],
            stdin=terminal,
            stdout=said,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONPATH": str(ROOT)},
        )
    os.close(terminal)
    try:
        until(lambda: "Try next" in output.read_text())
        family = psutil.Process(process.pid).children(recursive=True)
        os.close(master)
        assert process.wait(timeout=30) == 0
        assert "stopping" in output.read_text()
        assert not psutil.wait_procs(family, timeout=5)[1]
    finally:
        process.kill()
        process.wait()
