"""`taskledger up` from outside: what it says, what it keeps, what it leaves behind."""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
import requests

from api.data_folder import DataFolder
from tests.running import ROOT, Running, free_port, free_ports, running, second_server, signed_in, up

pytestmark = pytest.mark.timeout(180)


def test_a_new_folder_is_ready_soon_and_says_what_to_do_next(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        said = wait_for(ledger, "Try next")
        assert f"http://localhost:{ledger.port}/api" in said
        assert "admin / admin123" in said
        assert f"TaskForge API      {ledger.forge_url}/api, and {ledger.url}/taskforge/api" in said
        for address in (f"{ledger.forge_url}/api/health", f"{ledger.url}/taskforge/api/health"):
            assert requests.get(address, timeout=5).json()["data"]["status"] == "healthy"
        (documentation,) = re.findall(r"documentation +(\S+) and (\S+)", said)
        assert documentation == (f"{ledger.url}/api/docs", f"{ledger.forge_url}/api/docs")
        for address in documentation:
            assert "swagger-ui" in requests.get(address, timeout=5).text
        assert str(tmp_path / "data") in said
        seconds = float(re.findall(r"ready after ([\d.]+) s", said)[0])
        assert '"path": "/readyz"' not in said, "the ready message stands alone"
        assert seconds < 15, "5 s is the aim on a machine of its own; tests share theirs"
        user = signed_in(ledger.url).get(f"{ledger.url}/api/auth/me").json()["data"]["user"]
        assert (user["id"], user["username"], user["department"]) == (1, "admin", "Management")


def test_what_was_written_is_there_again_after_a_restart(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        session = signed_in(ledger.url)
        made = session.post(f"{ledger.url}/api/projects", json={"name": "Kept"}).json()["data"]["project"]
    with running(tmp_path / "data") as ledger:
        found = signed_in(ledger.url).get(f"{ledger.url}/api/projects/{made['id']}").json()
        assert found["data"]["project"]["name"] == "Kept"


def test_ctrl_c_ends_every_process_and_says_goodbye_with_success(tmp_path: Path) -> None:
    ledger = up(tmp_path / "data").wait_until_ready()
    family = ledger.descendants()
    names = {process.name() for process in family}
    assert {"postgres", "valkey-server"} <= names
    ledger.stop()
    assert ledger.process.returncode == 0
    assert "stopping" in ledger.said()
    assert not [process for process in family if process.is_running()]
    assert not list((tmp_path / "data" / "run").glob("*.sock"))


def test_ctrl_c_during_the_start_is_as_clean(tmp_path: Path) -> None:
    for delay_s in (0.3, 1.0, 1.6):
        ledger = up(tmp_path / "data")
        time.sleep(delay_s)
        ledger.stop()
        # Before Python itself is up, the signal just ends the process; a shell calls that 130, too.
        assert ledger.process.returncode in (0, 130, -signal.SIGINT), ledger.said()
        assert "Traceback" not in ledger.said()
    with running(tmp_path / "data"):
        pass


def test_killed_as_a_group_it_starts_again_on_the_same_data(tmp_path: Path) -> None:
    ledger = up(tmp_path / "data").wait_until_ready()
    made = signed_in(ledger.url).post(f"{ledger.url}/api/projects", json={"name": "Kept"})
    assert made.status_code == 201
    ledger.kill_group()
    with running(tmp_path / "data") as again:
        names = [
            p["name"]
            for p in signed_in(again.url).get(f"{again.url}/api/projects").json()["data"]["projects"]
        ]
        assert names == ["Kept"]


def test_orphaned_databases_end_by_themselves(tmp_path: Path) -> None:
    ledger = up(tmp_path / "data").wait_until_ready()
    family = ledger.descendants()
    ledger.process.kill()
    ledger.process.wait()
    _, alive = psutil.wait_procs(family, timeout=30)
    assert not alive


def test_a_server_that_dies_is_started_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        session = signed_in(ledger.url)
        for name in ("serve", "project", "valkey-server", "postgres"):
            part_named(ledger, name).kill()
            wait_for(ledger, "starting it again", times=1)
            time.sleep(1)
            ledger.wait_until_ready()
        assert session.get(f"{ledger.url}/api/projects").status_code == 200


def test_several_workers_share_the_ports(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--workers", "2") as ledger:
        servers = ledger.descendants_named("serve")
        assert len(servers) == 2
        session = signed_in(ledger.url)
        for number in range(10):
            answer = session.post(f"{ledger.url}/api/projects", json={"name": f"P{number}"})
            assert answer.status_code == 201
            session.close()
            assert requests.get(f"{ledger.forge_url}/api/health", timeout=5).status_code == 200


def test_the_metrics_of_one_server_tell_of_all_processes_and_forget_the_dead(tmp_path: Path) -> None:
    with running(tmp_path / "data", "--workers", "2") as ledger:
        servers = {str(process.pid) for process in ledger.descendants_named("serve")}
        projectors = {str(process.pid) for process in ledger.descendants_named("project")}
        assert (len(servers), len(projectors)) == (2, 2)
        everybody = {("server", pid) for pid in servers} | {("projector", pid) for pid in projectors}
        until(lambda: processes_on_the_page(ledger) == everybody)

        victim = min(servers)
        psutil.Process(int(victim)).kill()
        until(lambda: victim not in {pid for _, pid in processes_on_the_page(ledger)})
        # Another has taken its place, under a name of its own.
        until(lambda: len(processes_on_the_page(ledger)) == 4)
        assert everybody - {("server", victim)} < processes_on_the_page(ledger)


def processes_on_the_page(ledger: Running) -> set[tuple[str, str]]:
    """Role and process id of each that is up; empty while nobody answers."""
    try:
        answer = requests.get(f"{ledger.url}/metrics", timeout=5)
    except requests.ConnectionError:
        return set()
    assert answer.status_code == 200
    up_lines = [line for line in answer.text.splitlines() if line.startswith("taskledger_process_up{")]
    labels = [dict(re.findall(r'(\w+)="([^"]*)"', line)) for line in up_lines if line.endswith(" 1.0")]
    return {(each["role"], each["process"].rpartition(":")[2]) for each in labels}


def until(is_so: Callable[[], bool], timeout_s: float = 40.0) -> None:
    deadline = time.monotonic() + timeout_s
    while not is_so():
        assert time.monotonic() < deadline, f"not so after {timeout_s} s"
        time.sleep(0.2)


def test_a_second_server_works_on_the_data_of_a_running_ledger(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        other = second_server(tmp_path / "data").wait_until_ready()
        try:
            signed_in(ledger.url).post(f"{ledger.url}/api/projects", json={"name": "Shared"})
            seen = signed_in(other.url).get(f"{other.url}/api/projects").json()["data"]["projects"]
            assert [project["name"] for project in seen] == ["Shared"]
        finally:
            other.stop()
        assert requests.get(f"{ledger.url}/readyz", timeout=5).status_code == 200


def test_ephemeral_keeps_nothing(tmp_path: Path) -> None:
    ledger = Running(["up", "--ephemeral"], free_port(), tmp_path / "log")
    ledger.environment = {"TMPDIR": str(tmp_path)}
    ledger.start().wait_until_ready()
    (kept,) = tmp_path.glob("taskledger-*")
    sockets = DataFolder(kept).sockets
    assert sockets.exists()
    ledger.stop()
    assert not kept.exists()
    assert not sockets.exists()


def test_a_path_too_long_for_sockets_and_a_folder_that_only_its_owner_enters(tmp_path: Path) -> None:
    parent = tmp_path / ("long" * 30)
    parent.mkdir(mode=0o700)
    with running(parent / "data") as ledger:
        signed_in(ledger.url)
    sockets = DataFolder(parent / "data").sockets
    assert sockets.parent == Path("/tmp")
    assert not sockets.exists()


def test_the_master_key_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    with running(tmp_path / "data"):
        pass
    key = tmp_path / "data" / "secrets" / "master.key"
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    assert len(bytes.fromhex(key.read_text())) == 32
    key.unlink()
    complains(command("up", "--data", str(tmp_path / "data")), "master key", "restore")


def test_data_that_valkey_cannot_load_are_folded_again(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        signed_in(ledger.url).post(f"{ledger.url}/api/projects", json={"name": "Kept"})
    for file in (tmp_path / "data" / "valkey" / "appendonlydir").glob("*.aof"):
        file.write_bytes(b"*3\r\n$garbage\r\n" * 100)
    with running(tmp_path / "data") as ledger:
        found = signed_in(ledger.url).get(f"{ledger.url}/api/projects").json()["data"]["projects"]
        assert [project["name"] for project in found] == ["Kept"]


@pytest.mark.parametrize("name", ["up", "serve"])
@pytest.mark.parametrize("option", ["--port", "--taskforge-port"])
def test_a_port_in_use_is_named_with_its_user(tmp_path: Path, name: str, option: str) -> None:
    (other,) = {"--port", "--taskforge-port"} - {option}
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port, free = taken.getsockname()[1], free_port()
        ports = (option, str(port), other, str(free))
        done = command(name, "--data", str(tmp_path / "data"), *ports)
    # What it suggests is not the other one's either.
    complains(done, f"port {port} is in use", f"another one with {option} {max(port, free) + 1}")


def test_each_api_needs_a_port_of_its_own(tmp_path: Path) -> None:
    ports = ("--port", "5001")
    complains(command("up", "--data", str(tmp_path / "data"), *ports), "--port and --taskforge-port")


def test_a_folder_in_use_is_named_with_its_process(tmp_path: Path) -> None:
    with running(tmp_path / "data") as ledger:
        done = command("up", "--data", str(tmp_path / "data"), *free_ports())
        complains(done, "in use by another taskledger", str(ledger.process.pid))


@pytest.mark.parametrize(
    ("name", "url", "words"),
    [
        ("DATABASE_URL", "postgresql://me:s3cret@127.0.0.1:1/ledger", ("127.0.0.1:1", "connection refused")),
        ("DATABASE_URL", "postgresql://me:s3cret@no-such-host.invalid/x", ("no-such-host.invalid",)),
        ("DATABASE_URL", "postgresql://me:s3/cret@localhost/ledger", ("DATABASE_URL",)),
        ("DATABASE_URL", "what s3cret is this", ("DATABASE_URL cannot be read",)),
        ("REDIS_URL", "redis://:s3cret@127.0.0.1:1/0", ("127.0.0.1:1", "REDIS_URL")),
        ("REDIS_URL", "redis://:s3/cret@localhost:x/0", ("REDIS_URL cannot be read",)),
        ("REDIS_URL", "what s3cret is this", ("REDIS_URL cannot be read",)),
    ],
)
def test_unreachable_servers_are_named_without_their_passwords(
    tmp_path: Path, name: str, url: str, words: tuple[str, ...]
) -> None:
    done = command("up", "--data", str(tmp_path / "data"), *free_ports(), **{name: url})
    complains(done, *words)
    assert "s3cret" not in done.stderr
    assert "cret" not in done.stderr


def test_a_folder_that_cannot_be_used(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    complains(command("up", "--data", str(tmp_path / "file" / "data"), *free_ports()), "--data")


@pytest.mark.parametrize("name", ["up", "migrate", "serve", "project", "sample-data"])
def test_a_file_is_no_data_folder(tmp_path: Path, name: str) -> None:
    file = tmp_path / "file"
    file.write_text("a letter")
    ports = free_ports() if name in ("up", "serve") else ()
    done = command(name, "--data", str(file), *ports, DATABASE_URL="", REDIS_URL="")
    complains(done, str(file), "is not a folder", "name another one with --data")
    assert file.read_text() == "a letter"


def test_production_wants_a_first_password_that_nobody_knows(tmp_path: Path) -> None:
    data = ("--data", str(tmp_path / "data"))
    everywhere = ("up", *data, "--host", "0.0.0.0")
    https = {"TASKLEDGER_PUBLIC_URL": "https://localhost"}
    complains(command(*everywhere, *free_ports(), **https), "TASKLEDGER_ADMIN_PASSWORD")
    weak = {"TASKLEDGER_ADMIN_PASSWORD": "admin123"}
    complains(command(*everywhere, *free_ports(), **https, **weak), "too easy to guess")
    ledger = Running(list(everywhere), free_port(), tmp_path / "log")
    ledger.environment = {
        "TASKLEDGER_ADMIN_PASSWORD": "correct horse battery",
        "TASKLEDGER_ALLOW_UNSAFE": "plain-http",
    }
    ledger.start().wait_until_ready()
    try:
        signed_in(ledger.url, password="correct horse battery")
        assert "documentation" not in wait_for(ledger, "Try next"), "production has no page for it"
        body = {"username": "admin", "password": "admin123"}
        assert requests.post(f"{ledger.url}/api/auth/login", json=body, timeout=10).status_code == 401
    finally:
        ledger.stop()


def test_production_does_not_start_with_the_development_password(tmp_path: Path) -> None:
    with running(tmp_path / "data"):
        pass
    arguments = ("up", "--data", str(tmp_path / "data"), *free_ports())
    production = {"TASKLEDGER_ENV": "production", "TASKLEDGER_PUBLIC_URL": "https://tasks.example.com"}
    complains(command(*arguments, **production), "development password", "change it")


def test_another_master_key_is_refused(tmp_path: Path) -> None:
    with running(tmp_path / "data"):
        pass
    arguments = ("up", "--data", str(tmp_path / "data"), *free_ports())
    complains(command(*arguments, TASKLEDGER_MASTER_KEY="00" * 32), "master key is not the one")


def test_parts_can_run_apart(tmp_path: Path, empty_database_url: str, redis_url: str) -> None:
    secrets = {"TASKLEDGER_MASTER_KEY": "ab" * 32, "TASKLEDGER_JWT_SECRET": "ba" * 32}
    urls = {"DATABASE_URL": empty_database_url, "REDIS_URL": redis_url} | secrets
    port = free_port()
    complains(command("serve", *free_ports(), **urls), "taskledger migrate")
    complains(command("project", **urls), "taskledger migrate")
    assert "applied 0001" in command("migrate", **urls).stdout
    assert "up to date" in command("migrate", **urls).stdout
    complains(command("project", **urls | {"TASKLEDGER_MASTER_KEY": "cd" * 32}), "master key is not the one")
    server = Running(["serve", "--workers", "2"], port, tmp_path / "server")
    projector = Running(["project"], 0, tmp_path / "projector")
    for part in (server, projector):
        part.environment = urls
        part.start()
    try:
        server.wait_until_ready()
        made = signed_in(server.url).post(f"{server.url}/api/projects", json={"name": "Apart"})
        assert made.status_code == 201
        assert "X-Read-Model" not in made.headers
    finally:
        server.stop()
        projector.stop()
    assert (server.process.returncode, projector.process.returncode) == (0, 0)


def test_wrong_usage_is_2_and_help_is_0() -> None:
    assert command("upp").returncode == 2
    assert command("up", "--port", "x").returncode == 2
    assert command("up", "--ephemeral", "--data", "x").returncode == 2
    assert command("--help").returncode == 0
    assert command("--version").stdout.startswith("taskledger ")


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root to become nobody")
def test_without_root_it_works_the_same(tmp_path: Path) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if not folder.stat().st_mode & stat.S_IXOTH:
            folder.chmod(0o755)
    data = tmp_path / "data"
    data.mkdir()
    os.chown(data, 65534, 65534)
    become = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--inh-caps=+dac_read_search"]
    ledger = Running(["up", "--data", str(data)], free_port(), tmp_path / "log")
    ledger.prefix = [*become, "--ambient-caps=+dac_read_search"]
    ledger.environment = {"HOME": str(data)}
    ledger.start().wait_until_ready()
    try:
        assert {process.username() for process in ledger.descendants()} == {"nobody"}
    finally:
        ledger.stop()


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """One command that is expected to end by itself."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "api.cli", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        stdin=subprocess.DEVNULL,
    )


def complains(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """Exit code 1 and one line that says what is wrong."""
    assert done.returncode == 1, done.stdout + done.stderr
    lines = done.stderr.splitlines()
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("taskledger: ")
    for word in words:
        assert word in lines[0]


def part_named(ledger: Running, name: str) -> psutil.Process:
    """The process of that name; of PostgreSQL's many, the one that the others descend from."""
    found = ledger.descendants_named(name)
    pids = {process.pid for process in found}
    return next(process for process in found if process.ppid() not in pids)


def wait_for(ledger: Running, words: str, times: int = 1) -> str:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        said = ledger.said()
        if said.count(words) >= times:
            return said
        time.sleep(0.05)
    raise AssertionError(f"never said {words!r}:\n{ledger.said()}")
