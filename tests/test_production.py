"""What production refuses: each unsafe setting with its reason, all at once, and what may be insisted on."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import re
import subprocess
import sys
from collections.abc import Mapping
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from api import environ
from api.data_folder import DataFolder
from api.embedded import Servers
from api.exits import CannotRun
from api.opening import must_suit, settings_for
from api.origins import origins
from api.places import is_database_here, is_redis_here
from api.production import NO_ORIGINS, is_guessable, objections
from api.settings import Settings, SettingsError
from api.unsafe import UNSAFE
from tests.running import ROOT, free_ports

KEY, SECRET = (hashlib.sha256(name).digest() for name in (b"a key", b"a secret"))
SAFE: Final = Settings(
    database_url="postgresql://ledger:x@db.example.com/ledger?sslmode=verify-full",
    redis_url="rediss://:x@cache.example.com/0",
    master_key=KEY,
    jwt_secret=SECRET,
    env="production",
    public_url="https://tasks.example.com",
    trusted_proxies=(ip_network("10.0.0.0/8"),),
    cors_origins=origins("https://tasks.example.com"),
)
RISKY: Final[dict[str, list[dict[str, Any]]]] = {
    "plain-http": [{"public_url": ""}, {"public_url": "http://tasks.example.com"}],
    "plain-database": [
        {"database_url": "postgresql://ledger:x@db.example.com/ledger"},
        {"database_url": "postgresql://ledger:x@db.example.com/ledger?sslmode=prefer"},
        {"database_url": "postgresql://ledger@localhost,db.example.com/ledger"},
        {"database_url": "postgresql:///ledger?host=localhost&hostaddr=10.0.0.1"},
    ],
    "plain-redis": [{"redis_url": "redis://:x@cache.example.com/0"}],
    "open-redis": [
        {"redis_url": "rediss://cache.example.com/0"},
        {"redis_url": "rediss://me@cache.example.com"},
    ],
    "local-origins": [
        {"cors_origins": origins("https://tasks.example.com,http://tasks.example.com")},
        {"cors_origins": origins("http://localhost:3000")},
        {"cors_origins": origins("https://localhost:3000")},
    ],
    "any-proxy": [
        {"trusted_proxies": (ip_network("0.0.0.0/0"),)},
        {"trusted_proxies": (ip_network("10.0.0.0/8"), ip_network("128.0.0.0/1"))},
        {"trusted_proxies": (ip_network("::/0"),)},
    ],
    "public-metrics": [{"metrics_from": (ip_network("0.0.0.0/0"),)}, {"metrics_from": (ip_network("::/0"),)}],
    "no-rate-limits": [{"rate_limits": None}],
}


def said(settings: Settings, **more: Any) -> list[str]:
    return [*objections(settings, {}, **{"serves": True} | more)]


def test_what_is_safe_is_not_objected_to() -> None:
    assert said(SAFE) == []
    here = dataclasses.replace(SAFE, database_url="postgresql:///x", redis_url="unix:///run/valkey.sock")
    assert said(here) == []
    assert said(dataclasses.replace(SAFE, cors_origins=NO_ORIGINS)) == []


@pytest.mark.parametrize(("name", "risk"), [(name, risk) for name, risks in RISKY.items() for risk in risks])
def test_what_is_unsafe_is_refused_unless_it_is_allowed_by_name(name: str, risk: dict[str, Any]) -> None:
    settings = dataclasses.replace(SAFE, **risk)
    (line,) = said(settings)
    assert line.endswith(f"put {name} into TASKLEDGER_ALLOW_UNSAFE")
    assert "\n" not in line
    assert ":x@" not in line, "no password is shown"
    assert said(dataclasses.replace(settings, allow_unsafe=(name,))) == []
    others = tuple(UNSAFE.keys() - {name})
    assert said(dataclasses.replace(settings, allow_unsafe=others)) == [line]


def test_each_name_is_a_rule_and_a_wrong_name_is_refused() -> None:
    assert {*RISKY, "ephemeral"} == UNSAFE.keys()
    (line,) = said(SAFE, is_ephemeral=True)
    assert "put ephemeral into" in line
    needed: dict[str, Any] = {
        name: getattr(SAFE, name) for name in ("database_url", "redis_url", "master_key", "jwt_secret")
    }
    read = Settings.from_environment({"TASKLEDGER_ALLOW_UNSAFE": "plain-http, ephemeral"}, **needed)
    assert read.allow_unsafe == ("plain-http", "ephemeral")
    with pytest.raises(SettingsError, match="must be names separated by commas, out of plain-http"):
        Settings.from_environment({"TASKLEDGER_ALLOW_UNSAFE": "everything"}, **needed)


def test_who_serves_nobody_is_asked_about_its_own_connections_only() -> None:
    everything = dataclasses.replace(SAFE, **{k: v for risks in RISKY.values() for k, v in risks[0].items()})
    assert len(said(everything)) == len(RISKY) - 1, "the two about Redis differ in one address"
    assert [line.split()[-3] for line in said(everything, serves=False)] == ["plain-database", "open-redis"]


@pytest.mark.parametrize(
    "secret",
    [
        bytes(32),
        b"\xab" * 32,
        bytes(range(32)),
        bytes(range(64, 0, -2)),
        b"ab" * 16,
        b"correct horse battery staples!!!",
    ],
)
def test_a_secret_that_somebody_has_thought_of_is_refused(secret: bytes) -> None:
    for name in ("master_key", "jwt_secret"):
        weak: dict[str, Any] = {name: secret}
        settings = dataclasses.replace(SAFE, **weak, allow_unsafe=tuple(UNSAFE))
        (line,) = said(settings)
        assert line.startswith(f"TASKLEDGER_{name.upper()} is not random")
        assert secret.hex() not in line


def test_random_secrets_are_good_and_one_is_not_the_other() -> None:
    assert not any(is_guessable(hashlib.sha256(bytes([n])).digest()) for n in range(200))
    (line,) = said(dataclasses.replace(SAFE, jwt_secret=KEY))
    assert "who has the one must not have the other" in line
    assert said(dataclasses.replace(SAFE, jwt_secret=b""), serves=False) == []


def test_a_first_password_that_everybody_tries_is_refused_with_the_rest() -> None:
    lines = [*objections(SAFE, {"TASKLEDGER_ADMIN_PASSWORD": "admin123"}, serves=True)]
    assert len(lines) == 1
    assert "too easy to guess" in lines[0]


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("postgresql:///x", True),
        ("postgresql://localhost/x", True),
        ("postgresql://127.0.0.1,[::1]/x", True),
        ("postgresql:///x?host=/run/postgresql", True),
        ("postgresql://10.0.0.1/x", False),
        ("postgresql:///x?hostaddr=10.0.0.1", False),
        ("host=db.example.com dbname=x", False),
    ],
)
def test_where_a_database_is(url: str, is_here: bool) -> None:
    assert is_database_here(url) is is_here


@pytest.mark.parametrize(
    ("url", "is_here"),
    [
        ("unix:///run/v.sock", True),
        ("redis://localhost", True),
        ("redis://", True),
        ("redis://10.0.0.1", False),
    ],
)
def test_where_redis_is(url: str, is_here: bool) -> None:
    assert is_redis_here(url) is is_here


def test_secrets_that_others_may_read_are_refused_and_development_origins_mean_nothing(
    tmp_path: Path,
) -> None:
    folder = DataFolder(tmp_path / "data")
    given = {"TASKLEDGER_PUBLIC_URL": "https://tasks.example.com"}
    found = Servers("postgresql:///x", "unix:///x")
    settings = settings_for(found, folder, given, "production", serves=True)
    assert settings.cors_origins == NO_ORIGINS
    assert "http://localhost:3000" in settings_for(found, folder, given, "development").cors_origins
    (folder.path / "secrets" / "master.key").chmod(0o640)
    with pytest.raises(CannotRun, match=r"master\.key may be read by others than its owner: chmod 600"):
        settings_for(found, folder, given, "production", serves=True)
    assert settings_for(found, folder, given, "development").master_key == settings.master_key


def test_the_containers_start_by_these_rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The compose file's own settings, with what its first lines ask for."""
    given = {
        "POSTGRES_PASSWORD": "a-password",
        "TASKLEDGER_MASTER_KEY": KEY.hex(),
        "TASKLEDGER_JWT_SECRET": SECRET.hex(),
        "TASKLEDGER_ADMIN_PASSWORD": "correct horse battery",
        "TASKLEDGER_PUBLIC_URL": "https://tasks.example.com",
    }
    compose: dict[str, Any] = yaml.safe_load(filled((ROOT / "docker-compose.yml").read_text(), given))
    for name, secret in compose["secrets"].items():
        (tmp_path / name).write_text(given[secret["environment"]])
    monkeypatch.setattr(environ, "MOUNTED", (tmp_path,))
    for part in ("migrate", "project", "serve"):
        service = {**compose["x-taskledger"], **compose["services"][part]}
        variables = {
            name: (value or "").replace("/run/secrets", str(tmp_path))
            for name, value in service["environment"].items()
        }
        for name, value in variables.items():
            assert not name.endswith("_FILE") or Path(value).name in service["secrets"], part
        found = environ.taken(variables)
        folder = DataFolder(tmp_path / "data")
        must_suit(folder, found, found["TASKLEDGER_ENV"], serves=part == "serve")
        assert not folder.path.exists(), "a container keeps nothing"
        with pytest.raises(CannotRun, match="plain-database"):
            must_suit(folder, found | {"TASKLEDGER_ALLOW_UNSAFE": ""}, "production", serves=part == "serve")


def filled(text: str, given: Mapping[str, str]) -> str:
    """The text with variables put in, as compose does it; one that is needed and missing is an error."""

    def put(found: re.Match[str]) -> str:
        return given[found[1]] if found[2] == ":?" else given.get(found[1]) or found[3]

    return re.sub(r"\$\{([A-Z_]+)(:[?-])([^}]*)\}", put, text)


def command(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", *arguments],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | given,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_up_says_all_reasons_before_it_starts_anything(tmp_path: Path) -> None:
    done = command(
        "up", "--data", str(tmp_path / "data"), "--host", "0.0.0.0", *free_ports(),
        TASKLEDGER_RATE_LIMITS="off", TASKLEDGER_ADMIN_PASSWORD="admin123",
        TASKLEDGER_METRICS_FROM="0.0.0.0/0", TASKLEDGER_TRUSTED_PROXIES="0.0.0.0/0",
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    head, *reasons = done.stderr.splitlines()
    assert head == "taskledger: production does not start, for 5 reasons:"
    assert all(each.startswith("- TASKLEDGER_") for each in reasons)
    assert len(reasons) == 5
    assert not (tmp_path / "data" / "postgres").exists()


def test_serve_says_what_it_lacks_before_it_asks_any_server() -> None:
    done = command(
        "serve", *free_ports(),
        DATABASE_URL="postgresql://me:s3cret@db.example.invalid/x", REDIS_URL="redis://cache.example.invalid",
        TASKLEDGER_ENV="production",
    )  # fmt: skip
    assert done.returncode == 1
    assert "for 6 reasons" in done.stderr
    assert "s3cret" not in done.stderr
