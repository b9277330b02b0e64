"""The checker: each promise of the ledger against what clients were told and what there is now.

I13, that a change of the stored history is found out, has no check here: the log carries no chain of digests,
and docs/security.md says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from tests.faults.evidence import Evidence
from tests.faults.gathering import gather
from tests.faults.invariants_answers import answered_in_time, denied_nothing, shows_own_writes
from tests.faults.invariants_log import durable, exactly_once, gapless, names_once
from tests.faults.invariants_model import (
    checkpoint_never_back,
    equals_the_fold,
    of_this_log,
    one_writer,
    read_back,
)
from tests.faults.invariants_rest import bounded, feed_is_whole, nobody_died
from tests.faults.verdicts import Finding

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

INVARIANTS: Final[tuple[Callable[[Evidence], Finding], ...]] = (
    durable,
    gapless,
    exactly_once,
    equals_the_fold,
    read_back,
    checkpoint_never_back,
    denied_nothing,
    names_once,
    of_this_log,
    one_writer,
    feed_is_whole,
    answered_in_time,
    bounded,
    shows_own_writes,
    nobody_died,
)


async def examine(
    lab: Lab,
    before: Mapping[str, Mapping[str, float]],
    after: Mapping[str, Mapping[str, float]],
    *,
    may_lose_acknowledged: bool = False,
) -> list[Finding]:
    """A finding for every invariant, when all is mended and at rest.

    With `may_lose_acknowledged`, as after a failover to an asynchronous standby, what is lost is counted and
    does not speak against the ledger; what is left must still hold together.
    """
    evidence = await gather(lab, before, after, may_lose_acknowledged=may_lose_acknowledged)
    return [invariant(evidence) for invariant in INVARIANTS]
