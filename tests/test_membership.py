"""What departments' figures rest on: whoever moves takes along what is theirs, whatever else happens."""

from __future__ import annotations

from collections.abc import Mapping
from random import Random
from typing import Any

import pytest

from events.event import Event, Poison
from events.projects import ProjectDeleted
from events.tasks import TaskAssigned, TaskCreated, TaskDeleted
from events.users import UserDeleted, UserDepartmentChanged
from projections import membership
from projections.memory import fold
from readmodels.documents import Ref
from readmodels.memory import MemoryModel
from tests.histories import World, history
from tests.test_stats import ADMIN, DESIGNER, WRITER, a_world, booking, project, task, user

NEWCOMER = 4
BATCHES = pytest.mark.parametrize("at_once", [True, False], ids=["one batch", "one by one"])


def told(world: World, *events: Event) -> None:
    for event in events:
        world.tell(event)


def folded(world: World, *, at_once: bool = True) -> MemoryModel:
    model = MemoryModel()
    if at_once:
        fold(world.records, model)
    else:
        for record in world.records:
            fold([record], model)
    return model


def figures(model: MemoryModel, department_id: int) -> Mapping[str, Any]:
    return model.documents.get(Ref("department_figures", str(department_id)), {})


def projects(model: MemoryModel, department_id: int) -> set[str]:
    return set(model.indexes.get(f"project:department:{department_id}", {}))


@BATCHES
def test_what_is_made_and_moved_in_one_batch_counts_where_it_ends(at_once: bool) -> None:
    world = a_world()
    told(
        world,
        project(1, owner=DESIGNER),
        task(1, DESIGNER, WRITER),
        task(2, DESIGNER),
        booking(2, 100, user_2=100),
        UserDepartmentChanged(DESIGNER, 1),
        task(3, DESIGNER),
    )
    model = folded(world, at_once=at_once)
    assert (figures(model, 1)["tasks"], figures(model, 1)["centihours"]) == (3, 100)
    assert (figures(model, 2)["tasks"], figures(model, 2).get("centihours")) == (1, None)
    assert projects(model, 1) == projects(model, 2) == {"1"}
    told(world, UserDepartmentChanged(WRITER, None))
    model = folded(world, at_once=at_once)
    assert figures(model, 2) == {}
    assert (projects(model, 1), projects(model, 2)) == ({"1"}, set())


@BATCHES
def test_whoever_is_heard_of_only_later_brings_along_what_is_theirs(at_once: bool) -> None:
    world = a_world()
    told(world, project(1), task(1, NEWCOMER), project(2, owner=NEWCOMER), user(NEWCOMER, 2))
    model = folded(world, at_once=at_once)
    assert (figures(model, 2)["members"], figures(model, 2)["tasks"]) == (3, 1)
    assert projects(model, 2) == {"1", "2"}


def test_a_task_that_takes_no_more_events_still_moves_with_its_people() -> None:
    world = a_world()
    told(world, project(1), task(1, DESIGNER))
    model = folded(world)
    at = len(world.records) + 1
    fold([Poison("task-1", 2, at, "task.assigned", world.records[-1].recorded_at, "unknown shape")], model)
    assert model.stopped == {Ref("task", "1")}
    record = world.tell(UserDepartmentChanged(DESIGNER, 1))
    fold([record._replace(position=at + 1)], model)
    assert (figures(model, 1)["tasks"], figures(model, 2).get("tasks")) == (1, None)


def test_hours_of_a_deleted_task_move_on_and_those_of_a_deleted_project_are_gone() -> None:
    world = a_world()
    told(
        world,
        project(1),
        task(1, DESIGNER),
        booking(1, 250, user_2=250),
        TaskDeleted(1),
        UserDepartmentChanged(DESIGNER, 1),
    )
    model = folded(world)
    assert figures(model, 1)["centihours"] == 250
    assert "tasks" not in figures(model, 1)
    fold([world.tell(ProjectDeleted(1))], model)
    assert figures(model, 1) == {"id": "1", "members": 2, "active_members": 2}
    fold([world.tell(UserDepartmentChanged(ADMIN, 2))], model)
    assert projects(model, 1) == projects(model, 2) == set()


def test_much_work_is_moved_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    histories = [history(Random(seed), 150) for seed in range(20)]
    whole = [folded(World(Random(0), records=records), at_once=False) for records in histories]
    monkeypatch.setattr(membership, "UNREAD_MAX", 1)
    parts = [folded(World(Random(0), records=records), at_once=False) for records in histories]
    for one, other in zip(whole, parts, strict=True):
        assert (one.documents, one.indexes) == (other.documents, other.indexes)


def own(number: int, creator: int, *assignees: int) -> TaskCreated:
    """A task in no project."""
    return TaskCreated(number, None, creator, "Own", "", "medium", "pending", None, None, assignees)


def people_of(model: MemoryModel) -> dict[str, list[int]]:
    """Assignees of the tasks that are there; of each it is known since when."""
    tasks = {ref.id: document for ref, document in model.documents.items() if ref.kind == "task"}
    present = {key: task for key, task in tasks.items() if not task["deleted"]}
    assert all(
        sorted(map(int, task["assigned_at"])) == sorted(task["assignee_ids"]) for task in present.values()
    )
    return {key: task["assignee_ids"] for key, task in present.items()}


@BATCHES
def test_who_goes_in_the_batch_that_brought_them_leaves_nothing_behind_but_what_was_spent(
    at_once: bool,
) -> None:
    world = a_world()
    told(
        world,
        user(NEWCOMER, 1),
        project(1),
        task(1, NEWCOMER, WRITER),
        own(2, NEWCOMER, WRITER),
        own(3, WRITER, NEWCOMER),
        booking(1, 100, user_4=100),
        UserDepartmentChanged(NEWCOMER, 2),
        UserDeleted(NEWCOMER),
    )
    model = folded(world, at_once=at_once)
    assert people_of(model) == {"1": [WRITER], "3": []}
    assert Ref("user", str(NEWCOMER)) not in model.documents
    assert figures(model, 1) == {"id": "1", "members": 1, "active_members": 1}
    assert (figures(model, 2)["members"], figures(model, 2)["tasks"]) == (2, 1)
    assert "centihours" not in figures(model, 2)
    assert model.documents[Ref("user_figures", str(NEWCOMER))]["centihours"] == 100
    assert Ref("own_tasks", str(NEWCOMER)) not in model.documents
    assert f"task:own:{NEWCOMER}" not in model.indexes
    assert f"project:visible:{NEWCOMER}" not in model.indexes


@BATCHES
def test_who_goes_while_their_project_does(at_once: bool) -> None:
    for partings in (
        (ProjectDeleted(1), UserDeleted(DESIGNER)),
        (UserDeleted(DESIGNER), ProjectDeleted(1)),
    ):
        world = a_world()
        told(world, project(1, owner=DESIGNER), task(1, DESIGNER, WRITER), booking(1, 100, user_2=100))
        told(world, own(2, DESIGNER, WRITER), *partings)
        model = folded(world, at_once=at_once)
        assert people_of(model) == {}
        assert figures(model, 2) == {"id": "2", "members": 1, "active_members": 1}
        assert projects(model, 2) == set()
        assert Ref("user_figures", str(DESIGNER)) not in model.documents


@BATCHES
def test_what_was_taken_away_before_stays_as_it_was(at_once: bool) -> None:
    world = a_world()
    told(world, project(1), task(1, DESIGNER), own(2, DESIGNER), own(3, DESIGNER))
    told(world, TaskAssigned(1, (WRITER,)), TaskDeleted(2), UserDeleted(DESIGNER))
    model = folded(world, at_once=at_once)
    assert people_of(model) == {"1": [WRITER]}
    assert [model.documents[Ref("task", str(number))]["version"] for number in (1, 2, 3)] == [2, 2, 1]


def test_a_task_that_takes_no_more_events_keeps_who_is_gone_and_says_so() -> None:
    world = a_world()
    told(world, project(1), task(1, DESIGNER))
    model = folded(world)
    at = len(world.records) + 1
    fold([Poison("task-1", 2, at, "task.assigned", world.records[-1].recorded_at, "unknown shape")], model)
    record = world.tell(UserDeleted(DESIGNER))
    fold([record._replace(position=at + 1)], model)
    assert people_of(model) == {"1": [DESIGNER]}
    assert model.dead_letters[-1].documents == (Ref("task", "1"),)
    assert model.dead_letters[-1].held_back
    assert Ref("user", str(DESIGNER)) not in model.documents
    # Nobody of a department works on it any more.
    assert "tasks" not in figures(model, 2)
