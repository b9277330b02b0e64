"""The network between the parts: stalled, reset, half-open, slow, refused, and cut at the worst moment."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from tests.faults.links import Link
from tests.faults.schedules import Load, Schedule

if TYPE_CHECKING:
    from tests.faults.laboratory import Lab

STALLS_S: Final = (1.0, 5.0)
LONG_STALL_S: Final = 20.0
RESET_FOR_S: Final = 8.0
HALF_OPEN_FOR_S: Final = 4.0
SLOW_FOR_S: Final = 8.0
CUTS: Final = 24
CUTS_MIN: Final = 8
CUT_WAIT_MAX_S: Final = 1.0
WRITES: Final = (b"CreateTask", b"ChangeTask")
"""What stands in the question by which commands are written to the log, and in no other."""


async def stall(lab: Lab) -> None:
    """Twice: some links hold every byte back, for shorter and for longer than anybody waits."""
    for seconds in lab.chance.sample(STALLS_S, len(STALLS_S)):
        await _stalled(lab, _some(lab), seconds)


async def stall_for_long(lab: Lab) -> None:
    """One server hears nothing of PostgreSQL for longer than any request may take."""
    server = lab.chance.choice(lab.servers)
    await _stalled(lab, [lab.links[server.name, "postgres"]], LONG_STALL_S)


async def _stalled(lab: Lab, links: Sequence[Link], seconds: float) -> None:
    lab.note(f"stalled for {seconds:g} s: {_names(links)}")
    for link in links:
        link.stall()
    await asyncio.sleep(seconds)
    for link in links:
        link.resume()
    await asyncio.sleep(0.5)


async def reset(lab: Lab) -> None:
    """Connections of one link after another are reset; now and then nobody gets through for a while."""
    ends_at = lab.clock() + RESET_FOR_S
    while lab.clock() < ends_at:
        link = lab.chance.choice(_all(lab))
        if lab.chance.random() < 0.2:
            lab.note(f"refused for a while: {_names([link])}")
            link.refuse()
            await asyncio.sleep(lab.chance.uniform(0.3, 1.5))
            link.heal()
        else:
            lab.note(f"reset: {_names([link])}")
            link.reset()
        await asyncio.sleep(lab.chance.uniform(0.05, 0.4))


async def half_open(lab: Lab) -> None:
    """Twice: what goes through some connections is lost, and neither end is told."""
    for _ in range(2):
        links = _some(lab)
        lab.note(f"half open: {_names(links)}")
        for link in links:
            link.half_open()
        await asyncio.sleep(HALF_OPEN_FOR_S)
        for link in links:
            link.heal()
        await asyncio.sleep(0.5)


async def slow(lab: Lab) -> None:
    """Every link of some parts is as slow as one around the world."""
    links = _some(lab)
    lab.note(f"200 ms slower, give or take 100: {_names(links)}")
    for link in links:
        link.delay(200, 100)
    await asyncio.sleep(SLOW_FOR_S)


async def swizzle_clog(lab: Lab) -> None:
    """Links are stalled one by one, and released one by one in another order."""
    links = _some(lab)
    lab.note(f"stalled one by one: {_names(links)}")
    for link in lab.chance.sample(links, len(links)):
        link.stall()
        await asyncio.sleep(lab.chance.uniform(0.1, 0.6))
    for link in lab.chance.sample(links, len(links)):
        link.resume()
        await asyncio.sleep(lab.chance.uniform(0.1, 0.6))


async def cut_answers(lab: Lab) -> None:
    """Again and again: events are committed, and the server that wrote them never hears of it."""
    links = [lab.links[server.name, "postgres"] for server in lab.servers]
    before = sum(link.cuts for link in links)
    for _ in range(CUTS):
        await _cut(lab, lab.chance.choice(links))
        await asyncio.sleep(lab.chance.uniform(0.0, 0.3))
    cuts = sum(link.cuts for link in links) - before
    lab.note(f"{cuts} answers to commits were cut off")
    assert cuts >= CUTS_MIN, (
        f"{cuts} of {CUTS} answers to commits were cut off, {CUTS_MIN} at least should be"
    )


async def _cut(lab: Lab, link: Link) -> None:
    """Wait until the next commit of this server is answered, and cut its answer off."""
    cuts, patience_at_s = link.cuts, lab.clock() + CUT_WAIT_MAX_S
    link.cut_after(lab.chance.choice(WRITES))
    while link.cuts == cuts and lab.clock() < patience_at_s:  # noqa: ASYNC110 - the proxy counts, no more
        await asyncio.sleep(0.01)


def _all(lab: Lab) -> list[Link]:
    """Those between parts that run, and those of clients."""
    return [link for link in lab.links if link.name[0] != "migration"]


def _some(lab: Lab) -> list[Link]:
    links = _all(lab)
    return lab.chance.sample(links, lab.chance.randint(1, len(links) - 1))


def _names(links: Sequence[Link]) -> str:
    return ", ".join(" to ".join(link.name) for link in links)


SCHEDULES: Final = (
    Schedule("links-stalled", "links between any parts hold everything back for 1 and 5 s", stall, 8),
    Schedule("link-stalled-long", "a server hears nothing of PostgreSQL for 20 s", stall_for_long, 21),
    Schedule("links-reset", "connections are reset and refused", reset, 10, is_short=True),
    Schedule("links-half-open", "what goes through connections is lost, and nobody is told", half_open, 9),
    Schedule("links-slow", "links take 200 ms longer, give or take 100", slow, 8),
    Schedule("swizzle-clog", "links are stalled one by one and released in another order", swizzle_clog, 9),
    Schedule(
        "answers-cut",
        "the answer to a commit is lost, again and again",
        cut_answers,
        12,
        is_short=True,
        load=Load(writes_per_s=80),
    ),
)
