"""Forms stand apart: a module with endpoints says what they do, the one beside it what comes and goes."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import pytest

FOLDER: Final = Path(__file__).parent.parent / "api" / "taskflow"
TREES: Final = {path: ast.parse(path.read_text()) for path in sorted(FOLDER.glob("*.py"))}


def defined(tree: ast.Module) -> set[str]:
    """The names of a module's classes, functions and constants."""
    names: set[str] = set()
    for node in tree.body:
        match node:
            case ast.ClassDef(name=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                names.add(name)
            case ast.AnnAssign(target=ast.Name(id=name)):
                names.add(name)
    return names


def forms(tree: ast.Module) -> set[str]:
    """Classes of what is sent or shown, and functions that make what is shown."""
    shapes = {node.name for node in tree.body if isinstance(node, ast.ClassDef) and node.bases}
    return shapes | {name for name in defined(tree) if name.startswith("shown_") or name.endswith("_answer")}


WITH_ENDPOINTS: Final = [path for path, tree in TREES.items() if "ENDPOINTS" in defined(tree)]
FORMS: Final = [path for path in TREES if path.stem.endswith("_forms")]


def test_modules_are_found() -> None:
    assert {"auth", "projects", "tasks", "risks", "stats"} <= {path.stem for path in WITH_ENDPOINTS}
    assert len(FORMS) > 8


@pytest.mark.parametrize("path", WITH_ENDPOINTS, ids=lambda path: path.stem)
def test_a_module_with_endpoints_leaves_forms_to_the_one_beside_it(path: Path) -> None:
    assert not forms(TREES[path])


@pytest.mark.parametrize("path", FORMS, ids=lambda path: path.stem)
def test_a_module_of_forms_has_some_and_no_endpoints(path: Path) -> None:
    assert forms(TREES[path])
    assert path not in WITH_ENDPOINTS
