"""Each parser, fuzzed for a moment from a fixed seed; `python -m tests.fuzz` goes on for minutes."""

from __future__ import annotations

import time
from typing import Final

import pytest

from tests.fuzz.__main__ import main
from tests.fuzz.guided import Broken, Fuzzing, Target
from tests.fuzz.targets import TARGETS

SEED: Final = 20_260_701
ROUNDS: Final = 300


@pytest.mark.parametrize("target", TARGETS, ids=lambda target: target.name.replace(" ", "-"))
def test_nothing_but_refusals_comes_out(target: Target) -> None:
    fuzzing = Fuzzing(target, SEED)
    first = fuzzing.reached
    fuzzing.rounds(ROUNDS)
    assert fuzzing.tried == len(target.seeds) + ROUNDS
    assert first > 0, "no line of ours was reached: the target is none"


def hidden(raw: bytes) -> None:
    """Breaks behind four gates, each of which a blind guess passes rarely."""
    if raw[:1] == b"{":
        if raw[1:2] == b"[":
            if raw[2:3] == b'"':
                if raw[3:4] == b"}":
                    raise KeyError("found")
                raise ValueError("a third line")
            raise ValueError("a second line")
        raise ValueError("a first line")


HIDDEN: Final = Target("hidden", hidden, [b"aaaaaaaa"], (ValueError,))


def test_what_reaches_a_new_line_leads_to_the_next() -> None:
    with pytest.raises(
        Broken, match=r"hidden \(seed 1, input [0-9]+\) let out KeyError\('found'\) for b'{\["
    ):
        Fuzzing(HIDDEN, 1).rounds(30_000)


def test_a_seed_makes_the_same_inputs_again() -> None:
    found = [Fuzzing(TARGETS[4], seed) for seed in (1, 1, 2)]
    for each in found:
        each.rounds(50)
    assert found[0].inputs == found[1].inputs
    assert found[0].inputs != found[2].inputs


def test_on_demand_it_goes_on_for_the_minutes_that_it_is_given(capsys: pytest.CaptureFixture[str]) -> None:
    began = time.monotonic()
    assert main(["--minutes", "0.02", "--seed", "5", "hosts", "moments"]) == 0
    assert 1 < time.monotonic() - began < 20
    said = capsys.readouterr().out
    assert "seed 5" in said
    assert "hosts" in said
    assert "moments" in said


def test_what_it_finds_ends_it_with_1_and_is_told(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tests.fuzz.__main__.TARGETS", (HIDDEN,))
    assert main(["--minutes", "1", "--seed", "1"]) == 1
    assert "let out KeyError" in capsys.readouterr().out
