"""What is done to the processes of a database server, whichever of the two it is."""

from __future__ import annotations

import os
import signal
from contextlib import suppress
from typing import Final

import psutil

from api.embedded_postgres import Postgres
from api.embedded_valkey import Valkey

KILL_TIMEOUT_S: Final = 10.0

Node = Postgres | Valkey


def runs(node: Node) -> bool:
    return node.process is not None and node.process.poll() is None


def started(node: Node) -> None:
    """Run it until it answers; it may run already, and be recovering."""
    if not runs(node):
        node.start()
    node.wait_ready()


def kill(node: Node) -> None:
    """What `kill -9` of every one of its processes does."""
    processes = family(node)
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    psutil.wait_procs(processes, timeout=KILL_TIMEOUT_S)
    if node.process:
        node.process.wait(KILL_TIMEOUT_S)


def send(node: Node, number: signal.Signals) -> None:
    """Send a signal to every one of its processes."""
    for process in family(node):
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)


def family(node: Node) -> list[psutil.Process]:
    """The first process and all that it made; none where it has ended."""
    if not runs(node) or node.process is None:
        return []
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(node.process.pid)
        return [first, *first.children(recursive=True)]
    return []
