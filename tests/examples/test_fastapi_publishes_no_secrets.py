"""A FastAPI application publishes no secret of a server that a handler returns."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from tests.moved_time import server_spec
from tests.sdk import documents
from upcloud_sdk.models import LoginUser, Server, ServerSpec

SECRET = "MUST_NOT_BE_PUBLISHED"
SERVER = Server.model_validate(
    documents.server(user_data=SECRET, password=SECRET, remote_access_password=SECRET)["server"]
)
SPEC = server_spec(user_data=SECRET, remote_access_password=SECRET, login_user=LoginUser(create_password=True))


def application() -> FastAPI:
    app = FastAPI()

    @app.get("/typed")
    async def typed() -> Server:
        return SERVER

    @app.get("/untyped", response_model=None)
    async def untyped() -> Any:  # noqa: ANN401 - as many handlers are written
        return {"server": SERVER, "servers": [SERVER], "spec": SPEC}

    @app.get("/spec")
    async def spec() -> ServerSpec:
        return SPEC

    return app


@pytest.fixture
async def web() -> httpx.AsyncClient:
    return httpx.AsyncClient(transport=httpx.ASGITransport(application()), base_url="http://test")


@pytest.mark.parametrize("path", ["/typed", "/untyped", "/spec"])
async def test_a_handler_that_returns_a_server_or_a_spec_publishes_no_secret(web: httpx.AsyncClient, path: str) -> None:
    answer = await web.get(path)

    assert answer.status_code == 200
    assert SECRET not in answer.text
    assert "**********" in answer.text


async def test_the_documentation_of_the_application_has_that_of_the_fields(web: httpx.AsyncClient) -> None:
    schema = (await web.get("/openapi.json")).json()["components"]["schemas"]["Server"]

    assert schema["description"] == "A server with all details."
    assert schema["properties"]["memory_amount"]["description"] == "MiB."
