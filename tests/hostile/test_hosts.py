"""Whom a request is for: a host that is not ours is refused, and the settings say which ones are."""

from __future__ import annotations

import socket
from pathlib import Path
from typing import Final

import pytest

from api.hosts import AUTHORITY_MAX, Hosts, hosts_of, name_of
from api.settings import LOOPBACK, Settings, SettingsError
from tests.hostile.asking import BAD_HOST, BODY, Api, Refusal, nothing_left, spoken
from tests.http import JWT_SECRET, MASTER_KEY, Taskflow

LENGTH: Final = b"Content-Length: 27\r\n\r\n"

HOSTS: Final = (
    b"Host: evil.example",
    b"Host: localhost.evil.example",
    b"Host: evil.example:5000",
    b"Host: user@localhost",
    b"Host: localhost@evil.example",
    b"Host: localhost, evil.example",
    b"Host: localhost:80:80",
    b"Host: localhost:x",
    b"Host: [::1",
    b"Host: [::1]evil",
    b"Host: 127.1.evil.example",
    b"Host: localhost/",
    b"Host: \xff",
    b"Host: ",
    b"Host: " + b"a" * 5000,
)

OURS: Final = (
    b"Host: localhost",
    b"Host: LOCALHOST:5000",
    b"Host: localhost.",
    b"Host: app.localhost",
    b"Host: 127.0.0.1",
    b"Host: 127.9.9.9:1",
    b"Host: [::1]:5000",
    b"Host: [0:0:0:0:0:0:0:1]",
    b"Host: localhost:",
)


@pytest.mark.parametrize("name", ["TaskFlow", "TaskForge", "operators"])
async def test_only_its_own_hosts_are_served(taskflow: Taskflow, apis: dict[str, Api], name: str) -> None:
    api = apis[name]
    refused = (
        BAD_HOST if name != "TaskForge" else Refusal(421, "This server does not answer to that host name")
    )
    async with nothing_left(taskflow):
        for host in HOSTS:
            head = api.filled(b"POST {path} HTTP/1.1\r\n{who}Content-Type: application/json\r\n")
            raw = await spoken(api.url, head + host + b"\r\n" + LENGTH + BODY)
            assert raw.answer is not None, host
            api.check(raw.answer, refused, host)
        for target in (b"http://evil.example", b"http://localhost@evil.example", b"https://evil.example:1"):
            sent = api.filled(b"GET " + target + b"{path} HTTP/1.1\r\nHost: localhost\r\n{who}\r\n")
            raw = await spoken(api.url, sent)
            assert raw.answer is not None, target
            api.check(raw.answer, refused, target)
    for host in OURS:
        sent = api.filled(b"GET /api/health HTTP/1.1\r\n" + host + b"\r\n{who}\r\n")
        answered = (await spoken(api.url, sent)).answer
        assert answered is not None
        assert answered.status in (200, 404), (host, answered.raw)
    whole = (await spoken(api.url, b"GET http://localhost/livez HTTP/1.1\r\nHost: localhost\r\n\r\n")).answer
    assert whole is not None
    assert whole.status == 200


async def test_probes_answer_whatever_they_are_called(taskflow: Taskflow) -> None:
    for url in (taskflow.url, taskflow.forge_url):
        for path in (b"/livez", b"/readyz"):
            for head in (b" HTTP/1.1\r\nHost: 10.0.0.7:5000", b" HTTP/1.0", b" HTTP/1.1\r\nHost: pod-7"):
                answer = (await spoken(url, b"GET " + path + head + b"\r\n\r\n")).answer
                assert answer is not None
                assert answer.status == 200, (path, head)


async def test_metrics_are_for_nobody_who_was_led_here(taskflow: Taskflow) -> None:
    for host, status in ((b"evil.example", 421), (b"localhost", 200)):
        sent = b"GET /metrics HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        answer = (await spoken(taskflow.url, sent)).answer
        assert answer is not None
        assert answer.status == status, host


def test_no_absurd_host_is_remembered() -> None:
    ours = Hosts(["inner"], takes_addresses=False)
    for length in (AUTHORITY_MAX, AUTHORITY_MAX + 1, 100_000):
        assert "x" * length not in ours
    assert "inner" in ours
    assert ours._judged.cache_info().currsize == 2


def test_who_composes_containers_may_call_the_server_by_its_service() -> None:
    composed = (Path(__file__).parents[2] / "docker-compose.yml").read_text()
    assert "\n  serve:\n" in composed
    assert "TASKLEDGER_HOSTS: ${TASKLEDGER_HOSTS:-serve}\n" in composed


def settings(**given: object) -> Settings:
    known = {"database_url": "x", "redis_url": "x", "master_key": MASTER_KEY, "jwt_secret": JWT_SECRET}
    return Settings(**known | given)  # type: ignore[arg-type]


ALLOWED: Final = [
    # settings, right ones, wrong ones
    ({}, ["localhost", socket.gethostname(), "192.168.1.5:5000", "[fd00::7]"], ["tasks.example.com"]),
    (
        {"public_url": "https://tasks.example.com"},
        ["tasks.example.com", "TASKS.example.com:443", "127.0.0.1"],
        ["192.168.1.5", "example.com", "x.tasks.example.com", ""],
    ),
    (
        {"public_url": "https://tasks.example.com", "hosts": ("inner", "10.0.0.5")},
        ["tasks.example.com", "inner:5000", "10.0.0.5"],
        ["10.0.0.6", "inner2"],
    ),
    ({"public_url": "http://[fd00::7]:5000"}, ["[fd00::7]", "[FD00:0::7]:1"], ["[fd00::8]", "fd00::7"]),
    ({"hosts": ("inner",)}, ["inner", "localhost"], ["10.0.0.5", "outer"]),
]


@pytest.mark.parametrize(("given", "right", "wrong"), ALLOWED)
def test_which_hosts_are_ours_is_said_by_the_settings(
    given: dict[str, object], right: list[str], wrong: list[str]
) -> None:
    hosts = hosts_of(settings(**given))
    assert [host for host in right if host not in hosts] == []
    assert [host for host in wrong if host in hosts] == []


def test_a_host_has_one_spelling() -> None:
    assert name_of("[0:0:0:0:0:0:0:1]:80") == name_of("[::1]") == "::1"
    assert name_of("Tasks.Example.COM.:443") == "tasks.example.com"
    assert [name_of(wrong) for wrong in ("", ":80", "a b", "a\n", "a/b", "[", "é")] == [None] * 7
    assert "" not in Hosts(["", "é"], takes_addresses=True)


def test_hosts_are_read_from_the_environment() -> None:
    environment = {
        "DATABASE_URL": "x",
        "REDIS_URL": "x",
        "TASKLEDGER_MASTER_KEY": MASTER_KEY.hex(),
        "TASKLEDGER_JWT_SECRET": JWT_SECRET.hex(),
    }
    found = Settings.from_environment(environment | {"TASKLEDGER_HOSTS": " Tasks.example.com, [fd00::7] "})
    assert found.hosts == ("tasks.example.com", "[fd00::7]")
    for wrong in ("*", "https://tasks.example.com", "a b", "a:80", ","):
        with pytest.raises(SettingsError, match="TASKLEDGER_HOSTS must be host names"):
            Settings.from_environment(environment | {"TASKLEDGER_HOSTS": wrong})
    assert found.metrics_from == LOOPBACK
