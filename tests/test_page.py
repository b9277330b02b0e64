"""Every address of the reference page is served and documented; the README lists what is beyond it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest

from tests.test_openapi import DOCUMENT, UNDOCUMENTED, operations

README: Final = (Path(__file__).parent.parent / "README.md").read_text()

PAGE: Final = (
    "POST /api/auth/login",
    "POST /api/auth/logout",
    "GET /api/auth/me",
    "GET /api/projects",
    "GET /api/projects/{id}",
    "POST /api/projects",
    "PUT /api/projects/{id}",
    "DELETE /api/projects/{id}",
    "GET /api/projects/{project_id}/tasks",
    "POST /api/projects/{project_id}/tasks",
    "PUT /api/tasks/{id}",
    "POST /api/tasks/{id}/assign",
    "GET /api/users",
    "GET /api/users/{id}",
    "POST /api/users",
    "PUT /api/users/{id}",
    "GET /api/users/{id}/stats",
    "GET /api/departments",
    "POST /api/departments",
    "GET /api/departments/{id}/stats",
    "GET /api/projects/{project_id}/risks",
    "POST /api/projects/{project_id}/risks",
    "PUT /api/risks/{id}",
    "GET /api/reports/projects",
    "GET /api/reports/users/productivity",
    "GET /api/reports/departments/workload",
    "GET /api/reports/budget-analysis",
)
"""The page's own addresses, in its order."""

PARAMETERS: Final = {
    "GET /api/projects": "page per_page status user_id",
    "GET /api/projects/{id}/tasks": "status priority assigned_to",
    "GET /api/users": "role department_id active",
    "GET /api/reports/projects": "start_date end_date format",
}
"""The query parameters that the page names."""

PAGES_FILES: Final = ("/api/docs", "/api/docs/openapi.json", "/docs/api/postman_collection.json")
"""What the page says about documentation."""


def plain(line: str) -> str:
    """An address whose parameters are all called `id`, so that names do not matter."""
    return re.sub("{[a-z_]+}", "{id}", line)


SERVED: Final = {plain(f"{method} {path}"): operation for method, path, operation in operations()}


@pytest.mark.parametrize("line", PAGE)
def test_the_pages_addresses_are_served_and_documented(line: str) -> None:
    # That the document and the router are the same list is test_openapi's to say.
    assert plain(line) in SERVED


@pytest.mark.parametrize("line", PARAMETERS)
def test_the_pages_query_parameters_are_taken(line: str) -> None:
    taken = [each["name"] for each in SERVED[line]["parameters"] if each.get("in") == "query"]
    assert set(PARAMETERS[line].split()) <= set(taken)


def test_the_pages_other_files_are_served() -> None:
    assert set(PAGES_FILES) <= UNDOCUMENTED


def test_what_exists_beyond_the_page_is_what_the_readme_lists() -> None:
    beyond = SERVED.keys() - {plain(line) for line in PAGE}
    others = {f"GET {path}" for path in UNDOCUMENTED - {*PAGES_FILES, "/api/docs/{file}"}}
    assert listed() == beyond | others


def listed() -> set[str]:
    """The rows of the README's table, as `GET /api/tasks`."""
    section = README.partition("\n## Beyond the page\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| `?([A-Z]+)`? \| `([^`]+)` \| .+ \|$", section, re.MULTILINE)
    return {plain(f"{method} {path}") for method, path in rows}


def test_the_pages_statuses_are_documented() -> None:
    statuses = {status for operation in SERVED.values() for status in operation["responses"]}
    assert {"200", "201", "400", "401", "403", "404", "422", "500"} <= statuses
    assert DOCUMENT["info"]["version"] == "1.0"
