"""Bodies that are no plain JSON object of bounded size and depth, and JSON that parsers disagree about."""

from __future__ import annotations

import gzip
import zlib
from typing import Final

import pytest

from tests.hostile.asking import FAULTY, Api, Refusal, nothing_left, spoken
from tests.http import Taskflow

NAMES: Final = ["TaskFlow", "TaskForge", "operators"]

MALFORMED: Final = {
    "empty": b"",
    "blank": b" \r\n\t ",
    "no JSON": b"name=Web",
    "cut off": b'{"%t": "Web',
    "cut off within an escape": b'{"%t": "\\u00',
    "something after it": b'{"%t": "Web"} {}',
    "two objects in lines": b'{"%t": "Web"}\n{"%t": "Web"}',
    "a comma too many": b'{"%t": "Web",}',
    "a comment": b'{"%t": "Web" /* really */}',
    "single quotes": b"{'%t': 'Web'}",
    "a name without quotes": b'{%t: "Web"}',
    "a byte order mark": b'\xef\xbb\xbf{"%t": "Web"}',
    "UTF-16": '{"%t": "Web"}'.encode("utf-16"),
    "UTF-32": '{"%t": "Web"}'.encode("utf-32"),
    "UTF-7": b"+AHsAIg-%t+ACIAOgAi-Web+ACIAfQ-",
    "invalid UTF-8": b'{"%t": "\xff"}',
    "overlong UTF-8": b'{"%t": "\xc0\xaf"}',
    "a surrogate in UTF-8": b'{"%t": "\xed\xa0\x80"}',
    "beyond Unicode": b'{"%t": "\xf4\x90\x80\x80"}',
    "a lone high surrogate": b'{"%t": "\\ud800"}',
    "a lone low surrogate": b'{"%t": "\\udc00"}',
    "surrogates in the wrong order": b'{"%t": "\\udc00\\ud800"}',
    "a surrogate in a name": b'{"\\udfff": 1}',
    "a control character": b'{"%t": "a\nb"}',
    "a NUL byte": b'{"%t": "a\0b"}',
    "an array": b'[{"%t": "Web"}]',
    "a text": b'"%t"',
    "a number": b"7",
    "null": b"null",
    "true": b"true",
    "NaN": b'{"%t": "Web", "x": NaN}',
    "Infinity": b'{"%t": "Web", "x": -Infinity}',
    "a number that no double holds": b'{"%t": "Web", "x": 1e400}',
    "a number that no decimal holds": b'{"%t": "Web", "x": 1e-99999999999999999999}',
    "a leading zero": b'{"%t": "Web", "x": 007}',
    "a leading plus": b'{"%t": "Web", "x": +7}',
    "a hexadecimal number": b'{"%t": "Web", "x": 0x7}',
    "a point at the end": b'{"%t": "Web", "x": 7.}',
    "a name twice": b'{"%t": "Web", "%t": "Site"}',
    "a name twice, one of them escaped": b'{"%t": "Web", "\\u00%x%r": "Site"}',
    "a name twice, deep inside": b'{"%t": "Web", "x": [{"a": 1, "a": 2}]}',
    "33 levels of lists": b'{"%t": ' + b"[" * 32 + b"]" * 32 + b"}",
    "33 levels of objects": b'{"a":' * 33 + b"1" + b"}" * 33,
    "100,000 levels of lists": b"[" * 100_000,
    "50,000 levels and their ends": b"[" * 50_000 + b"]" * 50_000,
    "30,000 objects in each other": b'{"a":' * 30_000 + b"1" + b"}" * 30_000,
    "gzip that does not say so": gzip.compress(b'{"%t": "Web"}'),
}


def about(api: Api, raw: bytes) -> bytes:
    text = api.text.encode()
    return raw.replace(b"%x", text[:1].hex().encode()).replace(b"%r", text[1:]).replace(b"%t", text)


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_no_json_object_is_400(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    async with nothing_left(taskflow):
        for what, raw in MALFORMED.items():
            answer = await apis[name].send_raw(about(apis[name], raw))
            apis[name].check(answer, apis[name].refusal(400), what)


KINDS: Final = (
    "text/plain",
    "text/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data; boundary=x",
    "application/jsonp",
    "application/json-patch+json",
    "application/vnd.api+json",
    "application/json, text/plain",
    "application/json; charset=utf-7",
    "application/json; charset=utf-16",
    "application/json; charset=latin-1",
    "application/json; charset=bogus",
    "application/json; charset=hex",
    "application/json; charset=zip",
    "application/json; charset=",
    "application/json; charset=utf-8; charset=utf-7",
    "application\\json",
    "json",
    "*/*",
    "",
    ";",
    "x" * 5000,
)

ENCODINGS: Final = {
    "gzip": gzip.compress(b'{"%t": "Web"}'),
    "gzip, twice": gzip.compress(gzip.compress(b'{"%t": "Web"}')),
    "deflate": zlib.compress(b'{"%t": "Web"}'),
    "br": b"\x1f\x8bjunk",
    "zstd": b"(\xb5/\xfdjunk",
    "GZIP": b"junk",
    "x-gzip": b"junk",
    "identity, gzip": b"junk",
    "nonsense": b'{"%t": "Web"}',
}

BOMB: Final = gzip.compress(b'{"name": "' + b"x" * 50_000_000 + b'"}')
"""Less than 50 kB, more than any body may have."""


@pytest.mark.parametrize("name", NAMES)
async def test_what_is_not_sent_as_plain_json_is_415(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    api = apis[name]
    async with nothing_left(taskflow):
        for kind in KINDS:
            answer = await api.send_raw(about(api, b'{"%t": "Web"}'), **{"Content-Type": kind})
            api.check(answer, api.refusal(415), kind[:60])
        without = await api.client.post(api.path, data=about(api, b'{"%t": "Web"}'))
        api.check(without, api.refusal(415), "no content type")
        for encoding, raw in ENCODINGS.items():
            sent = raw if encoding != "nonsense" else about(api, raw)
            answer = await api.send_raw(sent, **{"Content-Encoding": encoding.partition(", twice")[0]})
            api.check(answer, api.refusal(415), encoding)
        assert len(BOMB) < 262_144
        api.check(await api.send_raw(BOMB, **{"Content-Encoding": "gzip"}), api.refusal(415), "a bomb")


@pytest.mark.parametrize("name", NAMES)
async def test_a_body_too_long_is_413_however_it_comes(
    taskflow: Taskflow, apis: dict[str, Api], name: str
) -> None:
    api = apis[name]
    long = about(api, b'{"%t": "') + b"x" * 262_144 + b'"}'
    head = b"POST %b HTTP/1.1\r\nHost: localhost\r\n%bContent-Type: application/json\r\n" % (
        api.path.encode(),
        api.credentials,
    )
    async with nothing_left(taskflow):
        for size in (262_145, 2 * 1024 * 1024, 10**15):
            # Known from its head alone: not a byte of it has to be sent.
            raw = await spoken(api.url, head + b"Content-Length: %d\r\n\r\n" % size)
            assert raw.answer is not None, size
            api.check(raw.answer, api.refusal(413), size)
        api.check(await api.send_raw(long), api.refusal(413), "at once")
        chunks = (
            b"".join(b"%x\r\n%b\r\n" % (len(p), p) for p in (long[:200_000], long[200_000:])) + b"0\r\n\r\n"
        )
        raw = await spoken(api.url, head + b"Transfer-Encoding: chunked\r\n\r\n" + chunks)
        assert raw.answer is not None
        api.check(raw.answer, api.refusal(413), "in chunks")


# Bodies that are JSON objects, and hold more than they should

OWNED: Final = (
    "id",
    "created_at",
    "updated_at",
    "created_by",
    "version",
    "role",
    "is_admin",
    "tenant_id",
    "__proto__",
)


async def test_unknown_fields_and_those_that_are_ours_are_faults_in_taskflow(
    taskflow: Taskflow, apis: dict[str, Api]
) -> None:
    for name in ("TaskFlow", "operators"):
        async with nothing_left(taskflow):
            for field in (*OWNED, "", "a" * 5000, "\u202e", "a.b", "name\u0000", "$ref"):
                answer = await apis[name].write(**{apis[name].text: "Web", field: 1})
                apis[name].check(answer, FAULTY, field[:20])


async def test_unknown_fields_and_those_that_are_ours_count_for_nothing_in_taskforge(
    apis: dict[str, Api],
) -> None:
    api = apis["TaskForge"]
    made = (await api.write(title="Web")).data
    sent = {
        "title": "Web",
        "user_id": 77,
        "is_completed": True,
        "completed_at": "2020-01-01",
        **dict.fromkeys(OWNED, 99),
    }
    answer = await api.client.post(api.path, sent)
    assert answer.status == 201
    assert answer.data["user_id"] == made["user_id"]
    assert answer.data["id"] == made["id"] + 1
    assert (answer.data["is_completed"], answer.data["completed_at"]) == (False, None)
    assert answer.data["created_at"] > "2026"


async def test_lists_and_texts_have_their_lengths(taskflow: Taskflow, apis: dict[str, Api]) -> None:
    flow, forge = apis["TaskFlow"].client, apis["TaskForge"]
    async with nothing_left(taskflow):
        for field, value in {
            "title": "x" * 65_537,
            "description": "é" * 5001,
            "completion_notes": "x" * 5001,
            "assigned_to": list(range(1, 10_002)),
        }.items():
            answer = await flow.post("/api/projects/1/tasks", {"title": "T", field: value})
            assert answer.errors.keys() == {field}, answer.raw
        many = {"assigned_to": list(range(1, 300))}
        assert (await flow.post("/api/projects/1/tasks", {"title": "T"} | many)).status == 422
        for field, value in {"title": "x" * 65_537, "description": "x" * 5001, "tags": "x" * 9}.items():
            forge.check(await forge.write(**{"title": "T", field: value}), Refusal(400), field)
        known = await forge.client.post("/api/tags", {"name": "x" * 65_537})
        forge.check(known, Refusal(400, "Name must not exceed 50 characters"))
    labels = await forge.write(title="T", tags=list(range(1, 20_000)))
    assert labels.status in (201, 400), "labels that do not exist are dropped"
