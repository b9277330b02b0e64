"""Deliberate breaks of servers, each of one promise."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, Final

import api.calls
import api.operators.events
import api.taskflow.endpoints
from api.calls import POSITION_HEADER, BaseCall
from commands.errors import NotFound
from events import instants
from events.appender import Appender
from events.connections import Connections
from events.errors import Unavailable
from events.group_writer import GroupWriter
from events.log import Appended
from tests.faults.mutants_patching import Method, around, every

DENIED_EVERY: Final = 30
FAILED_EVERY: Final = 30
LEAKED_BYTES: Final = 1_000_000
LEAKED_FILES: Final = 4

ORPHAN: Final = b"""
do $$
declare head bigint;
begin
    perform pg_advisory_xact_lock(1952543859, 1);
    select max(notification_id) into head from stored_events;
    insert into stored_events (originator_id, originator_version, topic, state, notification_id, recorded_at)
        select 'tag-' || 900000 + head, 2, 'tag.changed',
               convert_to('{"tag_id": ' || 900000 + head || ', "changes": {}}', 'UTF8'), head + 1, recorded_at
        from stored_events where notification_id = head;
end $$
"""
"""An event of a stream that has no first one."""


def acknowledging_without_appending() -> None:
    """Every other change of a task of TaskForge is answered with success and written nowhere."""

    def wrap(method: Method) -> Method:
        skips = every(2)

        async def append(self: Any, append: Any) -> Any:
            told = append.metadata
            if (told.dialect, told.command) == ("taskforge", "ChangeTask") and skips():
                return Appended(await self._log.head(), instants.now())
            return await method(self, append)

        return append

    around(Appender, "append", wrap)


def leaving_versions_out() -> None:
    """After every twentieth group an event is written whose stream lacks its first version."""

    def wrap(method: Method) -> Method:
        adds = every(20)

        async def append_group(self: Any, appends: Any) -> Any:
            outcomes = await method(self, appends)
            if adds():
                await self.connections.run(lambda connection: connection.execute(ORPHAN))
            return outcomes

        return append_group

    around(GroupWriter, "append_group", wrap)


def forgetting_keys() -> None:
    """An Idempotency-Key counts for nothing."""

    async def once(self: Any, raw: Any, reply: Any, refused: Any) -> Any:
        return await reply()

    around(BaseCall, "once", lambda _: once)


def denying_what_is_there() -> None:
    """A read now and then is answered as if there were nothing."""
    _spoil_reads(DENIED_EVERY, NotFound, "task")


def failing_now_and_then() -> None:
    """A read now and then ends in a mistake of ours."""
    _spoil_reads(FAILED_EVERY, RuntimeError, "on purpose")


def _spoil_reads(turns: int, error: Callable[[str], Exception], word: str) -> None:
    def wrap(method: Method) -> Method:
        spoils = every(turns)

        async def read(*values: Any) -> Any:
            if spoils():
                raise error(word)
            return await method(*values)

        return read

    around(api.taskflow.endpoints, "_read", wrap)


def naming_other_positions() -> None:
    """The position that a write's answer names is that of the event after its own."""

    def wrap(method: Method) -> Method:
        async def seen(*values: Any, **more: Any) -> Any:
            answer, headers = await method(*values, **more)
            return answer, {**headers, POSITION_HEADER: str(int(headers[POSITION_HEADER]) + 1)}

        return seen

    around(BaseCall, "seen", wrap)


def skipping_in_the_feed() -> None:
    """Who follows the log is not given every 25th event."""

    def wrap(method: Method) -> Method:
        async def followed(*values: Any) -> Any:
            found = await method(*values)
            return found._replace(events=[each for each in found.events if each["position"] % 25])

        return followed

    around(api.operators.events, "followed", wrap)


def keeping_descriptors() -> None:
    """Every read leaves some files open."""
    _leak(lambda: [os.open(os.devnull, os.O_RDONLY) for _ in range(LEAKED_FILES)])


def keeping_memory() -> None:
    """Every read leaves some memory behind."""
    _leak(lambda: bytearray(b"x") * LEAKED_BYTES)


def _leak(take: Callable[[], object]) -> None:
    kept: list[object] = []

    def wrap(method: Method) -> Method:
        async def read(*values: Any) -> Any:
            kept.append(take())
            return await method(*values)

        return read

    around(api.taskflow.endpoints, "_read", wrap)


def keeping_a_place() -> None:
    """The first call that a pool of connections comes to has its place for ever."""

    def wrap(method: Method) -> Method:
        async def run(self: Any, work: Any) -> Any:
            if self.connections_max > 1 and not hasattr(self, "has_lost_a_place"):
                self.has_lost_a_place = True
                await self._take_place()
            return await method(self, work)

        return run

    around(Connections, "_run", wrap)


def dying_of_trouble() -> None:
    """Who cannot reach the database ends."""

    def died(_self: Exception, *_: object) -> None:
        os._exit(os.EX_UNAVAILABLE)

    Unavailable.__init__ = died  # type: ignore[assignment, method-assign]


def ignoring_demands() -> None:
    """Reads do not wait for the position that they demand, nor for what their user has written."""

    async def reached(_core: Any, _position: int) -> None:
        await asyncio.sleep(0)

    around(api.calls, "_reached", lambda _: reached)


OF_SERVERS: Final[Mapping[str, Callable[[], None]]] = {
    "acknowledging-without-appending": acknowledging_without_appending,
    "leaving-versions-out": leaving_versions_out,
    "forgetting-keys": forgetting_keys,
    "denying-what-is-there": denying_what_is_there,
    "naming-other-positions": naming_other_positions,
    "skipping-in-the-feed": skipping_in_the_feed,
    "failing-now-and-then": failing_now_and_then,
    "keeping-descriptors": keeping_descriptors,
    "keeping-memory": keeping_memory,
    "keeping-a-place": keeping_a_place,
    "dying-of-trouble": dying_of_trouble,
    "ignoring-demands": ignoring_demands,
}
