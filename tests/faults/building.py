"""How a lab comes to its processes: databases, a schema, servers and projectors, all of them linked."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from api.embedded import DATABASE
from tests.faults.moved_clock import VARIABLE, clock_file, set_wrong
from tests.faults.parts import Part

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

SERVERS: Final = ("server-1", "server-2")
PROJECTORS: Final = ("projector-1", "projector-2")
STORES: Final = ("postgres", "valkey")
MIGRATE_TIMEOUT_S: Final = 60.0

ENVIRONMENT: Final = {
    "TASKLEDGER_ENV": "development",
    "TASKLEDGER_RATE_LIMITS": "off",
    "TASKLEDGER_LOG_FORMAT": "json",
}


async def begin_databases(lab: Lab) -> None:
    """PostgreSQL with its standby, Valkey with its replica."""
    await lab.links.add("standby", "postgres", lab.postgres.socket)
    await lab.links.add("replica", "valkey", lab.valkey.socket)
    await asyncio.gather(lab.postgres.begin(), lab.valkey.heal())
    await lab.postgres.heal()


async def begin_parts(lab: Lab, mutants: Mapping[str, str]) -> None:
    """Two servers, two projectors, on a migrated database; not yet ready."""
    await _migrate(lab)
    lab.servers = [await _part(lab, name, "serve") for name in SERVERS]
    lab.projectors = [await _part(lab, name, "project") for name in PROJECTORS]
    for part in lab.parts:
        part.mutant = mutants.get(part.name)
        if lab.setup.has_fake_clock:
            _give_clock(lab, part)
        await part.start()


async def stop_parts(lab: Lab) -> None:
    await asyncio.gather(*(part.stop() for part in lab.parts))


async def _migrate(lab: Lab) -> None:
    part = await _part(lab, "migration", "migrate")
    await part.start()
    assert await part.ended(MIGRATE_TIMEOUT_S) == 0, part.said()


async def _part(lab: Lab, name: str, command: str) -> Part:
    for store, target in zip(STORES, (lab.postgres.socket, lab.valkey.socket), strict=True):
        await lab.links.add(name, store, target)
    part = Part(name, command, lab.folder, _environment(lab, name))
    if part.is_server:
        await lab.links.add("client", name, lambda: part.port)
    return part


def _give_clock(lab: Lab, part: Part) -> None:
    file = clock_file(lab.folder, part.name)
    set_wrong(file, 0)
    part.program = ("tests.faults.moved_clock", "--")
    part.environment[VARIABLE] = str(file)


def set_clocks_right(lab: Lab) -> None:
    """Where clocks can be moved, none is wrong any more."""
    if lab.setup.has_fake_clock:
        for part in lab.parts:
            set_wrong(clock_file(lab.folder, part.name), 0)


def _environment(lab: Lab, name: str) -> Mapping[str, str]:
    """How a part finds its databases, through its links, and the settings of this lab."""
    postgres, valkey = (lab.links[name, store].port for store in STORES)
    options = "sslmode=disable&gssencmode=disable"
    return {
        **ENVIRONMENT,
        "DATABASE_URL": f"postgresql://postgres@127.0.0.1:{postgres}/{DATABASE}?{options}",
        "REDIS_URL": f"redis://127.0.0.1:{valkey}/0",
        "TASKLEDGER_MASTER_KEY": lab.master_key.hex(),
        "TASKLEDGER_JWT_SECRET": lab.master_key[::-1].hex(),
        **lab.setup.environment,
    }
