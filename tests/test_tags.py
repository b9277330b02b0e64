"""What may happen to tags."""

from __future__ import annotations

import pytest

from commands.context import Actor
from commands.errors import Forbidden, Invalid, NotFound, PreconditionFailed
from commands.tags import ChangeTag, CreateTag, DeleteTag
from events.claims import Claimed, Released
from events.event import Event
from events.tags import TagChanged, TagCreated, TagDeleted
from tests.given import MANAGER, OTHER_USER, USER, claim_of, given


def tag(number: int, name: str, color: str = "", description: str = "") -> tuple[Event, ...]:
    created = TagCreated(number, name, color, description)
    return (created, Claimed(claim_of("tag", name), created.stream))


WORK = tag(1, "Work", "#808080", "At the desk")


@pytest.mark.parametrize("actor", [USER, MANAGER])
def test_anybody_creates_a_tag_and_its_name_is_claimed(actor: Actor) -> None:
    command = CreateTag(name="Work", color="#808080", description="At the desk")
    given().when(command, by=actor).then(*WORK)


@pytest.mark.parametrize("actor", [USER, MANAGER])
def test_only_admins_change_and_delete_tags_whether_there_is_one_or_not(actor: Actor) -> None:
    for command in (ChangeTag(tag_id=1, name="Play"), DeleteTag(tag_id=1), DeleteTag(tag_id=9)):
        assert given(WORK).when(command, by=actor).refused(Forbidden).required_role == "admin"


def test_a_taken_name_is_refused_whatever_its_case_and_said_to_be_taken() -> None:
    for command, actor in ((CreateTag(name="WORK"), USER), (ChangeTag(tag_id=2, name="wOrk"), None)):
        story = given(WORK, tag(2, "Play"))
        refusal = (story.when(command, by=actor) if actor else story.when(command)).refused(Invalid)
        assert refusal.errors == {"name": ["Tag name is already taken"]}
        assert refusal.taken == {"name"}


def test_what_is_wrong_in_itself_is_not_taken_nor_looked_up() -> None:
    for command in (
        CreateTag(name="Work", invalid={"name": ["Too long"]}),
        ChangeTag(tag_id=1, invalid={"name": ["Too long"]}),
    ):
        refusal = given(WORK).when(command).refused(Invalid)
        assert (refusal.errors, refusal.taken) == ({"name": ["Too long"]}, frozenset())


def test_only_what_differs_becomes_an_event() -> None:
    command = ChangeTag(tag_id=1, name="Work", color="#FF0000", description="")
    given(WORK).when(command).then(TagChanged(1, {"color": "#FF0000", "description": ""}))
    given(WORK).when(ChangeTag(tag_id=1, name="Work", color="#808080")).then()
    given(WORK).when(ChangeTag(tag_id=1)).then()


def test_renaming_claims_the_new_name_and_releases_the_old_one() -> None:
    given(WORK).when(ChangeTag(tag_id=1, name="Play")).then(
        TagChanged(1, {"name": "Play"}),
        Claimed("tag:play", "tag-1"),
        Released("tag:work", "tag-1"),
    )


def test_a_change_of_case_alone_leaves_the_claim() -> None:
    given(WORK).when(ChangeTag(tag_id=1, name="WORK")).then(TagChanged(1, {"name": "WORK"}))


def test_a_deleted_tag_is_gone_and_its_name_is_free_again() -> None:
    answer = given(WORK).when(DeleteTag(tag_id=1))
    answer.then(TagDeleted(1), Released("tag:work", "tag-1"))
    after = given(WORK, answer.decision.events)
    for command in (ChangeTag(tag_id=1, name="Play"), DeleteTag(tag_id=1)):
        assert after.when(command).refused(NotFound).what == "tag"
    after.when(CreateTag(name="work"), by=OTHER_USER).then(
        TagCreated(2, "work", "", ""), Claimed("tag:work", "tag-2")
    )


def test_an_unknown_tag_is_not_found() -> None:
    for command in (ChangeTag(tag_id=9, invalid={"name": ["Too long"]}), DeleteTag(tag_id=9)):
        assert given(WORK).when(command).refused(NotFound).what == "tag"


def test_an_outdated_version_is_told() -> None:
    given(WORK).when(ChangeTag(tag_id=1, name="Play"), expected_version=2).refused(PreconditionFailed)
    given(WORK).when(DeleteTag(tag_id=1), expected_version=2).refused(PreconditionFailed)
    assert given(WORK).when(DeleteTag(tag_id=1), expected_version=1).decision.events
