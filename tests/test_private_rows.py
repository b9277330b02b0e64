"""What commands do to tables beside the log: passwords, sessions and refresh tokens."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest

from commands.accounts import DeactivateUser, DeleteUser, RegisterUser
from commands.context import SYSTEM, Actor
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from commands.users import ChangeUser
from events.log import Metadata
from events.store import EventStore
from tests.given import NOW

ANA, BEN = 2, 3


class Ledger:
    """A ledger with an admin, Ana and Ben, where Ana and Ben are signed in through both APIs."""

    def __init__(self, store: EventStore, database_url: str) -> None:
        self.dispatcher = Dispatcher(store, store.keyring.claim_key)
        self._database_url = database_url

    async def do(self, command: object, by: Actor = SYSTEM) -> None:
        await self.dispatcher.dispatch(command, by, Metadata(), now=NOW)

    def sign_in(self, user_id: int) -> None:
        for table in ("sessions", "refresh_tokens"):
            self.query(
                f"insert into {table} (token_hash, user_id, expires_at) "
                f"values (uuid_send(gen_random_uuid()), {user_id}, now() + interval '1 day')"
            )

    def query(self, statement: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self._database_url, autocommit=True) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []

    def passwords(self) -> dict[int, str]:
        return dict(self.query("select user_id, password_hash from credentials where user_id > 1"))

    def sessions(self) -> list[int]:
        return [user_id for (user_id,) in self.query("select user_id from sessions order by user_id")]

    def tokens(self) -> list[tuple[int, bool]]:
        """Whose refresh tokens there are, and whether they still count."""
        return self.query("select user_id, revoked_at is null from refresh_tokens order by user_id")


@pytest.fixture
async def ledger(store: EventStore, database_url: str) -> Ledger:
    ledger = Ledger(store, database_url)
    await ledger.do(PrepareLedger(username="admin", email="admin@taskflow.com", password_hash="$admin"))
    for name in ("ana", "ben"):
        await ledger.do(RegisterUser(username=name, email=f"{name}@example.com", password_hash=f"${name}"))
    for user_id in (ANA, BEN):
        ledger.sign_in(user_id)
    return ledger


async def test_whoever_signed_in_stays_so_while_nothing_happens(ledger: Ledger) -> None:
    await ledger.do(ChangeUser(user_id=ANA, first_name="Ana", email="a@example.com"))
    assert ledger.passwords() == {ANA: "$ana", BEN: "$ben"}
    assert ledger.sessions() == [ANA, BEN]
    assert ledger.tokens() == [(ANA, True), (BEN, True)]


async def test_a_new_password_ends_what_began_with_the_old_one(ledger: Ledger) -> None:
    await ledger.do(ChangeUser(user_id=ANA, password_hash="$new"))
    assert ledger.passwords() == {ANA: "$new", BEN: "$ben"}
    assert ledger.sessions() == [BEN]
    assert ledger.tokens() == [(ANA, False), (BEN, True)]


@pytest.mark.parametrize("command", [DeactivateUser(user_id=ANA), ChangeUser(user_id=ANA, active=False)])
async def test_who_is_deactivated_is_signed_out_and_stays_so_when_activated(
    ledger: Ledger, command: object
) -> None:
    await ledger.do(command)
    await ledger.do(ChangeUser(user_id=ANA, active=True))
    assert ledger.passwords() == {ANA: "$ana", BEN: "$ben"}
    assert ledger.sessions() == [BEN]
    assert ledger.tokens() == [(ANA, False), (BEN, True)]


async def test_what_was_revoked_keeps_its_moment(ledger: Ledger) -> None:
    await ledger.do(DeactivateUser(user_id=ANA))
    question = f"select revoked_at::text from refresh_tokens where user_id = {ANA}"
    moments = ledger.query(question)
    await ledger.do(ChangeUser(user_id=ANA, password_hash="$new"))
    assert ledger.query(question) == moments != []


async def test_nothing_is_kept_of_who_is_deleted(ledger: Ledger) -> None:
    await ledger.do(DeleteUser(user_id=ANA, owns_projects=False))
    assert ledger.passwords() == {BEN: "$ben"}
    assert ledger.sessions() == [BEN]
    assert ledger.tokens() == [(BEN, True)]


async def test_who_signs_up_again_is_somebody_else(ledger: Ledger) -> None:
    await ledger.do(DeleteUser(user_id=ANA, owns_projects=False))
    await ledger.do(RegisterUser(username="ana", email="ana@example.com", password_hash="$again"))
    assert ledger.passwords() == {BEN: "$ben", 4: "$again"}


@pytest.mark.parametrize("table", ["sessions", "refresh_tokens"])
async def test_whoever_logs_in_while_deleted_gets_nothing_that_stays(
    ledger: Ledger, database_url: str, table: str
) -> None:
    log_in = (
        f"insert into {table} (token_hash, user_id, expires_at) "
        f"select uuid_send(gen_random_uuid()), user_id, now() + interval '1 day' "
        f"from credentials where user_id = {ANA} for share"
    )
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        await connection.execute(log_in.encode())
        deletion = asyncio.create_task(ledger.do(DeleteUser(user_id=ANA, owns_projects=False)))
        await asyncio.sleep(0.3)
        assert not deletion.done()
        await connection.commit()
        await deletion
    assert ledger.query(f"select user_id from {table} order by user_id") == [(BEN,)]
