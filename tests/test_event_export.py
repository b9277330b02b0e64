"""Export, wipe, import, rebuild: the same log and the same read model, key by key."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from random import Random

import orjson
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from redis.asyncio import Redis

from api.operators.event_export import Order, export
from api.operators.event_files import line_of, stored_of
from api.operators.event_import import import_log
from api.operators.instruments import instruments
from api.settings import Settings
from events.log import Stored
from events.migrate import migrate
from events.store import EventStore, open_store
from readmodels.keys import Keys
from tests.folding import everything
from tests.histories import history
from tests.projecting import MASTER_KEY, append, model_in, own_generation, projecting, until_at

NAMES = ("stored_events order by notification_id", "user_keys order by user_id", "log_identity")


async def whole_model(redis: Redis, database_url: str, store: EventStore) -> dict[str, object]:
    """Every key of the read model that a projector makes of the log."""
    async with projecting(store, redis, database_url):
        await until_at(await model_in(redis, database_url), await store.head())
    held = await everything(redis, Keys(await own_generation(database_url)).prefix)
    checkpoint = held["checkpoint"]
    assert isinstance(checkpoint, dict)
    # Who built it, which is by chance.
    checkpoint.pop(b"build")
    return held


def tables(database_url: str) -> list[list[tuple[object, ...]]]:
    with psycopg.connect(database_url) as connection:
        return [connection.execute(f"select * from {name}".encode()).fetchall() for name in NAMES]


@pytest.mark.parametrize("is_compressed", [False, True])
async def test_export_wipe_import_rebuild_gives_the_same_read_model(
    store: EventStore,
    database_url: str,
    redis: Redis,
    redis_url: str,
    empty_database_url: str,
    tmp_path: Path,
    is_compressed: bool,
) -> None:
    records = history(Random(11), 3_000)
    await append(store, records)
    before = await whole_model(redis, database_url, store)
    assert len(before) > 100
    settings = Settings(
        database_url=database_url, redis_url=redis_url, master_key=MASTER_KEY, jwt_secret=bytes(32)
    )
    done: list[tuple[int, int]] = []
    original = await asyncio.to_thread(tables, database_url)
    async with instruments(settings) as tools:
        order = Order(target=tmp_path / "whole", is_compressed=is_compressed, reason="for the auditors")
        manifest = await export(tools, order, lambda some, every: done.append((some, every)))
    assert (manifest.events.lines, done[-1]) == (3_000, (3_000, 3_000))
    await redis.flushdb()

    await asyncio.to_thread(migrate, empty_database_url)
    await asyncio.to_thread(import_log, empty_database_url, MASTER_KEY, tmp_path / "whole")
    assert await asyncio.to_thread(tables, empty_database_url) == original
    async with open_store(empty_database_url, MASTER_KEY) as copy:
        after = await whole_model(redis, empty_database_url, copy)
        streams = {record.stream.partition("-")[::2] for record in records}
        used = max(int(number) for category, number in streams if category == "task")
        assert await copy.next_ids("task", 1) == [used + 1]
    assert after == before


def stored(state: bytes) -> Stored:
    at = "2025-07-01T00:00:00.000000Z"
    return Stored("task-1", 1, 1, "task.created", state, "e", at, None, None, None, None, None, None)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3),
)


@given(JSON.map(lambda value: orjson.dumps(repr(value))) | st.binary(max_size=50) | st.text().map(str.encode))
def test_every_byte_of_a_state_comes_back(state: bytes) -> None:
    assert stored_of(line_of(stored(state))) == stored(state)


@pytest.mark.parametrize(
    "state",
    [b'{"a": 1}', b'{"a":1,"a":2}', b'{"a":1e2}', b'{"a":123456789012345678901234567890}', b"\xff", b""],
)
def test_a_state_that_json_would_change_is_kept_as_bytes(state: bytes) -> None:
    line = line_of(stored(state))
    assert orjson.loads(line)["state_base64"] == base64.b64encode(state).decode()
    assert stored_of(line).state == state
