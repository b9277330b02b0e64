"""How many processes share the tests."""

from __future__ import annotations

import os
from types import SimpleNamespace
from typing import cast

import pytest

from tests.conftest import pytest_xdist_auto_num_workers


@pytest.fixture(autouse=True)
def no_servers_given(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("TEST_DATABASE_URL", "TEST_REDIS_URL"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize(("processors", "processes"), [(1, 1), (2, 2), (64, 4), (None, 1)])
def test_everything_runs_on_all_processors_up_to_a_bound(
    monkeypatch: pytest.MonkeyPatch, processors: int | None, processes: int
) -> None:
    monkeypatch.setattr(os, "cpu_count", lambda: processors)
    assert workers("tests") == processes


@pytest.mark.parametrize("named", ["tests/test_workers.py", "tests/test_workers.py::workers"])
def test_files_that_are_named_need_no_more_than_one(named: str) -> None:
    assert workers(named, "tests/conftest.py") == 0
    assert workers(named, "tests") > 0


@pytest.mark.parametrize("name", ["TEST_DATABASE_URL", "TEST_REDIS_URL"])
def test_servers_of_somebody_else_are_not_shared(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "given")
    assert workers("tests") == 0


def workers(*named: str) -> int:
    return pytest_xdist_auto_num_workers(cast(pytest.Config, SimpleNamespace(args=named)))
