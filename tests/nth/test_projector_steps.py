"""Every step of a projector with every one of its inputs and outputs failing: it goes on, and is exact."""

from __future__ import annotations

from typing import Final

import pytest

from events.store import EventStore
from projections.lease import Lease
from tests.nth import surroundings
from tests.nth.faults import FAULTS, IS_FULL, Fault, Place
from tests.nth.steps import STEPS, Scene, Step, a_batch

NTH_MAX: Final = 150
"""No step asks for so much."""


def is_quick(step: Step, fault: Fault) -> bool:
    """Whether it is tried on every commit: with a batch what is tried with every command."""
    if step is a_batch:
        return fault.is_telling
    return fault.name in {"disk full", "READONLY"}


TRIED: Final = [
    pytest.param(step, fault, id=f"{step.__name__}, {fault.id}")
    for step in STEPS
    for fault in FAULTS
    # A projector that cannot even name itself ends, and is started again by whoever watches over it.
    if fault.place is not Place.RANDOM and (IS_FULL or is_quick(step, fault))
]


@pytest.fixture
async def scene(
    store: EventStore, redis_url: str, database_url: str, logs: None, monkeypatch: pytest.MonkeyPatch
) -> Scene:
    # So that nobody has to wait for long for one who could not give a lease back.
    monkeypatch.setattr(Lease.__init__, "__kwdefaults__", {"ttl_s": 1.0, "renew_interval_s": 0.25})
    opened = Scene(store, redis_url, database_url, surroundings.install(monkeypatch))
    await opened.grows(30)
    await opened.project(Fault(Place.CLOCK, "no fault"), NTH_MAX)
    return opened


@pytest.mark.timeout(3600 if IS_FULL else 120)
@pytest.mark.parametrize(("step", "fault"), TRIED)
async def test_a_step_survives_each_fault_at_each_place(scene: Scene, step: Step, fault: Fault) -> None:
    for nth in range(1, NTH_MAX):
        try:
            await step(scene, fault, nth)
        except Exception as error:
            where = f"{step.__name__}, {fault.id}, N={nth} at {scene.injector.struck!r}"
            raise AssertionError(where) from error
        if scene.injector.struck is None:
            break
    reached = nth - 1
    assert reached < NTH_MAX - 1, f"{step.__name__}, {fault.id} strikes for ever"
    assert reached, f"{step.__name__}, {fault.id} never struck"
