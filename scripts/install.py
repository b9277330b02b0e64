"""Makes .venv and installs the locked packages; run by ./taskledger with whatever Python it found.

Only the standard library is at hand here. Usage: install.py run|dev
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
VENV: Final = ROOT / ".venv"
PYTHON: Final = VENV / "bin" / "python"
LOG: Final = VENV / "install.log"

FOR: Final = {"run": "", "dev": " for tests, checks and benchmarks"}
"""What the packages of each group are for, where that is not plain."""

NO_NETWORK: Final = (
    "NewConnectionError",
    "name resolution",
    "Name or service not known",
    "Connection refused",
    "Network is unreachable",
    "ConnectTimeoutError",
    "ReadTimeoutError",
    "ProxyError",
    "SSLError",
    "nodename nor servname",
    "No matching distribution found",
)


class Failed(Exception):
    """One line for the person who waits."""


def main(group: str) -> int:
    try:
        with (ROOT / ".venv.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            install(group)
    except Failed as error:
        print(f"taskledger: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"taskledger: cannot write {error.filename}: {error.strerror}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def install(group: str) -> None:
    """Whoever waited for the lock finds everything done."""
    if is_installed(group):
        return
    say(f"installing Python packages{FOR[group]} into .venv, once; this takes about half a minute")
    if not is_usable():
        make()
    requirements = ROOT / "requirements" / f"{group}.txt"
    pip = [
        str(PYTHON),
        "-I",
        "-m",
        "pip",
        "--disable-pip-version-check",
        "--no-input",
        "install",
        "--no-deps",
    ]
    run([*pip, "--require-hashes", "--requirement", str(requirements)])
    packages = Path(
        output([str(PYTHON), "-I", "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"])
    )
    (packages / "taskledger.pth").write_text(f"{ROOT}\n")
    draft = stamp(group).with_suffix(".new")
    draft.write_text(contents(group))
    draft.replace(stamp(group))


def is_installed(group: str) -> bool:
    try:
        return is_usable() and stamp(group).read_text() == contents(group)
    except OSError:
        return False


def is_usable() -> bool:
    """Whether .venv once was complete, and its Python is still there, and the same."""
    noted = [path.read_text().split()[1] for path in VENV.glob("installed-*.txt")]
    return bool(noted) and version() in noted


def make() -> None:
    LOG.parent.mkdir(exist_ok=True)
    try:
        subprocess.run(
            [sys.executable, "-I", "-m", "venv", "--clear", str(VENV)], check=True, capture_output=True
        )
    except subprocess.CalledProcessError as error:
        said = (error.stdout + error.stderr).decode(errors="replace").split("\n")
        raise Failed(f"cannot make a virtual environment in {VENV}: {' '.join(said)[:300]}") from None


def run(command: list[str]) -> None:
    """Run quietly; what was said is kept in .venv/install.log."""
    with LOG.open("w") as log:
        done = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, check=False)
    if not done.returncode:
        return
    text = LOG.read_text(errors="replace")
    if any(sign in text for sign in NO_NETWORK):
        raise Failed(
            f"the Python package index cannot be reached; check the network or the proxy (log: {LOG})"
        )
    errors = [line for line in text.splitlines() if line.startswith("ERROR")]
    raise Failed(f"pip failed: {errors[-1] if errors else 'no reason given'} (log: {LOG})")


def stamp(group: str) -> Path:
    return VENV / f"installed-{group}.txt"


def contents(group: str) -> str:
    """What ./taskledger compares before each start."""
    return f"# {version()} {ROOT}\n{(ROOT / 'requirements' / f'{group}.txt').read_text()}"


def version() -> str:
    code = "import sys; print('%d.%d' % sys.version_info[:2])"
    try:
        return output([str(PYTHON), "-I", "-S", "-c", code])
    except (OSError, subprocess.CalledProcessError):
        return "none"


def output(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def say(line: str) -> None:
    print(f"taskledger: {line}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    os.umask(0o022)
    sys.exit(main(sys.argv[1]))
