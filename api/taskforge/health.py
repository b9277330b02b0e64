"""Whether TaskForge can work, for those who watch: the answer is 200 whatever it says."""

from __future__ import annotations

from typing import Final, Literal

from typing_extensions import TypedDict

from api.health import is_database_up
from api.taskforge.calls import Call
from api.taskforge.endpoints import Endpoint, Shows
from api.taskforge.envelope import Answer
from api.taskforge.moments import ShownMoment, shown
from events.instants import now

APP_NAME: Final = "TaskForge API"
APP_VERSION: Final = "1.0.0"


class Health(TypedDict):
    status: Literal["healthy", "degraded"]
    timestamp: ShownMoment
    app_name: str
    version: str
    database: Literal["connected", "disconnected"]


async def health(call: Call) -> Answer:
    is_up = await is_database_up(call.core)
    return Answer(
        Health(
            status="healthy" if is_up else "degraded",
            timestamp=shown(now()),
            app_name=APP_NAME,
            version=APP_VERSION,
            database="connected" if is_up else "disconnected",
        )
    )


ENDPOINTS: Final = (
    Endpoint(
        methods=("GET",),
        path="/api/health",
        handle=health,
        is_public=True,
        summary="Whether the service can work",
        shows=Shows(Health),
    ),
)
