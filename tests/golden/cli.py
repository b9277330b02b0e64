"""Golden output of the command line: JSON in which whatever differs from run to run has a name instead.

`WRITE_GOLDEN=1 pytest tests/test_…` writes the files anew; look at the difference.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any, Final

FOLDER: Final = Path(__file__).parent / "cli"

COMMANDS: Final[Mapping[str, str]] = {
    "audit_attempts": "audit attempts",
    "audit_diff": "audit diff",
    "audit_history": "audit history",
    "audit_replay": "audit replay",
    "audit_state": "audit state",
    "backup": "backup",
    "dead_letters_discard": "dead-letters discard",
    "dead_letters_list": "dead-letters list",
    "dead_letters_retry": "dead-letters retry",
    "dead_letters_show": "dead-letters show",
    "doctor": "doctor",
    "events_export": "events export",
    "events_import": "events import",
    "events_list": "events list",
    "events_show": "events show",
    "events_stats": "events stats",
    "events_tail": "events tail",
    "migrate": "migrate",
    "projections_cancel": "projections cancel",
    "projections_pause": "projections pause",
    "projections_plan": "projections rebuild",
    "projections_rebuild": "projections rebuild",
    "projections_resume": "projections resume",
    "projections_rollback": "projections rollback",
    "projections_status": "projections status",
    "projections_verify": "projections verify",
    "reports_list": "reports list",
    "reports_rebuild": "reports rebuild",
    "restore": "restore",
    "sample_data": "sample-data",
    "users_create_admin": "users create-admin",
    "users_list_admins": "users list-admins",
    "users_set_password": "users set-password",
}
"""The command that prints what a golden file has."""

VOLATILE: Final[Mapping[str, re.Pattern[str]]] = {
    "<moment>": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+Z"),
    "<uuid>": re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"),
    "<request>": re.compile(r"req_[0-9a-f]{20}"),
    "<sha256>": re.compile(r"[0-9a-f]{64}"),
}


def steady(text: str) -> str:
    """The text with names for moments, random ids and hashes."""
    for name, pattern in VOLATILE.items():
        text = pattern.sub(name, text)
    return text


def masked(value: Any, varying: Collection[str]) -> Any:
    """The value with a name for each number in a field of one of these names, wherever it stands."""
    if isinstance(value, dict):
        return {
            name: "<number>" if name in varying and is_number(each) else masked(each, varying)
            for name, each in value.items()
        }
    return [masked(each, varying) for each in value] if isinstance(value, list) else value


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def must_be_golden(name: str, printed: str, varying: Collection[str] = ()) -> Any:
    """Compare what a command printed with `tests/golden/cli/<name>.json`; the JSON as it was printed.

    Of the numbers in `varying` fields only that they are numbers is compared.
    """
    assert name in COMMANDS, f"say in {__name__} which command prints {name}"
    file = FOLDER / f"{name}.json"
    seen = json.dumps(masked(json.loads(steady(printed)), varying), ensure_ascii=False, indent=2) + "\n"
    if os.environ.get("WRITE_GOLDEN"):
        FOLDER.mkdir(exist_ok=True)
        file.write_text(seen)
    assert seen == file.read_text(), f"not as in {file}"
    return json.loads(printed)
