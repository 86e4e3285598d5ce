"""Documents of requests to the API."""

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
    """A valid create request. A change to None leaves the field out."""
    server: Document = {
        "zone": "fi-hel1",
        "title": "build-1",
        "hostname": "build-1.example.com",
        "plan": "PREMIUM-1xCPU-1GB",
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
    """A started server."""
    server = await created(api, **changes)
    clock.advance(10)
    found: Document = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    assert found["state"] == "started"
    return found


async def stopped(api: httpx.AsyncClient, clock: ManualClock, **changes: object) -> Document:
    """A stopped server."""
    server = await running(api, clock, **changes)
    await api.post(f"/server/{server['uuid']}/stop", json={"stop_server": {"stop_type": "hard"}})
    clock.advance(10)
    found: Document = (await api.get(f"/server/{server['uuid']}")).json()["server"]
    assert found["state"] == "stopped"
    return found


def network_request(**changes: object) -> Document:
    """A valid request for a private network. A change to None leaves the field out."""
    ranged = {"address": "10.0.0.0/24", "dhcp": "yes", "family": "IPv4"}
    network: Document = {"name": "builds", "zone": "fi-hel1", "ip_networks": {"ip_network": [ranged]}}
    network |= changes
    return {"network": {key: value for key, value in network.items() if value is not None}}


async def network_with_router(api: httpx.AsyncClient, address: str, *, router: str | None = None) -> tuple[str, str]:
    """Create a private network and a router for it. Returns the uuids of both."""
    if router is None:
        made = await api.post("/router", json={"router": {"name": "builds"}})
        router = str(made.json()["router"]["uuid"])
    ranged = {"address": address, "dhcp": "yes", "family": "IPv4"}
    body = network_request(router=router, ip_networks={"ip_network": [ranged]})
    network: str = (await api.post("/network", json=body)).json()["network"]["uuid"]
    return network, router


async def new_storage(api: httpx.AsyncClient, **changes: object) -> Document:
    """A new disk of 10 GB."""
    body: Document = {"size": 10, "tier": "maxiops", "title": "data", "zone": "fi-hel1"} | changes
    answer = await api.post("/storage", json={"storage": body})
    assert answer.status_code == 201, answer.text
    storage: Document = answer.json()["storage"]
    return storage


def refusal(answer: httpx.Response) -> tuple[int, str]:
    """Status and code of a refusal in the older format."""
    return answer.status_code, answer.json()["error"]["error_code"]
