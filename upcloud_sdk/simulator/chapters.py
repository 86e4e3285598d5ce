"""Every endpoint: a new chapter is one module with `routes`, named here."""

from __future__ import annotations

from upcloud_sdk.simulator import (
    account,
    catalog,
    control,
    copies,
    devices,
    power,
    relocation,
    server_create,
    servers,
    storages,
)
from upcloud_sdk.simulator.routing import Router

API = Router(
    [
        account.routes, catalog.routes, servers.routes, server_create.routes, power.routes, devices.routes,
        storages.routes, copies.routes, relocation.routes,
    ]
)  # fmt: skip
"""What is below /1.3."""
ROOT = Router([control.routes])
"""What is beside the API: the simulator's own control, and upload hosts."""
