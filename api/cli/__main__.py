"""`python -m api.cli`, which is how the program starts itself."""

from __future__ import annotations

import sys

from api.cli import main

if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        # Typer sees to it once it runs; on a busy machine the imports before that take their time.
        sys.exit(130)
