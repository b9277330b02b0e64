"""`taskledger test faults`: what it understands, what it tells, and with which exit code it ends."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import pytest
import structlog

from api import house
from api.cli import main
from tests.faults import __main__ as command
from tests.faults import document, results, run
from tests.faults.nemesis import SCHEDULES
from tests.faults.report import Tried, evidence, line, markdown, rows, spans
from tests.faults.schedules import Schedule
from tests.faults.verdicts import Finding, Verdict

GOOD = Finding("I1", "nothing is lost", 12)
BAD = Finding("I2", "no gap", 3, tuple(f"gap {number}" for number in range(9)), lost=2)
NONE = SCHEDULES["none"]


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """The command has it go to standard error, which each test has another one of."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


def verdict(seed: int, *findings: Finding) -> Verdict:
    return Verdict(
        "none", seed, 1100, 2, 1000, unknown=7, resolved=7, recovered_after_s=1.5 * seed, findings=[*findings]
    )


def passed(seed: int) -> Tried:
    return Tried(NONE, seed, 20.0, verdict(seed, GOOD))


FAILED = Tried(NONE, 3, 21.0, verdict(3, GOOD, BAD))
BROKE = Tried(NONE, 4, 5.0, broke="TimeoutError: not ready")
UNTESTED = Tried(SCHEDULES["disk-full"], 1, 0.1, untested="root is needed")


def test_a_trial_in_one_line_names_the_seed() -> None:
    assert line(passed(2)) == (
        "PASS none --seed 2 (20 s): 1,100 operations, 2 skipped, 1,000 acknowledged, 7 unknown, 7 resolved,"
        " 0 lost, 0 duplicated, back after 3.0 s"
    )
    assert line(BROKE) == "FAIL none --seed 4 (5 s): TimeoutError: not ready"
    assert line(UNTESTED) == "UNTESTED disk-full --seed 1 (0 s): root is needed"


def test_evidence_is_told_up_to_a_bound() -> None:
    assert evidence(passed(1)) == []
    assert evidence(FAILED) == [*(f"I2 no gap: gap {number}" for number in range(5)), "I2: and 4 more"]


def test_a_verdict_without_any_finding_is_no_pass() -> None:
    assert not Tried(NONE, 1, 1.0, verdict(1)).passed


def test_a_row_sums_the_trials_of_a_schedule() -> None:
    (row, all_of_it) = rows([passed(1), passed(2), FAILED, BROKE, UNTESTED])
    assert row == ("none", "1-4", "2 of 4", "3,300", "6", "3,000", "21", "21", "0", "0", "3.0, at most 4.5")
    assert all_of_it == ("all", *row[1:])


@pytest.mark.parametrize(
    ("seeds", "told"), [([3], "3"), ([1, 2, 3], "1-3"), ([9, 1, 2, 5, 2], "1-2, 5, 9"), ([], "")]
)
def test_seeds_in_short(seeds: Sequence[int], told: str) -> None:
    assert spans(seeds) == told


def test_the_table_as_markdown_says_what_was_not_tried() -> None:
    told = markdown([passed(1), UNTESTED])
    assert told.splitlines()[2].startswith("| none | 1 | 1 of 1 | 1,100 | 2 | 1,000 |")
    assert told.endswith("\nNot tried: `disk-full`, root is needed.\n")


def test_the_lab_writes_its_table_between_two_marks(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(f"# Before\n\n{document.BEGIN}\nold\n\n{document.END}\nafter\n")
    document.write_table("| new |\n", page)
    assert page.read_text() == f"# Before\n\n{document.BEGIN}\n| new |\n\n{document.END}\nafter\n"
    page.write_text("no marks")
    with pytest.raises(ValueError, match="no place for the table"):
        document.write_table("| new |\n", page)


def test_the_page_has_the_marks_and_names_every_schedule() -> None:
    text = document.DOCUMENT.read_text()
    assert text.index(document.BEGIN) < text.index(document.END)
    missing = [name for name in SCHEDULES if f"`{name}`" not in text]
    assert missing == []


def test_everything_is_listed_once(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--list"]) == 0
    listed = [words.split()[0] for words in capsys.readouterr().out.splitlines()]
    assert listed == [*SCHEDULES]
    assert listed[0] == "none"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nope"], "there is no schedule nope: choose from none,"),
        (["--seeds", "0"], "0 is not 1 or more"),
        (["--json", "/nowhere/x"], "cannot be written"),
        (["--found", "/nowhere/x"], "No such file"),
        (["--found", __file__], "does not say what came of trials"),
        (["--found", "docs/sbom.json"], "does not say what came of trials"),
    ],
)
def test_wrong_usage_is_told(arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        command.main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def tries(monkeypatch: pytest.MonkeyPatch, *outcomes: Tried | BaseException) -> list[tuple[str, int]]:
    """Have trials come to this, whatever is asked for; what that is goes into the list."""
    asked: list[tuple[str, int]] = []

    async def told(self: run.Trials, wanted: Iterable[tuple[Schedule, Sequence[int]]]) -> None:
        await asyncio.sleep(0)
        asked.extend((schedule.name, seed) for schedule, seeds in wanted for seed in seeds)
        for outcome in outcomes:
            if isinstance(outcome, BaseException):
                raise outcome
            self._tell(outcome)

    monkeypatch.setattr(run.Trials, "all", told)
    return asked


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ([passed(1), passed(2)], 0),
        ([passed(1), UNTESTED], 0),
        ([UNTESTED], 1),
        ([passed(1), FAILED], 1),
        ([passed(1), BROKE], 1),
        ([passed(1), KeyboardInterrupt()], 130),
    ],
    ids=["passed", "some untested", "all untested", "failed", "broke", "interrupted"],
)
def test_the_exit_code_says_what_came_of_it(
    outcomes: list[Tried | BaseException],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    tries(monkeypatch, *outcomes)
    assert command.main(["--json", str(tmp_path / "all.json")]) == code
    said = capsys.readouterr()
    first = outcomes[0]
    assert isinstance(first, Tried)
    assert line(first) in said.err
    assert "I1" in said.out or first.untested
    assert len(json.loads((tmp_path / "all.json").read_text())["trials"]) == 2 - (
        code == 130 or len(outcomes) == 1
    )


def test_the_json_has_every_finding(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    tries(monkeypatch, FAILED, UNTESTED)
    command.main(["--json", str(tmp_path / "all.json"), "--markdown", str(tmp_path / "all.md")])
    found = json.loads((tmp_path / "all.json").read_text())
    failed, untested = found["trials"]
    assert (failed["result"], failed["seed"], untested["reason"]) == ("FAIL", 3, "root is needed")
    assert failed["verdict"]["findings"][1]["against"] == list(BAD.against)
    assert (tmp_path / "all.md").read_text() == markdown([FAILED, UNTESTED])


def test_a_run_goes_on_from_what_another_one_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = tmp_path / "before.json", tmp_path / "after.json"
    tries(monkeypatch, passed(2), FAILED, passed(9))
    command.main(["none", "--seeds", "3", "--json", str(before)])
    asked = tries(monkeypatch, passed(3), passed(1))
    assert command.main(["none", "--seeds", "3", "--found", str(before), "--json", str(after)]) == 0
    # What failed is made again, what was found is told again, and what is not asked for is not.
    assert asked == [("none", 1), ("none", 3)]
    told = json.loads(after.read_text())["trials"]
    assert [each["seed"] for each in told] == [1, 2, 3]
    assert results.passed_in(after)[1] == passed(2)
    assert capsys.readouterr().out.count("1-3") == 2
    # Also where nothing is left to try.
    tries(monkeypatch)
    command.main(["none", "--seeds", "3", "--found", str(after), "--json", str(before)])
    assert json.loads(before.read_text())["trials"] == told


def test_the_command_line_hands_over_to_the_lab(monkeypatch: pytest.MonkeyPatch) -> None:
    def become(*words: str) -> None:
        raise SystemExit(" ".join(words))

    monkeypatch.setattr(house, "_become", become)
    monkeypatch.setattr(sys, "argv", ["taskledger", "test", "faults", "none", "--seed", "3"])
    with pytest.raises(SystemExit, match=r"^-m tests\.faults none --seed 3$"):
        main()
    monkeypatch.setattr(sys, "argv", ["taskledger", "test", "tests/faults"])
    with pytest.raises(SystemExit, match=r"^-m pytest tests/faults$"):
        main()
