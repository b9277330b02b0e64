"""The least that aiohttp can do: GET answers bytes that it was given, POST parses JSON and echoes it.

Run as `python -m benchmarks.bare PORT FILE`; the file has the body of every answer to a GET.
"""

from __future__ import annotations

import sys
from pathlib import Path

import orjson
import uvloop
from aiohttp import web


def main() -> None:
    port, body = int(sys.argv[1]), Path(sys.argv[2]).read_bytes()
    uvloop.install()
    web.run_app(application(body), host="127.0.0.1", port=port, access_log=None, print=None)


def application(body: bytes) -> web.Application:
    async def get(_: web.Request) -> web.Response:
        return web.Response(body=body, content_type="application/json")

    async def post(request: web.Request) -> web.Response:
        echoed = orjson.dumps(orjson.loads(await request.read()))
        return web.Response(body=echoed, content_type="application/json", status=201)

    app = web.Application()
    app.router.add_get("/{path:.*}", get)
    app.router.add_post("/{path:.*}", post)
    return app


if __name__ == "__main__":
    main()
