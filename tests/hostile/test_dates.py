"""Dates: the ones that there are, in order."""

from __future__ import annotations

from typing import Any, Final

import pytest

from tests.hostile.asking import Api, Refusal, nothing_left
from tests.http import Taskflow

NEITHER: Final[tuple[Any, ...]] = (
    "0000-01-01",
    "2023-02-29",
    "2025-04-31",
    "2025-13-01",
    "2025-00-10",
    "2025-1-1",
    "10000-01-01",
    "+10000-01-01",
    "-2025-01-01",
    "9999-12-31T23:59:60Z",
    "2025-01-01T24:00:00Z",
    "2025-01-01T25:00:00",
    "2025-01-01T10:60",
    "2025-01-01T10:00:00+99:99",
    "2025-01-01T10:00:00+24:00",
    "2025-01-01T10:00:00+1",
    "2025-01-01T10:00:00 +01:00",
    "2025-01-01T10:00:00ZZ",
    "2025-01-01T10:00:00.Z",
    "2025-01-01T10:00:00.1234567890123Z",
    "0001-01-01T00:00:00+01:00",
    "9999-12-31T23:59:59-01:00",
    "31/12/2025",
    "12-31-2025",
    "tomorrow",
    "now()",
    "1735689600",
    " 2025-01-01",
    "2025-01-01\n",
    "2025-01-01\0",
    "\u0662\u0660\u0662\u0665-01-01",
    "\uff12025-01-01",
    "2025\u201301\u201301",
    "2" * 5000,
    20250101,
    1735689600.5,
    True,
    ["2025-01-01"],
    {"year": 2025},
)
"""What neither API takes for a date."""

TASKFLOW_ONLY: Final = ("20250101", "2025-W01-1", "2025-01", "2025-01-01 10:00")
"""What TaskForge takes besides."""

TAKEN: Final = {
    "2024-02-29": "2024-02-29T00:00:00",
    "0001-01-01": "0001-01-01T00:00:00",
    "9999-12-31T23:59:59Z": "9999-12-31T23:59:59",
    "2025-01-01T00:30:00+01:00": "2024-12-31T23:30:00",
    "2025-12-31T23:30:00-23:59": "2026-01-01T23:29:00",
    "2025-06-01T10:00": "2025-06-01T10:00:00",
}


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_what_is_no_date(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api = apis[name]
    async with nothing_left(taskflow):
        for text in (*NEITHER, *(TASKFLOW_ONLY if name == "TaskFlow" else ())):
            if name == "TaskFlow":
                answer = await api.write(name="P", start_date=text)
                api.check(answer, Refusal(422), str(text)[:40])
                assert answer.errors.keys() == {"start_date"}
            else:
                answer = await api.write(title="T", due_date=text)
                said = "Invalid date format. Use ISO format (e.g., 2024-01-15T10:30:00)"
                api.check(answer, Refusal(400, said), str(text)[:40])


async def test_dates_at_the_ends_of_time(apis: dict[str, Api]) -> None:
    for sent, meant in TAKEN.items():
        project = (await apis["TaskFlow"].write(name="P", start_date=sent)).data["project"]
        assert project["start_date"] == f"{meant}Z", sent
        task = (await apis["TaskForge"].write(title="T", due_date=sent)).data
        assert task["due_date"] == meant, sent


async def test_nothing_ends_before_it_begins(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    api = apis["TaskFlow"]
    async with nothing_left(taskflow):
        for start, end in (
            ("2025-07-02", "2025-07-01"),
            ("2025-07-01T00:00:01Z", "2025-07-01T02:00:00+02:00"),
        ):
            answer = await api.write(name="P", start_date=start, end_date=end)
            api.check(answer, Refusal(422), (start, end))
    made = (await api.write(name="P", start_date="2025-07-01", end_date="2025-07-01")).data["project"]
    async with nothing_left(taskflow):
        answer = await api.client.put(f"/api/projects/{made['id']}", {"start_date": "2025-07-02"})
        api.check(answer, Refusal(422), "one end alone")


MOMENTS: Final = ("as_of", "start_from", "start_to")


async def test_no_list_takes_what_is_no_date(apis: dict[str, Api]) -> None:
    for parameter in MOMENTS:
        for text in NEITHER:
            if isinstance(text, str) and "\0" not in text and len(text) < 100:
                answer = await apis["TaskFlow"].client.get("/api/projects", params={parameter: text})
                apis["TaskFlow"].check(answer, Refusal(400, "BAD_REQUEST"), (parameter, text))


@pytest.mark.parametrize("moment", ["2999-01-01", "9999-12-31T23:59:59Z"])
async def test_nobody_is_told_the_future(apis: dict[str, Api], moment: str) -> None:
    answer = await apis["TaskFlow"].client.get("/api/projects", params={"as_of": moment})
    apis["TaskFlow"].check(answer, Refusal(400, "BAD_REQUEST"))
