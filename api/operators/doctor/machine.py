"""The machine and the program: versions, packages, files, memory, settings, ports."""

from __future__ import annotations

import http.client
import platform
import re
import resource
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as version_of
from typing import Final

import psutil

from api import preflight
from api.exits import CannotRun
from api.operators.doctor.findings import Finding, failed, fine, skipped, warning
from api.processes import ROOT
from api.settings import Settings
from api.version import version

PYTHON_MIN: Final = (3, 11)
OPEN_FILES_MIN: Final = 1_024
MEMORY_MIN_BYTES: Final = 256 * 1024**2
LOCK: Final = ROOT / "requirements" / "run.txt"
PROBE_TIMEOUT_S: Final = 2.0
MIB: Final = 1024**2

_PINNED: Final = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)", re.MULTILINE)


def machine() -> Iterator[Finding]:
    yield python()
    yield packages()
    yield event_loop()
    yield open_files()
    yield memory()


def python() -> Finding:
    found = f"TaskLedger {version()}, Python {platform.python_version()}"
    if sys.version_info < PYTHON_MIN:
        return failed("versions", found, "install Python 3.11 or later, and start ./taskledger again")
    return fine("versions", found)


def packages() -> Finding:
    """Whether what is installed is what was tested together."""
    if not LOCK.exists():
        return skipped("packages", "the list of pinned packages is not beside the program")
    pinned = _pinned()
    found = {name: _installed(name) for name in pinned}
    # What only other systems need stands in the list, too, and is missing here.
    wrong = [
        f"{name} {has}, not {' or '.join(pinned[name])}"
        for name, has in found.items()
        if has and has not in pinned[name]
    ]
    if wrong:
        shown = "; ".join(wrong[:5])
        return warning("packages", shown, "remove .venv and start ./taskledger again, which makes it anew")
    return fine("packages", f"{len(pinned)} packages are as they are pinned")


def event_loop() -> Finding:
    """Everything runs on Python's own loop, too, and somewhat slower."""
    if not (found := _installed("uvloop")):
        return warning("event_loop", "uvloop is not installed", "install it: servers answer more with it")
    return fine("event_loop", f"uvloop {found}")


def open_files() -> Finding:
    allowed = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    found = f"{allowed} files and sockets may be open"
    if allowed < OPEN_FILES_MIN:
        return warning("open_files", found, f"raise the limit: ulimit -n {4 * OPEN_FILES_MIN}")
    return fine("open_files", found)


def memory() -> Finding:
    found = psutil.virtual_memory()
    told = f"{found.available // MIB} of {found.total // MIB} MiB are free"
    if found.available < MEMORY_MIN_BYTES:
        return warning("memory", told, "free some memory, or take a machine that has more")
    return fine("memory", told)


def settings(found: Settings) -> Iterator[Finding]:
    """The rules of production, as far as the settings alone can break them."""
    told = f"{found.env}, registration {found.registration}"
    if not found.is_production:
        yield fine("settings", told)
    elif found.rate_limits is None:
        yield warning("settings", f"{told}, no rate limits", "unset TASKLEDGER_RATE_LIMITS")
    elif not found.is_https:
        yield warning(
            "settings",
            f"{told}, no https",
            "set TASKLEDGER_PUBLIC_URL to the https:// address that browsers use: cookies are Secure then",
        )
    else:
        yield fine("settings", told)
    yield _jwt_secret(found)


def _jwt_secret(found: Settings) -> Finding:
    if found.jwt_secret:
        return fine("jwt_secret", "present")
    return warning(
        "jwt_secret", "not set here", "servers need TASKLEDGER_JWT_SECRET: openssl rand -hex 32 makes one"
    )


def ports(host: str, wanted: Mapping[str, int]) -> Iterator[Finding]:
    """Whether each port is free, or answers as ours; by the options that choose them."""
    for option, port in wanted.items():
        name = f"port_{port}"
        try:
            preflight.ports_are_free(host, {option: port})
        except CannotRun as error:
            if _is_ours(host, port):
                yield fine(name, "a TaskLedger server answers")
            else:
                yield warning(name, str(error), f"stop that program, or choose another port with {option}")
        else:
            yield fine(name, "free")


def _is_ours(host: str, port: int) -> bool:
    connection = http.client.HTTPConnection(host, port, timeout=PROBE_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        answer = connection.getresponse()
        return answer.status == http.HTTPStatus.OK and b'"alive"' in answer.read(2_000)
    except (OSError, http.client.HTTPException):
        return False
    finally:
        connection.close()


def _pinned() -> dict[str, list[str]]:
    """The versions of each package: there are several where systems or Pythons need different ones."""
    pinned: dict[str, list[str]] = {}
    for name, pin in _PINNED.findall(LOCK.read_text()):
        pinned.setdefault(name, []).append(pin)
    return pinned


def _installed(name: str) -> str | None:
    try:
        return version_of(name)
    except PackageNotFoundError:
        return None
