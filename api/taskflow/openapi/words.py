"""What the document says in words: about the whole API, its parts and its filters."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from api.openapi.document import Tag

TITLE: Final = "TaskFlow Pro API"

ABOUT: Final = """\
Projects, tasks, risks and money of a company, with their whole history behind them.

**Signing in.** `POST /api/auth/login` sets a session cookie (`session`; `__Host-session` where the server
is reached by https). Programs need nothing else. A write from another site's page is refused unless it
carries the session's `csrf_token` as `X-CSRFToken`.

**Answers.** Every answer has the same envelope: `status`, `message`, `data`, `pagination` for lists, and
`meta` with the request's id. Errors say in `data.error_code` what is wrong, and validation says it field
by field in `data.errors`. An unknown query parameter or field is an error: nothing is ignored silently.
An address that does not exist is 404, a method that it does not take 405 with `Allow`, and a host name that
is not the server's 421 with `BAD_HOST`.

**Values.** Moments are UTC, `2025-07-01T09:30:00Z`; input may also be a date alone or bear an offset.
Money and hours are numbers with two decimals at most.

**Writing safely.** An `Idempotency-Key` makes a POST safe to repeat; an `If-Match` with an object's
`ETag` keeps you from overwriting what somebody else changed. The `X-Event-Position` of a write, sent as
`X-Min-Position`, makes any read wait until the write is seen.

**Limits.** 1000 requests an hour for each user, 100 an hour for each address without a session, and 20 a
minute for both, unless the server is set otherwise. `X-RateLimit-*` tells what is left.
"""


TAGS: Final[Mapping[str, Tag]] = {
    "auth": Tag("Authentication", "Signing in and out, who one is, and by what one is signed in."),
    "projects": Tag("Projects", "Plans with a budget, an owner and a span of time."),
    "tasks": Tag("Tasks", "Work in projects: assigned, estimated, booked and done."),
    "risks": Tag("Risks", "What may go wrong in a project, and what became of it."),
    "expenses": Tag("Expenses", "Money that a project spent besides its labour."),
    "users": Tag("Users", "People: their roles, departments and figures."),
    "departments": Tag("Departments", "Groups of people, and their figures."),
    "reports": Tag("Reports", "Figures over all projects and people, as JSON, CSV or PDF."),
    "health": Tag("Health", "Whether a server process lives and can work; for load balancers."),
}
"""By the word in the address that stands for it."""

FILTERS: Final[Mapping[str, str]] = {
    "page": "Which page of the list.",
    "per_page": "How many objects make a page.",
    "sort": "What the list is ordered by; objects without a value come last.",
    "status": "Only those with this status.",
    "priority": "Only those with this priority.",
    "severity": "Only those of this severity.",
    "assigned_to": "Only tasks that this user is assigned to.",
    "overdue": "Whether the due date of an open task has passed.",
    "user_id": "Only projects that this user owns.",
    "role": "Only users with this role.",
    "department_id": "Only members of this department.",
    "active": "Whether the account is enabled.",
    "category": "Only expenses of this category.",
    "start_from": "Only projects that start at this moment or later.",
    "start_to": "Only projects that start at this moment or earlier; a date includes its day.",
    "incurred_from": "Only money spent on this day or later.",
    "incurred_to": "Only money spent on this day or earlier.",
    "start_date": "Where the report's period begins.",
    "end_date": "Where the report's period ends; a date includes its day.",
    "format": "What the report comes as.",
    "as_of": "Answers as it was then; a date means the end of its day, and what is yet to come is refused.",
    "as_of_position": "Answers as it was at this place in the log; instead of `as_of`.",
}
FILTERS_OF: Final[Mapping[str, str]] = {
    "Projects.q": "A text anywhere in name or description, without regard to case.",
    "Tasks.q": "A text anywhere in title or description, without regard to case.",
    "Users.q": "A text anywhere in username, email or names, without regard to case.",
}
"""What means another thing in each part of the API."""
