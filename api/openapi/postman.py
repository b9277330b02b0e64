"""A Postman collection (v2.1) from an OpenAPI document, to be run from its first request to its last."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final
from uuid import NAMESPACE_URL, uuid5

from api.openapi.postman_items import Bodies, Described, Found, Made, item, made_by, used_by, variables_of

SCHEMA: Final = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
SIGN_IN: Final = "login"
"""The id of the operation that comes first, outside all folders; the cookie that it sets is kept."""

SIGN_OUT: Final = "logout"
REMOVING: Final = "Removing"
ABOUT_REMOVING: Final = "What the folders before made is removed again, the last first."

VARIABLES: Final[Mapping[str, str]] = {
    "baseUrl": "http://localhost:5000",
    "username": "admin",
    "password": "admin123",
}


def collection(document: Described, bodies: Bodies) -> Made:
    """A folder for each tag, after those that make what it uses, and one for what removes.

    The document's examples are the bodies; `bodies` are by id of operation the fields that must differ
    from them, because they name what another request makes, or may be taken by an earlier run.
    """
    found = list(_operations(document))
    first = [each for each in found if each[2]["operationId"] == SIGN_IN]
    ends = {tag for *_, operation in first for tag in operation["tags"]}
    kept = [each for each in found if each[0] != "DELETE" and each not in first]
    tags = [*_in_order(document, [tag for tag in document["tags"] if tag["name"] not in ends], kept, bodies)]
    folders = [_folder(document, tag, _of(tag["name"], kept), bodies) for tag in tags]
    removing = [each for tag in reversed(tags) for each in _of(tag["name"], found) if each[0] == "DELETE"]
    last = [tag for tag in document["tags"] if tag["name"] in ends]
    return {
        "info": {
            "_postman_id": str(uuid5(NAMESPACE_URL, document["info"]["title"])),
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": SCHEMA,
        },
        "item": [
            *(item(document, each, bodies) for each in first),
            *folders,
            _folder(document, {"name": REMOVING, "description": ABOUT_REMOVING}, removing, bodies),
            *(_folder(document, tag, _of(tag["name"], kept), bodies) for tag in last),
        ],
        "variable": [
            {"key": key, "value": value, "type": "string"}
            for key, value in {**VARIABLES, **variables_of(document)}.items()
        ],
    }


def _operations(document: Described) -> Iterator[Found]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation


def _of(tag: str, found: Sequence[Found]) -> list[Found]:
    return [each for each in found if tag in each[2]["tags"]]


def _in_order(
    document: Described, tags: list[Described], found: Sequence[Found], bodies: Bodies
) -> Iterator[Described]:
    """The tags as they come, but each after those whose operations make what its own use.

    Raises RuntimeError where nothing makes what a tag's operations use.
    """
    made: set[str] = set()
    waiting = list(tags)
    while waiting:
        tag = next(each for each in waiting if _uses(document, _of(each["name"], found), bodies) <= made)
        waiting.remove(tag)
        made |= {name for each in _of(tag["name"], found) for name in made_by(each[2])}
        yield tag


def _uses(document: Described, found: Sequence[Found], bodies: Bodies) -> set[str]:
    """The variables that operations use without making them."""
    used = {name for each in found for name in used_by(document, each, bodies)}
    return used - {name for each in found for name in made_by(each[2])}


def _folder(document: Described, tag: Described, found: Sequence[Found], bodies: Bodies) -> Made:
    """What makes something comes first; with it, the rest has something to speak of."""
    ordered = sorted(found, key=lambda each: (each[2]["operationId"] == SIGN_OUT, not made_by(each[2])))
    items = [item(document, each, bodies) for each in ordered]
    return {"name": tag["name"], "description": tag["description"], "item": items}
