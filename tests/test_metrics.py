"""The page of metrics: what it counts, of which processes, and who may read it."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Iterator
from typing import Any, Final

import psutil
import pytest
from prometheus_client.core import Metric
from prometheus_client.parser import text_string_to_metric_families

from api.metrics import sharing
from api.metrics.families import gauge, histogram
from api.metrics.projector import telling
from api.metrics.requests import OTHER, UNMATCHED
from api.metrics.sharing import Told, merged, packed, unpacked
from events.measures import Histogram
from projections.counts import FoldCounts
from tests.http import Client, Taskflow, caught_up, started, taskflow_running
from tests.projecting import until
from tests.test_http_auth import in_database
from tests.test_http_envelope import check_error, exchange

ELSEWHERE: Final = {"metrics_from": (ipaddress.ip_network("10.0.0.0/8"),)}

Samples = dict[tuple[str, frozenset[tuple[str, str]]], float]


class Page:
    """A page of metrics, parsed as Prometheus would."""

    def __init__(self, text: str) -> None:
        self.families = {each.name: each for each in text_string_to_metric_families(text)}

    def sum(self, sample: str, **labels: str) -> float:
        return sum(float(each.value) for each in self.all(sample) if labels.items() <= each.labels.items())

    def all(self, sample: str) -> Iterator[Any]:
        for family in self.families.values():
            yield from (each for each in family.samples if each.name == sample)


async def page(client: Client) -> Page:
    answer = await client.get("/metrics")
    assert answer.status == 200, answer.raw
    assert answer.headers["Content-Type"].startswith("text/plain; version=")
    return Page(answer.raw.decode())


async def test_requests_are_counted_by_route_status_and_dialect(taskflow: Taskflow) -> None:
    project = await taskflow.admin.made("/api/projects", {"name": "P"})
    for number in (project["id"], 4711):
        await taskflow.admin.get(f"/api/projects/{number}")
    forge = await taskflow.forge_admin()
    await forge.get("/api/tasks")
    found = await page(taskflow.admin)
    about = {"dialect": "taskflow", "method": "GET", "route": "/api/projects/{project_id}"}
    assert found.sum("taskledger_requests_total", **about, status="200") == 1
    assert found.sum("taskledger_requests_total", **about, status="404") == 1
    assert found.sum("taskledger_request_seconds_count", **about) == 2
    assert 0 < found.sum("taskledger_request_seconds_sum", **about) < 20
    assert found.sum("taskledger_request_seconds_bucket", **about, le="+Inf") == 2
    assert found.sum("taskledger_requests_total", dialect="taskforge", method="GET", status="200") >= 1
    assert found.sum("taskledger_requests_in_flight", dialect="taskflow") == 1, "the scrape itself"


async def test_strangers_can_make_no_labels(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    for number, verb in enumerate(("PROPFIND", "MKCOL", "LOCK", "COPY", "MOVE")):
        await client.send(verb, f"/nowhere/{number}")
        await client.get(f"/api/nowhere/{number}")
    found = await page(client)
    routes = {each.labels["route"] for each in found.all("taskledger_requests_total")}
    assert UNMATCHED in routes
    assert not [route for route in routes if "nowhere" in route]
    assert found.sum("taskledger_requests_total", route=UNMATCHED) == 10
    assert found.sum("taskledger_requests_total", method=OTHER) == 5


async def test_nothing_on_the_page_is_about_anybody(taskflow: Taskflow) -> None:
    await taskflow.user("gwendolyn", "manager")
    client = await taskflow.signed_in("gwendolyn")
    await client.get("/api/auth/me")
    raw = (await client.get("/metrics")).raw.decode()
    assert "gwendolyn" not in raw
    assert "admin" not in raw
    labels = {
        name for family in Page(raw).families.values() for each in family.samples for name in each.labels
    }
    assert labels <= {
        "role", "process", "dialect", "method", "route", "status", "le", "outcome", "pool", "pipe",
        "limiter", "decision", "part", "state", "generation", "kept",
        "gate",
    }  # fmt: skip


async def test_writing_is_counted(taskflow: Taskflow) -> None:
    before = await page(taskflow.admin)
    for number in range(3):
        await taskflow.admin.made("/api/projects", {"name": f"P{number}"})
    await taskflow.admin.put("/api/projects/1", {"name": "P0"})
    await taskflow.admin.put("/api/projects/1", {"name": ""})
    key = {"Idempotency-Key": "k" * 20}
    for _ in range(3):
        await taskflow.admin.post("/api/projects", {"name": "Q"}, headers=key)
    after = await page(taskflow.admin)

    def more(sample: str, **labels: str) -> float:
        return after.sum(sample, **labels) - before.sum(sample, **labels)

    assert more("taskledger_appends_total", outcome="appended") == 4
    assert more("taskledger_append_group_size_sum") == 4
    assert more("taskledger_append_group_seconds_sum") > 0
    assert more("taskledger_commands_total", outcome="decided") == 4
    assert more("taskledger_commands_total", outcome="unchanged") == 1
    assert more("taskledger_commands_total", outcome="refused") == 1
    assert more("taskledger_repetitions_total") == 2
    assert more("taskledger_log_head") == 4


async def test_commands_that_get_in_each_others_way_are_conflicts(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    twin = await taskflow.twin()
    await twin.admin.sign_in()
    for number in range(4):
        client = (taskflow.admin, twin.admin)[number % 2]
        await client.put("/api/projects/1", {"name": f"P{number}"})
    assert taskflow.core.dispatcher.counts.conflicts + twin.core.dispatcher.counts.conflicts == 2
    assert twin.core.store.counts.outcomes["Stale"] == 1
    own = taskflow.core.dispatcher.counts.conflicts
    assert (await page(taskflow.admin)).sum("taskledger_command_conflicts_total", role="server") >= own


async def test_who_is_turned_away_is_counted(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    await client.post("/api/auth/login", {"username": "admin", "password": "wrong"})
    await client.get("/api/auth/me", headers={"Cookie": "session=made-up"})
    found = await page(client)
    assert found.sum("taskledger_password_checks_total", outcome="wrong") == 1
    assert found.sum("taskledger_password_checks_total", outcome="right") == 1
    assert found.sum("taskledger_sessions_refused_total") == 1


async def test_what_is_kept_is_counted(taskflow: Taskflow) -> None:
    async with asyncio.timeout(5):
        while taskflow.core.announcements.freshness() is None:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    before = await page(taskflow.admin)
    for _ in range(3):
        await taskflow.admin.get("/api/projects")
    after = await page(taskflow.admin)
    hits, misses = [
        after.sum(f"taskledger_kept_{name}_total", kept="answers")
        - before.sum(f"taskledger_kept_{name}_total", kept="answers")
        for name in ("hits", "misses")
    ]
    assert (hits, misses) == (2, 1)
    assert after.sum("taskledger_kept_hits_total", kept="documents") > 0
    assert after.sum("taskledger_kept_bytes", kept="answers") > 100
    assert after.sum("taskledger_kept_bytes", kept="documents") > 100


async def test_limiters_tell_what_they_decided(database_url: str, redis_url: str, logs: None) -> None:
    from api.limits.allowances import rate_limits

    limits = rate_limits("1000/hour;100/hour;2/minute")
    async with taskflow_running(database_url, redis_url, rate_limits=limits) as taskflow:
        client = await taskflow.anybody()
        for _ in range(4):
            await client.get("/api/auth/me")
        found = await page(client)
        assert found.sum("taskledger_limiter_decisions_total", limiter="quota", decision="limited") >= 2
        assert found.sum("taskledger_limiter_breaker_open") == 0
        assert len([*found.all("taskledger_limiter_breaker_open")]) == 3


async def test_the_ledger_as_a_whole(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await caught_up(taskflow.core)
    found = await page(taskflow.admin)
    head = await taskflow.core.store.head()
    assert found.sum("taskledger_log_head") == found.sum("taskledger_read_model_position") == head
    assert found.sum("taskledger_lag_events") == found.sum("taskledger_lag_seconds") == 0
    assert found.sum("taskledger_up", part="database") == found.sum("taskledger_up", part="read_model") == 1
    assert found.sum("taskledger_generation") == taskflow.core.announcements.generation
    assert found.sum("taskledger_projector_held") == found.sum("taskledger_projector_is_holder") == 1
    assert found.sum("taskledger_projector_paused") == 0
    assert found.sum("taskledger_rebuild", state="none") == 1
    assert found.sum("taskledger_parked_documents") == found.sum("taskledger_dead_letters") == 0


async def test_a_projector_that_stands_still_shows(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    await in_database(
        taskflow,
        "insert into dead_letters (generation, position, stream, error) select id, 1, 'task-1', 'broken'"
        " from generations where is_current",
    )
    await taskflow.core.redis.sadd(f"{{tl:{taskflow.core.announcements.generation}}}:parked", "task:1")
    await taskflow.admin.post("/api/projects", {"name": "P"})
    await asyncio.sleep(0.2)
    found = await page(taskflow.admin)
    assert found.sum("taskledger_lag_events") == 1
    assert 0.2 <= found.sum("taskledger_lag_seconds") < 20
    assert found.sum("taskledger_projector_held") == found.sum("taskledger_projector_is_holder") == 0
    assert found.sum("taskledger_dead_letters") == found.sum("taskledger_parked_documents") == 1


async def test_a_rebuild_shows_how_far_it_is(taskflow: Taskflow) -> None:
    await in_database(
        taskflow,
        "insert into rebuilds (fingerprint, generation, purpose, runs_in, switch_if, state, done, total,"
        " events_per_s, reason) select fingerprint, id, 'rebuild', 'command', 'never', 'stopped', 30, 120,"
        " 5.5, '' from generations where is_current",
    )
    found = await page(taskflow.admin)
    assert found.sum("taskledger_rebuild", state="stopped") == 1
    assert found.sum("taskledger_rebuild_events_done") == 30
    assert found.sum("taskledger_rebuild_events_total") == 120
    assert found.sum("taskledger_rebuild_events_per_second") == 5.5


async def test_the_process_itself(taskflow: Taskflow) -> None:
    await asyncio.sleep(0.6)
    found = await page(taskflow.admin)
    rss = found.sum("process_resident_memory_bytes", role="server")
    assert 10_000_000 < rss <= psutil.virtual_memory().total
    assert 0 < found.sum("process_open_fds") < found.sum("process_max_fds")
    assert found.sum("taskledger_event_loop_lag_seconds_count") >= 1
    assert found.sum("taskledger_database_connections_max", pool="log_append") == 2
    assert {each.labels["pool"] for each in found.all("taskledger_database_connections_in_use")} == {
        "requests", "log_read", "log_append",
    }  # fmt: skip
    pipes = {each.labels["pipe"] for each in found.all("taskledger_redis_questions_under_way")}
    assert pipes == {"small", "large"}
    for idle in ("reports_under_way", "attempts_waiting", "large_questions", "appends_waiting"):
        assert found.sum(f"taskledger_{idle}") == 0
    assert found.sum("taskledger_attempts_dropped_total") == 0


async def test_every_process_is_on_the_page_and_gone_with_its_end(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    redis, counts = taskflow.core.redis, FoldCounts()
    counts.note(40, 0.01)
    counts.note(2, 0.02)
    async with telling(redis, counts):

        async def is_told() -> bool:
            return (await page(taskflow.admin)).sum("taskledger_process_up") == 2

        await until(is_told)
        found = await page(taskflow.admin)
        assert found.sum("taskledger_fold_batch_events_sum", role="projector") == 42
        assert found.sum("taskledger_fold_batch_seconds_count", role="projector") == 2
        assert {each.labels["role"] for each in found.all("process_open_fds")} == {"server", "projector"}
        assert found.sum("taskledger_process_up") == 2
    found = await page(taskflow.admin)
    assert {each.labels["role"] for each in found.all("process_open_fds")} == {"server"}
    assert found.sum("taskledger_process_up") == 1


async def test_a_process_that_dies_is_forgotten_by_itself(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sharing, "KEEP_S", 1)
    dead = Told("server", "elsewhere:1", [gauge("taskledger_x", "X.", (), {(): 3})])
    await sharing._leave(taskflow.core.redis, dead)
    assert (await page(taskflow.admin)).sum("taskledger_x", process="elsewhere:1") == 3
    await asyncio.sleep(1.1)
    assert (await page(taskflow.admin)).sum("taskledger_x") == 0


async def test_what_another_version_left_is_passed_over(taskflow: Taskflow) -> None:
    redis = taskflow.core.redis
    for number, text in enumerate((b"{}", b"[", b'["server", "x", [["a", "b", "nonsense", []]]]')):
        await redis.set(f"tl:process:server:x:{number}", text)
        await redis.zadd("tl:processes", {f"tl:process:server:x:{number}": 2e9})
    assert (await page(taskflow.admin)).sum("taskledger_process_up", role="server") == 1


async def test_without_redis_the_page_tells_of_the_process_that_answers(
    mortal: Taskflow, valkey: Any
) -> None:
    await asyncio.to_thread(valkey.stop)
    found = await page(mortal.admin)
    assert found.sum("taskledger_up", part="read_model") == 0
    assert found.sum("taskledger_up", part="database") == 1
    assert found.sum("taskledger_process_up") == 1
    assert found.sum("taskledger_projector_held") == 1


async def test_only_addresses_in_the_settings_may_read_it(
    database_url: str, redis_url: str, logs: None
) -> None:
    async with taskflow_running(database_url, redis_url, **ELSEWHERE) as taskflow:
        check_error(await taskflow.admin.get("/metrics"), 404, "NOT_FOUND")


PROXIES_ADD: Final = (
    "X-Forwarded-For", "Forwarded", "Via", "X-Real-IP", "X-Forwarded-Host", "X-Forwarded-Proto",
    "x-forwarded-port", "X-Forwarded", "X-Original-URI", "X-Client-IP", "X-Cluster-Client-IP",
    "True-Client-IP", "Client-IP", "CF-Connecting-IP", "CF-Ray", "Fastly-Client-IP", "Fly-Client-IP",
    "X-Remote-Addr", "X-Envoy-External-Address", "X-Azure-ClientIP", "X-Amzn-Trace-Id", "CDN-Loop",
    "X-Varnish",
)  # fmt: skip


async def test_what_an_unnamed_proxy_lets_through_is_not_from_here(taskflow: Taskflow) -> None:
    client = await taskflow.anybody()
    for header in PROXIES_ADD:
        for whom in ("203.0.113.7", "127.0.0.1", ""):
            answer = await client.get("/metrics", headers={header: whom})
            assert answer.status == 404, f"{header}: {whom}"
    ordinary = {"X-Request-Id": "scrape-0001", "X-Prometheus-Scrape-Timeout-Seconds": "10", "From": "me"}
    assert (await client.get("/metrics", headers=ordinary)).status == 200


@pytest.mark.parametrize(("version", "status"), [("1.0", 404), ("1.1", 200)])
async def test_a_proxy_that_adds_nothing_is_known_by_its_old_http(
    taskflow: Taskflow, version: str, status: int
) -> None:
    sent = f"GET /metrics HTTP/{version}\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    assert (await exchange(taskflow, sent.encode())).status == status


async def test_behind_a_named_proxy_the_address_that_it_tells_counts(
    database_url: str, redis_url: str, logs: None
) -> None:
    networks = (ipaddress.ip_network("127.0.0.0/8"),)
    named = {"trusted_proxies": networks} | ELSEWHERE
    async with taskflow_running(database_url, redis_url, **named) as taskflow:
        for whom, status in (("10.1.2.3", 200), ("203.0.113.7", 404), ("10.1.2.3, 203.0.113.7", 404)):
            answer = await taskflow.admin.get("/metrics", headers={"X-Forwarded-For": whom})
            assert answer.status == status, whom


async def test_it_counts_against_no_quota_and_stands_at_the_first_port_only(
    database_url: str, redis_url: str, logs: None
) -> None:
    from api.limits.allowances import rate_limits

    limits = rate_limits("1000/hour;2/hour;20/minute")
    async with taskflow_running(database_url, redis_url, rate_limits=limits) as taskflow:
        client = await taskflow.anybody()
        assert [(await client.get("/metrics")).status for _ in range(5)] == [200] * 5
        assert (await (await taskflow.forge()).get("/metrics")).status == 404


async def test_a_projector_tells_what_it_folds(taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sharing, "PUBLISH_INTERVAL_S", 0.05)
    await taskflow.stop_projector()
    taskflow.start_projector()
    await taskflow.admin.made("/api/projects", {"name": "P"})

    async def is_told() -> bool:
        found = await page(taskflow.admin)
        told = ("taskledger_fold_batch_events_sum", "taskledger_event_loop_lag_seconds_count")
        return all(found.sum(name, role="projector") >= 1 for name in told)

    await until(is_told)
    assert (await page(taskflow.admin)).sum("taskledger_fold_batch_events_sum", role="projector") == 1


async def test_a_second_server_is_seen_from_the_first(taskflow: Taskflow) -> None:
    """Both are this very process here, so another name stands for the second."""
    async with started(taskflow.core.settings) as twin:
        await twin.admin.get("/livez")
        told = await sharing.own("server", twin.core.watch.requests.families)
        await sharing._leave(taskflow.core.redis, told._replace(process="elsewhere:2"))
        found = await page(taskflow.admin)
        assert found.sum("taskledger_requests_total", process="elsewhere:2", route="/livez") == 1


def test_what_processes_tell_survives_the_way() -> None:
    measured = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        measured.observe(value)
    families = [histogram("h", "H.", ("a",), {("x",): measured}), gauge("g", "G.", (), {(): 2})]
    found = unpacked(packed(Told("server", "m:1", families)))
    assert found is not None
    assert found == Told("server", "m:1", families)
    assert json.loads(packed(found)) == json.loads(packed(Told("server", "m:1", families)))


def test_buckets_hold_what_is_at_most_as_large() -> None:
    measured = Histogram((0.1, 1.0))
    for value in (0.05, 0.1, 0.5, 7.0):
        measured.observe(value)
    family = histogram("h", "H.", (), {(): measured})
    found = {each.labels.get("le", each.name): each.value for each in family.samples}
    assert found == {"0.1": 2, "1.0": 3, "+Inf": 4, "h_count": 4, "h_sum": pytest.approx(7.65)}


def test_a_family_of_several_processes_stands_once() -> None:
    def told(process: str, value: float) -> Told:
        return Told("server", process, [gauge("g", "G.", (), {(): value})])

    (family,) = merged([told("m:1", 1), told("m:2", 2)])
    assert isinstance(family, Metric)
    assert {each.labels["process"]: each.value for each in family.samples} == {"m:1": 1, "m:2": 2}
