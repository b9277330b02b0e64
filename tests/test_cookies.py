"""Our own look at plain cookies finds what aiohttp's parser finds; all others are left to that."""

from __future__ import annotations

import pytest
from aiohttp import hdrs
from aiohttp.test_utils import make_mocked_request
from hypothesis import example, given
from hypothesis import strategies as st

from api.taskflow.visitors import _PLAIN, plain_cookies

PARTS = st.sampled_from(
    [*'abZ09_-.~=;, "\\\t%$', "session", "session=", "; ", "__Host-session", "path=", "é"]
)


@given(st.lists(PARTS, max_size=14).map("".join))
@example("session=a; session=b")
@example("session=; a=b")
@example("path=/; session=a")
@example("session=a;session=b")
@example('session="a; b"')
def test_plain_cookies_are_read_as_aiohttp_reads_them(header: str) -> None:
    if _PLAIN.fullmatch(header):
        assert plain_cookies(header) == dict(theirs(header))


def theirs(header: str) -> dict[str, str]:
    return dict(make_mocked_request("GET", "/", headers={hdrs.COOKIE: header}).cookies)


@pytest.mark.parametrize(
    "header", ["session=abc-_D", "a=1; session=abc", "session=", "__Host-session=x; b=; c-d=.~"]
)
def test_what_browsers_send_is_plain(header: str) -> None:
    assert _PLAIN.fullmatch(header)
    assert plain_cookies(header) == theirs(header)


@pytest.mark.parametrize(
    "header", ["", 'session="a"', "session", "a=b;session=c", "a=b; ", "a=b, c=d", "a=é"]
)
def test_what_takes_thought_is_left_to_the_parser(header: str) -> None:
    assert not _PLAIN.fullmatch(header)
