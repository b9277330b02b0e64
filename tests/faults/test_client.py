"""What clients of the lab think up: by dice alone, each write with its own key, one at a time for a thing."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any, cast

from tests.faults.client_drafts import Draft
from tests.faults.client_things import Thing, difference, shown
from tests.faults.client_wire import TASKFORGE, Answer, Person, Wire
from tests.faults.client_writes import MIX, Writes
from tests.faults.client_writing import Writing
from tests.faults.operations import History

PEOPLE = [Person(f"person-{number}", id=number) for number in range(1, 5)]


def writes(seed: int = 1) -> Writes:
    """With a project in which there can be tasks."""
    made = Writes(PEOPLE, random.Random(seed), "run")
    made.things["project"] = [thing("project", 1)]
    return made


def thing(kind: str, number: int, path: str = "", **expected: Any) -> Thing:
    return Thing(kind, number, path or f"/api/{kind}s/{number}", PEOPLE[0], expected, ["text"], 1)


def thought_up(seed: int, count: int = 200) -> list[Draft]:
    """Writes of which each thing that is made can be changed at once, and each change is done at once."""
    some = writes(seed)
    drafts = []
    for number in range(count):
        draft = some.next()
        drafts.append(draft)
        if draft.new:
            path = f"{TASKFORGE}/api/tasks/{number}" if "own" in draft.operation.kind else ""
            expected = dict(draft.operation.expected)
            some.things.setdefault(draft.new, []).append(thing(draft.new, number, path, **expected))
        elif draft.thing:
            draft.thing.expected |= draft.operation.expected
            draft.thing.busy_with = ""
    return drafts


def test_the_same_dice_think_up_the_same_writes() -> None:
    first, second = ([draft.operation for draft in thought_up(seed=7)] for _ in range(2))
    assert first == second
    assert first != [draft.operation for draft in thought_up(seed=8)]


def test_every_write_has_a_key_of_its_own_and_all_kinds_occur() -> None:
    drafts = thought_up(seed=1, count=600)
    assert max(Counter(draft.operation.key for draft in drafts).values()) == 1
    assert len({draft.operation.kind for draft in drafts}) == len(MIX)
    assert {draft.operation.path.startswith(TASKFORGE) for draft in drafts} == {True, False}


def test_nobody_changes_what_somebody_else_is_changing() -> None:
    some = writes()
    some.things["task"] = [thing("task", 2)]
    first = some.change_task()
    assert first is not None
    assert first.thing is some.things["task"][0]
    assert some.change_task() is None
    first.thing.busy_with = ""
    assert some.assign_task() is not None


class Agreeing:
    """A wire over which every request is answered 200."""

    servers = ("server-1", "server-2")

    async def ask(self, *_: object, **__: object) -> Answer:
        return Answer(200, b'{"data": {"task": {"id": 2}}}', {"X-Event-Position": "7"}, 0, 0)


async def test_a_write_that_is_sent_again_frees_nothing_that_another_one_changes() -> None:
    some = writes()
    task = thing("task", 2)
    some.things["task"] = [task]
    writing = Writing(cast(Wire, Agreeing()), some, History(), random.Random(1))
    first = some.assign_task()
    assert first is not None
    await writing.write(first)
    assert not task.is_busy
    second = some.change_task()
    assert second is not None
    await writing._attempt(first, "server-2")
    assert task.busy_with == second.operation.key
    await writing.write(second)
    assert not task.is_busy


def test_a_change_changes_something_each_time() -> None:
    """So that its events can be told beforehand: other people, more hours, another status."""
    some = writes()
    task = thing("task", 2, status="in_progress", actual_hours=1.5, assignees=[1, 2])
    some.things["task"] = [task]
    for _ in range(60):
        task.busy_with = ""
        draft = some.change_task()
        assert draft is not None
        sent = draft.operation.sent
        assert sent.get("actual_hours", 1.75) == 1.75
        assert sent.get("status", "completed") == "completed"
        task.busy_with = ""
        assigned = some.assign_task()
        assert assigned is not None
        assert assigned.operation.sent["user_ids"] not in ([1, 2], [])


def test_things_are_read_in_the_words_of_their_dialect() -> None:
    flow = Answer(200, b'{"data": {"task": {"id": 1, "assignees": [{"id": 7}]}}}', {}, 0, 0)
    forge = Answer(200, b'{"data": {"id": 1, "tags": [{"id": 9}]}}', {}, 0, 0)
    assert shown("task", "/api/tasks/1", flow) == {"id": 1, "assignees": [7]}
    assert shown("task", f"{TASKFORGE}/api/tasks/1", forge) == {"id": 1, "tags": [9]}
    assert shown("task", "/api/tasks/1", Answer(503, b"<html>", {}, 0, 0)) == {}


def test_what_is_shown_otherwise_is_named() -> None:
    assert difference({"title": "a", "id": 1}, {"title": "a", "id": 1, "more": 2}) == ""
    assert difference({"title": "a"}, {"title": "b"}) == "title is 'b' instead of 'a'"


def test_what_is_told_late_is_no_news() -> None:
    """An answer that is given again tells what was true when it was given first."""
    task = thing("task", 1, title="old")
    task.take({"title": "new", "status": "completed"}, 9)
    task.take({"title": "in between", "assignees": [2]}, 5)
    assert task.expected == {"title": "new", "status": "completed", "assignees": [2]}
    assert task.position == 9
