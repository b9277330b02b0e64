"""The two servers that data are in, asked past every link: how far the log and the read model are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from redis.asyncio import Redis

from events.connections import Connections, Prepared
from readmodels.connecting import connect
from readmodels.keys import Keys
from tests.faults.operations import Glance

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

GLANCE_TIMEOUT_S: Final = 1.0
HEAD: Final = b"""
select coalesce((select max(notification_id) from stored_events), 0),
       ('x' || substr(pg_walfile_name(pg_current_wal_insert_lsn()), 1, 8))::bit(32)::int
"""
GENERATION: Final = "select max(id) from generations where is_current"
"""The one that the processes of the lab read, whatever became of the code on disk since they began."""

FIELDS: Final = ("build", "state", "epoch", "position", "log_id")


class Primaries:
    """The PostgreSQL and the Valkey that were the primaries when this was made, asked past every link."""

    def __init__(self, database_url: str, redis_url: str) -> None:
        self._urls = (database_url, redis_url)
        self._connections = Connections(
            database_url,
            connections_max=1,
            connect_timeout_s=GLANCE_TIMEOUT_S,
            call_timeout_s=GLANCE_TIMEOUT_S,
        )
        self._redis: Redis = connect(redis_url, timeout_s=GLANCE_TIMEOUT_S)
        self._valkey = ""
        self._checkpoint = ""

    @classmethod
    def of(cls, lab: Lab) -> Primaries:
        return cls(lab.database_url, lab.redis_url)

    def are_present(self, lab: Lab) -> bool:
        return self._urls == (lab.database_url, lab.redis_url)

    async def close(self) -> None:
        await self._connections.close()
        await self._redis.aclose()

    async def head(self) -> tuple[int, int]:
        """The end of the log, and the timeline of the PostgreSQL that says so. Raises Unavailable."""
        ((head, timeline),) = await self._connections.read(Prepared(HEAD, ()))
        return head, timeline

    async def glance(self, at_s: float) -> Glance:
        """The checkpoint, and only then the end of the log: what was folded is in it already."""
        if not self._valkey:
            self._valkey = (await self._redis.info("server"))["run_id"]
            ((generation,),) = await self._connections.read(Prepared(GENERATION.encode(), ()))
            self._checkpoint = Keys(generation).checkpoint
        found = await self._fields()
        head, timeline = await self.head()
        return Glance(
            at_s,
            self._valkey,
            found["build"],
            found["state"],
            int(found["epoch"] or 0),
            int(found["position"] or 0),
            found["log_id"],
            head,
            timeline,
        )

    async def _fields(self) -> Mapping[str, str]:
        values: Any = await self._redis.hmget(self._checkpoint, list(FIELDS))
        return {name: (value or b"").decode() for name, value in zip(FIELDS, values, strict=True)}
