"""A generated ledger, audited: every object's history gives the object, every report the server's bytes."""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from datetime import date
from io import BytesIO
from typing import Final

import pytest

from api.database import Database
from api.operators.asked import asked
from api.operators.audit import state_of, whole_history
from api.operators.history import WHOLE_LOG, Reader, reader_of, story
from api.operators.instruments import Instruments, instruments_of
from api.operators.reports import OF_PERIODS, Ordered, ordered, rebuilt
from api.operators.telling import OBJECTS
from api.reports.order import Form
from api.reports.rendering import render
from api.sample_data.generating import generate
from api.sample_data.plan import Plan
from api.taskflow.reports import ENDPOINTS
from commands.context import SYSTEM
from events.connections import Connections
from events.log import Metadata
from projections.bulk_memory import fold_into_memory
from readmodels.documents import Ref
from readmodels.reports.catalogue import REPORTS
from tests.http import Client, Taskflow, caught_up
from tests.test_sample_data import told
from tests.test_telling import told_object, without_bookkeeping

PLAN: Final = Plan(projects=4, tasks=48, users=8, seed=12, until=date(2025, 10, 1), password_hash="kept")
FORMS: Final[tuple[Form, ...]] = ("json", "csv", "pdf")
ADDRESSES: Final = {
    "projects": "/api/reports/projects",
    "users-productivity": "/api/reports/users/productivity",
    "departments-workload": "/api/reports/departments/workload",
    "budget-analysis": "/api/reports/budget-analysis",
}


async def test_every_objects_history_gives_the_object(database_url: str) -> None:
    connections = Connections(database_url)
    async with told(database_url, PLAN) as (store, _):
        reader = Reader(store, Database(connections), events_max=10_000)
        model = await fold_into_memory(store, await store.head())
        refs = [ref for ref in model.documents if ref.kind in OBJECTS]
        for ref in refs:
            assert told_object(await story(reader, ref)) == without_bookkeeping(model.documents[ref]), ref
        streams = {record.stream for record in await store.read(0, 100_000)}
        gone = {Ref(*name.split("-", 1)) for name in streams if name.startswith("expense-")} - set(refs)
        for ref in gone:
            assert told_object(await story(reader, ref)) is None
            assert (await whole_history(reader, ref, WHOLE_LOG))[-1].told.effect == "removed"
    await connections.close()
    kinds = Counter(ref.kind for ref in refs)
    assert kinds["task"] == PLAN.tasks
    assert kinds.keys() >= set(OBJECTS) - {"tag"}
    assert gone


async def test_every_object_was_at_every_moment_what_the_log_up_to_there_makes_of_it(
    database_url: str,
) -> None:
    connections = Connections(database_url)
    async with told(database_url, replace(PLAN, projects=2, tasks=8, users=3)) as (store, _):
        reader, head = Reader(store, Database(connections), events_max=10_000), await store.head()
        for end in range(20, head, head // 7):
            model = await fold_into_memory(store, end)
            for ref in [ref for ref in model.documents if ref.kind in OBJECTS][:: max(head // 60, 1)]:
                document = (await story(reader, ref, end))[-1].after
                assert document == model.documents[ref], (ref, end)
    await connections.close()


@pytest.fixture
async def generated(taskflow: Taskflow) -> Taskflow:
    await generate(taskflow.core.store, PLAN, at_its_time=False, go_on=lambda *_: True)
    await caught_up(taskflow.core)
    return taskflow


def tools_of(taskflow: Taskflow) -> Instruments:
    return instruments_of(taskflow.core, SYSTEM, Metadata())


async def rebuilt_bytes(tools: Instruments, order: Ordered, form: Form, position: int | None = None) -> bytes:
    report, file = await rebuilt(tools, order, await asked(tools, None, position)), BytesIO()
    # As a process of its own does it: fonts are read from files.
    await asyncio.to_thread(render, report, form, file)
    return file.getvalue()


async def served_bytes(client: Client, name: str, form: Form, **params: str) -> bytes:
    answer = await client.get(ADDRESSES[name], params={"format": form, **params})
    assert answer.status == 200, answer.raw
    if form != "json":
        return answer.raw
    return answer.raw.partition(b'"data":')[2].rpartition(b',"meta":')[0]


async def test_reports_from_history_alone_are_the_servers_byte_for_byte(generated: Taskflow) -> None:
    tools = tools_of(generated)
    for name in REPORTS:
        for form in FORMS:
            made = await rebuilt_bytes(tools, ordered(name, None, None), form)
            assert made == await served_bytes(generated.admin, name, form), (name, form)
    period = {"start_date": "2025-01-01", "end_date": "2025-12-31"}
    for name in OF_PERIODS:
        made = await rebuilt_bytes(tools, ordered(name, *period.values()), "csv")
        assert made == await served_bytes(generated.admin, name, "csv", **period)


async def test_so_are_reports_of_the_past(generated: Taskflow) -> None:
    tools, position = tools_of(generated), await generated.core.store.head() // 2
    for name in REPORTS:
        for form in FORMS:
            made = await rebuilt_bytes(tools, ordered(name, None, None), form, position)
            params = {"as_of_position": str(position)}
            assert made == await served_bytes(generated.admin, name, form, **params), (name, form)


async def test_a_moment_is_its_position(generated: Taskflow) -> None:
    tools, ref = tools_of(generated), Ref("task", "1")
    history = await whole_history(reader_of(generated.core), ref, WHOLE_LOG)
    for entry in history:
        record = entry.told.record
        end = await asked(tools, record.recorded_at, None)
        # A command's events are recorded at one moment: it speaks of the last of them.
        assert end.position >= record.position
        state = (await state_of(reader_of(generated.core), ref, end))["state"]
        assert state["updated"] <= end.position


def test_each_report_that_takes_a_period_over_http_takes_one_here() -> None:
    taking = {endpoint.path for endpoint in ENDPOINTS if "start_date" in endpoint.parameters}
    assert taking == {ADDRESSES[name] for name in OF_PERIODS}
    assert ADDRESSES.keys() == REPORTS.keys()
