"""Numbers: taken exactly as they are written, or not at all."""

from __future__ import annotations

from typing import Final

import orjson
import pytest

from tests.hostile.asking import Api, Refusal, nothing_left
from tests.http import Taskflow

WRONG_IDS: Final = ("0", "-1", "-0", "1.5", "1e-1", '"1"', "true", "false", "[]", "{}", "9223372036854775808",
                    "18446744073709551616", "1e19", "1.0000000000000000000001", "9" * 300)  # fmt: skip
"""Where the number of an object is wanted, as JSON writes them."""

WRONG_MONEY: Final = ("-1", "-0.01", '"1"', "true", "[]", "{}", "0.001", "0.30000000000000004", "1e-3",
                      "1e15", "999999999999.995", "1000000000000", "1e300",
                      "18446744073709551616", "9" * 300)  # fmt: skip

MONEY: Final = {
    "0": 0,
    "-0": 0,
    "-0.0": 0,
    "0.0": 0,
    "1.10": 1.1,
    "1e2": 100,
    "1E+2": 100,
    "10e-1": 1,
    "999999999999.99": 999999999999.99,
    "19.990000000000000000000000": 19.99,
}
"""Budgets as they are sent, and as they come back."""


@pytest.mark.parametrize("number", WRONG_IDS)
async def test_no_object_has_such_a_number(taskflow: Taskflow, apis: dict[str, Api], number: str) -> None:
    client = taskflow.admin
    sent = b'{"user_ids": [%b]}' % number.encode()
    async with nothing_left(taskflow):
        answer = await client.post(
            "/api/tasks/1/assign", data=sent, headers={"Content-Type": "application/json"}
        )
        assert answer.status == 422, answer.raw
        owner = b'{"name": "P", "owner_id": %b}' % number.encode()
        apis["TaskFlow"].check(await apis["TaskFlow"].send_raw(owner), Refusal(422), number)


WHOLE: Final = ("2", "2.0", "20e-1", "2.000000000000000000000000")


@pytest.mark.parametrize("number", WHOLE)
async def test_a_whole_number_may_be_written_with_a_point(apis: dict[str, Api], number: str) -> None:
    answer = await apis["TaskFlow"].send_raw(b'{"name": "P", "owner_id": %b}' % number.encode())
    assert answer.errors == {"owner_id": ["The user with id 2 does not exist"]} or answer.status == 422
    assert "must be the number of an object" not in str(answer.errors)


async def test_money_that_is_none(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    async with nothing_left(taskflow):
        for number in WRONG_MONEY:
            answer = await apis["TaskFlow"].send_raw(b'{"name": "P", "budget": %b}' % number.encode())
            apis["TaskFlow"].check(answer, Refusal(422), number[:30])
            assert answer.errors.keys() == {"budget"}, number[:30]


async def test_money_comes_back_as_it_went_in(apis: dict[str, Api]) -> None:
    for sent, shown in MONEY.items():
        answer = await apis["TaskFlow"].send_raw(b'{"name": "P", "budget": %b}' % sent.encode())
        assert answer.data["project"]["budget"] == shown, sent


async def test_taskforge_takes_whole_numbers_as_labels_only(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    api = apis["TaskForge"]
    async with nothing_left(taskflow):
        for number in ('"1"', "true", "1.5", "1e3", "null", "[1]", "{}"):
            answer = await api.send_raw(b'{"title": "T", "tags": [%b]}' % number.encode())
            api.check(answer, Refusal(400, "Tags must be a list of integers"), number)
    for number in ("0", "-1", str(2**53 + 1), str(2**63), str(2**64), "9" * 300):
        answer = await api.send_raw(b'{"title": "T", "tags": [%b]}' % number.encode())
        assert (answer.status, answer.data["tags"]) == (201, []), (number[:30], answer.raw)


async def test_no_digit_of_a_large_number_is_lost_on_the_way(taskflow: Taskflow) -> None:
    """2^53 + 1 would become 2^53 in a client that reads doubles, and here if anybody did."""
    answer = await taskflow.admin.get(f"/api/projects/{2**53 + 1}")
    assert answer.status == 404
    sent = orjson.dumps({"user_ids": [2**53 + 1]})
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T"})
    answer = await taskflow.admin.post(
        "/api/tasks/1/assign", data=sent, headers={"Content-Type": "application/json"}
    )
    assert str(2**53 + 1) in str(answer.errors), answer.raw


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_a_number_of_5000_digits_is_no_json(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    async with nothing_left(taskflow):
        answer = await apis[name].send_raw(b'{"name": "P", "x": ' + b"9" * 5000 + b"}")
        apis[name].check(answer, apis[name].refusal(400))
