"""What came of trials as JSON, with what speaks against the ledger and what was injected; and back again."""

from __future__ import annotations

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psutil

from api.version import version
from tests.faults.nemesis import SCHEDULES
from tests.faults.report import PASSED, Tried
from tests.faults.verdicts import Finding, Verdict


def as_json(tried: Sequence[Tried]) -> dict[str, Any]:
    """The whole run, and the machine that it ran on."""
    return {
        "taskledger": version(),
        "tried_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": {
            "cores": os.cpu_count(),
            "memory_bytes": psutil.virtual_memory().total,
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "trials": [_trial(each) for each in tried],
    }


def passed_in(file: Path) -> list[Tried]:
    """The trials that passed in a run of before, as `as_json` told them; not of schedules that are no more.

    Raises OSError, ValueError where it is no such file.
    """
    try:
        trials = json.loads(file.read_text())["trials"]
        return [
            Tried(SCHEDULES[each["schedule"]], each["seed"], each["seconds"], _verdict(each["verdict"]))
            for each in trials
            if each["result"] == PASSED and each["schedule"] in SCHEDULES
        ]
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{file} does not say what came of trials: {error!r}") from None


def _verdict(told: dict[str, Any]) -> Verdict:
    findings = [Finding(**each | {"against": tuple(each["against"])}) for each in told["findings"]]
    injected = [(at_s, words) for at_s, words in told["injected"]]
    return Verdict(**told | {"findings": findings, "injected": injected})


def _trial(tried: Tried) -> dict[str, Any]:
    return {
        "schedule": tried.schedule.name,
        "seed": tried.seed,
        "result": tried.word,
        "seconds": round(tried.seconds, 1),
        "reason": tried.untested or tried.broke or None,
        "verdict": dataclasses.asdict(tried.verdict) if tried.verdict else None,
    }
