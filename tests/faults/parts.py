"""A part of the ledger as a process to be killed, stopped and started again: a server or a projector."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

import psutil

from api.processes import end, last_line, own_python, spawn
from tests.faults.asking import get
from tests.running import free_port

READY_TIMEOUT_S: Final = 40.0
READY_INTERVAL_S: Final = 0.05
STOP_TIMEOUT_S: Final = 15.0

PROGRAM: Final[tuple[str, ...]] = ("api.cli",)
MUTANTS: Final = "tests.faults.mutants"
CRASH: Final = "crash:"
"""Begins the names of breaks that a process does not survive; healed ones have none."""


class Part:
    """`taskledger serve` or `taskledger project` as `name`; a projector has no ports.

    `program` is what Python is told to run, in front of the words of the command line. `mutant` names a
    deliberate break that is patched in when it is started the next time.
    """

    def __init__(self, name: str, command: str, folder: Path, environment: Mapping[str, str]) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self.environment = dict(environment)
        self.mutant: str | None = None
        self.program = PROGRAM
        self.port, self.forge_port = (free_port(), free_port()) if command == "serve" else (0, 0)
        self._words = (command, "--data", str(folder / name), *self._ports())
        self._process: subprocess.Popen[bytes] | None = None
        self._is_to_end = False
        self._is_to_crash = False
        self._deaths: list[str] = []

    @property
    def pid(self) -> int:
        assert self._process, f"{self.name} was never started"
        return self._process.pid

    @property
    def is_server(self) -> bool:
        return self.port > 0

    @property
    def is_running(self) -> bool:
        return self._process is not None and self._process.poll() is None

    @property
    def returncode(self) -> int | None:
        return self._process.poll() if self._process else None

    def said(self) -> str:
        """What it has written so far."""
        return self.log.read_text(errors="replace")

    async def start(self) -> None:
        """Start it, which takes a second or two until it is ready."""
        self._look_after()
        program = (MUTANTS, self.mutant, "--") if self.mutant else self.program
        command, environment = own_python("-m", *program, *self._words)
        self._process = await asyncio.to_thread(
            spawn, command, log=self.log, env=environment | self.environment
        )
        self._is_to_end = False
        self._is_to_crash = bool(self.mutant and self.mutant.startswith(CRASH))

    async def wait_ready(self, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Return once a server is ready; a projector is when it runs. Raises AssertionError, TimeoutError."""
        async with asyncio.timeout(timeout_s):
            while self.is_server and (await get(self.port, "/readyz")).status != 200:
                assert self.is_running, f"{self.name} ended: {last_line(self.log)}"
                await asyncio.sleep(READY_INTERVAL_S)
        assert self.is_running, f"{self.name} ended: {last_line(self.log)}"

    async def kill(self) -> None:
        """What `kill -9` does."""
        self._look_after()
        self._is_to_end = True
        await self._signal(signal.SIGKILL)
        await self.ended()

    async def ended(self, timeout_s: float = STOP_TIMEOUT_S) -> int:
        """Its exit code, as soon as it has ended by itself. Raises subprocess.TimeoutExpired."""
        assert self._process, f"{self.name} was never started"
        return await asyncio.to_thread(self._process.wait, timeout_s)

    def take_deaths(self) -> list[str]:
        """How it has ended though nobody had it end, a line for each time since this was asked last."""
        self._look_after()
        deaths, self._deaths = self._deaths, []
        return deaths

    def _look_after(self) -> None:
        """Remember an end that nobody wanted; a break that names a point is to end there, by SIGKILL."""
        code = self.returncode
        if code is None or self._is_to_end:
            return
        self._is_to_end = True
        if not (code == -signal.SIGKILL and self._is_to_crash):
            self._deaths.append(f"{self.name} ended with {code}: {last_line(self.log)}")

    async def suspend(self) -> None:
        """What `kill -STOP` does: it does nothing and says nothing, and its connections stay."""
        await self._signal(signal.SIGSTOP)

    async def resume(self) -> None:
        await self._signal(signal.SIGCONT)

    async def stop(self) -> None:
        """What Ctrl-C does, to one that may be suspended."""
        if self._process and self.is_running:
            self._is_to_end = True
            await self.resume()
            await asyncio.to_thread(end, self._process, (signal.SIGINT, STOP_TIMEOUT_S))

    def resources(self) -> dict[str, float]:
        """Resident bytes and open descriptors, of its children as well, and the connections that it opened.

        Descriptors are counted without connections: who opened these, a client or a pool, may keep them. One
        whose other end is gone counts as well, until its pool looks at it.
        """
        family = [psutil.Process(self.pid), *psutil.Process(self.pid).children(recursive=True)]
        connections = [
            each for one in family for each in one.net_connections("tcp") if each.status != psutil.CONN_LISTEN
        ]
        own_ports = (self.port, self.forge_port)
        return {
            "resident_bytes": float(sum(one.memory_info().rss for one in family)),
            "descriptors": float(sum(one.num_fds() for one in family) - len(connections)),
            "connections": float(sum(each.laddr.port not in own_ports for each in connections)),
        }

    async def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def _ports(self) -> Sequence[str]:
        return ("--port", str(self.port), "--taskforge-port", str(self.forge_port)) if self.port else ()
