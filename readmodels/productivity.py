"""What people did day by day: one document for each user and month, which reports of any period merge."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Final, NamedTuple, cast

from readmodels.documents import (
    REFS_CACHED_MAX,
    Contribution,
    Document,
    Kind,
    Places,
    Ref,
    day_of,
    month_of,
    score,
)
from readmodels.tasks import Task, counts, deadline

DAY_AT: Final = len("2025-07-")


class Completion(NamedTuple):
    """A task that is completed, for one of its assignees: at which second, and how it went.

    `cycle_s` are the seconds since work began. `in_time` is None where no due date stood at that
    moment. Hours (hundredths) are None where there was no estimate, or nothing was booked.
    """

    task_id: int
    completed_s: int
    cycle_s: int
    in_time: bool | None
    actual_centihours: int | None
    estimated_centihours: int | None


def contributions(document: Document) -> Iterable[Contribution]:
    """To `work` documents, which are sums, so that a task can be taken out of them again.

    Fields are `hours.03` and `assigned.03` by day of the month, and `done.12.…` by task.
    """
    task = cast(Task, document)
    for user, days in task["credits"].items():
        for day, booked in days.items():
            yield work_of(user, day), {f"hours.{day[DAY_AT:]}": booked}
    if not counts(task):
        return
    for user, at in task["assigned_at"].items():
        yield work_of(user, at), {f"assigned.{day_of(at)[DAY_AT:]}": 1}
    if task["completed_at"] is not None:
        record = completion(task, task["completed_at"])
        for user_id in task["assignee_ids"]:
            yield work_of(str(user_id), task["completed_at"]), record


def work_of(user: str, instant: str) -> Ref:
    return work_in(user, month_of(instant))


@lru_cache(maxsize=REFS_CACHED_MAX)
def work_in(user: str, month: str) -> Ref:
    return Ref("work", f"{user}:{month}")


def completion(task: Task, completed_at: str) -> dict[str, int]:
    name = f"done.{task['id']}."
    began, end = score(task["started_at"] or task["created_at"]), score(completed_at)
    record = {f"{name}at": int(end), f"{name}cycle": int(end - began)}
    if task["promised_date"] is not None:
        late = end > deadline(task["promised_date"])
        record[f"{name}late" if late else f"{name}timely"] = 1
    if task["estimated_centihours"] and task["actual_centihours"] is not None:
        record[f"{name}estimate"] = task["estimated_centihours"]
        record[f"{name}actual"] = task["actual_centihours"]
    return record


def completions(work: Document) -> Iterator[Completion]:
    """The completions of a `work` document, read back."""
    for task_id, fields in sorted(completed_tasks(work).items()):
        estimate = fields.get("estimate")
        yield Completion(
            task_id,
            fields["at"],
            fields.get("cycle", 0),
            None if not fields.keys() & {"late", "timely"} else "timely" in fields,
            None if estimate is None else fields.get("actual", 0),
            estimate,
        )


def completed_tasks(work: Document) -> Mapping[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for name, amount in work.items():
        if name.startswith("done."):
            _, task_id, field = name.split(".")
            found.setdefault(int(task_id), {})[field] = amount
    return found


def by_day(work: Document, what: str) -> Mapping[str, int]:
    """The amounts of `hours` (hundredths) or of tasks `assigned`, by day as `2025-07-03`."""
    month = work["id"].split(":")[1]
    prefix = f"{what}."
    return {
        f"{month}-{name.removeprefix(prefix)}": amount
        for name, amount in work.items()
        if name.startswith(prefix)
    }


def places(document: Document) -> Places:
    """By month: `2025-07` stands at 202507."""
    month = document["id"].split(":")[1]
    return {"work:month": int(month.replace("-", ""))}


WORK = Kind("work", places, is_summary=True)
