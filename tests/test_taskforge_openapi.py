"""TaskForge's OpenAPI document is the contract: its messages, statuses and examples are true."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final

import orjson
import pytest

from api import errors
from api.bodies import parse_object
from api.taskforge import auth_forms, tag_forms, task_forms, user_forms
from api.taskforge.endpoints import Endpoint
from api.taskforge.envelope import Failure, TokenRefused, translated
from api.taskforge.openapi.document import with_examples
from api.taskforge.openapi.fields import DEFAULTS, TAKEN
from api.taskforge.reading import Field, read
from api.taskforge.routes import ENDPOINTS
from commands import errors as refusals
from readmodels.model import NotReady
from tests.documents import TASKFORGE, Described, alike
from tests.http import FORGE_PASSWORD, ForgeClient, Reply, Taskflow, taskflow_running
from tests.test_http_envelope import STRICT

DOCUMENT: Final = TASKFORGE.content
JSON: Final = "application/json"


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.methods[0]} {each.path}")
def test_every_endpoint_says_what_it_does_and_shows(endpoint: Endpoint) -> None:
    assert re.fullmatch(r"[A-Z].*[^.]", endpoint.summary)
    for method in endpoint.methods:
        path = re.sub(":[^}]*}", "}", endpoint.path)
        operation = DOCUMENT["paths"][path][method.lower()]
        success = operation["responses"][str(endpoint.shows.status)]
        for content in success["content"].values():
            assert not [*TASKFORGE.untyped(content["schema"])]
        messages = success["content"][JSON]["schema"].get("properties", {}).get("message")
        assert bool(messages) == (method != "GET"), "writes say what they did, reads do not"
        if method == "GET":
            assert endpoint.shows.data or endpoint.shows.files, "a read shows something"


def test_no_example_is_a_placeholder() -> None:
    _, examples = with_examples(ENDPOINTS)
    assert examples.missing == set()


def inside(value: Any) -> Iterator[Described]:
    """All objects in an example."""
    if isinstance(value, dict):
        yield value
    for each in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from inside(each)


def test_the_people_of_the_examples_are_called_as_their_names_say() -> None:
    people = [
        found
        for *_, answer in TASKFORGE.answers()
        for found in inside(answer["content"].get(JSON, {}).get("example"))
        if "full_name" in found
    ]
    assert len(people) > 5
    for person in people:
        names = [person["first_name"], person["last_name"]]
        assert person["full_name"] == (" ".join(names) if all(names) else person["username"])


STATUSES: Final = {
    "register": "201 400 403 409 413 429 500 503",
    "login": "200 400 401 403 413 429 500 503",
    "refresh": "200 400 401 404 413 429 500 503",
    "logout": "200 400 401 404 413 429 500 503",
    "me": "200 400 401 404 429 500 503",
    "changePassword": "200 400 401 404 409 413 429 500 503",
    "listTasks": "200 400 401 404 429 500 503",
    "createTask": "201 400 401 404 409 413 429 500 503",
    "changeTaskByPatch": "200 400 401 403 404 409 413 429 500 503",
    "completeTask": "200 401 403 404 409 429 500 503",
    "exportTasks": "200 400 401 404 429 500 503",
    "listUsers": "200 400 401 403 404 429 500 503",
    "deleteTag": "200 401 403 404 409 429 500 503",
    "health": "200 429 500 503",
}


@pytest.mark.parametrize("name", STATUSES)
def test_operations_have_exactly_the_statuses_that_they_can_have(name: str) -> None:
    assert " ".join(TASKFORGE.operation(name)["responses"]) == STATUSES[name]


def said(name: str, status: int) -> set[str]:
    """The messages in the envelope that an operation's answer may have."""
    answer = TASKFORGE.resolved(TASKFORGE.operation(name)["responses"][str(status)])
    schema = answer["content"][JSON]["schema"]
    messages = [each["properties"].get("message", {}) for each in schema.get("oneOf", [schema])]
    return {text for each in messages for text in [*each.get("enum", []), each.get("const")] if text}


def test_the_document_names_the_messages_of_the_contract() -> None:
    assert said("login", 401) == {"Invalid email or password"}
    assert said("login", 403) == {"Account is inactive"}
    assert said("refresh", 401) == {"Invalid refresh token", "Refresh token expired or revoked"}
    assert said("changePassword", 401) == {"Current password is incorrect"}
    assert said("register", 409) == {
        "Username already exists",
        "Email already exists",
        "Too many concurrent changes to the same object; try again",
    }
    assert said("getTask", 403) == {"You do not have permission to view this task"}
    assert said("getTask", 404) == {
        "Task not found",
        "User account not found or inactive",
        "Resource not found",
    }
    assert said("listUsers", 403) == {"Admin access required"}
    assert said("createTask", 201) == {"Task created successfully"}
    assert said("login", 429) == {"429 Too Many Requests: 10 per 1 hour"}
    assert {"No data provided", "Missing required fields: title", "Title must be a string"} <= said(
        "createTask", 400
    )


def test_required_fields_are_missing_alone_and_together_in_their_order() -> None:
    missing = {text for text in said("register", 400) if text.startswith("Missing required fields: ")}
    assert missing == {
        f"Missing required fields: {names}"
        for names in (
            "username",
            "email",
            "password",
            "username, email",
            "username, password",
            "email, password",
            "username, email, password",
        )
    }
    assert not [text for text in said("logout", 400) if text.startswith("Missing required")]


REFUSALS: Final = (
    errors.TooSlow("The body did not arrive within 10 seconds"),
    errors.PayloadTooLarge("x"),
    errors.KeyReused(),
    errors.KeyBusy(),
    errors.TryLater("x"),
    errors.RateLimited("50 per 1 hour", "this address", 7),
    TokenRefused("Token has expired"),
    Failure(404, "User account not found or inactive"),
    refusals.NotFound("task"),
    refusals.Unseen("task"),
    refusals.Forbidden("manager"),
    refusals.AdminProtected(),
    refusals.ProjectClosed("x"),
    refusals.StillOwnsProjects(),
    refusals.LastAdmin(),
    refusals.Busy(),
    NotReady("x"),
    ZeroDivisionError(),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: type(each).__name__)
def test_every_refusal_has_a_body_that_is_documented(refusal: Exception) -> None:
    reply = translated(refusal)
    fitting = [
        answer
        for *_, status, answer in TASKFORGE.answers()
        if status == str(reply.status)
        and TASKFORGE.validator(answer["content"][JSON]["schema"]).is_valid(orjson.loads(reply.body))
    ]
    assert fitting, f"no documented answer of status {reply.status} looks like this: {reply.body!r}"
    for answer in fitting:
        assert {*reply.headers} - {"Connection", "WWW-Authenticate"} <= answer["headers"].keys()


def test_an_answer_is_of_one_documented_form_only() -> None:
    """The exceptions from the envelope are told apart by their fields."""
    found = 0
    for method, path, status, answer in TASKFORGE.answers():
        for schema in answer["content"].get(JSON, {}).get("schema", {}).get("oneOf", ()):
            found += 1
            others = answer["content"][JSON]["examples"].values()
            fits = [TASKFORGE.validator(schema).is_valid(each["value"]) for each in others]
            assert fits.count(True) == 1, (method, path, status)
    assert found


@pytest.mark.parametrize(
    ("name", "scheme"),
    [("login", None), ("register", None), ("health", None), ("refresh", "refresh"), ("me", "bearer")],
)
def test_operations_name_the_token_that_they_take(name: str, scheme: str | None) -> None:
    # A refresh token may also be sent in the body.
    others: list[Described] = [{}] if scheme == "refresh" else []
    assert TASKFORGE.operation(name)["security"] == ([{scheme: []}, *others] if scheme else [])
    used = {key for *_, each in TASKFORGE.operations() for choice in each["security"] for key in choice}
    assert used == DOCUMENT["components"]["securitySchemes"].keys()


def test_what_was_made_leads_to_what_can_be_done_with_it() -> None:
    def links(path: str) -> set[str]:
        return set(DOCUMENT["paths"][path]["post"]["responses"]["201"]["links"])

    assert links("/api/tasks") == {
        *("getTask", "changeTask", "changeTaskByPatch", "deleteTask", "completeTask"),
    }
    assert {"getTag", "changeTag", "deleteTag"} <= links("/api/tags")
    assert {"getUser", "activateUser", "deactivateUser"} <= links("/api/auth/register")


READ_BY: Final[dict[str, tuple[Field, ...]]] = {
    "Registration": auth_forms.REGISTRATION,
    "Credentials": auth_forms.CREDENTIALS,
    "SigningOut": auth_forms.REFRESH_TOKEN,
    "Refresh": auth_forms.REFRESH_TOKEN,
    "UserChange": (*user_forms.PROFILE, *user_forms.STANDING),
    "NewTask": task_forms.FIELDS,
    "TaskChange": task_forms.FIELDS,
    "NewTag": tag_forms.FIELDS,
    "TagChange": tag_forms.FIELDS,
}
PASSWORD_CHANGE: Final = (*auth_forms.OLD_PASSWORD, *auth_forms.NEW_PASSWORD)
VALUES: Final[tuple[Any, ...]] = (
    *("a", "ab", "abc", "abcd", "a" * 50, "a" * 51, "a" * 80, "a" * 81, "a" * 200, "a" * 201),
    *("a" * 5000, "a" * 5001, "  abc  ", "a b c", "ä" * 50, "a\0bc", "abc\n", "_-_", "…"),
    *("ab@example.com", "a@b.co", "ab@c", "ab@example.c", "a..b@example.com", " Ana@Example.COM ", "@"),
    *("pending", "completed", "done", "low", "urgent", "PENDING", "admin", "user", "manager"),
    *(
        "Abcdefg1",
        "abcdefg1",
        "ABCDEFG1",
        "Abcdefgh",
        "Ab1",
        "Aa1" + "x" * 125,
        "Aa1" + "x" * 126,
        "Ää1bcdefg",
    ),
    *("#FF0000", "#ff00aa", "#FF000", "FF0000", "#GG0000", "#FF00000"),
    *("2024-12-31", "2024-12-31T23:59:59Z", "2024-12-31 10:00", "20241231", "2024-12", "2024-W01-1"),
    *("2024-12-31T23:59:59+05:00", "2024-12-31T23:59:59.123456+0000", "31/12/2024", "2024-13-01", "tomorrow"),
    *("20241231T103000", "20241231T1030Z", "2024-12-31T10", "2024-12-31T10+02", "2024-12-31T10:00:00,5"),
    *("2024-12-31T103000.5", "2024-12-31T10:3000", "2024-12-31T1030:00", "2024-12-31T1", "2024-12-31T10.5"),
    *("2024-12-31T24:00", "0000-01-01", "2024-W54-1", "2024-12T10:00", "20241231T10:00:00", "2024"),
    *(0, 1, -1, 5.5, True, False, None, [], [1], [1, 2, 2], ["1"], [1.5], [None], [True], {}, {"a": 1}),
)


BODIES: Final = {body: DOCUMENT["components"]["schemas"][body]["properties"] for body in TAKEN}


@pytest.mark.parametrize(
    ("body", "field"), [(body, field) for body, fields in BODIES.items() for field in fields]
)
def test_fields_are_read_as_their_schemas_say(body: str, field: str) -> None:
    """What the schema lets pass is read, and what it does not is refused."""
    fields = PASSWORD_CHANGE if body == "PasswordChange" else READ_BY[body]
    validator = TASKFORGE.validator(BODIES[body][field])
    accepted = 0
    for value in VALUES:
        sent = parse_object(orjson.dumps({field: value}), depth_max=32)
        faults = read(sent, fields).invalid
        assert validator.is_valid(value) == (not faults), (value, faults)
        accepted += not faults
    assert 0 < accepted < len(VALUES)


def test_every_field_of_a_body_is_read_and_documented() -> None:
    for body, fields in READ_BY.items():
        documented = DOCUMENT["components"]["schemas"][body]["properties"]
        assert [each.name for each in fields if each.name in documented] == [each.name for each in fields], (
            body
        )
        assert documented.keys() == {each.name for each in fields}, body


async def test_what_is_left_out_is_what_the_document_says(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    made = {
        "Registration": await admin.made(
            "/api/auth/register",
            {"username": "eve", "email": "eve@example.com", "password": FORGE_PASSWORD},
        ),
        "NewTask": await admin.made("/api/tasks", {"title": "Plain"}),
        "NewTag": await admin.made("/api/tags", {"name": "Plain"}),
    }
    assert made.keys() == DEFAULTS.keys()
    for body, defaults in DEFAULTS.items():
        assert {name: made[body][name] for name in defaults} == defaults


PLACES: Final = {"{task_id}": "1", "{tag_id}": "1", "{user_id}": "2"}
LAST: Final = ("deleteTag", "deleteTask", "deleteUser")


async def test_examples_look_as_real_answers_do(taskflow: Taskflow) -> None:
    """Each documented request, sent as it stands there, is answered as documented."""
    admin = await taskflow.forge_admin()
    clients = {
        "refresh": await bearing(taskflow, str(admin.refresh_token)),
        # The example's password is that of the user who registered by the other example.
        "changePassword": await taskflow.forge(),
    }
    for method, path, operation in sorted(TASKFORGE.operations(), key=order):
        name = operation["operationId"]
        client = clients.get(name, admin)
        if name == "changePassword":
            await client.log_in("ana@example.com", "Correct-horse-1")
        status, answer = next(iter(operation["responses"].items()))
        got = await client.send(method, placed(path), example_of(operation))
        assert str(got.status) == status, (method, path, got.raw)
        must_be_as_documented(got, answer, (method, path))


def must_be_as_documented(got: Reply, answer: Described, about: object) -> None:
    kind = got.headers["Content-Type"].split(";")[0]
    content = answer["content"][kind]
    borne = {name for name, each in answer["headers"].items() if TASKFORGE.resolved(each)["required"]}
    assert {name for name in borne if name not in got.headers} == set(), about
    if kind == JSON:
        assert alike(got.body, content["example"]), (about, got.raw)
        faults = [*TASKFORGE.validator(content["schema"]).iter_errors(got.body)]
        assert not faults, (about, faults)
    else:
        assert got.raw.decode().splitlines()[0] == content["example"].splitlines()[0], about


def order(found: tuple[str, str, Described]) -> tuple[int, int, int]:
    """First who is there, then what makes something, at last what removes it."""
    _, path, operation = found
    name = operation["operationId"]
    is_made_first = ["register", "createTag", "createTask"]
    return (
        LAST.index(name) if name in LAST else -1,
        is_made_first.index(name) if name in is_made_first else len(is_made_first),
        path.count("/"),
    )


def placed(path: str) -> str:
    for place, number in PLACES.items():
        path = path.replace(place, number)
    return path


def example_of(operation: Described) -> object:
    """The request's example, or None where a body need not be sent."""
    body = operation.get("requestBody")
    return body["content"][JSON]["example"] if body and body["required"] else None


async def bearing(taskflow: Taskflow, token: str) -> ForgeClient:
    client = await taskflow.forge()
    client.token = token
    return client


async def test_the_json_export_is_of_the_documented_form(taskflow: Taskflow) -> None:
    admin = await taskflow.forge_admin()
    tag = await admin.made("/api/tags", {"name": "Work"})
    await admin.made("/api/tasks", {"title": "One", "tags": [tag["id"]], "due_date": "2030-01-01"})
    got = await admin.get("/api/tasks/export", params={"format": "json"})
    must_be_as_documented(got, TASKFORGE.operation("exportTasks")["responses"]["200"], "export")


async def test_the_service_tells_of_itself_without_waiting(taskflow: Taskflow) -> None:
    """Only what takes the header is documented to be made to wait."""
    anybody = await taskflow.forge()
    for position in ("999999999", "nowhere"):
        assert (await anybody.get("/api/health", headers={"X-Min-Position": position})).status == 200
    admin = await taskflow.forge_admin()
    refused = await admin.get("/api/tags", headers={"X-Min-Position": "nowhere"})
    assert (refused.status, refused.body["message"]) == (400, *said("listTags", 400))


async def test_what_no_operation_answers_is_documented_too(taskflow: Taskflow) -> None:
    anybody = await taskflow.forge()
    schemas = DOCUMENT["components"]["responses"]
    answer = await anybody.send("DELETE", "/api/tasks")
    assert answer.status == 405
    must_be_as_documented(answer, schemas["MethodNotAllowed"], "405")
    for path in ("/api/tasks/", "/api/tasks/one", "/api/nothing", "/api/users/-1"):
        answer = await anybody.get(path)
        assert answer.status == 404
        forms = TASKFORGE.operation("getTask")["responses"]["404"]["content"][JSON]["schema"]
        assert TASKFORGE.validator(forms).is_valid(answer.body), path
    too_long = await anybody.post(
        "/api/auth/login", data=b"{" + b" " * 300_000, headers={"Content-Type": JSON}
    )
    assert too_long.status == 413
    must_be_as_documented(too_long, schemas["PayloadTooLarge"], "413")


MOUNTS: Final = pytest.mark.parametrize("prefix", ["", "/taskforge"])


@MOUNTS
async def test_the_document_is_served_to_anybody_where_the_api_is(taskflow: Taskflow, prefix: str) -> None:
    anybody = await taskflow.forge(prefix)
    served = [await anybody.get(path) for path in ("/api/docs/openapi.json", "/apispec.json")]
    assert served[0].raw == served[1].raw
    for answer in served:
        assert (answer.status, answer.headers["Content-Type"]) == (200, JSON)
        assert answer.headers["Content-Security-Policy"] == STRICT
        assert "X-RateLimit-Limit" not in answer.headers
    # Ports vary, and the page may ask its own server only.
    assert [server["url"] for server in served[0].body["servers"]] == [prefix or "/"]
    assert served[0].body | {"servers": []} == orjson.loads(orjson.dumps(DOCUMENT)) | {"servers": []}


@MOUNTS
async def test_the_page_loads_the_document_of_its_own_mount(taskflow: Taskflow, prefix: str) -> None:
    anybody = await taskflow.forge(prefix)
    page = await anybody.get("/api/docs")
    assert page.headers["Content-Type"] == "text/html; charset=utf-8"
    text = page.raw.decode()
    assert "<title>TaskForge API</title>" in text
    loaded = re.findall(r'(?:src|href)="(/[^"]*)"', text)
    assert len(loaded) == 3
    for path in loaded:
        assert path.startswith(f"{prefix}/api/docs/")
        answer = await anybody.get(path.removeprefix(prefix))
        assert answer.status == 200, path
        assert "connect-src 'self'" in answer.headers["Content-Security-Policy"]
    start = (await anybody.get("/api/docs/start.js")).raw.decode()
    assert f'url: "{prefix}/api/docs/openapi.json"' in start
    assert "{docs}" not in start + text


async def test_the_servers_of_the_document_are_servers_of_the_api(taskflow: Taskflow) -> None:
    for prefix in ("", "/taskforge"):
        anybody = await taskflow.forge(prefix)
        document = (await anybody.get("/api/docs/openapi.json")).body
        base = document["servers"][0]["url"].removesuffix("/")
        anybody.prefix = ""
        assert (await anybody.get(f"{base}/api/health")).data["app_name"] == document["info"]["title"]


async def test_the_page_is_for_development_only(database_url: str, redis_url: str, logs: None) -> None:
    async with taskflow_running(database_url, redis_url, env="production") as taskflow:
        for prefix in ("", "/taskforge"):
            anybody = await taskflow.forge(prefix)
            for path in ("/api/docs", "/api/docs/", "/api/docs/start.js"):
                answer = await anybody.get(path)
                assert (answer.status, answer.body["message"]) == (404, "Resource not found")
            for path in ("/api/docs/openapi.json", "/apispec.json"):
                assert (await anybody.get(path)).status == 200
