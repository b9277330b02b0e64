"""Looking into the log over HTTP: the answers of the command line, for admins."""

from __future__ import annotations

import asyncio
import json

import pytest

from tests.http import Taskflow
from tests.test_http_envelope import check_error


async def test_pages_of_events(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    for title in ("one", "two", "three"):
        await taskflow.admin.made(f"/api/projects/{project['id']}/tasks", {"title": title})
    asked = {"type": "task.*,risk.*", "where": f"data.project_id={project['id']}", "limit": "2"}
    answer = await taskflow.admin.get("/ops/api/events", params=asked)
    assert [event["data"]["title"] for event in answer.data["events"]] == ["three", "two"]
    assert answer.data["head"] == await taskflow.core.store.head()
    # Nothing is indexed yet, and nothing is missing all the same.
    assert (answer.data["indexed_to"], answer.data["complete_to"]) == (0, answer.data["head"])
    rest = await taskflow.admin.get("/ops/api/events", params=asked | {"before": str(answer.data["next"])})
    assert [event["data"]["title"] for event in rest.data["events"]] == ["one"]
    oldest = await taskflow.admin.get("/ops/api/events", params=asked | {"order": "oldest", "since": "1h"})
    assert [event["data"]["title"] for event in oldest.data["events"]] == ["one", "two"]
    both = asked | {"where": json.dumps([f"data.project_id={project['id']}", "data.title=two"])}
    assert len((await taskflow.admin.get("/ops/api/events", params=both)).data["events"]) == 1


async def test_one_event_with_all_that_is_known_of_it(taskflow: Taskflow) -> None:
    number = await taskflow.user("dana")
    found = await taskflow.admin.get("/ops/api/events", params={"stream": f"user-{number}"})
    [event] = [each for each in found.data["events"] if each["type"] == "user.registered"]
    assert event["data"]["username"] == "(personal)"
    for name in (str(event["position"]), event["event_id"]):
        shown = (await taskflow.admin.get(f"/ops/api/events/{name}")).data["event"]
        assert shown["data"]["username"] == "dana"
        assert shown["request"]["address"] == "127.0.0.1"
        assert [each["type"] for each in shown["same_request"]]
        assert shown["changes"][0]["effect"] == "created"
    masked = await taskflow.admin.get(f"/ops/api/events/{event['position']}", params={"masked": "true"})
    assert b"dana" not in masked.raw
    for name in ("0", "999999999999999999999", "no-event", "00000000-0000-4000-8000-000000000000"):
        check_error(await taskflow.admin.get(f"/ops/api/events/{name}"), 404, "NOT_FOUND")


async def test_who_follows_misses_nothing_and_gets_nothing_twice(taskflow: Taskflow) -> None:
    path = "/ops/api/events/tail"
    seen: list[int] = []
    after = (await taskflow.admin.get(path)).data["position"]
    assert after == await taskflow.core.store.head()
    asking = asyncio.create_task(
        taskflow.admin.get(path, params={"after": str(after), "wait_s": "10", "type": "tag.*,project.*"})
    )
    await asyncio.sleep(0.1)
    assert not asking.done()
    for name in ("A", "B"):
        await taskflow.admin.made("/api/projects", {"name": name})
    answer = (await asking).data
    while answer["position"] < await taskflow.core.store.head() or not seen:
        seen += [event["position"] for event in answer["events"]]
        after = answer["position"]
        asked = {"after": str(after), "wait_s": "0", "type": "project.*"}
        answer = (await taskflow.admin.get(path, params=asked)).data
    seen += [event["position"] for event in answer["events"]]
    created = await taskflow.admin.get(
        "/ops/api/events", params={"type": "project.created", "order": "oldest"}
    )
    assert [event["position"] for event in created.data["events"]] == seen


async def test_who_goes_on_beyond_the_end_is_told_so(taskflow: Taskflow) -> None:
    """As after the log was restored to an earlier moment: waiting there would skip what comes."""
    path, head = "/ops/api/events/tail", await taskflow.core.store.head()
    at_the_end = await taskflow.admin.get(path, params={"after": str(head)})
    assert (at_the_end.status, at_the_end.data) == (200, {"events": [], "position": head})
    for after in (head + 1, 9_999_999):
        answer = await taskflow.admin.get(path, params={"after": str(after), "wait_s": "5"})
        check_error(answer, 400, "BAD_REQUEST")
        assert f"the log ends at {head}" in answer.body["message"]


async def test_stats_count_the_log(taskflow: Taskflow) -> None:
    stats = (await taskflow.admin.get("/ops/api/events/stats")).data["stats"]
    head = await taskflow.core.store.head()
    assert stats["events"] == stats["complete_to"] == head > 0
    assert sum(line["events"] for line in stats["by_type"]) == head
    assert stats["growth"]["events_per_day"] == round(head / 30)


@pytest.mark.parametrize(
    "asked",
    [
        {"type": "\0"},
        {"where": "status"},
        {"where": "[1]"},
        {"where": "["},
        {"where": '["data.a=\\u0000"]'},
        {"since": "soon"},
        {"until": "2025-02-30"},
        {"limit": "1001"},
        {"actor": "dana"},
        {"after": "-1"},
        {"order": "up"},
        {"unknown": "1"},
    ],
)
async def test_what_cannot_be_asked_is_a_bad_request(taskflow: Taskflow, asked: dict[str, str]) -> None:
    check_error(await taskflow.admin.get("/ops/api/events", params=asked), 400, "BAD_REQUEST")


@pytest.mark.parametrize(
    "where", ["data.a=1e400", "data.a=-0.0", "data.a=" + "9" * 200, "data.%_'\"\\=x", "data.a=[", "data.=1"]
)
async def test_odd_values_find_nothing_and_break_nothing(taskflow: Taskflow, where: str) -> None:
    answer = await taskflow.admin.get("/ops/api/events", params={"where": where})
    assert answer.status in (200, 400)
    assert answer.status == 400 or answer.data["events"] == []


@pytest.mark.parametrize("path", ["", "/1", "/stats", "/tail"])
async def test_events_are_for_admins(taskflow: Taskflow, path: str) -> None:
    await taskflow.user("moira", "manager")
    for client, status in ((await taskflow.signed_in("moira"), 403), (await taskflow.anybody(), 401)):
        assert (await client.get(f"/ops/api/events{path}")).status == status
