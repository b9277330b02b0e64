"""The dispatcher over real stores: races, retries, caches, and what reaches the log."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import replace
from functools import partial
from typing import Any

import pytest

from commands.accounts import DeleteUser, RegisterUser, SignUp
from commands.admins import Admins
from commands.claims import Claim
from commands.context import SYSTEM, VISITOR, Actor
from commands.departments import ChangeDepartment, CreateDepartment, Department
from commands.desk import Desk, empty
from commands.dispatcher import Decided, Dispatcher
from commands.errors import (
    AlreadyDone,
    Busy,
    Conflict,
    Forbidden,
    Invalid,
    LastAdmin,
    NotFound,
    PreconditionFailed,
    Unseen,
)
from commands.ledger import PrepareLedger
from commands.numbers import AHEAD, Numbers
from commands.projects import ChangeProject, CreateProject, DeleteProject, Project
from commands.tags import ChangeTag, CreateTag, DeleteTag, Tag
from commands.tasks import AssignTask, ChangeTask, CreateTask, DeleteTask, Task
from commands.users import ChangeUser, User
from events.errors import Unavailable, Undecodable
from events.event import Record
from events.keys import Keyring
from events.log import Appended, Metadata, RawAppend, RawEvent
from events.mapper import new_event_id
from events.memory import MemoryLog
from events.postgres import open_log
from events.projects import ProjectCreated
from events.store import Append, EventStore
from tests.given import NOW

ADMIN = Actor(1, "admin")
REQUEST = Metadata(dialect="taskflow", request_id="req_12345678")


class Watched(EventStore):
    """A store that counts, and that lets a test get in before an append reaches the log."""

    before_append: Callable[[], Awaitable[object]] | None = None
    appends = 0
    drawn: list[tuple[str, int]]
    reads: int = 0

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.drawn = []

    async def append(self, append: Append) -> Appended:
        self.appends += 1
        intruder, self.before_append = self.before_append, None
        if intruder:
            await intruder()
        return await super().append(append)

    async def next_ids(self, sequence: str, count: int) -> list[int]:
        self.drawn.append((sequence, count))
        return await super().next_ids(sequence, count)

    async def read_since(self, *args: Any) -> Any:
        self.reads += 1
        return await super().read_since(*args)


@pytest.fixture(params=["memory", "postgres"])
def log_url(request: pytest.FixtureRequest) -> str | None:
    """The database to use, None for the log in memory."""
    url: str | None = request.getfixturevalue("database_url") if request.param == "postgres" else None
    return url


@pytest.fixture
async def store(log_url: str | None) -> AsyncIterator[Watched]:
    async with AsyncExitStack() as stack:
        log = await stack.enter_async_context(open_log(log_url)) if log_url else MemoryLog()
        store = Watched(log, Keyring(bytes(32)))
        await stack.enter_async_context(store)
        yield store


class Process:
    """A dispatcher with a cache of its own, as each server process has one."""

    def __init__(self, store: EventStore, **settings: Any) -> None:
        self.dispatcher = Dispatcher(store, store.keyring.claim_key, **settings)

    async def do(self, command: object, by: Actor = ADMIN, **more: Any) -> Decided:
        return await self.dispatcher.dispatch(command, by, REQUEST, now=NOW, **more)


@pytest.fixture
async def one(store: Watched) -> Process:
    """A process on a prepared ledger: admin 1 in department 1."""
    process = Process(store)
    await process.do(PREPARE, SYSTEM)
    return process


@pytest.fixture
async def other(store: Watched, one: Process) -> Process:
    """A second process on the same ledger."""
    return Process(store)


PREPARE = PrepareLedger(username="admin", email="admin@taskflow.com", password_hash="$hash")


def ana(username: str = "ana", **more: Any) -> RegisterUser:
    return RegisterUser(username=username, email=f"{username}@example.com", password_hash="$ana", **more)


async def everything(store: EventStore) -> list[Record]:
    records = await store.read(0, 10_000)
    assert all(isinstance(record, Record) for record in records)
    return [record for record in records if isinstance(record, Record)]


async def with_project(process: Process, **fields: Any) -> None:
    await process.do(CreateProject(name="Website", **fields))
    await process.do(CreateTask(project_id=1, title="Schema"))


async def test_what_is_decided_stands_in_the_log_with_who_asked(store: Watched, one: Process) -> None:
    decided = await one.do(CreateProject(name="Website"))
    last = (await everything(store))[-1]
    assert decided.events == (last.event,)
    assert (decided.position, decided.recorded_at) == (last.position, last.recorded_at)
    assert (last.stream, last.version) == ("project-1", 1)
    assert (last.actor_id, last.actor_role, last.command) == (1, "admin", "CreateProject")
    assert (last.dialect, last.request_id) == ("taskflow", "req_12345678")


async def test_a_new_ledger_starts_with_user_1_in_department_1(one: Process) -> None:
    user = await one.dispatcher.load(User, 1)
    assert (user.username, user.role, user.department_id, user.active) == ("admin", "admin", 1, True)
    assert (await one.dispatcher.load(Department, 1)).name == "Management"
    assert (await one.dispatcher.load(Admins, "")).ids == {1}
    for kind, name in (("username", "ADMIN"), ("email", "Admin@TaskFlow.com")):
        claim = await one.dispatcher.load(Claim, one.dispatcher.claim_of(kind, name))
        assert claim.holder_id == 1


async def test_two_processes_prepare_one_ledger_once(store: Watched) -> None:
    decided = await asyncio.gather(*(Process(store).do(PREPARE, SYSTEM) for _ in range(4)))
    assert sorted(bool(each.events) for each in decided) == [False, False, False, True]
    assert (await Process(store).dispatcher.load(Admins, "")).ids == {1}
    assert await Process(store).do(PREPARE, SYSTEM) == Decided()


async def test_what_changes_nothing_appends_nothing(store: Watched, one: Process) -> None:
    head = await store.head()
    assert await one.do(ChangeUser(user_id=1, role="admin")) == Decided((), None, None)
    assert await store.head() == head


async def test_a_change_over_an_outdated_cache_is_decided_again(store: Watched, one: Process) -> None:
    other = Process(store)
    await with_project(one)
    await other.do(ChangeTask(task_id=1, title="Tables"))
    await one.do(ChangeTask(task_id=1, description="All of them"))
    task = await other.dispatcher.load(Task, 1)
    assert (task.title, task.description) == ("Tables", "All of them")
    assert [record.version for record in await store.read_stream("task-1")] == [1, 2, 3]


async def test_a_no_op_by_an_outdated_cache_is_not_believed(one: Process, other: Process) -> None:
    await with_project(one)
    await one.do(ChangeProject(project_id=1, status="on_hold"))
    await other.do(ChangeProject(project_id=1, status="active"))
    assert (await one.do(ChangeProject(project_id=1, status="on_hold"))).events
    assert (await one.dispatcher.load(Project, 1)).status == "on_hold"


async def test_a_refusal_by_an_outdated_cache_is_not_believed(one: Process, other: Process) -> None:
    await with_project(one)
    await one.do(ChangeProject(project_id=1, status="completed"))
    await other.do(ChangeProject(project_id=1, status="active"))
    assert (await one.do(CreateTask(project_id=1, title="More"))).events

    await one.do(ana())
    with pytest.raises(Invalid):
        await one.do(ana())
    await other.do(ChangeUser(user_id=2, username="anna", email="anna@example.com"))
    assert (await one.do(ana())).events


async def test_a_guard_lets_no_task_into_a_project_that_closes_meanwhile(
    store: Watched, one: Process, other: Process
) -> None:
    await with_project(one)
    head = await store.head()
    store.before_append = lambda: other.do(ChangeProject(project_id=1, status="completed"))
    with pytest.raises(Conflict, match="completed"):
        await one.do(CreateTask(project_id=1, title="Late"))
    store.before_append = lambda: other.do(DeleteProject(project_id=1))
    with pytest.raises(NotFound):
        await one.do(ChangeProject(project_id=1, status="active"))
    assert await store.head() == head + 2


async def test_a_guard_notices_that_an_assignee_is_disabled_meanwhile(
    store: Watched, one: Process, other: Process
) -> None:
    await with_project(one)
    await one.do(ana())
    store.before_append = lambda: other.do(ChangeUser(user_id=2, active=False))
    with pytest.raises(Invalid) as refused:
        await one.do(ChangeTask(task_id=1, assigned_to=(2,)))
    assert refused.value.errors == {"assigned_to": ["User 2 is not active"]}


async def test_no_task_is_left_behind_by_somebody_who_is_deleted_meanwhile(
    store: Watched, one: Process, other: Process
) -> None:
    await one.do(ana())
    own = Actor(2, "user")
    await one.do(CreateTask(project_id=None, title="Early"), own)
    await one.do(CreateTask(project_id=None, title="Early", tag_ids=()), own)
    head = await store.head()
    store.before_append = lambda: other.do(DeleteUser(user_id=2, owns_projects=False))
    with pytest.raises(NotFound) as refused:
        await one.do(CreateTask(project_id=None, title="Late"), own)
    assert refused.value.what == "user"
    for command in (ChangeTask(task_id=1, title="Late"), DeleteTask(task_id=1)):
        with pytest.raises(NotFound):
            await one.do(command)
    assert await store.head() == head + 3


async def test_a_personal_task_does_not_change_while_its_creator_is_deleted(
    store: Watched, one: Process, other: Process
) -> None:
    await one.do(ana())
    await one.do(CreateTask(project_id=None, title="Early"), Actor(2, "user"))
    store.before_append = lambda: other.do(DeleteUser(user_id=2, owns_projects=False))
    with pytest.raises(NotFound) as refused:
        await one.do(ChangeTask(task_id=1, title="Late"))
    assert refused.value.what == "task"
    assert [record.version for record in await store.read_stream("task-1")] == [1]


async def test_nobody_is_assigned_nor_owns_a_project_who_is_deleted_meanwhile(
    store: Watched, one: Process, other: Process
) -> None:
    await with_project(one)
    for number, command in (
        (2, AssignTask(task_id=1, user_ids=(2,))),
        (3, ChangeProject(project_id=1, owner_id=3)),
    ):
        await one.do(ana(f"ana{number}"))
        store.before_append = partial(other.do, DeleteUser(user_id=number, owns_projects=False))
        with pytest.raises(Invalid) as refused:
            await one.do(command)
        assert [f"User {number} does not exist"] in refused.value.errors.values()


async def test_of_two_who_delete_somebody_one_is_too_late(one: Process, other: Process) -> None:
    await one.do(ana())
    command = DeleteUser(user_id=2, owns_projects=False)
    answers = await asyncio.gather(one.do(command), other.do(command), return_exceptions=True)
    assert [type(answer) for answer in answers if not isinstance(answer, Decided)] == [NotFound]
    assert (await one.do(ana())).events


async def test_who_signs_up_is_nobody_yet(store: Watched, one: Process) -> None:
    command = SignUp(username="ana", email="ana@example.com", password_hash="$ana")
    decided = await one.do(command, VISITOR)
    records = (await everything(store))[-len(decided.events) :]
    assert {(one.actor_id, one.actor_role, one.command) for one in records} == {(None, "visitor", "SignUp")}
    assert (await one.dispatcher.load(User, 2)).email == "ana@example.com"


async def test_two_admins_who_demote_each_other_leave_one(one: Process, other: Process) -> None:
    await one.do(ana(role="admin"))
    answers = await asyncio.gather(
        one.do(ChangeUser(user_id=2, role="user"), Actor(1, "admin")),
        other.do(ChangeUser(user_id=1, role="user"), Actor(2, "admin")),
        return_exceptions=True,
    )
    assert [type(answer) for answer in answers if not isinstance(answer, Decided)] == [LastAdmin]
    assert len((await one.dispatcher.load(Admins, "")).ids) == 1


async def test_a_name_wanted_by_many_at_once_goes_to_one(store: Watched, one: Process) -> None:
    processes = [Process(store) for _ in range(4)]
    answers = await asyncio.gather(
        *(process.do(ana("Ana" if place % 2 else "ana")) for place, process in enumerate(processes)),
        return_exceptions=True,
    )
    refusals = [answer for answer in answers if isinstance(answer, Invalid)]
    assert len(refusals) == 3
    for refusal in refusals:
        assert refusal.errors == {
            "username": ["Username is already taken"],
            "email": ["Email address is already registered"],
        }
    assert len([record for record in await everything(store) if record.command == "RegisterUser"]) == 3


async def test_a_released_name_can_be_claimed_again(one: Process, other: Process) -> None:
    await one.do(CreateDepartment(name="Quality"))
    await one.do(ChangeDepartment(department_id=2, name="Sales"))
    assert (await other.do(CreateDepartment(name="quality"))).events
    with pytest.raises(Invalid):
        await one.do(ChangeDepartment(department_id=2, name="Quality"))


async def test_the_version_that_a_client_has_seen_counts(one: Process, other: Process) -> None:
    await with_project(one)
    await other.do(ChangeTask(task_id=1, title="Tables"), expected_version=1)
    with pytest.raises(PreconditionFailed):
        await one.do(ChangeTask(task_id=1, title="Rows"), expected_version=1)
    with pytest.raises(PreconditionFailed):
        await one.do(ChangeTask(task_id=1, title="Rows"), expected_version=3)
    await one.do(ChangeTask(task_id=1, title="Rows"), expected_version=2)
    await other.do(ChangeTask(task_id=1, title="Columns"), expected_version=3)


async def test_of_many_with_the_same_version_one_wins(store: Watched, one: Process) -> None:
    await with_project(one)
    processes = [Process(store) for _ in range(3)]
    answers = await asyncio.gather(
        *(
            processes[number % 3].do(ChangeTask(task_id=1, title=f"Title {number}"), expected_version=1)
            for number in range(12)
        ),
        return_exceptions=True,
    )
    assert len([answer for answer in answers if isinstance(answer, Decided)]) == 1
    assert len([answer for answer in answers if isinstance(answer, PreconditionFailed)]) == 11


async def test_64_clients_in_two_processes_lose_nothing(store: Watched, one: Process) -> None:
    await with_project(one)
    processes = [one, Process(store)]
    answers = await asyncio.gather(
        *(processes[n % 2].do(ChangeTask(task_id=1, title=f"Title {n}")) for n in range(64)),
        return_exceptions=True,
    )
    done = [answer for answer in answers if isinstance(answer, Decided)]
    assert all(isinstance(answer, Decided | Busy) for answer in answers)
    records = (await store.read_stream("task-1"))[1:]
    assert {record.position for record in records} == {decided.position for decided in done}
    assert [record.version for record in records] == list(range(2, 2 + len(done)))
    assert len(done) >= 32


async def test_commands_of_one_process_do_not_conflict(store: Watched, one: Process) -> None:
    await with_project(one)
    before = store.appends
    await asyncio.gather(*(one.do(ChangeTask(task_id=1, title=f"Title {n}")) for n in range(20)))
    assert store.appends - before == 20


async def test_whoever_always_comes_too_late_is_told_so(store: Watched, one: Process, other: Process) -> None:
    await with_project(one)
    titles = iter(range(1000))

    async def intrude() -> None:
        await other.do(ChangeTask(task_id=1, description=f"{next(titles)}"))
        store.before_append = intrude

    store.before_append = intrude
    before = store.appends
    with pytest.raises(Busy):
        await one.do(ChangeTask(task_id=1, title="Late"))
    assert store.appends - before == 10


async def test_a_command_id_counts_once(store: Watched, one: Process, other: Process) -> None:
    first = await one.do(CreateProject(name="Website"), command_id="c-1", fingerprint="f")
    head = await store.head()
    with pytest.raises(AlreadyDone) as again:
        await other.do(CreateProject(name="Website"), command_id="c-1", fingerprint="f")
    assert (again.value.position, again.value.recorded_at) == (first.position, first.recorded_at)
    assert await store.head() == head


async def test_who_sees_a_project_is_told_what_is_missing_and_nobody_else(
    store: Watched, one: Process
) -> None:
    asked = []

    async def sees(user_id: int, project_id: int) -> bool:
        asked.append((user_id, project_id))
        return user_id == 2

    await with_project(one)
    process = Process(store, sees=sees)
    for command, what in (
        (DeleteProject(project_id=1), "project"),
        (ChangeTask(task_id=1, title="x"), "task"),
    ):
        with pytest.raises(Forbidden) as forbidden:
            await process.do(command, Actor(2, "user"))
        assert (type(forbidden.value), forbidden.value.required_role) == (Forbidden, "manager")
        with pytest.raises(Unseen) as hidden:
            await process.do(command, Actor(3, "user"))
        assert hidden.value.what == what
        with pytest.raises(Unseen):
            await one.do(command, Actor(2, "user"))
    assert asked == [(2, 1), (3, 1)] * 2


async def test_the_cache_is_bounded_and_what_it_lost_is_read_again(store: Watched, one: Process) -> None:
    process = Process(store, state_cache_max=3)
    for number in range(5):
        await process.do(CreateProject(name=f"Project {number}"))
    for number in range(5):
        await process.do(ChangeProject(project_id=number + 1, name=f"Renamed {number}"))
    assert len(process.dispatcher._states) == 3
    assert (await process.dispatcher.load(Project, 1)).name == "Renamed 0"


async def test_a_stream_that_cannot_be_read_is_nobody_elses_trouble(store: Watched, one: Process) -> None:
    for name in ("first", "second", "third"):
        await one.do(CreateProject(name=name))
    unreadable = RawEvent("project-2", 2, "project.imagined", b"{}", new_event_id())
    [appended] = await store.log.append_group([RawAppend("raw", (unreadable,))])
    assert isinstance(appended, Appended)
    states = one.dispatcher._states
    loads = [one.dispatcher.load(Project, number) for number in (1, 2, 3)]
    first, second, third = await asyncio.gather(*loads, return_exceptions=True)
    assert isinstance(second, Undecodable)
    assert [each.name for each in (first, third) if isinstance(each, Project)] == ["first", "third"]
    # It is read apart from now on, so that it costs others no further round trips either.
    assert states.cached("project-2") is None
    assert states.cached("project-1") is not None


async def test_looking_for_what_is_not_there_takes_no_place_in_the_cache(
    store: Watched, one: Process
) -> None:
    process = Process(store)
    for number in range(5):
        with pytest.raises(NotFound):
            await process.do(ChangeProject(project_id=90 + number, name="x"))
    assert len(process.dispatcher._states) == 0


async def test_a_cached_state_saves_the_reads(store: Watched, one: Process) -> None:
    await with_project(one)
    await one.do(ChangeTask(task_id=1, title="Tables"))
    before = store.reads
    await one.do(ChangeTask(task_id=1, title="Rows"))
    assert store.reads == before


async def test_numbers_are_kept_over_retries_and_refusals_take_none(
    store: Watched, one: Process, other: Process
) -> None:
    store.before_append = lambda: other.do(ChangeUser(user_id=1, first_name="Ada"))
    await one.do(CreateProject(name="Website", owner_id=1))
    with pytest.raises(Invalid):
        await one.do(CreateProject(name="Website", owner_id=9))
    await one.do(CreateProject(name="Second"))
    assert [call for call in store.drawn if call[0] == "project"] == [("project", 1)] * 2
    assert (await one.dispatcher.load(Project, 2)).name == "Second"


async def test_numbers_for_many_are_drawn_together(store: Watched, one: Process) -> None:
    await with_project(one)
    store.drawn.clear()
    decided = await asyncio.gather(*(one.do(CreateTask(project_id=1, title="x")) for _ in range(30)))
    assert len({each.events[0].stream for each in decided}) == 30
    assert sum(count for _, count in store.drawn) <= 30 * AHEAD
    assert len(store.drawn) <= 3


async def test_numbers_follow_each_other_where_nobody_is_in_a_hurry(store: Watched, one: Process) -> None:
    await with_project(one)
    store.drawn.clear()
    for number in (2, 3, 4):
        created = (await one.do(CreateTask(project_id=1, title="x"))).events[0]
        assert created.stream == f"task-{number}"
    assert store.drawn == [("task", 1)] * 3


async def drawn_numbers(*asked: int) -> tuple[Numbers, list[int]]:
    """Numbers from 1 on, of which `asked` are taken, and how many were drawn each time."""
    drawn: list[int] = []

    async def draw(sequence: str, count: int) -> list[int]:
        drawn.append(count)
        return [*range(sum(drawn) - count + 1, sum(drawn) + 1)]

    numbers = Numbers(draw)
    for count in asked:
        await asyncio.gather(*(numbers.next("task") for _ in range(count)))
    return numbers, drawn


async def test_who_comes_together_has_numbers_drawn_for_those_who_follow() -> None:
    numbers, drawn = await drawn_numbers(3, 9)
    assert drawn == [3 * AHEAD]
    assert await numbers.next("task") == 3 * AHEAD + 1


async def test_numbers_drawn_ahead_are_not_kept_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.numbers.AHEAD_S", 0.01)
    numbers, _ = await drawn_numbers(2)
    await asyncio.sleep(0.05)
    assert numbers.at_hand("task") is None
    assert await numbers.next("task") == 2 * AHEAD + 1


async def test_numbers_that_were_ordered_do_not_expire(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commands.numbers.AHEAD_S", 0.01)
    numbers, _ = await drawn_numbers(1, 2)
    await numbers.draw_ahead("task", 5)
    assert numbers.at_hand("task") == 10
    await asyncio.sleep(0.05)
    assert [numbers.at_hand("task") for _ in range(5)] == [11, 12, 13, 14, None]


async def test_who_comes_alone_sets_no_timer() -> None:
    numbers, _ = await drawn_numbers(1)
    assert not numbers._expiry


async def test_numbers_of_a_log_that_was_restored_are_forgotten() -> None:
    numbers, _ = await drawn_numbers(2)
    await numbers.draw_ahead("task", 5)
    numbers.forget()
    assert numbers.at_hand("task") is None


async def test_numbers_that_are_being_drawn_while_the_log_is_restored_are_drawn_again() -> None:
    door, last = asyncio.Event(), 100

    async def draw(sequence: str, count: int) -> list[int]:
        nonlocal last
        last += count
        drawn = [*range(last - count + 1, last + 1)]
        await door.wait()
        return drawn

    numbers = Numbers(draw)
    one = asyncio.create_task(numbers.next("task"))
    ordered = asyncio.create_task(numbers.draw_ahead("task", 1))
    await asyncio.sleep(0.01)
    last = 0
    numbers.forget()
    door.set()
    await ordered
    assert {await one, numbers.at_hand("task")} == {1, 2}


async def test_who_gives_up_waiting_for_a_number_does_not_cost_the_others_theirs(
    store: Watched, one: Process
) -> None:
    tasks = [asyncio.create_task(one.do(CreateProject(name=f"Project {n}"))) for n in range(5)]
    await asyncio.sleep(0)
    tasks[0].cancel()
    answers = await asyncio.gather(*tasks, return_exceptions=True)
    assert [type(answer) for answer in answers[1:]] == [Decided] * 4


async def test_numbers_that_cannot_be_drawn_are_an_error_for_all_who_asked_and_then_forgotten() -> None:
    answers: list[list[int] | Exception] = [Unavailable("away"), [*range(1, 2 * AHEAD + 1)]]

    async def draw(sequence: str, count: int) -> list[int]:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        assert (sequence, count) == ("task", len(answer))
        return answer

    numbers = Numbers(draw)
    refused = await asyncio.gather(numbers.next("task"), numbers.next("task"), return_exceptions=True)
    assert [type(answer) for answer in refused] == [Unavailable, Unavailable]
    drawn = await asyncio.gather(numbers.next("task"), numbers.next("task"))
    assert list(drawn) == [1, 2]


async def test_numbers_drawn_ahead_are_handed_out_first(store: Watched, one: Process) -> None:
    store.drawn.clear()
    await one.dispatcher.draw_ahead("project", 2)
    for name in ("first", "second", "third"):
        await one.do(CreateProject(name=name))
    assert store.drawn == [("project", 2), ("project", 1)]
    created = [one.event for one in await everything(store) if isinstance(one.event, ProjectCreated)]
    assert [(event.project_id, event.name) for event in created] == [
        (1, "first"),
        (2, "second"),
        (3, "third"),
    ]


async def test_a_history_is_recorded_at_its_own_time_and_the_rest_at_the_present(store: Watched) -> None:
    process, then = Process(store), "2024-05-06T07:08:09.000001Z"
    prepared = await process.do(PREPARE, SYSTEM, recorded_at=then)
    decided = await process.do(CreateProject(name="Website"))
    assert prepared.recorded_at == then
    assert decided.recorded_at is not None
    assert decided.recorded_at > "2025"
    moments = [record.recorded_at for record in await everything(store)]
    assert set(moments) == {then, decided.recorded_at}


async def test_a_race_does_not_cost_a_history_its_time(store: Watched, one: Process, other: Process) -> None:
    """It is decided again, and recorded where the log then is."""
    await with_project(one)
    store.before_append = lambda: other.do(ChangeTask(task_id=1, title="Tables"))
    then = "2024-05-06T07:08:09.000001Z"
    decided = await one.do(ChangeTask(task_id=1, status="completed"), recorded_at=then)
    last = (await everything(store))[-2:]
    assert decided.recorded_at == last[1].recorded_at == last[0].recorded_at


async def test_loading_tells_what_is_true_now(one: Process, other: Process) -> None:
    await with_project(one)
    await other.do(ChangeTask(task_id=1, title="Tables"))
    assert (await one.dispatcher.load(Task, 1)).title == "Tables"
    users = await one.dispatcher.load_all(User, [9, 1])
    assert [user.exists for user in users] == [False, True]


async def test_a_closed_store_is_unavailable_and_what_was_known_stays_right(
    store: Watched, one: Process
) -> None:
    await with_project(one)
    await store.__aexit__()
    with pytest.raises(Unavailable):
        await one.do(ChangeTask(task_id=1, title="Lost"))
    await store.__aenter__()
    await one.do(ChangeTask(task_id=1, title="Kept"))
    assert [record.version for record in await store.read_stream("task-1")] == [1, 2]


async def test_who_loads_at_the_same_time_shares_a_round_trip(store: Watched, one: Process) -> None:
    await with_project(one)
    store.reads = 0
    projects = asyncio.gather(*(one.dispatcher.load(Project, 1) for _ in range(30)))
    assert (await one.dispatcher.load(User, 1)).active
    assert {project.id for project in await projects} == {1}
    assert store.reads == 1


async def test_states_that_a_restored_log_never_had_are_given_up() -> None:
    keyring = Keyring(bytes(32))
    async with EventStore(MemoryLog(), keyring) as before, EventStore(MemoryLog(), keyring) as after:
        for store in (before, after):
            await Process(store).do(PREPARE, SYSTEM)
            await with_project(Process(store))
        process = Process(before)
        for n in range(5):
            await process.do(ChangeTask(task_id=1, title=f"Title {n}"))
        process.dispatcher._store = after
        process.dispatcher._states._reader = after
        assert (await process.do(ChangeTask(task_id=1, title="Title 4"))).events
        assert [record.version for record in await after.read_stream("task-1")] == [1, 2]


async def test_metadata_of_the_caller_is_kept(store: Watched, one: Process) -> None:
    metadata = replace(REQUEST, causation_id="cause", command="import", actor_id=7, actor_role="user")
    await one.dispatcher.dispatch(CreateProject(name="Website"), ADMIN, metadata, now=NOW)
    last = (await everything(store))[-1]
    assert (last.causation_id, last.command, last.actor_id, last.actor_role) == ("cause", "import", 7, "user")


async def test_tags_that_change_meanwhile_hold_nobody_up(
    store: Watched, one: Process, other: Process
) -> None:
    await one.do(CreateTag(name="Work"))
    for intruder in (ChangeTag(tag_id=1, name="Play"), DeleteTag(tag_id=1)):
        store.before_append, appends = partial(other.do, intruder), store.appends
        decided = await one.do(CreateTask(project_id=None, title="T", tag_ids=(1,)))
        assert [event.TOPIC for event in decided.events] == ["task.created", "task.tagged"]
        assert store.appends == appends + 2


async def test_what_is_decided_by_a_glance_at_an_outdated_state_is_decided_again_before_it_is_refused(
    one: Process, other: Process
) -> None:
    """An assignee sends the tags back that are left; this process has not heard that one is gone."""
    await one.do(ana())
    for name in ("Work", "Play"):
        await one.do(CreateTag(name=name))
    await one.do(CreateProject(name="P"))
    await one.do(CreateTask(project_id=1, title="T", assigned_to=(2,), tag_ids=(1, 2)))
    await one.do(ChangeTag(tag_id=2, color="#000000"))
    await other.do(DeleteTag(tag_id=2))
    decided = await one.do(ChangeTask(task_id=1, tag_ids=(1,), status="completed"), Actor(2, "user"))
    assert [event.TOPIC for event in decided.events] == ["task.status_changed"]


async def test_a_state_that_is_read_and_glanced_at_is_guarded_whichever_came_first() -> None:
    for reads in (
        ("load_all", "glance_all"),
        ("glance_all", "load_all"),
        ("glance_all", "load_all", "glance_all"),
    ):
        desk = Desk(ADMIN, NOW, empty, {}, lambda kind, name: f"{kind}:{name}")
        for read in reads:
            getattr(desk, read)(Tag, [1, 2] if read == "load_all" else [1, 2, 3])
        assert desk.glanced == {"tag-3"}
    twice = Desk(ADMIN, NOW, empty, {}, lambda kind, name: f"{kind}:{name}")
    for _ in range(2):
        twice.glance_all(Tag, [1])
    assert twice.glanced == twice.reads.keys() == {"tag-1"}
