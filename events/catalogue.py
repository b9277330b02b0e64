"""Every type of event there is: whoever imports this module knows them all."""

from __future__ import annotations

from events import claims, departments, expenses, operations, projects, risks, tags, tasks, users

FEATURES = (claims, departments, expenses, operations, projects, risks, tags, tasks, users)
