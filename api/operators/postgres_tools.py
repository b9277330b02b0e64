"""PostgreSQL's own programs: new enough for a server, and told where it is without anybody reading along."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Final

from psycopg.pq import Conninfo

from api.embedded_postgres import MAJOR, postgres_program
from api.exits import CannotRun
from api.places import is_database_encrypted, is_database_here

CONNECT_TIMEOUT_S: Final = "10"
VERSION_TIMEOUT_S: Final = 10
SAID_MAX_BYTES: Final = 4_000
NEEDED: Final = ("pg_dump", "pg_restore", "psql")

_MAJOR: Final = re.compile(r"\(PostgreSQL\) ([0-9]+)")
_COMPLAINT: Final = re.compile(r".*?\b(?:error|ERROR|FATAL): +")


@dataclass(frozen=True, slots=True)
class Tools:
    """Programs of one version, and the database that they work on.

    The address goes by the environment, which only its owner can read: a command line everybody can.
    """

    folder: Path
    database_url: str = field(repr=False)

    def start(
        self,
        program: str,
        *options: str,
        said: IO[bytes],
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        stdout: int = subprocess.DEVNULL,
    ) -> subprocess.Popen[bytes]:
        """A running program; what it complains of goes to `said`."""
        return subprocess.Popen(
            [str(self.folder / program), *options],
            stdin=stdin,
            stdout=stdout,
            stderr=said,
            env=self._environment(),
        )

    def _environment(self) -> Mapping[str, str]:
        named = {
            each.envvar.decode(): each.val.decode()
            for each in Conninfo.parse(self.database_url.encode())
            if each.envvar and each.val
        }
        return os.environ | {"PGCONNECT_TIMEOUT": CONNECT_TIMEOUT_S, "LC_ALL": "C"} | named


def tools_for(server_version: int, database_url: str) -> Tools:
    """Programs that can read a server of that version, as 180006: those that come along, or those on PATH.

    Those that come along cannot encrypt. Raises CannotRun where none will do.
    """
    major = server_version // 10_000
    for folder in _folders(database_url):
        if all((folder / name).exists() for name in NEEDED) and _major(folder) >= major:
            return Tools(folder, database_url)
    needed = max(major, int(MAJOR))
    raise CannotRun(
        f"there is no pg_dump for this server, which is PostgreSQL {major}: install the programs of"
        f" PostgreSQL {needed} (Debian, Ubuntu: postgresql-client-{needed}) so that they are on PATH"
    )


def _folders(database_url: str) -> Iterator[Path]:
    """Where programs may be, the best place first."""
    own = Path(postgres_program("pg_dump")).parent
    found = shutil.which("pg_dump")
    others = [Path(found).resolve().parent] if found else []
    if is_database_here(database_url):
        yield from (own, *others)
    else:
        yield from (*others, *(() if is_database_encrypted(database_url) else (own,)))


def _major(folder: Path) -> int:
    told = subprocess.run(
        [str(folder / "pg_dump"), "--version"],
        capture_output=True,
        text=True,
        timeout=VERSION_TIMEOUT_S,
        check=False,
    )
    found = _MAJOR.search(told.stdout)
    return int(found[1]) if found else 0


def last_words(said: IO[bytes]) -> str:
    """The first complaint among what a program wrote: what follows are its consequences."""
    said.seek(0)
    lines = said.read(SAID_MAX_BYTES).decode(errors="replace").strip().splitlines()
    lines = lines or ["it gave no reason"]
    told = next((line for line in lines if _COMPLAINT.match(line)), lines[0])
    return _COMPLAINT.sub("", told, count=1)
