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
    """By part: `resident_bytes`, `descriptors` without connections, and those to databases as `connections`.

    Of servers `pool:…` as well, connections at work.

    `valkey` has `used_bytes`, `postgres` its `backends`.
    """
    found = {part.name: await asyncio.to_thread(part.resources) for part in lab.parts}
    for name, held in found.items():
        held["connections"] = float(sum(link.conversations for link in lab.links.of(name)))
        held["descriptors"] -= held["connections"]
    for server in lab.servers:
        page = await get(server.port, "/metrics")
        found[server.name] |= _pools(page.body.decode(), server.pid)
    told: Mapping[str, float] = await lab.valkey.ask("INFO", "memory")
    found["valkey"] = {"used_bytes": float(told["used_memory"])}
    found["postgres"] = {"backends": float(len(await asyncio.to_thread(lab.postgres.backends)))}
    return found


def _pools(page: str, pid: int) -> dict[str, float]:
    """Of the page, which tells of all processes, what is about this one."""
    return {f"pool:{name}": float(number) for name, of, number in POOL.findall(page) if int(of) == pid}
