"""The served documents, and Swagger UI: in development only, from this server only."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import Final

import pytest

from api.taskflow import documentation
from tests.http import Taskflow, taskflow_running
from tests.test_http_envelope import STRICT, check_error

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
        found = [each for each in ADDRESS.findall(text) if not each.startswith(("data:", "/api/docs", "#"))]
        assert not found, name
        assert "@import" not in text


async def test_only_the_pages_own_files_are_served(taskflow: Taskflow) -> None:
    for name in ("LICENSE.txt", "nothing.js", "..%2Fapp.py", "%2e%2e", "swagger-ui-bundle.js%00", "."):
        check_error(await taskflow.admin.get(f"/api/docs/{name}"), 404, "NOT_FOUND")


async def test_swagger_ui_is_for_development_only(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, env="production") as taskflow:
        for path in ("/api/docs", "/api/docs/start.js", "/api/docs/swagger-ui-bundle.js"):
            check_error(await taskflow.admin.get(path), 404, "NOT_FOUND")
        for path in ("/api/docs/openapi.json", "/docs/api/postman_collection.json"):
            assert (await taskflow.admin.get(path)).status == 200


async def test_a_write_from_the_page_is_none_of_another_site(taskflow: Taskflow) -> None:
    """What a browser sends with `Try it out`: the cookie, its origin, and that it is the same site."""
    headers = {"Origin": taskflow.url, "Sec-Fetch-Site": "same-origin"}
    made = await taskflow.admin.post("/api/projects", {"name": "From the page"}, headers=headers)
    assert made.status == 201


def test_licences_are_shipped() -> None:
    assert "Apache License" in (documentation.FILES / "LICENSE.txt").read_text()
    assert "SmartBear" in (documentation.FILES / "NOTICE.txt").read_text()
    assert "MIT" in (documentation.FILES / "LICENSES-OF-PARTS.txt").read_text()
