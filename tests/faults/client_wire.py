"""How clients of the lab speak to servers: connections that stay open, people who use both dialects."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import aiohttp
import orjson

from api.settings import Settings

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

TASKFORGE: Final = "/taskforge"
"""What the paths of TaskForge begin with on the port that both dialects share."""

PASSWORD: Final = "Password 1 of theirs"
GRACE_S: Final = 2.5
"""How much longer than the server may take its clients wait: a busy machine is late, an answer must come."""

SIGN_IN_TRIES_MAX: Final = 60
SIGN_IN_PAUSE_S: Final = 0.5


class Answer(NamedTuple):
    """An answer as it came, status 0 for none; `was_sent` false where there was not even a connection."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    sent_at_s: float
    took_s: float
    was_sent: bool = True

    @property
    def data(self) -> Any:
        """What stands under `data` in either dialect's envelope; nothing where the body is none."""
        try:
            return orjson.loads(self.body).get("data") or {}
        except (orjson.JSONDecodeError, AttributeError):
            return {}


@dataclass(slots=True)
class Person:
    """A user of the ledger with a session of TaskFlow Pro and a token of TaskForge."""

    username: str
    email: str = ""
    password: str = PASSWORD
    id: int = 0
    cookie: str = ""
    csrf_token: str = ""
    access_token: str = ""

    def headers(self, path: str) -> dict[str, str]:
        """What proves who asks: in TaskForge the token, else the cookie and the token of its forms."""
        if path.startswith(TASKFORGE):
            return {"Authorization": f"Bearer {self.access_token}"}
        return {"Cookie": self.cookie, "X-CSRFToken": self.csrf_token}


class Wire:
    """Connections to all servers by their names; every request ends within `timeout_s`."""

    def __init__(self, urls: Mapping[str, str], timeout_s: float, clock: Callable[[], float]) -> None:
        self.servers = list(urls)
        self._urls = urls
        self._clock = clock
        self._signing_in = asyncio.Lock()
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=aiohttp.ClientTimeout(total=timeout_s),
        )
        # By itself it sends a PUT again whose connection broke, and tells nobody that there were two.
        self._session._retry_connection = False

    async def close(self) -> None:
        await self._session.close()

    async def ask(
        self, server: str, method: str, path: str, *, body: bytes | None = None, headers: Mapping[str, str]
    ) -> Answer:
        """What a server answers; nothing is raised when it does not."""
        sent_at_s = self._clock()
        sent = {**headers, "Content-Type": "application/json"} if body is not None else headers
        try:
            async with self._session.request(
                method, self._urls[server] + path, data=body, headers=sent
            ) as answer:
                raw = await answer.read()
                return Answer(answer.status, raw, answer.headers, sent_at_s, self._clock() - sent_at_s)
        except aiohttp.ClientConnectorError:
            return Answer(0, b"", {}, sent_at_s, self._clock() - sent_at_s, was_sent=False)
        except (aiohttp.ClientError, OSError, TimeoutError):
            return Answer(0, b"", {}, sent_at_s, self._clock() - sent_at_s)

    async def sign_in(self, person: Person) -> None:
        """Sign in in both dialects, wherever there is an answer. Raises AssertionError when there is none."""
        await self.begin_session(person)
        await self._get_token(person)

    async def sign_in_again(self, person: Person, refused: dict[str, str]) -> None:
        """A session may end, as when clocks jump; whoever noticed it first mends it for all."""
        async with self._signing_in:
            still = person.headers(TASKFORGE if "Authorization" in refused else "")
            if still.items() <= refused.items():
                with suppress(AssertionError):
                    await self.sign_in(person)

    async def begin_session(self, person: Person) -> None:
        """Sign in to TaskFlow Pro. Raises AssertionError when there is no answer."""
        given = {"username": person.username, "password": person.password}
        answer = await self.insist("/api/auth/login", given)
        person.cookie = answer.headers["Set-Cookie"].partition(";")[0]
        person.csrf_token = answer.data["csrf_token"]
        person.id = answer.data["user"]["id"]
        person.email = answer.data["user"]["email"]

    async def _get_token(self, person: Person) -> None:
        given = {"email": person.email, "password": person.password}
        answer = await self.insist(f"{TASKFORGE}/api/auth/login", given)
        person.access_token = answer.data["access_token"]

    async def insist(
        self, path: str, body: Mapping[str, Any], headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Post until it is done, on one server after the other. Raises AssertionError when it never is."""
        answer = None
        for turn in range(SIGN_IN_TRIES_MAX):
            server = self.servers[turn % len(self.servers)]
            answer = await self.ask(server, "POST", path, body=orjson.dumps(body), headers=headers or {})
            if 200 <= answer.status < 300:
                return answer
            await asyncio.sleep(SIGN_IN_PAUSE_S)
        raise AssertionError(f"{path} is never answered with success, but {answer and answer.status}")


def deadline_s(lab: Lab) -> float:
    """How long a request may take on the servers of a lab."""
    given = lab.setup.environment.get("TASKLEDGER_REQUEST_DEADLINE_S")
    defaults = Settings(database_url="", redis_url="", master_key=b"", jwt_secret=b"")
    return float(given) if given else defaults.request_deadline_s
