"""`./taskledger` on machines that lack something: one clear line and exit code 1, never a traceback."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
# What the script needs besides Python: the tools that every POSIX system has.
TOOLS = ("sh", "dirname", "readlink", "cat", "cmp")
WHEEL = "greeting-1.0-py3-none-any.whl"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A checkout with the real launcher, one small package to install, and a command line that uses it."""
    folder = tmp_path / "a checkout"
    (folder / "requirements").mkdir(parents=True)
    (folder / "api").mkdir()
    (folder / "scripts").mkdir()
    shutil.copy(ROOT / "taskledger", folder)
    shutil.copy(ROOT / "scripts" / "install.py", folder / "scripts")
    digest = make_wheel(tmp_path / "wheels")
    for group in ("run", "dev"):
        pinned = f"greeting==1.0 --hash=sha256:{digest}\n"
        (folder / "requirements" / f"{group}.txt").write_text(pinned)
    (folder / "api" / "cli.py").write_text("import sys, greeting\nprint(greeting.WORD, *sys.argv[1:])\n")
    return folder


def test_it_installs_once_and_hands_over(checkout: Path) -> None:
    first = launch(checkout, "up", "--port", "5001")
    assert first.stdout == "hello up --port 5001\n", first.stderr
    assert "installing Python packages" in first.stderr
    again = launch(checkout, "up")
    assert (again.stdout, again.stderr) == ("hello up\n", "")


def test_it_works_through_a_link_and_from_anywhere(checkout: Path, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    # A folder of the same name where the caller stands must not be taken for ours.
    (tmp_path / "elsewhere" / "api").mkdir()
    (tmp_path / "elsewhere" / "api" / "__init__.py").touch()
    link = tmp_path / "elsewhere" / "ledger"
    link.symlink_to(checkout / "taskledger")
    done = launch(checkout, "up", program=link, folder=tmp_path / "elsewhere")
    assert done.stdout == "hello up\n", done.stderr


def test_the_generator_s_script_is_a_command_under_another_name(checkout: Path) -> None:
    """With whatever Python; the launcher finds, or makes, the one with the packages."""
    script = shutil.copy(ROOT / "scripts" / "generate_test_data.py", checkout / "scripts")
    wanted = ("--projects", "10", "--tasks", "50", "--users", "20")
    done = subprocess.run(
        [sys.executable, "-I", str(script), *wanted],
        capture_output=True,
        text=True,
        timeout=100,
        cwd="/",
        env=offline(checkout),
    )
    assert done.stdout == f"hello sample-data {' '.join(wanted)}\n", done.stderr
    (checkout / "taskledger").unlink()
    alone = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=100)
    assert alone.returncode == 1
    assert alone.stderr.startswith("generate_test_data: cannot run")


def test_two_at_once_install_once(checkout: Path) -> None:
    both = [
        subprocess.Popen(
            [str(checkout / "taskledger"), "up"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=offline(checkout),
        )
        for _ in range(2)
    ]
    said = [process.communicate(timeout=100) for process in both]
    assert [out for out, _ in said] == ["hello up\n"] * 2, said
    assert "".join(err for _, err in said).count("installing") == 1


@pytest.mark.parametrize("leftover", ["nothing in it", "a python that is gone", "no stamp"])
def test_a_half_made_environment_is_repaired(checkout: Path, leftover: str) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    if leftover == "a python that is gone":
        (checkout / ".venv" / "bin" / "python").symlink_to("/nowhere/python3")
    if leftover == "no stamp":
        launch(checkout, "up")
        (checkout / ".venv" / "installed-run.txt").unlink()
        shutil.rmtree(next((checkout / ".venv" / "lib").glob("*/site-packages/greeting*")))
    assert launch(checkout, "up").stdout == "hello up\n"


def test_a_moved_checkout_installs_again(checkout: Path) -> None:
    launch(checkout, "up")
    moved = checkout.rename(checkout.with_name("moved"))
    assert launch(moved, "up").stdout == "hello up\n"


def test_a_package_that_was_tampered_with_is_refused(checkout: Path) -> None:
    requirements = checkout / "requirements" / "run.txt"
    requirements.write_text(requirements.read_text().rstrip()[:-4] + "0000\n")
    complains(launch(checkout, "up"), "pip failed", "HASHES")


def test_without_network_it_says_so(checkout: Path) -> None:
    environment = offline(checkout) | {"PIP_INDEX_URL": "http://127.0.0.1:9/simple", "PIP_RETRIES": "0"}
    del environment["PIP_NO_INDEX"], environment["PIP_FIND_LINKS"]
    complains(launch(checkout, "up", environment=environment), "cannot be reached", "network")


def test_no_python_at_all(checkout: Path, tmp_path: Path) -> None:
    complains(launch_with(checkout, tmp_path, {}), "Python 3.11 or later is needed", "install it")


def test_an_old_python_is_named(checkout: Path, tmp_path: Path) -> None:
    old = "#!/bin/sh\necho 3.9\nexit 3\n"
    complains(launch_with(checkout, tmp_path, {"python3": old}), "Python 3.11 or later", "python3 is 3.9")


def test_a_name_that_does_not_run_is_passed_over(checkout: Path, tmp_path: Path) -> None:
    shim = "#!/bin/sh\necho 'command not found' >&2\nexit 127\n"
    real = f'#!/bin/sh\nexec {sys.executable} "$@"\n'
    done = launch_with(checkout, tmp_path, {"python3.12": shim, "python3": real})
    assert done.stdout == "hello up\n", done.stderr


def test_a_missing_venv_module_is_named_with_its_package(checkout: Path, tmp_path: Path) -> None:
    hiding = "import sys; sys.modules['ensurepip'] = None; exec(sys.argv[1])"
    python = f'#!/bin/sh\nexec {sys.executable} -I -c "{hiding}" "$3"\n'
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    complains(launch_with(checkout, tmp_path, {"python3": python}), f"apt install python{version}-venv")


def launch(
    checkout: Path,
    *arguments: str,
    program: Path | None = None,
    folder: Path | None = None,
    environment: dict[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(program or checkout / "taskledger"), *arguments],
        capture_output=True,
        text=True,
        timeout=100,
        cwd=folder,
        env=environment or offline(checkout),
    )


def launch_with(checkout: Path, tmp_path: Path, pythons: dict[str, str]) -> subprocess.CompletedProcess[str]:
    """Launch on a PATH that has these programs for Python, and no other."""
    path = tmp_path / "bin"
    path.mkdir()
    for name in TOOLS:
        (path / name).symlink_to(str(shutil.which(name)))
    for name, text in pythons.items():
        (path / name).write_text(text)
        (path / name).chmod(0o755)
    return launch(checkout, "up", environment=offline(checkout) | {"PATH": str(path)})


def offline(checkout: Path) -> dict[str, str]:
    """The environment in which pip finds the one package, and asks nobody else."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PIP_", "PYTHON"))}
    wheels = checkout.parent / "wheels"
    pip = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels), "PIP_CONFIG_FILE": os.devnull}
    return kept | pip | {"TASKLEDGER_PYTHON": ""}


def complains(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """One line says what is wrong, and what to do, behind the line on what is going on."""
    lines = [line for line in done.stderr.splitlines() if "installing Python packages" not in line]
    assert done.returncode == 1
    assert len(lines) == 1, done.stderr
    assert lines[0].startswith("taskledger: ")
    for word in words:
        assert word in lines[0]


def make_wheel(folder: Path) -> str:
    """A wheel with one module; its SHA-256."""
    folder.mkdir()
    info = "greeting-1.0.dist-info"
    files = {
        "greeting/__init__.py": 'WORD = "hello"\n',
        f"{info}/METADATA": "Metadata-Version: 2.1\nName: greeting\nVersion: 1.0\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    }
    record = "".join(f"{name},,\n" for name in [*files, f"{info}/RECORD"])
    with zipfile.ZipFile(folder / WHEEL, "w") as wheel:
        for name, text in (files | {f"{info}/RECORD": record}).items():
            wheel.writestr(name, text)
    return hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
