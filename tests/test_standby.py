"""While the synchronous standby is away nobody is told what a failover might take back, and reads go on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress

import psycopg
import pytest

from api.database import Database
from api.sessions import hash_of
from events.connections import Connection, Connections
from events.errors import OutcomeUnknown
from events.migrate import migrate
from projections.lease import Lease
from tests.http import Reply, Taskflow, taskflow_running
from tests.servers import own_postgres, quick_parent, short_folder
from tests.test_event_store import cancel_commits
from tests.test_http_auth import token_of

KEY = {"Idempotency-Key": "a-key"}
CANCEL_INTERVAL_S = 0.05


@pytest.fixture
def own_url() -> Iterator[str]:
    """A database on a PostgreSQL of the test's own."""
    with short_folder(quick_parent()) as folder, own_postgres(folder) as postgres:
        url = postgres.url("postgres")
        migrate(url)
        yield url


@pytest.fixture
async def ledger(own_url: str, redis_url: str, logs: None) -> AsyncIterator[Taskflow]:
    async with taskflow_running(own_url, redis_url) as running:
        yield running


async def set_standby(url: str, name: str) -> None:
    """Have commits wait for a standby of this name, of which there is none."""

    def apply() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"alter system set synchronous_standby_names = '{name}'".encode())
            connection.execute("select pg_reload_conf()")

    await asyncio.to_thread(apply)
    # The checkpointer tells all others.
    await asyncio.sleep(0.5)


@asynccontextmanager
async def standby_away(url: str) -> AsyncIterator[None]:
    """Commits wait for a standby, and somebody cancels their waits."""

    async def cancel() -> None:
        while True:
            await asyncio.to_thread(cancel_commits, url)
            await asyncio.sleep(CANCEL_INTERVAL_S)

    await set_standby(url, "nowhere")
    cancelling = asyncio.create_task(cancel())
    try:
        yield
    finally:
        cancelling.cancel()
        with suppress(asyncio.CancelledError):
            await cancelling
        await set_standby(url, "")


def is_open(answer: Reply) -> bool:
    return answer.status == 503 and "may have been done" in answer.body["message"]


async def test_a_change_that_is_there_already_is_no_success_before_the_standby_has_it(
    ledger: Taskflow, own_url: str
) -> None:
    await ledger.admin.made("/api/projects", {"name": "Old"})
    async with standby_away(own_url):
        answers = [await ledger.admin.put("/api/projects/1", {"name": "New"}) for _ in range(3)]
        assert all(map(is_open, answers)), answers
        assert (await ledger.admin.get("/api/projects/1")).data["project"]["name"] == "New"
    answer = await ledger.admin.put("/api/projects/1", {"name": "New"})
    assert (answer.status, await ledger.core.store.head()) == (200, int(answer.headers["X-Event-Position"]))


async def test_nobody_is_signed_out_before_the_standby_knows(ledger: Taskflow, own_url: str) -> None:
    """The session is known for a second after its row has gone, so the second one finds nothing to end."""
    forge = await ledger.forge_admin()
    token = {"refresh_token": forge.refresh_token}
    async with standby_away(own_url):
        flows = [await ledger.admin.post("/api/auth/logout", {}) for _ in range(2)]
        forges = [await forge.post("/api/auth/logout", token) for _ in range(3)]
        assert all(map(is_open, [*flows, *forges])), [*flows, *forges]
    assert (await ledger.admin.post("/api/auth/logout", {})).status == 401
    assert (await forge.post("/api/auth/logout", token)).status == 200


async def test_no_refusal_is_told_under_a_key_before_the_standby_has_it(
    ledger: Taskflow, own_url: str
) -> None:
    await ledger.admin.made("/api/departments", {"name": "Sales"})
    async with standby_away(own_url):
        answers = [
            await ledger.admin.post("/api/departments", {"name": "Sales"}, headers=KEY) for _ in range(3)
        ]
        assert all(map(is_open, answers)), answers
    again = await ledger.admin.post("/api/departments", {"name": "Sales"}, headers=KEY)
    assert (again.status, again.headers["Idempotency-Replayed"]) == (422, "true")


async def test_nothing_is_written_to_confirm_where_no_standby_is_waited_for(own_url: str) -> None:
    """A write to the log of PostgreSQL would take a number of a transaction."""
    connections = Connections(own_url)

    async def next_transaction(connection: Connection) -> int:
        cursor = await connection.execute("select pg_snapshot_xmax(pg_current_snapshot())::text::bigint")
        (row,) = await cursor.fetchall()
        return int(row[0])

    before = await connections.read(next_transaction)
    await connections.confirm()
    assert await connections.read(next_transaction) == before
    async with standby_away(own_url):
        with pytest.raises(OutcomeUnknown):
            await connections.confirm()
    assert await connections.read(next_transaction) > before
    await connections.close()


async def test_the_lease_and_the_notes_of_who_was_seen_do_not_wait_for_the_standby(
    ledger: Taskflow, own_url: str
) -> None:
    connections = Connections(own_url, call_timeout_s=2.0)
    await ledger.forge_admin()
    database, lease = Database(connections), Lease(connections, "a lease", ttl_s=1.5, renew_interval_s=0.2)
    assert await lease.acquire()
    await set_standby(own_url, "nowhere")
    token_hash = hash_of(token_of(ledger.admin))
    request = {
        "request_ids": ["r1"],
        "addresses": ["::1"],
        "user_agents": [None],
        "actor_ids": [1],
        "dialects": ["taskflow"],
        "methods": ["PUT"],
        "paths": ["/api/projects/1"],
        "statuses": [503],
    }
    with pytest.raises(TimeoutError):
        # It is renewed all the time, or LeaseLost is raised.
        async with asyncio.timeout(3.0):
            await lease.keep()
    assert await lease.is_held()
    assert await database.change("touch_session", token_hash=token_hash, touch_s=0) == 1
    assert await database.change("touch_refresh_token", id=2) == 1
    assert await database.change("keep_requests", **request) == 1
    async with asyncio.timeout(1.5):
        await lease.release()
    assert not await lease.is_held()
    await connections.close()
    await set_standby(own_url, "")
