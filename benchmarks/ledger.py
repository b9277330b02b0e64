"""TaskLedger as production runs it: one server process and a projector, logging to files."""

from __future__ import annotations

import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from benchmarks.figures import Servers
from benchmarks.made_history import MASTER_KEY
from benchmarks.processes import answering, python
from tests.running import free_port

NEVER_REACHED: Final = 1_000_000_000

ENVIRONMENT: Final = {
    "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
    "TASKLEDGER_JWT_SECRET": "00" * 32,
    "TASKLEDGER_LOG_FORMAT": "json",
    "TASKLEDGER_RATE_LIMITS": f"{NEVER_REACHED}/hour;{NEVER_REACHED}/hour;{NEVER_REACHED}/minute",
    "TASKLEDGER_TASKFORGE_LIMITS": f"{NEVER_REACHED}/hour",
}
"""Limits are counted, and so high that nobody is refused."""


@dataclass(frozen=True, slots=True)
class Ledger:
    """Two processes, and the ports of TaskFlow Pro and TaskForge."""

    server: subprocess.Popen[bytes]
    projector: subprocess.Popen[bytes]
    port: int
    forge_port: int


@asynccontextmanager
async def ledger(servers: Servers, folder: Path, **environment: str) -> AsyncIterator[Ledger]:
    """A ledger that is ready, with the first admin; `environment` overrides and adds settings.

    Its logs are `server.log` and `projector.log` in `folder`. Raises RuntimeError when it does not start.
    """
    given = {"DATABASE_URL": servers.database_url, "REDIS_URL": servers.redis_url} | ENVIRONMENT | environment
    port, forge_port = free_port(), free_port()
    serve = ("-m", "api.cli", "serve", "--port", str(port), "--taskforge-port", str(forge_port))
    server_log, projector_log = folder / "server.log", folder / "projector.log"
    with (
        python(*serve, log=server_log, environment=given) as server,
        python("-m", "api.cli", "project", log=projector_log, environment=given) as projector,
    ):
        await answering(server, server_log, f"http://127.0.0.1:{port}/readyz")
        yield Ledger(server, projector, port, forge_port)
