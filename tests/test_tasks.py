"""What may happen to tasks: who may do it, whose hours are booked, and what they cost."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given as for_all
from hypothesis import strategies as some

from commands.context import Actor
from commands.errors import ActorGone, Forbidden, Hidden, Invalid, NotFound, ProjectClosed, Unseen
from commands.money import MONEY_MAX_CENTS, cost_cents, equal_shares, half_up
from commands.tags import NAMED_MAX, TAGS_MAX
from commands.tasks import ASSIGNEES_MAX, AssignTask, ChangeTask, CreateTask, DeleteTask
from events.event import Event
from events.projects import ProjectDeleted, ProjectStatusChanged
from events.tags import TagCreated, TagDeleted
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
    TaskTagged,
)
from events.users import UserDeactivated, UserDeleted, UserRateChanged
from tests.given import ADMIN, MANAGER, OTHER_MANAGER, OTHER_USER, PEOPLE, USER, Story, given, user
from tests.test_projects import created as project_created

PROJECT = project_created()
DUE = "2025-07-15T00:00:00.000000Z"


def created(*assignee_ids: int, project_id: int | None = 1, creator_id: int = MANAGER.id) -> TaskCreated:
    return TaskCreated(
        task_id=1,
        project_id=project_id,
        creator_id=creator_id,
        title="Schema",
        description="",
        priority="medium",
        status="pending",
        due_date=None,
        estimated_centihours=800,
        assignee_ids=assignee_ids,
    )


def booking(actual_centihours: int, *shares: tuple[int, int, int, int]) -> TaskHoursBooked:
    names = ("user_id", "centihours", "hourly_rate_cents", "cost_cents")
    return TaskHoursBooked(
        1, actual_centihours, tuple(dict(zip(names, share, strict=True)) for share in shares)
    )


def with_task(*assignee_ids: int) -> Story:
    return given(PEOPLE, PROJECT, created(*assignee_ids))


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_an_admin_or_the_owning_manager_creates_tasks(actor: Actor) -> None:
    command = CreateTask(
        project_id=1,
        title="Schema",
        priority="high",
        due_date=DUE,
        estimated_centihours=800,
        assigned_to=(5, 3, 5),
    )
    answer = given(PEOPLE, PROJECT).when(command, by=actor)
    answer.then(
        TaskCreated(
            task_id=1,
            project_id=1,
            creator_id=actor.id,
            title="Schema",
            description="",
            priority="high",
            status="pending",
            due_date=DUE,
            estimated_centihours=800,
            assignee_ids=(5, 3),
        )
    )
    assert answer.guards() == {"project-1", "user-5", "user-3"}


def test_a_task_may_be_created_with_hours_and_notes() -> None:
    command = CreateTask(
        project_id=1,
        title="Schema",
        estimated_centihours=800,
        assigned_to=(3,),
        actual_centihours=150,
        completion_notes="Done",
    )
    story = given(PEOPLE, user(3, rate=6000), PROJECT)
    story.when(command, by=MANAGER).then(
        created(3),
        TaskDetailsChanged(1, {"completion_notes": "Done"}),
        booking(150, (3, 150, 6000, 9000)),
    )


def test_who_may_not_create_tasks_learns_why() -> None:
    command = CreateTask(project_id=1, invalid={"title": ["Title is required"]})
    story = with_task(3)
    assert story.when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    assert story.when(command, by=USER).refused(Hidden).what == "project"
    owned_by_a_user = given(PEOPLE, project_created(owner_id=USER.id))
    assert owned_by_a_user.when(command, by=USER).refused(Forbidden).required_role == "manager"


def test_no_task_is_created_in_a_project_that_is_not_there() -> None:
    for story in (given(PEOPLE), given(PEOPLE, PROJECT, ProjectDeleted(1))):
        refusal = story.when(CreateTask(project_id=1, title="x"), by=USER).refused(NotFound)
        assert refusal.what == "project"


def test_assignees_must_exist_and_be_active_and_all_faults_are_named_at_once() -> None:
    story = given(PEOPLE, UserDeactivated(5), PROJECT, created(3))
    messages = ["User 99 does not exist", "User 5 is not active"]
    create = CreateTask(project_id=1, assigned_to=(99, 3, 5), invalid={"title": ["Title is required"]})
    assert story.when(create).refused(Invalid).errors == {
        "title": ["Title is required"],
        "assigned_to": messages,
    }
    change = ChangeTask(task_id=1, assigned_to=(99, 3, 5))
    assert story.when(change).refused(Invalid).errors == {"assigned_to": messages}
    assign = AssignTask(task_id=1, user_ids=(99, 3, 5))
    assert story.when(assign).refused(Invalid).errors == {"user_ids": messages}


def test_an_assignee_who_is_inactive_by_now_may_stay() -> None:
    story = given(PEOPLE, PROJECT, created(5), UserDeactivated(5))
    story.when(AssignTask(task_id=1, user_ids=(3, 5))).then(TaskAssigned(1, (3, 5)))


def test_an_assignee_whose_account_is_gone_cannot_stay() -> None:
    story = given(PEOPLE, PROJECT, created(5, 3), UserDeleted(5))
    assert story.when(AssignTask(task_id=1, user_ids=(3, 5))).refused(Invalid).errors == {
        "user_ids": ["User 5 does not exist"]
    }
    refusal = story.when(ChangeTask(task_id=1, assigned_to=(5,))).refused(Invalid)
    assert refusal.errors == {"assigned_to": ["User 5 does not exist"]}
    story.when(AssignTask(task_id=1, user_ids=(3,))).then(TaskAssigned(1, (3,)))
    story.when(ChangeTask(task_id=1, title="New")).then(TaskDetailsChanged(1, {"title": "New"}))


def test_assignees_are_limited() -> None:
    command = AssignTask(task_id=1, user_ids=tuple(range(1, ASSIGNEES_MAX + 2)))
    refusal = with_task().when(command).refused(Invalid)
    assert refusal.errors == {"user_ids": ["At most 100 users can be assigned"]}


def test_only_what_differs_becomes_an_event() -> None:
    command = ChangeTask(
        task_id=1,
        title="Schema",
        description="Tables",
        priority="medium",
        due_date=DUE,
        status="in_progress",
        assigned_to=(3,),
        estimated_centihours=None,
    )
    with_task(3).when(command, by=MANAGER).then(
        TaskDetailsChanged(1, {"description": "Tables", "due_date": DUE, "estimated_centihours": None}),
        TaskStatusChanged(1, "in_progress"),
    )
    with_task(3).when(ChangeTask(task_id=1, title="Schema", status="pending"), by=MANAGER).then()


def test_an_assigned_user_sets_status_hours_and_notes() -> None:
    command = ChangeTask(task_id=1, status="completed", actual_centihours=600, completion_notes="Done")
    with_task(3).when(command, by=USER).then(
        TaskDetailsChanged(1, {"completion_notes": "Done"}),
        booking(600, (3, 600, 0, 0)),
        TaskStatusChanged(1, "completed"),
    )


@pytest.mark.parametrize(
    "command",
    [
        ChangeTask(task_id=1, status="completed", title="New"),
        ChangeTask(task_id=1, title="New"),
        ChangeTask(task_id=1, assigned_to=(5,)),
        ChangeTask(task_id=1, status="completed", invalid={"priority": ["Priority must be one of …"]}),
        AssignTask(task_id=1, user_ids=(3,)),
        DeleteTask(task_id=1),
    ],
)
def test_anything_else_takes_more_than_being_assigned(
    command: ChangeTask | AssignTask | DeleteTask,
) -> None:
    assert with_task(3).when(command, by=USER).refused(Forbidden).required_role == "manager"
    assert with_task(4).when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"


def test_a_wrong_value_of_an_assignee_is_a_matter_of_validation() -> None:
    command = ChangeTask(task_id=1, invalid={"actual_hours": ["Hours must not be negative"]})
    assert "actual_hours" in with_task(3).when(command, by=USER).refused(Invalid).errors


@pytest.mark.parametrize(
    "command",
    [ChangeTask(task_id=1, status="completed"), AssignTask(task_id=1), DeleteTask(task_id=1)],
)
def test_who_may_not_change_a_task_learns_why(command: ChangeTask | AssignTask | DeleteTask) -> None:
    story = with_task(3)
    assert story.when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    hidden = story.when(command, by=OTHER_USER).refused(Hidden)
    assert (hidden.what, hidden.project_id) == ("task", 1)
    owned_by_a_user = given(PEOPLE, project_created(owner_id=USER.id), created())
    assert owned_by_a_user.when(command, by=USER).refused(Forbidden).required_role == "manager"


@pytest.mark.parametrize("gone", [(), (TaskDeleted(1),), (ProjectDeleted(1),)])
def test_a_task_is_gone_when_it_or_its_project_is(gone: tuple[Event, ...]) -> None:
    story = given(PEOPLE, PROJECT, created(3), gone) if gone else given(PEOPLE, PROJECT)
    for command in (ChangeTask(task_id=1, status="completed"), AssignTask(task_id=1), DeleteTask(task_id=1)):
        for actor in (ADMIN, USER):
            assert story.when(command, by=actor).refused(NotFound).what == "task"


@pytest.mark.parametrize("status", ["completed", "cancelled"])
@pytest.mark.parametrize(
    "command",
    [
        CreateTask(project_id=1, title="More"),
        ChangeTask(task_id=1, status="completed"),
        AssignTask(task_id=1, user_ids=(3,)),
        DeleteTask(task_id=1),
    ],
)
def test_a_closed_project_takes_no_new_or_changed_tasks_until_reopened(
    status: str, command: CreateTask | ChangeTask | AssignTask | DeleteTask
) -> None:
    closed = given(PEOPLE, PROJECT, created(), ProjectStatusChanged(1, status))
    message = str(closed.when(command, by=MANAGER).refused(ProjectClosed))
    assert status in message
    assert "active" in message
    reopened = given(
        PEOPLE, PROJECT, ProjectStatusChanged(1, status), ProjectStatusChanged(1, "active"), created()
    )
    assert reopened.when(command, by=MANAGER).decision.events


def test_what_is_wrong_with_a_task_is_told_before_its_project_is_closed() -> None:
    closed = given(PEOPLE, project_created(status="completed"), created())
    closed.when(ChangeTask(task_id=1, assigned_to=(99,))).refused(Invalid)
    closed.when(ChangeTask(task_id=1, status="completed"), by=OTHER_MANAGER).refused(Forbidden)


def test_a_closed_project_cannot_slip_in_while_a_task_changes() -> None:
    answer = with_task(3).when(ChangeTask(task_id=1, status="completed"), by=USER)
    assert answer.guards() == {"project-1"}


def test_assigning_replaces_the_assignees_and_sets_the_estimate() -> None:
    command = AssignTask(task_id=1, user_ids=(5, 3, 5), estimated_centihours=1000)
    with_task(3).when(command, by=MANAGER).then(
        TaskDetailsChanged(1, {"estimated_centihours": 1000}), TaskAssigned(1, (5, 3))
    )
    with_task(3).when(AssignTask(task_id=1), by=MANAGER).then(TaskAssigned(1, ()))
    with_task(3).when(AssignTask(task_id=1, user_ids=(3,), estimated_centihours=800), by=MANAGER).then()


RATED = (*user(3, rate=3333), *user(5, rate=5000), *user(2, "manager", rate=9000))


def test_hours_are_credited_to_the_caller_when_assigned() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(5, 3))
    story.when(ChangeTask(task_id=1, actual_centihours=150), by=USER).then(booking(150, (3, 150, 3333, 5000)))


def test_else_in_equal_parts_with_the_odd_hundredth_to_the_lowest_id() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(5, 3))
    story.when(ChangeTask(task_id=1, actual_centihours=101), by=MANAGER).then(
        booking(101, (3, 51, 3333, 1700), (5, 50, 5000, 2500))
    )


def test_only_the_difference_is_booked_and_a_lower_total_takes_back() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(3), booking(150, (3, 150, 3333, 5000)))
    story.when(ChangeTask(task_id=1, actual_centihours=200), by=USER).then(booking(200, (3, 50, 3333, 1667)))
    story.when(ChangeTask(task_id=1, actual_centihours=0), by=USER).then(booking(0, (3, -150, 3333, -5000)))
    story.when(ChangeTask(task_id=1, actual_centihours=None), by=USER).then(
        booking(0, (3, -150, 3333, -5000))
    )
    story.when(ChangeTask(task_id=1, actual_centihours=150), by=USER).then()


def test_a_booking_costs_no_more_than_any_amount_of_money_can_be() -> None:
    story = given(PEOPLE, UserRateChanged(3, MONEY_MAX_CENTS), PROJECT, created(3))
    hour = booking(100, (3, 100, MONEY_MAX_CENTS, MONEY_MAX_CENTS))
    story.when(ChangeTask(task_id=1, actual_centihours=100), by=USER).then(hour)
    refusal = story.when(ChangeTask(task_id=1, actual_centihours=101), by=USER).refused(Invalid)
    assert refusal.errors == {"actual_hours": ["Actual hours must cost at most 999,999,999,999.99"]}


def test_hours_of_nobody_cost_nothing() -> None:
    with_task().when(ChangeTask(task_id=1, actual_centihours=150), by=MANAGER).then(booking(150))


def test_a_share_of_nothing_is_no_credit() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(5, 3))
    story.when(ChangeTask(task_id=1, actual_centihours=1), by=MANAGER).then(booking(1, (3, 1, 3333, 33)))


def test_zero_hours_are_an_answer_too() -> None:
    with_task(3).when(ChangeTask(task_id=1, actual_centihours=0), by=USER).then(booking(0))
    with_task(3).when(ChangeTask(task_id=1, actual_centihours=None), by=USER).then()


def test_where_nothing_is_booked_there_is_nothing_to_take_back() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(3), booking(0))
    story.when(ChangeTask(task_id=1, actual_centihours=None), by=USER).then()


def test_hours_given_with_new_assignees_are_theirs() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(3))
    story.when(ChangeTask(task_id=1, assigned_to=(5,), actual_centihours=100), by=MANAGER).then(
        TaskAssigned(1, (5,)), booking(100, (5, 100, 5000, 5000))
    )


def test_whose_account_is_gone_gets_no_hours_credited() -> None:
    story = given(PEOPLE, RATED, PROJECT, created(5, 3), UserDeleted(3))
    story.when(ChangeTask(task_id=1, actual_centihours=101), by=MANAGER).then(
        booking(101, (5, 101, 5000, 5050))
    )
    nobody = given(story.events, UserDeleted(5))
    nobody.when(ChangeTask(task_id=1, actual_centihours=101), by=MANAGER).then(booking(101))
    themselves = story.when(ChangeTask(task_id=1, actual_centihours=101), by=USER)
    themselves.then(booking(101))


@for_all(
    some.lists(some.tuples(some.integers(0, 10_000), some.sampled_from([MANAGER, USER, ADMIN])), max_size=12)
)
def test_credits_add_up_to_the_hours_of_the_task(totals: list[tuple[int, Actor]]) -> None:
    story = given(PEOPLE, RATED, PROJECT, created(5, 3))
    for total, actor in totals:
        answer = story.when(ChangeTask(task_id=1, actual_centihours=total), by=actor)
        story = given(story.events, answer.decision.events)
    bookings = [event for event in story.events if isinstance(event, TaskHoursBooked)]
    credited = [credit for event in bookings for credit in event.credits]
    assert sum(credit["centihours"] for credit in credited) == (totals[-1][0] if totals else 0)
    assert {credit["user_id"] for credit in credited} <= {3, 5}
    for credit in credited:
        assert credit["cost_cents"] == cost_cents(credit["centihours"], credit["hourly_rate_cents"])


TAGS = (
    TagCreated(1, "home", "", ""),
    TagCreated(2, "work", "", ""),
    TagCreated(3, "old", "", ""),
    TagDeleted(3),
)
PERSONAL = created(5, project_id=None, creator_id=USER.id)


def test_everybody_may_have_tasks_of_their_own_and_manage_them_as_an_owner_would() -> None:
    command = CreateTask(project_id=None, title="Schema", estimated_centihours=800, assigned_to=(5,))
    answer = given(PEOPLE).when(command, by=USER)
    answer.then(PERSONAL)
    # Nor does a task slip in while its creator's account ends.
    assert answer.guards() == {"user-3", "user-5"}
    for actor in (USER, ADMIN):
        story = given(PEOPLE, PERSONAL)
        story.when(ChangeTask(task_id=1, title="New"), by=actor).then(TaskDetailsChanged(1, {"title": "New"}))
        story.when(AssignTask(task_id=1), by=actor).then(TaskAssigned(1, ()))
        story.when(DeleteTask(task_id=1), by=actor).then(TaskDeleted(1))


def test_personal_tasks_of_others() -> None:
    story = given(PEOPLE, user(6), PERSONAL)
    story.when(ChangeTask(task_id=1, status="completed"), by=OTHER_USER).then(
        TaskStatusChanged(1, "completed")
    )
    assert story.when(DeleteTask(task_id=1), by=OTHER_USER).refused(Forbidden).required_role == "admin"
    assert story.when(DeleteTask(task_id=1), by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    assert story.when(DeleteTask(task_id=1), by=Actor(6, "user")).refused(Unseen).what == "task"


def test_a_personal_task_goes_with_its_creator_and_stays_when_an_assignee_goes() -> None:
    story = given(PEOPLE, PERSONAL)
    for command in (ChangeTask(task_id=1, status="completed"), AssignTask(task_id=1), DeleteTask(task_id=1)):
        gone = given(story.events, UserDeleted(USER.id))
        for actor in (ADMIN, USER, OTHER_USER):
            assert gone.when(command, by=actor).refused(NotFound).what == "task"
        assert given(story.events, UserDeleted(OTHER_USER.id)).when(command, by=USER).decision.events


def test_a_creator_cannot_go_while_a_personal_task_changes() -> None:
    answer = given(PEOPLE, PERSONAL).when(ChangeTask(task_id=1, status="completed"), by=OTHER_USER)
    assert answer.guards() == {"user-3"}


@pytest.mark.parametrize("end", [UserDeleted(USER.id), UserDeactivated(USER.id)])
def test_who_is_gone_or_locked_out_creates_no_personal_task(end: Event) -> None:
    command = CreateTask(project_id=None, title="Late", invalid={"title": ["Title is required"]})
    assert given(PEOPLE, end).when(command, by=USER).refused(ActorGone).what == "user"


def test_a_task_in_a_project_outlives_its_creator() -> None:
    story = given(PEOPLE, PROJECT, created(3, creator_id=OTHER_USER.id), UserDeleted(OTHER_USER.id))
    story.when(ChangeTask(task_id=1, status="completed"), by=USER).then(TaskStatusChanged(1, "completed"))


def test_a_task_is_created_with_those_tags_that_exist() -> None:
    command = CreateTask(
        project_id=None, title="Schema", estimated_centihours=800, assigned_to=(5,), tag_ids=(2, 9, 1, 2, 3)
    )
    answer = given(PEOPLE, TAGS).when(command, by=USER)
    answer.then(PERSONAL, TaskTagged(1, (1, 2)))
    # Tags are no guards: they may change or go meanwhile.
    assert answer.guards() == {"user-3", "user-5"}
    only_unknown = CreateTask(
        project_id=None, title="Schema", estimated_centihours=800, assigned_to=(5,), tag_ids=(9,)
    )
    given(PEOPLE).when(only_unknown, by=USER).then(PERSONAL)


def test_tags_of_a_change_replace_the_set_and_the_same_set_is_no_change() -> None:
    story = given(PEOPLE, TAGS, PERSONAL, TaskTagged(1, (1, 2)))
    story.when(ChangeTask(task_id=1, tag_ids=(2, 1, 2, 9)), by=USER).then()
    story.when(ChangeTask(task_id=1, tag_ids=(2,)), by=USER).then(TaskTagged(1, (2,)))
    story.when(ChangeTask(task_id=1, tag_ids=()), by=USER).then(TaskTagged(1, ()))
    story.when(ChangeTask(task_id=1, title="New"), by=USER).then(TaskDetailsChanged(1, {"title": "New"}))
    with_a_tag_that_is_gone = given(story.events, TagDeleted(2))
    for same in ((1, 2), (1,)):
        with_a_tag_that_is_gone.when(ChangeTask(task_id=1, tag_ids=same), by=USER).then()


def commands_with_tags(*tag_ids: int) -> tuple[ChangeTask, CreateTask]:
    return (
        ChangeTask(task_id=1, tag_ids=tag_ids),
        CreateTask(project_id=None, title="x", tag_ids=tag_ids),
    )


def test_of_the_tags_that_are_named_those_that_exist_are_limited() -> None:
    most = tuple(range(1, TAGS_MAX + 1))
    tags = tuple(TagCreated(number, f"tag{number}", "", "") for number in (*most, TAGS_MAX + 1))
    story = given(PEOPLE, PERSONAL, tags)
    unknown = tuple(range(TAGS_MAX + 2, NAMED_MAX + 2))
    story.when(ChangeTask(task_id=1, tag_ids=(*most * 2, *unknown)), by=USER).then(TaskTagged(1, most))
    for command in commands_with_tags(*most, TAGS_MAX + 1):
        refusal = story.when(command, by=USER).refused(Invalid)
        assert refusal.errors == {"tags": ["At most 100 tags can be put on a task"]}


def test_beyond_a_bound_no_tag_is_looked_up() -> None:
    for command in commands_with_tags(*range(1, NAMED_MAX + 2)):
        answer = given(PEOPLE, PERSONAL, TAGS).when(command, by=USER)
        assert answer.refused(Invalid).errors == {"tags": ["At most 1000 tags can be named at once"]}
        assert not any(stream.startswith("tag-") for stream in answer.decision.reads)


def test_an_assignee_may_send_the_whole_task_back_with_another_status() -> None:
    story = given(PEOPLE, TAGS, PROJECT, created(3, 5), TaskTagged(1, (1, 2)))
    gone = given(story.events, TagDeleted(2), UserDeleted(5))
    whole = ChangeTask(
        task_id=1,
        title="Schema",
        description="",
        priority="medium",
        status="in_progress",
        due_date=None,
        estimated_centihours=800,
        tag_ids=(2, 1),
        assigned_to=(3, 5),
        completion_notes="",
    )
    without_the_gone = replace(whole, tag_ids=(1,), assigned_to=(3,))
    for command in (without_the_gone, replace(without_the_gone, tag_ids=(1, 2))):
        gone.when(command, by=USER).then(TaskStatusChanged(1, "in_progress"))
    story.when(whole, by=USER).then(TaskStatusChanged(1, "in_progress"))
    others: dict[str, Any] = {
        "title": "New",
        "description": "x",
        "priority": "high",
        "due_date": DUE,
        "estimated_centihours": 801,
        "tag_ids": (1,),
        "assigned_to": (5, 3),
        "invalid": {"title": ["Too long"]},
    }
    for name, other in others.items():
        one_changed: dict[str, Any] = {name: other}
        story.when(replace(whole, **one_changed), by=USER).refused(Forbidden)
    story.when(replace(whole, tag_ids=tuple(range(1, NAMED_MAX + 2))), by=USER).refused(Forbidden)


@pytest.mark.parametrize(
    ("numerator", "denominator", "rounded"),
    [(149, 100, 1), (150, 100, 2), (-149, 100, -1), (-150, 100, -2), (1, 3, 0), (2, 3, 1), (0, 7, 0)],
)
def test_a_half_is_rounded_away_from_zero(numerator: int, denominator: int, rounded: int) -> None:
    assert half_up(numerator, denominator) == rounded


AMOUNTS = some.integers(-(10**12), 10**12)


@for_all(hours=AMOUNTS, rate=some.integers(0, 10**8))
def test_taking_hours_back_costs_exactly_what_booking_them_did(hours: int, rate: int) -> None:
    assert cost_cents(hours, rate) == -cost_cents(-hours, rate)


@for_all(total=AMOUNTS, user_ids=some.sets(some.integers(1, 10**6), min_size=1, max_size=50))
def test_shares_are_whole_equal_but_for_one_and_lose_nothing(total: int, user_ids: set[int]) -> None:
    shares = equal_shares(total, user_ids)
    assert shares.keys() == user_ids
    assert sum(shares.values()) == total
    assert max(shares.values()) - min(shares.values()) <= 1
    sizes = [abs(shares[user_id]) for user_id in sorted(user_ids)]
    assert sizes == sorted(sizes, reverse=True)
