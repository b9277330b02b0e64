"""TaskForge's accounts: every rule of registering, logging in and changing the password, in its order."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from statistics import median
from typing import Any, Final

import pytest

from api.passwords import Passwords
from api.taskforge.envelope import Failure, translated
from api.taskforge.registration import must_be_a_role
from commands.accounts import ChangePassword
from commands.context import Actor
from events.instants import now
from events.log import Metadata
from tests.http import FORGE_PASSWORD, ForgeClient, Reply, Taskflow, taskflow_running
from tests.test_http_auth import in_database

REGISTER: Final = "/api/auth/register"
LOGIN: Final = "/api/auth/login"
CHANGE: Final = "/api/auth/change-password"
ANA: Final = {"username": "ana", "email": "ana@example.com", "password": FORGE_PASSWORD}
NO_DATA: Final = "No data provided"
WRONG: Final = "Invalid email or password"


def check(answer: Reply, status: int, message: str, case: object = None) -> None:
    """The whole body of a failure."""
    said = (answer.status, answer.body, case)
    assert said == (status, {"success": False, "message": message}, case)


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The passwords that were hashed, or compared with a hash."""
    seen: list[str] = []
    hash_, matches = Passwords.hash, Passwords.matches

    async def counted_hash(self: Passwords, password: str) -> str:
        seen.append(password)
        return await hash_(self, password)

    async def counted_matches(self: Passwords, kept: str, password: str) -> bool:
        seen.append(password)
        return await matches(self, kept, password)

    monkeypatch.setattr(Passwords, "hash", counted_hash)
    monkeypatch.setattr(Passwords, "matches", counted_matches)
    return seen


@pytest.mark.parametrize("path", [REGISTER, LOGIN, CHANGE])
async def test_a_body_that_is_no_object_with_something_in_it(taskflow: Taskflow, path: str) -> None:
    admin = await taskflow.forge_admin()
    bodies: tuple[object, ...] = (None, {}, [], "text", 5, True, [ANA])
    for body in bodies:
        check(await admin.post(path, body), 400, NO_DATA, body)
    for raw in (b"", b"{", b"null", b"\xff\xfe", b'{"email": "\\ud800"}', b'{"a": NaN}', b"[" * 5000):
        sent = {"Content-Type": "application/json"}
        check(await admin.post(path, data=raw, headers=sent), 400, NO_DATA, raw)
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", ""):
        check(await admin.post(path, ANA, headers={"Content-Type": kind}), 400, NO_DATA, kind)


async def test_registering_makes_an_active_user_and_no_token(taskflow: Taskflow) -> None:
    anybody = await taskflow.forge()
    new = ANA | {"first_name": " Ana ", "last_name": "Lima\n", "role": "admin", "is_active": False, "id": 1}
    answer = await anybody.post(REGISTER, new | {"email": " Ana@Example.COM ", "username": " Ana-1_x "})
    assert answer.status == 201
    assert set(answer.body) == {"success", "message", "data"}
    assert (answer.body["success"], answer.body["message"]) == (True, "User registered successfully")
    shown = answer.data
    assert shown.pop("created_at") == shown.pop("updated_at")
    assert shown == {
        "id": 2,
        "username": "Ana-1_x",
        "email": "ana@example.com",
        "first_name": "Ana",
        "last_name": "Lima",
        "full_name": "Ana Lima",
        "is_active": True,
        "role": {"id": 2, "name": "user", "description": "Standard user role with limited access"},
    }
    assert "X-Event-Position" in answer.headers
    told = (await taskflow.admin.get("/api/users/2")).data["user"]
    assert (told["username"], told["role"], told["active"]) == ("Ana-1_x", "user", True)
    assert (await (await taskflow.anybody()).sign_in("ana-1_x", FORGE_PASSWORD)).status == 200


async def test_without_names_both_are_empty(taskflow: Taskflow) -> None:
    anybody = await taskflow.forge()
    nameless: list[dict[str, Any]] = [{}, {"first_name": None, "last_name": None}, {"first_name": "  "}]
    for number, names in enumerate(nameless):
        new = ANA | {"username": f"ana{number}", "email": f"ana{number}@example.com"} | names
        shown = await anybody.made(REGISTER, new)
        assert (shown["first_name"], shown["last_name"], shown["full_name"]) == ("", "", f"ana{number}")


async def test_what_is_missing_is_named_in_order(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    missing = {
        (REGISTER, "username, email, password"): {"first_name": "A"},
        (REGISTER, "username, password"): {"email": "a@", "username": None, "password": ""},
        (REGISTER, "email"): {"password": "x", "username": "y", "email": ""},
        (LOGIN, "email, password"): {"username": "admin"},
        (LOGIN, "email"): {"password": "admin123", "email": None},
        (LOGIN, "password"): {"password": "", "email": "admin@taskflow.com"},
        (CHANGE, "old_password, new_password"): {"password": "x"},
        (CHANGE, "old_password"): {"new_password": "x", "old_password": ""},
        (CHANGE, "new_password"): {"old_password": "wrong", "new_password": None},
    }
    for (path, names), body in missing.items():
        check(await admin.post(path, body), 400, f"Missing required fields: {names}", body)


USERNAMES: Final[list[tuple[Any, str]]] = [
    (" ", "Username is required"),
    ("\t\n", "Username is required"),
    ("ab", "Username must be at least 3 characters"),
    ("  ab  ", "Username must be at least 3 characters"),
    ("é!", "Username must be at least 3 characters"),
    ("a" * 81, "Username is too long"),
    ("!" * 81, "Username is too long"),
    ("an a", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("ana.b", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("añab", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("ana٣", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("ana\nb", "Username can only contain letters, numbers, underscores, and hyphens"),
    ("ana😀", "Username can only contain letters, numbers, underscores, and hyphens"),
    (123, "Username must be a string"),
    (False, "Username must be a string"),
    (0, "Username must be a string"),
    ([], "Username must be a string"),
    (["ana"], "Username must be a string"),
    ({"a": 1}, "Username must be a string"),
    ("ana\0", "Username contains an invalid character"),
]
EMAILS: Final[list[tuple[Any, str]]] = [
    (" ", "Email is required"),
    ("a@", "Email is too short"),
    ("a" * 109 + "@example.com", "Email is too long"),
    ("x" * 5000, "Email is too long"),
    ("ana", "Invalid email format"),
    ("a@b.co", "Invalid email format"),
    ("ana@example", "Invalid email format"),
    ("ana@example.c", "Invalid email format"),
    ("ana@example.c0m", "Invalid email format"),
    ("ana@@example.com", "Invalid email format"),
    (".ana@example.com", "Invalid email format"),
    ("ana.@example.com", "Invalid email format"),
    ("an..a@example.com", "Invalid email format"),
    ("ana@exam..ple.com", "Invalid email format"),
    ("ana@-example.com", "Invalid email format"),
    ("an a@example.com", "Invalid email format"),
    ("aña@example.com", "Invalid email format"),
    ("ana@exämple.com", "Invalid email format"),
    ("ana@example.com\nx", "Invalid email format"),
    (5, "Email must be a string"),
    (["ana@example.com"], "Email must be a string"),
    ("ana@example.com\0", "Email contains an invalid character"),
]
PASSWORDS: Final[list[tuple[Any, str]]] = [
    ("a", "Password must be at least 8 characters"),
    ("Abcdef1", "Password must be at least 8 characters"),
    ("😀😀😀😀😀A1", "Password must be at least 8 characters"),
    ("Aa1" + "x" * 126, "Password is too long"),
    ("é" * 200, "Password is too long"),
    ("x" * 129, "Password is too long"),
    ("        ", "Password must contain at least one uppercase letter"),
    ("abcdefg1", "Password must contain at least one uppercase letter"),
    ("Ébcdefg1", "Password must contain at least one uppercase letter"),
    ("12345678", "Password must contain at least one uppercase letter"),
    ("ABCDEFG1", "Password must contain at least one lowercase letter"),
    ("ABCDEFÉé1", "Password must contain at least one lowercase letter"),
    ("ABCDEFGH", "Password must contain at least one lowercase letter"),
    ("Abcdefgh", "Password must contain at least one number"),
    ("Abcdefg٣", "Password must contain at least one number"),
    (12345678, "Password must be a string"),
    (["Abcdefg1"], "Password must be a string"),
    (True, "Password must be a string"),
    ("Abcdefg1\0", "Password contains an invalid character"),
]
NAMES: Final[list[tuple[Any, str]]] = [
    ("x" * 51, "{} must not exceed 50 characters"),
    ("é" * 51, "{} must not exceed 50 characters"),
    (7, "{} must be a string"),
    (["Ana"], "{} must be a string"),
    ("A\0", "{} contains an invalid character"),
]


async def test_every_rule_for_a_new_account_and_nothing_is_hashed_for_it(
    taskflow: Taskflow, hashed: list[str]
) -> None:
    anybody = await taskflow.forge()
    head = await taskflow.core.store.head()
    for field, rules in (("username", USERNAMES), ("email", EMAILS), ("password", PASSWORDS)):
        for value, message in rules:
            check(await anybody.post(REGISTER, ANA | {field: value}), 400, message, value)
    for field, label in (("first_name", "First name"), ("last_name", "Last name")):
        for value, message in NAMES:
            answer = await anybody.post(REGISTER, ANA | {field: value})
            check(answer, 400, message.format(label), value)
    assert hashed == []
    assert await taskflow.core.store.head() == head


async def test_the_first_wrong_thing_is_told_in_the_order_of_the_contract(
    taskflow: Taskflow, hashed: list[str]
) -> None:
    await taskflow.forge_user("taken")
    hashed.clear()
    anybody = await taskflow.forge()
    body: dict[str, Any] = {
        "last_name": 5,
        "first_name": 5,
        "password": "short",
        "email": "nonsense",
        "username": "?",
    }
    steps: list[tuple[str, Any, int, str]] = [
        ("username", "taken", 400, "Username must be at least 3 characters"),
        ("email", "taken@example.com", 400, "Invalid email format"),
        ("password", FORGE_PASSWORD, 400, "Password must be at least 8 characters"),
        ("first_name", "Ana", 400, "First name must be a string"),
        ("last_name", "Lima", 400, "Last name must be a string"),
        ("username", "free", 409, "Username already exists"),
        ("email", "free@example.com", 409, "Email already exists"),
    ]
    for field, right, status, message in steps:
        check(await anybody.post(REGISTER, body), status, message)
        body[field] = right
    assert hashed == []
    assert (await anybody.post(REGISTER, body)).status == 201
    assert hashed == [FORGE_PASSWORD]


async def test_names_and_addresses_are_unique_without_regard_to_case_in_both_apis(taskflow: Taskflow) -> None:
    await taskflow.user("Bela")
    anybody = await taskflow.forge()
    for username in ("bela", "BELA", " Bela ", "Admin"):
        check(await anybody.post(REGISTER, ANA | {"username": username}), 409, "Username already exists")
    for email in ("bela@example.com", " BELA@example.com", "Admin@TaskFlow.com"):
        check(await anybody.post(REGISTER, ANA | {"email": email}), 409, "Email already exists")
    await anybody.made(REGISTER, ANA)
    new = {"username": "ANA", "email": "Ana@Example.com", "password": "password of theirs", "role": "user"}
    assert set((await taskflow.admin.post("/api/users", new)).errors) == {"username", "email"}


@pytest.mark.parametrize(
    "password",
    [
        "Aa345678",
        "Aa1" + "x" * 125,
        "Aa1" + "😀" * 125,
        "  Aa345678  ",
        "Пароль-Aa1",
        "密码密码Aa1\u0301",
        "Aa1\n\t\r\u2028x",
        'Aa1"\\<>&%',
    ],
)
async def test_passwords_of_any_script_work_letter_by_letter(taskflow: Taskflow, password: str) -> None:
    ana = await taskflow.forge_user("ana", password)
    assert (await ana.get("/api/auth/me")).data["username"] == "ana"
    for other in (password.strip() if password != password.strip() else f" {password}", password[:-1]):
        check(await ana.post(LOGIN, ANA | {"password": other}), 401, WRONG)


async def test_logging_in(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    anybody = await taskflow.forge()
    for email in ("ana@example.com", " ANA@Example.com\n"):
        answer = await anybody.post(LOGIN, {"email": email, "password": FORGE_PASSWORD, "remember": 1})
        assert (answer.status, answer.body["message"]) == (200, "Login successful")
        assert set(answer.body) == {"success", "message", "data"}
        assert set(answer.data) == {"access_token", "refresh_token", "user"}
        assert answer.data["user"] == (await ana.get("/api/auth/me")).data
        assert "Set-Cookie" not in answer.headers
    me = await ana.get("/api/auth/me")
    assert set(me.body) == {"success", "data"}


async def test_what_does_not_log_in(taskflow: Taskflow) -> None:
    await taskflow.forge_user("ana")
    anybody = await taskflow.forge()
    for email, password in (
        ("ana@example.com", "wrong"),
        ("ana@example.com", FORGE_PASSWORD + " "),
        ("ana@example.com", FORGE_PASSWORD.upper()),
        ("nobody@example.com", FORGE_PASSWORD),
        ("ana", FORGE_PASSWORD),
        (" ", FORGE_PASSWORD),
        ("no address", "x"),
        ("x" * 50_000, "y" * 50_000),
        ("😀", "😀"),
    ):
        check(await anybody.post(LOGIN, {"email": email, "password": password}), 401, WRONG)
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"email": 5, "password": 5}, "Email must be a string"),
        ({"email": "a\0", "password": 5}, "Email contains an invalid character"),
        ({"password": 5}, "Password must be a string"),
        ({"password": ["x"]}, "Password must be a string"),
        ({"password": "x\0"}, "Password contains an invalid character"),
    ]
    for body, message in wrong:
        check(await anybody.post(LOGIN, ANA | body), 400, message)


async def test_that_an_account_is_inactive_is_told_to_who_knows_the_password_only(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    await admin.post(f"/api/users/{ana.id}/deactivate")
    anybody = await taskflow.forge()
    check(await anybody.post(LOGIN, ANA), 403, "Account is inactive")
    check(await anybody.post(LOGIN, ANA | {"password": "wrong"}), 401, WRONG)
    await admin.post(f"/api/users/{ana.id}/activate")
    await anybody.log_in("ana@example.com", FORGE_PASSWORD)
    await admin.delete(f"/api/users/{ana.id}")
    check(await anybody.post(LOGIN, ANA), 401, WRONG)


async def test_refusing_takes_the_same_time_for_everybody(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    await admin.post(f"/api/users/{ana.id}/deactivate")
    anybody = await taskflow.forge()
    emails = ("admin@taskflow.com", "nobody@example.com", "ana@example.com")
    taken: dict[str, list[float]] = {email: [] for email in emails}
    for _ in range(12):
        for email, times in taken.items():
            started = time.perf_counter()
            await anybody.post(LOGIN, {"email": email, "password": "wrong"})
            times.append(time.perf_counter() - started)
    middles = [median(times) for times in taken.values()]
    # Without the work on a password an answer takes a tenth of this.
    assert max(middles) < 2 * min(middles)


async def test_changing_the_password_in_the_order_of_the_contract(
    taskflow: Taskflow, hashed: list[str]
) -> None:
    ana = await taskflow.forge_user("ana")
    right = {"old_password": FORGE_PASSWORD, "new_password": "Battery-staple-2"}
    hashed.clear()
    for value, message in (
        (5, "Current password must be a string"),
        (["x"], "Current password must be a string"),
        ("x\0", "Current password contains an invalid character"),
    ):
        check(await ana.post(CHANGE, right | {"old_password": value, "new_password": 5}), 400, message)
    assert hashed == []
    check(
        await ana.post(CHANGE, {"old_password": "wrong", "new_password": 5}),
        401,
        "Current password is incorrect",
    )
    for value, message in PASSWORDS:
        check(await ana.post(CHANGE, right | {"new_password": value}), 400, message, value)
    assert set(hashed) == {"wrong", FORGE_PASSWORD}
    answer = await ana.post(CHANGE, right)
    assert (answer.status, answer.body) == (
        200,
        {"success": True, "message": "Password changed successfully"},
    )
    check(await ana.post(CHANGE, right), 401, "Current password is incorrect")
    check(await ana.post(LOGIN, ANA), 401, WRONG)
    await ana.log_in("ana@example.com", "Battery-staple-2")
    same = {"old_password": "Battery-staple-2", "new_password": "Battery-staple-2"}
    assert (await ana.post(CHANGE, same)).status == 200


async def test_a_new_password_ends_sessions_and_one_from_taskflow_ends_tokens(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    browser = await taskflow.signed_in("ana", FORGE_PASSWORD)
    await ana.post(CHANGE, {"old_password": FORGE_PASSWORD, "new_password": "Battery-staple-2"})
    await asyncio.sleep(taskflow.core.settings.session_cache_s)
    assert (await browser.get("/api/auth/me")).status == 401
    await ana.log_in("ana@example.com", "Battery-staple-2")
    await taskflow.admin.put(f"/api/users/{ana.id}", {"password": "given by the admin"})
    header = {"Authorization": f"Bearer {ana.refresh_token}"}
    check(await ana.post("/api/auth/refresh", headers=header), 401, "Refresh token expired or revoked")
    assert (await ana.get("/api/auth/me")).status == 200
    await ana.log_in("ana@example.com", "given by the admin")


async def test_a_reset_while_the_old_password_is_compared_stands(
    taskflow: Taskflow, monkeypatch: pytest.MonkeyPatch
) -> None:
    thief = await taskflow.forge_user("ana")
    matches = Passwords.matches

    async def reset_meanwhile(self: Passwords, kept: str, password: str) -> bool:
        found = await matches(self, kept, password)
        monkeypatch.setattr(Passwords, "matches", matches)
        answer = await taskflow.admin.put(f"/api/users/{thief.id}", {"password": "given by the admin"})
        assert answer.status == 200
        return found

    monkeypatch.setattr(Passwords, "matches", reset_meanwhile)
    new = {"old_password": FORGE_PASSWORD, "new_password": "Of-the-thief-1"}
    check(await thief.post(CHANGE, new), 401, "Current password is incorrect")
    check(await thief.post(LOGIN, ANA | {"password": "Of-the-thief-1"}), 401, WRONG)
    await thief.log_in("ana@example.com", "given by the admin")


async def test_of_four_changes_with_one_old_password_one_counts(taskflow: Taskflow) -> None:
    ana, twin = await taskflow.forge_user("ana"), await taskflow.twin()
    elsewhere = await (await twin.forge()).log_in("ana@example.com", FORGE_PASSWORD)
    wanted = [f"Battery-staple-{number}" for number in range(4)]
    answers = await asyncio.gather(
        *(
            client.post(CHANGE, {"old_password": FORGE_PASSWORD, "new_password": new})
            for client, new in zip((ana, elsewhere) * 2, wanted, strict=True)
        )
    )
    assert sorted(answer.status for answer in answers) == [200, 401, 401, 401]
    for answer, new in zip(answers, wanted, strict=True):
        login = await ana.post(LOGIN, ANA | {"password": new})
        assert login.status == answer.status


async def test_twenty_who_want_one_name_at_the_same_time(taskflow: Taskflow) -> None:
    clients = [await taskflow.forge(), await (await taskflow.twin()).forge()]
    answers = await asyncio.gather(
        *(
            clients[number % 2].post(REGISTER, ANA | {"email": f"ana{number}@example.com"})
            for number in range(20)
        )
    )
    said = Counter((answer.status, answer.body["message"]) for answer in answers)
    assert said == {(201, "User registered successfully"): 1, (409, "Username already exists"): 19}
    answers = await asyncio.gather(
        *(
            clients[number % 2].post(REGISTER, ANA | {"username": f"bela{number}", "email": "b.c@d.ef"})
            for number in range(20)
        )
    )
    said = Counter((answer.status, answer.body["message"]) for answer in answers)
    assert said == {(201, "User registered successfully"): 1, (409, "Email already exists"): 19}
    listed = (await (await taskflow.forge_admin()).get("/api/users")).data
    assert listed["pagination"]["total"] == 3


async def test_who_has_registered_logs_in_while_the_read_model_is_away(taskflow: Taskflow) -> None:
    await taskflow.stop_projector()
    anybody = await taskflow.forge()
    answer = await anybody.post(REGISTER, ANA)
    assert (answer.status, answer.headers["X-Read-Model"]) == (201, "behind")
    assert answer.data["username"] == "ana"
    ana = await anybody.log_in("ana@example.com", FORGE_PASSWORD)
    assert ana.user == answer.data
    changed = await ana.post(CHANGE, {"old_password": FORGE_PASSWORD, "new_password": "Battery-staple-2"})
    assert changed.status == 200


async def test_an_idempotency_key_means_nothing_here(taskflow: Taskflow) -> None:
    anybody, key = await taskflow.forge(), {"Idempotency-Key": "0123456789abcdef"}
    assert (await anybody.post(REGISTER, ANA, headers=key)).status == 201
    check(await anybody.post(REGISTER, ANA, headers=key), 409, "Username already exists")
    tokens = {(await anybody.post(LOGIN, ANA, headers=key)).data["refresh_token"] for _ in range(2)}
    assert len(tokens) == 2
    ana = await anybody.log_in("ana@example.com", FORGE_PASSWORD)
    right = {"old_password": FORGE_PASSWORD, "new_password": "Battery-staple-2"}
    assert (await ana.post(CHANGE, right, headers=key)).status == 200
    check(await ana.post(CHANGE, right, headers=key), 401, "Current password is incorrect")
    assert await in_database(taskflow, "select count(*) from commands where fingerprint is not null") == [
        (0,)
    ]


async def test_where_registration_is_closed(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, registration="off") as taskflow:
        anybody = await taskflow.forge()
        for body in (ANA, ANA | {"username": "admin"}, {"username": "x"}):
            check(await anybody.post(REGISTER, body), 403, "Registration is closed")
        await taskflow.user("ana")
        await anybody.log_in("ana@example.com", "password of theirs")
        assert await in_database(taskflow, "select count(*) from credentials") == [(2,)]


def test_a_missing_role_is_an_error_of_the_system() -> None:
    """It cannot happen while roles are fixed."""
    must_be_a_role("user", ("admin", "user"))
    with pytest.raises(Failure) as raised:
        must_be_a_role("user", ("admin",))
    answer = translated(raised.value)
    assert (answer.status, answer.body) == (
        500,
        b'{"success":false,"message":"System error: User role not found"}',
    )


async def test_the_log_says_that_a_visitor_registered(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    told = (
        "select type, actor_id, actor_role, dialect, command from events where stream = %s order by version"
    )
    (registered,) = await in_database(taskflow, told, f"user-{ana.id}")
    assert registered == ("user.registered", None, "visitor", "taskforge", "SignUp")


async def test_secrets_are_nowhere_but_with_the_client(
    taskflow: Taskflow, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    secret, second = "Very-secret-password-1", "Very-secret-password-2"
    ana = await taskflow.forge_user("ana", secret)
    tokens = [ana.token, ana.refresh_token]
    await everything_that_can_go_wrong(ana, secret)
    await ana.post(CHANGE, {"old_password": secret, "new_password": second})
    await ana.log_in("ana@example.com", second)
    await ana.post("/api/auth/logout", {"refresh_token": ana.refresh_token})
    tokens += [ana.token, ana.refresh_token]
    await taskflow.core.attempts.flush()
    kept = [caplog.text]
    for table in await in_database(taskflow, "select tablename from pg_tables where schemaname = 'public'"):
        (rows,) = await in_database(taskflow, f"select string_agg(each::text, ' ') from {table[0]} each")
        kept.append(str(rows[0]))
    text = " ".join(kept)
    assert "/api/auth/change-password" in text
    parts = [part for token in tokens if token for part in token.split(".")[1:]]
    for hidden in (secret, second, *parts):
        assert hidden not in text
        assert hidden.encode().hex() not in text


async def everything_that_can_go_wrong(ana: ForgeClient, secret: str) -> None:
    for body in (
        {"email": secret, "password": secret},
        {"password": secret},
        {"email": [secret], "password": [secret]},
    ):
        await ana.post(LOGIN, body)
    await ana.post(REGISTER, {"username": secret, "email": secret, "password": secret})
    await ana.post(CHANGE, {"old_password": secret, "new_password": secret * 10})
    await ana.get("/api/auth/me", headers={"Authorization": f"Bearer {ana.token}x"})
    await ana.post("/api/auth/refresh", headers={"Authorization": f"Bearer {ana.token}"})


async def test_an_account_that_goes_while_its_password_changes_is_not_found(taskflow: Taskflow) -> None:
    """What the command says of somebody who is gone, which a request sees in the same instant only."""
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    await admin.delete(f"/api/users/{ana.id}")
    command = ChangePassword(user_id=ana.id, password_hash="x", replaces=0)
    with pytest.raises(Exception, match="User not found") as raised:
        await taskflow.core.dispatcher.dispatch(command, Actor(ana.id, "user"), Metadata(), now=now())
    assert translated(raised.value).body == b'{"success":false,"message":"User not found"}'
