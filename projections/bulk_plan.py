"""The plan of a load: into which ranges of streams the log is divided, to be folded at the same time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, NamedTuple

import orjson

from events.mapper import USER
from projections.bulk_messages import Message

FIRST: Final = ""
LAST: Final = "\U0010ffff"
SAMPLES_PER_RANGE: Final = 100
SAMPLES_MAX: Final = 20_000


class Range(NamedTuple):
    """Streams by name, from `low` on and before `high`, in the order of their bytes."""

    low: str
    high: str


def range_of(category: str) -> Range:
    """All streams of a category: `task-…`."""
    return Range(f"{category}-", f"{category}.")


USERS: Final = Range(USER, f"{USER[:-1]}.")


class Plan(NamedTuple):
    """Ranges of users, on whose departments the rest depends, and all others; `buckets` of summaries."""

    users: list[Range]
    others: list[Range]
    buckets: int

    def jobs(self) -> tuple[list[Message], list[Message]]:
        """The jobs of users' ranges and those of the others, each with a number of its own."""
        jobs: list[Message] = [
            {"range": number, "low": each.low, "high": each.high}
            for number, each in enumerate([*self.users, *self.others])
        ]
        return jobs[: len(self.users)], jobs[len(self.users) :]


def sampled_positions(end: int, range_events: int) -> list[int]:
    """Positions spread over the log, by whose streams it is divided."""
    count = min(SAMPLES_MAX, SAMPLES_PER_RANGE * max(1, end // range_events), end)
    return [1 + end * place // count for place in range(count)]


def planned(streams: Sequence[str], end: int, range_events: int, buckets: int) -> Plan:
    """Ranges of about `range_events` events each; `streams` are those at the sampled positions, in order."""
    step = max(1, len(streams) * range_events // max(1, end))
    cuts = list(dict.fromkeys(streams[step::step]))
    others = [*between(Range(FIRST, USERS.low), cuts), *between(Range(USERS.high, LAST), cuts)]
    return Plan(between(USERS, cuts), others, buckets)


def between(whole: Range, cuts: Sequence[str]) -> list[Range]:
    inner = [cut for cut in cuts if whole.low < cut < whole.high]
    return [Range(*pair) for pair in zip([whole.low, *inner], [*inner, whole.high], strict=True)]


def plan_json(plan: Plan) -> bytes:
    users, others = ([[*each] for each in ranges] for ranges in (plan.users, plan.others))
    return orjson.dumps({"users": users, "others": others, "buckets": plan.buckets})


def plan_in(json: bytes) -> Plan:
    found = orjson.loads(json)
    users, others = ([Range(*pair) for pair in found[name]] for name in ("users", "others"))
    return Plan(users, others, found["buckets"])
