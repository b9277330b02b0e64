"""`GET /login`: a page that signs in and goes on to a local address."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

PAGE: Final = (Path(__file__).parent.parent / "static" / "login.html").read_text()


def _hash_of(element: str) -> str:
    """What the policy allows by: the digest of what stands inside an element."""
    found = re.search(f"<{element}>(.*?)</{element}>", PAGE, re.DOTALL)
    assert found, f"login.html has no {element}"
    return f"'sha256-{base64.b64encode(hashlib.sha256(found[1].encode()).digest()).decode()}'"


POLICY: Final = (
    f"default-src 'none'; script-src {_hash_of('script')}; style-src {_hash_of('style')}; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)


async def login_page(_: web.Request) -> web.Response:
    """Parameters are left to the page: `next` is looked at there, and nothing of it is written back."""
    headers = {"Content-Security-Policy": POLICY, hdrs.CONTENT_LANGUAGE: "en"}
    return web.Response(text=PAGE, content_type="text/html", headers=headers)
