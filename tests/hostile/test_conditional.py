"""Conditions: a write goes by the version that it names, and by nothing that it only resembles."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

from tests.hostile.asking import Api, Refusal, nothing_left
from tests.http import Taskflow

STALE: Final = ('"999-0"', '"0-0"', '"-1-0"', '"1.5-0"', '"x"', '""', "W/{tag}", '"9999999999999999999999-0"')
MALFORMED: Final = ("x", "1", "'1'", '"1', '1"', '"a" "b"', 'w/"1"', '"1",,"2', "{tag", "*, *x")


async def test_a_tag_that_is_none_of_the_present_version_changes_nothing(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    api = apis["TaskFlow"]
    tag = (await api.client.get("/api/projects/1")).headers["ETag"]
    await api.client.put("/api/projects/1", {"name": "Changed"})
    present = (await api.client.get("/api/projects/1")).headers["ETag"]
    async with nothing_left(taskflow):
        for condition in (*STALE, tag):
            headers = {"If-Match": condition.replace("{tag}", present)}
            answer = await api.client.put("/api/projects/1", {"name": "Lost"}, headers=headers)
            api.check(answer, Refusal(412, "PRECONDITION_FAILED"), condition)
            answer = await api.client.delete("/api/projects/1", headers=headers)
            api.check(answer, Refusal(412, "PRECONDITION_FAILED"), condition)
        for condition in MALFORMED:
            answer = await api.client.put(
                "/api/projects/1", {"name": "Lost"}, headers={"If-Match": condition}
            )
            api.check(answer, Refusal(400, "BAD_REQUEST"), condition)


async def test_without_a_condition_by_any_or_by_a_list_a_write_goes_through(apis: dict[str, Api]) -> None:
    client = apis["TaskFlow"].client
    for number, condition in enumerate((None, "*", '"7-0", {tag}', '{tag}, "0-0"')):
        tag = (await client.get("/api/projects/1")).headers["ETag"]
        headers = {"If-Match": condition.replace("{tag}", tag)} if condition else {}
        answer = await client.put("/api/projects/1", {"name": f"Name {number}"}, headers=headers)
        # Of several the highest version counts, and none can be above the present one.
        assert answer.status == (412 if condition and "7-0" in condition else 200), condition


async def test_conditions_that_no_read_understands_are_ignored(apis: dict[str, Api]) -> None:
    for condition in (*MALFORMED, "a" * 5000, '"' * 999):
        answer = await apis["TaskFlow"].client.get("/api/projects/1", headers={"If-None-Match": condition})
        assert answer.status == 200, condition[:40]


async def test_of_64_simultaneous_updates_of_one_version_one_wins(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    client, before = apis["TaskFlow"].client, await taskflow.core.store.head()
    tag = (await client.get("/api/projects/1")).headers["ETag"]

    async def update(number: int) -> int:
        headers = {"If-Match": tag}
        return (await client.put("/api/projects/1", {"name": f"Writer {number}"}, headers=headers)).status

    assert Counter(await asyncio.gather(*map(update, range(64)))) == {200: 1, 412: 63}
    assert await taskflow.core.store.head() == before + 1


async def test_of_64_simultaneous_updates_without_a_condition_each_counts_or_is_told(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    flow, forge = apis["TaskFlow"].client, apis["TaskForge"].client
    before = await taskflow.core.store.head()

    async def update(number: int) -> int:
        if number % 2:
            return (await flow.put("/api/projects/1", {"name": f"Writer {number}"})).status
        return (await forge.put("/api/tasks/1", {"title": f"Writer {number}"})).status

    statuses = Counter(await asyncio.gather(*map(update, range(64))))
    assert statuses.keys() <= {200, 409}, statuses
    assert await taskflow.core.store.head() == before + statuses[200]


POSITIONS: Final = ("-1", "abc", "1.5", "", " ", "9" * 19, "+1", "0x1", "\u0661", "1, 2", "9" * 5000)


async def test_a_position_that_is_none_is_400_and_one_to_come_is_waited_for_in_vain(
    apis: dict[str, Api],
) -> None:
    for name in ("TaskFlow", "TaskForge"):
        api = apis[name]
        for position in POSITIONS:
            answer = await api.client.get(api.path, headers={"X-Min-Position": position})
            api.check(answer, Refusal(400), position[:30])
        answer = await api.client.get(api.path, headers={"X-Min-Position": "9" * 18})
        api.check(answer, Refusal(503))
        assert answer.headers["Retry-After"] == "1"
