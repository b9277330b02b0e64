"""Users by TaskForge: their form, every message, who may do what to whom, and what follows at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

import pytest

from api.embedded_valkey import Valkey
from api.taskforge.user_forms import CHANGE_FAULTS, shown_user
from events.event import Record
from tests.http import ForgeClient, Taskflow, caught_up
from tests.test_http_envelope import check_error
from tests.test_taskforge_tags import (
    ADMINS_ONLY,
    GONE,
    NO_DATA,
    UNUSABLE,
    check_confirmed,
    check_refused,
    check_shown,
    check_token_asked_for,
    shut_out,
    somebody,
)

NOT_FOUND = "User not found"
PROTECTED = "Cannot deactivate admin users"
UNDELETABLE = "Cannot delete admin users"
OWNS = "User still owns projects"

ADMIN_ROLE = {"id": 1, "name": "admin", "description": "Administrator role with full access"}
USER_ROLE = {"id": 2, "name": "user", "description": "Standard user role with limited access"}


def of(client: ForgeClient, action: str = "") -> str:
    return f"/api/users/{client.id}{action}"


async def usernames(client: ForgeClient, query: str = "") -> list[str]:
    answer = await client.get(f"/api/users{query}")
    assert answer.status == 200, answer.raw
    return [user["username"] for user in answer.data["users"]]


# Their form


async def test_a_user_is_shown_in_full_and_changed(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    read = await uma.get(of(uma))
    user = read.data
    assert user == {
        "id": 2,
        "username": "uma",
        "email": "uma@example.com",
        "first_name": "",
        "last_name": "",
        "full_name": "uma",
        "is_active": True,
        "created_at": user["created_at"],
        "updated_at": user["created_at"],
        "role": USER_ROLE,
    }
    check_shown(read, user)
    check_shown(await admin.get(of(uma)), user)
    for method, client, change, shown in (
        ("PUT", uma, {"first_name": " Uma "}, {"first_name": "Uma"}),
        ("PATCH", uma, {"last_name": "Lima"}, {"last_name": "Lima", "full_name": "Uma Lima"}),
        ("PUT", admin, {"first_name": None}, {"first_name": "", "full_name": "uma"}),
        ("PUT", uma, {"last_name": ""}, {"last_name": ""}),
        ("PUT", uma, {"email": " UMA@Example.ORG "}, {"email": "uma@example.org"}),
        ("PUT", uma, {"username": " Uma-1 "}, {"username": "Uma-1", "full_name": "Uma-1"}),
        ("PATCH", admin, {"is_active": False}, {"is_active": False}),
        ("PUT", admin, {"is_active": True, "role": "admin"}, {"is_active": True, "role": ADMIN_ROLE}),
        ("PUT", admin, {"role": "user"}, {"role": USER_ROLE}),
    ):
        changed = await client.send(method, of(uma), change)
        user |= shown | {"updated_at": changed.data["updated_at"]}
        check_shown(changed, user, "User updated successfully")
        check_shown(await admin.get(of(uma)), user)
    await (await taskflow.forge()).log_in("uma@EXAMPLE.org", "Secret-123")


@pytest.mark.parametrize(
    ("first", "last", "full"),
    [("Uma", "Lima", "Uma Lima"), ("Uma", "", "uma"), ("", "Lima", "uma"), ("", "", "uma")],
)
def test_the_full_name_takes_both_names(first: str, last: str, full: str) -> None:
    card = {
        "id": 1,
        "username": "uma",
        "email": "uma@example.com",
        "first_name": first,
        "last_name": last,
        "role": "manager",
        "active": True,
        "created_at": "2026-03-17T10:00:00.123456Z",
        "updated_at": "2026-03-17T10:00:00.000000Z",
    }
    shown = shown_user(card)
    assert (shown["full_name"], shown["role"]) == (full, USER_ROLE)
    assert (shown["created_at"], shown["updated_at"]) == ("2026-03-17T10:00:00.123456", "2026-03-17T10:00:00")


async def test_what_changes_nothing(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    user = (await uma.get(of(uma))).data
    head = await taskflow.core.store.head()
    for client, body in (
        (uma, {"nonsense": 1}),
        (uma, {"role": "admin"}),
        (uma, {"role": "admin", "is_active": False}),
        (uma, {"role": 5, "is_active": "perhaps"}),
        (uma, {"password": "Another-1", "id": 9, "created_at": "now", "full_name": "X"}),
        (uma, {"username": "uma", "email": "UMA@example.com", "first_name": None}),
        (admin, {"password": "Another-1", "nonsense": {}}),
        (admin, {"role": "user", "is_active": True}),
    ):
        check_shown(await client.put(of(uma), body), user, "User updated successfully")
    assert await taskflow.core.store.head() == head
    await (await taskflow.forge()).log_in("uma@example.com", "Secret-123")


# What is wrong with a change

EMAIL_RULES: tuple[tuple[object, str], ...] = (
    (None, "Email is required"),
    ("", "Email is required"),
    ("  ", "Email is required"),
    (5, "Email must be a string"),
    (["a@b.cd"], "Email must be a string"),
    ("uma@exa\0mple.com", "Email contains an invalid character"),
    ("a@", "Email is too short"),
    (f"{'x' * 110}@example.com", "Email is too long"),
    ("plain", "Invalid email format"),
    ("a@b.co", "Invalid email format"),
    ("uma@example", "Invalid email format"),
    ("uma..lima@example.com", "Invalid email format"),
    ("ümä@example.com", "Invalid email format"),
)
USERNAME_RULES: tuple[tuple[object, str], ...] = (
    (None, "Username is required"),
    ("", "Username is required"),
    (" \t", "Username is required"),
    (False, "Username must be a string"),
    ("um\0a", "Username contains an invalid character"),
    (" um ", "Username must be at least 3 characters"),
    ("u" * 81, "Username is too long"),
    ("uma lima", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("umä", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("uma१२", "Username can only contain letters, numbers, underscores, and hyphens"),
)
NAME_RULES: tuple[tuple[object, str], ...] = (
    (5, "{} must be a string"),
    ({}, "{} must be a string"),
    ("a\0", "{} contains an invalid character"),
    ("x" * 51, "{} must not exceed 50 characters"),
)
NO_FLAGS: tuple[object, ...] = (None, "true", 1, 0, [])
NO_ROLES: tuple[tuple[object, str], ...] = (
    (5, "Role must be a string"),
    ({"name": "admin"}, "Role must be a string"),
    ("admin\0", "Role contains an invalid character"),
    (None, "Invalid role"),
    ("", "Invalid role"),
    ("root", "Invalid role"),
    ("Admin", "Invalid role"),
    (" admin", "Invalid role"),
    ("user\n", "Invalid role"),
    ("manager", "Invalid role"),
)


def wrong_standings() -> Iterator[tuple[dict[str, Any], str]]:
    """Of what only admins change."""
    for flag in NO_FLAGS:
        yield {"is_active": flag, "role": "root"}, "Is active must be a boolean"
    for role, message in NO_ROLES:
        yield {"is_active": False, "role": role}, message


def wrong_changes() -> Iterator[tuple[dict[str, Any], str]]:
    """Each with what comes first, whatever else is wrong after it."""
    last: dict[str, Any] = {"last_name": 5}
    first = {"first_name": 5} | last
    for value, message in EMAIL_RULES:
        yield {"email": value, "username": "?"} | first, message
    for value, message in USERNAME_RULES:
        # What is taken comes after what is wrong.
        yield {"username": value, "email": "ADMIN@taskflow.com"} | first, message
    for value, message in NAME_RULES:
        yield {"username": "admin", "first_name": value} | last, message.format("First name")
        yield {"username": "admin", "last_name": value}, message.format("Last name")


async def test_every_rule_for_a_change_in_its_order(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    await taskflow.forge_user("ugo")
    head = await taskflow.core.store.head()
    for unusable in UNUSABLE:
        for client, path in ((uma, of(admin)), (uma, of(uma)), (admin, "/api/users/77")):
            check_refused(await client.put(path, **unusable), 400, NO_DATA)
    for body, message in wrong_changes():
        check_refused(await uma.put(of(uma), body), 400, message)
        check_refused(await admin.patch(of(uma), body | {"is_active": 5}), 400, message)
        check_refused(await uma.put(of(admin), body), 403, "Forbidden")
        check_refused(await admin.put("/api/users/77", body), 404, NOT_FOUND)
    for body, message in wrong_standings():
        check_refused(await admin.put(of(uma), {"username": "admin"} | body), 400, message)
    for client in (uma, admin):
        for body, message in (
            ({"email": " UGO@example.COM ", "username": "ugo"}, "Email already in use"),
            ({"username": "UGO", "email": "free@example.com"}, "Username already in use"),
        ):
            check_refused(await client.put(of(uma), body), 409, message)
    assert await taskflow.core.store.head() == head


def test_every_rule_that_is_documented_is_provoked_here() -> None:
    provoked = [message for _, message in (*wrong_changes(), *wrong_standings())]
    assert set(provoked) == set(CHANGE_FAULTS)


# Who may do what to whom


async def test_who_may_do_what(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    mia = await somebody(taskflow, "mia", "manager")
    lazy, gone = await shut_out(taskflow)
    nobody = await taskflow.forge()
    for method, action, body in (
        ("GET", "", None),
        ("PUT", "", {"first_name": "X"}),
        ("PATCH", "", {"first_name": "X"}),
        ("DELETE", "", None),
        ("POST", "/deactivate", None),
        ("POST", "/activate", None),
    ):
        check_token_asked_for(await nobody.send(method, of(uma, action), body))
        for client in (lazy, gone):
            for path in (of(uma, action), of(client, action)):
                check_refused(await client.send(method, path, body), 404, GONE)
        is_for_admins = method in ("DELETE", "POST")
        for client, other in ((uma, mia), (mia, uma)):
            # Also where there is nobody: whoever may not know does not learn it.
            for path in (of(other, action), of(admin, action), of(gone, action), f"/api/users/0{action}"):
                answer = await client.send(method, path, body)
                check_refused(answer, 403, ADMINS_ONLY if is_for_admins else "Forbidden")
            own = await client.send(method, of(client, action), body)
            if is_for_admins:
                check_refused(own, 403, ADMINS_ONLY)
            else:
                assert own.status == 200
        for number in (gone.id, 0, 77, "9" * 18, "9" * 19, "9" * 40):
            answer = await admin.send(method, f"/api/users/{number}{action}", body)
            check_refused(answer, 404, NOT_FOUND)
    check_token_asked_for(await nobody.get("/api/users"))
    for client, status, message in (
        (uma, 403, ADMINS_ONLY),
        (mia, 403, ADMINS_ONLY),
        (lazy, 404, GONE),
        (gone, 404, GONE),
    ):
        check_refused(await client.get("/api/users"), status, message)
    assert (await admin.get("/api/users")).status == 200
    assert (await admin.put(of(uma), {"first_name": "By admin"})).data["first_name"] == "By admin"


async def test_who_is_gone_is_gone_for_themselves_first_of_all(taskflow: Taskflow) -> None:
    """Another server knows it as well, with the next request."""
    admin, twin = await taskflow.forge_admin(), await taskflow.twin()
    uma, ugo = await taskflow.forge_user("uma"), await taskflow.forge_user("ugo")
    there = [await twin.forge() for _ in (uma, ugo)]
    for client, user in zip(there, (uma, ugo), strict=True):
        client.token = user.token
        assert (await client.get(of(user))).status == 200
    cookies = await taskflow.signed_in("uma", "Secret-123")
    assert (await admin.post(of(uma, "/deactivate"))).status == 200
    assert (await admin.delete(of(ugo))).status == 200
    for client, user in zip(there, (uma, ugo), strict=True):
        for method, body in (("GET", None), ("PUT", {"first_name": "X"})):
            check_refused(await client.send(method, of(user), body), 404, GONE)
    check_error(await cookies.get("/api/tasks"), 401, "AUTH_REQUIRED")
    nobody = await taskflow.forge()
    for refresh_token in (uma.refresh_token, ugo.refresh_token):
        headers = {"Authorization": f"Bearer {refresh_token}"}
        check_refused(await nobody.post("/api/auth/refresh", headers=headers), 404, GONE)
    credentials = {"email": "uma@example.com", "password": "Secret-123"}
    check_refused(await nobody.post("/api/auth/login", credentials), 403, "Account is inactive")
    credentials |= {"email": "ugo@example.com"}
    check_refused(await nobody.post("/api/auth/login", credentials), 401, "Invalid email or password")


# Admins and managers


async def test_activating_and_deactivating_may_be_repeated(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    for action, is_active, message in (
        ("/activate", True, "User activated successfully"),
        ("/deactivate", False, "User deactivated successfully"),
        ("/deactivate", False, "User deactivated successfully"),
        ("/activate", True, "User activated successfully"),
    ):
        answer = await admin.post(of(uma, action))
        assert answer.data["is_active"] is is_active
        check_shown(answer, (await admin.get(of(uma))).data, message)
    assert (await uma.get(of(uma))).status == 200
    check_shown(await admin.post(of(admin, "/activate")), admin.user, "User activated successfully")


async def test_admins_are_neither_deactivated_nor_deleted_directly(taskflow: Taskflow) -> None:
    admin, ada = await taskflow.forge_admin(), await somebody(taskflow, "ada", "admin")
    for path in (of(admin), of(ada)):
        check_refused(await admin.post(f"{path}/deactivate"), 403, PROTECTED)
        check_refused(await admin.delete(path), 403, UNDELETABLE)
    # As a change it is allowed, to oneself as well, while another admin is left.
    assert (await admin.put(of(ada), {"is_active": False})).status == 200
    check_refused(await admin.post(of(ada, "/deactivate")), 403, PROTECTED)
    check_refused(await admin.delete(of(ada)), 403, UNDELETABLE)
    assert (await admin.post(of(ada, "/activate"))).data["is_active"] is True
    assert (await ada.put(of(ada), {"role": "user"})).data["role"] == USER_ROLE
    check_confirmed(await admin.delete(of(ada)), "User deleted successfully")


async def test_the_last_active_admin_stays_one(taskflow: Taskflow) -> None:
    admin, ada = await taskflow.forge_admin(), await somebody(taskflow, "ada", "admin")
    await taskflow.admin.put(f"/api/users/{ada.id}", {"active": False})
    for body, status, message in (
        ({"role": "user"}, 400, "Invalid role"),
        ({"is_active": False}, 403, PROTECTED),
        ({"is_active": False, "role": "user"}, 403, PROTECTED),
        ({"is_active": True, "role": "user"}, 400, "Invalid role"),
        # What is wrong with the values comes first.
        ({"is_active": False, "role": "root"}, 400, "Invalid role"),
        (
            {"role": "user", "username": "?!?"},
            400,
            "Username can only contain letters, numbers, underscores, and hyphens",
        ),
        ({"role": "user", "username": "ada"}, 409, "Username already in use"),
    ):
        check_refused(await admin.put(of(admin), body), status, message)
    check_shown(await admin.put(of(admin), {"role": "admin"}), admin.user, "User updated successfully")
    # One of two may go, and both at once may not.
    await admin.post(of(ada, "/activate"))
    answers = await asyncio.gather(
        admin.put(of(admin), {"role": "user"}), ada.put(of(ada), {"is_active": False})
    )
    assert sorted(answer.status for answer in answers) in ([200, 400], [200, 403])


async def test_a_manager_shows_as_a_user_and_stays_a_manager(taskflow: Taskflow) -> None:
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    assert mia.user["role"] == USER_ROLE

    async def role() -> str:
        return str((await taskflow.admin.get(f"/api/users/{mia.id}")).data["user"]["role"])

    for client, body in (
        (admin, {"first_name": "Mia"}),
        (admin, {"role": "user"}),
        (mia, {"role": "user", "last_name": "M"}),
        (admin, {"is_active": False, "role": "user"}),
        (admin, {"is_active": True}),
    ):
        assert (await client.put(of(mia), body)).data["role"] == USER_ROLE
        assert await role() == "manager"
    assert (await admin.put(of(mia), {"role": "admin"})).data["role"] == ADMIN_ROLE
    assert await role() == "admin"
    assert (await admin.put(of(mia), {"role": "user"})).data["role"] == USER_ROLE
    assert await role() == "user"


# Lists


async def test_lists_by_every_order_and_page(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    for name, email in (("carl", "anna"), ("Anna", "Carl"), ("berta", "berta")):
        await taskflow.user(name, email=f"{email}@taskflow.com")
    await admin.put("/api/users/1", {"first_name": "Ada"})
    by_id = ["admin", "carl", "Anna", "berta"]
    by_name = ["admin", "Anna", "berta", "carl"]
    by_email = ["admin", "carl", "berta", "Anna"]
    by_change = ["carl", "Anna", "berta", "admin"]
    for query, found in (
        ("", by_id[::-1]),
        ("?sort_order=asc", by_id),
        ("?sort_by=role&sort_order=sideways", by_id[::-1]),
        ("?sort_by=id", by_id[::-1]),
        ("?sort_by=id&sort_order=ASC", by_id),
        ("?sort_by=username&sort_order=asc", by_name),
        ("?sort_by=username", by_name[::-1]),
        ("?sort_by=email&sort_order=asc", by_email),
        ("?sort_by=email&sort_order=desc", by_email[::-1]),
        ("?sort_by=updated_at", by_change[::-1]),
        ("?sort_by=updated_at&sort_order=asc", by_change),
        ("?sort_by=created_at&sort_order=asc&per_page=3&page=2", ["berta"]),
        ("?page=-1&per_page=two&role=admin", by_id[::-1]),
    ):
        assert await usernames(admin, query) == found, query
    answer = await admin.get("/api/users?per_page=3")
    pagination = {
        "page": 1,
        "per_page": 3,
        "total": 4,
        "total_pages": 2,
        "has_next": True,
        "has_prev": False,
    }
    users = [(await admin.get(f"/api/users/{number}")).data for number in (4, 3, 2)]
    check_shown(answer, {"users": users, "pagination": pagination})
    assert (await admin.delete("/api/users/3")).status == 200
    answer = await admin.get("/api/users?page=5")
    assert answer.data == {
        "users": [],
        "pagination": {
            "page": 5,
            "per_page": 10,
            "total": 3,
            "total_pages": 1,
            "has_next": False,
            "has_prev": True,
        },
    }


# Deleting


async def test_a_user_is_deleted_with_their_own_tasks_and_assignments(taskflow: Taskflow) -> None:
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    own = await uma.made("/api/tasks", {"title": "Own"})
    await taskflow.admin.made("/api/projects", {"name": "P"})
    shared = await taskflow.admin.made(
        "/api/projects/1/tasks", {"title": "Shared", "assigned_to": [uma.id, 1]}
    )
    check_confirmed(await admin.delete(of(uma)), "User deleted successfully")
    check_refused(await admin.get(f"/api/tasks/{own['id']}"), 404, "Task not found")
    left = (await taskflow.admin.get(f"/api/tasks/{shared['id']}")).data["task"]
    assert [user["id"] for user in left["assignees"]] == [1]
    for answer in (
        await admin.delete(of(uma)),
        await admin.get(of(uma)),
        await admin.put(of(uma), {"first_name": 5}),
        await admin.post(of(uma, "/activate")),
        await admin.post(of(uma, "/deactivate")),
    ):
        check_refused(answer, 404, NOT_FOUND)
    check_error(await taskflow.admin.get(f"/api/users/{uma.id}"), 404, "NOT_FOUND")
    assert await usernames(admin) == ["admin"]
    # Name and address are free again, in either API.
    again = await taskflow.forge_user("UMA")
    assert again.id != uma.id
    check_refused(await uma.get(of(again)), 404, GONE)
    assert (await admin.delete(of(again))).status == 200
    assert await taskflow.user("uma") not in (uma.id, again.id)


async def test_who_owns_projects_is_not_deleted_until_they_have_another_owner(taskflow: Taskflow) -> None:
    admin, mia = await taskflow.forge_admin(), await somebody(taskflow, "mia", "manager")
    client = await taskflow.signed_in("mia")
    await client.made("/api/projects", {"name": "P"})
    check_refused(await admin.delete(of(mia)), 409, OWNS)
    assert (await mia.get(of(mia))).status == 200
    for change in ({"status": "completed"}, {"owner_id": 1}):
        check_refused(await admin.delete(of(mia)), 409, OWNS)
        assert (await taskflow.admin.put("/api/projects/1", change)).status == 200
    check_confirmed(await admin.delete(of(mia)), "User deleted successfully")


async def test_a_project_made_a_moment_ago_counts_wherever_it_is_asked(taskflow: Taskflow) -> None:
    """Whether anybody owns projects is asked of a read model that has all of the log in it."""
    mia = await somebody(taskflow, "mia", "manager")
    twin = await taskflow.twin()
    admin = await twin.forge_admin()
    client = await taskflow.signed_in("mia")
    await taskflow.stop_projector()
    for server in (taskflow, twin):
        object.__setattr__(server.core.settings, "caught_up_timeout_s", 0.2)
    await client.made("/api/projects", {"name": "P"})
    answer = await admin.delete(of(mia))
    assert (answer.status, answer.body["success"]) == (503, False)
    assert int(answer.headers["Retry-After"]) > 0
    object.__setattr__(twin.core.settings, "caught_up_timeout_s", 10)
    waiting = asyncio.create_task(admin.delete(of(mia)))
    await asyncio.sleep(0.2)
    assert not waiting.done()
    taskflow.start_projector()
    check_refused(await waiting, 409, OWNS)


async def test_without_redis_users_and_tags_are_changed_and_nobody_is_deleted_on_a_guess(
    mortal: Taskflow, valkey: Valkey
) -> None:
    admin, uma = await mortal.forge_admin(), await mortal.forge_user("uma")
    await admin.made("/api/tags", {"name": "Old"})
    await asyncio.to_thread(valkey.stop)
    for path in ("/api/users", of(uma), "/api/tags", "/api/tags/1", "/api/tags/77"):
        answer = await admin.get(path)
        assert (answer.status, answer.body["success"]) == (503, False), path
    assert (await admin.delete(of(uma))).status == 503
    changed = await uma.put(of(uma), {"first_name": "Uma", "last_name": "Lima"})
    assert (changed.data["full_name"], changed.headers["X-Read-Model"]) == ("Uma Lima", "behind")
    assert (await admin.post(of(uma, "/deactivate"))).data["is_active"] is False
    check_refused(await uma.put(of(uma), {"first_name": "X"}), 404, GONE)
    check_refused(await uma.get(of(uma)), 404, GONE)
    made = await admin.post("/api/tags", {"name": "New"})
    assert (made.status, made.data["task_count"]) == (201, 0)
    # How many tasks have it nobody can tell now, and a guess would be a lie.
    assert (await admin.put("/api/tags/1", {"color": None})).data["task_count"] is None
    await asyncio.to_thread(valkey.start)
    await caught_up(mortal.core)
    object.__setattr__(mortal.core.settings, "caught_up_timeout_s", 5)
    assert (await admin.get("/api/tags/1")).data["task_count"] == 0
    check_confirmed(await admin.delete(of(uma)), "User deleted successfully")


# Both APIs


async def test_what_one_api_changes_the_other_shows_at_once(taskflow: Taskflow) -> None:
    forge, admin = await taskflow.forge_admin(), taskflow.admin
    number = await taskflow.user("uma", first_name="Uma", last_name="Lima")
    path = f"/api/users/{number}"
    shown = (await forge.get(path)).data
    assert (shown["full_name"], shown["role"]["name"]) == ("Uma Lima", "user")
    uma = await (await taskflow.forge()).log_in("uma@example.com", "password of theirs")
    await uma.put(path, {"username": "uma2", "email": "Uma2@Example.com", "last_name": "Lee"})
    user = (await admin.get(path)).data["user"]
    assert (user["username"], user["email"]) == ("uma2", "uma2@example.com")
    assert (user["first_name"], user["last_name"]) == ("Uma", "Lee")
    await admin.put(path, {"role": "admin", "first_name": "U"})
    shown = (await uma.get(path)).data
    assert (shown["full_name"], shown["role"]) == ("U Lee", ADMIN_ROLE)
    assert (await uma.get("/api/users")).status == 200
    await admin.put(path, {"active": False})
    check_refused(await uma.get(path), 404, GONE)
    await forge.post(f"{path}/activate")
    assert (await admin.get(path)).data["user"]["active"] is True
    # An access token outlives that, and says nothing about roles.
    await forge.put(path, {"role": "user"})
    check_refused(await uma.get("/api/users"), 403, ADMINS_ONLY)


async def test_of_all_who_want_one_name_in_either_api_one_gets_it(taskflow: Taskflow) -> None:
    twin = await taskflow.twin()
    people = [await taskflow.forge_user(f"user{number}") for number in range(4)]
    admin, forge = taskflow.admin, await twin.forge_admin()
    new = {"email": "x1@example.com", "password": "Secret-123"}
    answers = await asyncio.gather(
        *(person.put(of(person), {"username": "Wanted"}) for person in people),
        *(forge.patch(of(person), {"username": "WANTED"}) for person in people[:1]),
        admin.post("/api/users", new | {"username": "wanted", "email": "x2@example.com"}),
        admin.put(f"/api/users/{people[1].id}", {"username": "wanted"}),
        (await twin.forge()).post("/api/auth/register", new | {"username": "wanteD"}),
    )
    # Somebody who has it may be told again that they do.
    assert {answer.status for answer in answers} <= {200, 201, 409, 422}
    found = [name for name in await usernames(forge, "?per_page=100") if name.lower() == "wanted"]
    assert len(found) == 1
    messages = {answer.body["message"] for answer in answers[:5] if answer.status == 409}
    assert messages == {"Username already in use"}


async def test_a_change_goes_into_the_log_as_what_happened(taskflow: Taskflow) -> None:
    """No personal value stands readable in it, whichever API it came by."""
    uma = await taskflow.forge_user("uma")
    head = await taskflow.core.store.head()
    await uma.put(of(uma), {"email": "new@example.com", "first_name": "Uma", "role": "admin"})
    records = await taskflow.core.store.read(head, 10)
    topics = [type(record.event).__name__ for record in records if isinstance(record, Record)]
    assert topics == ["UserEmailChanged", "Claimed", "Released", "UserNamesChanged"]


async def test_without_versions_to_see_none_is_expected(taskflow: Taskflow) -> None:
    """What other APIs would answer 412 or 400 is an unknown header here."""
    uma = await taskflow.forge_user("uma")
    assert "ETag" not in (await uma.get(of(uma))).headers
    for number, tag in enumerate(('"77"', '"0-abc"', "*", "no tag at all")):
        answer = await uma.put(of(uma), {"first_name": f"U{number}"}, headers={"If-Match": tag})
        assert (answer.status, answer.data["first_name"]) == (200, f"U{number}")


async def test_every_number_of_64_bits_is_an_id(taskflow: Taskflow) -> None:
    """Who may not see others is not told that nobody has it; what is greater is no id for anybody."""
    admin, uma = await taskflow.forge_admin(), await taskflow.forge_user("uma")
    for number in (77, 10**18 - 1, 10**18, 2**63 - 1):
        for digits in (str(number), f"000{number}"):
            check_refused(await uma.get(f"/api/users/{digits}"), 403, "Forbidden")
            check_refused(await uma.put(f"/api/users/{digits}", {"first_name": "U"}), 403, "Forbidden")
            check_refused(await admin.get(f"/api/users/{digits}"), 404, NOT_FOUND)
            check_refused(await admin.patch(f"/api/users/{digits}", {"role": "user"}), 404, NOT_FOUND)
            check_refused(await admin.delete(f"/api/users/{digits}"), 404, NOT_FOUND)
    for digits in (str(2**63), "9" * 19, "9" * 30, "9" * 5000):
        check_refused(await uma.get(f"/api/users/{digits}"), 404, NOT_FOUND)
        check_refused(await admin.put(f"/api/users/{digits}", {"role": "user"}), 404, NOT_FOUND)
