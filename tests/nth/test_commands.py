"""Every command with every one of its inputs and outputs failing: done or not, told truly, and once."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from typing import Final

import pytest
import pytest_asyncio

from api import passwords
from commands.accounts import RegisterUser
from commands.ledger import PrepareLedger
from commands.registry import HANDLERS
from commands.tasks import CreateTask
from tests.conftest import Connection, a_database, an_empty_redis
from tests.nth import surroundings
from tests.nth.commands import CASES, Case, set_paused
from tests.nth.faults import FAULTS, IS_FULL, QUICK, TRIED, Fault, Place
from tests.nth.promises import Try, each_nth
from tests.nth.world import World, world_on
from tests.quick_passwords import QUICK as QUICK_HASHER
from tests.servers import Servers
from tests.test_poison import is_level

IN_ITS_OWN_TEST: Final = {PrepareLedger}


on_one_ledger: Final = pytest.mark.asyncio(loop_scope="module")
REPRESENTATIVE: Final = (CreateTask, RegisterUser)
"""Commands with which every fault is tried that strikes at once."""


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def world(
    test_servers: Servers, maintenance: Connection, template_database: str, logs: None
) -> AsyncIterator[World]:
    """One ledger for all commands. In the end its read model is what one fold of the whole log makes."""
    with (
        a_database(maintenance, f"taskledger_nth_{os.getpid()}", template_database) as name,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr(passwords, "_hasher", QUICK_HASHER)
        injector = surroundings.install(patch)
        async with world_on(test_servers.database(name), an_empty_redis(test_servers), injector) as opened:
            yield opened
            await set_paused(opened, wished=False)
            await is_level(opened.ledger)


def test_no_command_is_left_out() -> None:
    assert {case.command for case in CASES} | IN_ITS_OWN_TEST == HANDLERS.keys()


def test_the_quick_faults_are_of_every_place() -> None:
    assert {fault.place for fault in TRIED} == set(Place)
    assert len({fault.id for fault in FAULTS}) == len(FAULTS)


@on_one_ledger
@pytest.mark.timeout(3600 if IS_FULL else 120)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.id)
async def test_a_command_survives_each_fault_at_each_place(world: World, case: Case) -> None:
    whole = await Try(world, case, []).faultless()
    assert whole
    for fault in QUICK if case.command in REPRESENTATIVE else TRIED:
        times = await each_nth(world, case, whole, fault)
        assert times or not must_strike(case, fault), f"{case.id}: {fault.id} never struck"
    if IS_FULL:
        await is_level(world.ledger)


def must_strike(case: Case, fault: Fault) -> bool:
    return case.asks_redis or fault.place is not Place.REDIS
