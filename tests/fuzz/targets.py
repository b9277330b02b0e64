"""Every parser that reads what a client, an operator or an old log has written."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Final
from urllib.parse import parse_qsl

import orjson
from multidict import CIMultiDict, MultiDict
from yarl import URL

from api import conditional, idempotency
from api.bodies import parse_object
from api.csrf import CsrfTokens
from api.errors import BadRequest
from api.exits import Unverified as UnverifiedLine
from api.hosts import Hosts
from api.operators.asked import Unaskable, moment_of
from api.operators.attempts import Wanted, values
from api.operators.event_files import line_of, stored_of
from api.operators.event_queries import criteria_of
from api.ops.events import conditions
from api.ops.routes import ENDPOINTS as OPS_ENDPOINTS
from api.reports.csv_files import guarded
from api.shapes import instant_of
from api.taskflow import parameters
from api.taskflow.routes import ENDPOINTS as FLOW_ENDPOINTS
from api.taskflow.validation import checked
from api.taskforge import tag_forms, task_forms
from api.taskforge.auth_forms import password
from api.taskforge.listing import place, whole
from api.taskforge.moments import read_moment
from api.taskforge.reading import Wrong, read
from api.taskforge.tokens import Unverified, signed, verified
from api.taskforge.user_forms import email, person_name, username
from events.criteria import leaves, payload_of
from events.errors import Undecodable
from events.event import Event
from events.log import Stored
from events.mapper import EventMapper
from tests.fuzz.guided import Target
from tests.golden.samples import keyring, samples
from tests.http import JWT_SECRET
from tests.tokens import claims, made

DEPTH_MAX: Final = 32
AT_S: Final = 1_780_000_000
"""When the tokens are looked at: the same seed has to make the same inputs."""

BODIES: Final = [endpoint.body for endpoint in (*FLOW_ENDPOINTS, *OPS_ENDPOINTS) if endpoint.body]
CREDENTIALS: Final = [endpoint.body for endpoint in FLOW_ENDPOINTS if endpoint.is_public]
"""What is compared and never kept: any text is a password that may be wrong."""

QUERIES: Final = [
    endpoint.parameters for endpoint in (*FLOW_ENDPOINTS, *OPS_ENDPOINTS) if endpoint.parameters
]
FORGE_FIELDS: Final = (task_forms.FIELDS, tag_forms.FIELDS)
FORGE_VALUES: Final[Sequence[Callable[[Any], Any]]] = (
    username,
    email,
    partial(person_name, "First name"),
    password,
)
SAMPLES: Final = tuple(samples().values())
INSTANT: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z", re.ASCII)


def chosen(several: Sequence[Any], raw: bytes) -> tuple[Any, bytes]:
    """One of several by the first byte, and what is left."""
    return several[(raw[0] if raw else 0) % len(several)], raw[1:]


def as_text(raw: bytes) -> str:
    """Bytes as aiohttp makes texts of them: what is no UTF-8 becomes halves of characters."""
    return raw.decode(errors="surrogateescape")


def must_be_storable(value: object) -> None:
    """What a body is read into goes into an event, which no database takes with a NUL or half a character."""
    for _, leaf in leaves(list(value.values()) if isinstance(value, dict) else value):
        if isinstance(leaf, str):
            assert "\0" not in leaf
            leaf.encode()


def taskflow_body(raw: bytes) -> None:
    body, rest = chosen(BODIES, raw)
    found = checked(body, parse_object(rest, depth_max=DEPTH_MAX))
    if body not in CREDENTIALS:
        must_be_storable(found.fields)
    must_be_storable(orjson.loads(orjson.dumps(found.faults)))


def taskforge_body(raw: bytes) -> None:
    fields, rest = chosen(FORGE_FIELDS, raw)
    found = parse_object(rest, depth_max=DEPTH_MAX)
    must_be_storable(read(found, fields).values)
    for value in found.values():
        for take in FORGE_VALUES:
            try:
                must_be_storable([take(value)])
            except Wrong:
                continue


def taskflow_query(raw: bytes) -> None:
    taken, rest = chosen(QUERIES, raw)
    given = MultiDict(parse_qsl(as_text(rest), keep_blank_values=True, errors="surrogateescape"))
    for value in parameters.read(taken, given).values():
        assert not isinstance(value, str) or "\0" not in value


def taskforge_query(raw: bytes) -> None:
    text = as_text(raw)
    found = place({"page": text, "per_page": text})
    assert found.page >= 1
    assert 1 <= found.per_page <= 100
    number = whole(text)
    assert number is None or abs(number) < 10**15


def moments(raw: bytes) -> None:
    reader, rest = chosen((instant_of, read_moment), raw)
    assert INSTANT.fullmatch(reader(as_text(rest)))


def operators_questions(raw: bytes) -> None:
    what, rest = chosen("wswcmb", raw)
    text = as_text(rest)
    match what:
        case "w":
            criteria_of(where=conditions(text), types=[text])
        case "s":
            criteria_of(stream=text, request_id=text)
        case "c":
            values(Wanted(before=text))
        case "m":
            assert INSTANT.fullmatch(moment_of(text))
        case "b":
            values(Wanted(status=text, path=text, address=text, since=text))


def tokens(raw: bytes) -> None:
    verified(JWT_SECRET, as_text(raw), AT_S)


def signed_tokens(raw: bytes) -> None:
    """As if somebody had the secret: what a token says is not believed for its signature alone."""
    found = verified(JWT_SECRET, made(raw), AT_S)
    assert found.kind in ("access", "refresh")


def csrf_tokens(raw: bytes) -> None:
    assert not CsrfTokens(b"k" * 32).fits(as_text(raw), _Session())  # type: ignore[arg-type]


class _Session:
    token_hash = b"h" * 32


ADDRESS: Final = URL("/api/projects")


@dataclass(frozen=True)
class Asked:
    """As much of a request as its conditions and its key are read from."""

    headers: CIMultiDict[str]
    method: str = "POST"
    rel_url: URL = ADDRESS


def headers(raw: bytes) -> None:
    value = re.sub(r"[\r\n\0]", "", as_text(raw))
    names = ("If-Match", "If-None-Match", "Idempotency-Key")
    request: Any = Asked(CIMultiDict(dict.fromkeys(names, value)))
    conditional.is_known(request, '"1-abc"')
    key = idempotency.key_of(request, 1, raw, b"s" * 32)
    assert key is None or len(key.command_id) < 100
    version = conditional.expected_version(request)
    assert version is None or 0 <= version < 10**18


def payloads(raw: bytes) -> None:
    sample, rest = chosen(SAMPLES, raw)
    leaves_of = list(leaves(payload_of(rest)))
    assert all(path.startswith("data") for path, _ in leaves_of)
    event = MAPPER.decode(sample.stream, sample.version, sample.topic, rest)
    assert isinstance(event, Event)


def exported_lines(raw: bytes) -> None:
    assert isinstance(stored_of(raw), Stored)


def hosts(raw: bytes) -> None:
    text = as_text(raw)
    is_ours = text in OURS_ONLY
    assert not is_ours or re.search(r"localhost|127|tasks\.example\.com|::1|0*:0*:", text, re.IGNORECASE)


def cells(raw: bytes) -> None:
    text = raw.decode(errors="replace")
    file = io.StringIO(newline="")
    csv.writer(file).writerow([guarded(text), "next"])
    [[first, second]] = csv.reader(io.StringIO(file.getvalue(), newline=""))
    assert (first.replace("'", ""), second) == (text.replace("'", ""), "next")
    assert not re.search(r"(\A|[;\t|])\s*[=+\-@]", first)


def unique_names(raw: bytes) -> None:
    text = raw.decode(errors="replace")
    assert KEYRING.claim_key("tag", text) == KEYRING.claim_key("tag", text.casefold())


KEYRING: Final = keyring()
MAPPER: Final = EventMapper(KEYRING)
OURS_ONLY: Final = Hosts(["tasks.example.com"], takes_addresses=False)


def bodies() -> Iterator[bytes]:
    for number, endpoint in enumerate(each for each in (*FLOW_ENDPOINTS, *OPS_ENDPOINTS) if each.body):
        yield bytes([number]) + orjson.dumps(endpoint.example or {})


def queries() -> Iterator[bytes]:
    for number, taken in enumerate(QUERIES):
        yield bytes([number]) + "&".join(f"{name}=1" for name in taken).encode()


def lines() -> Iterator[bytes]:
    for position, sample in enumerate(SAMPLES[:5], 1):
        usual: dict[str, Any] = dict.fromkeys(Stored._fields, "x")
        stored = usual | {"position": position, "state": orjson.dumps(sample.state)}
        yield line_of(Stored(**stored))


TASK: Final = orjson.dumps(
    {
        "title": "T",
        "description": "D",
        "status": "pending",
        "priority": "low",
        "due_date": "2025-07-01T12:00:00Z",
        "tags": [1, 2],
    }
)
TAG: Final = orjson.dumps({"name": "N", "color": "#808080", "description": None})
ACCOUNT: Final = orjson.dumps(
    {"username": "ana", "email": "ana@example.com", "first_name": "Ana", "password": "Secret-123"}
)
MOMENTS: Final = (
    b"2025-07-01",
    b"2025-07-01T12:30:15.123456+02:00",
    b"20250701T1230",
    b"2025-W27-2",
    b"2025-07",
)

TOKEN: Final = signed(JWT_SECRET, "access", 1, AT_S, 3600)
CLAIMS: Final = [
    claims(1) | {"iat": AT_S, "nbf": AT_S, "exp": AT_S, "type": kind} for kind in ("access", "refresh")
]

TARGETS: Final = (
    Target("TaskFlow's bodies", taskflow_body, [*bodies()], (BadRequest,)),
    Target("TaskForge's bodies", taskforge_body, [b"\0" + TASK, b"\1" + TAG, b"\0" + ACCOUNT], (BadRequest,)),
    Target("TaskFlow's queries", taskflow_query, [*queries()], (BadRequest,), (b"-created_at", b"true")),
    Target("TaskForge's queries", taskforge_query, [b"1", b"-1", b" 7 ", b"100"]),
    Target("moments", moments, [bytes([n]) + text for n in (0, 1) for text in MOMENTS], (ValueError,)),
    Target(
        "operators' questions",
        operators_questions,
        [b"\0data.status=completed", b'\0["data.a=1"]', b"\1task-1", b"\3" + b"2025-07-01T12:00:00Z,req_1",
         b"\0047d", b"\5" + b"4xx", b"\0052025-07-01"],
        (Unaskable,),
    ),
    Target("tokens", tokens, [TOKEN.encode(), b"a.b.c"], (Unverified,)),
    Target("signed tokens", signed_tokens, [*map(orjson.dumps, CLAIMS)], (Unverified,)),
    Target("CSRF tokens", csrf_tokens, [b"ImFiYyI.aHR0cA.c2lnbmVk", b""]),
    Target("headers", headers, [b'"3-5f1d"', b'W/"1-a", "2-b"', b"*", b"key-1"], (BadRequest,)),
    Target(
        "events",
        payloads,
        [bytes([number]) + orjson.dumps(sample.state) for number, sample in enumerate(SAMPLES[:250])],
        (Undecodable,),
        (b"class_version", b"personal"),
    ),
    Target("exported lines", exported_lines, [*lines()], (UnverifiedLine,), (b"state_base64", b"state")),
    Target("hosts", hosts, [b"localhost:5000", b"[::1]:80", b"tasks.example.com", b"127.0.0.1"]),
    Target("cells", cells, [b"=1+1", b'a "b", c', b" @x"]),
    Target("unique names", unique_names, ["Straße".encode(), "café".encode(), "ﬃ".encode()]),
)  # fmt: skip
