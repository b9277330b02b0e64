"""Tables and relations of the Flask service."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Column, ForeignKey, String, Table, Text, create_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship
from werkzeug.security import generate_password_hash


class Model(DeclarativeBase):
    pass


def now() -> datetime:
    return datetime.now(UTC).replace(tzinfo=None)


task_assignees = Table(
    "task_assignees",
    Model.metadata,
    Column("task_id", ForeignKey("tasks.id", ondelete="cascade"), primary_key=True),
    Column("user_id", ForeignKey("users.id"), primary_key=True),
)


class User(Model):
    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    username: Mapped[str] = mapped_column(String(80), unique=True)
    email: Mapped[str] = mapped_column(String(120), unique=True)
    password_hash: Mapped[str] = mapped_column(String(255))
    role: Mapped[str] = mapped_column(String(20), default="user")


class Project(Model):
    __tablename__ = "projects"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    budget: Mapped[float] = mapped_column(default=0.0)
    start_date: Mapped[datetime | None]
    end_date: Mapped[datetime | None]
    status: Mapped[str] = mapped_column(String(20), default="active", index=True)
    owner_id: Mapped[int] = mapped_column(ForeignKey("users.id"), index=True)
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    owner: Mapped[User] = relationship()
    tasks: Mapped[list[Task]] = relationship(back_populates="project", order_by="Task.id.desc()")


class Task(Model):
    __tablename__ = "tasks"

    id: Mapped[int] = mapped_column(primary_key=True)
    project_id: Mapped[int] = mapped_column(ForeignKey("projects.id"), index=True)
    title: Mapped[str] = mapped_column(String(200))
    description: Mapped[str] = mapped_column(Text, default="")
    status: Mapped[str] = mapped_column(String(20), default="pending", index=True)
    priority: Mapped[str] = mapped_column(String(20), default="medium")
    due_date: Mapped[datetime | None]
    estimated_hours: Mapped[float | None]
    actual_hours: Mapped[float | None]
    created_at: Mapped[datetime] = mapped_column(default=now)
    updated_at: Mapped[datetime] = mapped_column(default=now, onupdate=now)

    project: Mapped[Project] = relationship(back_populates="tasks")
    assignees: Mapped[list[User]] = relationship(secondary=task_assignees, order_by=User.id)


def engine_url(database_url: str) -> str:
    """A PostgreSQL URL as SQLAlchemy names its driver."""
    return database_url.replace("postgresql://", "postgresql+psycopg://", 1)


def make_tables(database_url: str, username: str, password: str) -> None:
    """Everything that the service needs in an empty database, and its first user."""
    engine = create_engine(engine_url(database_url))
    Model.metadata.create_all(engine)
    with Session(engine) as session, session.begin():
        session.add(
            User(
                username=username,
                email=f"{username}@example.com",
                password_hash=generate_password_hash(password),
                role="admin",
            )
        )
    engine.dispose()
