"""The served documents, and Swagger UI: in development only, from this server only."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import pytest

from api import documentation
from tests.http import Reply, Taskflow, taskflow_running
from tests.test_http_envelope import STRICT, check_error
from tests.test_openapi import (
    DOCUMENT,
    Described,
    example_of,
    make_what_examples_speak_of,
    operations,
    order,
    placed,
    resolved,
)

COMMITTED: Final = Path(__file__).parent.parent / "docs" / "api"
ADDRESS: Final = re.compile(r"""(?:src|href|url)\s*[=:(]\s*["']?([^"'\s>)]+)""")


@pytest.mark.parametrize(
    ("path", "file"),
    [
        ("/api/docs/openapi.json", "openapi.json"),
        ("/docs/api/postman_collection.json", "postman_collection.json"),
    ],
)
async def test_the_committed_documents_are_those_that_are_served_to_anybody(
    taskflow: Taskflow, path: str, file: str
) -> None:
    nobody = await taskflow.anybody()
    answer = await nobody.get(path)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.headers["Content-Security-Policy"] == STRICT
    assert answer.raw == await asyncio.to_thread((COMMITTED / file).read_bytes)


async def test_swagger_ui_and_all_that_it_loads_is_served_here(taskflow: Taskflow) -> None:
    nobody = await taskflow.anybody()
    page = await nobody.get("/api/docs")
    assert page.status == 200
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    loaded = [each for each in ADDRESS.findall(page.raw.decode()) if not each.startswith("data:")]
    assert len(loaded) == 3
    for path in loaded:
        answer = await nobody.get(path)
        assert answer.status == 200, path
        kind = "text/css" if path.endswith(".css") else "text/javascript"
        assert answer.headers["Content-Type"] == f"{kind}; charset=utf-8"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    start = (await nobody.get("/api/docs/start.js")).raw.decode()
    assert ADDRESS.findall(start) == ["/api/docs/openapi.json"]
    assert "validatorUrl: null" in start


async def test_a_slash_at_the_end_leads_to_the_page_too(taskflow: Taskflow) -> None:
    page = await taskflow.admin.get("/api/docs/")
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert page.raw == (await taskflow.admin.get("/api/docs")).raw


async def test_the_page_may_ask_nobody_but_this_server(taskflow: Taskflow) -> None:
    for path in ("/api/docs", "/api/docs/start.js", "/api/docs/swagger-ui.css"):
        policy = (await taskflow.admin.get(path)).headers["Content-Security-Policy"]
        sources = dict(part.strip().split(" ", 1) for part in policy.split(";"))
        assert sources["default-src"] == "'none'"
        assert sources["script-src"] == sources["connect-src"] == "'self'"
        assert sources["img-src"] == "'self' data:"
        assert sources["form-action"] == sources["base-uri"] == sources["frame-ancestors"] == "'none'"
        assert "://" not in policy
        assert "eval" not in policy


def test_no_file_of_the_page_names_another_host_to_load_from() -> None:
    """The bundle knows addresses, of specifications mostly; the page's policy keeps it from asking them."""
    for name in ("index.html", "start.js", "swagger-ui.css"):
        text = (documentation.FILES / name).read_text()
        found = [each for each in ADDRESS.findall(text) if not each.startswith(("data:", "{docs}/", "#"))]
        assert not found, name
        assert "@import" not in text


async def test_only_the_pages_own_files_are_served(taskflow: Taskflow) -> None:
    for name in ("LICENSE.txt", "nothing.js", "..%2Fapp.py", "%2e%2e", "swagger-ui-bundle.js%00"):
        check_error(await taskflow.admin.get(f"/api/docs/{name}"), 404, "NOT_FOUND")


async def test_swagger_ui_is_for_development_only(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, env="production") as taskflow:
        for path in ("/api/docs", "/api/docs/", "/api/docs/start.js", "/api/docs/swagger-ui-bundle.js"):
            check_error(await taskflow.admin.get(path), 404, "NOT_FOUND")
        for path in ("/api/docs/openapi.json", "/docs/api/postman_collection.json"):
            assert (await taskflow.admin.get(path)).status == 200


async def test_try_it_out_succeeds_with_what_the_page_fills_in(taskflow: Taskflow) -> None:
    """A browser adds the session's cookie, the page's origin, and that it asks its own site."""
    await make_what_examples_speak_of(taskflow)
    for method, path, operation in sorted(operations(), key=order):
        answer = await tried_out(taskflow, method, path, operation)
        assert str(answer.status) == next(iter(operation["responses"])), (method, path, answer.raw)


async def test_trying_twice_makes_two(taskflow: Taskflow) -> None:
    operation = DOCUMENT["paths"]["/api/projects"]["post"]
    made = [await tried_out(taskflow, "POST", "/api/projects", operation) for _ in range(2)]
    assert [answer.status for answer in made] == [201, 201]
    assert made[0].data["project"]["id"] != made[1].data["project"]["id"]
    assert made[0].headers["X-Request-Id"] != made[1].headers["X-Request-Id"]


async def tried_out(taskflow: Taskflow, method: str, path: str, operation: Described) -> Reply:
    """An operation's request as the page sends it when nobody changes what it filled in."""
    parameters = [resolved(each) for each in operation.get("parameters", ())]
    return await taskflow.admin.send(
        method,
        placed(path),
        example_of(operation),
        headers={"Origin": taskflow.url, "Sec-Fetch-Site": "same-origin", **filled_in(parameters, "header")},
        params=filled_in(parameters, "query"),
    )


def filled_in(parameters: list[Described], place: str) -> dict[str, str]:
    """By name what Swagger UI takes from a parameter's description."""
    filled = {}
    for parameter in parameters:
        schema = parameter["schema"]
        examples = [each["value"] for each in parameter.get("examples", {}).values()]
        for key in ("example", "default"):
            examples += [each[key] for each in (parameter, schema) if key in each]
        if parameter["in"] == place and examples:
            filled[parameter["name"]] = str(examples[0])
    return filled


def test_licences_are_shipped() -> None:
    assert "Apache License" in (documentation.FILES / "LICENSE.txt").read_text()
    assert "SmartBear" in (documentation.FILES / "NOTICE.txt").read_text()
    assert "MIT" in (documentation.FILES / "LICENSES-OF-PARTS.txt").read_text()


@pytest.mark.parametrize(
    "condition",
    [
        {"Range": "bytes=99999999-"},
        {"If-Match": '"x"'},
        {"If-Unmodified-Since": "Wed, 01 Jan 2020 00:00:00 GMT"},
    ],
)
async def test_conditions_do_not_take_the_page_out_of_the_envelope(
    taskflow: Taskflow, condition: dict[str, str]
) -> None:
    answer = await taskflow.admin.get("/api/docs/swagger-ui.css", headers=condition)
    assert (answer.status, int(answer.headers["Content-Length"])) == (200, len(answer.raw))


async def test_the_pages_files_are_fetched_once(taskflow: Taskflow) -> None:
    path = "/api/docs/swagger-ui-bundle.js"
    first = await taskflow.admin.get(path)
    again = await taskflow.admin.get(path, headers={"If-None-Match": first.headers["ETag"]})
    assert (again.status, again.raw) == (304, b"")
    assert (await taskflow.admin.get(path, headers={"If-None-Match": '"other"'})).raw == first.raw
