"""Named points at which a process dies, as if its machine had gone."""

from __future__ import annotations

import os
import signal
from collections.abc import Mapping
from itertools import count
from typing import Any, Final, NamedTuple

from api.idempotency import Repetitions
from events.group_writer import GroupWriter
from projections.writer import Writer
from tests.faults.mutants_patching import Method, around

PASSES_MAX: Final = 20
"""Where it is not said: at which time of passing at most; process ids make them different ones."""


class Point(NamedTuple):
    """Before or after what a method does."""

    owner: type[Any]
    method: str
    is_before: bool


POINTS: Final[Mapping[str, Point]] = {
    "before_append": Point(GroupWriter, "append_group", is_before=True),
    "after_append_before_reply": Point(GroupWriter, "append_group", is_before=False),
    "before_reply_kept": Point(Repetitions, "_keep", is_before=True),
    "after_reply_kept": Point(Repetitions, "_keep", is_before=False),
    "before_fold": Point(Writer, "apply", is_before=True),
    "after_fold": Point(Writer, "apply", is_before=False),
}


def crashing_at(words: str) -> None:
    """Die at a point: `before_append`, or `before_append:3` at the third passing. Raises KeyError."""
    name, _, number = words.partition(":")
    last = int(number) if number else 1 + os.getpid() % PASSES_MAX
    point, passes = POINTS[name], count(1)

    def die() -> None:
        if next(passes) >= last:
            os.kill(os.getpid(), signal.SIGKILL)

    def wrap(method: Method) -> Method:
        async def dying(*values: Any, **more: Any) -> Any:
            if point.is_before:
                die()
            result = await method(*values, **more)
            if not point.is_before:
                die()
            return result

        return dying

    around(point.owner, point.method, wrap)
