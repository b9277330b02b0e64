"""Somebody beside the clients of a trial: a manager, whose connections go past every link."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from tests.faults.client_wire import Person, Wire

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

ADMIN: Final = ("admin", "admin123")
TIMEOUT_S: Final = 20.0


@asynccontextmanager
async def visiting(lab: Lab) -> AsyncIterator[tuple[Wire, Person]]:
    """Connections to both servers, and a new manager, signed in in both dialects."""
    urls = {server.name: f"http://127.0.0.1:{server.port}" for server in lab.servers}
    wire = Wire(urls, TIMEOUT_S, lab.clock)
    try:
        yield wire, await _new_manager(wire)
    finally:
        await wire.close()


async def _new_manager(wire: Wire) -> Person:
    username, password = ADMIN
    admin = Person(username, password=password)
    await wire.sign_in(admin)
    manager = Person(f"visitor-{secrets.token_hex(4)}")
    new = {
        "username": manager.username,
        "email": f"{manager.username}@example.com",
        "password": manager.password,
        "role": "manager",
    }
    await wire.insist("/api/users", new, admin.headers("/"))
    await wire.sign_in(manager)
    return manager


async def new_project(wire: Wire, owner: Person, name: str) -> int:
    """The id of a project that somebody has made."""
    answer = await wire.insist("/api/projects", {"name": name}, owner.headers("/"))
    number: int = answer.data["project"]["id"]
    return number
