"""The first admin of a new ledger, made with every input and output failing: there is one in the end."""

from __future__ import annotations

import pytest

from api.bootstrap import EMAIL, USERNAME
from commands.admins import Admins
from commands.context import SYSTEM
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from events.errors import StoreError
from events.event import Record
from events.instants import now
from events.log import NOBODY
from events.store import open_store
from tests.conftest import Connection, a_database
from tests.http import ADMIN_HASH, MASTER_KEY
from tests.nth import surroundings
from tests.nth.faults import TRIED, Fault, Place
from tests.nth.injector import Injector
from tests.servers import Servers

COMMAND = PrepareLedger(username=USERNAME, email=EMAIL, password_hash=ADMIN_HASH)
NTH_MAX = 30


@pytest.mark.parametrize(
    "fault", [each for each in TRIED if each.place is not Place.REDIS], ids=lambda each: each.id
)
async def test_a_ledger_that_is_prepared_until_it_is_has_one_admin(
    test_servers: Servers,
    maintenance: Connection,
    template_database: str,
    monkeypatch: pytest.MonkeyPatch,
    fault: Fault,
) -> None:
    injector = surroundings.install(monkeypatch)
    for nth in range(1, NTH_MAX):
        with a_database(maintenance, "taskledger_prepared", template_database) as name:
            await prepared_twice(test_servers.database(name), injector, fault, nth)
        if injector.struck is None:
            break
    assert 1 < nth < NTH_MAX - 1, f"{fault.id}: N={nth}"


async def prepared_twice(database_url: str, injector: Injector, fault: Fault, nth: int) -> None:
    async with open_store(database_url, MASTER_KEY) as store:
        dispatcher = Dispatcher(store, store.keyring.claim_key)
        where, is_made = f"{fault.id}, N={nth}", False
        with injector.armed(fault, nth):
            try:
                await dispatcher.dispatch(COMMAND, SYSTEM, NOBODY, now=now())
                is_made = True
            except (StoreError, OSError) as error:
                where = f"{where} at {injector.struck}: {error}"
        written = [each.event.TOPIC for each in await store.read(0, 100) if isinstance(each, Record)]
        assert bool(written) >= is_made, where
        dispatcher.forget()
        await dispatcher.dispatch(COMMAND, SYSTEM, NOBODY, now=now())
        whole = [each.event.TOPIC for each in await store.read(0, 100) if isinstance(each, Record)]
        assert written in ([], whole), where
        assert whole.count("user.registered") == 1, where
        assert len((await dispatcher.load(Admins, "")).ids) == 1, where
