"""Counting requests: how many, how they ended, and how long they took, by the address as it is routed."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import hdrs, web
from aiohttp.typedefs import Middleware
from prometheus_client.core import Metric

from api.metrics.families import PREFIX, counter, gauge, histogram
from api.requests import Handler
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
        self._ended: Counter[tuple[str, ...]] = Counter()
        self._seconds: defaultdict[Key, Histogram] = defaultdict(lambda: Histogram(SECONDS))

    @contextmanager
    def counted(self, key: Key) -> Iterator[Callable[[int], None]]:
        """The block in which a request is answered; it calls what it is given with the status."""
        status = GONE

        def ended_with(number: int) -> None:
            nonlocal status
            status = str(number)

        began = time.perf_counter()
        self._in_flight[key[0]] += 1
        try:
            yield ended_with
        finally:
            self._in_flight[key[0]] -= 1
            self._ended[*key, status] += 1
            self._seconds[key].observe(time.perf_counter() - began)

    def families(self) -> Iterator[Metric]:
        labels = ("dialect", "method", "route")
        yield counter(f"{PREFIX}requests", "Requests that ended.", (*labels, "status"), dict(self._ended))
        yield histogram(
            f"{PREFIX}request_seconds", "How long requests took to be answered.", labels, dict(self._seconds)
        )
        in_flight = {(dialect,): number for dialect, number in self._in_flight.items()}
        yield gauge(f"{PREFIX}requests_in_flight", "Requests under way.", ("dialect",), in_flight)


def with_counts(counts: RequestCounts, dialect: Callable[[web.BaseRequest], str]) -> Middleware:
    """A middleware around all others, which counts every request."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        with counts.counted((dialect(request), method_of(request), route_of(request))) as ended_with:
            response = await handler(request)
            ended_with(response.status)
        return response

    return middleware


def method_of(request: web.Request) -> str:
    return request.method if request.method in hdrs.METH_ALL else OTHER


def route_of(request: web.Request) -> str:
    """The address as a template, with no id in it."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else UNMATCHED
