"""Ids: what is none, is gone, or is not for the caller's eyes is all the same 404."""

from __future__ import annotations

from typing import Final
from urllib.parse import quote

import pytest

from tests.hostile.asking import NO_SUCH_PATH, NOT_FOUND, Api, Refusal, nothing_left
from tests.http import Taskflow

NONE: Final = (
    "0",
    "-1",
    "+1",
    "1.0",
    "1e0",
    "1,2",
    "1_000",
    "0x1",
    " 1",
    "1 ",
    "1\n",
    "1;",
    "1'",
    "1%20or%201=1",
    "\u0661",
    "\uff11",
    "\u00b9",
    "9" * 19,
    "9" * 400,
    str(2**63),
    "nil",
    "null",
    "undefined",
    "NaN",
    "true",
    "*",
    "me",
    "3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "{3f2504e0-4f89-11d3-9a0c-0305e82c3301}",
    "urn:uuid:3f2504e0-4f89-11d3-9a0c-0305e82c3301",
    "00000000-0000-0000-0000-000000000000",
    "project-1",
    "1\0",
    "\0",
    "__proto__",
    "a" * 3000,
)

LEADING_ZERO: Final = "01"
"""Only TaskFlow has one spelling for each number: the others read it as 1."""

PATHS: Final = {
    "TaskFlow": (
        "/api/projects/{}",
        "/api/projects/{}/tasks",
        "/api/projects/{}/risks",
        "/api/projects/{}/expenses",
        "/api/projects/{}/history",
        "/api/tasks/{}",
        "/api/risks/{}",
        "/api/users/{}",
        "/api/users/{}/stats",
        "/api/departments/{}",
        "/api/departments/{}/stats",
    ),
    "TaskForge": ("/api/tasks/{}", "/api/tags/{}", "/api/users/{}"),
}


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_what_is_no_id_is_not_found(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api = apis[name]
    refused = NOT_FOUND if name == "TaskFlow" else Refusal(404)
    async with nothing_left(taskflow):
        for text in NONE:
            for path in PATHS[name]:
                address = path.format(quote(text, safe=""))
                api.check(await api.client.get(address), refused, address[:80])
            for method in ("PUT", "DELETE"):
                address = api.one.format(quote(text, safe=""))
                answer = await api.client.send(
                    method, address, {api.text: "Stolen"} if method == "PUT" else None
                )
                api.check(answer, refused, (method, address[:80]))


async def test_what_is_no_number_is_no_address_of_taskforge(apis: dict[str, Api]) -> None:
    api = apis["TaskForge"]
    for text in ("abc", "-1", "1.5", "3f2504e0-4f89-11d3-9a0c-0305e82c3301"):
        for path in PATHS["TaskForge"]:
            api.check(await api.client.get(path.format(text)), NO_SUCH_PATH, (path, text))


async def test_a_number_has_one_spelling_in_taskflow(apis: dict[str, Api]) -> None:
    statuses = [(await api.client.get(api.one.format(LEADING_ZERO))).status for api in apis.values()]
    assert statuses == [404, 200, 200]


async def test_operators_ask_for_events_by_position_or_id(apis: dict[str, Api]) -> None:
    for text in NONE:
        address = f"/ops/api/events/{quote(text, safe='')}"
        answer = await apis["operators"].client.get(address)
        apis["operators"].check(answer, Refusal(answer.status), address[:80])
        assert answer.status in (400, 404), (address[:80], answer.raw)


async def test_what_is_gone_never_was_there_or_is_something_else(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    flow, forge = apis["TaskFlow"], apis["TaskForge"]
    await flow.client.made("/api/projects", {"name": "Gone"})
    assert (await flow.client.delete("/api/projects/2")).status == 200
    task = await forge.client.made("/api/tasks", {"title": "Gone"})
    assert (await forge.client.delete(f"/api/tasks/{task['id']}")).status == 200
    departments = (await flow.client.get("/api/departments")).body["pagination"]["total"]
    async with nothing_left(taskflow):
        for address in ("/api/projects/2", "/api/projects/99", f"/api/tasks/{task['id']}", "/api/risks/1",
                        f"/api/departments/{departments + 1}"):  # fmt: skip
            answers = [
                await flow.client.get(address),
                await flow.client.put(address, {}),
            ]
            for answer in answers:
                flow.check(answer, NOT_FOUND, address)
        for address in (f"/api/tasks/{task['id']}", "/api/tasks/99", "/api/tags/1", "/api/users/99"):
            forge.check(await forge.client.get(address), Refusal(404), address)
    new = await flow.client.made("/api/projects", {"name": "New"})
    assert new["id"] > 2, "no id is given out again"


async def test_what_somebody_may_not_see_is_not_there_for_them(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    await taskflow.user("stranger")
    stranger = await taskflow.signed_in("stranger")
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "Secret"})
    there, nowhere = "/api/projects/1", "/api/projects/99"
    async with nothing_left(taskflow):
        for method, body in (("GET", None), ("PUT", {"name": "Mine"}), ("DELETE", None)):
            seen, missing = [await stranger.send(method, path, body) for path in (there, nowhere)]
            assert (seen.status, seen.code, seen.body["message"]) == (
                missing.status,
                missing.code,
                missing.body["message"],
            )
            apis["TaskFlow"].check(seen, NOT_FOUND, method)
        for address in ("/api/projects/1/tasks", "/api/projects/1/history", "/api/tasks/2"):
            apis["TaskFlow"].check(await stranger.get(address), NOT_FOUND, address)
