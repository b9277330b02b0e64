"""An event that cannot be folded stops its own documents, loudly, and nothing else."""

from __future__ import annotations

import asyncio
from typing import Any

import psycopg
import pytest
from redis.asyncio import Redis
from structlog.testing import capture_logs

from events.event import Event
from events.log import RawAppend, RawEvent
from events.projects import ProjectCreated, ProjectDeleted
from events.store import Append, EventStore
from events.tasks import TaskCreated, TaskHoursBooked, TaskStatusChanged
from readmodels.documents import Ref
from readmodels.model import Query
from tests.projecting import model_in, projecting, until_at

SICK, WELL = Ref("task", "1"), Ref("task", "2")


async def happen(store: EventStore, event: Event, version: int) -> int:
    return (await store.append(Append(f"{event.stream}:{version}", ((event, version),)))).position


async def happen_unreadably(store: EventStore, stream: str, version: int, topic: str, state: bytes) -> int:
    event_id = f"00000000-0000-4000-8000-{version:012}"
    append = RawAppend(f"{stream}:{version}", (RawEvent(stream, version, topic, state, event_id),))
    [outcome] = await store.log.append_group([append])
    assert not isinstance(outcome, Exception)
    return outcome.position


def created(task_id: int) -> TaskCreated:
    return TaskCreated(task_id, 9, 7, f"Task {task_id}", "", "medium", "pending", None, None, (7,))


async def two_tasks(store: EventStore) -> None:
    await happen(store, ProjectCreated(9, 7, "Bridge", "", 0, None, None, "active"), 1)
    await happen(store, created(1), 1)
    await happen(store, created(2), 1)


def letters(database_url: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(database_url) as connection:
        found = connection.execute(
            "select position, stream, version, topic, error, documents, held_back"
            " from dead_letters order by position"
        )
        return found.fetchall()


BROKEN_CREDIT = TaskHoursBooked(1, 100, ({"user_id": 7},))


async def test_a_fold_that_fails_parks_its_document_and_the_rest_goes_on(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await two_tasks(store)
    poison = await happen(store, BROKEN_CREDIT, 2)
    later = await happen(store, TaskStatusChanged(1, "completed"), 3)
    last = await happen(store, TaskStatusChanged(2, "completed"), 2)
    model = await model_in(redis, database_url)

    with capture_logs() as said:
        async with projecting(store, redis, database_url):
            await until_at(model, last)
            found = await model.fetch([SICK, WELL])
            parked = await model.parked([SICK, WELL])

    assert (found[SICK]["status"], found[SICK]["version"]) == ("pending", 1)
    assert (found[WELL]["status"], found[WELL]["version"]) == ("completed", 2)
    assert parked == {SICK}
    [first, second] = await asyncio.to_thread(letters, database_url)
    assert first[:4] == (poison, "task-1", 2, "task.hours_booked")
    assert "KeyError" in first[4]
    assert (first[5], first[6]) == (["task:1"], False)
    assert (second[0], second[5], second[6]) == (later, ["task:1"], True)
    alarms = [line for line in said if line["event"] == "event_parked"]
    assert [(line["log_level"], line["position"]) for line in alarms] == [("error", poison)]


@pytest.mark.parametrize(
    ("topic", "state"), [("task.imagined", b"{}"), ("task.status_changed", b"{"), ("task.assigned", b"{}")]
)
async def test_an_event_that_cannot_be_decoded_parks_the_document_of_its_stream(
    store: EventStore, redis: Redis, database_url: str, topic: str, state: bytes
) -> None:
    await two_tasks(store)
    poison = await happen_unreadably(store, "task-1", 2, topic, state)
    await happen(store, TaskStatusChanged(1, "completed"), 3)
    last = await happen(store, TaskStatusChanged(2, "completed"), 2)
    model = await model_in(redis, database_url)

    async with projecting(store, redis, database_url):
        await until_at(model, last)
        found = await model.fetch([SICK, WELL])
        page = await model.page(Query("task", where=(("task:status:completed",),)))

    assert (found[SICK]["version"], found[WELL]["version"]) == (1, 2)
    assert [task["id"] for task in page.documents] == [2]
    first, *_ = await asyncio.to_thread(letters, database_url)
    assert (first[0], first[3], first[6]) == (poison, topic, False)


async def test_what_cannot_be_indexed_is_parked_too(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await two_tasks(store)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await happen(store, TaskCreated(3, 9, 7, "Task 3", "", "gigantic", "pending", None, None, ()), 1)
        last = await happen(store, created(4), 1)
        await until_at(model, last)
        assert set(await model.fetch([Ref("task", "3"), Ref("task", "4")])) == {Ref("task", "4")}
        assert await model.parked([Ref("task", "3")]) == {Ref("task", "3")}


@pytest.mark.parametrize("budget", [b"null", b"true", b"[]", b"{}"])
async def test_what_no_index_can_hold_is_parked_too(
    store: EventStore, redis: Redis, database_url: str, budget: bytes
) -> None:
    await two_tasks(store)
    model = await model_in(redis, database_url)
    state = b'{"project_id":8,"owner_id":7,"name":"P","description":"","budget_cents":%s,' % budget
    state += b'"start_date":null,"end_date":null,"status":"active"}'
    async with projecting(store, redis, database_url):
        await happen_unreadably(store, "project-8", 1, "project.created", state)
        await until_at(model, await happen(store, created(4), 1))
        assert await model.parked([Ref("project", "8")]) == {Ref("project", "8")}
        assert (await model.page(Query("project"))).total == 1


async def test_what_no_sum_can_hold_is_parked_too(store: EventStore, redis: Redis, database_url: str) -> None:
    await two_tasks(store)
    for task_id in (1, 2):
        credit = {"user_id": 7, "centihours": 100, "hourly_rate_cents": 1, "cost_cents": 2**62}
        last = await happen(store, TaskHoursBooked(task_id, 100, (credit,)), 2)
    model, figures = await model_in(redis, database_url), Ref("project_figures", "9")

    async with projecting(store, redis, database_url):
        await until_at(model, last)
        found = await model.fetch([SICK, WELL, figures])
        parked = await model.parked([SICK, WELL])

    assert found[figures]["labour_cents"] == found[SICK]["cost_cents"] == 2**62
    assert (parked, found[WELL]["cost_cents"]) == ({WELL}, 0)
    [letter] = await asyncio.to_thread(letters, database_url)
    assert "OverflowError" in letter[4]


async def test_what_the_document_itself_cannot_hold_is_parked_too(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    """Each booking fits into the log; what they add up to in a document does not."""
    await two_tasks(store)
    for version in (2, 3, 4):
        credit = {"user_id": 7, "centihours": 100, "hourly_rate_cents": 1, "cost_cents": 2**63 - 1}
        taken_back = {**credit, "user_id": 8, "centihours": -(2**63) + 2, "cost_cents": 0}
        await happen(store, TaskHoursBooked(1, version, (credit,)), version)
        last = await happen(store, TaskHoursBooked(2, version, (taken_back,)), version)
    model = await model_in(redis, database_url)

    async with projecting(store, redis, database_url):
        await until_at(model, last)
        parked = await model.parked([SICK, WELL])

    assert parked == {SICK, WELL}
    errors = [letter[4] for letter in await asyncio.to_thread(letters, database_url) if not letter[6]]
    assert [error.split()[0] for error in errors] == ["OverflowError", "TypeError"]


async def test_a_letter_about_text_that_the_database_cannot_hold_arrives(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await two_tasks(store)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        poison = await happen_unreadably(
            store, "task-1", 2, "task.deleted", b'{"task_id":1,"odd\\u0000name":1}'
        )
        await until_at(model, poison)
    [letter] = await asyncio.to_thread(letters, database_url)
    assert (letter[0], letter[5]) == (poison, ["task:1"])


async def test_parked_documents_stay_parked_over_a_restart_and_a_rebuild(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await two_tasks(store)
    await happen(store, BROKEN_CREDIT, 2)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 4)
    last = await happen(store, TaskStatusChanged(1, "completed"), 3)
    async with projecting(store, redis, database_url):
        await until_at(model, last)
        before = (await model.fetch([SICK]), await asyncio.to_thread(letters, database_url))
        await redis.flushdb()
        await until_at(model, last)
        assert (await model.fetch([SICK]), await asyncio.to_thread(letters, database_url)) == before
        assert await model.parked([SICK, WELL]) == {SICK}
        assert before[0][SICK]["version"] == 1


async def test_a_parked_task_outlives_its_project_and_its_neighbours_do_not(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await two_tasks(store)
    await happen(store, BROKEN_CREDIT, 2)
    last = await happen(store, ProjectDeleted(9), 2)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, last)
        found = await model.fetch([SICK, WELL, Ref("project", "9")])
    assert set(found) == {SICK}
    assert [letter[5] for letter in await asyncio.to_thread(letters, database_url)][-1] == ["task:1"]


async def test_an_unknown_event_of_a_stream_without_a_document_stops_nothing(
    store: EventStore, redis: Redis, database_url: str
) -> None:
    await happen_unreadably(store, "weather-1", 1, "weather.changed", b"{}")
    await two_tasks(store)
    model = await model_in(redis, database_url)
    async with projecting(store, redis, database_url):
        await until_at(model, 4)
        assert (await model.page(Query("task"))).total == 2
    [letter] = await asyncio.to_thread(letters, database_url)
    assert (letter[1], letter[5]) == ("weather-1", [])
