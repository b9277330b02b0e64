"""What the parts of a lab hold: memory, descriptors, connections."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from tests.faults.asking import get

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

POOL: Final = re.compile(
    r'^taskledger_database_connections_in_use\{pool="(\w+)",process="[^"]*:(\d+)",role="server"\} (\S+)$',
    re.MULTILINE,
)


async def resources_of(lab: Lab) -> dict[str, dict[str, float]]:
    """By part: `resident_bytes`, `descriptors` without connections, and the `connections` to databases.

    Of servers `pool:…` as well, connections at work.

    `valkey` has `used_bytes`, `postgres` those `backends` that serve no connection of a part.
    """
    found = {part.name: await asyncio.to_thread(part.resources) for part in lab.parts}
    for server in lab.servers:
        page = await get(server.port, "/metrics")
        found[server.name] |= _pools(page.body.decode(), server.pid)
    told: Mapping[str, float] = await lab.valkey.ask("INFO", "memory")
    found["valkey"] = {"used_bytes": float(told["used_memory"])}
    backends = len(await asyncio.to_thread(lab.postgres.backends))
    served = sum(lab.links[part.name, "postgres"].conversations for part in lab.parts)
    found["postgres"] = {"backends": float(max(0, backends - served))}
    return found


def _pools(page: str, pid: int) -> dict[str, float]:
    """Of the page, which tells of all processes, what is about this one."""
    return {f"pool:{name}": float(number) for name, of, number in POOL.findall(page) if int(of) == pid}
