"""Texts: kept exactly as they came, or refused; nobody is let in under a name that looks like another's."""

from __future__ import annotations

from typing import Final

import pytest

from tests.hostile.asking import Api, Refusal, nothing_left
from tests.http import Taskflow

KEPT: Final = {
    "right to left": "\u202egnp.exe",
    "isolates": "\u2066a\u2069",
    "zero width only": "\u200b\u200d\u2060",
    "a byte order mark": "\ufeffa",
    "a combining storm": "Z" + "\u0335\u0321" * 40,
    "composed": "caf\u00e9",
    "decomposed": "cafe\u0301",
    "a family": "\U0001f468\u200d\U0001f469\u200d\U0001f467\u200d\U0001f466",
    "a flag": "\U0001f1e6\U0001f1f9",
    "private use": "\ue000\U0010fffd",
    "no characters": "\ufdd0\U0010ffff",
    "ligatures": "\ufdfa\ufb03",
    "controls": "a\tb\x01\x1b[2J\x7f\x85",
    "lines": "a\r\nb\u2028c\u2029d",
    "a statement": "'; drop table stored_events; --",
    "a template": "{{7*7}} ${7*7} <%= 7*7 %> #{7}",
    "markup": '<script>alert(1)</script><img src=x onerror="x">',
    "formats": "%s %n %(x)s {0} {x.__class__}",
    "paths": "../../etc/passwd file:///etc/passwd \\\\host\\share",
    "shells": "$(id) `id` | id; id && id",
    "documents": '{"$ne": null}',
    "wildcards": "%_*?[a-z]",
    "escapes": "\\u0000 \\x00 \\0 %00",
    "protocols": 'EVAL "return 1" 0\r\nFLUSHALL\r\n',
    "words of languages": "null undefined NaN None true nil",
}


async def shown_after(api: Api, text: str) -> str:
    """What is shown for a text that was written, as reading finds it."""
    made = await api.write(**{api.text: text})
    assert made.status == 201, (text, made.raw)
    thing = made.data["project"] if api.name == "TaskFlow" else made.data
    read = await api.client.get(api.one.format(thing["id"]))
    found = read.data["project"] if api.name == "TaskFlow" else read.data
    assert found[api.text] == thing[api.text]
    return str(found[api.text])


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_texts_come_back_as_they_went_in(apis: dict[str, Api], name: str) -> None:
    for what, text in KEPT.items():
        assert await shown_after(apis[name], text) == text.strip(), what


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_texts_are_found_by_themselves_and_nothing_else(apis: dict[str, Api], name: str) -> None:
    """A wildcard, a quote or a pattern in a search is a character like any other."""
    api = apis[name]
    parameter = "q" if name == "TaskFlow" else "search"
    for text in KEPT.values():
        await shown_after(api, f"<{text}>")
    for what, text in KEPT.items():
        answer = await api.client.get(api.path, params={parameter: f"<{text}>", "per_page": "100"})
        assert answer.status == 200, (what, answer.raw)
        found = answer.data["projects"] if name == "TaskFlow" else answer.data["tasks"]
        texts = [each[api.text] for each in found]
        assert f"<{text}>" in texts, what
        assert all(text.casefold() in each.casefold() for each in texts), (what, texts)
    for pattern in ("%", "_a_", "(a+)+$", ".*", "[a-z]", "^", "\\"):
        answer = await api.client.get(api.path, params={parameter: f"<{pattern}>"})
        assert (answer.status, "<" in answer.raw.decode().partition('"meta"')[0]) == (200, False), pattern


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge"])
async def test_a_nul_stands_in_no_text(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api = apis[name]
    refused = {
        "TaskFlow": Refusal(422),
        "TaskForge": Refusal(400, "Title contains an invalid character"),
    }[name]
    async with nothing_left(taskflow):
        for text in ("\0", "a\0", "\0a", "a\0b"):
            api.check(await api.write(**{api.text: text}), refused, text)
        answer = await api.write(**{api.text: "T", "description": "a\0b"})
        api.check(answer, Refusal(refused.status), "a description")


BLANK: Final = ("", " ", "\t\r\n", "\u00a0", "\u2003\u3000", "\u2028")


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_what_is_blank_is_no_name(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    async with nothing_left(taskflow):
        for text in BLANK:
            refused = Refusal(400) if name == "TaskForge" else Refusal(422)
            apis[name].check(await apis[name].write(**{apis[name].text: text}), refused, repr(text))


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_only_texts_are_texts(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    async with nothing_left(taskflow):
        for value in (0, 1, 1.5, True, False, [], ["a"], {}, {"$ne": 1}, [["a"]]):
            refused = Refusal(400) if name == "TaskForge" else Refusal(422)
            apis[name].check(await apis[name].write(**{apis[name].text: value}), refused, value)


# Unique names

SAME: Final = {
    "case": "STRASSE",
    "folding": "stra\u00dfe",
    "wide forms": "\uff53trasse",
    "space around": " Strasse ",
    "a ligature": "\ufb06rasse",
}
"""Other ways to write `Strasse`."""

COMPOSED: Final = "Caf\u00e9"
DECOMPOSED: Final = "Cafe\u0301"


async def test_a_name_that_reads_the_same_is_taken(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    flow, forge = taskflow.admin, apis["TaskForge"].client
    for name in ("Strasse", COMPOSED):
        await flow.made("/api/departments", {"name": name})
        await forge.made("/api/tags", {"name": name})
    async with nothing_left(taskflow):
        for what, name in {**SAME, "another composition": DECOMPOSED}.items():
            answer = await flow.post("/api/departments", {"name": name})
            assert answer.status == 422, (what, answer.raw)
            assert answer.errors.keys() == {"name"}, what
            assert (await forge.post("/api/tags", {"name": name})).status == 409, what


LOOKALIKES: Final = (
    "\u0430dmin",
    "adm\u0131n",
    "\uff41dmin",
    "ad\u200bmin",
    "admin\u0000",
    " admin",
    "a\u0301dmin",
    "ad min",
)
"""A Cyrillic letter, a dotless i, a wide letter, one that nobody sees …"""


async def test_nobody_is_called_almost_as_somebody_else(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    forge = await taskflow.forge()
    async with nothing_left(taskflow):
        for name in (*LOOKALIKES, "ADMIN", "Admin"):
            new = {"username": name, "email": "x1@example.com", "password": "Password-1"}
            answer = await taskflow.admin.post("/api/users", new)
            assert answer.status == 422, (name, answer.raw)
            assert answer.errors.keys() == {"username"}, name
            answer = await forge.post("/api/auth/register", new)
            assert answer.status in (400, 409), (name, answer.raw)
        for email in (
            "ADMIN@taskflow.com",
            "admin@TASKFLOW.com",
            "\u0430dmin@taskflow.com",
            "admin@taskflow.com\u200b",
            "admin@taskf\u2113ow.com",
            "admin@taskflow.com\n",
            "admin\0@taskflow.com",
            "admin@taskflow.com>",
            "Admin <admin@taskflow.com>",
        ):
            new = {"username": "somebody", "email": email, "password": "Password-1"}
            answer = await taskflow.admin.post("/api/users", new)
            assert (answer.status, set(answer.errors)) == (422, {"email"}), (email, answer.raw)
            assert (await forge.post("/api/auth/register", new)).status in (400, 409), email


PASSWORDS: Final = {
    "7 characters": "Aa1" + "x" * 4,
    "129 characters": "Aa1" + "x" * 126,
    "a NUL": "Aa1\0xxxxx",
}


async def test_passwords_that_are_none(taskflow: Taskflow) -> None:
    forge = await taskflow.forge()
    async with nothing_left(taskflow):
        for what, password in {**PASSWORDS, "a number": 12345678, "nothing": None}.items():
            new = {"username": "somebody", "email": "some@example.com", "password": password}
            answer = await taskflow.admin.post("/api/users", new)
            assert (answer.status, set(answer.errors)) == (422, {"password"}), (what, answer.raw)
            assert (await forge.post("/api/auth/register", new)).status == 400, what


async def test_a_password_of_64_emoji_works(taskflow: Taskflow) -> None:
    password = "\U0001f600" * 64
    new = {"username": "smiling", "email": "smiling@example.com", "password": password}
    assert (await taskflow.admin.post("/api/users", new)).status == 201
    await (await taskflow.anybody()).sign_in("smiling", password)
