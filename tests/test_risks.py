"""What may happen to risks: who raises and changes them, and what a closed project still takes."""

from __future__ import annotations

import pytest

from commands.context import Actor
from commands.errors import Forbidden, Hidden, Invalid, NotFound, PreconditionFailed, ProjectClosed
from commands.risks import ChangeRisk, RaiseRisk
from events.event import Event
from events.projects import ProjectDeleted, ProjectStatusChanged
from events.risks import RiskDetailsChanged, RiskRaised, RiskStatusChanged
from events.users import UserRoleChanged
from tests.given import ADMIN, MANAGER, OTHER_MANAGER, OTHER_USER, PEOPLE, USER, Story, given
from tests.test_projects import created as project_created

PROJECT = project_created()

STEEL = RaiseRisk(
    project_id=1,
    title="Late steel",
    description="The mill is far away",
    severity="high",
    probability="low",
    impact="schedule",
    mitigation_plan="Order early",
)


def raised(number: int = 1, project_id: int = 1, status: str = "active") -> RiskRaised:
    return RiskRaised(
        risk_id=number,
        project_id=project_id,
        title="Late steel",
        description="The mill is far away",
        severity="high",
        probability="low",
        impact="schedule",
        mitigation_plan="Order early",
        status=status,
    )


def with_risk(*more: Event) -> Story:
    return given(PEOPLE, PROJECT, raised(), more)


@pytest.mark.parametrize("actor", [ADMIN, MANAGER])
def test_an_admin_or_the_owning_manager_raises_risks(actor: Actor) -> None:
    answer = given(PEOPLE, PROJECT).when(STEEL, by=actor)
    answer.then(raised())
    assert answer.guards() == {"project-1"}


def test_a_risk_is_active_and_of_medium_weight_unless_told() -> None:
    given(PEOPLE, PROJECT).when(RaiseRisk(project_id=1, title="Rain"), by=MANAGER).then(
        RiskRaised(
            risk_id=1,
            project_id=1,
            title="Rain",
            description="",
            severity="medium",
            probability="medium",
            impact="",
            mitigation_plan="",
            status="active",
        )
    )


def test_a_risk_may_be_recorded_when_all_is_over() -> None:
    command = RaiseRisk(
        project_id=1, title="Rain", status="closed", actual_impact="none", resolution_notes="It was dry"
    )
    first, second = given(PEOPLE, PROJECT).when(command).decision.events
    assert isinstance(first, RiskRaised)
    assert first.status == "closed"
    assert second == RiskDetailsChanged(1, {"actual_impact": "none", "resolution_notes": "It was dry"})


def test_risks_are_numbered_through_all_projects() -> None:
    story = given(PEOPLE, PROJECT, project_created(2), raised())
    assert story.when(RaiseRisk(project_id=2, title="Rain")).decision.events[0].stream == "risk-2"


CHANGES = [
    ChangeRisk(risk_id=1, status="mitigated"),
    ChangeRisk(risk_id=1, title="New"),
    ChangeRisk(risk_id=1, invalid={"title": ["Title is required"]}),
]


@pytest.mark.parametrize("command", [STEEL, RaiseRisk(project_id=1, invalid={"title": ["?"]}), *CHANGES])
def test_who_may_not_raise_or_change_risks_learns_why(command: RaiseRisk | ChangeRisk) -> None:
    story = with_risk()
    assert story.when(command, by=OTHER_MANAGER).refused(Forbidden).required_role == "admin"
    hidden = story.when(command, by=OTHER_USER).refused(Hidden)
    what = "project" if isinstance(command, RaiseRisk) else "risk"
    assert (hidden.what, hidden.project_id, hidden.required_role) == (what, 1, "manager")
    owned_by_a_user = given(PEOPLE, project_created(owner_id=USER.id), raised())
    assert owned_by_a_user.when(command, by=USER).refused(Forbidden).required_role == "manager"
    demoted = with_risk(UserRoleChanged(2, "user")).when(command, by=Actor(MANAGER.id, "user"))
    assert demoted.refused(Forbidden).required_role == "manager"


@pytest.mark.parametrize("actor", [ADMIN, MANAGER, USER])
def test_what_is_not_there_is_not_found_before_anything_else(actor: Actor) -> None:
    wrong = {"title": ["Title is required"]}
    for story in (given(PEOPLE), with_risk(ProjectDeleted(1))):
        raising = story.when(RaiseRisk(project_id=1, invalid=wrong), by=actor)
        assert raising.refused(NotFound).what == "project"
        changing = story.when(ChangeRisk(risk_id=1, invalid=wrong), by=actor)
        assert changing.refused(NotFound).what == "risk"
    assert with_risk().when(ChangeRisk(risk_id=2), by=actor).refused(NotFound).what == "risk"


def test_what_is_wrong_with_the_fields_is_told() -> None:
    wrong = {"title": ["Title is required"], "severity": ["Severity must be one of …"]}
    story = with_risk()
    for command in (RaiseRisk(project_id=1, invalid=wrong), ChangeRisk(risk_id=1, invalid=wrong)):
        assert story.when(command, by=MANAGER).refused(Invalid).errors == wrong


def test_only_what_differs_becomes_an_event() -> None:
    command = ChangeRisk(
        risk_id=1,
        title="Late steel",
        severity="critical",
        probability="low",
        status="mitigated",
        actual_impact="minimal",
        resolution_notes="Came by train",
    )
    with_risk().when(command, by=MANAGER).then(
        RiskDetailsChanged(
            1, {"severity": "critical", "actual_impact": "minimal", "resolution_notes": "Came by train"}
        ),
        RiskStatusChanged(1, "mitigated"),
    )
    with_risk().when(ChangeRisk(risk_id=1, title="Late steel", status="active")).then()
    with_risk().when(ChangeRisk(risk_id=1)).then()


def test_changes_are_compared_with_those_before() -> None:
    story = with_risk(RiskDetailsChanged(1, {"title": "Steel", "impact": ""}), RiskStatusChanged(1, "closed"))
    story.when(ChangeRisk(risk_id=1, title="Steel", impact="", status="closed")).then()
    story.when(ChangeRisk(risk_id=1, title="Late steel", status="active")).then(
        RiskDetailsChanged(1, {"title": "Late steel"}), RiskStatusChanged(1, "active")
    )


@pytest.mark.parametrize("status", ["completed", "cancelled"])
def test_a_closed_project_takes_no_new_risks_and_changes_to_old_ones(status: str) -> None:
    closed = with_risk(ProjectStatusChanged(1, status))
    message = str(closed.when(STEEL, by=MANAGER).refused(ProjectClosed))
    assert message == (
        f"The project is {status} and takes no new risks; set its status to active to reopen it"
    )
    closed.when(ChangeRisk(risk_id=1, status="resolved"), by=MANAGER).then(RiskStatusChanged(1, "resolved"))
    reopened = with_risk(ProjectStatusChanged(1, status), ProjectStatusChanged(1, "on_hold"))
    reopened.when(STEEL, by=MANAGER).then(raised(2))


def test_permission_and_validation_come_before_a_closed_project() -> None:
    closed = given(PEOPLE, project_created(status="completed"))
    closed.when(STEEL, by=OTHER_MANAGER).refused(Forbidden)
    closed.when(RaiseRisk(project_id=1, invalid={"title": ["?"]})).refused(Invalid)


def test_a_risk_is_changed_at_the_version_that_the_client_saw() -> None:
    story = with_risk(RiskStatusChanged(1, "mitigated"))
    command = ChangeRisk(risk_id=1, status="closed")
    story.when(command, expected_version=2).then(RiskStatusChanged(1, "closed"))
    story.when(command, expected_version=1).refused(PreconditionFailed)
    story.when(command, by=OTHER_MANAGER, expected_version=1).refused(Forbidden)


def test_a_project_cannot_vanish_while_its_risk_changes() -> None:
    assert with_risk().when(ChangeRisk(risk_id=1, status="closed")).guards() == {"project-1"}
