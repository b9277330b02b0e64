"""The OpenAPI document of the operators' API, made from the endpoints that serve."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from api.openapi.addresses import named
from api.openapi.document import Operation, Tag, document, printed, tags_used
from api.openapi.examples import Examples
from api.openapi.schemas import Schemas
from api.ops.endpoints import OpsEndpoint
from api.taskflow.endpoints import Shows
from api.taskflow.envelope import VERSION
from api.taskflow.openapi.document import META, PAGINATION, SESSION, problem_messages, problem_responses
from api.taskflow.openapi.headers import BORNE, TAKEN
from api.taskflow.openapi.operations import operation
from api.taskflow.openapi.problems import body_schemas
from api.taskflow.openapi.samples import SAMPLES
from api.taskflow.openapi.successes import successes_of

Described = dict[str, Any]

TITLE: Final = "TaskLedger operators' API"
ABOUT: Final = """\
What operators and auditors do, over HTTP: the commands of `taskledger` of the same names do the same.

Everything here is for admins. Sign in by `POST /api/auth/login` of TaskFlow Pro, whose session cookie,
CSRF rules, envelope and limits hold here, too. What changes something takes a `reason`, which is recorded
with who did it; nothing can be undone in the log, so an operation is an event like all others.
"""
SERVERS: Final = ({"url": "/", "description": "The server that this document comes from"},)

MEANINGS: Final = {
    "at": "The moment at which it is looked at.",
    "at_position": "The place in the log at which it is looked at; instead of `at`.",
    "from": "The earlier moment.",
    "to": "The later moment; the present without it.",
    "from_position": "The earlier place in the log; instead of `from`.",
    "to_position": "The later place in the log; instead of `to`.",
    "actor": "Only what this user did.",
    "actor_id": "Only what this user tried.",
    "address": "Only from this address.",
    "path": "Only at this address of the API.",
    "type": "Only events of these types.",
    "stream": "Only events of these streams.",
    "request": "Only events of this request.",
    "where": "Only events whose payload fits.",
    "since": "Only at this moment or later.",
    "until": "Only at this moment or earlier.",
    "after": "Only behind this place.",
    "before": "Only before this place.",
    "limit": "How many at most.",
    "order": "Which come first.",
    "wait_s": "How many seconds to wait for something new.",
    "masked": "Whether personal data are left out.",
}
"""What filters mean that TaskFlow Pro does not have."""


def ops_document(endpoints: Sequence[OpsEndpoint]) -> Described:
    """The document of everything that the endpoints serve."""
    schemas = Schemas(
        bodies=[endpoint.body for endpoint in endpoints if endpoint.body],
        shown=[
            each for endpoint in endpoints for shows in successes(endpoint) for each in shows.data.values()
        ],
        others={**body_schemas(), "Meta": META, "Pagination": PAGINATION},
    )
    examples = Examples({**SAMPLES, **problem_messages()}, schemas.components)
    operations = [_operation(endpoint, schemas, examples) for endpoint in endpoints]
    names = dict.fromkeys(each.tag for each in operations)
    tags = [Tag(name, f"As `taskledger {_words(name)}` does.") for name in names]
    made = document(
        info={"title": TITLE, "version": VERSION, "description": ABOUT},
        servers=SERVERS,
        tags=tags_used(tags, operations),
        operations=operations,
        components={
            "schemas": schemas.components,
            "responses": problem_responses(examples),
            "parameters": TAKEN,
            "headers": BORNE,
            "securitySchemes": {"session": SESSION},
        },
    )
    return _without_unused(made)


def _without_unused(made: Described) -> Described:
    """TaskFlow Pro's components serve here, too, but for those that nothing refers to."""
    components = made["components"]
    while True:
        text = printed(made).decode()
        unused = [
            (kind, name)
            for kind in ("responses", "parameters", "headers", "schemas")
            for name in components[kind]
            if f'"#/components/{kind}/{name}"' not in text
        ]
        for kind, name in unused:
            components = {**components, kind: {k: v for k, v in components[kind].items() if k != name}}
        if not unused:
            return made
        made = {**made, "components": components}


def _operation(endpoint: OpsEndpoint, schemas: Schemas, examples: Examples) -> Operation:
    """Handlers are called alike in several groups, so the group's name goes first."""
    group = endpoint.handle.__module__.rpartition(".")[2]
    made = operation(endpoint, schemas, examples, [endpoint])
    parameters = [_explained(each) for each in made.parameters]
    responses = {**made.responses, **_more_responses(endpoint, schemas, examples)}
    return replace(
        made,
        id=named(f"{group}_{endpoint.handle.__name__}"),
        parameters=parameters,
        responses=dict(sorted(responses.items())),
    )


def successes(endpoint: OpsEndpoint) -> Iterator[Shows]:
    yield endpoint.shows
    if endpoint.also is not None:
        yield endpoint.also


def _more_responses(endpoint: OpsEndpoint, schemas: Schemas, examples: Examples) -> dict[int, Described]:
    more: dict[int, Described] = {}
    if endpoint.also is not None:
        more |= successes_of(replace(endpoint, shows=endpoint.also), schemas, examples, {})
    if endpoint.may_miss:
        more[404] = {"$ref": "#/components/responses/NotFound"}
    return more


def _explained(parameter: Described) -> Described:
    """A parameter in the query with what it means here."""
    if parameter.get("in") != "query" or not parameter["description"].startswith("Takes"):
        return parameter
    meaning = MEANINGS.get(parameter["name"], "")
    return {**parameter, "description": f"{meaning} {parameter['description']}".strip()}


def _words(tag: str) -> str:
    return tag.lower().replace(" ", "-")
