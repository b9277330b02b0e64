"""Idempotency keys: one effect for one key, one user, one address and one body."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import pytest

from tests.hostile.asking import Api, Refusal, left, nothing_left, spoken
from tests.http import Taskflow

NO_KEYS: Final = ("", " ", "a" * 256, "a b", "\u00e9", "\U0001f600", "a" * 5000)


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_what_is_no_key_is_400(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api = apis[name]
    async with nothing_left(taskflow):
        for key in NO_KEYS:
            answer = await api.client.post(api.path, {api.text: "N"}, headers={"Idempotency-Key": key})
            api.check(answer, Refusal(400), repr(key[:30]))
        body = b'{"name": "N", "title": "T"}'
        head = f"POST {api.path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n".encode()
        for keys in (
            b"Idempotency-Key: a\r\nIdempotency-Key: a\r\n",
            b"Idempotency-Key: \xff\r\n",
            b"Idempotency-Key: a\tb\r\n",
        ):
            sent = head + api.credentials + keys + b"Content-Length: %d\r\n\r\n" % len(body) + body
            raw = await spoken(api.url, sent)
            assert raw.answer is not None
            api.check(raw.answer, Refusal(400), keys)


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_another_body_under_a_key_changes_nothing(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    api, key = apis[name], {"Idempotency-Key": "k" * 255}
    first = await api.client.post(api.path, {api.text: "First"}, headers=key)
    assert first.status == 201
    async with nothing_left(taskflow):
        for body in ({api.text: "Second"}, {api.text: "First", "description": ""}, {api.text: "first"}):
            answer = await api.client.post(api.path, body, headers=key)
            api.check(answer, Refusal(422 if name == "TaskFlow" else 409), body)
        spaced = await api.client.post(
            api.path,
            data=b'{ "%b": "First"}' % api.text.encode(),
            headers=key | {"Content-Type": "application/json"},
        )
        api.check(spaced, Refusal(422 if name == "TaskFlow" else 409), "the same in other bytes")
        again = await api.client.post(api.path, {api.text: "First"}, headers=key)
        assert (again.raw, again.headers["Idempotency-Replayed"]) == (first.raw, "true")


async def test_a_key_is_one_user_s_at_one_address(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    key = {"Idempotency-Key": "shared"}
    await taskflow.user("ana", "manager")
    ana = await taskflow.signed_in("ana")
    asked = [(taskflow.admin, "/api/projects"), (ana, "/api/projects"), (taskflow.admin, "/api/departments")]
    answers = [await client.post(path, {"name": "N"}, headers=key) for client, path in asked]
    answers.append(await apis["TaskForge"].client.post("/api/tasks", {"title": "N"}, headers=key))
    answers.append(await apis["TaskForge"].client.post("/api/tags", {"name": "N"}, headers=key))
    assert [answer.status for answer in answers] == [201] * 5
    assert not any("Idempotency-Replayed" in answer.headers for answer in answers)


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_twins_at_once_have_one_effect(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api, before = apis[name], await left(taskflow)

    async def write(body: str) -> tuple[int, bytes]:
        key = {"Idempotency-Key": "twins"}
        answer = await api.client.post(api.path, {api.text: body}, headers=key)
        return answer.status, answer.raw if answer.status == 201 else b""

    answers = Counter(await asyncio.gather(*(write("This" if n % 2 else "That") for n in range(40))))
    made = [count for (status, _), count in answers.items() if status == 201]
    assert made == [20], answers
    assert answers[422 if name == "TaskFlow" else 409, b""] == 20, answers
    assert (await left(taskflow)).head == before.head + 1


async def test_what_was_invalid_is_kept_as_it_was_answered(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    api, key = apis["TaskFlow"], {"Idempotency-Key": "faulty"}
    before = await taskflow.core.store.head()
    first = await api.client.post(api.path, {"name": ""}, headers=key)
    again = await api.client.post(api.path, {"name": ""}, headers=key)
    assert (first.status, again.status, again.raw) == (422, 422, first.raw)
    assert await taskflow.core.store.head() == before
