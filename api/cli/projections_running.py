"""Rebuilding and verifying in the command's own process: a bar while it lasts, then what was found."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any, Final

from redis.exceptions import RedisError

from api.cli.options import Form
from api.cli.output import Advance, print_fields, print_json, print_rows, progress, tell
from api.cli.running import run
from api.exits import CannotRun, InConflict, Unverified
from api.operators.instruments import Instruments
from api.operators.projections import shown
from api.operators.rebuilding import ask, rebuild_tools
from projections.comparing import Unsteady
from projections.holding import Held
from projections.lease import LeaseLost
from projections.rebuild import Rebuilding
from projections.rebuilds import Rebuild, Wish
from projections.switching import NotSwitched
from projections.writer import Fenced, Lost

COLUMNS: Final = ("what", "name", "field", "live", "rebuilt")
BAR_INTERVAL_S: Final = 0.2
AGAIN: Final = "the same command goes on with it"


def carried_out(
    data: Path | None, form: Form, purpose: str, switch_if: str, reason: str, *, is_fresh: bool
) -> None:
    """Ask for it and do it. Raises Unverified when the live generation differs and stays in use."""
    wish = Wish(purpose=purpose, runs_in="command", switch_if=switch_if)

    async def work(tools: Instruments) -> Rebuild:
        asked = await ask(tools, wish, reason, is_fresh=is_fresh)
        return await _followed(Rebuilding(rebuild_tools(tools), asked), purpose, asked.generation)

    conclude(run(data, work), form)


async def _followed(rebuilding: Rebuilding, purpose: str, generation: int) -> Rebuild:
    task = asyncio.create_task(rebuilding.run())
    try:
        with progress(f"{purpose} of generation {generation}") as advance:
            while not task.done():
                await asyncio.wait([task], timeout=BAR_INTERVAL_S)
                _show(advance, rebuilding)
        return await task
    except (Held, Unsteady, NotSwitched) as error:
        raise InConflict(f"{error}; {AGAIN}") from None
    except (RedisError, OSError, TimeoutError, LeaseLost, Lost, Fenced) as error:
        raise CannotRun(f"it stopped at {type(error).__name__}: {error}; {AGAIN}") from None
    finally:
        await _ended(task)


async def _ended(task: asyncio.Task[Rebuild]) -> None:
    """Stopped half-way, it notes that before this returns."""
    task.cancel()
    await asyncio.wait([task])


def _show(advance: Advance, rebuilding: Rebuilding) -> None:
    now = rebuilding.progress
    rate = f"{now.events_per_s:,.0f} events/s" if now.events_per_s and now.phase == "folding" else now.phase
    advance(now.done, now.total or None, rate)


def conclude(done: Rebuild, form: Form) -> None:
    """Print what became of it. Raises Unverified, CannotRun."""
    found = dict(done.report or {})
    if form is Form.JSON:
        print_json(shown(done))
    elif found:
        report_rows(found, form)
    else:
        print_fields(shown(done), form)
    if done.state == "cancelled":
        raise CannotRun("it was cancelled meanwhile; nothing is left of it")
    if done.state == "kept":
        tell(
            f"Readers stay where they are. Generation {done.generation} is kept for a day:"
            " `projections rebuild --switch-if always` sends readers to it, `projections cancel` removes it."
        )
    if found.get("differences") and (done.purpose == "verification" or done.state == "kept"):
        raise Unverified(f"{found['differences']:,} differences from what the log says")


def report(found: dict[str, Any], form: Form) -> None:
    """Print what a verification found. Raises Unverified when that is anything."""
    if form is Form.JSON:
        print_json(found)
    else:
        report_rows(found, form)
    if found["differences"]:
        raise Unverified(f"{found['differences']:,} differences from what the log says")


def report_rows(found: dict[str, Any], form: Form) -> None:
    if found["listed"] or form is not Form.TABLE:
        print_rows(found["listed"], COLUMNS, form)
    counts = ", ".join(f"{count:,} in {what}" for what, count in found["counts"].items())
    tell(f"{found['keys']:,} compared at position {found['position']:,}: {counts or 'all equal'}")
