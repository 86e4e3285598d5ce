"""The format of each service's refusals."""

from __future__ import annotations

from typing import TYPE_CHECKING

import httpx
import pytest

from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

NOWHERE = "00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def contract() -> AsyncIterator[httpx.AsyncClient]:
    """A client of a simulator with `server_errors="contract"`."""
    async with httpx.AsyncClient(
        transport=Simulator(server_errors="contract").transport(),
        base_url="https://api.upcloud.com/1.3",
        auth=("user", "password"),
    ) as client:
        yield client


async def test_server_calls_are_refused_in_the_recorded_format_by_default(
    api: httpx.AsyncClient, contract: httpx.AsyncClient
) -> None:
    recorded, agreed = await api.get(f"/server/{NOWHERE}"), await contract.get(f"/server/{NOWHERE}")
    assert recorded.json()["error"].keys() == {"error_code", "error_message"}
    assert agreed.json()["error"].keys() == {"code", "message"}
    assert agreed.json()["error"]["code"] == recorded.json()["error"]["error_code"] == "SERVER_NOT_FOUND"


@pytest.mark.parametrize("path", [f"/storage/{NOWHERE}", f"/server-group/{NOWHERE}", "/tag/none", "/host/1"])
async def test_the_format_of_other_refusals_does_not_depend_on_the_setting(
    contract: httpx.AsyncClient, path: str
) -> None:
    assert (await contract.get(path)).json()["error"].keys() == {"error_code", "error_message"}


async def test_a_server_call_without_credentials_is_refused_in_the_old_format(contract: httpx.AsyncClient) -> None:
    """The contract has the new one for 400, 403, 404 and 409."""
    answer = await contract.get("/server", headers={"Authorization": "none"}, auth=None)
    assert (answer.status_code, answer.json()["error"].keys()) == (401, {"error_code", "error_message"})


@pytest.mark.parametrize(
    ("path", "code"),
    [
        (f"/account/tokens/0c{NOWHERE[2:]}", "NOT_FOUND"),
        ("/account/tokens/none", "BAD_REQUEST"),
        ("/audit-logs/none", "RESOURCE_NOT_FOUND"),
    ],
)
async def test_the_newer_services_refuse_with_problem_documents(api: httpx.AsyncClient, path: str, code: str) -> None:
    answer = await api.get(path)
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["type"].endswith(f"#ERROR_{code}")
    assert answer.json()["correlation_id"]


async def test_a_fault_with_a_code_has_the_format_of_its_service(sim: Simulator, api: httpx.AsyncClient) -> None:
    sim.fail("*", status=403, code="ACTION_FORBIDDEN", times=2)
    assert (await api.get("/server")).json()["error"]["error_code"] == "ACTION_FORBIDDEN"
    answer = await api.get("/audit-logs")
    assert (answer.status_code, answer.json()["type"].partition("#ERROR_")[2]) == (403, "ACTION_FORBIDDEN")
