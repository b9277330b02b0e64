"""The environment as this program takes it: secrets read from files, and no variable that means nothing."""

from __future__ import annotations

import dataclasses
import os
import re
import stat
from collections.abc import Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from api.settings import PREFIX, Settings, SettingsError, variable

ADMIN_PASSWORD: Final = "TASKLEDGER_ADMIN_PASSWORD"  # noqa: S105 - the name of a variable
FILE: Final = "_FILE"
SECRETS: Final = (
    *("DATABASE_URL", "REDIS_URL", "TASKLEDGER_MASTER_KEY", "TASKLEDGER_JWT_SECRET"),
    ADMIN_PASSWORD,
)
"""What may be given by a file instead: the variable with _FILE behind it names that."""

ELSEWHERE: Final = frozenset(
    {"TASKLEDGER_PYTHON", "TASKLEDGER_DEBUG", "TASKLEDGER_PORT", "TASKLEDGER_TASKFORGE_PORT"}
)
"""Taken by the launcher, by the command line before it knows anything, and by docker-compose.yml."""

KNOWN: Final = frozenset(
    name
    for name in (
        *(variable(field.name) for field in dataclasses.fields(Settings)),
        *(name + end for name in SECRETS for end in ("", FILE)),
        *ELSEWHERE,
    )
    if name.startswith(PREFIX)
)
CLUSTERS: Final = re.compile(
    r"TASKLEDGER_(\w+_)?(SERVICE_(HOST|PORT(_\w+)?)|PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
"""What Kubernetes tells every container of a service whose name begins with `taskledger`."""

CLUSTERS_PORT: Final = re.compile(r"(tcp|udp|sctp)://")
SECRET_BYTES_MAX: Final = 8_192
MOUNTED: Final = (Path("/run/secrets"), Path("/var/run/secrets"))
"""Where container engines put secrets, with rights of their own choice, for one container alone."""


def environ() -> dict[str, str]:
    """This process' environment. Raises SettingsError with a line for everything that is wrong in it."""
    return taken(os.environ)


def taken(given: Mapping[str, str]) -> dict[str, str]:
    """As `environ`, of any variables; what files say stands under the names without _FILE."""
    found, wrong = dict(given), [*_unknown(given)]
    for name in SECRETS:
        if file := found.pop(name + FILE, ""):
            try:
                found[name] = _content(name, Path(file), is_given=bool(given.get(name)))
            except SettingsError as error:
                wrong.append(str(error))
    if wrong:
        raise SettingsError("\n".join(wrong))
    return found


def _unknown(given: Mapping[str, str]) -> Iterator[str]:
    ends = [name.removeprefix(PREFIX) for name in sorted(KNOWN)]
    for name in sorted(given):
        if name.startswith(PREFIX) and name not in KNOWN and not _is_of_a_cluster(name, given[name]):
            near = get_close_matches(name.removeprefix(PREFIX), ends, n=1)
            meant = f"; did you mean {PREFIX}{near[0]}?" if near else ", and means nothing"
            yield f"{name} is no variable of this program{meant}"


def _is_of_a_cluster(name: str, text: str) -> bool:
    return bool(CLUSTERS.fullmatch(name) or (name.endswith("_PORT") and CLUSTERS_PORT.match(text)))


def _content(name: str, file: Path, *, is_given: bool) -> str:
    if is_given:
        raise SettingsError(f"{name} and {name}{FILE} are both set: keep one of them")
    try:
        _must_be_a_private_file(name, file)
        with file.open("rb") as opened:
            raw = opened.read(SECRET_BYTES_MAX + 1)
    except OSError as error:
        raise SettingsError(f"{name}{FILE} names {file}, which cannot be read: {error.strerror}") from None
    text = raw.decode(errors="replace").rstrip("\r\n")
    if not text or len(raw) > SECRET_BYTES_MAX or not text.isprintable():
        raise SettingsError(f"{name}{FILE} names {file}, which does not hold one line of text")
    return text


def _must_be_a_private_file(name: str, file: Path) -> None:
    mode = file.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        # A pipe would be waited on for ever.
        raise SettingsError(f"{name}{FILE} names {file}, which is no ordinary file")
    if any(file.is_relative_to(folder) for folder in MOUNTED):
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        raise SettingsError(f"{name}{FILE} names {file}, which anybody here may read: chmod o-rwx {file}")
