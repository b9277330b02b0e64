"""Tags: everybody reads and makes them, admins change and delete them."""

from __future__ import annotations

from typing import Final

from typing_extensions import TypedDict

from api.behind import Readable
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import Answer, Words
from api.taskforge.listing import Pagination, Sorting, paged, place
from api.taskforge.reading import must_have, read
from api.taskforge.tag_forms import (
    DEFAULT_COLOR,
    FAULTS,
    FIELDS,
    NewTag,
    ShownTag,
    TagChange,
    shown_tags,
    tag_answer,
)
from commands.tags import ChangeTag, CreateTag, DeleteTag
from events.tags import TagCreated
from readmodels.model import Query

SORTING: Final = Sorting(
    {"id": "id", "name": "name", "created_at": "created", "updated_at": "updated_at"},
    default="name",
    descending=False,
)
EXISTS: Final = "Tag already exists"


class Tags(TypedDict):
    tags: list[ShownTag]
    pagination: Pagination


async def list_tags(call: Call) -> Answer:
    page = await call.core.model.page(paged(Query("tag"), call.query, SORTING))
    tags = await shown_tags(call.core.model, page.documents)
    return Answer(Tags(tags=tags, pagination=place(call.query).of(page)))


async def get_tag(call: Call) -> Answer:
    return await tag_answer(call.core.model, call.number("tag_id", "tag"))


async def create_tag(call: Call) -> Answer:
    must_have(call.body, ["name"])
    fields = read({"color": DEFAULT_COLOR, **call.body}, FIELDS)
    written = await call.write(CreateTag(**fields.values, invalid=fields.invalid))
    tag_id = written.the(TagCreated).tag_id

    async def show(model: Readable) -> Answer:
        return await tag_answer(model, tag_id, "Tag created successfully", 201)

    return await call.shown(written, show, is_new=True)


async def change_tag(call: Call) -> Answer:
    tag_id = call.number("tag_id", "tag")
    fields = read(call.body, FIELDS)
    written = await call.write(ChangeTag(tag_id=tag_id, **fields.values, invalid=fields.invalid))

    async def show(model: Readable) -> Answer:
        return await tag_answer(model, tag_id, "Tag updated successfully")

    return await call.shown(written, show)


async def delete_tag(call: Call) -> Answer:
    written = await call.write(DeleteTag(tag_id=call.number("tag_id", "tag")))
    return await call.done(written, "Tag deleted successfully")


ONE: Final = "/api/tags/{tag_id:[0-9]+}"
NOT_FOUND: Final = "Tag not found"
WORDS: Final = Words(taken={"name": EXISTS})

ENDPOINTS: Final = (
    Endpoint(
        methods=("GET",),
        path="/api/tags",
        handle=list_tags,
        is_kept=True,
        parameters=SORTING.parameters(),
        summary="List all tags",
        shows=Shows(Tags),
    ),
    Endpoint(
        methods=("POST",),
        path="/api/tags",
        handle=create_tag,
        body=NewTag,
        takes_key=True,
        limit="20/hour",
        counts_callers_only=True,
        words=WORDS,
        summary="Make a tag",
        shows=Shows(ShownTag, status=201),
        example={"name": "Work", "color": "#FF0000", "description": "What is paid for"},
        fails={400: ("Missing required fields: name", *FAULTS), 409: (EXISTS,)},
    ),
    Endpoint(
        methods=("GET",),
        path=ONE,
        handle=get_tag,
        is_kept=True,
        summary="Read a tag",
        shows=Shows(ShownTag),
        fails={404: (NOT_FOUND,)},
    ),
    Endpoint(
        methods=("PUT", "PATCH"),
        path=ONE,
        handle=change_tag,
        body=TagChange,
        is_for_admins=True,
        words=WORDS,
        summary="Change a tag",
        shows=Shows(ShownTag),
        example={"color": "#00FF00"},
        fails={400: FAULTS, 404: (NOT_FOUND,), 409: (EXISTS,)},
    ),
    Endpoint(
        methods=("DELETE",),
        path=ONE,
        handle=delete_tag,
        is_for_admins=True,
        summary="Delete a tag; the tasks that have it stay",
        fails={404: (NOT_FOUND,)},
    ),
)
