"""What tests of the lab do otherwise than other tests."""

from __future__ import annotations

import pytest


@pytest.fixture(autouse=True)
def never_blocking() -> None:
    """The lab looks at processes and files while it works: its event loop serves nobody else."""
