"""Pages, cursors, filters, sorting: TaskFlow refuses what it does not know, TaskForge takes defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import pytest

from tests.hostile.asking import BAD_REQUEST, Api
from tests.http import Taskflow

TEXTS: Final = (
    "(a+)+$",
    "'; drop table x; --",
    "%",
    "_",
    "a\\",
    "\u202e",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "x" * 200,
)

REFUSED: Final[dict[str, tuple[str, ...]]] = {
    "page": (
        "0",
        "-1",
        "1.5",
        "abc",
        "",
        " 1",
        "1e3",
        "0x1",
        "99999999999",
        "\u0661",
        "9" * 400,
        "null",
        "[]",
    ),
    "per_page": ("0", "-1", "101", "1000000000", "abc", "", "1e1", "9" * 400),
    "sort": (
        "nothing",
        "password_hash",
        "--id",
        "id,name",
        "id desc",
        "",
        "__proto__",
        "id;drop",
        "ID",
        "-",
        "n" * 6000,
    ),
    "status": ("", "nothing", "ACTIVE", "active,completed", "active'", "\u200bactive"),
    "user_id": ("0", "-1", "1,2", "abc", "", "9" * 19, "1 or 1=1", "*"),
    "q": ("", "\0", "x" * 201, "a\0b"),
    "as_of_position": ("-1", "abc", "", "1.5", "9" * 19, str(2**63)),
    "unknown": ("", "1"),
    "user_id[$ne]": ("1",),
    "filter": ("x" * 6000,),
    "": ("1",),
    "PAGE": ("1",),
    "limit": ("1",),
    "offset": ("1000000000000",),
    "cursor": ("eyJpZCI6MX0", "", "A" * 6000),
}
"""What a list of TaskFlow does not take, by parameter."""


async def test_taskflow_names_the_parameter_that_it_does_not_take(apis: dict[str, Api]) -> None:
    for name, values in REFUSED.items():
        for value in values:
            answer = await apis["TaskFlow"].client.get("/api/projects", params={name: value})
            apis["TaskFlow"].check(answer, BAD_REQUEST, (name, value[:40]))
            assert name[:200] in answer.body["message"], (name, answer.body["message"])


async def test_a_parameter_is_given_once(apis: dict[str, Api]) -> None:
    for query in ("page=1&page=1", "status=active&status=completed", "q=a&q=b"):
        apis["TaskFlow"].check(
            await apis["TaskFlow"].client.get(f"/api/projects?{query}"), BAD_REQUEST, query
        )


OPERATORS: Final = {
    "after": ("-1", "abc", "1.5", "9" * 30, ""),
    "before": ("-1", "abc", "9" * 30),
    "limit": ("0", "-1", "1000000000", "abc"),
    "order": ("random", ""),
    "actor": ("0", "abc", "-1"),
    "type": ("", "x" * 5000, "\0"),
    "stream": ("", "x" * 201, "\0"),
    "since": ("yesterday-ish", "2025-02-30", "x" * 41, ""),
    "until": ("9999-12-31T23:59:60Z",),
    "where": ("", "data.", "=", "data.title", "data.title=", "[", "[1]", '["a"', "data.a.b.c='\0'",
              "x" * 6000, "data.x=1' or '1'='1", "[" * 5000),
    "cursor": ("eyJpZCI6MX0",),
}  # fmt: skip
"""What the log's search does not take: 400, or, where the words are right, nothing found."""


async def test_operators_searches(apis: dict[str, Api]) -> None:
    api = apis["operators"]
    for name, values in OPERATORS.items():
        for value in values:
            answer = await api.client.get("/ops/api/events", params={name: value})
            assert answer.status in (200, 400), (name, value[:40], answer.raw[:300])
            if answer.status == 400:
                api.check(answer, BAD_REQUEST, (name, value[:40]))
            else:
                assert name in ("where", "type", "stream"), (name, value[:40])
                assert answer.data["events"] == [], (name, value[:40])


LENIENT: Final = {
    "page": ("0", "-1", "abc", "", "1e3", "1.5", "9" * 400, "\u0661", "null"),
    "per_page": ("0", "-1", "abc", "", "1000000000", "9" * 400),
    "sort_by": ("nothing", "password_hash", "", "__proto__", "id;drop", "n" * 6000),
    "sort_order": ("sideways", "", "desc;"),
    "unknown": ("", "1", "x" * 6000),
}
NOTHING_FOUND: Final = {
    "status": ("", "nothing", "PENDING", "pending'"),
    "priority": ("", "nothing"),
    "tag_id": ("abc", "", "-1", "0", "1.5", "9" * 400, "1 or 1=1"),
    "user_id": ("abc", "", "-1", "9" * 400),
    "tag_name": ("%", "_", "(a+)+$", "x" * 6000, "\0"),
    "search": ("%", "_", "(a+)+$", "x" * 6000, "\0", "'; drop table x; --"),
}


async def test_taskforge_takes_what_is_wrong_for_the_default(apis: dict[str, Api]) -> None:
    api = apis["TaskForge"]
    usual = (await api.client.get("/api/tasks")).data["tasks"]
    assert len(usual) == 1
    for name, values in LENIENT.items():
        for value in values:
            answer = await api.client.get("/api/tasks", params={name: value})
            assert answer.status == 200, (name, value[:40], answer.raw)
            far = name == "page" and value == "9" * 400
            assert answer.data["tasks"] == ([] if far else usual), (name, value[:40])
            assert 1 <= answer.data["pagination"]["per_page"] <= 100


async def test_taskforge_finds_nothing_where_a_filter_is_none(apis: dict[str, Api]) -> None:
    api = apis["TaskForge"]
    for name, values in NOTHING_FOUND.items():
        for value in values:
            answer = await api.client.get("/api/tasks", params={name: value})
            assert (answer.status, answer.data["tasks"]) == (200, []), (name, value[:40], answer.raw)


ADDRESSES: Final = (
    "?%ff=1",
    "?q=%ff",
    "?q=%ed%a0%80",
    "?q=%00",
    "?%00",
    "?&&&",
    "?=",
    "?a=b=c",
    "?q=%",
    "?q=%zz",
    "?" + "&" * 3000,
)


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_queries_that_are_badly_written(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    from yarl import URL

    api = apis[name]
    path = "/ops/api/events" if name == "operators" else api.path
    for query in ADDRESSES:
        address: Any = URL(f"{api.url}{path}{query}", encoded=True)
        async with api.client.session.get(address, headers=bearer(api)) as answer:
            assert answer.status in (200, 400), (query[:40], await answer.read())


def bearer(api: Api) -> dict[str, str]:
    token = getattr(api.client, "token", None)
    return {"Authorization": f"Bearer {token}"} if token else {}


def pages(total: int) -> Iterable[tuple[int, int]]:
    return ((page, per_page) for per_page in (1, 100) for page in (1, total + 1, 10**9))


async def test_beyond_the_last_page_there_is_nothing(apis: dict[str, Api]) -> None:
    for page, per_page in pages(1):
        params = {"page": str(page), "per_page": str(per_page)}
        flow = await apis["TaskFlow"].client.get("/api/projects", params=params)
        forge = await apis["TaskForge"].client.get("/api/tasks", params=params)
        there = 1 if page == 1 else 0
        assert len(flow.data["projects"]) == len(forge.data["tasks"]) == there, params
        assert flow.body["pagination"]["total"] == forge.data["pagination"]["total"] == 1


async def test_a_long_search_is_judged_quickly(apis: dict[str, Api]) -> None:
    """Whatever stands in a text, looking for it takes its length and no more."""
    for text in ("a" * 6000, "(a+)+$" * 400, "\u0130" * 900, "\ufb03" * 800):
        answer = await apis["TaskForge"].client.get("/api/tasks", params={"search": text})
        assert (answer.status, answer.data["tasks"]) == (200, [])
