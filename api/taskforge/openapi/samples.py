"""Sample values by the names of fields, for the examples in the document."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from api.taskforge.health import APP_NAME, APP_VERSION

TOKEN: Final = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIyIn0.{signature}"  # noqa: S105 - it opens nothing

SAMPLES: Final[Mapping[str, Any]] = {
    "id": 1,
    "created_at": "2026-03-17T10:00:00.123456",
    "updated_at": "2026-03-17T10:00:00.123456",
    # Around lists
    "page": 1,
    "per_page": 10,
    "total": 1,
    "total_pages": 1,
    "has_next": False,
    "has_prev": False,
    # People
    "User.id": 2,
    "username": "ana",
    "email": "ana@example.com",
    "first_name": "Ana",
    "last_name": "Lima",
    "full_name": "Ana Lima",
    "is_active": True,
    "Role": {"id": 2, "name": "user", "description": "Standard user role with limited access"},
    "access_token": TOKEN.format(signature="R2T0pBVKuVIYDDt0AImcUYGqvxR4rgELt3VpXa4TjXM"),
    "refresh_token": TOKEN.format(signature="pC2n3Yo0sNeQ0M1gYSPp1yO1ZJ7Zr2kW7z5dC0Kx9fA"),
    # Tasks
    "title": "Write the release notes",
    "Task.description": "What changed for those who upgrade",
    "Task.status": "pending",
    "Task.priority": "high",
    "due_date": "2030-01-15T10:30:00",
    "completed_at": None,
    "is_overdue": False,
    "is_completed": False,
    "user_id": 2,
    "user_username": "ana",
    "user_email": "ana@example.com",
    "ExportedTask.description": "What changed for those who upgrade",
    "ExportedTask.status": "pending",
    "ExportedTask.priority": "high",
    "ExportedTask.tags": "Work",
    # Tags
    "name": "Work",
    "color": "#FF0000",
    "Tag.description": "What is paid for",
    "task_count": 1,
    # Figures
    "total_tasks": 23,
    "completed_tasks": 12,
    "pending_tasks": 6,
    "in_progress_tasks": 4,
    "cancelled_tasks": 1,
    "overdue_tasks": 2,
    "low": 5,
    "medium": 10,
    "high": 6,
    "urgent": 2,
    # The service
    "Health.status": "healthy",
    "timestamp": "2026-03-17T10:00:00.123456",
    "app_name": APP_NAME,
    "version": APP_VERSION,
    "database": "connected",
}
"""By field, or by field of a component."""

CONSEQUENCES: Final[Mapping[str, Mapping[str, Any]]] = {
    "createTask": {"tags": []},
    "createTag": {"task_count": 0},
    "completeTask": {"status": "completed", "completed_at": "2026-03-18T09:00:00", "is_completed": True},
    "changeUser": {"full_name": "Ada Lovelace"},
    "deactivateUser": {"is_active": False},
}
"""What an operation leads to besides what it was sent."""
