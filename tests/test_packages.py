"""What the program runs on: licences and the bill of materials as locked, vulnerabilities told."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from api import vulnerabilities
from tests.running import ROOT
from tests.test_house import pins

DOCS = ROOT / "docs"


def test_licences_and_the_bill_of_materials_are_those_of_the_lock(tmp_path: Path) -> None:
    """Else: .venv/bin/python scripts/write_packages.py"""
    script = [sys.executable, str(ROOT / "scripts" / "write_packages.py"), str(tmp_path)]
    subprocess.run(script, check=True, timeout=60)
    now, kept = ((folder / "licences.md").read_text() for folder in (tmp_path, DOCS))
    assert rows(now).keys() == rows(kept).keys() >= pins("run").keys()
    for name, (version, licence) in rows(now).items():
        # What only other systems need says nothing here.
        if "not installed here" not in (licence, rows(kept)[name][1]):
            assert rows(kept)[name] == (version, licence)
    bill = json.loads((DOCS / "sbom.json").read_text())
    locked = {(each["name"], each["version"]) for each in bill["components"]}
    assert {(name, version) for name, version in pins("run").items()} <= locked


def rows(text: str) -> dict[str, tuple[str, str]]:
    found = re.findall(r"^\| ([a-z0-9.-]+) \| ([^|]+) \| ([^|]+) \|", text, re.MULTILINE)
    return {name: (version, licence) for name, version, licence in found}


def test_the_bill_of_materials_is_one() -> None:
    folder = files("cyclonedx.schema._res")
    documents: dict[str, Any] = {
        name: json.loads((folder / f"{name}.SNAPSHOT.schema.json").read_text())
        for name in ("bom-1.6", "spdx", "jsf-0.82")
    }
    place = "http://cyclonedx.org/schema"
    registry = jsonschema_rs.Registry(
        [(f"{place}/{name}.SNAPSHOT.schema.json", each) for name, each in documents.items()]
    )
    validator = jsonschema_rs.Draft7Validator(documents["bom-1.6"], registry=registry)
    bill = json.loads((DOCS / "sbom.json").read_text())
    validator.validate(bill)
    with pytest.raises(jsonschema_rs.ValidationError):
        validator.validate(bill | {"specVersion": 3})


CLEAN = {"name": "aiohttp", "version": "3.14.5", "vulns": []}
SICK = {
    "name": "yarl",
    "version": "1.0",
    "vulns": [{"id": "PYSEC-2026-1", "fix_versions": ["1.1", "2.0"], "aliases": [], "description": "bad"}],
}
SKIPPED = {"name": "attrs", "skip_reason": "nobody knows it"}


def test_a_known_vulnerability_fails_and_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert vulnerabilities.judged([CLEAN, SICK]) == 1
    assert "yarl 1.0 has PYSEC-2026-1, mended in 1.1, 2.0" in capsys.readouterr().err


def test_what_nobody_could_judge_is_told_and_fails_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert vulnerabilities.judged([CLEAN]) == 0
    assert capsys.readouterr().out == ""
    assert vulnerabilities.judged([CLEAN, SKIPPED]) == 0
    assert "not audited: 1 of 2 packages, as attrs" in capsys.readouterr().out


def test_without_a_network_nothing_is_audited_and_nothing_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """pip-audit itself, sent to an address where nobody is."""
    lock = tmp_path / "one.txt"
    lock.write_text(f"aiohttp==3.14.5 --hash=sha256:{'0' * 64}\n")
    nowhere = ("--osv-url", "http://127.0.0.1:1/v1/query")
    asked = [str(lock) if each == str(vulnerabilities.LOCK) else each for each in vulnerabilities.ARGUMENTS]
    monkeypatch.setattr(vulnerabilities, "ARGUMENTS", (*asked, *nowhere))
    assert vulnerabilities.audit() == 0
    said = capsys.readouterr().out
    assert said.startswith("not audited: ")
    assert len(said.splitlines()) == 1
