"""Counting requests: how many, how they ended, and how long they took, by the address as it is routed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Final

from aiohttp import hdrs, web
from prometheus_client.core import Metric

from api.metrics.families import PREFIX, counter, gauge, histogram
from events.measures import SECONDS, Histogram

UNMATCHED: Final = "unmatched"
"""The route of whatever has no route: strangers must not be able to make labels."""
OTHER: Final = "other"
GONE: Final = "gone"
"""The status of a request that ended without an answer."""

Key = tuple[str, str, str]


class RequestCounts:
    """Of one process. Keys are dialect, method and route."""

    def __init__(self) -> None:
        self._in_flight: Counter[str] = Counter()
        self._ended: defaultdict[tuple[Key, int | None], int] = defaultdict(int)
        self._seconds: defaultdict[Key, Histogram] = defaultdict(lambda: Histogram(SECONDS))

    def begin(self, dialect: str) -> None:
        self._in_flight[dialect] += 1

    def end(self, key: Key, status: int | None, seconds: float) -> None:
        """A request that had begun ended; without an answer it has no status."""
        self._in_flight[key[0]] -= 1
        self._ended[key, status] += 1
        self._seconds[key].observe(seconds)

    def families(self) -> Iterator[Metric]:
        labels = ("dialect", "method", "route")
        ended = {(*key, str(status or GONE)): number for (key, status), number in self._ended.items()}
        yield counter(f"{PREFIX}requests", "Requests that ended.", (*labels, "status"), ended)
        yield histogram(
            f"{PREFIX}request_seconds", "How long requests took to be answered.", labels, dict(self._seconds)
        )
        in_flight = {(dialect,): number for dialect, number in self._in_flight.items()}
        yield gauge(f"{PREFIX}requests_in_flight", "Requests under way.", ("dialect",), in_flight)


def key_of(dialect: str, request: web.Request) -> Key:
    return dialect, method_of(request), route_of(request)


def method_of(request: web.Request) -> str:
    return request.method if request.method in hdrs.METH_ALL else OTHER


def route_of(request: web.Request) -> str:
    """The address as a template, with no id in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else UNMATCHED
