"""What Schemathesis must know that no document can say: whose session it uses, and how not to lose it."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

import requests
import schemathesis

from tests.schemathesis_checks import Case, fits_and_is_refused, make_usable, speak_of_another

URL: Final = os.environ.get("TASKFLOW_URL", "")
USER_ID: Final = os.environ.get("TASKFLOW_USER_ID", "")
CREDENTIALS: Final = {
    "username": os.environ.get("TASKFLOW_USERNAME", ""),
    "password": os.environ.get("TASKFLOW_PASSWORD", ""),
}
CSRF_TOKEN: Final = os.environ.get("TASKFLOW_CSRF_TOKEN", "")
NOBODY: Final = 10**9
SESSION_ENDERS: Final = ("password", "role", "active")

TWO_DECIMALS: Final = "must have at most two decimals"
RULES: Final = re.compile(
    "does not exist|is not active|already|must not be (before|after)|is not after|users can be assigned"
    "|If-Match takes|used with another body|must cost at most|must be a date, as in|takes a date, as in"
    "|a moment that has passed|where the log ends|cannot be given both"
    f"|{TWO_DECIMALS}$"
)
"""What no schema can say: what is there, what belongs together, which days a month has.

Nor can one say how many decimals a number has: `multipleOf` is reckoned in floats.
"""

REMOVED: Final[dict[str, tuple[str, str, dict[str, object]]]] = {
    "DELETE /api/projects/{project_id}": ("project_id", "/api/projects", {"name": "Short-lived"}),
    "DELETE /api/tasks/{task_id}": ("task_id", "/api/projects/1/tasks", {"title": "Short-lived"}),
    "DELETE /api/projects/{project_id}/expenses/{expense_id}": (
        "expense_id",
        "/api/projects/1/expenses",
        {"amount": 1},
    ),
}
"""What removes something, and how to make another one."""


@schemathesis.hook
def before_call(context: schemathesis.HookContext, case: Case, kwargs: dict[str, Any]) -> None:
    """Keep the session alive, and let requests come further than a random header would let them."""
    make_usable(case.headers)
    if "X-CSRFToken" in case.headers:
        case.headers["X-CSRFToken"] = CSRF_TOKEN
    if case.operation.label == "POST /api/auth/logout" and "session" in case.cookies:
        case.cookies["session"] = another_session()
    if case.operation.label == "PUT /api/users/{user_id}":
        keep_signed_in(case)
    if case.operation.label in REMOVED:
        remove_another(case, *REMOVED[case.operation.label])
    if case.operation.label == "DELETE /api/auth/sessions/{session_id}" and "session" in case.cookies:
        end_another_session(case)
    if case.operation.label == "DELETE /api/users/{user_id}/sessions":
        end_somebody_else_s(case)


@schemathesis.check
def what_fits_the_schema_is_refused_by_rules_only(
    context: schemathesis.CheckContext, response: schemathesis.Response, case: Case
) -> None:
    """A schema that lets pass what the code does not read says too little."""
    if not fits_and_is_refused(response, case):
        return
    for reason in reasons(response.json()):
        assert RULES.search(reason), f"fits the schema and is refused: {reason}"
        assert TWO_DECIMALS not in reason or has_more_decimals(case.body), f"has no more: {reason}"


def reasons(answer: dict[str, Any]) -> list[str]:
    if "errors" not in answer["data"]:
        return [answer["message"]]
    return [message for messages in answer["data"]["errors"].values() for message in messages]


def has_more_decimals(body: object) -> bool:
    """Whether one of a body's numbers is no whole number of hundredths, going by its digits."""
    numbers = [value for value in body.values() if isinstance(value, float)] if isinstance(body, dict) else []
    return any(Decimal(repr(number)) * 100 % 1 for number in numbers)


def keep_signed_in(case: Case) -> None:
    if str(case.path_parameters.get("user_id")) == USER_ID and isinstance(case.body, dict):
        case.body = {name: value for name, value in case.body.items() if name not in SESSION_ENDERS}


def remove_another(case: Case, name: str, path: str, body: dict[str, object]) -> None:
    data = speak_of_another(case, name, f"{URL}{path}", body, cookies=dict(case.cookies))
    if data:
        (made,) = data.values()
        case.path_parameters[name] = made["id"]


def end_another_session(case: Case) -> None:
    """The configured session is the only one that requests are sent with."""
    cookies = {"session": another_session()}
    found = requests.get(f"{URL}/api/auth/sessions", cookies=cookies, timeout=20).json()["data"]["sessions"]
    if str(case.path_parameters.get("session_id")).isdecimal():
        case.path_parameters["session_id"] = next(each["id"] for each in found if each["is_current"])


def end_somebody_else_s(case: Case) -> None:
    if str(case.path_parameters.get("user_id")) == USER_ID:
        name = f"ended-{uuid4()}"
        new = {"username": name, "email": f"{name}@example.com", "password": "a password to end"}
        answer = requests.post(f"{URL}/api/users", json=new, cookies=dict(case.cookies), timeout=20)
        is_made = answer.status_code == 201
        case.path_parameters["user_id"] = answer.json()["data"]["user"]["id"] if is_made else NOBODY


def another_session() -> str:
    with requests.Session() as session:
        session.post(f"{URL}/api/auth/login", json=CREDENTIALS, timeout=20).raise_for_status()
        return session.cookies["session"]
