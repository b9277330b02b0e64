"""What may happen to expenses: who records them, on which day they count, and how they are taken back."""

from __future__ import annotations

import pytest

from commands.context import Actor
from commands.errors import Forbidden, Hidden, Invalid, NotFound, PreconditionFailed
from commands.expenses import RecordExpense, ReverseExpense
from events.event import Event
from events.expenses import ExpenseRecorded, ExpenseReversed
from events.projects import ProjectDeleted, ProjectStatusChanged
from tests.given import ADMIN, MANAGER, OTHER_MANAGER, OTHER_USER, PEOPLE, USER, Story, given
from tests.test_projects import created as project_created

PROJECT = project_created()
TODAY = "2025-07-01T00:00:00.000000Z"


def recorded(number: int = 1, project_id: int = 1, incurred_on: str = TODAY) -> ExpenseRecorded:
    return ExpenseRecorded(
        expense_id=number,
        project_id=project_id,
        amount_cents=125_050,
        category="Licences",
        description="One year",
        incurred_on=incurred_on,
    )


LICENCES = RecordExpense(
    project_id=1, amount_cents=125_050, category="Licences", description="One year", incurred_on=TODAY
)
REVERSAL = ReverseExpense(project_id=1, expense_id=1)


def with_expense(*more: Event) -> Story:
    return given(PEOPLE, PROJECT, recorded(), more)


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_an_admin_or_the_owning_manager_records_expenses(actor: Actor) -> None:
    answer = given(PEOPLE, PROJECT).when(LICENCES, by=actor)
    answer.then(recorded())
    assert answer.guards() == {"project-1"}


@pytest.mark.parametrize(
    ("given_on", "kept_as"),
    [
        (None, TODAY),
        ("2024-02-29T00:00:00.000000Z", "2024-02-29T00:00:00.000000Z"),
        ("2024-02-29T23:59:59.999999Z", "2024-02-29T00:00:00.000000Z"),
        ("0001-01-01T12:00:00.000000Z", "0001-01-01T00:00:00.000000Z"),
    ],
)
def test_it_is_the_day_that_counts_and_today_unless_told(given_on: str | None, kept_as: str) -> None:
    command = RecordExpense(project_id=1, amount_cents=1, incurred_on=given_on)
    given(PEOPLE, PROJECT).when(command).then(
        ExpenseRecorded(
            expense_id=1, project_id=1, amount_cents=1, category="", description="", incurred_on=kept_as
        )
    )


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_an_expense_is_taken_back_once(actor: Actor) -> None:
    answer = with_expense().when(REVERSAL, by=actor)
    answer.then(ExpenseReversed(1))
    assert answer.guards() == {"project-1"}
    again = with_expense(ExpenseReversed(1)).when(REVERSAL, by=actor)
    assert again.refused(NotFound).what == "expense"


@pytest.mark.parametrize("command", [LICENCES, RecordExpense(project_id=1, invalid={"x": ["?"]}), REVERSAL])
def test_who_may_not_record_or_take_back_learns_why(command: RecordExpense | ReverseExpense) -> None:
    story = with_expense()
    assert story.when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    hidden = story.when(command, by=OTHER_USER).refused(Hidden)
    what = "project" if isinstance(command, RecordExpense) else "expense"
    assert (hidden.what, hidden.project_id, hidden.required_role) == (what, 1, "manager")
    owned_by_a_user = given(PEOPLE, project_created(owner_id=USER.id), recorded())
    assert owned_by_a_user.when(command, by=USER).refused(Forbidden).required_role == "manager"


@pytest.mark.parametrize("actor", [ADMIN, MANAGER, USER])
def test_what_is_not_there_is_not_found_before_anything_else(actor: Actor) -> None:
    wrong = {"amount": ["Amount is required"]}
    for story in (given(PEOPLE), with_expense(ProjectDeleted(1))):
        recording = story.when(RecordExpense(project_id=1, invalid=wrong), by=actor)
        assert recording.refused(NotFound).what == "project"
        assert story.when(REVERSAL, by=actor).refused(NotFound).what == "expense"


@pytest.mark.parametrize("actor", [ADMIN, MANAGER, USER])
def test_an_expense_is_found_under_its_own_project_only(actor: Actor) -> None:
    story = given(PEOPLE, PROJECT, project_created(2), recorded())
    for project_id, expense_id in ((2, 1), (1, 2), (99, 1)):
        command = ReverseExpense(project_id=project_id, expense_id=expense_id)
        assert story.when(command, by=actor).refused(NotFound).what == "expense"


def test_what_is_wrong_with_the_fields_is_told() -> None:
    wrong = {"amount": ["Amount must be a positive number"]}
    command = RecordExpense(project_id=1, invalid=wrong)
    assert given(PEOPLE, PROJECT).when(command, by=MANAGER).refused(Invalid).errors == wrong


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_invoices_come_late(status: str) -> None:
    closed = with_expense(ProjectStatusChanged(1, status))
    closed.when(LICENCES, by=MANAGER).then(recorded(2))
    closed.when(REVERSAL, by=MANAGER).then(ExpenseReversed(1))


def test_an_expense_is_taken_back_at_the_version_that_the_client_saw() -> None:
    with_expense().when(REVERSAL, expected_version=1).then(ExpenseReversed(1))
    with_expense().when(REVERSAL, expected_version=2).refused(PreconditionFailed)
