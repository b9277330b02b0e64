"""The APIs of a server that the tables are asked of."""

from __future__ import annotations

import pytest

from tests.hostile.asking import Api, asked_apis
from tests.http import Taskflow


@pytest.fixture
async def apis(taskflow: Taskflow) -> dict[str, Api]:
    return await asked_apis(taskflow)
