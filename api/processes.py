"""Starting and ending other processes so that none is left behind."""

from __future__ import annotations

import importlib.util
import os
import platform
import shutil
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import psutil

from api.exits import CannotRun

ROOT: Final = Path(__file__).parent.parent
"""The checkout, or wherever the packages are."""

UNPRIVILEGED_ID: Final = 65534
"""User and group "nobody": PostgreSQL refuses to run as root."""

LOG_KEPT_MAX_BYTES: Final = 10_000_000
LOG_TAIL_BYTES: Final = 4_000

# Linux capabilities that let "nobody" pass through folders that only root may enter.
_CAPABILITIES: Final = {"dac_read_search": 2, "dac_override": 1}


def spawn(
    command: Sequence[str], *, log: Path, unprivileged: bool = False, env: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start a server in a session of its own, its output going to `log`.

    On Linux it is told to stop when this process dies. With `unprivileged`, root starts it as nobody.
    """
    prefix = _guarded(unprivileged and os.geteuid() == 0)
    _rotate(log)
    with log.open("ab") as output:
        return subprocess.Popen(
            [*prefix, *command],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            env=env,
            cwd="/",
        )


def as_unprivileged(command: Sequence[str]) -> list[str]:
    """The command as root has to start it to run as nobody; unchanged for everybody else."""
    return [*(_as_nobody() if os.geteuid() == 0 else ()), *command]


def own_python(*arguments: str) -> tuple[list[str], dict[str, str]]:
    """Command and environment that run this Python with our packages, from whatever folder."""
    path = [str(ROOT), *(part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part)]
    return [sys.executable, "-P", *arguments], os.environ | {"PYTHONPATH": os.pathsep.join(path)}


def give_away(folder: Path) -> None:
    """Hand a folder to the user that PostgreSQL runs as when we are root."""
    if os.geteuid() == 0:
        os.chown(folder, UNPRIVILEGED_ID, UNPRIVILEGED_ID)


def end(process: subprocess.Popen[bytes] | psutil.Process, *steps: tuple[signal.Signals, float]) -> None:
    """Send each signal in turn and wait its seconds for the end; SIGKILL is the last step of all."""
    for number, patience_s in (*steps, (signal.SIGKILL, 5.0)):
        try:
            process.send_signal(number)
            process.wait(timeout=patience_s)
        except psutil.NoSuchProcess:
            return
        except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
            continue
        return


def running(pid_file: Path, mark: str) -> psutil.Process | None:
    """The process that a pid file names, if its command line bears `mark`; numbers are used again."""
    try:
        process = psutil.Process(int(pid_file.read_text().split()[0]))
        return process if mark in " ".join(process.cmdline()) else None
    except (OSError, ValueError, IndexError, psutil.Error):
        return None


def last_line(log: Path) -> str:
    """The last line that a server wrote: most often the reason why it ended."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - LOG_TAIL_BYTES))
            lines = file.read().decode(errors="replace").strip().splitlines()
    except OSError:
        return "it wrote nothing"
    return lines[-1] if lines else "it wrote nothing"


def packaged_program(package: str, *parts: str) -> str:
    """The path of a program that a wheel brings along.

    The package is not imported: its start-up would look for folders of its own, and warn.
    """
    found = importlib.util.find_spec(package)
    folders = found.submodule_search_locations if found else None
    path = Path(next(iter(folders or ["."])), *parts)
    if not path.is_file():
        raise CannotRun(
            f"the package {package} has no {path.name} for {platform.system()} on {platform.machine()};"
            " set DATABASE_URL and REDIS_URL to servers of your own"
        )
    return str(path)


def _guarded(unprivileged: bool) -> list[str]:
    setpriv = shutil.which("setpriv")
    if not setpriv:
        return _as_nobody() if unprivileged else []
    return [*(_as_nobody() if unprivileged else [setpriv]), "--pdeathsig=INT"]


def _as_nobody() -> list[str]:
    setpriv = shutil.which("setpriv")
    if not setpriv:
        raise CannotRun(
            "PostgreSQL does not run as root, and the program setpriv that would start it as another user is"
            " missing; install the package util-linux, start as another user, or set DATABASE_URL"
        )
    name = _capability()
    passing = [f"--inh-caps=+{name}", f"--ambient-caps=+{name}"] if name else []
    return [setpriv, f"--reuid={UNPRIVILEGED_ID}", f"--regid={UNPRIVILEGED_ID}", "--clear-groups", *passing]


def _capability() -> str | None:
    """The least capability that this process may hand on; containers often lack the first."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("CapPrm:"):
            held = int(line.split()[1], 16)
            return next((name for name, bit in _CAPABILITIES.items() if held >> bit & 1), None)
    return None


def _rotate(log: Path) -> None:
    if log.exists() and log.stat().st_size > LOG_KEPT_MAX_BYTES:
        log.replace(log.with_suffix(".log.1"))
