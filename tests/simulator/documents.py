"""Requests of the API, as documents."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock

DEBIAN_12 = "01000000-0000-4000-8000-000020070100"
DEBIAN_11 = "01000000-0000-4000-8000-000020060100"
"""Not a cloud-init template."""

Document = dict[str, Any]


def server_request(**changes: object) -> Document:
    """A valid create request; a change to None leaves the field out."""
    server: Document = {
        "zone": "fi-hel1",
        "title": "build-1",
        "hostname": "build-1.example.com",
        "plan": "1xCPU-1GB",
        "metadata": "yes",
        "storage_devices": {"storage_device": [os_disk()]},
    }
    server |= changes
    return {"server": {key: value for key, value in server.items() if value is not None}}


def os_disk(**changes: object) -> Document:
    disk: Document = {"action": "clone", "storage": DEBIAN_12, "title": "build-1-os", "size": 25}
    disk |= changes
    return {key: value for key, value in disk.items() if value is not None}


async def created(api: httpx.AsyncClient, **changes: object) -> Document:
    """A new server, still in maintenance."""
    answer = await api.post("/server", json=server_request(**changes))
    assert answer.status_code == 202, answer.text
    server: Document = answer.json()["server"]
    return server


async def running(api: httpx.AsyncClient, clock: ManualClock, **changes: object) -> Document:
    """A server that has started."""
    server = await created(api, **changes)
    clock.advance(10)
    found: Document = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    assert found["state"] == "started"
    return found


async def stopped(api: httpx.AsyncClient, clock: ManualClock, **changes: object) -> Document:
    """A server that has been stopped."""
    server = await running(api, clock, **changes)
    await api.post(f"/server/{server['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(10)
    found: Document = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    assert found["state"] == "stopped"
    return found


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal in the legacy shape."""
    return answer.status_code, answer.json()["error"]["error_code"]
