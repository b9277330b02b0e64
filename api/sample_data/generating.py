"""Telling a history to a ledger: at its own time where nothing later is there yet, else at the present."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from api.exits import CannotRun
from api.sample_data.history import history
from api.sample_data.people import email_of, names, username_of
from api.sample_data.plan import Plan
from api.sample_data.recorder import Recorder
from api.sample_data.steps import Made, Step
from api.sample_data.vocabulary import DEPARTMENTS
from api.sample_data.workdays import moment_of
from commands.admins import Admins
from commands.claims import Claim
from commands.dispatcher import Dispatcher
from events.instants import Instant
from events.store import EventStore

FOUNDED_S: Final = 7 * 3600 + 1800
"""When on its first day the ledger is prepared: before anybody else begins."""

HISTORIES_MAX: Final = 100
STATES_PER_TASK: Final = 2


@dataclass(frozen=True)
class Outcome:
    """What was recorded; not all of the plan when it was `interrupted`."""

    plan: Plan
    at_its_time: bool
    recorder: Recorder
    took_s: float
    interrupted: bool

    @property
    def events_per_second(self) -> float:
        return self.recorder.events / self.took_s if self.took_s else 0.0


def begins_at(plan: Plan) -> Instant:
    """The moment of the first event of all."""
    return moment_of(plan.first_day, FOUNDED_S)


async def fits_in(store: EventStore, plan: Plan) -> bool:
    """Whether the log ends before the history begins. Raises Unavailable."""
    last = await store.log.read(await store.head() - 1, 1) if await store.head() else []
    return not last or last[0].recorded_at <= begins_at(plan)


async def generate(
    store: EventStore, plan: Plan, *, at_its_time: bool, go_on: Callable[[Step, Recorder], bool]
) -> Outcome:
    """Record the history in a ledger that has an admin; `go_on` is asked after each wave of commands.

    Raises CannotRun, a Refusal when somebody else changes what the history is about, and the
    store's errors.
    """
    dispatcher = Dispatcher(
        store,
        store.keyring.claim_key,
        state_cache_max=10_000 + STATES_PER_TASK * plan.tasks + 10 * plan.users,
    )
    plan = replace(plan, suffix=await _free_suffix(dispatcher, plan))
    # In the middle of its time half of the plans lie ahead.
    put_off = timedelta() if at_its_time else (plan.until - plan.first_day) / 2
    recorder = Recorder(dispatcher, await _known(dispatcher), at_its_time, timedelta(put_off.days))
    interrupted = False

    def after_wave(step: Step) -> bool:
        nonlocal interrupted
        interrupted = not go_on(step, recorder)
        return not interrupted

    started = time.perf_counter()
    await recorder.record(history(plan), after_wave)
    return Outcome(plan, at_its_time, recorder, time.perf_counter() - started, interrupted)


async def _known(dispatcher: Dispatcher) -> dict[Made, int]:
    """The admin who is there, and departments that have the names of ours."""
    claims = await dispatcher.load_all(
        Claim, [dispatcher.claim_of("department", name) for name, _ in DEPARTMENTS]
    )
    departments = {
        Made("department", number): claim.holder_id for number, claim in enumerate(claims, 1) if claim.exists
    }
    return {Made("user", 0): min((await dispatcher.load(Admins, "")).ids)} | departments


async def _free_suffix(dispatcher: Dispatcher, plan: Plan) -> str:
    """What makes all usernames and addresses free: nothing, or a number from the second history on."""
    for number in range(1, HISTORIES_MAX + 1):
        suffix = f"-{number}" if number > 1 else ""
        usernames = [username_of(first, last, suffix) for first, last in names(plan)]
        keys = [dispatcher.claim_of("username", username) for username in usernames]
        keys += [dispatcher.claim_of("email", email_of(username)) for username in usernames]
        if not any(claim.exists for claim in await dispatcher.load_all(Claim, keys)):
            return suffix
    raise CannotRun(f"{HISTORIES_MAX} histories are in this ledger already: take a fresh --data folder")
