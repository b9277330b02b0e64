"""Entity tags: nothing is sent twice, and nobody's change is overwritten unseen."""

from __future__ import annotations

from api.conditional import etag
from tests.http import Taskflow
from tests.test_http_envelope import check_error

PATHS = ("/api/projects/1", "/api/tasks/1", "/api/users/1", "/api/departments/1")


async def prepared(taskflow: Taskflow) -> None:
    await taskflow.admin.made("/api/projects", {"name": "P"})
    await taskflow.admin.made("/api/projects/1/tasks", {"title": "T", "assigned_to": [1]})


async def test_a_known_representation_is_not_sent_again(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    for path in PATHS:
        tag = (await taskflow.admin.get(path)).headers["ETag"]
        for known in (tag, f"W/{tag}", "*", f'"other", {tag}'):
            answer = await taskflow.admin.get(path, headers={"If-None-Match": known})
            assert (answer.status, answer.raw) == (304, b""), (path, known)
            assert answer.headers["ETag"] == tag
            assert answer.headers["X-Request-Id"]
            assert "Content-Type" not in answer.headers
        for unknown in ('"other"', tag[:-2] + '"', tag.strip('"'), "", '"1'):
            answer = await taskflow.admin.get(path, headers={"If-None-Match": unknown})
            assert answer.status == 200, (path, unknown)


async def test_the_digest_tells_what_is_shown_beside_the_object(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    before = (await taskflow.admin.get("/api/projects/1")).headers["ETag"]
    await taskflow.admin.put("/api/tasks/1", {"title": "Renamed"})
    after = (await taskflow.admin.get("/api/projects/1")).headers["ETag"]
    assert before != after
    assert before.split("-")[0] == after.split("-")[0] == '"1'
    # The project itself is as it was, so this is no conflict.
    answer = await taskflow.admin.put("/api/projects/1", {"name": "Q"}, headers={"If-Match": before})
    assert answer.status == 200
    assert answer.headers["ETag"].startswith('"2-')
    assert (await taskflow.admin.get("/api/projects/1")).headers["ETag"] == answer.headers["ETag"]


async def test_a_stale_tag_changes_and_deletes_nothing(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    changes = {
        "/api/projects/1": {"name": "New"},
        "/api/tasks/1": {"title": "New"},
        "/api/users/1": {"first_name": "New"},
        "/api/departments/1": {"name": "New"},
    }
    for path, change in changes.items():
        stale = (await taskflow.admin.get(path)).headers["ETag"]
        first = await taskflow.admin.put(path, change, headers={"If-Match": stale})
        assert first.status == 200
        again = dict.fromkeys(change, "Newer")
        for tag in (stale, f"W/{first.headers['ETag']}", '"other"', '"0-a"', '"999-a"', '""'):
            answer = await taskflow.admin.put(path, again, headers={"If-Match": tag})
            check_error(answer, 412, "PRECONDITION_FAILED")
            if path in ("/api/projects/1", "/api/tasks/1"):
                answer = await taskflow.admin.delete(path, headers={"If-Match": tag})
                check_error(answer, 412, "PRECONDITION_FAILED")
        for tag in ("1", "unquoted", '"open', f"{stale};"):
            answer = await taskflow.admin.put(path, again, headers={"If-Match": tag})
            check_error(answer, 400, "BAD_REQUEST")
        fresh = first.headers["ETag"]
        assert (await taskflow.admin.get(path)).headers["ETag"] == fresh
        listed = f'{stale}, "junk", {fresh}'
        assert (await taskflow.admin.put(path, again, headers={"If-Match": listed})).status == 200
        assert (await taskflow.admin.put(path, change, headers={"If-Match": "*"})).status == 200


async def test_permission_and_validation_come_before_the_precondition(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    await taskflow.user("max", "manager")
    max_, stale = await taskflow.signed_in("max"), {"If-Match": '"7-0"'}
    check_error(await max_.put("/api/projects/1", {"name": "x"}, headers=stale), 403, "PERMISSION_DENIED")
    check_error(await max_.put("/api/projects/9", {"name": "x"}, headers=stale), 404, "NOT_FOUND")
    assert (await taskflow.admin.put("/api/projects/1", {"name": ""}, headers=stale)).status == 422


async def test_a_change_that_changes_nothing_keeps_the_version(taskflow: Taskflow) -> None:
    await prepared(taskflow)
    tag = (await taskflow.admin.get("/api/projects/1")).headers["ETag"]
    answer = await taskflow.admin.put("/api/projects/1", {"name": "P"}, headers={"If-Match": tag})
    assert (answer.status, answer.headers["ETag"]) == (200, tag)


def test_a_tag_is_version_and_digest() -> None:
    assert etag(7, b"a") == '"7-ca978112ca1bbdcafac2"'
    assert etag(7, b"a") != etag(7, b"b") != etag(8, b"b")
