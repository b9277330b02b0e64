"""Many clients at once: no update is lost, no request has its effect twice, every write is seen."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.running import Running, running, second_server

CLIENTS = 64


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("concurrency") / "data") as ledger:
        yield ledger


@pytest.fixture(scope="module")
def second(ledger: Running) -> Iterator[Running]:
    server = second_server(Path(ledger.arguments[2]))
    try:
        yield server.wait_until_ready()
    finally:
        server.stop()


@pytest.fixture
async def client(ledger: Running) -> AsyncIterator[aiohttp.ClientSession]:
    async with client_of(ledger.url) as session:
        yield session


def client_of(url: str) -> aiohttp.ClientSession:
    connector = aiohttp.TCPConnector(limit=CLIENTS)
    jar = aiohttp.CookieJar(unsafe=True)
    return aiohttp.ClientSession(url, connector=connector, cookie_jar=jar, timeout=aiohttp.ClientTimeout(60))


async def sign_in(client: aiohttp.ClientSession) -> None:
    credentials = {"username": "admin", "password": "admin123"}
    async with client.post("/api/auth/login", json=credentials) as answer:
        assert answer.status == 200, await answer.text()


async def new_project(client: aiohttp.ClientSession, name: str = "Concurrency") -> int:
    async with client.post("/api/projects", json={"name": name}) as answer:
        assert answer.status == 201, await answer.text()
        number: int = (await answer.json())["data"]["project"]["id"]
        return number


async def new_task(client: aiohttp.ClientSession, project: int, title: str = "Contested") -> int:
    async with client.post(f"/api/projects/{project}/tasks", json={"title": title}) as answer:
        assert answer.status == 201, await answer.text()
        number: int = (await answer.json())["data"]["task"]["id"]
        return number


def version_of(etag: str) -> str:
    return etag.strip('"').split("-")[0]


async def test_every_version_of_a_task_is_won_by_exactly_one_of_64_clients(
    client: aiohttp.ClientSession,
) -> None:
    await sign_in(client)
    task = await new_task(client, await new_project(client))
    before = int(version_of(await etag_of(client, task)))
    won: list[str] = []
    await asyncio.gather(*(update_until_won(client, task, name, won) for name in range(CLIENTS)))
    assert sorted(map(int, won)) == list(range(before + 1, before + 1 + CLIENTS))
    assert int(version_of(await etag_of(client, task))) == before + CLIENTS


async def etag_of(client: aiohttp.ClientSession, task: int) -> str:
    async with client.get(f"/api/tasks/{task}") as answer:
        assert answer.status == 200
        return answer.headers["ETag"]


async def update_until_won(client: aiohttp.ClientSession, task: int, name: int, won: list[str]) -> None:
    """Read, change with If-Match, and again when somebody else was first: what a careful client does."""
    for _ in range(10 * CLIENTS):
        etag = await etag_of(client, task)
        change = {"description": f"by client {name}"}
        async with client.put(f"/api/tasks/{task}", json=change, headers={"If-Match": etag}) as answer:
            assert answer.status in (200, 409, 412), await answer.text()
            if answer.status == 200:
                body = await answer.json()
                won.append(version_of(answer.headers["ETag"]))
                assert body["data"]["task"]["id"] == task
                return
    raise AssertionError(f"client {name} never won")


async def test_without_if_match_64_updates_all_take_effect(client: aiohttp.ClientSession) -> None:
    await sign_in(client)
    task = await new_task(client, await new_project(client))
    before = int(version_of(await etag_of(client, task)))

    async def update(name: int) -> int:
        async with client.put(f"/api/tasks/{task}", json={"description": f"by {name}"}) as answer:
            assert answer.status in (200, 409), await answer.text()
            return answer.status

    statuses = await asyncio.gather(*(update(name) for name in range(CLIENTS)))
    assert int(version_of(await etag_of(client, task))) == before + statuses.count(200)
    assert statuses.count(200) > 0


async def test_one_idempotency_key_sent_50_times_at_once_has_one_effect(
    client: aiohttp.ClientSession, second: Running
) -> None:
    await sign_in(client)
    async with client_of(second.url) as other:
        await sign_in(other)
        answers = await asyncio.gather(
            *(create_with_key(client if turn % 2 else other, "the-same-key") for turn in range(50))
        )
    first_body = answers[0][1]
    assert all(status == 201 for status, _, _ in answers)
    assert all(body == first_body for _, body, _ in answers)
    assert sum(not replayed for _, _, replayed in answers) == 1
    async with client.get("/api/projects", params={"q": "Only one"}) as answer:
        assert (await answer.json())["pagination"]["total"] == 1


async def create_with_key(client: aiohttp.ClientSession, key: str) -> tuple[int, bytes, bool]:
    """One try; a 409 with Retry-After is an invitation, so it is followed."""
    for _ in range(50):
        body = {"name": "Only one", "budget": 12.5}
        async with client.post("/api/projects", json=body, headers={"Idempotency-Key": key}) as answer:
            content = await answer.read()
            if answer.status != 409:
                return answer.status, content, "Idempotency-Replayed" in answer.headers
            await asyncio.sleep(float(answer.headers["Retry-After"]))
    raise AssertionError("never answered")


async def test_a_read_right_after_each_of_1000_writes_shows_the_write_on_either_process(
    client: aiohttp.ClientSession, second: Running
) -> None:
    await sign_in(client)
    async with client_of(second.url) as other:
        await sign_in(other)
        project = await new_project(client)
        tasks = [await new_task(client, project, f"Task {number}") for number in range(8)]
        await asyncio.gather(*(write_and_read(client, other, task, 125) for task in tasks))


async def write_and_read(
    writer: aiohttp.ClientSession, reader: aiohttp.ClientSession, task: int, times: int
) -> None:
    for turn in range(times):
        change: dict[str, Any] = {"description": f"turn {turn}"}
        async with writer.put(f"/api/tasks/{task}", json=change) as answer:
            assert answer.status == 200, await answer.text()
        async with (reader if turn % 2 else writer).get(f"/api/tasks/{task}") as answer:
            assert (await answer.json())["data"]["task"]["description"] == f"turn {turn}"
