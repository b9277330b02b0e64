"""The secrets of a ledger: kept in the data folder, or given where there is none."""

from __future__ import annotations

import hashlib
import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import requests

from api.data_folder import DataFolder
from api.embedded import Servers
from api.exits import CannotRun
from api.opening import settings_for
from tests.running import running

SERVERS = Servers("postgresql:///x", "redis://localhost")
NAMED = {"DATABASE_URL": "postgresql:///x", "REDIS_URL": "redis://localhost"}
KEY, SECRET = (hashlib.sha256(name).hexdigest() for name in (b"a key", b"a secret"))
HTTPS = {"TASKLEDGER_PUBLIC_URL": "https://tasks.example.com"}


def new_folder(path: Path) -> DataFolder:
    folder = DataFolder(path / "data")
    folder.create()
    return folder


@pytest.mark.parametrize(("kept", "name"), [("master_key", "master.key"), ("jwt_secret", "jwt.key")])
def test_a_secret_is_made_once_and_its_owner_s_only(tmp_path: Path, kept: str, name: str) -> None:
    folder = new_folder(tmp_path)
    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(lambda _: getattr(folder, kept)(), range(8)))
    assert len(set(found)) == 1
    assert len(found[0]) == 32
    file = folder.path / "secrets" / name
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in file.parent.iterdir()] == [name]
    assert getattr(DataFolder(folder.path), kept)() == found[0]


def test_no_secret_stands_in_for_another(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    assert folder.master_key() != folder.jwt_secret()
    assert folder.jwt_secret() != DataFolder(new_folder(tmp_path / "other").path).jwt_secret()


def test_a_ledger_with_data_gets_a_new_jwt_secret_and_never_a_new_master_key(tmp_path: Path) -> None:
    folder = new_folder(tmp_path)
    folder.postgres.mkdir()
    assert len(folder.jwt_secret()) == 32
    with pytest.raises(CannotRun, match="restore the file"):
        folder.master_key()


@pytest.mark.parametrize(
    ("kept", "file", "what"),
    [("master_key", "master.key", "master key"), ("jwt_secret", "jwt.key", "JWT secret")],
)
@pytest.mark.parametrize("content", ["", "abc", "ab" * 31, "ab" * 33])
def test_a_damaged_secret_is_named_and_not_replaced(
    tmp_path: Path, kept: str, file: str, what: str, content: str
) -> None:
    folder = new_folder(tmp_path)
    (folder.path / "secrets" / file).write_text(content)
    with pytest.raises(CannotRun, match=f"the {what} in .* cannot be read"):
        getattr(folder, kept)()
    assert (folder.path / "secrets" / file).read_text() == content


def test_a_server_in_production_without_a_data_folder_needs_both_secrets_given(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    secrets = {"TASKLEDGER_MASTER_KEY": KEY, "TASKLEDGER_JWT_SECRET": SECRET}
    for missing in secrets:
        given = NAMED | HTTPS | {name: value for name, value in secrets.items() if name != missing}
        for environ in (given, given | {missing: ""}):
            with pytest.raises(CannotRun, match=f"^{missing} is not set: .* openssl rand -hex 32$"):
                settings_for(SERVERS, folder, environ, "production", serves=True)
    with pytest.raises(
        CannotRun, match=r"for 2 reasons:\n- .*MASTER_KEY is not set.*\n- .*JWT_SECRET is not"
    ):
        settings_for(SERVERS, folder, NAMED | HTTPS, "production", serves=True)
    settings = settings_for(SERVERS, folder, NAMED | HTTPS | secrets, "production", serves=True)
    assert (settings.master_key.hex(), settings.jwt_secret.hex()) == (KEY, SECRET)
    assert not folder.path.exists()


def test_only_servers_are_asked_for_the_secret_of_tokens(tmp_path: Path) -> None:
    folder = DataFolder(tmp_path / "data")
    given = NAMED | {"TASKLEDGER_MASTER_KEY": KEY}
    assert settings_for(SERVERS, folder, given, "production").jwt_secret == b""
    with pytest.raises(CannotRun, match=r"^TASKLEDGER_MASTER_KEY is not set"):
        settings_for(SERVERS, folder, NAMED, "production")


@pytest.mark.parametrize(("environ", "env"), [(NAMED, "development"), ({}, "production")])
def test_elsewhere_secrets_are_kept_in_the_data_folder(
    tmp_path: Path, environ: dict[str, str], env: str
) -> None:
    folder = DataFolder(tmp_path / "data")
    first, second = (settings_for(SERVERS, folder, environ, env) for _ in range(2))
    assert first.jwt_secret == second.jwt_secret == folder.jwt_secret()
    assert first.master_key == second.master_key == folder.master_key()
    given = settings_for(SERVERS, folder, environ | {"TASKLEDGER_JWT_SECRET": SECRET}, env)
    assert (given.jwt_secret.hex(), given.master_key) == (SECRET, first.master_key)


def test_tokens_outlive_a_restart_of_everything(tmp_path: Path) -> None:
    known = {"email": "admin@taskflow.com", "password": "admin123"}
    with running(tmp_path / "data") as ledger:
        answer = requests.post(f"{ledger.forge_url}/api/auth/login", json=known, timeout=20)
        assert answer.status_code == 200, (answer.text, ledger.said())
        tokens = answer.json()["data"]
        assert '"registration": "on"' in ledger.said()
    with running(tmp_path / "data") as ledger:
        bearing = [{"Authorization": f"Bearer {tokens[name]}"} for name in ("access_token", "refresh_token")]
        me = requests.get(f"{ledger.forge_url}/api/auth/me", headers=bearing[0], timeout=20)
        assert me.json()["data"]["username"] == "admin"
        more = requests.post(f"{ledger.forge_url}/api/auth/refresh", headers=bearing[1], timeout=20)
        assert more.status_code == 200
