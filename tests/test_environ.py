"""Secrets read from files, and variables that nobody knows: said at once, all of them, without a secret."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from api import environ
from api.environ import SECRETS, taken
from api.settings import SettingsError
from tests.running import ROOT

PRECIOUS: Final = "hunter2-hunter2"


def file_with(folder: Path, content: str | bytes, mode: int = 0o600) -> str:
    file = folder / f"secret-{len([*folder.iterdir()])}"
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    file.chmod(mode)
    return str(file)


@pytest.mark.parametrize("name", SECRETS)
@pytest.mark.parametrize("content", [PRECIOUS, f"{PRECIOUS}\n", f"{PRECIOUS}\r\n"])
def test_a_secret_may_be_in_a_file(tmp_path: Path, name: str, content: str) -> None:
    given = {f"{name}_FILE": file_with(tmp_path, content), "HOME": "/root"}
    assert taken(given) == {name: PRECIOUS, "HOME": "/root"}
    assert taken({name: PRECIOUS, f"{name}_FILE": ""}) == {name: PRECIOUS}
    assert taken({f"{name}_FILE": file_with(tmp_path, content, 0o640)}) == {name: PRECIOUS}


@pytest.mark.parametrize(
    ("content", "mode", "said"),
    [
        ("", 0o600, "does not hold one line of text"),
        ("\n", 0o600, "does not hold one line of text"),
        (f"{PRECIOUS}\nand more", 0o600, "does not hold one line of text"),
        ("x" * 10_000, 0o600, "does not hold one line of text"),
        (b"\xff\xfe\x00", 0o600, "does not hold one line of text"),
        (PRECIOUS, 0o644, "which anybody here may read: chmod o-rwx"),
        (PRECIOUS, 0o602, "which anybody here may read: chmod o-rwx"),
    ],
)
def test_a_file_that_will_not_do_is_named(tmp_path: Path, content: str, mode: int, said: str) -> None:
    file = file_with(tmp_path, content, mode)
    with pytest.raises(SettingsError) as raised:
        taken({"TASKLEDGER_MASTER_KEY_FILE": file})
    message = str(raised.value)
    assert message.startswith(f"TASKLEDGER_MASTER_KEY_FILE names {file}, which ")
    assert said in message
    assert PRECIOUS not in message


@pytest.mark.parametrize("named", ["missing", ".", "missing/deeper"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, named: str) -> None:
    tmp_path.chmod(0o700)
    with pytest.raises(SettingsError, match=r"DATABASE_URL_FILE names .*, which cannot be read: "):
        taken({"DATABASE_URL_FILE": str(tmp_path / named)})


def test_container_engines_choose_the_rights_themselves(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(environ, "MOUNTED", (tmp_path,))
    assert taken({"REDIS_URL_FILE": file_with(tmp_path, "redis://x", 0o444)}) == {"REDIS_URL": "redis://x"}


def test_everything_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    wrong = {
        "TASKLEDGER_RATE_LIMIT": "off",
        "TASKLEDGER_ZZZZZZZZZ": "1",
        "REDIS_URL": f"redis://:{PRECIOUS}@x",
        "REDIS_URL_FILE": file_with(tmp_path, "redis://x"),
        "TASKLEDGER_JWT_SECRET_FILE": str(tmp_path / "missing"),
    }
    with pytest.raises(SettingsError) as raised:
        taken(wrong)
    missing = f"{tmp_path}/missing, which cannot be read: No such file or directory"
    assert str(raised.value).splitlines() == [
        "TASKLEDGER_RATE_LIMIT is no variable of this program; did you mean TASKLEDGER_RATE_LIMITS?",
        "TASKLEDGER_ZZZZZZZZZ is no variable of this program, and means nothing",
        "REDIS_URL and REDIS_URL_FILE are both set: keep one of them",
        f"TASKLEDGER_JWT_SECRET_FILE names {missing}",
    ]


def test_the_program_reads_the_files_and_refuses_what_it_does_not_know(
    tmp_path: Path, empty_database_url: str, redis_url: str
) -> None:
    secrets = {
        "DATABASE_URL": empty_database_url,
        "REDIS_URL": redis_url,
        "TASKLEDGER_MASTER_KEY": os.urandom(32).hex(),
    }
    given = {f"{name}_FILE": file_with(tmp_path, secret) for name, secret in secrets.items()}
    done = migrate(tmp_path, **given)
    assert done.returncode == 0, done.stderr
    assert "applied 0001" in done.stdout
    assert "up to date" in migrate(tmp_path, **secrets).stdout
    misspelt = migrate(tmp_path, **given, TASKLEDGER_MASTERKEY="x")
    assert (misspelt.returncode, misspelt.stdout) == (1, "")
    assert "did you mean TASKLEDGER_MASTER_KEY" in misspelt.stderr


def migrate(folder: Path, **given: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", "migrate"],
        env=os.environ | {"PYTHONPATH": str(ROOT), "NO_COLOR": "1"} | given,
        cwd=folder, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_pipe_is_not_waited_on(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe", 0o600)
    with pytest.raises(SettingsError, match="which is no ordinary file"):
        taken({"TASKLEDGER_MASTER_KEY_FILE": str(tmp_path / "pipe")})


def test_what_kubernetes_tells_of_services_is_no_setting() -> None:
    told = {
        "TASKLEDGER_SERVICE_HOST": "10.0.0.1",
        "TASKLEDGER_SERVICE_PORT_HTTP": "5000",
        "TASKLEDGER_PORT_5000_TCP": "tcp://10.0.0.1:5000",
        "TASKLEDGER_PORT_5000_TCP_ADDR": "10.0.0.1",
        "TASKLEDGER_API_PORT": "tcp://10.0.0.1:5000",
    }
    assert taken(told) == told
    with pytest.raises(SettingsError, match="TASKLEDGER_API_PORT is no variable"):
        taken({"TASKLEDGER_API_PORT": "5000"})
