"""The sample data: the same plan tells the same story, every rule holds, and time is as it should be."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from api.cli.app import UNTIL_MIN
from api.exits import CannotRun
from api.passwords import is_password
from api.sample_data.command import PASSWORD, Options, sample_data
from api.sample_data.generating import Outcome, begins_at, fits_in, generate
from api.sample_data.history import history
from api.sample_data.people import names, username_of
from api.sample_data.plan import Plan
from api.sample_data.recorder import Recorder, changed_by, refers_to, waves
from api.sample_data.steps import Made, Step
from api.sample_data.summary import SignIn, tell
from api.sample_data.workdays import months_before, workday_after, workdays
from api.settings import Settings
from commands.context import SYSTEM, UNSET
from commands.departments import CreateDepartment
from commands.dispatcher import Dispatcher
from commands.ledger import PrepareLedger
from commands.risks import ChangeRisk, RaiseRisk
from commands.tasks import ChangeTask, CreateTask
from events.errors import Unavailable
from events.event import Record
from events.expenses import ExpenseRecorded
from events.instants import instant, now
from events.keys import Keyring
from events.log import Metadata
from events.memory import MemoryLog
from events.postgres import open_log
from events.projects import ProjectCreated, ProjectDetailsChanged
from events.store import EventStore
from events.tasks import TaskCreated, TaskHoursBooked
from events.users import UserRegistered
from tests.http import ADMIN_HASH, JWT_SECRET, MASTER_KEY, Taskflow, served
from tests.running import ROOT, running, signed_in

UNTIL = date(2025, 10, 1)
PLAN = Plan(projects=3, tasks=36, users=7, seed=5, until=UNTIL, password_hash="kept")


# The story


@pytest.mark.parametrize(
    ("projects", "tasks", "users"),
    [(0, 0, 0), (1, 0, 0), (0, 0, 3), (1, 1, 0), (2, 9, 1), (6, 4, 2), (10, 50, 20)],
)
@pytest.mark.parametrize("months", [1, 18])
def test_it_has_what_was_asked_for(projects: int, tasks: int, users: int, months: int) -> None:
    plan = replace(PLAN, projects=projects, tasks=tasks, users=users, months=months)
    made = Counter(step.makes.kind for step in history(plan) if step.makes)
    assert (made["project"], made["task"], made["user"]) == (projects, tasks, users)


@pytest.mark.parametrize("seed", range(12))
def test_it_has_all_tasks_whatever_becomes_of_the_projects(seed: int) -> None:
    plan = replace(PLAN, projects=10, tasks=200, seed=seed, months=6)
    made = Counter(step.command.project_id for step in history(plan) if isinstance(step.command, CreateTask))
    assert tuple(made[number] for number in range(1, 11)) == plan.tasks_by_project


@pytest.mark.parametrize("tasks", [10, 11, 50, 500, 250_000])
@pytest.mark.parametrize("seed", range(5))
def test_projects_share_the_tasks_and_are_bigger_and_smaller(tasks: int, seed: int) -> None:
    sizes = replace(PLAN, projects=10, tasks=tasks, seed=seed).tasks_by_project
    assert len(sizes) == 10
    assert sum(sizes) == tasks
    assert min(sizes) >= 1
    if tasks >= 50:
        assert max(sizes) >= 2 * min(sizes)
        assert max(sizes) < tasks / 2


def test_where_tasks_are_fewer_than_projects_some_projects_have_none() -> None:
    sizes = replace(PLAN, projects=10, tasks=4).tasks_by_project
    assert sorted(set(sizes)) == [0, 1]
    assert sum(sizes) == 4


def test_without_projects_there_are_no_tasks() -> None:
    plan = replace(PLAN, projects=0, tasks=50)
    assert plan.tasks_by_project == ()
    assert {step.makes.kind for step in history(plan) if step.makes} == {"department", "user"}


def test_few_tasks_are_more_work_each_and_very_many_are_less() -> None:
    sizes = [replace(PLAN, projects=10, tasks=tasks, users=20).task_size for tasks in (50, 500, 5000)]
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[0] > 2
    assert 0.8 < sizes[1] < 1.2
    assert sizes[2] < 0.2


def test_the_same_plan_tells_the_same_story_and_another_seed_another() -> None:
    assert list(history(PLAN)) == list(history(PLAN))
    assert list(history(PLAN)) != list(history(replace(PLAN, seed=6)))


def test_it_goes_forward_on_workdays_by_daylight() -> None:
    moments = [datetime.fromisoformat(step.at) for step in history(PLAN)]
    assert moments == sorted(moments)
    assert {moment.weekday() for moment in moments} <= {0, 1, 2, 3, 4}
    assert {moment.hour for moment in moments} <= set(range(8, 19))
    assert moments[0].date() >= months_before(UNTIL, 18)
    assert moments[-1].date() < UNTIL


def test_there_is_everything_that_happens_in_a_company() -> None:
    steps = list(history(replace(PLAN, projects=12, tasks=360, users=20)))
    kinds = {type(step.command).__name__ for step in steps}
    assert kinds >= {
        *("RegisterUser", "ChangeUser", "CreateDepartment", "CreateProject", "ChangeProject", "CreateTask"),
        *("ChangeTask", "AssignTask", "RaiseRisk", "ChangeRisk", "RecordExpense", "ReverseExpense"),
    }
    told = {getattr(step.command, "status", UNSET) for step in steps}
    assert told >= {"in_progress", "completed", "cancelled", "on_hold", "active", "mitigated", "resolved"}


def test_many_people_all_have_names_of_their_own() -> None:
    plan = replace(PLAN, users=2500)
    usernames = [username_of(first, last, "") for first, last in names(plan)]
    assert len(set(usernames)) == 2500
    assert max(map(len, usernames)) <= 80


def test_months_and_workdays() -> None:
    assert months_before(date(2025, 8, 31), 18) == date(2024, 2, 29)
    assert months_before(date(2025, 1, 15), 1) == date(2024, 12, 15)
    assert workday_after(date(2025, 7, 4), 1) == date(2025, 7, 7)
    assert workday_after(date(2025, 7, 5), 0) == date(2025, 7, 7)
    assert list(workdays(date(2024, 12, 23), date(2025, 1, 4))) == [
        date(2024, 12, 23),
        date(2025, 1, 2),
        date(2025, 1, 3),
    ]


# Waves


def test_no_step_of_a_wave_needs_another_one_of_it() -> None:
    steps = list(history(replace(PLAN, projects=5, tasks=200, users=15)))
    cut = list(waves(steps, wave_max=50))
    assert [step for wave in cut for step in wave] == steps
    assert max(map(len, cut)) > 10
    for wave in cut:
        written: set[Made] = set()
        seen: set[Made] = set()
        for step in wave:
            writes = step.makes or changed_by(step.command)
            assert written.isdisjoint(refers_to(step.command))
            assert writes not in seen
            written.add(writes)
            seen.update(refers_to(step.command))
        assert len(written) == len(wave) <= 50


# Recording


def every(_step: Step, _recorder: Recorder) -> bool:
    return True


async def prepared(store: EventStore, at: str | None) -> None:
    dispatcher = Dispatcher(store, store.keyring.claim_key)
    command = PrepareLedger(username="admin", email="admin@taskflow.com", password_hash=ADMIN_HASH)
    await dispatcher.dispatch(command, SYSTEM, Metadata(), now=at or now(), recorded_at=at)


@asynccontextmanager
async def told(
    database_url: str | None, plan: Plan, **bounds: Any
) -> AsyncIterator[tuple[EventStore, Outcome]]:
    """A new ledger with the plan's history, recorded at its own time."""
    if database_url is None:
        async with EventStore(MemoryLog(), Keyring(MASTER_KEY), **bounds) as store:
            yield store, await tell_to(store, plan)
    else:
        async with open_log(database_url) as log, EventStore(log, Keyring(MASTER_KEY), **bounds) as store:
            yield store, await tell_to(store, plan)


async def tell_to(store: EventStore, plan: Plan) -> Outcome:
    assert await fits_in(store, plan)
    await prepared(store, begins_at(plan))
    return await generate(store, plan, at_its_time=True, go_on=every)


async def records_of(store: EventStore) -> list[Record]:
    found = await store.read(0, 100_000)
    records = [record for record in found if isinstance(record, Record)]
    assert len(records) == len(found)
    return records


async def test_the_same_seed_makes_the_same_log(database_url: str) -> None:
    """On a log in memory as on Postgres, however appends fall into groups; ids of events aside."""
    async with told(database_url, PLAN, append_batch_max=3) as (store, _):
        in_postgres = await records_of(store)
    async with told(None, PLAN) as (store, _):
        in_memory = await records_of(store)
    assert len(in_postgres) > 200
    assert [seen(record) for record in in_postgres] == [seen(record) for record in in_memory]


def seen(record: Record) -> tuple[object, ...]:
    return (
        *(record.position, record.stream, record.version, record.event, record.recorded_at),
        *(record.actor_id, record.actor_role, record.command),
    )


async def test_each_step_is_recorded_at_its_own_moment(log_place: str | None) -> None:
    async with told(log_place, PLAN) as (store, outcome):
        records = await records_of(store)
    steps = list(history(PLAN))
    moments = Counter(record.recorded_at for record in records)
    assert set(moments) == {begins_at(PLAN)} | {step.at for step in steps}
    assert [one.recorded_at for one in records] == sorted(one.recorded_at for one in records)
    recorder = outcome.recorder
    assert recorder.last_moment == steps[-1].at == records[-1].recorded_at
    assert recorder.last_position == records[-1].position
    assert recorder.events == records[-1].position - recorder.first_position + 1


async def test_passwords_are_kept_beside_the_log_only() -> None:
    async with told(None, PLAN) as (store, _):
        assert isinstance(store.log, MemoryLog)
        assert store.log.passwords == {1: ADMIN_HASH, **dict.fromkeys(range(2, 9), "kept")}


async def test_nobody_works_day_and_night() -> None:
    """Hours that are booked some days late are counted on the day of the booking, two days in one at most."""
    async with told(None, replace(PLAN, projects=6, tasks=360)) as (store, _):
        records = await records_of(store)
    weeks: defaultdict[tuple[int, str], int] = defaultdict(int)
    for record in records:
        if isinstance(record.event, TaskHoursBooked):
            week = datetime.fromisoformat(record.recorded_at).strftime("%G-%V")
            for credit in record.event.credits:
                weeks[credit["user_id"], week] += credit["centihours"]
    assert len(weeks) > 50
    assert max(weeks.values()) < 80_00


@pytest.mark.parametrize("tasks", [50, 500])
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_money_and_time_are_believable(tasks: int, seed: int) -> None:
    """Some projects are over budget and some are not, some tasks late, and months have their spending."""
    async with told(None, replace(PLAN, projects=10, tasks=tasks, users=20, seed=seed)) as (store, _):
        records = await records_of(store)
    project_of: dict[int, int] = {}
    budgets: dict[int, int] = {}
    spent: Counter[int] = Counter()
    months: set[str] = set()
    for record in records:
        match record.event:
            case TaskCreated(task_id=task_id, project_id=int(project_id)):
                project_of[task_id] = project_id
            case TaskHoursBooked():
                cost = sum(credit["cost_cents"] for credit in record.event.credits)
                spent[project_of[record.event.task_id]] += cost
                months.add(record.recorded_at[:7])
            case ExpenseRecorded():
                spent[record.event.project_id] += record.event.amount_cents
                months.add(record.recorded_at[:7])
            case ProjectCreated(project_id=project_id, budget_cents=budget):
                budgets[project_id] = budget
            case ProjectDetailsChanged(changes={"budget_cents": int(budget)}):
                budgets[record.event.project_id] = budget
    assert len(months) >= 17
    over = [project_id for project_id, budget in budgets.items() if spent[project_id] > budget]
    assert len(budgets) == 10
    assert 1 <= len(over) <= 5


@pytest.mark.parametrize("tasks", [50, 500])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_some_work_is_late_and_some_takes_longer_than_estimated(tasks: int, seed: int) -> None:
    due: dict[int, str] = {}
    hours: dict[int, tuple[int, int]] = {}
    late: Counter[bool] = Counter()
    longer: Counter[bool] = Counter()
    for step in history(replace(PLAN, projects=10, tasks=tasks, users=20, seed=seed)):
        match step.command:
            case CreateTask(due_date=str(when), estimated_centihours=int(estimate)) if step.makes:
                due[step.makes.number] = when
                hours[step.makes.number] = (estimate, 0)
            case ChangeTask(status="completed", actual_centihours=int(actual)) as done:
                late[step.at[:10] > due.get(done.task_id, "9")[:10]] += 1
                longer[actual > hours.get(done.task_id, (10**9, 0))[0]] += 1
    assert 0.1 < late[True] / late.total() < 0.5
    assert 0.3 < longer[True] / longer.total() < 0.8


@pytest.mark.parametrize("tasks", [50, 500])
def test_at_the_end_some_tasks_are_overdue_and_others_not(tasks: int) -> None:
    """Not in every history of few tasks, but usually."""
    found = [overdue(replace(PLAN, projects=10, tasks=tasks, users=20, seed=seed)) for seed in range(1, 9)]
    assert sum(one > 0 for one in found) >= 6
    assert max(found) < tasks / 5


def overdue(plan: Plan) -> int:
    """How many tasks are open at the end, and should have been done before."""
    due: dict[int, str] = {}
    ended: set[int] = set()
    for step in history(plan):
        match step.command:
            case CreateTask(due_date=str(when)) if step.makes:
                due[step.makes.number] = when
            case ChangeTask(status="completed" | "cancelled") as done:
                ended.add(done.task_id)
            case ChangeTask(status="in_progress") as begun:
                ended.discard(begun.task_id)
            case ChangeTask(due_date=str(when)) as put_off:
                due[put_off.task_id] = when
    return sum(when[:10] < plan.until.isoformat() for task, when in due.items() if task not in ended)


@pytest.mark.parametrize("tasks", [50, 500])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_projects_have_risks_and_most_of_those_are_dealt_with(tasks: int, seed: int) -> None:
    plan = replace(PLAN, projects=10, tasks=tasks, users=20, seed=seed)
    raised: dict[int, int] = {}
    settled: set[int] = set()
    for step in history(plan):
        match step.command:
            case RaiseRisk(project_id=project_id) if step.makes:
                raised[step.makes.number] = project_id
            case ChangeRisk(risk_id=risk_id, status="resolved" | "closed"):
                settled.add(risk_id)
    assert len(set(raised.values())) >= 8
    assert 0 < len(settled) < len(raised)


# What is there already


async def test_a_ledger_with_later_events_gets_everything_at_the_present() -> None:
    plan = replace(PLAN, until=datetime.now(UTC).date())
    async with EventStore(MemoryLog(), Keyring(MASTER_KEY)) as store:
        await prepared(store, None)
        assert not await fits_in(store, plan)
        before = now()
        outcome = await generate(store, plan, at_its_time=False, go_on=every)
        records = await records_of(store)
    fresh = records[outcome.recorder.first_position - 1 :]
    assert len(fresh) == outcome.recorder.events > 200
    assert all(before <= record.recorded_at <= now() for record in fresh)
    due = [str(record.event.due_date) for record in fresh if isinstance(record.event, TaskCreated)]
    assert len(due) / 4 < sum(date > before for date in due) < len(due) * 3 / 4
    spent = [one.event.incurred_on for one in fresh if isinstance(one.event, ExpenseRecorded)]
    assert max(spent) < before
    said = tell(outcome, SignIn(PASSWORD, default_login=False, is_running=True))
    assert "now: this ledger has later events" in said
    assert "--data and a new folder" in said
    assert "your admin" in said
    assert "Start it" not in said
    assert "at the address that `./taskledger up` names:\n  /login\n" in said
    assert "://" not in said, "nobody knows on which port it listens"


async def test_one_of_a_kind_is_told_in_the_singular() -> None:
    plan = replace(PLAN, projects=1, tasks=1, users=1, months=1)
    async with EventStore(MemoryLog(), Keyring(MASTER_KEY)) as store:
        await prepared(store, None)
        outcome = await generate(store, plan, at_its_time=False, go_on=every)
    said = tell(outcome, SignIn(PASSWORD, default_login=True, is_running=False))
    assert "Recorded 1 department, 1 user, 1 project, 1 task, " in said
    assert "reports over 1 month:" in said
    assert not re.search(r"\b1 [a-z]+s\b", said)


async def test_the_earliest_end_there_may_be_and_the_longest_time_before_it() -> None:
    async with told(None, replace(PLAN, until=UNTIL_MIN, months=120)) as (store, _):
        records = await records_of(store)
    assert records[0].recorded_at.startswith("1990-01-0")
    assert len(records) > 200


async def test_a_ledger_whose_events_are_older_keeps_them_before_the_history(log_place: str | None) -> None:
    async with told(log_place, replace(PLAN, until=date(2024, 1, 8), months=2)) as (store, _):
        end = await store.head()
        assert await fits_in(store, PLAN)
        outcome = await generate(store, PLAN, at_its_time=True, go_on=every)
        records = await records_of(store)
    assert outcome.recorder.first_position == end + 1
    # The two departments are there already.
    expected = {step.at for step in history(PLAN) if not isinstance(step.command, CreateDepartment)}
    assert {record.recorded_at for record in records[end:]} == expected


async def test_a_second_history_has_other_people_in_the_same_departments() -> None:
    async with told(None, PLAN) as (store, _):
        await generate(store, PLAN, at_its_time=False, go_on=every)
        records = await records_of(store)
    registered = [record.event for record in records if isinstance(record.event, UserRegistered)]
    assert len(registered) == 1 + 2 * PLAN.users
    usernames = [user.username for user in registered]
    assert len(set(usernames)) == len(usernames)
    first, second = registered[1], registered[1 + PLAN.users]
    assert second.username == f"{first.username}-2"
    assert second.department_id == first.department_id
    created = [record for record in records if record.event.TOPIC == "department.created"]
    assert len(created) == 1 + 2


async def test_it_stops_when_told_to_and_what_was_recorded_stays() -> None:
    async with EventStore(MemoryLog(), Keyring(MASTER_KEY)) as store:
        await prepared(store, begins_at(PLAN))
        outcome = await generate(
            store, PLAN, at_its_time=True, go_on=lambda _, recorder: recorder.events < 100
        )
        head = await store.head()
    assert outcome.interrupted
    assert 100 <= outcome.recorder.events < 200
    assert head == outcome.recorder.last_position


class Full(MemoryLog):
    """A log that takes so many groups and no more."""

    groups = 40

    async def append_group(self, appends: Any) -> Any:
        self.groups -= 1
        if self.groups < 0:
            raise Unavailable("the disk is full")
        return await super().append_group(appends)


async def test_an_error_of_the_store_ends_it() -> None:
    async with EventStore(Full(), Keyring(MASTER_KEY)) as store:
        await prepared(store, begins_at(PLAN))
        with pytest.raises(Unavailable, match="disk is full"):
            await generate(store, PLAN, at_its_time=True, go_on=every)
        assert await store.head() > 10


# Reports


@pytest.fixture
async def company(database_url: str, redis_url: str, logs: None) -> AsyncIterator[Taskflow]:
    """A server on a ledger with the history of the page's call, started when everything is there."""
    plan = Plan(projects=10, tasks=50, users=20, seed=1, until=datetime.now(UTC).date())
    async with told(database_url, plan):
        pass
    settings = Settings(
        database_url=database_url,
        redis_url=redis_url,
        master_key=MASTER_KEY,
        jwt_secret=JWT_SECRET,
        rate_limits=None,
    )
    async with served(settings) as server:
        yield server


async def test_reports_cover_the_whole_time(company: Taskflow) -> None:
    answer = await company.admin.get("/api/reports/budget-analysis")
    analysis = answer.data["budget_analysis"]
    months = round(analysis["total_spent"] / analysis["monthly_burn_rate"])
    assert 17 <= months <= 20
    assert 0 < analysis["projects_over_budget"] < 10
    users = (await company.admin.get("/api/reports/users/productivity")).data["users"]
    rates = [user["on_time_rate"] for user in users if user["on_time_rate"] is not None]
    assert len(rates) > 3
    assert min(rates) < 100
    projects = (await company.admin.get("/api/projects", params={"per_page": "100"})).data["projects"]
    assert {"completed", "active"} <= {project["status"] for project in projects}


# The command line


@dataclass(frozen=True)
class Ran:
    code: int
    out: str
    err: str


def run(*arguments: str, **environment: str) -> Ran:
    done = subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", "sample-data", *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
    )
    return Ran(done.returncode, done.stdout, done.stderr)


def options(**changes: Any) -> Options:
    return replace(Options(10, 500, 20, 1, 18, None, None, as_json=False, yes=False), **changes)


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"until": date(2999, 1, 1)}, "lies ahead"),
    ],
)
def test_what_makes_no_sense_is_one_line(wrong: dict[str, Any], reason: str) -> None:
    with pytest.raises(CannotRun, match=reason) as refused:
        sample_data(options(**wrong))
    assert "\n" not in str(refused.value)


def test_production_is_left_alone(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TASKLEDGER_ENV", "production")
    with pytest.raises(CannotRun, match="--yes"):
        sample_data(options(data=tmp_path / "data"))
    assert not (tmp_path / "data").exists()


def test_production_gets_no_password_that_everybody_knows(database_url: str, redis_url: str) -> None:
    where = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "TASKLEDGER_ENV": "production",
        "TASKLEDGER_MASTER_KEY": os.urandom(32).hex(),
        "TASKLEDGER_JWT_SECRET": os.urandom(32).hex(),
        "TASKLEDGER_ADMIN_PASSWORD": "a long one of our own",
    }
    ran = run("--projects", "0", "--users", "2", "--yes", "--json", **where)
    assert ran.code == 0, ran.err
    password = json.loads(ran.out)["password"]
    assert password != PASSWORD
    with psycopg.connect(database_url) as connection:
        kept: dict[int, str] = dict(
            connection.execute("select user_id, password_hash from credentials").fetchall()
        )
    assert is_password(kept[1], "a long one of our own")
    assert kept.keys() == {1, 2, 3}
    assert is_password(kept[2], password)
    assert not is_password(kept[3], PASSWORD)


@pytest.mark.parametrize(
    "arguments",
    [
        ("--projects", "-1"),
        ("--tasks", "250001"),
        ("--until", "soon"),
        ("--until", "0001-01-01"),
        ("--until", "1999-12-31"),
        ("--users", "5000"),
    ],
)
def test_wrong_usage_is_told_without_a_traceback(arguments: tuple[str, ...]) -> None:
    ran = run(*arguments)
    assert ran.code == 2
    assert arguments[0] in ran.err
    assert "Traceback" not in ran.err


def test_another_ledger_s_key_is_refused_and_nothing_recorded(database_url: str, redis_url: str) -> None:
    where = {"DATABASE_URL": database_url, "REDIS_URL": redis_url, "TASKLEDGER_JWT_SECRET": "00" * 32}
    small = ("--projects", "1", "--tasks", "2", "--users", "2", "--json")
    assert run(*small, **where, TASKLEDGER_MASTER_KEY="00" * 32).code == 0
    before = count(database_url)
    ran = run(*small, **where, TASKLEDGER_MASTER_KEY="11" * 32)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.startswith("taskledger: the master key is not the one")
    assert count(database_url) == before


def count(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        row = connection.execute("select count(*) from stored_events").fetchone()
        assert row
        return int(row[0])


def test_ctrl_c_stops_it_and_says_how_far_it_came(database_url: str, redis_url: str) -> None:
    secrets = {"TASKLEDGER_MASTER_KEY": "00" * 32, "TASKLEDGER_JWT_SECRET": "00" * 32}
    where = {"DATABASE_URL": database_url, "REDIS_URL": redis_url} | secrets
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "api.cli", "sample-data", "--tasks", "20000", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | where,
        text=True,
    )
    try:
        deadline = time.monotonic() + 60
        with psycopg.connect(database_url, autocommit=True) as connection:
            while connection.execute("select 1 from stored_events offset 200").fetchone() is None:
                assert time.monotonic() < deadline, "nothing is recorded"
                assert process.poll() is None, process.communicate()
                time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, err
    said = json.loads(out)
    assert said["interrupted"] is True
    assert said["positions"]["last"] == count(database_url)
    assert said["events"] == said["positions"]["last"] - said["positions"]["first"] + 1
    assert err == ""


def test_from_an_empty_folder_to_a_server_that_shows_it_all(tmp_path: Path) -> None:
    """Generated before the first start, at its own time; then, while the server runs, at the present."""
    data = tmp_path / "ledger"
    small = ("--projects", "3", "--tasks", "18", "--users", "6", "--data", str(data))
    first = run(*small)
    assert first.code == 0, first.err
    assert first.err == ""
    for words in (
        "3 projects",
        "18 tasks",
        "as it happened",
        "admin / admin123",
        PASSWORD,
        "Start it: ./taskledger up",
    ):
        assert words in first.out
    with running(data) as ledger:
        admin = signed_in(ledger.url)
        projects = admin.get(f"{ledger.url}/api/projects").json()
        assert projects["pagination"]["total"] == 3
        assert projects["data"]["projects"][-1]["created_at"] < instant(
            datetime.now(UTC) - timedelta(days=500)
        )
        again = run(*small, "--json")
        assert again.code == 0, again.err
        made = json.loads(again.out)
        assert made["tasks"] == made["events_by_type"]["task.created"] == 18
        assert made["recorded_at"] == "present"
        shown = admin.get(
            f"{ledger.url}/api/projects", headers={"X-Min-Position": str(made["positions"]["last"])}
        )
        assert shown.json()["pagination"]["total"] == 6
        manager = signed_in(ledger.url, made["usernames"]["manager"], PASSWORD)
        assert manager.get(f"{ledger.url}/api/auth/me").json()["data"]["user"]["role"] == "manager"


# Nobody else


def test_only_histories_choose_their_time() -> None:
    """No request can: what serves them never passes a moment on."""
    allowed = {ROOT / "api" / "bootstrap.py", ROOT / "commands" / "dispatcher.py"}
    sources = [*(ROOT / "api").rglob("*.py"), *(ROOT / "commands").rglob("*.py")]
    passing = {path for path in sources if passes_moments(path)}
    assert passing - allowed == {
        ROOT / "api" / "sample_data" / "command.py",
        ROOT / "api" / "sample_data" / "recorder.py",
    }


def passes_moments(path: Path) -> bool:
    calls = (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.Call))
    return any(keyword.arg == "recorded_at" for call in calls for keyword in call.keywords)
