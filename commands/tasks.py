"""Creating, changing, assigning and deleting tasks, and booking hours on them."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Final

from commands.context import UNSET, Actor, Context, Unset, adopted, changed, given
from commands.errors import ActorGone, Errors, Faults, Forbidden, NotFound, Unseen
from commands.hours import booked
from commands.projects import Project
from commands.tags import NAMED_MAX, checked_tags, present_tags
from commands.users import User, check_active
from events.event import Event
from events.instants import Instant
from events.tasks import (
    TaskAssigned,
    TaskCreated,
    TaskDeleted,
    TaskDetailsChanged,
    TaskHoursBooked,
    TaskStatusChanged,
    TaskTagged,
)

ASSIGNEES_MAX: Final = 100

# Hours under both names: what is wrong with a field comes under the name that clients use.
ASSIGNEE_FIELDS: Final = frozenset({"status", "actual_centihours", "actual_hours", "completion_notes"})

DETAILS: Final = ("title", "description", "priority", "due_date", "estimated_centihours", "completion_notes")


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateTask:
    """Hours are integer hundredths. `project_id` None makes the task its creator's own.

    Of `tag_ids` those count that exist.
    """

    project_id: int | None
    title: str = ""
    description: str = ""
    priority: str = "medium"
    status: str = "pending"
    due_date: Instant | None = None
    estimated_centihours: int | None = None
    actual_centihours: int | None = None
    assigned_to: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    completion_notes: str = ""
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeTask:
    """`actual_centihours` None takes all booked hours back."""

    task_id: int
    title: str | Unset = UNSET
    description: str | Unset = UNSET
    priority: str | Unset = UNSET
    status: str | Unset = UNSET
    due_date: Instant | Unset | None = UNSET
    estimated_centihours: int | Unset | None = UNSET
    actual_centihours: int | Unset | None = UNSET
    assigned_to: tuple[int, ...] | Unset = UNSET
    tag_ids: tuple[int, ...] | Unset = UNSET
    completion_notes: str | Unset = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignTask:
    """Replaces the assignees; sets the estimate too when one is given."""

    task_id: int
    user_ids: tuple[int, ...] = ()
    estimated_centihours: int | Unset | None = UNSET
    invalid: Errors = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeleteTask:
    task_id: int


@dataclass(frozen=True, slots=True)
class Task:
    STREAM: ClassVar[str] = "task"

    id: int = 0
    project_id: int | None = None
    creator_id: int = 0
    title: str = ""
    description: str = ""
    priority: str = "medium"
    status: str = "pending"
    due_date: Instant | None = None
    estimated_centihours: int | None = None
    actual_centihours: int | None = None
    assignee_ids: tuple[int, ...] = ()
    tag_ids: tuple[int, ...] = ()
    completion_notes: str = ""
    deleted: bool = False

    @property
    def exists(self) -> bool:
        return self.id > 0 and not self.deleted


def evolve(task: Task, event: Event) -> Task:
    match event:
        case TaskCreated():
            return adopted(task, event, id=event.task_id)
        case TaskDetailsChanged():
            return replace(task, **event.changes)
        case TaskStatusChanged() | TaskAssigned() | TaskTagged() | TaskHoursBooked():
            return adopted(task, event)
        case TaskDeleted():
            return replace(task, deleted=True)
    return task


def create_task(command: CreateTask, context: Context) -> Iterator[Event]:
    project = None
    if command.project_id is not None:
        project = context.existing(Project, command.project_id)
        project.must_be_managed_by(context.actor)
    elif not context.load(User, context.actor.id).active:
        # Whose account ends at this moment leaves no task behind.
        raise ActorGone
    faults = Faults(command.invalid)
    assignee_ids = _checked_assignees(faults, "assigned_to", command.assigned_to, (), context)
    tag_ids = checked_tags(faults, command.tag_ids, context)
    faults.refuse()
    if project:
        project.must_take_work()
    created = TaskCreated(
        task_id=context.new_id("task"),
        project_id=command.project_id,
        creator_id=context.actor.id,
        title=command.title,
        description=command.description,
        priority=command.priority,
        status=command.status,
        due_date=command.due_date,
        estimated_centihours=command.estimated_centihours,
        assignee_ids=assignee_ids,
    )
    yield created
    if tag_ids:
        yield TaskTagged(created.task_id, tag_ids)
    if command.completion_notes:
        yield TaskDetailsChanged(created.task_id, {"completion_notes": command.completion_notes})
    if command.actual_centihours is not None:
        yield booked(created.task_id, None, command.actual_centihours, assignee_ids, context)


def change_task(command: ChangeTask, context: Context) -> Iterator[Event]:
    task, project = _found(command.task_id, context)
    command = _without_same(task, command, context)
    if not (_is_assigned(task, context.actor) and given(command) <= ASSIGNEE_FIELDS):
        _must_be_managed(task, project, context.actor)
    faults = Faults(command.invalid)
    assignee_ids = task.assignee_ids
    if command.assigned_to is not UNSET:
        assignee_ids = _checked_assignees(
            faults, "assigned_to", command.assigned_to, task.assignee_ids, context
        )
    tag_ids = task.tag_ids if command.tag_ids is UNSET else checked_tags(faults, command.tag_ids, context)
    faults.refuse()
    if project:
        project.must_take_work()
    yield from _details(task, command, DETAILS)
    yield from _assigned(task, assignee_ids)
    if tag_ids != task.tag_ids:
        yield TaskTagged(task.id, tag_ids)
    if command.actual_centihours is not UNSET and _differs(task.actual_centihours, command.actual_centihours):
        # Hours booked together with new assignees are credited to the new ones.
        yield booked(task.id, task.actual_centihours, command.actual_centihours or 0, assignee_ids, context)
    if command.status is not UNSET and command.status != task.status:
        yield TaskStatusChanged(task.id, command.status)


def assign_task(command: AssignTask, context: Context) -> Iterator[Event]:
    task, project = _found(command.task_id, context)
    _must_be_managed(task, project, context.actor)
    faults = Faults(command.invalid)
    assignee_ids = _checked_assignees(faults, "user_ids", command.user_ids, task.assignee_ids, context)
    faults.refuse()
    if project:
        project.must_take_work()
    yield from _details(task, command, ("estimated_centihours",))
    yield from _assigned(task, assignee_ids)


def delete_task(command: DeleteTask, context: Context) -> Iterator[Event]:
    task, project = _found(command.task_id, context)
    _must_be_managed(task, project, context.actor)
    if project:
        project.must_take_work()
    yield TaskDeleted(task.id)


def _found(task_id: int, context: Context) -> tuple[Task, Project | None]:
    """A task and its project; with its project a task is gone too, an own one with its creator."""
    task = context.existing(Task, task_id)
    if task.project_id is None:
        if not context.load(User, task.creator_id).exists:
            raise NotFound("task")
        return task, None
    project = context.load(Project, task.project_id)
    if not project.exists:
        raise NotFound("task")
    return task, project


def _is_assigned(task: Task, actor: Actor) -> bool:
    return actor.id in task.assignee_ids


def _must_be_managed(task: Task, project: Project | None, actor: Actor) -> None:
    """An assignee always sees the task, so the answer to one is never that it does not exist."""
    assigned = _is_assigned(task, actor)
    if project:
        project.must_be_managed_by(actor, "task", is_seen=assigned)
    elif not actor.is_admin and actor.id != task.creator_id:
        raise Forbidden("admin") if assigned or actor.role == "manager" else Unseen("task")


def _checked_assignees(
    faults: Faults, name: str, wanted: tuple[int, ...], present: tuple[int, ...], context: Context
) -> tuple[int, ...]:
    """The wanted assignees, each once, in their order; who is assigned already may be inactive by now.

    Nobody is kept whose account is gone, though the task's own stream still names them.
    """
    unique = tuple(dict.fromkeys(wanted))
    if len(unique) > ASSIGNEES_MAX:
        faults.add(name, f"At most {ASSIGNEES_MAX} users can be assigned")
    else:
        check_active(faults, name, unique, context, also=present)
    return unique


def _without_same(task: Task, command: ChangeTask, context: Context) -> ChangeTask:
    """The change without the fields that leave things as they are, which take no permission.

    Clients send back the tags and assignees that they were shown: those that are still there.
    """
    same = {name for name in DETAILS if getattr(command, name) == getattr(task, name)}
    if command.tag_ids is not UNSET and _has_tags(task, command.tag_ids, context):
        same.add("tag_ids")
    if command.assigned_to is not UNSET and command.assigned_to == _present_assignees(task, context):
        same.add("assigned_to")
    unset: dict[str, Any] = dict.fromkeys(same, UNSET)
    return replace(command, **unset)


def _has_tags(task: Task, tag_ids: Collection[int], context: Context) -> bool:
    """Whether those of the tags that exist are the task's."""
    if len(tag_ids) > NAMED_MAX:
        return False
    return present_tags(tag_ids, context) == present_tags(task.tag_ids, context)


def _present_assignees(task: Task, context: Context) -> tuple[int, ...]:
    return tuple(user.id for user in context.load_all(User, task.assignee_ids) if user.exists)


def _differs(before: int | None, wanted: int | None) -> bool:
    """Where nothing is booked there is nothing to take back."""
    return bool(before) if wanted is None else before != wanted


def _details(task: Task, command: ChangeTask | AssignTask, names: tuple[str, ...]) -> Iterator[Event]:
    changes = changed(task, command, names)
    if changes:
        yield TaskDetailsChanged(task.id, changes)


def _assigned(task: Task, assignee_ids: tuple[int, ...]) -> Iterator[Event]:
    if assignee_ids != task.assignee_ids:
        yield TaskAssigned(task.id, assignee_ids)
