"""Restoring a ledger from a backup, into a database that nobody uses, and what has to follow it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import psycopg
from redis.exceptions import RedisError

from api.exits import CannotRun
from api.operators.backups import Backup, key_check
from api.operators.erasing import delete_users
from api.operators.instruments import Instruments, instruments
from api.operators.replaced import must_be_free, must_be_told, replaced
from api.operators.restore_filling import Order, Progress, fill
from api.settings import Settings
from commands.errors import Refusal
from commands.operations import RestoreLedger
from events.connections import reason
from events.errors import StoreError
from events.migrate import migrate
from projections.writer import unlink

RESULT: Final = (Path(__file__).parent / "sql" / "restore_result.sql").read_bytes()
CONNECT_TIMEOUT_S: Final = 10
READ_MODELS: Final = ("{tl:", "tl:")
"""How every key of a ledger in Redis begins."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Restored:
    """`next_ids` are by kind of thing. `people_without_key` were erased, before the backup or after it.

    `people_erased` are those whom this restore has erased, `people_not_deleted` those of them who are admins
    and cannot be deleted before there is another one.
    """

    position: int
    made_at: str
    log_id: str
    next_ids: Mapping[str, int]
    people_without_key: int
    people_erased: tuple[int, ...]
    people_not_deleted: tuple[int, ...]
    sessions_ended: bool
    migrations_applied: list[str]

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def must_open(backup: Backup, master_key: bytes) -> None:
    """Raises CannotRun when the master key is not the one that the backed-up ledger needs."""
    if key_check(master_key) != backup.master_key_check:
        raise CannotRun(
            "the master key is not the one of the ledger that was backed up: put that one into"
            " secrets/master.key of the data folder, or into TASKLEDGER_MASTER_KEY, and restore again"
        )


def restore(
    settings: Settings, backup: Backup, order: Order, progress: Progress = lambda _, __: None
) -> Restored:
    """Fill the database from a backup that was verified; `progress` is told bytes of how many.

    On failure, and when it is cut off, the database is as it was, unless the message says that it is
    restored. Raises InConflict when it is not empty and shall not be replaced, when somebody is connected to
    it, or when nobody says who was erased; CannotRun, Unverified.
    """
    found = replaced(settings.database_url, backup, is_replacing=order.is_replacing)
    if not order.keeps_people:
        must_be_told(found, order.erased)
    must_be_free(settings.redis_url)
    fill(settings.database_url, found, backup, order, progress)
    with _finishing("its schema is as old as the backup", order):
        applied = migrate(settings.database_url)
    wanted = {*order.erased, *(() if order.keeps_people else found.erased)}
    with _finishing("nobody has looked at it", order):
        log_id, next_ids, erased, without_key = _settled(settings.database_url, sorted(wanted))
    with _finishing("Redis may hold what was there before, or the log not tell of the restore", order):
        admins = asyncio.run(_begun_anew(settings, backup, order, erased))
    return Restored(
        position=backup.last_position,
        made_at=backup.made_at,
        log_id=log_id,
        next_ids=next_ids,
        people_without_key=without_key,
        people_erased=erased,
        people_not_deleted=admins,
        sessions_ended=not order.is_latest,
        migrations_applied=applied,
    )


@contextlib.contextmanager
def _finishing(lacking: str, order: Order) -> Iterator[None]:
    """What fails now finds the ledger restored. Raises CannotRun that says what is lacking, and a remedy."""
    try:
        yield
    except (psycopg.Error, StoreError, RedisError, Refusal, OSError) as error:
        why = reason(error) if isinstance(error, psycopg.Error) else str(error)
        again = "" if order.is_replacing else " with --replace"
        raise CannotRun(
            f"the ledger is restored, but {lacking}: {why}. Mend that, and run the same command{again} again"
        ) from None


def _settled(database_url: str, wanted: list[int]) -> tuple[str, Mapping[str, int], tuple[int, ...], int]:
    """The log's id, the next ids, who of the `wanted` is in the log and erased, and how many have no key."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        # Plans are made by counts that no restore brings along.
        connection.execute("analyze")
        found = connection.execute(RESULT, {"wanted": wanted}).fetchone()
    assert found, "it asks for one row"
    log_id, next_ids, erased, without_key = found
    return str(log_id), next_ids, tuple(erased), int(without_key)


async def _begun_anew(
    settings: Settings, backup: Backup, order: Order, erased: tuple[int, ...]
) -> tuple[int, ...]:
    """Remove what was folded from another log, and record what was done."""
    async with instruments(settings) as tools:
        await _forget_read_models(tools)
        await tools.record(
            RestoreLedger(
                position=backup.last_position,
                made_at=backup.made_at,
                is_latest=order.is_latest,
                reason=order.reason,
            )
        )
        return await delete_users(tools, erased)


async def _forget_read_models(tools: Instruments) -> None:
    for prefix in READ_MODELS:
        await unlink(tools.redis, prefix)
