"""Every figure of every statistic and report equals a plain recomputation from the events."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from datetime import timedelta
from math import nextafter
from random import Random
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.reports.formats import PLACES
from api.reports.json_data import data_of
from api.taskflow.stats_forms import department_stats_answer, user_stats_answer
from events.event import Record
from events.instants import instant, moment
from projections.memory import fold
from readmodels.documents import Ref, score
from readmodels.memory import MemoryModel
from readmodels.model import Model, Query, Range
from readmodels.redis import RedisModel
from readmodels.reports import catalogue
from readmodels.reports.periods import Period
from readmodels.reports.report import Chart, Column
from tests.folding import GENERATION, begun, client, fold_parts
from tests.histories import LONG_LIVED, batches, histories, history, splits
from tests.recomputed import REPORTS, department_stats, finished, own_tasks, tasks_with, user_stats
from tests.told import Task, Told

IN_MEMORY = settings(max_examples=500, deadline=None)
IN_REDIS = settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
HISTORIES = histories(150) | histories(150, LONG_LIVED)
LATER = st.sampled_from([timedelta(), timedelta(hours=5), timedelta(days=20), timedelta(days=400)])
Edge = tuple[int, int] | None
EDGE = st.none() | st.tuples(st.integers(0, 200), st.sampled_from([0, 0, 1, -1, 12, -12, 24, -24, 999]))
EDGES = st.tuples(EDGE, EDGE)


def at_the_end(records: list[Record], later: timedelta) -> str:
    return instant(moment(records[-1].recorded_at) + later)


async def check_stats(model: Model, told: Told, now: str) -> None:
    for user_id in told.users:
        answer = await user_stats_answer(model, user_id, now)
        assert answer.data == {"user_stats": user_stats(told, user_id, now)}
    for department_id in told.departments:
        answer = await department_stats_answer(model, department_id, now)
        assert answer.data == {"department_stats": department_stats(told, department_id, now)}


async def check_own_tasks(model: Model, told: Told, now: str) -> None:
    """Of those who are gone, too: somebody may ask for tasks by their creator."""
    people = {user for task in told.tasks.values() for user in (task.creator_id, *task.team)}
    for user_id in people | set(told.users):
        expected = own_tasks(told, user_id, now)
        ref, index = Ref("own_tasks", str(user_id)), f"task:own:{user_id}"
        found = (await model.fetch([ref])).get(ref, {})
        assert {name: found.get(name, 0) for name in expected if name != "overdue"} | {
            "overdue": await total(model, index, before(f"task:due:own:{user_id}", now))
        } == expected
        assert await total(model, index) == expected["tasks"]
        listed = await total(model, index, before("task:due:unfinished", now))
        assert listed == expected["overdue"]


async def check_tags(model: Model, told: Told) -> None:
    for tag_id in {tag_id for task in told.tasks.values() for tag_id in task.tag_ids}:
        ref = Ref("tag_figures", str(tag_id))
        found = (await model.fetch([ref])).get(ref, {})
        assert found.get("tasks", 0) == tasks_with(told, tag_id)
        assert await total(model, f"task:tag:{tag_id}") == tasks_with(told, tag_id)


async def total(model: Model, index: str, *ranges: Range) -> int:
    return (await model.page(Query("task", where=((index,),), ranges=ranges, limit=0))).total


def before(index: str, now: str) -> Range:
    """Moments that are in the past."""
    return Range(index, maximum=nextafter(score(now), 0))


async def check_reports(model: Model, told: Told, period: Period, now: str) -> None:
    today = f"{now[:10]}T00:00:00.000000Z"
    for name, definition in catalogue.REPORTS.items():
        snapshot = await model.snapshot(definition.scope(period), today)
        report = definition.report(snapshot, period)
        summary, rows = REPORTS[name](told, period, snapshot.moment)
        told_summary, told_rows = data_of(report).values()
        assert told_summary == summary
        assert [figures(row, report.columns) for row in told_rows] == rows
        if name == "users-productivity":
            check_throughput(report.chart, finished(told, told.users, period))


def figures(row: dict[str, Any], columns: Sequence[Column]) -> dict[str, Any]:
    """A row's figures without its texts; of a person the id."""
    found = {column.name: row[column.name] for column in columns if column.unit in PLACES}
    if "status" in row:
        found["status"] = row["status"]
    if "busiest_member" in row:
        found["busiest_member"] = row["busiest_member"] and row["busiest_member"]["id"]
    return found


def check_throughput(chart: Chart, tasks: Sequence[Task]) -> None:
    """Each task once, in its week or month; early ones may be too many to show."""
    days = [moment(task.statuses[-1].at) for task in {id(task): task for task in tasks}.values()]
    if "week" in chart.title:
        days = [day - timedelta(days=day.weekday()) for day in days]
    labels = Counter(f"{day:%Y-%m-%d}"[: len(bar.label)] for bar in chart.bars[:1] for day in days)
    for bar in chart.bars:
        assert bar.values == (labels[bar.label],)
    assert chart.note or sum(bar.values[0] for bar in chart.bars) == len(days)


def period_of(records: list[Record], told: Told, edges: tuple[Edge, Edge]) -> Period:
    """A period with edges where, and shortly before and after, something begins, ends or happens."""
    moments = [record.recorded_at for record in records]
    for project in told.projects.values():
        moments += [at for at in (project["start_date"], project["end_date"]) if at]
    start, end = (
        edge and instant(moment(moments[edge[0] % len(moments)]) + timedelta(hours=edge[1])) for edge in edges
    )
    return Period(end, start) if start and end and end < start else Period(start, end)


@IN_MEMORY
@given(records=HISTORIES, sizes=splits(), later=LATER)
async def test_statistics_are_what_the_events_add_up_to(
    records: list[Record], sizes: list[int], later: timedelta
) -> None:
    model = MemoryModel()
    for part in batches(records, sizes):
        fold(part, model)
    told, now = Told(records), at_the_end(records, later)
    await check_stats(model, told, now)
    await check_own_tasks(model, told, now)
    await check_tags(model, told)


@IN_MEMORY
@given(records=HISTORIES, sizes=splits(), later=LATER, edges=EDGES)
async def test_reports_are_what_the_events_add_up_to(
    records: list[Record], sizes: list[int], later: timedelta, edges: tuple[Edge, Edge]
) -> None:
    model = MemoryModel()
    for part in batches(records, sizes):
        fold(part, model)
    told = Told(records)
    await check_reports(model, told, period_of(records, told, edges), at_the_end(records, later))


def test_the_histories_of_these_checks_have_something_in_every_figure() -> None:
    """Else two wrong zeros would be equal."""
    named: set[str] = set()
    filled: set[str] = set()
    for seed in range(40):
        records = history(Random(seed), 150, LONG_LIVED)
        told, now = Told(records), at_the_end(records, timedelta(days=3))
        for name, each in every_figure(told, now):
            named |= {f"{name}: {figure}" for figure in each}
            filled |= {f"{name}: {figure}" for figure, value in each.items() if value}
    assert filled == named


def every_figure(told: Told, now: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for user_id in told.users:
        yield "user", user_stats(told, user_id, now)
        yield "own tasks", own_tasks(told, user_id, now)
    for department_id in told.departments:
        yield "department", department_stats(told, department_id, now)
    for name, recomputed in REPORTS.items():
        summary, rows = recomputed(told, Period(), now)
        yield f"{name}, summary", summary
        yield from ((name, row) for row in rows)


@IN_REDIS
@given(records=HISTORIES, sizes=splits(), later=LATER, edges=EDGES)
async def test_figures_in_redis_are_what_the_events_add_up_to(
    redis_url: str, records: list[Record], sizes: list[int], later: timedelta, edges: tuple[Edge, Edge]
) -> None:
    async with client(redis_url) as redis:
        await fold_parts(await begun(redis), batches(records, sizes))
        model, told, now = RedisModel(redis, GENERATION), Told(records), at_the_end(records, later)
        await check_stats(model, told, now)
        await check_own_tasks(model, told, now)
        await check_tags(model, told)
        await check_reports(model, told, period_of(records, told, edges), now)
