"""What clients of the lab write: every kind of change in both dialects, and what must be read back of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from tests.faults.client_drafts import Draft, Drafting
from tests.faults.client_wire import TASKFORGE, Person

HOURS_STEP: Final = 0.25
NEXT_STATUS: Final = {"pending": "in_progress", "in_progress": "completed", "completed": "pending"}
PRIORITIES: Final = ("low", "medium", "high", "urgent")
SEVERITIES: Final = ("low", "medium", "high", "critical")


class Writes(Drafting):
    """Every kind of write, each a method; where there is nothing to change for one, it makes none."""

    def next(self) -> Draft:
        """A write that the rules allow: nobody is closed out of anything, and no two are about one thing."""
        makers = self._chance.choices([make for make, _ in MIX], [share for _, share in MIX])
        return makers[0](self) or self.new_task()

    def new_project(self, owner: Person | None = None) -> Draft:
        name = self._key()
        sent = {"name": name, "description": f"about {name}", "budget": self._amount()}
        return self._draft(
            "create project",
            "/api/projects",
            sent,
            ("project.created",),
            owner or self._person(),
            new="project",
        )

    def new_task(self) -> Draft:
        """A task in a project; some come with hours and notes, so that one command is several events."""
        project = self._any("project")
        assert project, "projects are made before anything else"
        key = self._key()
        sent: dict[str, Any] = {"title": key, "priority": self._chance.choice(PRIORITIES)}
        topics = ["task.created"]
        if self._chance.random() < 0.4:
            sent |= {"completion_notes": f"notes of {key}", "actual_hours": HOURS_STEP, "estimated_hours": 8}
            sent |= {"assigned_to": self._team()}
            topics += ["task.details_changed", "task.hours_booked"]
        path = f"/api/projects/{project.id}/tasks"
        return self._draft(
            "create task", path, sent, tuple(topics), project.owner, new="task", parent=project
        )

    def own_task(self) -> Draft:
        """A task of TaskForge, which is in no project; some bear tags."""
        key = self._key()
        sent: dict[str, Any] = {"title": key, "description": f"about {key}"}
        topics = ["task.created"]
        if (tag := self._any("tag")) and self._chance.random() < 0.3:
            sent |= {"tags": [tag.id]}
            topics += ["task.tagged"]
        return self._draft(
            "create own task",
            f"{TASKFORGE}/api/tasks",
            sent,
            tuple(topics),
            self._person(),
            new="task",
        )

    def new_tag(self) -> Draft:
        return self._tag("create tag", self._key(), self._person())

    def tag_again(self) -> Draft | None:
        """A tag by the name of one that its owner has already."""
        tag = self._any("tag")
        return self.second_tag(tag.texts[0], tag.owner) if tag else None

    def second_tag(self, name: str, owner: Person) -> Draft:
        """What the rules refuse, unless nothing came of the first tag by this name."""
        self._key()
        draft = self._tag("create tag again", name, owner)
        draft.operation.is_second = True
        return draft

    def _tag(self, kind: str, name: str, owner: Person) -> Draft:
        sent = {"name": name, "color": "#3366FF"}
        topics = ("tag.created", "claim.claimed")
        return self._draft(kind, f"{TASKFORGE}/api/tags", sent, topics, owner, new="tag")

    def new_expense(self) -> Draft:
        project = self._any("project")
        assert project, "projects are made before anything else"
        sent = {"amount": self._amount(), "category": "travel", "description": self._key()}
        path = f"/api/projects/{project.id}/expenses"
        return self._draft(
            "record expense", path, sent, ("expense.recorded",), project.owner, new="expense", parent=project
        )

    def new_risk(self) -> Draft:
        project = self._any("project")
        assert project, "projects are made before anything else"
        sent = {
            "title": f"risk {self._number}",
            "description": self._key(),
            "severity": self._chance.choice(SEVERITIES),
        }
        path = f"/api/projects/{project.id}/risks"
        return self._draft(
            "raise risk", path, sent, ("risk.raised",), project.owner, new="risk", parent=project
        )

    def change_task(self) -> Draft | None:
        """A change of several events, half of them with the version that must still be the present one."""
        task = self._idle(lambda task: not task.is_forged)
        if task is None:
            return None
        sent: dict[str, Any] = {"title": self._key()}
        topics = ["task.details_changed"]
        if self._chance.random() < 0.5:
            sent |= {"actual_hours": (task.expected.get("actual_hours") or 0) + HOURS_STEP}
            topics += ["task.hours_booked"]
        if self._chance.random() < 0.5:
            sent |= {"status": NEXT_STATUS[task.expected.get("status", "pending")]}
            topics += ["task.status_changed"]
        draft = self._change("change task", "PUT", task.path, sent, tuple(topics), task)
        if task.etag and self._chance.random() < 0.5:
            draft.headers["If-Match"] = task.etag
        return draft

    def assign_task(self) -> Draft | None:
        task = self._idle(lambda task: not task.is_forged)
        if task is None:
            return None
        team = self._team(but=task.expected.get("assignees"))
        self._key()
        draft = self._change(
            "assign task", "POST", f"{task.path}/assign", {"user_ids": team}, ("task.assigned",), task
        )
        draft.operation.expected = {"assignees": team}
        return draft

    def change_own_task(self) -> Draft | None:
        task = self._idle(lambda task: task.is_forged)
        if task is None:
            return None
        sent = {"title": self._key(), "description": f"changed by {self._number}"}
        return self._change("change own task", "PATCH", task.path, sent, ("task.details_changed",), task)

    def complete_own_task(self) -> Draft | None:
        """Nothing is sent with it: that the task is completed afterwards is what can be recognised."""
        task = self._idle(lambda task: task.is_forged and task.expected.get("status") != "completed")
        if task is None:
            return None
        self._key()
        draft = self._change(
            "complete own task", "POST", f"{task.path}/complete", {}, ("task.status_changed",), task
        )
        draft.operation.expected = {"status": "completed", "is_completed": True}
        return draft

    def change_project(self) -> Draft | None:
        project = self._idle(lambda _: True, "project")
        if project is None:
            return None
        sent = {"name": self._key(), "budget": self._amount()}
        return self._change(
            "change project", "PUT", project.path, sent, ("project.details_changed",), project
        )


MIX: Final[tuple[tuple[Callable[[Writes], Draft | None], int], ...]] = (
    (Writes.new_task, 28),
    (Writes.change_task, 22),
    (Writes.own_task, 14),
    (Writes.change_own_task, 8),
    (Writes.complete_own_task, 5),
    (Writes.assign_task, 6),
    (Writes.new_expense, 6),
    (Writes.new_risk, 4),
    (Writes.new_tag, 3),
    (Writes.tag_again, 1),
    (Writes.change_project, 2),
    (Writes.new_project, 1),
)
"""What is written how often, in percent."""
