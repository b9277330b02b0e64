"""What a read model answers: one suite for the model in Redis and the one in memory."""

from __future__ import annotations

import asyncio
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from events.event import Record
from projections.memory import fold
from readmodels.connecting import call, connect
from readmodels.documents import Ref, score
from readmodels.keys import Keys
from readmodels.memory import MemoryModel
from readmodels.model import PAGE_MAX, Model, NotReady, Query, Range, Through
from readmodels.redis import RedisModel
from readmodels.snapshots import Scope, Selection
from tests.folding import GENERATION, begun, client
from tests.histories import PRIORITIES, START, TASK_STATUSES, World, histories, history

SORTS = {
    "task": ("created", "id", "title", "updated_at", "due_date", "priority"),
    "project": ("created", "id", "name", "budget", "updated_at", "start_date", "end_date"),
    "user": ("created", "id", "username", "email", "updated_at"),
    "department": ("created", "id", "name"),
}
KEYS = Keys(GENERATION)


async def in_memory(_: Redis, records: list[Record]) -> Model:
    model = MemoryModel()
    fold(records, model)
    return model


async def in_redis(redis: Redis, records: list[Record]) -> Model:
    live = await begun(redis)
    await live.fold(records, "ready")
    return RedisModel(redis, GENERATION)


@pytest.fixture(params=[in_memory, in_redis], ids=["memory", "redis"])
def model_of(request: pytest.FixtureRequest) -> Any:
    return request.param


def a_world() -> World:
    """Departments, users, projects and tasks enough for several pages."""
    world = World(Random(11))
    for _ in range(400):
        world.next()
    return world


def living(world: World, kind: str) -> list[dict[str, Any]]:
    model = MemoryModel()
    fold(world.records, model)
    return [
        dict(document)
        for ref, document in model.documents.items()
        if ref.kind == kind and not document.get("deleted")
    ]


def ids(documents: Any) -> list[int]:
    return [document["id"] for document in documents]


async def test_the_newest_come_first(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    tasks = sorted(living(world, "task"), key=lambda task: -task["created"])

    page = await model.page(Query("task", limit=7))

    assert (ids(page.documents), page.total, page.position) == (ids(tasks)[:7], len(tasks), 400)


async def test_pages_follow_each_other_without_a_gap(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    tasks = sorted(living(world, "task"), key=lambda task: (PRIORITIES.index(task["priority"]), -task["id"]))

    seen: list[int] = []
    for offset in range(0, len(tasks) + 5, 5):
        page = await model.page(Query("task", sort="priority", descending=False, offset=offset, limit=5))
        seen += ids(page.documents)

    assert seen == ids(tasks)


async def test_equal_texts_go_by_descending_id_in_both_directions(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    newest_first = sorted(living(world, "task"), key=lambda task: -task["id"])

    for descending in (True, False):
        expected = sorted(newest_first, key=lambda task: task["title"].casefold(), reverse=descending)
        query = Query("task", sort="title", descending=descending, limit=PAGE_MAX)
        assert ids((await model.page(query)).documents) == ids(expected)


async def test_a_group_of_filters_is_satisfied_by_any_of_it_and_groups_by_all(
    redis: Redis, model_of: Any
) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    expected = [
        task
        for task in living(world, "task")
        if task["status"] in {"pending", "in_progress"} and task["priority"] == "high"
    ]
    where = (("task:status:pending", "task:status:in_progress"), ("task:priority:high",))

    page = await model.page(Query("task", where=where, limit=PAGE_MAX))

    assert expected
    assert (page.total, ids(page.documents)) == (len(expected), sorted(ids(expected), reverse=True))


async def test_a_user_sees_the_tasks_of_visible_projects_and_personal_ones(
    redis: Redis, model_of: Any
) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    tasks = living(world, "task")
    user = world.users[2]
    projects = {task["project_id"] for task in tasks if user in task["assignee_ids"]}
    projects |= {project["id"] for project in living(world, "project") if project["owner_id"] == user}
    expected = {
        task["id"]
        for task in tasks
        if task["project_id"] in projects - {None}
        or (task["project_id"] is None and task["creator_id"] == user)
    }
    through = Through(f"project:visible:{user}", "task:project:", (f"task:personal:{user}",))

    page = await model.page(Query("task", through=through, limit=PAGE_MAX))

    assert expected
    assert set(ids(page.documents)) == expected


async def test_ranges_include_both_ends_and_without_leaves_out(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    dated = sorted(task["due_date"] for task in living(world, "task") if task["due_date"])
    low, high = dated[len(dated) // 4], dated[len(dated) // 2]
    due = Range("task:sort:due_date", score(low), score(high))

    inside = await model.page(Query("task", ranges=(due,), limit=PAGE_MAX))
    outside = await model.page(Query("task", without=(due,), limit=PAGE_MAX))

    assert {task["due_date"] for task in inside.documents} == {date for date in dated if low <= date <= high}
    everything = {task["id"] for task in living(world, "task")}
    assert set(ids(outside.documents)) == everything - set(ids(inside.documents))


async def test_documents_without_a_value_come_last_in_both_directions(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    undated = [task["id"] for task in living(world, "task") if task["due_date"] is None]

    for descending in (True, False):
        query = Query("task", sort="due_date", descending=descending, limit=PAGE_MAX)
        page = await model.page(query)
        assert ids(page.documents)[-len(undated) :] == sorted(undated, reverse=True)
        assert page.total == len(page.documents) == len(living(world, "task"))


@pytest.mark.parametrize("needle", ["STRASSE", "straße", "İSTANBUL", "σίσυφοσ", "a_b%c", "x.*", "名前", "🚧"])
async def test_a_text_is_found_literally_and_without_regard_to_case(
    redis: Redis, model_of: Any, needle: str
) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    folded = needle.casefold()
    expected = {
        task["id"]
        for task in living(world, "task")
        if folded in task["title"].casefold() or folded in task["description"].casefold()
    }

    page = await model.page(Query("task", text=needle, limit=PAGE_MAX))

    assert expected
    assert set(ids(page.documents)) == expected


async def test_deleted_tasks_stay_as_documents_but_in_no_list(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    memory = MemoryModel()
    fold(world.records, memory)
    deleted = [ref for ref, document in memory.documents.items() if document.get("deleted")]

    page = await model.page(Query("task", limit=PAGE_MAX))

    assert deleted
    assert set(await model.fetch(deleted)) == set(deleted)
    assert not {int(ref.id) for ref in deleted} & set(ids(page.documents))


async def test_fetch_answers_what_exists(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    project = Ref("project", str(world.projects[0]))

    found = await model.fetch([project, Ref("project", "99999"), project])

    assert list(found) == [project]
    assert found[project]["id"] == world.projects[0]
    assert await model.fetch([]) == {}


async def test_members_of_an_index_come_in_its_order(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)
    project = max(world.projects, key=lambda each: sum(t.project_id == each for t in world.tasks.values()))
    expected = sorted(task["id"] for task in living(world, "task") if task["project_id"] == project)

    assert [int(key) for key in await model.members(f"task:project:{project}")] == expected
    assert await model.members("task:project:99999") == []


async def test_a_page_past_the_end_is_empty_with_the_total(redis: Redis, model_of: Any) -> None:
    world = a_world()
    model: Model = await model_of(redis, world.records)

    page = await model.page(Query("task", offset=100_000))

    assert (page.documents, page.total) == ([], len(living(world, "task")))


async def test_an_empty_log_is_an_empty_list(redis: Redis, model_of: Any) -> None:
    model: Model = await model_of(redis, [])
    page = await model.page(Query("task"))
    assert (page.documents, page.total, page.position) == ([], 0, 0)


def queries() -> st.SearchStrategy[Query]:
    return st.sampled_from(sorted(SORTS)).flatmap(queries_of)


def queries_of(kind: str) -> st.SearchStrategy[Query]:
    few = st.integers(0, 6).map(str)
    indexes = {
        "task": st.one_of(
            st.sampled_from(TASK_STATUSES).map("task:status:{}".format),
            st.sampled_from(PRIORITIES).map("task:priority:{}".format),
            few.map("task:project:{}".format),
            few.map("task:assignee:{}".format),
        ),
        "project": st.one_of(
            st.sampled_from(["active", "on_hold"]).map("project:status:{}".format),
            few.map("project:visible:{}".format),
        ),
        "user": st.sampled_from(
            ["user:active:true", "user:role:admin", "user:role:user", "user:department:1"]
        ),
        "department": st.just("department:sort:id"),
    }[kind]
    through = st.builds(
        Through,
        few.map("project:visible:{}".format),
        st.just("task:project:"),
        few.map(lambda user: (f"task:personal:{user}",)),
    )
    return st.builds(
        Query,
        st.just(kind),
        where=st.lists(st.lists(indexes, min_size=1, max_size=3).map(tuple), max_size=2).map(tuple),
        through=st.none() | through if kind == "task" else st.none(),
        ranges=st.lists(ranges_of(kind), max_size=1).map(tuple),
        without=st.lists(ranges_of(kind), max_size=1).map(tuple),
        text=st.none() | st.sampled_from(["", "a", "strasse", "x.*", "BETA", "\n"])
        if kind != "department"
        else st.none(),
        sort=st.sampled_from(SORTS[kind]),
        descending=st.booleans(),
        ties=st.sampled_from(["newest", "same"]),
        offset=st.integers(0, 12),
        limit=st.integers(0, 12),
    )


def ranges_of(kind: str) -> st.SearchStrategy[Range]:
    numeric = {"task": "due_date", "project": "start_date"}.get(
        kind, "updated_at" if kind == "user" else "created"
    )
    moments = st.none() | st.integers(-40, 400).map(lambda day: START.timestamp() + day * 86_400.0)
    return st.builds(Range, st.just(f"{kind}:sort:{numeric}"), moments, moments)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(records=histories(120), asked=st.lists(queries(), min_size=5, max_size=12))
async def test_both_models_give_the_same_answers(
    redis: Redis, records: list[Record], asked: list[Query]
) -> None:
    memory, stored = await in_memory(redis, records), await in_redis(redis, records)
    for query in asked:
        assert await stored.page(query) == await memory.page(query)


async def test_long_lists_are_paged_the_same_way(redis: Redis) -> None:
    """Long enough for lists beyond one command's words, and for following a sort index."""
    records = history(Random(5), 9_000)
    memory, stored = await in_memory(redis, records), await in_redis(redis, records)
    asked = [
        Query("task", where=where, text=text, sort=sort, descending=descending, offset=offset, limit=25)
        for where in ((), (("task:status:pending", "task:status:completed"),), (("task:priority:high",),))
        for text in (None, "beta")
        for sort in ("created", "title", "due_date", "priority")
        for descending in (True, False)
        for offset in (0, 50, 1_100, 2_000)
    ]
    for query in asked:
        assert await stored.page(query) == await memory.page(query), query


@pytest.mark.parametrize("state", ["clearing", "filling", "torn", "damaged"])
async def test_a_model_that_is_not_ready_says_so(redis: Redis, state: str) -> None:
    model = await in_redis(redis, a_world().records)
    await call(redis, "HSET", KEYS.checkpoint, "state", state)
    await refuses_everything(model)


async def test_a_lost_redis_is_not_ready(redis: Redis) -> None:
    model = await in_redis(redis, a_world().records)
    await redis.flushdb()
    await refuses_everything(model)


async def refuses_everything(model: Model) -> None:
    with pytest.raises(NotReady):
        await model.fetch([Ref("task", "1")])
    with pytest.raises(NotReady):
        await model.page(Query("task"))
    with pytest.raises(NotReady):
        await model.members("task:project:1")
    with pytest.raises(NotReady):
        await model.snapshot(Scope((Selection("task", "task:sort:id"),)), "2025-01-01T00:00:00.000000Z")
    with pytest.raises(NotReady):
        await model.position()
    with pytest.raises(NotReady):
        await model.parked([Ref("task", "1")])


async def test_a_listed_document_that_is_missing_is_damage_for_everybody(redis: Redis) -> None:
    world = a_world()
    model = await in_redis(redis, world.records)
    lost = Ref("task", str(next(iter(world.tasks))))
    await redis.delete(KEYS.document(lost))

    with pytest.raises(NotReady):
        await model.page(Query("task", limit=PAGE_MAX))
    with pytest.raises(NotReady):
        await model.fetch([Ref("project", str(world.projects[0]))])


async def test_a_fetched_document_that_is_missing_though_listed_is_damage(redis: Redis) -> None:
    world = a_world()
    model = await in_redis(redis, world.records)
    lost = Ref("task", str(next(iter(world.tasks))))
    await redis.delete(KEYS.document(lost))

    with pytest.raises(NotReady):
        await model.fetch([lost])
    assert await call(redis, "HGET", KEYS.checkpoint, "state") == b"damaged"


async def test_a_redis_that_went_back_is_not_ready_until_it_has_caught_up(redis: Redis) -> None:
    model = await in_redis(redis, a_world().records)
    assert await model.position() == 400
    await call(redis, "HSET", KEYS.checkpoint, "position", "399")
    with pytest.raises(NotReady):
        await model.position()
    await call(redis, "HSET", KEYS.checkpoint, "position", "401")
    assert await model.position() == 401


async def test_scripts_that_redis_forgot_are_sent_again(redis: Redis) -> None:
    model = await in_redis(redis, a_world().records)
    await redis.script_flush()
    assert (await model.page(Query("task"))).documents


async def test_a_redis_that_is_away_is_not_ready() -> None:
    async with client("redis://127.0.0.1:1/0") as nobody:
        await refuses_everything(RedisModel(nobody, GENERATION))


async def test_thousands_may_ask_at_once_over_few_connections(redis_url: str) -> None:
    redis = connect(redis_url, connections_max=5)
    world = a_world()
    model = await in_redis(redis, world.records)
    some = [Ref("task", str(number)) for number in world.tasks]

    found = await asyncio.gather(*(model.fetch([some[turn % len(some)]]) for turn in range(3_000)))

    assert [list(each) for each in found] == [[some[turn % len(some)]] for turn in range(3_000)]
    await redis.aclose()


async def test_who_stops_waiting_takes_nobody_along(redis: Redis) -> None:
    world = a_world()
    model = await in_redis(redis, world.records)
    project = Ref("project", str(world.projects[0]))
    asked = [asyncio.create_task(model.fetch([project])) for _ in range(100)]
    await asyncio.sleep(0)
    for task in asked[::2]:
        task.cancel()

    answers = await asyncio.gather(*asked, return_exceptions=True)

    assert all(isinstance(answer, asyncio.CancelledError) for answer in answers[::2])
    assert all(project in answer for answer in answers[1::2] if not isinstance(answer, BaseException))
    assert not any(isinstance(answer, BaseException) for answer in answers[1::2])
