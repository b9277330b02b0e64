"""What TaskForge's contract decides where its documents leave choices, and where each decision is tested."""

from __future__ import annotations

import ast
import time
from pathlib import Path
from typing import Final

import pytest

from api.taskforge.tokens import signed
from tests.http import FORGE_PASSWORD, ForgeClient, Reply, Taskflow

FOLDER: Final = Path(__file__).parent

# Each ruling by its number, and the tests of it: file (after `test_taskforge_`) and name (after `test_`).
RULINGS: Final = """
 1 messages  a_message_of_the_table
 1 messages  what_is_no_object_in_json_is_no_data
 1 messages  a_token_that_does_not_open_is_answered_without_envelope
 1 messages  too_many_requests_are_answered_without_envelope
 2 rulings   error_is_named_by_the_framework_only
 3 tokens    a_header_that_is_not_bearer_and_token
 3 tokens    every_other_token_is_refused_with_the_same_words
 3 tokens    expired_is_expired_at_once_and_the_other_kind_is_the_other_kind
 4 walk      everybody_is_answered_as_the_table_says
 4 rulings   an_account_that_is_gone_or_inactive_comes_before_its_refresh_token
 5 messages  a_refresh_token_past_its_end_has_expired
 5 tokens    a_refresh_token_may_come_in_the_body_where_there_is_no_header
 5 tokens    only_hashes_are_kept_and_only_as_long_as_they_matter
 5 tokens    who_is_deactivated_is_out_and_old_tokens_stay_dead
 6 tokens    what_logout_takes
 6 tokens    logging_out_takes_back_one_s_own_token_and_nothing_else
 7 rulings   letters_and_digits_of_usernames_and_passwords_are_ascii
 7 auth      passwords_of_any_script_work_letter_by_letter
 8 walk      every_fault_of_every_field_is_told_and_every_one_that_is_documented
 9 rulings   ids_beyond_64_bits_are_not_found_and_filter_everything_out
10 tasks     tags_replace_each_other_and_unknown_ones_fall_away
10 lists     many_tags_with_one_name_in_common
11 moments   offsets_are_converted
11 messages  the_published_forms_of_a_date_mean_the_same
12 tasks     a_task_made_as_completed_was_completed_then
12 rulings   completing_twice_changes_nothing_and_a_cancelled_task_is_never_overdue
13 auth      names_and_addresses_are_unique_without_regard_to_case_in_both_apis
13 tags      of_many_who_want_one_name_one_gets_it
14 rulings   search_and_tag_name_match_literally
15 lists     unknown_orders_are_the_default_which_is_the_newest_first
15 lists     every_order_and_every_page_of_it
15 tags      lists_by_every_order_and_page
15 users     lists_by_every_order_and_page
16 users     the_last_active_admin_stays_one
17 exports   everybody_gets_what_their_list_shows
17 exports   texts_that_a_spreadsheet_would_run_are_told_apart_and_nothing_else_is
17 exports   a_hundred_thousand_rows
18 limits    the_contracts_own_limits_are_set
18 limits    two_processes_together_let_exactly_as_many_pass
18 limits    off_is_off
19 users     a_manager_shows_as_a_user_and_stays_a_manager
19 rulings   the_population_is_taskflows_and_there_are_no_default_tags
20 tasks     a_project_task_follows_the_table_of_roles
20 tasks     a_closed_project_keeps_its_tasks_as_they_are
20 lists     users_list_their_own_and_admins_everybodys
21 users     a_user_is_deleted_with_their_own_tasks_and_assignments
21 users     who_owns_projects_is_not_deleted_until_they_have_another_owner
22 messages  a_role_that_is_missing_would_be_a_system_error
"""


def rulings() -> list[tuple[int, str, str]]:
    rows = (line.split() for line in RULINGS.strip().splitlines())
    return [(int(number), file, name) for number, file, name in rows]


def test_every_ruling_is_tested() -> None:
    assert {number for number, _, _ in rulings()} == set(range(1, 23))


@pytest.mark.parametrize("file", sorted({file for _, file, _ in rulings()}))
def test_the_tests_that_are_named_exist(file: str) -> None:
    tree = ast.parse((FOLDER / f"test_taskforge_{file}.py").read_text())
    defined = {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}
    assert {f"test_{name}" for _, where, name in rulings() if where == file} <= defined


async def refreshing(client: ForgeClient, token: str | None) -> Reply:
    return await client.post("/api/auth/refresh", headers={"Authorization": f"Bearer {token}"})


async def test_error_is_named_by_the_framework_only(taskflow: Taskflow) -> None:
    client = await taskflow.forge_user("ana")
    for method, path, body, status, error in (
        ("GET", "/api/nothing", None, 404, "Not Found"),
        ("PUT", "/api/tasks", {"title": "T"}, 405, "Method Not Allowed"),
        ("GET", "/api/tasks/4711", None, 404, None),
        ("POST", "/api/tasks", {"title": 7}, 400, None),
        ("GET", "/api/users", None, 403, None),
        ("POST", "/api/auth/register", {"username": "ana"}, 400, None),
    ):
        answer = await client.send(method, path, body)
        assert (answer.status, answer.body.get("error")) == (status, error), (method, path)
        assert answer.body["success"] is False


async def test_an_account_that_is_gone_or_inactive_comes_before_its_refresh_token(taskflow: Taskflow) -> None:
    """Whatever is the matter with the token: live, revoked, expired, or never issued."""
    admin, secret = await taskflow.forge_admin(), taskflow.core.settings.jwt_secret
    inactive, deleted = await taskflow.forge_user("ana"), await taskflow.forge_user("bob")
    assert (await admin.post(f"/api/users/{inactive.id}/deactivate")).status == 200
    assert (await admin.delete(f"/api/users/{deleted.id}")).status == 200
    for client in (inactive, deleted):
        expired = signed(secret, "refresh", client.id, time.time() - 100, 50)
        foreign = signed(secret, "refresh", client.id, time.time(), 50)
        for token in (client.refresh_token, expired, foreign):
            answer = await refreshing(client, token)
            assert answer.status == 404
            assert answer.body == {"success": False, "message": "User account not found or inactive"}


async def test_letters_and_digits_of_usernames_and_passwords_are_ascii(taskflow: Taskflow) -> None:
    client = await taskflow.forge()
    number, upper = (
        "Password must contain at least one number",
        "Password must contain at least one uppercase letter",
    )
    lower = "Password must contain at least one lowercase letter"
    name = "Username can only contain letters, numbers, underscores, and hyphens"
    for fields, message in (
        ({"username": "josé"}, name),
        ({"username": "ana٣"}, name),
        ({"password": "Secret-٣٣٣"}, number),
        ({"password": "Écret-123"}, upper),
        ({"password": "SECRÉT-é1"}, lower),
    ):
        new = {"username": "ana", "email": "ana@example.com", "password": FORGE_PASSWORD} | fields
        answer = await client.post("/api/auth/register", new)
        assert (answer.status, answer.body["message"]) == (400, message), fields
    good = {"username": "Ana_9-", "email": "ana@example.com", "password": "Ünïcode-1aA😀 字"}
    await client.made("/api/auth/register", good)
    await client.log_in(good["email"], good["password"])


async def test_ids_beyond_64_bits_are_not_found_and_filter_everything_out(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    await admin.made("/api/tasks", {"title": "T"})
    for digits in (str(2**63), "9" * 19, "9" * 40, "0"):
        for kind, message in (("tasks", "Task"), ("tags", "Tag"), ("users", "User")):
            answer = await admin.get(f"/api/{kind}/{digits}")
            assert (answer.status, answer.body["message"]) == (404, f"{message} not found")
    for name in ("tag_id", "user_id"):
        for value in (str(2**63), "9" * 40, "x", "1.5", "-1", ""):
            answer = await admin.get("/api/tasks", params={name: value})
            assert (answer.status, answer.data["tasks"], answer.data["pagination"]["total"]) == (200, [], 0)


async def test_completing_twice_changes_nothing_and_a_cancelled_task_is_never_overdue(
    taskflow: Taskflow,
) -> None:
    client, past = await taskflow.forge_user("ana"), {"due_date": "2020-01-01"}
    task = await client.made("/api/tasks", {"title": "T", **past})
    assert task["is_overdue"] is True
    path = f"/api/tasks/{task['id']}/complete"
    first = await client.post(path)
    head = await taskflow.core.store.head()
    again = await client.post(path)
    assert (again.status, again.body) == (200, first.body)
    assert await taskflow.core.store.head() == head
    cancelled = await client.made("/api/tasks", {"title": "T", "status": "cancelled", **past})
    assert (cancelled["is_overdue"], first.data["is_overdue"]) == (False, False)
    assert (await client.get("/api/tasks", params={"overdue": "true"})).data["tasks"] == []
    assert (await client.get("/api/tasks/statistics")).data["overdue_tasks"] == 0


async def test_search_and_tag_name_match_literally(taskflow: Taskflow) -> None:
    client = await taskflow.forge_user("ana")
    for name in ("100%", "a_b", "axb", r"c\d", "e[f]", "g.*h"):
        tag = await client.made("/api/tags", {"name": name})
        await client.made("/api/tasks", {"title": name, "tags": [tag["id"]]})
    for needle, found in (
        ("%", ["100%"]),
        ("_", ["a_b"]),
        ("A_B", ["a_b"]),
        ("%b", []),
        ("\\", [r"c\d"]),
        ("[f]", ["e[f]"]),
        (".*", ["g.*h"]),
        ("^a", []),
    ):
        for name in ("search", "tag_name"):
            listed = (await client.get("/api/tasks", params={name: needle})).data["tasks"]
            assert [task["title"] for task in listed] == found, (name, needle)


async def test_the_population_is_taskflows_and_there_are_no_default_tags(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    (card,) = (await admin.get("/api/users")).data["users"]
    assert (card["id"], card["username"], card["email"]) == (1, "admin", "admin@taskflow.com")
    assert card["role"]["name"] == "admin"
    assert (await admin.get("/api/tags")).data["tags"] == []
