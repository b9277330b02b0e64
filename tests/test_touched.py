"""Whatever changes what a reader was told is announced by one of the tags that the answer rests on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from random import Random
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from events.event import Record
from projections.memory import changes_of
from readmodels.changes import Changes
from readmodels.documents import Ref
from readmodels.kinds import KINDS
from readmodels.memory import MemoryModel
from readmodels.model import Query, Range, Through
from readmodels.touched import EVERYTHING, TAGS_MAX, kind_of, page_tags, tag_of, touched
from tests.histories import START, history

NUMBERS: Final = range(1, 6)
LATE: Final = Range("task:open:due", None, START.timestamp() + 60 * 86_400)


def queries() -> Iterator[Query]:
    """Pages as both dialects ask for them, of every kind that is listed."""
    for kind in ("user", "department", "project", "task", "tag"):
        yield Query(kind, limit=3)
        yield Query(kind, text="a", limit=3)
        yield Query(kind, sort="updated_at" if kind != "department" else "name", limit=2)
    for number in NUMBERS:
        yield Query("project", where=((f"project:visible:{number}",),))
        yield Query("task", where=((f"task:own:{number}",),), text="alpha")
        yield Query("task", through=Through(f"project:visible:{number}", "task:project:"))
        yield Query("task", ranges=(Range(f"task:open:due:department:{number}"),), limit=0)
        for kind in ("task", "risk", "expense"):
            yield Query(kind, where=((f"{kind}:project:{number}",),))
        in_project = (f"task:project:{number}",)
        yield Query("task", where=(("task:status:pending",), in_project), sort="title", limit=2)
        yield Query("task", where=(in_project,), without=(LATE,), text="b")
        yield Query("task", where=(in_project,), ranges=(LATE,), sort="updated_at", limit=1)


QUERIES: Final = tuple(queries())


def batches(records: list[Record], random: Random) -> Iterator[list[Record]]:
    while records:
        size = random.randrange(1, 6)
        yield records[:size]
        records = records[size:]


async def pages(model: MemoryModel) -> list[object]:
    return [(page.documents, page.total) for page in [await model.page(query) for query in QUERIES]]


def tells(tags: Iterable[str] | None, rested_on: Iterable[str]) -> bool:
    return tags is None or not set(tags).isdisjoint(rested_on)


@settings(max_examples=12)
@given(seed=st.integers(0, 10_000))
async def test_what_changes_a_page_a_document_or_an_index_is_told(seed: int) -> None:
    random, model = Random(seed), MemoryModel()
    before = await pages(model)
    for batch in batches(history(Random(seed), 80), random):
        changes = changes_of(batch, model, frozenset())
        documents, indexes = dict(model.documents), {name: dict(each) for name, each in model.indexes.items()}
        model.apply(changes, batch[-1].position, batch[-1].recorded_at)
        tags, after = touched(changes), await pages(model)
        for query, old, new in zip(QUERIES, before, after, strict=True):
            assert old == new or tells(tags, page_tags(query)), query
        for ref in documents.keys() | model.documents.keys():
            assert documents.get(ref) == model.documents.get(ref) or tells(tags, [tag_of(ref)]), ref
        for name in indexes.keys() | model.indexes.keys():
            assert indexes.get(name, {}) == model.indexes.get(name, {}) or tells(tags, [kind_of(name)]), name
        before = after


async def test_tasks_of_one_project_are_no_news_for_another_one() -> None:
    """Or every detail of a project would be made anew for each task that anybody touches."""
    model, spared = MemoryModel(), 0
    for record in history(Random(3), 300):
        changes = changes_of([record], model, frozenset())
        tags = touched(changes) or ()
        for number in NUMBERS:
            query = Query("task", where=((f"task:project:{number}",),))
            spared += "task" in tags and not tells(tags, page_tags(query))
        model.apply(changes, record.position, record.recorded_at)
    assert spared > 100


@pytest.mark.parametrize(
    ("query", "tags"),
    [
        (Query("task", where=(("task:project:5",),)), {"task:project:5"}),
        (Query("task", where=(("task:status:pending",), ("task:project:5",))), {"task:project:5"}),
        (Query("task", where=(("task:project:5", "task:project:6"),)), {"task"}),
        (Query("task", where=(("task:project:5",), ("task:people:3",))), {"task"}),
        (Query("task", where=(("task:project:5",),), through=Through("project:visible:7", "task:project:")),
         {"task", "project"}),
        (Query("project", where=(("project:visible:7",),)), {"project"}),
        (Query("user", ranges=(Range("user:sort:id", 7, 7),)), {"user"}),
    ],
)  # fmt: skip
def test_a_page_rests_on_a_project_or_on_whole_kinds(query: Query, tags: set[str]) -> None:
    assert set(page_tags(query)) == tags


def test_documents_that_stop_or_go_on_may_be_shown_by_any_answer() -> None:
    ref = Ref("task", "1")
    assert touched(Changes(parked={ref})) is None
    assert touched(Changes(freed={ref})) is None


def test_nothing_is_told_of_nothing() -> None:
    assert touched(Changes()) == []


def test_what_touches_very_much_is_not_told_one_by_one() -> None:
    changes = Changes(documents={Ref("tag_figures", str(number)): None for number in range(TAGS_MAX - 1)})
    assert len(touched(changes) or ()) == TAGS_MAX
    changes.documents[Ref("tag_figures", "another")] = None
    assert touched(changes) is None


def test_no_kind_is_called_like_everything() -> None:
    assert EVERYTHING not in KINDS
