"""Users over HTTP: their form, who sees and changes whom, and unique names."""

from __future__ import annotations

from tests.http import Client, Taskflow
from tests.test_http_envelope import check_error, check_frame
from tests.test_http_projects import three_people


async def test_the_pages_examples_create_and_change(taskflow: Taskflow) -> None:
    admin = taskflow.admin
    for name in ("Sales", "Research"):
        await admin.made("/api/departments", {"name": name})
    new = {
        "username": "newuser",
        "email": "newuser@taskflow.com",
        "password": "securepassword123",
        "role": "user",
        "department_id": 2,
    }
    created = await admin.post("/api/users", new)
    check_frame(created)
    assert (created.status, created.body["message"]) == (201, "User created successfully")
    user = created.data["user"]
    assert user == {
        "id": 2,
        "username": "newuser",
        "email": "newuser@taskflow.com",
        "first_name": "",
        "last_name": "",
        "role": "user",
        "active": True,
        "department": {"id": 2, "name": "Sales"},
        "hourly_rate": 0.0,
        "created_at": user["created_at"],
        "updated_at": user["created_at"],
    }
    assert (await admin.get("/api/users/2")).data["user"] == user
    changed = await admin.put("/api/users/2", {"role": "manager", "department_id": 3, "active": True})
    assert changed.data["user"] == user | {
        "role": "manager",
        "department": {"id": 3, "name": "Research"},
        "updated_at": changed.data["user"]["updated_at"],
    }
    cleared = await admin.put(
        "/api/users/2", {"department_id": None, "first_name": "New", "hourly_rate": 12.34}
    )
    assert cleared.data["user"]["department"] is None
    assert cleared.data["user"]["hourly_rate"] == 12.34
    await taskflow.signed_in("newuser", "securepassword123")


async def test_everything_that_is_wrong_is_said_at_once(taskflow: Taskflow) -> None:
    answer = await taskflow.admin.post(
        "/api/users",
        {
            "username": "ad",
            "email": "ADMIN@taskflow.com",
            "password": "1234567",
            "role": "root",
            "department_id": 99,
            "active": "yes",
            "first_name": "x" * 51,
            "hourly_rate": -0.01,
            "is_admin": True,
        },
    )
    assert answer.status == 422
    assert answer.errors == {
        "username": ["Username must be at least 3 characters"],
        "email": ["Email address is already registered"],
        "password": ["Password must be at least 8 characters"],
        "role": ["Role must be one of: admin, manager, user"],
        "department_id": ["Department 99 does not exist"],
        "active": ["Active must be true or false"],
        "first_name": ["First name must be at most 50 characters"],
        "hourly_rate": ["Hourly rate must be a positive number"],
        "is_admin": ["Is admin is not a known field"],
    }
    answer = await taskflow.admin.post("/api/users", {})
    assert answer.errors == {
        "username": ["Username is required"],
        "email": ["Email address is required"],
        "password": ["Password is required"],
    }


async def test_usernames_emails_and_passwords_have_shapes(taskflow: Taskflow) -> None:
    good: dict[str, object] = {
        "username": "someone",
        "email": "someone@example.com",
        "password": "long enough",
    }
    wrong: dict[str, list[object]] = {
        "username": ["", "ab", "x" * 81, "with space", "ünïcödé", "a@b", "a.b", " abc", "abc\n", None, 5],
        "email": [
            "",
            "a@b.co",
            "no-at.example.com",
            "two@@example.com",
            "a..b@example.com",
            ".ab@example.com",
            "ab.@example.com",
            "ab@-example.com",
            "ab@example",
            "ab@example.c",
            "ab@example.c0m",
            "ab@exa..mple.com",
            "ab cd@example.com",
            "ab@example.com\n.evil",
            "x" * 109 + "@example.com",
            "ä@example.com",
            None,
        ],
        "password": ["", "1234567", "x" * 129, "1234567\0", None, 12345678],
    }
    for field, values in wrong.items():
        for value in values:
            answer = await taskflow.admin.post("/api/users", good | {field: value})
            assert (answer.status, list(answer.errors)) == (422, [field]), (field, value)
    for number, email in enumerate(("ab@example.com", "a.b_c%d+e-f9@sub-domain.example.museum")):
        new = good | {"username": f"user_{number}-X", "email": email, "password": "😀" * 8 + " " * 120}
        assert (await taskflow.admin.post("/api/users", new)).status == 201


async def test_names_are_unique_in_any_case_and_free_again_once_given_up(taskflow: Taskflow) -> None:
    await taskflow.user("Ana")
    taken = {"username": "aNA", "email": "ANA@example.com", "password": "long enough"}
    answer = await taskflow.admin.post("/api/users", taken)
    assert answer.errors == {
        "username": ["Username is already taken"],
        "email": ["Email address is already registered"],
    }
    same = await taskflow.admin.put("/api/users/2", {"username": "ANA"})
    assert same.data["user"]["username"] == "ANA"
    await taskflow.admin.put("/api/users/2", {"username": "anna", "email": "anna@example.com"})
    assert (await taskflow.admin.post("/api/users", taken)).status == 201
    await taskflow.signed_in("anna")


async def test_who_sees_and_changes_whom(taskflow: Taskflow) -> None:
    mia, _, uma = await three_people(taskflow)
    assert (await mia.get("/api/users")).status == (await mia.get("/api/users/4")).status == 200
    assert await usernames(uma) == await usernames(uma, "&role=user") == ["uma"]
    assert await usernames(uma, "&role=admin") == await usernames(uma, "&q=mia") == []
    check_error(await uma.get("/api/users/1"), 404, "NOT_FOUND")
    own = (await uma.get("/api/users/4")).data["user"]
    assert "hourly_rate" not in own
    assert "hourly_rate" not in (await mia.get("/api/users/4")).data["user"]
    assert "hourly_rate" in (await taskflow.admin.get("/api/users/4")).data["user"]
    allowed = {"email": "uma.new@example.com", "first_name": "Uma", "last_name": "U"}
    assert (await uma.put("/api/users/4", allowed)).data["user"]["first_name"] == "Uma"
    for change in (
        {"role": "admin"},
        {"active": True},
        {"department_id": None},
        {"hourly_rate": 1},
        {"username": "queen"},
        {"first_name": "U", "role": "nonsense"},
    ):
        check_error(await uma.put("/api/users/4", change), 403, "PERMISSION_DENIED")
    for client in (mia, uma):
        for answer in (
            await client.post("/api/users", {"username": "x"}),
            await client.post("/api/departments", {"name": "x"}),
            await client.put("/api/departments/1", {"name": ""}),
        ):
            check_error(answer, 403, "PERMISSION_DENIED")
            assert answer.data["required_role"] == "admin"
    check_error(await mia.put("/api/users/4", {"first_name": "x"}), 403, "PERMISSION_DENIED")


async def test_the_last_active_admin_stays(taskflow: Taskflow) -> None:
    for change in ({"role": "manager"}, {"active": False}):
        answer = await taskflow.admin.put("/api/users/1", change)
        check_error(answer, 409, "CONFLICT")
        assert "last active admin" in answer.body["message"]
    await taskflow.user("second", "admin")
    assert (await taskflow.admin.put("/api/users/1", {"role": "manager"})).status == 200


async def usernames(client: Client, query: str = "") -> list[str]:
    answer = await client.get(f"/api/users?per_page=100{query}")
    assert answer.status == 200, answer.raw
    return [user["username"] for user in answer.data["users"]]


async def test_filters_and_sorting(taskflow: Taskflow) -> None:
    await taskflow.user("carl", department_id=1, last_name="Smith")
    await taskflow.user("Bert", "manager", active=False)
    admin = taskflow.admin
    assert await usernames(admin) == ["Bert", "carl", "admin"]
    assert await usernames(admin, "&role=user") == ["carl"]
    assert await usernames(admin, "&department_id=1") == ["carl", "admin"]
    assert await usernames(admin, "&active=false") == ["Bert"]
    assert await usernames(admin, "&active=true&role=admin") == ["admin"]
    assert await usernames(admin, "&q=smith") == ["carl"]
    assert await usernames(admin, "&q=example.com") == ["Bert", "carl"]
    assert await usernames(admin, "&sort=username") == ["admin", "Bert", "carl"]
    assert await usernames(admin, "&sort=-email") == ["carl", "Bert", "admin"]
    for wrong in ("role=root", "active=1", "active=True", "department_id=x", "sort=password", "status=x"):
        check_error(await admin.get(f"/api/users?{wrong}"), 400, "BAD_REQUEST")


async def test_a_rename_shows_everywhere_at_once(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.put("/api/users/1", {"username": "boss"})
    assert (await taskflow.admin.get("/api/projects/1")).data["project"]["owner"]["username"] == "boss"
    await taskflow.admin.put("/api/departments/1", {"name": "Top Floor"})
    project = (await taskflow.admin.get("/api/projects/1")).data["project"]
    assert project["owner"]["department"] == "Top Floor"
