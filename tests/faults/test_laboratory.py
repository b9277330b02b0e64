"""The lab itself: it starts whole, each part can be broken and mended, and it leaves nothing behind."""

from __future__ import annotations

from contextlib import suppress

import aiohttp
import psutil
import pytest

from tests.faults.laboratory import Lab, laboratory
from tests.faults.parts import Part
from tests.servers import short_folder

pytestmark = pytest.mark.timeout(180)


async def made(lab: Lab, server: Part, title: str) -> int:
    """The status of an answer to who makes a project through a server's link."""
    url = lab.client_url(server)
    async with aiohttp.ClientSession(cookie_jar=aiohttp.CookieJar(unsafe=True)) as session:
        login = {"username": "admin", "password": "admin123"}
        async with session.post(f"{url}/api/auth/login", json=login) as answer:
            assert answer.status == 200, await answer.text()
        async with session.post(f"{url}/api/projects", json={"name": title}) as answer:
            return answer.status


class Interrupted(Exception):
    """Something goes wrong in the middle of a trial."""


async def test_a_lab_serves_through_its_links_and_leaves_nothing_behind_however_it_ends() -> None:
    before = {process.pid for process in psutil.Process().children(recursive=True)}
    with short_folder() as folder, suppress(Interrupted):
        async with laboratory(folder, seed=1) as lab:
            for server in lab.servers:
                assert await made(lab, server, f"Of {server.name}") == 201
            await lab.quiesce()
            held = await lab.resources()
            assert held.keys() == {*(part.name for part in lab.parts), "valkey", "postgres"}
            assert held["server-1"]["descriptors"] > 10
            assert held["server-1"]["pool:log_append"] == 0
            lab.postgres.suspend_standby()
            await lab.servers[0].suspend()
            await lab.projectors[0].kill()
            raise Interrupted
    assert [one for one in psutil.Process().children(recursive=True) if one.pid not in before] == []
