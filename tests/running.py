"""TaskLedger as its users run it: a process group of its own, on free ports and a data folder."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import cycle
from pathlib import Path

import psutil
import requests

ROOT = Path(__file__).parent.parent
READY_TIMEOUT_S = 60.0
PORTS = range(20_000, 32_000)
"""Systems take higher ones for who connects, and so might take one before a server has it, or has it back."""


def own_ports() -> Iterator[int]:
    """Ports that neither another worker of this run of the tests names, nor the system for who connects."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    ports = PORTS[worker::workers]
    # Other runs at the same time most probably are elsewhere.
    at = random.SystemRandom().randrange(len(ports))
    return cycle([*ports[at:], *ports[:at]])


_ports = own_ports()


def free_port() -> int:
    """One on which nobody listens; the next call names another one."""
    return next(filter(is_free, _ports))


def is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind(("127.0.0.1", port))
        return True
    return False


def free_ports() -> tuple[str, str, str, str]:
    """Options of `up` and `serve` that name a free port for each API."""
    return "--port", str(free_port()), "--taskforge-port", str(free_port())


@dataclass
class Running:
    """One `taskledger …` process and all that it started; port 0 for one that has none.

    `prefix` is a command to run it under, `environment` what it gets besides this process' own.
    """

    arguments: list[str]
    port: int
    output: Path
    prefix: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    forge_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] = field(init=False)

    def start(self) -> Running:
        environment = os.environ | {"PYTHONPATH": str(ROOT)} | self.environment
        ports = ["--port", str(self.port), "--taskforge-port", str(self.forge_port)] if self.port else []
        with self.output.open("ab") as output:
            self.process = subprocess.Popen(
                [*self.prefix, sys.executable, "-P", "-m", "api.cli", *self.arguments, *ports],
                stdout=output,
                stderr=output,
                stdin=subprocess.DEVNULL,
                env=environment,
                start_new_session=True,
            )
        return self

    @property
    def url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def forge_url(self) -> str:
        return f"http://localhost:{self.forge_port}"

    def wait_until_ready(self) -> Running:
        deadline = time.monotonic() + READY_TIMEOUT_S
        while time.monotonic() < deadline:
            if self.process.poll() is not None:
                raise AssertionError(f"ended with {self.process.returncode}:\n{self.said()}")
            with contextlib.suppress(requests.RequestException):
                if requests.get(f"{self.url}/readyz", timeout=2).status_code == 200:
                    return self
            time.sleep(0.05)
        # Whoever asks for it ready has nothing yet to stop it by.
        self.kill_group()
        raise AssertionError(f"not ready after {READY_TIMEOUT_S} s:\n{self.said()}")

    def said(self) -> str:
        return self.output.read_text(errors="replace")

    def descendants(self) -> list[psutil.Process]:
        with contextlib.suppress(psutil.NoSuchProcess):
            return psutil.Process(self.process.pid).children(recursive=True)
        return []

    def descendants_named(self, word: str) -> list[psutil.Process]:
        """Those with `word` as their name or in their command line; who ends meanwhile is none of them."""
        found = []
        for process in self.descendants():
            with contextlib.suppress(psutil.NoSuchProcess):
                if word in (process.name(), *process.cmdline()):
                    found.append(process)
        return found

    def kill_group(self) -> None:
        """What `kill -9 -PGID` does: the servers, the projector and their supervisor at once."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()

    def kill_everything(self) -> None:
        """As if the machine lost power: Postgres and Valkey die in the same moment."""
        family = self.descendants()
        self.kill_group()
        for process in family:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(family, timeout=10)

    def stop(self) -> None:
        """What Ctrl-C does. Whatever does not stop by itself within 30 s fails the test."""
        if self.process.poll() is not None:
            return
        family = self.descendants()
        self.process.send_signal(signal.SIGINT)
        self.process.wait(timeout=30)
        _, alive = psutil.wait_procs(family, timeout=5)
        for process in alive:
            process.kill()
        assert not alive, f"left behind: {alive}"


WORKERS = os.environ.get("TEST_WORKERS", "1")
"""How many server processes `up` shall start where a test does not say: clients must not notice."""

UNLIMITED = {"TASKLEDGER_RATE_LIMITS": "off"}
"""Tests ask more in a minute than people do."""


def up(
    data: Path, *more: str, port: int | None = None, environment: Mapping[str, str] = UNLIMITED
) -> Running:
    """`taskledger up` on `data`, not yet ready; without limits unless another environment is given."""
    output = data.parent / f"{data.name}.log"
    arguments = ["up", "--data", str(data), "--workers", WORKERS, *more]
    return Running(arguments, port or free_port(), output, environment=dict(environment)).start()


def second_server(data: Path, *, environment: Mapping[str, str] = UNLIMITED) -> Running:
    """One more server process on the data of a running `up`."""
    output = data.parent / f"{data.name}.second.log"
    arguments = ["serve", "--data", str(data)]
    return Running(arguments, free_port(), output, environment=dict(environment)).start()


@contextlib.contextmanager
def running(
    data: Path, *more: str, port: int | None = None, environment: Mapping[str, str] = UNLIMITED
) -> Iterator[Running]:
    """`taskledger up`, ready; stopped as Ctrl-C would at the end."""
    ledger = up(data, *more, port=port, environment=environment)
    try:
        yield ledger.wait_until_ready()
    finally:
        ledger.stop()


def signed_in(url: str, username: str = "admin", password: str = "admin123") -> requests.Session:
    """A client session that has logged in."""
    session = requests.Session()
    answer = session.post(f"{url}/api/auth/login", json={"username": username, "password": password})
    assert answer.status_code == 200, answer.text
    return session
