"""`taskledger sample-data`: from the command line to a ledger full of data, and what to say meanwhile."""

from __future__ import annotations

import asyncio
import gc
import secrets
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from api import preflight
from api.bootstrap import prepare
from api.environ import environ
from api.exits import CannotRun
from api.opening import folder_at, opened
from api.passwords import hash_password
from api.sample_data.generating import Outcome, begins_at, fits_in, generate
from api.sample_data.plan import Plan
from api.sample_data.recorder import Recorder
from api.sample_data.steps import Step
from api.sample_data.summary import SignIn, tell, tell_machines
from api.settings import Settings
from api.terminal import say
from commands.errors import Refusal
from events.errors import StoreError
from events.migrate import migrate
from events.store import open_store

PASSWORD: Final = "taskflow-demo"  # noqa: S105 - for data that nobody needs to protect
QUEUE_MAX: Final = 10_000
INTERRUPTED: Final = 130


@dataclass(frozen=True)
class Options:
    """What the command line says; `tasks` are those of all projects.

    `until` None is today, `data` None the folder beside the program.
    """

    projects: int
    tasks: int
    users: int
    seed: int
    months: int
    until: date | None
    data: Path | None
    as_json: bool
    yes: bool


def sample_data(options: Options) -> int:
    """Record a history and tell about it; the exit code. Raises CannotRun."""
    plan = _plan(options)
    given = environ()
    env = preflight.environment("127.0.0.1", given)
    if env == "production" and not options.yes:
        raise CannotRun(
            "TASKLEDGER_ENV is production, and these data are made up; --yes adds them all the same"
        )
    preflight.named_servers(given)
    folder = folder_at(options.data)
    is_running = folder.held()
    with opened(folder, given, env) as settings:
        migrate(settings.database_url)
        password = secrets.token_urlsafe(12) if settings.is_production else PASSWORD
        plan = replace(plan, password_hash=hash_password(password))
        outcome, default_login = asyncio.run(_generate(settings, plan, given))
    sign_in = SignIn(password, default_login, is_running)
    say(tell_machines(outcome, sign_in) if options.as_json else tell(outcome, sign_in))
    return INTERRUPTED if outcome.interrupted else 0


def _plan(options: Options) -> Plan:
    today = datetime.now(UTC).date()
    if options.until and options.until > today:
        raise CannotRun(
            f"--until {options.until} lies ahead: a history ends in the past, today at the latest"
        )
    return Plan(
        options.projects, options.tasks, options.users, options.seed, options.until or today, options.months
    )


async def _generate(settings: Settings, plan: Plan, given: Mapping[str, str]) -> tuple[Outcome, bool]:
    async with open_store(settings.database_url, settings.master_key, append_queue_max=QUEUE_MAX) as store:
        at_its_time = await fits_in(store, plan)
        recorded_at = begins_at(plan) if at_its_time else None
        default_login = await prepare(settings, given, recorded_at=recorded_at)
        stopping = _stop_signals()
        # Nothing here refers to itself in circles; looking for that would take a tenth of the time.
        gc.freeze()
        gc.set_threshold(100_000, 50, 100)
        with _progress(plan) as show:

            def go_on(step: Step, recorder: Recorder) -> bool:
                show(step, recorder)
                return not stopping.is_set()

            try:
                return await generate(store, plan, at_its_time=at_its_time, go_on=go_on), default_login
            except (Refusal, StoreError) as error:
                raise CannotRun(
                    f"stopped at position {await store.head()}, what was recorded before stays: {error}"
                ) from error


def _stop_signals() -> asyncio.Event:
    """Set by Ctrl-C: the wave that is under way is finished, so that what is told is exact."""
    stopping = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    return stopping


@contextmanager
def _progress(plan: Plan) -> Iterator[Callable[[Step, Recorder], None]]:
    """A bar of the days told so far, where stderr is a terminal."""
    console = Console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[day]}  {task.fields[events]:,} events"),
        TimeElapsedColumn(),
    )
    places = {day.isoformat(): place for place, day in enumerate(plan.days, 1)}
    with Progress(*columns, console=console, disable=not console.is_terminal, transient=True) as progress:
        bar = progress.add_task("recording", total=len(plan.days), day="", events=0)

        def show(step: Step, recorder: Recorder) -> None:
            day = step.at[:10]
            progress.update(bar, completed=places[day], day=day, events=recorder.events)

        yield show
