"""The three APIs as the tables ask them: each with a write to try, a list to ask, and its own refusals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from multidict import CIMultiDict, CIMultiDictProxy

from tests.http import Client, Reply, Taskflow
from tests.test_http_auth import in_database, token_of
from tests.test_http_envelope import check_frame
from tests.test_taskforge_server import check_headers

JSON: Final = {"Content-Type": "application/json"}

POST: Final = b"POST {path} HTTP/1.1\r\nHost: localhost\r\n{who}Content-Type: application/json\r\n"
"""The beginning of a write, for `Api.filled`."""

BODY: Final = b'{"name": "N", "title": "T"}'
"""One that both public APIs take."""

COUNTS: Final = ("credentials", "refresh_tokens", "user_keys", "commands")

NO_DATA: Final = "No data provided"


class Refusal(NamedTuple):
    """A status, and TaskFlow's error code or TaskForge's message; None where the fields are told."""

    status: int
    word: str | None = None


CODES: Final = {400: "BAD_REQUEST", 413: "PAYLOAD_TOO_LARGE", 415: "UNSUPPORTED_MEDIA_TYPE"}

BAD_REQUEST: Final = Refusal(400, "BAD_REQUEST")
NOT_FOUND: Final = Refusal(404, "NOT_FOUND")
BAD_HOST: Final = Refusal(421, "BAD_HOST")
FAULTY: Final = Refusal(422)
NO_SUCH_PATH: Final = Refusal(404, "Resource not found")
NO_BODY: Final = Refusal(400, NO_DATA)


@dataclass(frozen=True)
class Api:
    """`path` takes a POST whose body has the text `text`, and a GET that is a list."""

    name: str
    client: Client
    url: str
    path: str
    text: str
    one: str
    body: Mapping[str, Any] = field(default_factory=dict)
    prefix: str = ""

    async def write(self, **fields: Any) -> Reply:
        return await self.client.post(self.path, {**self.body, **fields})

    async def send_raw(self, raw: bytes, **headers: str) -> Reply:
        return await self.client.post(self.path, data=raw, headers=JSON | headers)

    def filled(self, sent: bytes) -> bytes:
        """A request as bytes, with this API's path and credentials in it."""
        return sent.replace(b"{path}", self.path.encode()).replace(b"{who}", self.credentials)

    def refusal(self, status: int) -> Refusal:
        """How it says that a body is none: TaskForge has one answer for all but those that are too long."""
        if self.name == "TaskForge":
            return NO_BODY if status != 413 else Refusal(413)
        return Refusal(status, CODES.get(status))

    @property
    def credentials(self) -> bytes:
        """The header line that says who asks."""
        token = getattr(self.client, "token", None)
        if token:
            return f"Authorization: Bearer {token}\r\n".encode()
        return f"Cookie: session={token_of(self.client)}\r\n".encode()

    def check(self, answer: Reply, refusal: Refusal, why: object = "") -> None:
        """The answer is this refusal, in this API's form."""
        said = (why, answer.status, answer.raw[:300])
        assert answer.status == refusal.status, said
        if self.name == "TaskForge":
            assert answer.body["success"] is False, said
            assert set(answer.body) <= {"success", "message", "error"}, said
            check_headers(answer)
            assert refusal.word in (None, answer.body["message"]), said
        else:
            check_frame(answer)
            assert ("errors" in answer.data) == (refusal.status == 422), said
            assert refusal.word is None or answer.code == refusal.word, said


async def asked_apis(taskflow: Taskflow) -> dict[str, Api]:
    """By name. TaskFlow's project 1, TaskForge's task 1 and the operators' log are there."""
    await taskflow.admin.made("/api/projects", {"name": "There"})
    forge = await taskflow.forge_admin()
    await forge.made("/api/tasks", {"title": "There"})
    found = (
        Api("TaskFlow", taskflow.admin, taskflow.url, "/api/projects", "name", "/api/projects/{}"),
        Api("TaskForge", forge, taskflow.forge_url, "/api/tasks", "title", "/api/tasks/{}"),
        Api(
            "operators",
            taskflow.admin,
            taskflow.url,
            "/ops/api/projections/resume",
            "reason",
            "/ops/api/events/{}",
        ),
    )
    return {api.name: api for api in found}


class Left(NamedTuple):
    """What a refused write must not have changed."""

    head: int
    rows: tuple[int, ...]


async def left(taskflow: Taskflow) -> Left:
    counts = ", ".join(f"(select count(*) from {table})" for table in COUNTS)
    [rows] = await in_database(taskflow, f"select {counts}")
    return Left(await taskflow.core.store.head(), rows)


@asynccontextmanager
async def nothing_left(taskflow: Taskflow) -> AsyncIterator[None]:
    """Whatever is sent within the block leaves neither an event nor anything beside the log."""
    before = await left(taskflow)
    yield
    assert await left(taskflow) == before


class Raw(NamedTuple):
    """What came back on a connection: nothing when the server closed it without a word."""

    answer: Reply | None
    rest: bytes
    is_closed: bool


async def spoken(url: str, *parts: bytes, within_s: float = 10, pause_s: float = 0) -> Raw:
    """Bytes on a connection of their own, in parts, and the first answer to them."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        async with asyncio.timeout(within_s):
            for part in parts:
                writer.write(part)
                await asyncio.sleep(pause_s)
            answer = await _answer(reader)
            ends = answer is None or answer.headers["Connection"] == "close"
            return Raw(answer, await _rest(reader) if ends else b"", ends)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> Reply | None:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except (asyncio.IncompleteReadError, ConnectionError):
        return None
    # Of HTTP/1.0 the end of the connection goes without saying.
    usual = "keep-alive" if head[0].startswith("HTTP/1.1 ") else "close"
    headers: CIMultiDict[str] = CIMultiDict({"Connection": usual})
    for line in filter(None, head[1:]):
        name, _, value = line.partition(": ")
        headers[name] = value
    body = await reader.readexactly(int(headers.get("Content-Length", 0)))
    assert head[0].startswith("HTTP/1."), head
    return Reply(int(head[0].split()[1]), CIMultiDictProxy(headers), body)


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server has closed the connection."""
    try:
        return await reader.read()
    except ConnectionError:
        return b""
