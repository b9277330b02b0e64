"""The OpenAPI document: valid, complete, in step with the code that serves, and its examples are true."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import orjson
import pytest
from aiohttp import web
from openapi_spec_validator import validate

from api import errors, openapi
from api.bodies import parse_object
from api.openapi.document import printed
from api.openapi.examples import Examples
from api.taskflow.endpoints import Endpoint
from api.taskflow.envelope import translated
from api.taskflow.openapi.document import with_examples
from api.taskflow.openapi.words import FILTERS, FILTERS_OF
from api.taskflow.parameters import Parameter
from api.taskflow.project_forms import NewProject
from api.taskflow.routes import ENDPOINTS
from api.taskflow.validation import checked
from commands import errors as refusals
from readmodels.model import NotReady
from tests.documents import TASKFLOW, TASKFORGE, Document, alike, examples_in
from tests.http import Client, Taskflow

DOCUMENT: Final = TASKFLOW.content
UNDOCUMENTED: Final = TASKFLOW.undocumented
"""Pages for people, and the documents themselves."""

Described = dict[str, Any]

operations = TASKFLOW.operations
resolved = TASKFLOW.resolved
validator = TASKFLOW.validator

of_both = pytest.mark.parametrize(
    "document", [pytest.param(TASKFLOW, id="TaskFlow Pro"), pytest.param(TASKFORGE, id="TaskForge")]
)


def operation_of(endpoint: Endpoint) -> Described:
    operation: Described = DOCUMENT["paths"][endpoint.path][endpoint.method.lower()]
    return operation


@of_both
def test_the_document_is_valid(document: Document) -> None:
    validate(document.content)


@of_both
def test_everything_that_is_routed_is_documented_and_nothing_else(document: Document) -> None:
    app = web.Application()
    app.add_routes(document.routes())
    routed = {
        (route.method, route.resource.canonical)
        for route in app.router.routes()
        if route.resource and route.method != "HEAD"
    }
    documented = {(method, path) for method, path, _ in document.operations()}
    assert documented == {each for each in routed if each[1] not in document.undocumented}
    assert {path for _, path in routed} >= document.undocumented


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_every_endpoint_says_what_it_does_and_shows(endpoint: Endpoint) -> None:
    assert re.fullmatch(r"[A-Z].*[^.]", endpoint.summary)
    success = operation_of(endpoint)["responses"][str(endpoint.shows.status)]
    schema = success["content"]["application/json"]["schema"]
    untyped = [path for path in TASKFLOW.untyped(schema) if not path.endswith("errors")]
    assert not untyped, f"nothing is said about {untyped}"
    if endpoint.method == "GET":
        assert endpoint.shows.data, "a read shows something"
    if endpoint.shows.is_list:
        assert {"page", "per_page", "sort"} <= endpoint.parameters.keys()
        (shown,) = schema["properties"]["data"]["properties"].values()
        assert shown["type"] == "array"


@of_both
def test_operations_are_named_once_in_camel_case(document: Document) -> None:
    names = [operation["operationId"] for *_, operation in document.operations()]
    assert len(names) == len(set(names))
    assert all(re.fullmatch("[a-z]+([A-Z][a-z]+)*", name) for name in names)


@of_both
def test_schemas_have_names_that_people_can_read(document: Document) -> None:
    """Two types of one name would be told apart by their modules."""
    assert [
        name for name in document.content["components"]["schemas"] if not re.fullmatch("[A-Z][A-Za-z]+", name)
    ] == []


@of_both
def test_nothing_is_kept_that_nothing_refers_to(document: Document) -> None:
    text = printed({**document.content, "components": {}}).decode()
    components = document.content["components"]
    for kind in ("responses", "parameters", "headers", "schemas"):
        for name in components[kind]:
            ref = re.compile(f'["`]#/components/{kind}/{name}["`]')
            others = {key: value for key, value in components[kind].items() if key != name}
            rest = printed({**components, kind: others}).decode()
            assert ref.search(text) or ref.search(rest), f"{kind}/{name}"


def test_the_machinery_knows_no_dialect() -> None:
    for path in Path(openapi.__file__).parent.glob("*.py"):
        assert not re.search("taskflow|taskforge", path.read_text(), re.IGNORECASE), path


@of_both
def test_every_parameter_is_described(document: Document) -> None:
    for method, path, operation in document.operations():
        for parameter in map(document.resolved, operation.get("parameters", ())):
            assert re.fullmatch(r"[A-Z`].*\.", parameter["description"]), (method, path, parameter["name"])


def test_every_filter_has_its_meaning() -> None:
    filters = set()
    for _, path, operation in operations():
        for parameter in map(resolved, operation.get("parameters", ())):
            if parameter["in"] == "query":
                filters |= {parameter["name"], f"{operation['tags'][0]}.{parameter['name']}"}
                described = parameter["description"].removeprefix("Takes")
                assert described == parameter["description"], f"{path} does not say what {parameter} means"
    assert FILTERS.keys() | FILTERS_OF.keys() <= filters


@of_both
def test_no_header_that_is_sent_has_an_example(document: Document) -> None:
    """Swagger UI fills it in and sends it, and then a made-up token, tag or position is refused."""
    found = 0
    for method, path, operation in document.operations():
        for parameter in map(document.resolved, operation.get("parameters", ())):
            if parameter["in"] == "header":
                found += 1
                for described in (parameter, parameter["schema"]):
                    filled = {"example", "examples", "default", "content"} & described.keys()
                    assert not filled, (method, path, parameter["name"])
    assert found


def test_query_parameters_are_read_as_their_schemas_say() -> None:
    for endpoint in ENDPOINTS:
        for name, parameter in endpoint.parameters.items():
            schema = parameter.schema
            assert schema != {"type": "string"}, f"{name} of {endpoint.path} takes more than it says"
            for value in (*schema.get("enum", ()), *([schema["default"]] if "default" in schema else ())):
                parameter.read(str(value))
            for value in outside(schema):
                assert is_refused(parameter, value), f"{name} of {endpoint.path} takes {value!r}"


def is_refused(parameter: Parameter, value: object) -> bool:
    try:
        parameter.read(str(value))
    except ValueError:
        return True
    return False


def outside(schema: Mapping[str, Any]) -> Iterator[object]:
    """Values that a schema does not allow, only just."""
    if schema["type"] == "integer":
        yield from (schema["minimum"] - 1, schema["maximum"] + 1)
    if "maxLength" in schema:
        yield from ("x" * (schema["maxLength"] + 1), "", "a\0")
    if "enum" in schema:
        yield from (schema["enum"][0].upper(), "")


@pytest.mark.parametrize("endpoint", ENDPOINTS, ids=lambda each: f"{each.method} {each.path}")
def test_request_examples_are_accepted(endpoint: Endpoint) -> None:
    if endpoint.body is None:
        assert "requestBody" not in operation_of(endpoint)
        return
    content = operation_of(endpoint)["requestBody"]["content"]["application/json"]
    validator(content["schema"]).validate(content["example"])
    sent = parse_object(orjson.dumps(content["example"]), depth_max=32)
    assert checked(endpoint.body, sent).faults == {}


@of_both
def test_every_answer_has_an_example_that_fits(document: Document) -> None:
    for method, path, status, answer in document.answers():
        for kind, content in answer.get("content", {}).items():
            for example in examples_in(content):
                fault = document.validator(content["schema"]).iter_errors(example)
                assert not [*fault], (method, path, status, kind)
    assert {status for *_, status, answer in document.answers() if "content" not in answer} <= {"304"}


def test_answers_say_in_their_status_whether_they_are_errors() -> None:
    for method, path, status, answer in TASKFLOW.answers():
        if status != "304":
            for example in examples_in(answer["content"]["application/json"]):
                assert example["status"] == ("success" if int(status) < 400 else "error"), (method, path)


def test_no_example_is_a_placeholder() -> None:
    _, examples = with_examples(ENDPOINTS)
    assert examples.missing == set()


def test_an_answers_example_shows_what_the_requests_example_sent() -> None:
    operation = DOCUMENT["paths"]["/api/projects"]["post"]
    sent = operation["requestBody"]["content"]["application/json"]["example"]
    shown = operation["responses"]["201"]["content"]["application/json"]["example"]["data"]["project"]
    assert shown["name"] == sent["name"] == "Mobile App Development"
    assert shown["start_date"] == f"{sent['start_date']}T00:00:00Z"
    assert (shown["tasks"], shown["risks"], shown["spent_budget"]) == ([], [], 0.0)


def test_an_unknown_field_is_noticed() -> None:
    examples = Examples({"known": "yes"}, {})
    schema = {"type": "object", "properties": {"known": {"type": "string"}, "new": {"type": "string"}}}
    assert examples.of(schema, owner="Thing") == {"known": "yes", "new": "text"}
    assert examples.missing == {"Thing.new"}


STATUSES: Final = {
    "login": "200 400 401 403 413 415 422 429 500 503",
    "logout": "200 400 401 403 413 415 429 500 503",
    "me": "200 400 401 429 500 503",
    "listProjects": "200 400 401 429 500 503",
    "listProjectTasks": "200 400 401 404 429 500 503",
    "getProject": "200 304 400 401 404 429 500 503",
    "createProject": "201 400 401 403 409 413 415 422 429 500 503",
    "changeProject": "200 400 401 403 404 409 412 413 415 422 429 500 503",
    "deleteProject": "200 400 401 403 404 409 412 413 415 429 500 503",
    "assignTask": "200 400 401 403 404 409 412 413 415 422 429 500 503",
    "reportBudget": "200 400 401 403 429 500 503",
    "userHistory": "200 400 401 403 404 429 500 503",
    "getDepartmentStats": "200 304 400 401 403 404 429 500 503",
    "isReady": "200 503",
}


@pytest.mark.parametrize("name", STATUSES)
def test_operations_have_exactly_the_statuses_that_they_can_have(name: str) -> None:
    (operation,) = [each for *_, each in operations() if each["operationId"] == name]
    assert " ".join(operation["responses"]) == STATUSES[name]


REFUSALS: Final = (
    errors.BadRequest("x"),
    errors.TooSlow("x"),
    errors.Unauthenticated(),
    errors.CredentialsRefused("x"),
    errors.CrossSite("x"),
    errors.PayloadTooLarge("x"),
    errors.UnsupportedMediaType("x"),
    errors.KeyReused(),
    errors.KeyBusy(),
    errors.TryLater("x"),
    errors.RateLimited("20 per 1 minute", "a user", 7),
    refusals.NotFound("project"),
    refusals.Forbidden("manager"),
    refusals.Invalid({"name": ["Name is required"]}),
    refusals.Conflict("x"),
    refusals.PreconditionFailed(),
    refusals.Busy(),
    NotReady("x"),
    ZeroDivisionError(),
)


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda each: type(each).__name__)
def test_every_refusal_has_the_body_that_is_documented(refusal: Exception) -> None:
    """Of exactly one of the documented problems of its status, with no field more."""
    answer = translated(refusal, "GET", "user")
    body = {
        "status": "error",
        "message": answer.message,
        "data": dict(answer.data or {}),
        "meta": {"timestamp": "2025-07-01T00:00:00Z", "version": "1.0", "request_id": "req_12345678"},
    }
    fitting = []
    for name, response in DOCUMENT["components"]["responses"].items():
        documented = [
            operation["responses"][str(answer.status)].get("$ref", "")
            for *_, operation in operations()
            if str(answer.status) in operation["responses"]
        ]
        if f"#/components/responses/{name}" in documented:
            schema = response["content"]["application/json"]["schema"]
            fitting += [name] if validator(schema).is_valid(body) else []
            headers = response["headers"].keys()
            assert {*answer.headers} - {"Connection"} <= headers or name not in fitting
    assert fitting, f"no documented answer of status {answer.status} looks like this"


def test_moments_are_said_to_be_moments() -> None:
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if schema.get("additionalProperties") is False:
            continue  # what is sent may be a date alone
        for field, described in schema.get("properties", {}).items():
            if re.search("(_at|_date|_on|timestamp)$", field):
                assert '"format":"date-time"' in orjson.dumps(described).decode(), f"{name}.{field}"


def test_what_is_left_out_has_a_default_only_where_something_is_made() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    new, change = schemas["NewProject"]["properties"], schemas["ProjectChange"]["properties"]
    assert {name: each["default"] for name, each in new.items() if "default" in each} == {
        "description": "",
        "budget": 0,
        "start_date": None,
        "end_date": None,
        "status": "active",
    }
    assert not [name for name, each in change.items() if "default" in each]
    assert schemas["NewProject"]["required"] == ["name"]
    assert "required" not in schemas["ProjectChange"]


def test_what_a_body_takes_is_said_exactly() -> None:
    schemas = DOCUMENT["components"]["schemas"]
    project, user = schemas["NewProject"]["properties"], schemas["NewUser"]["properties"]
    assert project["name"]["maxLength"] == 100
    assert project["budget"] == {
        "type": "number",
        "minimum": 0,
        "maximum": 999999999999.99,
        "description": "Two decimals at most.",
        "default": 0,
    }
    assert project["description"]["type"] == ["string", "null"]
    assert project["status"]["enum"] == ["active", "on_hold", "completed", "cancelled"]
    assert schemas["NewProject"]["additionalProperties"] is False
    assert (user["password"]["minLength"], user["password"]["maxLength"]) == (8, 128)
    assert re.fullmatch(user["username"]["pattern"], "new_user-1")
    assert not re.fullmatch(user["username"]["pattern"], "new user")
    moment = project["start_date"]["anyOf"][0]["pattern"]
    for text in ("2025-07-01", "2025-07-01T09:30:00Z", "2025-07-01T09:30+02:00"):
        assert re.fullmatch(moment, text)
    for text in ("2025-13-01", "2025-07-01 09:30", "2025-07-01T24:00", "0000-01-01", "yesterday"):
        assert not re.fullmatch(moment, text)


CENTS: Final = ("0.01", "0.07", "0.29", "1.1", "4.35", "19.99", "123456.78")


def amounts() -> Iterator[tuple[str, str, Described]]:
    """The fields of bodies that take money or hours, by body and name."""
    for name, schema in DOCUMENT["components"]["schemas"].items():
        if schema.get("additionalProperties") is False:
            for field, described in schema["properties"].items():
                for each in described.get("anyOf", [described]):
                    if each.get("type") == "number":
                        yield name, field, each


def test_money_and_hours_fit_their_schemas_digit_by_digit() -> None:
    """For validators that count in binary fractions and for those that count exactly."""
    found = list(amounts())
    assert {field for _, field, _ in found} >= {"budget", "amount", "hourly_rate", "estimated_hours"}
    assert '"multipleOf"' not in printed(DOCUMENT).decode(), "19.99 / 0.01 is no whole number in floats"
    for name, field, schema in found:
        assert "Two decimals at most." in schema["description"], (name, field)
        most = str(schema["maximum"])
        for digits in (str(schema["minimum"]), *CENTS, most):
            for number in (float(digits), Decimal(digits)):
                assert validator(schema).is_valid(number), (name, field, digits)
            assert taken(name, field, digits) == Decimal(digits) * 100, (name, field, digits)
        for digits in ("-0.01", str(Decimal(most) + Decimal("0.01"))):
            for number in (float(digits), Decimal(digits)):
                assert not validator(schema).is_valid(number), (name, field, digits)
            assert isinstance(taken(name, field, digits), list), (name, field, digits)
        for digits in ("0.001", "19.999", "1e-3", "4.3500001"):
            assert taken(name, field, digits) == [f"{said(field)} must have at most two decimals"]


def taken(body: str, field: str, digits: str) -> int | list[str]:
    """What a body makes of a number as it stands in JSON: hundredths, or what is wrong with it."""
    endpoint = next(each for each in ENDPOINTS if each.body and each.body.__name__ == body)
    assert endpoint.body
    others = {name: value for name, value in (endpoint.example or {}).items() if name != field}
    sent = orjson.dumps({**others, field: "digits"}).replace(b'"digits"', digits.encode())
    fields, faults = checked(endpoint.body, parse_object(sent, depth_max=32))
    name = endpoint.body.model_fields[field].serialization_alias or field
    return faults[field] if field in faults else int(fields[name])


def said(field: str) -> str:
    return field.replace("_", " ").capitalize()


@pytest.mark.parametrize("digits", ["5", "5.0", "5e0", "0.5e1"])
def test_a_whole_number_is_one_however_it_is_written(digits: str) -> None:
    """JSON Schema knows no other integers, and clients in some languages write them so."""
    sent = parse_object(f'{{"name": "P", "owner_id": {digits}}}'.encode(), depth_max=32)
    assert checked(NewProject, sent) == ({"name": "P", "owner_id": 5}, {})


@pytest.mark.parametrize("digits", ["5.5", "0", "0.0", "-5", "true", '"5"', "1e300", "1e-300", "1e19"])
def test_what_is_no_number_of_an_object_is_refused(digits: str) -> None:
    sent = parse_object(f'{{"name": "P", "owner_id": {digits}}}'.encode(), depth_max=32)
    assert checked(NewProject, sent).faults == {"owner_id": ["Owner id must be the number of an object"]}


def test_what_was_made_leads_to_what_can_be_done_with_it() -> None:
    def links(path: str) -> set[str]:
        return set(DOCUMENT["paths"][path]["post"]["responses"]["201"]["links"])

    assert links("/api/projects/{project_id}/tasks") >= {"getTask", "changeTask", "deleteTask", "assignTask"}
    assert links("/api/projects/{project_id}/expenses") == {"getExpense", "reverseExpense"}
    assert {"getProject", "createTask", "raiseRisk", "recordExpense"} <= links("/api/projects")
    linked = DOCUMENT["paths"]["/api/projects/{project_id}/expenses"]["post"]["responses"]["201"]["links"]
    assert linked["getExpense"]["parameters"] == {
        "expense_id": "$response.body#/data/expense/id",
        "project_id": "$request.path.project_id",
    }


def test_signing_in_needs_no_session_and_everything_else_does() -> None:
    public = {operation["operationId"] for *_, operation in operations() if not operation["security"]}
    assert public == {"login", "isAlive", "isReady"}
    assert DOCUMENT["components"]["securitySchemes"]["session"]["name"] == "session"


@of_both
def test_the_committed_document_is_the_one_that_the_code_makes(document: Document) -> None:
    """Else: .venv/bin/python scripts/write_api_docs.py"""
    assert document.file.read_bytes() == printed(document.content)


PLACES: Final = {
    "{project_id}": "1",
    "{task_id}": "1",
    "{risk_id}": "1",
    "{expense_id}": "1",
    "{user_id}": "5",
    "{session_id}": "2",
    "{department_id}": "4",
}
LAST: Final = ("deleteTask", "reverseExpense", "deleteProject", "endOtherSessions", "logout")


async def test_examples_of_tables_have_the_columns_that_are_sent(taskflow: Taskflow) -> None:
    """And their rows hold what the examples in JSON show."""
    tables = [
        (path, operation["responses"]["200"]["content"])
        for _, path, operation in operations()
        if "text/csv" in operation["responses"].get("200", {}).get("content", {})
    ]
    assert len(tables) == 4
    for path, content in tables:
        example = content["text/csv"]["example"]
        sent = (await taskflow.admin.get(path, params={"format": "csv"})).raw.decode()
        assert example.split("\r\n")[0] == sent.split("\r\n")[0], path
        (row,) = csv.DictReader(example.splitlines())
        *_, (shown,) = content["application/json"]["example"]["data"].values()
        for name, value in flat(shown).items():
            assert value in (row[name], as_number(row[name])), (path, name)
        assert len(row) == len(flat(shown)), path


def flat(shown: Described) -> Described:
    """A person's fields beside the others."""
    made: Described = {}
    for name, value in shown.items():
        persons = (
            {f"{name}_{field}": each for field, each in value.items()} if isinstance(value, dict) else None
        )
        made |= persons or {name: value}
    return made


def as_number(cell: str) -> float | None:
    return float(cell) if re.fullmatch(r"-?[0-9.]+", cell) else None


async def test_examples_look_as_real_answers_do(taskflow: Taskflow) -> None:
    """Each documented request, sent as it stands there, is answered with the documented fields."""
    await make_what_examples_speak_of(taskflow)
    ordered = sorted(operations(), key=order)
    for method, path, operation in ordered:
        if operation["operationId"] in ("isAlive", "isReady"):
            continue
        status, answer = next(iter(operation["responses"].items()))
        example = answer["content"]["application/json"]["example"]
        got = await send(taskflow.admin, method, path, operation)
        assert str(got.status) == status, (method, path, got.raw)
        assert got.body.get("message") == example.get("message"), (method, path)
        assert alike(got.body, example), (method, path, got.raw)
        borne = {name for name, each in answer["headers"].items() if resolved(each)["required"]}
        assert all(name in got.headers for name in borne), (method, path)


async def make_what_examples_speak_of(taskflow: Taskflow) -> None:
    """Ids are numbers of a sequence: the examples' users and departments are there first."""
    await taskflow.signed_in("admin", "admin123")
    for number in range(2, 5):
        await taskflow.user(f"member{number}")
    for name in ("Engineering", "Design"):
        await taskflow.admin.made("/api/departments", {"name": name})


def order(found: tuple[str, str, Described]) -> tuple[int, bool, int]:
    """First what makes something, at last what removes it."""
    method, path, operation = found
    name = operation["operationId"]
    return (LAST.index(name) if name in LAST else -1, method != "POST", path.count("/"))


async def send(client: Client, method: str, path: str, operation: Described) -> Any:
    return await client.send(method, placed(path), example_of(operation))


def placed(path: str) -> str:
    for place, number in PLACES.items():
        path = path.replace(place, number)
    return path


def example_of(operation: Described) -> object:
    """The request's example, or None where it has no body."""
    body = operation.get("requestBody")
    return body and body["content"]["application/json"]["example"]
