"""The program with one deliberate break: `python -m tests.faults.mutants NAME -- serve …`.

No code of the product knows of this. A name that begins with `crash:` ends the process by SIGKILL at a point
of its work: `crash:before_append` when it has passed there some times, `crash:before_append:3` at the third
time.
"""

from __future__ import annotations

import runpy
import sys
from collections.abc import Callable, Mapping
from typing import Final

from tests.faults.mutants_crashes import crashing_at
from tests.faults.mutants_projectors import OF_PROJECTORS
from tests.faults.mutants_servers import OF_SERVERS
from tests.faults.parts import CRASH

MUTANTS: Final[Mapping[str, Callable[[], None]]] = {**OF_SERVERS, **OF_PROJECTORS}


def patch(name: str) -> None:
    """Break this process. Raises KeyError for a name that nobody has given to a break."""
    if name.startswith(CRASH):
        crashing_at(name.removeprefix(CRASH))
    else:
        MUTANTS[name]()


def main() -> None:
    _, name, _, *words = sys.argv
    patch(name)
    sys.argv = ["taskledger", *words]
    runpy.run_module("api.cli", run_name="__main__")


if __name__ == "__main__":
    main()
