"""What commands that run for long understand of their arguments."""

from __future__ import annotations

import argparse
from pathlib import Path


def writable(name: str) -> Path:
    """Looked at before much time is spent. Raises ArgumentTypeError."""
    path = Path(name)
    try:
        path.touch()
    except OSError as error:
        raise argparse.ArgumentTypeError(f"{name} cannot be written: {error.strerror}") from None
    return path
