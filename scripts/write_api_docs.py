"""Writes the OpenAPI documents and the Postman collection in docs/api/, as the code that serves makes them.

Usage: .venv/bin/python scripts/write_api_docs.py
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from api.openapi.document import printed  # noqa: E402 - the packages are beside this folder
from api.taskflow import routes as taskflow  # noqa: E402
from api.taskflow.openapi.document import taskflow_document  # noqa: E402
from api.taskflow.openapi.postman import taskflow_collection  # noqa: E402
from api.taskforge import routes as taskforge  # noqa: E402
from api.taskforge.openapi.document import taskforge_document  # noqa: E402

FOLDER: Final = ROOT / "docs" / "api"


def made() -> dict[Path, bytes]:
    """What each file is to hold."""
    document = taskflow_document(taskflow.ENDPOINTS)
    return {
        FOLDER / "openapi.json": printed(document),
        FOLDER / "postman_collection.json": printed(taskflow_collection(document)),
        FOLDER / "taskforge-openapi.json": printed(taskforge_document(taskforge.ENDPOINTS)),
    }


def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    for path, content in made().items():
        is_new = not path.exists() or path.read_bytes() != content
        path.write_bytes(content)
        print(f"{path.relative_to(ROOT)}: {'written' if is_new else 'unchanged'}")


if __name__ == "__main__":
    main()
