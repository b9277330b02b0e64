"""Carrying writes out: each is sent, now and then twice, and what is known of it afterwards is kept."""

from __future__ import annotations

import asyncio
import random
from typing import Any, Final

import orjson

from tests.faults.client_answers import UNAVAILABLE, outcome_of
from tests.faults.client_drafts import Draft
from tests.faults.client_things import NAMES, Thing, difference, shown
from tests.faults.client_wire import TASKFORGE, Answer, Wire
from tests.faults.client_writes import Writes
from tests.faults.operations import Attempt, History, Operation, Outcome

AGAIN_SHARE: Final = 0.04
"""Of the acknowledged writes with a key: how many are sent again later on, to be told the same."""

AT_ONCE_SHARE: Final = 0.02
"""Of the writes with a key: how many are sent to both servers at the same time."""

OPEN_AGAIN_SHARE: Final = 0.5
"""Of the writes that were left open: how many are sent again at once, whatever is broken meanwhile."""

RESOLVE_ROUNDS_MAX: Final = 40
RESOLVE_PAUSE_S: Final = 0.5
UNAUTHENTICATED: Final = 401
NEVER: Final = frozenset({0, UNAUTHENTICATED, 429, 503})
"""Statuses of answers that say nothing about a thing: it is asked for again."""


class Writing:
    """Sends what `writes` has thought up; operations and their attempts go into `history`."""

    def __init__(self, wire: Wire, writes: Writes, history: History, chance: random.Random) -> None:
        self._wire = wire
        self._writes = writes
        self._history = history
        self._chance = chance
        self._drafts: dict[str, Draft] = {}

    async def write(self, draft: Draft) -> None:
        operation = draft.operation
        self._history.operations.append(operation)
        self._drafts[operation.key] = draft
        if operation.takes_key and self._chance.random() < AT_ONCE_SHARE:
            await asyncio.gather(*(self._attempt(draft, server) for server in self._wire.servers))
        else:
            await self._attempt(draft, self._any_server())
        if operation.takes_key and operation.outcome is Outcome.OK and self._chance.random() < AGAIN_SHARE:
            await self._attempt(draft, self._any_server())
        if self._is_open(operation) and self._chance.random() < OPEN_AGAIN_SHARE:
            await self._ask_again(draft)

    def _is_open(self, operation: Operation) -> bool:
        """Whether nobody knows what became of it, and it may be sent again.

        Without a key only what the server is done with: what waits there could come after another change.
        """
        is_over = operation.takes_key or operation.attempts[-1].status == UNAVAILABLE
        return operation.outcome is Outcome.UNKNOWN and is_over and not self._history.is_repeating

    async def _ask_again(self, draft: Draft) -> None:
        """The same once more, and of a tag another one by its name: what there is may still be lost."""
        operation = draft.operation
        if draft.new == "tag" and not operation.is_second:
            await self.write(self._writes.second_tag(operation.sent["name"], draft.person))
        await self._attempt(draft, self._any_server())
        operation.resolved_by_key = operation.outcome is not Outcome.UNKNOWN

    def _any_server(self) -> str:
        return self._chance.choice(self._wire.servers)

    async def _attempt(self, draft: Draft, server: str) -> None:
        operation, person = draft.operation, draft.person
        draft.under_way += 1
        request_id = f"{operation.key}-{len(operation.attempts)}{server[-1]}"
        headers = {**person.headers(operation.path), **draft.headers, "X-Request-Id": request_id}
        if operation.takes_key:
            headers["Idempotency-Key"] = operation.key
        answer = await self._wire.ask(
            server, operation.method, operation.path, body=orjson.dumps(operation.sent), headers=headers
        )
        draft.under_way -= 1
        operation.attempts.append(_attempt(server, request_id, answer))
        self._settle(draft, answer)
        if answer.status == UNAUTHENTICATED:
            await self._wire.sign_in_again(person, headers)

    def _settle(self, draft: Draft, answer: Answer) -> None:
        """Take in what is known now; what was acknowledged once stays so."""
        operation = draft.operation
        if operation.outcome is not Outcome.OK:
            operation.outcome = outcome_of(operation)
            if operation.outcome is Outcome.OK:
                self._acknowledged(draft, answer)
            elif operation.takes_key and self._history.is_repeating:
                operation.outcome = Outcome.UNKNOWN
        if not draft.under_way and operation.outcome is not Outcome.UNKNOWN:
            self._release(draft)

    def _release(self, draft: Draft) -> None:
        """Others may be about the thing now, unless one of them is already."""
        if draft.thing and draft.thing.busy_with == draft.operation.key:
            draft.thing.busy_with = ""

    def _acknowledged(self, draft: Draft, answer: Answer) -> None:
        operation = draft.operation
        position = int(answer.headers.get("X-Event-Position", 0))
        etag = answer.headers.get("ETag", "")
        if draft.thing:
            thing = draft.thing
            thing.take(operation.expected, position or thing.position)
            thing.etag = etag
            if draft.text:
                thing.acknowledged = max(thing.acknowledged, thing.texts.index(draft.text))
            return
        found = shown(draft.new, operation.path, answer)
        thing = _thing(draft, found, position, etag)
        operation.about = thing.name
        self._writes.things.setdefault(draft.new, []).append(thing)
        if draft.parent and draft.new == "task":
            draft.parent.tasks += 1
            draft.parent.position = max(draft.parent.position, position)

    async def resolve(self) -> None:
        """Send what was left open again until it is known; what stays unknown is a finding."""
        # Whatever came several times has come by now.
        self._history.is_repeating = False
        for _ in range(RESOLVE_ROUNDS_MAX):
            unknown = self._history.with_outcome(Outcome.UNKNOWN)
            if not unknown:
                return
            await asyncio.gather(*(self._resolve(operation) for operation in unknown))
            await asyncio.sleep(RESOLVE_PAUSE_S)

    async def _resolve(self, operation: Operation) -> None:
        draft = self._drafts[operation.key]
        await self._attempt(draft, self._any_server())
        if operation.outcome is Outcome.UNKNOWN and not operation.takes_key:
            await self._look(draft)
        if operation.outcome is not Outcome.UNKNOWN:
            operation.resolved_by_key = True

    async def _look(self, draft: Draft) -> None:
        """Refused when sent again: the first sending was carried out, or it was not, and that shows.

        Nobody else changes the thing meanwhile.
        """
        operation, thing = draft.operation, draft.thing
        last = operation.attempts[-1].status
        if thing is None or not 400 <= last < 500 or last in NEVER:
            return
        answer = await self.get(thing)
        if answer.status != 200:
            return
        found = shown(thing.kind, thing.path, answer)
        is_done = not difference(operation.expected, found)
        operation.outcome = Outcome.OK if is_done else Outcome.FAILED
        self._release(draft)
        if is_done:
            self._acknowledged(draft, answer)

    async def get(self, thing: Thing) -> Answer:
        return await self._wire.ask(
            self._any_server(), "GET", thing.path, headers=thing.owner.headers(thing.path)
        )


def _attempt(server: str, request_id: str, answer: Answer) -> Attempt:
    position = answer.headers.get("X-Event-Position")
    return Attempt(
        server,
        answer.sent_at_s,
        answer.took_s,
        answer.status,
        answer.body,
        position=int(position) if position else None,
        request_id=request_id,
        was_sent=answer.was_sent,
        is_repeated="Idempotency-Replayed" in answer.headers,
        is_to_be_asked_again="Retry-After" in answer.headers,
    )


def _thing(draft: Draft, found: dict[str, Any], position: int, etag: str) -> Thing:
    """What a write has made, as its answer shows it."""
    operation = draft.operation
    prefix = TASKFORGE if operation.path.startswith(TASKFORGE) else ""
    number = int(found["id"])
    path = f"{prefix}/api/{draft.new}s/{number}"
    if draft.new == "expense":
        path = f"{operation.path}/{number}"
    text = str(operation.sent[NAMES.get(draft.new, "description")])
    return Thing(draft.new, number, path, draft.person, dict(operation.expected), [text], position, etag)
