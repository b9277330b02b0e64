"""What Schemathesis must know of TaskForge that no document can say: tokens that open, values that fit."""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Mapping
from typing import Any, Final

import requests
import schemathesis
from schemathesis.specs.openapi.checks import negative_data_rejection

from tests.schemathesis_checks import Case, fits_and_is_refused, make_usable, speak_of_another

URL: Final = os.environ.get("TASKFORGE_URL", "")
USER_ID: Final = os.environ.get("TASKFORGE_USER_ID", "")
IS_ADMIN: Final = os.environ.get("TASKFORGE_ROLE") == "admin"
CREDENTIALS: Final = {
    "email": os.environ.get("TASKFORGE_EMAIL", ""),
    "password": os.environ.get("TASKFORGE_PASSWORD", ""),
}
REFRESH_TOKEN: Final = os.environ.get("TASKFORGE_REFRESH_TOKEN")
PEOPLE: Final = itertools.count(1)

RULES: Final = re.compile(
    "^(Invalid date format|At most [0-9]+ tags|Invalid role$|Current password is incorrect)"
)
"""What no schema can say: which days a month has, how many tags there are, who is the last admin."""

REMOVED: Final[dict[str, tuple[str, str]]] = {
    "DELETE /api/tasks/{task_id}": ("task_id", "/api/tasks"),
    "DELETE /api/tags/{tag_id}": ("tag_id", "/api/tags"),
    "DELETE /api/users/{user_id}": ("user_id", "/api/auth/register"),
    "POST /api/users/{user_id}/deactivate": ("user_id", "/api/auth/register"),
}
"""What removes something, and where another one is made."""

CHANGES_USER: Final = frozenset({"PUT /api/users/{user_id}", "PATCH /api/users/{user_id}"})
STANDING: Final = ("is_active", "role")
"""Fields that keep somebody out; from those who are no admins they count for nothing, whatever they hold."""


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Keep the accounts that the run uses, and send tokens and passwords that are right."""
    make_usable(case.headers)
    label = case.operation.label
    if REFRESH_TOKEN and case.headers.get("Authorization") == f"Bearer {REFRESH_TOKEN}":
        # It was taken back when the run set its password.
        case.headers["Authorization"] = f"Bearer {log_in()['refresh_token']}"
    if isinstance(case.body, dict) and is_positive(case):
        case.body = rightly(label, str(case.path_parameters.get("user_id")), case.body)
    if label in REMOVED:
        name, path = REMOVED[label]
        sent = {"Authorization": str(case.headers.get("Authorization", ""))}
        made = speak_of_another(case, name, f"{URL}{path}", new(name), headers=sent)
        if made:
            case.path_parameters[name] = made["id"]


def rightly(label: str, user_id: str, body: dict[str, Any]) -> dict[str, Any]:
    """A body that leaves the run's own account as it is."""
    if label == "POST /api/auth/change-password":
        password = CREDENTIALS["password"]
        return {"old_password": password, "new_password": password}
    if label == "POST /api/auth/login":
        return CREDENTIALS
    if label in CHANGES_USER and user_id == USER_ID:
        # What is sent beside them may be nothing, which would be no body at all.
        kept = {name: value for name, value in body.items() if name not in (*STANDING, "email", "username")}
        return kept or {"first_name": "Ana"}
    return body


@schemathesis.check
def what_fits_the_schema_is_refused_by_rules_only(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """A schema that lets pass what the code does not read says too little."""
    if fits_and_is_refused(response, case):
        reason = response.json()["message"]
        assert RULES.search(reason), f"fits the schema and is refused: {reason}"


@schemathesis.check
def what_does_not_fit_the_schema_is_refused(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> bool | None:
    """But for queries, which never fail, and for what is not looked at."""
    if not_looked_at(case):
        return None
    return negative_data_rejection(context, response, case)


def not_looked_at(case: Case) -> bool:
    label = case.operation.label
    if case.meta is None or label == "POST /api/auth/refresh" or (label in CHANGES_USER and not IS_ADMIN):
        return True
    wrong = {place.name for place, found in case.meta.components.items() if found.mode.is_negative}
    return wrong == {"QUERY"}


def is_positive(case: Case) -> bool:
    return case.meta is None or case.meta.generation.mode.is_positive


def new(name: str) -> Mapping[str, str]:
    """Something that nothing else speaks of."""
    word = f"short-lived-{next(PEOPLE)}"
    return {
        "task_id": {"title": word},
        "tag_id": {"name": word},
        "user_id": {"username": word, "email": f"{word}@example.com", "password": CREDENTIALS["password"]},
    }[name]


def log_in() -> dict[str, Any]:
    answer = requests.post(f"{URL}/api/auth/login", json=CREDENTIALS, timeout=20)
    answer.raise_for_status()
    data: dict[str, Any] = answer.json()["data"]
    return data
