"""The operators' API as a whole: for admins only, limited and recorded like the others, and described."""

from __future__ import annotations

import re
from typing import Any, Final

import pytest
from openapi_spec_validator import validate

from api.limits.allowances import rate_limits
from api.openapi.document import printed
from api.ops.calls import DIALECT
from api.ops.endpoints import OpsEndpoint
from api.ops.openapi import ops_document
from api.ops.routes import DOCUMENT, ENDPOINTS, routes
from projections.queries import rows
from tests.http import Client, Reply, Taskflow, taskflow_running
from tests.test_http_envelope import check_error

VALUES: Final = {"kind": "task", "id": "1", "position": "1"}

DESCRIBED: Final = ops_document(ENDPOINTS)

every_endpoint = pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")


def path_of(endpoint: OpsEndpoint) -> str:
    return re.sub(r"{([a-z_]+)(:[^{}]*)?}", lambda found: VALUES.get(found[1], "1"), endpoint.path)


async def ask(client: Client, endpoint: OpsEndpoint, **options: Any) -> Reply:
    body = dict(endpoint.example) if endpoint.example is not None else None
    return await client.send(endpoint.method, path_of(endpoint), body, **options)


async def test_nobody_but_admins_gets_in(taskflow: Taskflow) -> None:
    clients = {"nobody": await taskflow.anybody()}
    for role in ("manager", "user"):
        await taskflow.user(f"some-{role}", role)
        clients[role] = await taskflow.signed_in(f"some-{role}")
    head = await taskflow.core.store.head()
    for endpoint in ENDPOINTS:
        check_error(await ask(clients["nobody"], endpoint), 401, "AUTH_REQUIRED")
        for role in ("manager", "user"):
            answer = await ask(clients[role], endpoint)
            check_error(answer, 403, "PERMISSION_DENIED")
            assert answer.data["required_role"] == "admin"
            assert answer.data["current_role"] == role
    assert await taskflow.core.store.head() == head, "nothing was done"


async def test_who_may_not_is_told_so_before_anything_is_read(taskflow: Taskflow) -> None:
    await taskflow.user("manager", "manager")
    clients = {401: await taskflow.anybody(), 403: await taskflow.signed_in("manager")}
    for endpoint in ENDPOINTS:
        for status, client in clients.items():
            path = f"{path_of(endpoint)}?no-such-parameter=1"
            data = None if endpoint.method == "GET" else b"no JSON"
            answer = await client.send(endpoint.method, path, data=data)
            assert answer.status == status, (endpoint.path, answer.raw)


async def test_an_account_that_is_no_admin_any_more_is_out_at_once(taskflow: Taskflow) -> None:
    number = await taskflow.user("second", "admin")
    second = await taskflow.signed_in("second")
    assert (await second.get("/ops/api/projections")).status == 200
    await taskflow.admin.put(f"/api/users/{number}", {"role": "manager"})
    check_error(await second.get("/ops/api/projections"), 403, "PERMISSION_DENIED")


@every_endpoint
async def test_an_admin_is_never_answered_500(taskflow: Taskflow, endpoint: OpsEndpoint) -> None:
    timeout = {"wait_s": "0"} if "wait_s" in endpoint.parameters else None
    answer = await ask(taskflow.admin, endpoint, params=timeout)
    assert answer.status < 500, answer.raw
    assert answer.body["meta"]["request_id"]


async def test_unknown_addresses_and_methods_are_answered_in_the_envelope(taskflow: Taskflow) -> None:
    for client in (taskflow.admin, await taskflow.anybody()):
        for path in ("/ops/api/nothing", "/ops/api/", "/ops/", "/ops/api/doctor/x"):
            check_error(await client.get(path), 404, "NOT_FOUND")
        answer = await client.send("DELETE", "/ops/api/doctor")
        check_error(answer, 405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["Allow"]
    assert (await (await taskflow.forge()).get("/ops/api/doctor")).status == 404, "at the first port only"


async def test_another_sites_page_can_change_nothing(taskflow: Taskflow) -> None:
    head = await taskflow.core.store.head()
    for endpoint in ENDPOINTS:
        if endpoint.method != "GET":
            answer = await ask(taskflow.admin, endpoint, headers={"Origin": "https://evil.example"})
            check_error(answer, 403, "CSRF_FAILED")
    assert await taskflow.core.store.head() == head


async def test_what_changes_something_is_recorded_refused_or_not(taskflow: Taskflow) -> None:
    await taskflow.user("manager", "manager")
    client = await taskflow.signed_in("manager")
    writes = [each for each in ENDPOINTS if each.method != "GET"]
    for endpoint in writes:
        await ask(client, endpoint)
    await taskflow.core.attempts.flush()
    found = await rows(
        taskflow.core.connections,
        b"select path, status, actor_id from requests where dialect = %(dialect)s order by path",
        dialect=DIALECT,
    )
    assert found == sorted((path_of(each), 403, 2) for each in writes)


async def test_nobody_waits_for_the_read_model(taskflow: Taskflow) -> None:
    header = {"X-Min-Position": "1000000"}
    assert (await taskflow.admin.get("/ops/api/projections", headers=header)).status == 200
    assert (await taskflow.admin.get("/api/projects", headers=header)).status == 503


async def test_it_is_limited_like_everything_else(database_url: str, redis_url: str, logs: None) -> None:
    limits = rate_limits("1000/hour;3/hour;20/minute")
    async with taskflow_running(database_url, redis_url, rate_limits=limits) as taskflow:
        client = await taskflow.anybody()
        statuses = [(await client.get("/ops/api/doctor")).status for _ in range(5)]
        assert statuses.count(429) >= 2
        assert set(statuses) == {401, 429}


async def test_the_document_is_served_to_anybody(taskflow: Taskflow) -> None:
    answer = await (await taskflow.anybody()).get(DOCUMENT)
    assert answer.status == 200
    assert answer.raw == printed(DESCRIBED)


def test_the_document_is_valid() -> None:
    validate(DESCRIBED)


def test_every_endpoint_is_described_and_nothing_else() -> None:
    described = {(method.upper(), path) for path, each in DESCRIBED["paths"].items() for method in each}
    assert described == {(route.method, route.path) for route in routes()} - {("GET", DOCUMENT)}
    assert all(each.path.startswith("/ops/api/") for each in ENDPOINTS)


@every_endpoint
def test_every_endpoint_says_what_it_does(endpoint: OpsEndpoint) -> None:
    operation = DESCRIBED["paths"][endpoint.path][endpoint.method.lower()]
    assert re.fullmatch(r"[A-Z].*[^.]", endpoint.summary)
    assert operation["security"] == [{"session": []}]
    assert {"401", "403"} <= operation["responses"].keys()
    assert re.fullmatch("[a-z]+([A-Z][a-z]+)*", operation["operationId"])
    assert endpoint.shows.data
    if endpoint.method != "GET":
        assert endpoint.body is not None
        assert "reason" in endpoint.body.model_fields, "what changes something says why"
        assert endpoint.example is not None
    for parameter in operation["parameters"]:
        if parameter.get("in") == "query":
            assert not parameter["description"].startswith("Takes"), parameter["name"]


def test_what_may_be_missing_and_what_may_be_asked_only_to_know_is_described() -> None:
    for path in ("projections/cancel", "dead-letters/retry", "dead-letters/discard"):
        missing = DESCRIBED["paths"][f"/ops/api/{path}"]["post"]["responses"]["404"]
        assert missing == {"$ref": "#/components/responses/NotFound"}
    rebuild = DESCRIBED["paths"]["/ops/api/projections/rebuild"]["post"]["responses"]
    for status, name in (("202", "rebuild"), ("200", "plan")):
        schema = rebuild[status]["content"]["application/json"]["schema"]
        assert [*schema["properties"]["data"]["properties"]] == [name]


def test_nothing_is_kept_that_nothing_refers_to() -> None:
    text = printed(DESCRIBED).decode()
    for kind in ("responses", "parameters", "headers", "schemas"):
        for name in DESCRIBED["components"][kind]:
            assert f'"#/components/{kind}/{name}"' in text, name


def test_groups_may_call_their_handlers_alike() -> None:
    names = [each["operationId"] for every in DESCRIBED["paths"].values() for each in every.values()]
    assert len(set(names)) == len(names) == len(ENDPOINTS)
    assert {each.asks_role for each in ENDPOINTS} == {"admin"}
