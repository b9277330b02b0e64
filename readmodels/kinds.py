"""All kinds of documents by name."""

from __future__ import annotations

from typing import Final

from readmodels.departments import DEPARTMENT, DEPARTMENT_FIGURES
from readmodels.documents import Kind
from readmodels.projects import ACCESS, PROJECT, PROJECT_FIGURES
from readmodels.tasks import TASK
from readmodels.users import USER

KINDS: Final[dict[str, Kind]] = {
    kind.name: kind for kind in (USER, DEPARTMENT, DEPARTMENT_FIGURES, PROJECT, PROJECT_FIGURES, ACCESS, TASK)
}
