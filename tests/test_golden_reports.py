"""A formula does not change unnoticed: reports on one history are as their version says."""

from __future__ import annotations

import asyncio

import pytest

from readmodels.reports.catalogue import REPORTS
from readmodels.reports.report import FORMULA_VERSION
from tests.golden.reported import golden, made


@pytest.mark.parametrize("name", REPORTS)
def test_a_report_says_what_its_formulas_said(name: str) -> None:
    """Where a figure changes on purpose, raise FORMULA_VERSION, then `python -m tests.golden.reported`."""
    assert asyncio.run(made(name)) == golden(name).read_bytes()


@pytest.mark.parametrize("name", REPORTS)
@pytest.mark.parametrize("version", range(1, FORMULA_VERSION + 1))
def test_what_older_formulas_said_is_kept(name: str, version: int) -> None:
    assert golden(name, version).exists()
