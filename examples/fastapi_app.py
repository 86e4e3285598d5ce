"""A web service with one client in its lifespan: all requests share its connections, its limits and its watcher.

UPCLOUD_TOKEN=ucat_... uvicorn examples.fastapi_app:app
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

from fastapi import Depends, FastAPI, HTTPException, Request

from upcloud_sdk import UpCloud, errors
from upcloud_sdk.models import ServerSummary, Zone


@asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncGenerator[None]:
    """Open the client when the service starts, and close it when the service ends."""
    async with UpCloud(owner="web-service") as cloud:
        app.state.cloud = cloud
        yield


def client(request: Request) -> UpCloud:
    """The client of the service."""
    cloud: UpCloud = request.app.state.cloud
    return cloud


Cloud = Annotated[UpCloud, Depends(client)]
app = FastAPI(lifespan=lifespan)


@app.get("/zones")
async def zones(cloud: Cloud) -> tuple[Zone, ...]:
    """List the zones."""
    return await cloud.zones.list()


@app.get("/servers/{uuid}/state")
async def state(uuid: str, cloud: Cloud) -> str:
    """The state of a server. If the browser disconnects, only its own request is cancelled."""
    try:
        server: ServerSummary = await cloud.servers.get(uuid)
    except errors.NotFound as error:
        raise HTTPException(404, f"no server {uuid}") from error
    except errors.InvalidRequest as error:
        raise HTTPException(400, error.message) from error
    return server.state
