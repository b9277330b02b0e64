"""`GET /login`: a page that signs in and goes on to `next`, a local address, or to what there is to see."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path
from typing import Final

from aiohttp import hdrs, web

from api.core import CORE

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


DOCUMENTATION: Final = "/api/docs"
ONESELF: Final = "/api/auth/me"


async def login_page(request: web.Request) -> web.Response:
    """Parameters are left to the page: `next` is looked at there, and nothing of it is written back."""
    # In production there is no page to go on to, only data.
    home = ONESELF if request.config_dict[CORE].settings.is_production else DOCUMENTATION
    headers = {"Content-Security-Policy": POLICY, hdrs.CONTENT_LANGUAGE: "en"}
    return web.Response(text=PAGE.replace("{home}", home), content_type="text/html", headers=headers)
