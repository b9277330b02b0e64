"""What Schemathesis looks at in both APIs, and how their requests come further than random ones would."""

from __future__ import annotations

import itertools
import re
from collections.abc import Mapping
from typing import Any, Final

import requests
import schemathesis

Case = schemathesis.Case[Any]

POSITION_MAX: Final = 5
"""A position beyond the log's end is waited for, which takes its time."""

KEY: Final = re.compile(r"[\x21-\x7e]{1,255}")
NUMBERS: Final = itertools.count(1)
"""A key that was used before is answered as before, whatever is wrong with the request by now."""

UNKNOWN_HEADER: Final = "x-schemathesis-unknown-property"


@schemathesis.hook
def filter_case(context: schemathesis.HookContext, case: Case) -> bool:
    """A header that nobody knows is no error in HTTP: there is nothing to refuse."""
    return UNKNOWN_HEADER not in case.headers


def make_usable(headers: Any) -> None:
    """Let requests come further than a random key or position would let them."""
    for name in [name for name, value in headers.items() if not isinstance(value, str)]:
        headers[name] = str(headers[name])
    if KEY.fullmatch(headers.get("Idempotency-Key", "")):
        headers["Idempotency-Key"] = f"key-{next(NUMBERS)}"
    if headers.get("X-Min-Position", "").isdecimal():
        headers["X-Min-Position"] = str(int(headers["X-Min-Position"]) % POSITION_MAX)


def fits_and_is_refused(response: schemathesis.Response, case: Case) -> bool:
    """Whether what a schema lets pass was refused all the same."""
    is_positive = case.meta is not None and case.meta.generation.mode.is_positive
    return is_positive and response.status_code in (400, 422)


@schemathesis.check
class every_operation_succeeds_at_least_once:  # noqa: N801 - the name is read as a sentence
    """Else a run could look at nothing but refusals."""

    def __init__(self) -> None:
        self.tried: set[str] = set()
        self.succeeded: set[str] = set()

    def after_response(
        self, _: schemathesis.CheckContext, response: schemathesis.Response, case: Case
    ) -> None:
        self.tried.add(case.operation.label)
        if response.status_code < 300:
            self.succeeded.add(case.operation.label)

    def after_run(self, _: schemathesis.CheckContext) -> None:
        never = self.tried - self.succeeded
        assert not never, f"never succeeded: {', '.join(sorted(never))}"


def speak_of_another(case: Case, name: str, url: str, body: object, **sent: Any) -> Mapping[str, Any] | None:
    """The objects that all examples speak of stay as they are; the request is about one only just made.

    Returns the answer to what made it, or None where nothing had to be made or could be.
    """
    if str(case.path_parameters.get(name)) != "1":
        return None
    answer = requests.post(url, json=body, timeout=20, **sent)
    return dict(answer.json()["data"]) if answer.status_code == 201 else None
