"""Tokens: which open what, which open nothing, and how refresh tokens are taken back."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from functools import partial
from typing import Any, Final

import jwt
import orjson
import psycopg
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from hypothesis import given, settings
from hypothesis import strategies as st

from api.purge import purge
from api.taskforge.tokens import CLOCK_SKEW_S, Unverified, signed, verified
from readmodels.connecting import connect
from tests.http import FORGE_PASSWORD, JWT_SECRET, ForgeClient, Reply, Taskflow, started
from tests.test_http_auth import in_database
from tests.tokens import HEADER, claims, encoded, made

ME: Final = "/api/auth/me"
REFRESH: Final = "/api/auth/refresh"
OTHER_SECRET: Final = bytes(range(7, 39))

MISSING: Final = "Missing Authorization Header"
UNVERIFIED: Final = "Signature verification failed"
EXPIRED: Final = "Token has expired"
OTHER_SCHEME: Final = (
    "Missing 'Bearer' type in 'Authorization' header. Expected 'Authorization: Bearer <JWT>'"
)
MALFORMED: Final = "Bad Authorization header. Expected 'Authorization: Bearer <JWT>'"
NEVER_ISSUED: Final = "Invalid refresh token"
ENDED: Final = "Refresh token expired or revoked"
GONE: Final = "User account not found or inactive"


def bearing(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def check_msg(answer: Reply, msg: str) -> None:
    assert (answer.status, answer.body) == (401, {"msg": msg}), answer.raw


def check_failure(answer: Reply, status: int, message: str) -> None:
    assert (answer.status, answer.body) == (status, {"success": False, "message": message}), answer.raw


async def refreshed(client: ForgeClient, token: str | None = None) -> Reply:
    return await client.post(REFRESH, headers=bearing(token or client.refresh_token or ""))


async def test_tokens_say_what_the_contract_says(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    for token, kind, life_s in ((ana.token, "access", 3600), (ana.refresh_token, "refresh", 2_592_000)):
        assert token
        assert jwt.get_unverified_header(token) == {"alg": "HS256", "typ": "JWT"}
        said = jwt.decode(token, JWT_SECRET, ["HS256"])
        assert set(said) == {"sub", "type", "iat", "nbf", "exp", "jti", "fresh", "csrf"}
        assert (said["sub"], said["type"], said["fresh"]) == (str(ana.id), kind, False)
        assert said["exp"] - said["iat"] == life_s
        assert said["nbf"] == said["iat"]
        assert abs(said["iat"] - time.time()) < 10


async def test_no_two_tokens_are_the_same(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    tokens = [ana.token, ana.refresh_token]
    for _ in range(2):
        await ana.log_in("ana@example.com", FORGE_PASSWORD)
        tokens += [ana.token, ana.refresh_token]
    assert len(set(tokens)) == 6


HEADERS: Final[dict[str, str]] = {
    "": MISSING,
    "   ": MISSING,
    ",": MISSING,
    "Basic YWRtaW46YWRtaW4xMjM=": OTHER_SCHEME,
    "bearer {token}": OTHER_SCHEME,
    "BEARER {token}": OTHER_SCHEME,
    "{token}": OTHER_SCHEME,
    "Token {token}": OTHER_SCHEME,
    "Bearer{token}": OTHER_SCHEME,
    "Bearer {token}, Bearer {token}": OTHER_SCHEME,
    "Bearer": MALFORMED,
    "Bearer  ": MALFORMED,
    "Bearer {token} {token}": MALFORMED,
    "Bearer a b c": MALFORMED,
    "Bearer \u00e9\u4e16": UNVERIFIED,
    "Bearer .": UNVERIFIED,
}


@pytest.mark.parametrize("path", [ME, REFRESH])
async def test_a_header_that_is_not_bearer_and_token(taskflow: Taskflow, path: str) -> None:
    ana = await taskflow.forge_user("ana")
    method = "GET" if path == ME else "POST"
    token = ana.token if path == ME else ana.refresh_token
    anybody = await taskflow.forge()
    check_msg(await anybody.send(method, path), MISSING)
    for header, msg in HEADERS.items():
        given = {"Authorization": header.format(token=token)}
        check_msg(await anybody.send(method, path, headers=given), msg)
    for header in ("Bearer {token}", "Bearer   {token}", "Basic YTpi, Bearer {token}", "Bearer {token},"):
        given = {"Authorization": header.format(token=token)}
        assert (await anybody.send(method, path, headers=given)).status == 200, header


async def test_headers_that_no_decent_client_sends(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    good = f"Authorization: Bearer {ana.token}\r\n".encode()
    sent = {
        b"Authorization: Bearer \xff\xfe\xfd\r\n": {"msg": UNVERIFIED},
        b"Authorization: \xff\r\n": {"msg": OTHER_SCHEME},
        b"authorization: Bearer \r\n": {"msg": MALFORMED},
    }
    for lines, body in sent.items():
        assert await raw_answer(taskflow, lines) == (401, body)
    assert await raw_answer(taskflow, good + good) == (401, {"msg": OTHER_SCHEME})
    assert (await raw_answer(taskflow, good))[0] == 200


async def raw_answer(taskflow: Taskflow, lines: bytes) -> tuple[int, dict[str, Any]]:
    host, _, port = taskflow.forge_url.removeprefix("http://").partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"GET /api/auth/me HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n" + lines + b"\r\n")
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return int(head.split()[1]), orjson.loads(body)


def other_algorithms(user: int, kind: str) -> dict[str, str]:
    said = claims(user, kind)
    key = generate_private_key(65537, 2048)
    unsigned = made(said, {"alg": "none"}).rpartition(".")[0]
    return {
        "alg none": f"{unsigned}.",
        "alg none without its dot": unsigned,
        "alg none with our signature": made(said, {"alg": "none"}),
        "alg None": made(said, {"alg": "None"}),
        "no alg": made(said, {"typ": "JWT"}),
        "alg null": made(said, {"alg": None}),
        "alg a list": made(said, {"alg": ["HS256"]}),
        "alg in small letters": made(said, {"alg": "hs256"}),
        "HS512": made(said, {"alg": "HS512"}, digest="sha512"),
        "HS384": made(said, {"alg": "HS384"}, digest="sha384"),
        "RS256": jwt.encode(said, key, "RS256"),
    }


def other_signatures(user: int, kind: str) -> dict[str, str]:
    said = claims(user, kind)
    good = made(said)
    head, payload, signature = good.split(".")
    return {
        "another secret": made(said, secret=OTHER_SECRET),
        "no secret": made(said, secret=b""),
        "kid of an empty file": made(said, HEADER | {"kid": "../../../../dev/null"}, b""),
        "kid a number": made(said, HEADER | {"kid": 1}),
        "a key of its own": made(said, HEADER | {"jwk": {"kty": "oct", "k": "AA"}}, b"\0"),
        "an address for the key": made(said, HEADER | {"jku": "https://evil.example/keys"}, OTHER_SECRET),
        "other claims": f"{head}.{encoded(orjson.dumps(claims(user + 1, kind))).decode()}.{signature}",
        "signature cut": good[:-1],
        "signature half": good[:-20],
        "signature gone": f"{head}.{payload}.",
        "payload cut": f"{head}.{payload[:-4]}.{signature}",
        "two parts": f"{head}.{payload}",
        "one part": head,
        "four parts": f"{good}.{signature}",
        "empty parts": "..",
    }


def no_json_web_tokens(user: int, kind: str) -> dict[str, str]:
    said = claims(user, kind)
    good = made(said)
    _, payload, signature = good.split(".")
    return {
        "no base64": "!!!.???.***",
        "words": "a.b.c",
        "undefined": "undefined",
        "no JSON inside": made(b"\xff{", HEADER),
        "a list": made([said]),
        "a list for a header": made(said, [HEADER]),
        "deep claims": made(b"[" * 2900 + b"]" * 2900),
        "deep header": f"{encoded(b'[' * 5500).decode()}.{payload}.{signature}",
        "deepest header": f"{encoded(b'[' * 70_000).decode()}.{payload}.{signature}",
        "a long number": made(b'{"exp":' + b"9" * 5000 + b"}"),
        "a long number for a header": f"{encoded(b'9' * 5000).decode()}.{payload}.{signature}",
        "100 kB": "x" * 100_000,
        "100 kB of signature": f"{good}{'x' * 99_000}",
        "100 kB of claims": made(said | {"fill": "x" * 74_000}),
        "detached": made(said, HEADER | {"b64": False, "crit": ["b64"]}),
        "critical": made(said, HEADER | {"crit": ["exp"], "exp": 1}),
    }


def other_claims(user: int, kind: str) -> dict[str, str]:
    made_up: dict[str, dict[str, Any]] = {
        "not yet valid": {"nbf": int(time.time()) + 60},
        "made in the future": {"iat": int(time.time()) + 60},
        "for somebody else": {"aud": "another service"},
    }
    odd: tuple[Any, ...] = (None, True, [], {}, "", "x")
    for name in ("sub", "type", "exp", "iat", "nbf"):
        made_up |= {f"{name} {value!r}": {name: value} for value in odd}
    for subject in (user, f"{user}.0", f" {user}", f"-{user}", "0", "٣", "9" * 30, "admin", f"{user}\0"):
        made_up[f"sub {subject!r}"] = {"sub": subject}
    for other in ("Access", "ACCESS", "refresh ", "id"):
        made_up[f"type {other!r}"] = {"type": other}
    tokens = {name: made(claims(user, kind, **others)) for name, others in made_up.items()}
    for number in (b"NaN", b"Infinity", b"-Infinity", b"1e999", b"-1", b"9" * 400):
        text = orjson.dumps(claims(user, kind, exp=None))[:-1] + b',"exp":' + number + b"}"
        tokens[f"exp {number!r}"] = made(text)
    return tokens


@pytest.mark.parametrize("tokens", [other_algorithms, other_signatures, no_json_web_tokens, other_claims])
async def test_every_other_token_is_refused_with_the_same_words(
    taskflow: Taskflow, tokens: Callable[[int, str], dict[str, str]]
) -> None:
    anybody = await taskflow.forge()
    get, post = partial(anybody.get, ME), partial(anybody.post, REFRESH)
    for ask, kind in ((get, "access"), (post, "refresh")):
        for name, token in tokens(1, kind).items():
            answer = await ask(headers=bearing(token))
            assert (name, answer.status, answer.raw) == (
                name,
                401,
                b'{"msg":"Signature verification failed"}',
            )
            assert answer.headers["Content-Type"].startswith("application/json")


async def test_a_token_made_by_hand_with_the_secret_is_one_of_ours(taskflow: Taskflow) -> None:
    """What the refused ones above differ in is what they are refused for."""
    anybody = await taskflow.forge()
    assert (await anybody.get(ME, headers=bearing(made(claims(1))))).status == 200
    large = made(claims(1, fill="x" * 5_000))
    assert (await anybody.get(ME, headers=bearing(large))).status == 200
    check_failure(await refreshed(anybody, made(claims(1, "refresh"))), 401, NEVER_ISSUED)


async def test_expired_is_expired_at_once_and_the_other_kind_is_the_other_kind(taskflow: Taskflow) -> None:
    anybody = await taskflow.forge()
    expired = made(claims(1, life_s=-1))
    check_msg(await anybody.get(ME, headers=bearing(expired)), EXPIRED)
    check_msg(await refreshed(anybody, expired), EXPIRED)
    check_msg(await anybody.get(ME, headers=bearing(made(claims(1, "refresh", -1)))), EXPIRED)
    both = "Only non-refresh tokens are allowed", "Only refresh tokens are allowed"
    check_msg(await anybody.get(ME, headers=bearing(made(claims(1, "refresh")))), both[0])
    check_msg(await refreshed(anybody, made(claims(1))), both[1])
    stolen = made(claims(1, life_s=-1), secret=OTHER_SECRET)
    check_msg(await anybody.get(ME, headers=bearing(stolen)), UNVERIFIED)


def test_clocks_may_differ_a_little_for_what_is_new_and_not_at_all_for_what_is_old() -> None:
    token = signed(JWT_SECRET, "access", 7, now_s=1_000_000.9, life_s=60)
    assert verified(JWT_SECRET, token, now_s=1_000_000).expires_at_s == 1_000_060
    assert verified(JWT_SECRET, token, now_s=1_000_000 - CLOCK_SKEW_S).user_id == 7
    with pytest.raises(Unverified):
        verified(JWT_SECRET, token, now_s=1_000_000 - CLOCK_SKEW_S - 1)
    with pytest.raises(Unverified):
        verified(OTHER_SECRET, token, now_s=1_000_000)


async def test_a_refresh_token_gets_access_tokens_and_stays_what_it_is(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    for _ in range(2):
        answer = await refreshed(ana)
        assert (answer.status, answer.body["message"]) == (200, "Token refreshed successfully")
        assert set(answer.body) == {"success", "message", "data"}
        assert set(answer.data) == {"access_token"}
        mine = await ana.get(ME, headers=bearing(answer.data["access_token"]))
        assert mine.data["username"] == "ana"


async def test_a_refresh_token_may_come_in_the_body_where_there_is_no_header(taskflow: Taskflow) -> None:
    ana, anybody = await taskflow.forge_user("ana"), await taskflow.forge()
    assert (await anybody.post(REFRESH, {"refresh_token": ana.refresh_token})).status == 200
    check_msg(await anybody.post(REFRESH, {"refresh_token": ana.token}), "Only refresh tokens are allowed")
    check_msg(await anybody.post(REFRESH, {"refresh_token": "nonsense"}), UNVERIFIED)
    check_msg(await anybody.post(REFRESH, {"refresh_token": "\u00e9\U0001f600"}), UNVERIFIED)
    without: tuple[object, ...] = ({}, {"refresh_token": ""}, {"refresh_token": None}, {"token": "x"}, [])
    for body in without:
        check_msg(await anybody.post(REFRESH, body), MISSING)
    for wrong in (5, True, [ana.refresh_token], {"a": 1}):
        answer = await anybody.post(REFRESH, {"refresh_token": wrong})
        check_failure(answer, 400, "Refresh token must be a string")
    answer = await anybody.post(REFRESH, {"refresh_token": "a\0b"})
    check_failure(answer, 400, "Refresh token contains an invalid character")
    both = await ana.post(REFRESH, {"refresh_token": ana.refresh_token}, headers=bearing("nonsense"))
    check_msg(both, UNVERIFIED)
    for raw in (b"{", b"\xff", b"null", b"x=y"):
        answer = await anybody.post(REFRESH, data=raw, headers=bearing(ana.refresh_token or ""))
        assert answer.status == 200
        check_msg(await anybody.post(REFRESH, data=raw), MISSING)


async def test_a_refresh_token_in_the_body_counts_beside_an_access_token_in_the_header(
    taskflow: Taskflow,
) -> None:
    """Some clients attach their access token, good or stale, to whatever they send."""
    ana, bela = await taskflow.forge_user("ana"), await taskflow.forge_user("bela")
    anybody = await taskflow.forge()
    body = {"refresh_token": ana.refresh_token}
    wrong_kind = "Only refresh tokens are allowed"
    for token, refusal in (
        (ana.token, wrong_kind),
        (bela.token, wrong_kind),
        (made(claims(ana.id, life_s=-1)), EXPIRED),
    ):
        header = bearing(token or "")
        answer = await anybody.post(REFRESH, body, headers=header)
        assert answer.status == 200, answer.raw
        mine = await anybody.get(ME, headers=bearing(answer.data["access_token"]))
        assert mine.data["username"] == "ana"
        check_msg(await anybody.post(REFRESH, {"refresh_token": ana.token}, headers=header), wrong_kind)
        for nothing in ({}, {"refresh_token": None}, {"refresh_token": ""}):
            check_msg(await anybody.post(REFRESH, nothing, headers=header), refusal)
    for empty in ("", "  ", ","):
        assert (await anybody.post(REFRESH, body, headers={"Authorization": empty})).status == 200
    # A refresh token in the header counts, whatever is the matter with it, and so does what is no token.
    ended = made(claims(ana.id, "refresh", life_s=-1))
    check_failure(await anybody.post(REFRESH, body, headers=bearing(ended)), 401, ENDED)
    check_failure(
        await anybody.post(REFRESH, body, headers=bearing(made(claims(ana.id, "refresh")))), 401, NEVER_ISSUED
    )
    stolen = made(claims(ana.id), secret=OTHER_SECRET)
    check_msg(await anybody.post(REFRESH, body, headers=bearing(stolen)), UNVERIFIED)
    check_msg(await anybody.post(REFRESH, body, headers={"Authorization": "Basic YTpi"}), OTHER_SCHEME)
    check_msg(await anybody.post(REFRESH, body, headers={"Authorization": "Bearer a b"}), MALFORMED)
    both = await anybody.post(
        REFRESH, {"refresh_token": bela.refresh_token}, headers=bearing(ana.refresh_token or "")
    )
    assert jwt.decode(both.data["access_token"], JWT_SECRET, ["HS256"])["sub"] == str(ana.id)


async def test_logging_out_takes_back_one_s_own_token_and_nothing_else(taskflow: Taskflow) -> None:
    ana, bela = await taskflow.forge_user("ana"), await taskflow.forge_user("bela")
    first, second = ana.refresh_token, (await ana.log_in("ana@example.com", FORGE_PASSWORD)).refresh_token
    for token in (first, first, "never heard of", bela.refresh_token, ana.token):
        answer = await ana.post("/api/auth/logout", {"refresh_token": token})
        done = {"success": True, "message": "Logged out successfully"}
        assert (answer.status, answer.body) == (200, done)
    check_failure(await refreshed(ana, first), 401, ENDED)
    assert (await refreshed(ana, second)).status == 200
    assert (await refreshed(bela)).status == 200
    assert (await ana.get(ME)).status == 200


async def test_what_logout_takes(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    for body in ({}, {"refresh_token": None}, {"refresh_token": ""}, {"token": "x"}):
        check_failure(await ana.post("/api/auth/logout", body), 400, "Refresh token is required")
    nothings: tuple[object, ...] = (None, [], "token", 5)
    for nothing in nothings:
        check_failure(await ana.post("/api/auth/logout", nothing), 400, "No data provided")
    check_failure(await ana.post("/api/auth/logout", data=b"{"), 400, "No data provided")
    for wrong in (5, False, ["x"], {"x": 1}):
        answer = await ana.post("/api/auth/logout", {"refresh_token": wrong})
        check_failure(answer, 400, "Refresh token must be a string")
    answer = await ana.post("/api/auth/logout", {"refresh_token": "\0"})
    check_failure(answer, 400, "Refresh token contains an invalid character")
    check_msg(await (await taskflow.forge()).post("/api/auth/logout", {}), MISSING)
    assert (await refreshed(ana)).status == 200


async def test_logout_and_a_new_password_count_on_every_server_at_once_and_for_ever(
    taskflow: Taskflow,
) -> None:
    ana, twin = await taskflow.forge_user("ana"), await taskflow.twin()
    there = await twin.forge()
    old = ana.refresh_token
    assert (await refreshed(there, old)).status == 200
    await ana.post("/api/auth/logout", {"refresh_token": old})
    check_failure(await refreshed(there, old), 401, ENDED)

    others = [(await ana.log_in("ana@example.com", FORGE_PASSWORD)).refresh_token for _ in range(2)]
    new = {"old_password": FORGE_PASSWORD, "new_password": "Battery-staple-2"}
    assert (await ana.post("/api/auth/change-password", new)).status == 200
    assert (await ana.get(ME)).status == 200
    assert (await there.get(ME, headers=bearing(ana.token or ""))).status == 200
    await lose_redis(taskflow)
    async with started(taskflow.core.settings) as restarted:
        again = await restarted.forge()
        for client in (ana, there, again):
            for token in (old, *others):
                check_failure(await refreshed(client, token), 401, ENDED)
        kept = await again.log_in("ana@example.com", "Battery-staple-2")
    assert (await refreshed(there, kept.refresh_token)).status == 200


async def lose_redis(taskflow: Taskflow) -> None:
    redis = connect(taskflow.core.settings.redis_url)
    await redis.flushdb()
    await redis.aclose()


async def test_tokens_outlive_a_restart_and_the_loss_of_redis(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    await taskflow.stop_projector()
    await lose_redis(taskflow)
    async with started(taskflow.core.settings) as restarted:
        there = await restarted.forge()
        assert (await refreshed(there, ana.refresh_token)).status == 200
        again = await there.log_in("ana@example.com", FORGE_PASSWORD)
        assert again.user["username"] == "ana"


async def test_who_is_deactivated_is_out_and_old_tokens_stay_dead(taskflow: Taskflow) -> None:
    ana, admin, twin = await taskflow.forge_user("ana"), await taskflow.forge_admin(), await taskflow.twin()
    there, revoked = await twin.forge(), ana.refresh_token
    await ana.post("/api/auth/logout", {"refresh_token": revoked})
    live = (await ana.log_in("ana@example.com", FORGE_PASSWORD)).refresh_token
    unknown, old = made(claims(ana.id, "refresh")), made(claims(ana.id, "refresh", -1))
    assert (await admin.post(f"/api/users/{ana.id}/deactivate")).status == 200
    # The account comes first, whatever there is to say of the token.
    for client in (ana, there):
        for token in (revoked, live, unknown, old):
            check_failure(await refreshed(client, token), 404, GONE)
        check_failure(await client.get(ME, headers=bearing(ana.token or "")), 404, GONE)
        logout = await client.post("/api/auth/logout", {}, headers=bearing(ana.token or ""))
        check_failure(logout, 404, GONE)
    assert (await admin.post(f"/api/users/{ana.id}/activate")).status == 200
    for client in (ana, there):
        for token in (revoked, live, old):
            check_failure(await refreshed(client, token), 401, ENDED)
        check_failure(await refreshed(client, unknown), 401, NEVER_ISSUED)
    assert (await ana.get(ME)).status == 200


async def test_who_is_deleted_is_nobody(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    assert (await admin.delete(f"/api/users/{ana.id}")).status == 200
    there = await (await taskflow.twin()).forge()
    for client in (ana, there):
        check_failure(await refreshed(client, ana.refresh_token), 404, GONE)
        check_failure(await client.get(ME, headers=bearing(ana.token or "")), 404, GONE)
    kept = "select count(*) from refresh_tokens where user_id = %s"
    assert await in_database(taskflow, kept, ana.id) == [(0,)]
    nobody = made(claims(987_654_321))
    check_failure(await ana.get(ME, headers=bearing(nobody)), 404, GONE)
    check_failure(await refreshed(ana, made(claims(987_654_321, "refresh"))), 404, GONE)


async def test_a_token_s_age_counts_by_its_own_word_and_by_the_table_s(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    check_failure(await refreshed(ana, made(claims(ana.id, "refresh", -1))), 401, ENDED)
    check_failure(await refreshed(ana, made(claims(ana.id, "refresh"))), 401, NEVER_ISSUED)
    (kept,) = await in_database(
        taskflow, "select expires_at > now() + interval '29 days' from refresh_tokens"
    )
    assert kept == (True,)
    await in_database(taskflow, "update refresh_tokens set expires_at = now() - interval '1 second'")
    check_failure(await refreshed(ana), 401, ENDED)


async def test_only_hashes_are_kept_and_only_as_long_as_they_matter(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    first, second = ana.refresh_token, (await ana.log_in("ana@example.com", FORGE_PASSWORD)).refresh_token
    (rows,) = await in_database(taskflow, "select string_agg(refresh_tokens::text, ' ') from refresh_tokens")
    for token in (first, second):
        assert token
        for part in token.split(".")[1:]:
            assert part not in rows[0]
            assert part.encode().hex() not in rows[0]
    await ana.post("/api/auth/logout", {"refresh_token": first})
    await purge(taskflow.core)
    check_failure(await refreshed(ana, first), 401, ENDED)
    await in_database(taskflow, "update refresh_tokens set expires_at = now() where revoked_at is not null")
    await purge(taskflow.core)
    assert await in_database(taskflow, "select count(*) from refresh_tokens") == [(1,)]
    assert (await refreshed(ana, second)).status == 200


async def test_no_token_survives_a_password_that_changes_while_it_is_made(taskflow: Taskflow) -> None:
    ana = await taskflow.forge_user("ana")
    async with held(taskflow, ana.id) as connection:
        login = asyncio.create_task(log_in_again(taskflow))
        await until_waiting(taskflow)
        await connection.execute("update credentials set changes = changes + 1 where user_id = %s", [ana.id])
        await connection.commit()
        check_failure(await login, 401, "Invalid email or password")
    live = "select count(*) from refresh_tokens where user_id = %s"
    assert await in_database(taskflow, live, ana.id) == [(1,)]


async def test_no_token_survives_a_deactivation_that_comes_while_it_is_made(taskflow: Taskflow) -> None:
    ana, admin = await taskflow.forge_user("ana"), await taskflow.forge_admin()
    async with held(taskflow, ana.id) as connection:
        login = asyncio.create_task(log_in_again(taskflow))
        await until_waiting(taskflow)
        assert (await admin.post(f"/api/users/{ana.id}/deactivate")).status == 200
        await connection.commit()
        check_failure(await login, 403, "Account is inactive")
    live = "select count(*) from refresh_tokens where user_id = %s and revoked_at is null"
    assert await in_database(taskflow, live, ana.id) == [(0,)]
    every = "select count(*) from refresh_tokens where user_id = %s"
    assert await in_database(taskflow, every, ana.id) == [(2,)]


async def log_in_again(taskflow: Taskflow) -> Reply:
    known = {"email": "ana@example.com", "password": FORGE_PASSWORD}
    return await (await taskflow.forge()).post("/api/auth/login", known)


def held(taskflow: Taskflow, user_id: int) -> Held:
    return Held(taskflow.core.settings.database_url, user_id)


class Held:
    """Keeps a user's credentials locked within the block, so that a login waits before it makes a token."""

    def __init__(self, url: str, user_id: int) -> None:
        self.url, self.user_id = url, user_id

    async def __aenter__(self) -> psycopg.AsyncConnection[Any]:
        self.connection = await psycopg.AsyncConnection.connect(self.url)
        await self.connection.execute("select from credentials where user_id = %s for update", [self.user_id])
        return self.connection

    async def __aexit__(self, *_: object) -> None:
        await self.connection.close()


async def until_waiting(taskflow: Taskflow) -> None:
    waiting = "select count(*) from pg_locks where not granted"
    async with asyncio.timeout(2):
        while await in_database(taskflow, waiting) == [(0,)]:  # noqa: ASYNC110 - nobody tells
            await asyncio.sleep(0.02)


@settings(deadline=None)
@given(st.text() | st.from_regex(r"[A-Za-z0-9_-]{0,40}(\.[A-Za-z0-9_=-]{0,40}){0,4}", fullmatch=True))
def test_whatever_is_sent_as_a_token_is_refused_and_nothing_else(text: str) -> None:
    with pytest.raises(Unverified):
        verified(JWT_SECRET, text, now_s=0)


JSON: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)
HEADERS_OF: Final = ("alg", "typ", "kid", "crit", "b64", "jku", "jwk", "cty")
CLAIMS: Final = ("sub", "type", "iat", "nbf", "exp", "jti", "aud", "iss", "fresh", "csrf")


@settings(deadline=None)
@given(st.dictionaries(st.sampled_from(CLAIMS), JSON), st.dictionaries(st.sampled_from(HEADERS_OF), JSON))
def test_whatever_a_signed_token_says_it_is_one_of_ours_or_refused(
    said: dict[str, Any], header: dict[str, Any]
) -> None:
    payload = json.dumps(claims(7) | said).encode()
    token = made(payload, json.dumps({"alg": "HS256"} | header).encode())
    try:
        found = verified(JWT_SECRET, token, now_s=time.time())
    except Unverified:
        return
    assert (found.kind, found.user_id) == (said.get("type", "access"), int(said.get("sub", "7")))
