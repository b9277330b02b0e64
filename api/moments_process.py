"""A process of its own for each long moment, so that the server's event loop stays free."""

from __future__ import annotations

import asyncio
import pickle
import subprocess
from contextlib import suppress

from api.moments_worker import Order
from api.processes import end, own_python
from readmodels.model import NotReady


async def built_elsewhere(order: Order) -> None:
    """Have a process carry out the order; it is ended when this is cancelled.

    Raises NotReady when it ended before its work was done, which its standard error tells more of.
    """
    starting = asyncio.create_task(asyncio.to_thread(_start, order))
    try:
        process = await asyncio.shield(starting)
        code = await asyncio.to_thread(process.wait)
    finally:
        await asyncio.shield(asyncio.to_thread(_end, await starting))
    if code:
        raise NotReady(f"the process that builds a moment ended with {code}")


def _start(order: Order) -> subprocess.Popen[bytes]:
    command, environment = own_python("-m", "api.moments_worker")
    process = subprocess.Popen(command, stdin=subprocess.PIPE, env=environment)
    assert process.stdin is not None
    # One that has ended already says why by its exit code.
    with suppress(BrokenPipeError):
        process.stdin.write(pickle.dumps(order))
        process.stdin.flush()
    return process


def _end(process: subprocess.Popen[bytes]) -> None:
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.close()
    if process.returncode is None:
        end(process)
