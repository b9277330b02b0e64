"""Somebody who has logged in, to TaskLedger or to the Flask service, and fills it with the same data."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final

import aiohttp
import orjson

USERNAME, PASSWORD = "admin", "admin123"

PROJECTS: Final = 30
TASKS_OF_EACH: Final = 20
AT_ONCE: Final = 20
TOO_BUSY: Final = 503
REFUSED_MAX: Final = 20
"""How often somebody asks again who was told to come back later."""

PROJECT: Final = {
    "description": "What has to be done until the end of the year, in a few words",
    "budget": 50_000.0,
    "start_date": "2026-01-01",
    "end_date": "2026-12-31",
}
TASK: Final = {
    "description": "Something that has to be done",
    "priority": "high",
    "due_date": "2026-12-01",
    "estimated_hours": 8,
    "assigned_to": [1],
}


@dataclass(frozen=True, slots=True)
class Visitor:
    """`headers` go with every request."""

    session: aiohttp.ClientSession
    headers: dict[str, str]

    async def create(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        """The data of the answer to a POST. Raises RuntimeError for any other answer than 201."""
        return data_of(await self._answer("POST", path, 201, json=body))

    async def read(self, path: str) -> dict[str, Any]:
        """The data of a GET. Raises RuntimeError for any other answer than 200."""
        return data_of(await self.body(path))

    async def body(self, path: str) -> bytes:
        """What a GET is answered, byte for byte."""
        return await self._answer("GET", path, 200)

    async def _answer(self, method: str, path: str, status: int, **more: Any) -> bytes:
        for _ in range(REFUSED_MAX):
            async with self.session.request(method, path, headers=self.headers, **more) as answer:
                body = await answer.read()
            if answer.status != TOO_BUSY:
                break
            await asyncio.sleep(float(answer.headers["Retry-After"]))
        if answer.status != status:
            raise RuntimeError(f"{method} {path} was answered {answer.status}: {body.decode()}")
        return body


def data_of(body: bytes) -> dict[str, Any]:
    data: dict[str, Any] = orjson.loads(body)["data"]
    return data


@asynccontextmanager
async def signed_in(port: int) -> AsyncIterator[Visitor]:
    """The first admin, signed in."""
    # The cookie is given with each request, as the load generator gives it.
    async with aiohttp.ClientSession(
        f"http://127.0.0.1:{port}", cookie_jar=aiohttp.DummyCookieJar()
    ) as session:
        who = {"username": USERNAME, "password": PASSWORD}
        async with session.post("/api/auth/login", json=who) as answer:
            if answer.status != 200:
                raise RuntimeError(f"logging in was answered {answer.status}: {await answer.text()}")
            cookies = "; ".join(f"{each.key}={each.value}" for each in answer.cookies.values())
        yield Visitor(session, {"Cookie": cookies})


async def seed(visitor: Visitor) -> list[int]:
    """Some projects, each with some tasks; the ids of the projects."""
    bounded = asyncio.Semaphore(AT_ONCE)

    async def made(path: str, body: dict[str, Any]) -> dict[str, Any]:
        async with bounded:
            return await visitor.create(path, body)

    projects = await asyncio.gather(
        *(made("/api/projects", {"name": f"Project {number}"} | PROJECT) for number in range(PROJECTS))
    )
    ids = [project["project"]["id"] for project in projects]
    await asyncio.gather(
        *(
            made(f"/api/projects/{each}/tasks", {"title": f"Task {number}"} | TASK)
            for each in ids
            for number in range(TASKS_OF_EACH)
        )
    )
    return ids
