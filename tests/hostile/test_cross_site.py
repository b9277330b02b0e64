"""Pages of other sites: none of them can write with somebody's cookie, or read what we answer."""

from __future__ import annotations

import re
from typing import Final

import pytest

from api.ops.routes import ENDPOINTS as OPS_ENDPOINTS
from api.taskflow.routes import ENDPOINTS as FLOW_ENDPOINTS
from api.taskforge.routes import ENDPOINTS as FORGE_ENDPOINTS
from tests.hostile.asking import NO_BODY, Api, Refusal, nothing_left
from tests.http import Taskflow

FOREIGN: Final[tuple[dict[str, str], ...]] = (
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "CROSS-SITE"},
    {"Sec-Fetch-Site": " cross-site "},
    {"Sec-Fetch-Site": "cross-site", "Origin": "{url}"},
    {"Origin": "https://evil.example"},
    {"Origin": "null"},
    {"Origin": ""},
    {"Origin": "{url}.evil.example"},
    {"Origin": "http://127.0.0.1:1"},
    {"Origin": "http://user@evil.example"},
    {"Origin": "http://[bad"},
    {"Origin": "file://"},
    {"Origin": "{url}, https://evil.example"},
)


@pytest.mark.parametrize("name", ["TaskFlow", "operators"])
async def test_a_write_with_a_cookie_comes_from_our_own_pages(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    api = apis[name]
    async with nothing_left(taskflow):
        for headers in FOREIGN:
            sent = {header: value.replace("{url}", taskflow.url) for header, value in headers.items()}
            for method, path in (
                ("POST", api.path),
                ("PUT", "/api/projects/1"),
                ("DELETE", "/api/projects/1"),
            ):
                answer = await api.client.send(method, path, {api.text: "Forged"}, headers=sent)
                api.check(answer, Refusal(403, "CSRF_FAILED"), (method, sent))


SIMPLE: Final = ("application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/plain", "")
"""What a form or a script may send to anybody without asking: what logs somebody in as somebody else."""


async def test_no_form_of_another_site_signs_anybody_in(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    stranger = await taskflow.anybody()
    flow = b'{"username": "admin", "password": "admin123"}'
    forge = b'{"email": "admin@taskflow.com", "password": "admin123"}'
    for kind in SIMPLE:
        headers = {"Content-Type": kind, "Origin": "https://evil.example", "Sec-Fetch-Site": "cross-site"}
        answer = await stranger.post("/api/auth/login", data=flow, headers=headers)
        apis["TaskFlow"].check(answer, Refusal(415, "UNSUPPORTED_MEDIA_TYPE"), kind)
        assert "Set-Cookie" not in answer.headers
        answer = await apis["TaskForge"].client.post("/api/auth/login", data=forge, headers=headers)
        apis["TaskForge"].check(answer, NO_BODY, kind)


async def test_neither_api_takes_the_credentials_of_the_other(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    forge = apis["TaskForge"]
    bearer = {"Authorization": forge.credentials.decode().partition(": ")[2].strip()}
    cookie = {"Cookie": apis["TaskFlow"].credentials.decode().partition(": ")[2].strip()}
    async with nothing_left(taskflow):
        answer = await (await taskflow.anybody()).post("/api/projects", {"name": "N"}, headers=bearer)
        apis["TaskFlow"].check(answer, Refusal(401, "AUTH_REQUIRED"))
        answer = await (await taskflow.forge()).post("/api/tasks", {"title": "T"}, headers=cookie)
        assert (answer.status, answer.body) == (401, {"msg": "Missing Authorization Header"})


STRANGERS: Final = (
    "https://evil.example",
    "null",
    "",
    "http://localhost:3000.evil.example",
    "https://localhost:3000",
    "http://localhost:3000/",
    "HTTP://LOCALHOST:3000",
    "http://localhost:30000",
    "http://localhost:3000, https://evil.example",
    "*",
)


async def test_no_page_of_an_unknown_origin_may_read_or_ask(apis: dict[str, Api]) -> None:
    for name, api in apis.items():
        for origin in STRANGERS:
            headers = {"Origin": origin, "Access-Control-Request-Method": "POST"}
            for method in ("OPTIONS", "GET"):
                answer = await api.client.send(method, api.path, headers=headers)
                allowed = [header for header in answer.headers if header.startswith("Access-Control-")]
                assert allowed == [], (name, method, origin)
                assert answer.status in (200, 404, 405), (name, method, origin)


async def test_a_known_origin_is_named_exactly_and_only_by_taskforge(apis: dict[str, Api]) -> None:
    headers = {"Origin": "http://localhost:3000", "Access-Control-Request-Method": "POST"}
    for name, api in apis.items():
        answer = await api.client.send("OPTIONS", api.path, headers=headers)
        allowed = answer.headers.get("Access-Control-Allow-Origin")
        assert allowed == ("http://localhost:3000" if name == "TaskForge" else None)
        assert ("Origin" in answer.headers.get("Vary", "")) == (name == "TaskForge")


def readable(path: str) -> str:
    return re.sub("{[a-z_]+}", "1", path)


async def test_whatever_can_be_got_changes_nothing(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    """Pages of other sites can have anything got, with the cookie."""
    flow = [endpoint.path for endpoint in (*FLOW_ENDPOINTS, *OPS_ENDPOINTS) if endpoint.method == "GET"]
    forge = [endpoint.path for endpoint in FORGE_ENDPOINTS if "GET" in endpoint.methods]
    assert len(flow) > 30
    assert len(forge) > 8
    async with nothing_left(taskflow):
        for name, paths in (("TaskFlow", flow), ("TaskForge", forge)):
            for path in paths:
                for method in ("GET", "HEAD"):
                    headers = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
                    answer = await apis[name].client.send(method, readable(path), headers=headers)
                    assert answer.status < 500, (method, path, answer.raw)


async def test_nothing_is_written_by_a_method_that_is_smuggled_in(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    async with nothing_left(taskflow):
        for api in apis.values():
            for headers in (
                {"X-HTTP-Method-Override": "DELETE"},
                {"X-HTTP-Method": "DELETE"},
                {"X-Method-Override": "DELETE"},
                {"X-Original-URL": "/api/projects/1"},
                {"X-Rewrite-URL": "/api/projects/1"},
            ):
                answer = await api.client.get(f"{api.one.format(1)}", headers=headers)
                assert answer.status == 200, (api.name, headers)
            assert (await api.client.get(f"{api.one.format(1)}?_method=DELETE")).status in (200, 400)
