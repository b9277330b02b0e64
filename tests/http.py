"""The TaskFlow Pro server in this process, with its projector, over real PostgreSQL and Valkey."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import orjson
from aiohttp import ClientSession, ClientTimeout, CookieJar
from multidict import CIMultiDictProxy

from api.app import opened
from api.core import Core
from api.listeners import Ports, bound
from api.projecting import project
from api.serve import listening
from api.settings import Settings
from commands.context import SYSTEM
from commands.ledger import PrepareLedger
from events.instants import now
from events.log import Metadata
from tests.quick_passwords import QUICK

MASTER_KEY: Final = bytes(range(32))
JWT_SECRET: Final = bytes(range(100, 132))
ADMIN_HASH: Final = QUICK.hash("admin123")
FORGE_PASSWORD: Final = "Secret-123"


@dataclass(frozen=True)
class Reply:
    status: int
    headers: CIMultiDictProxy[str]
    raw: bytes

    @property
    def body(self) -> dict[str, Any]:
        body: dict[str, Any] = orjson.loads(self.raw)
        return body

    @property
    def data(self) -> dict[str, Any]:
        data: dict[str, Any] = self.body["data"]
        return data

    @property
    def errors(self) -> dict[str, list[str]]:
        errors: dict[str, list[str]] = self.data["errors"]
        return errors

    @property
    def code(self) -> str:
        return str(self.data["error_code"])


class Client:
    """A client with a cookie jar of its own."""

    def __init__(self, session: ClientSession) -> None:
        self.session = session

    async def send(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = dict(headers or {})
        if json is not None:
            data = orjson.dumps(json)
            sent.setdefault("Content-Type", "application/json")
        skipped = () if data is None or "Content-Type" in sent else ("Content-Type",)
        async with self.session.request(
            method, path, data=data, headers=sent, params=params, skip_auto_headers=skipped
        ) as answer:
            return Reply(answer.status, answer.headers, await answer.read())

    async def get(self, path: str, **options: Any) -> Reply:
        return await self.send("GET", path, **options)

    async def post(self, path: str, json: object = None, **options: Any) -> Reply:
        return await self.send("POST", path, json, **options)

    async def put(self, path: str, json: object = None, **options: Any) -> Reply:
        return await self.send("PUT", path, json, **options)

    async def patch(self, path: str, json: object = None, **options: Any) -> Reply:
        return await self.send("PATCH", path, json, **options)

    async def delete(self, path: str, **options: Any) -> Reply:
        return await self.send("DELETE", path, **options)

    async def sign_in(self, username: str = "admin", password: str = "admin123") -> Reply:
        answer = await self.post("/api/auth/login", {"username": username, "password": password})
        assert answer.status == 200, answer.raw
        return answer

    async def made(self, path: str, json: object) -> dict[str, Any]:
        """The one object that a POST made."""
        answer = await self.post(path, json)
        assert answer.status == 201, answer.raw
        (thing,) = answer.data.values()
        return dict(thing)


class ForgeClient(Client):
    """A client of TaskForge: paths are as in `/api/tasks`, wherever `prefix` says that they are.

    Once logged in it sends its access `token`, unless a request has an `Authorization` of its own.
    """

    def __init__(self, session: ClientSession, prefix: str = "") -> None:
        super().__init__(session)
        self.prefix = prefix
        self.token: str | None = None
        self.refresh_token: str | None = None
        self.user: dict[str, Any] = {}

    @property
    def id(self) -> int:
        return int(self.user["id"])

    async def send(
        self,
        method: str,
        path: str,
        json: object = None,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
    ) -> Reply:
        sent = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        return await super().send(
            method, self.prefix + path, json, data=data, headers=sent | dict(headers or {}), params=params
        )

    async def log_in(self, email: str = "admin@taskflow.com", password: str = "admin123") -> ForgeClient:
        answer = await self.post("/api/auth/login", {"email": email, "password": password})
        assert answer.status == 200, answer.raw
        self.token, self.refresh_token = answer.data["access_token"], answer.data["refresh_token"]
        self.user = answer.data["user"]
        return self

    async def made(self, path: str, json: object) -> dict[str, Any]:
        """The object that a POST made, which TaskForge shows without a name around it."""
        answer = await self.post(path, json)
        assert answer.status == 201, answer.raw
        return answer.data


@dataclass
class Taskflow:
    """A running server; `admin` is signed in as user 1, on the first one.

    `forge_url` is where TaskForge has a port of its own.
    """

    url: str
    forge_url: str
    core: Core
    stack: AsyncExitStack
    admin: Client = field(init=False)
    projector: asyncio.Task[None] | None = None

    async def anybody(self) -> Client:
        session = ClientSession(self.url, cookie_jar=CookieJar(unsafe=True), timeout=ClientTimeout(total=20))
        return Client(await self.stack.enter_async_context(session))

    async def twin(self) -> Taskflow:
        """Another server on the same data, as another process would be; without a projector."""
        return await self.stack.enter_async_context(started(self.core.settings))

    async def signed_in(self, username: str, password: str = "password of theirs") -> Client:
        client = await self.anybody()
        await client.sign_in(username, password)
        return client

    async def forge(self, prefix: str = "") -> ForgeClient:
        """A client of TaskForge without a token: at the port of its own, or below a prefix of the first."""
        url = self.url if prefix else self.forge_url
        session = ClientSession(url, timeout=ClientTimeout(total=20))
        return ForgeClient(await self.stack.enter_async_context(session), prefix)

    async def forge_admin(self) -> ForgeClient:
        """TaskFlow Pro's first admin, logged in to TaskForge."""
        return await (await self.forge()).log_in()

    async def forge_user(self, username: str, password: str = FORGE_PASSWORD) -> ForgeClient:
        """Somebody who has registered and logged in by TaskForge."""
        client, email = await self.forge(), f"{username}@example.com"
        new = {"username": username, "email": email, "password": password}
        await client.made("/api/auth/register", new)
        return await client.log_in(email, password)

    async def user(self, username: str, role: str = "user", **more: object) -> int:
        """A new user, whose password is the one that `signed_in` takes."""
        new = {
            "username": username,
            "email": f"{username}@example.com",
            "password": "password of theirs",
            "role": role,
        }
        return int((await self.admin.made("/api/users", new | more))["id"])

    def start_projector(self) -> None:
        self.projector = asyncio.create_task(self._project())

    async def stop_projector(self) -> None:
        if self.projector:
            self.projector.cancel()
            with suppress(asyncio.CancelledError):
                await self.projector
        self.projector = None

    async def _project(self) -> None:
        await project(self.core.store, self.core.settings)


@asynccontextmanager
async def taskflow_running(database_url: str, redis_url: str, **settings: Any) -> AsyncIterator[Taskflow]:
    """A server on a new ledger with its first admin, and a projector."""
    # Tests ask more in a minute than people do: limits are off unless a test is about them.
    given = {"rate_limits": None} | settings
    secrets: dict[str, Any] = {"master_key": MASTER_KEY, "jwt_secret": JWT_SECRET}
    known = Settings(database_url=database_url, redis_url=redis_url, **secrets | given)
    async with started(known) as server:
        await prepare(server.core)
        await begin_work(server)
        yield server


@asynccontextmanager
async def served(settings: Settings) -> AsyncIterator[Taskflow]:
    """A server on a ledger that is there, with a projector."""
    async with started(settings) as server:
        await begin_work(server)
        yield server


async def begin_work(server: Taskflow) -> None:
    """Start its projector, and sign its admin in when the read model is up to date."""
    server.start_projector()
    server.stack.push_async_callback(server.stop_projector)
    await caught_up(server.core)
    await server.admin.sign_in()


@asynccontextmanager
async def started(settings: Settings) -> AsyncIterator[Taskflow]:
    """A server and nothing else."""
    async with AsyncExitStack() as stack:
        core = await stack.enter_async_context(opened(settings))
        ports = await stack.enter_async_context(listening(core, bound("127.0.0.1", Ports(0, 0))))
        url, forge_url = (f"http://127.0.0.1:{port}" for port in ports)
        server = Taskflow(url, forge_url, core, stack)
        server.admin = await server.anybody()
        yield server


async def prepare(core: Core) -> None:
    command = PrepareLedger(username="admin", email="admin@taskflow.com", password_hash=ADMIN_HASH)
    await core.dispatcher.dispatch(command, SYSTEM, Metadata(), now=now())


async def caught_up(core: Core, within_s: float = 10) -> None:
    """A Redis that only just came back is away for a moment longer."""
    async with asyncio.timeout(within_s):
        # It is Redis that this waits for, which tells nobody that it is back.
        while not await core.announcements.reached(await core.store.head(), within_s):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
