"""Every endpoint: a new chapter is one module with `routes`, named here."""

from __future__ import annotations

from upcloud_sdk.simulator import (
    account,
    accounts,
    audit,
    billing,
    catalog,
    control,
    copies,
    devices,
    firewall,
    hosts,
    imports,
    interfaces,
    ip_addresses,
    networks,
    peerings,
    power,
    prices,
    relocation,
    routers,
    server_create,
    server_groups,
    servers,
    storages,
    tags,
    tokens,
    uploads,
)
from upcloud_sdk.simulator.routing import Router

API = Router(
    [
        account.routes, accounts.routes, tokens.routes, billing.routes, audit.routes, catalog.routes, prices.routes,
        servers.routes, server_create.routes, power.routes, relocation.routes, devices.routes, storages.routes,
        copies.routes, imports.routes, networks.routes, interfaces.routes, routers.routes, peerings.routes,
        ip_addresses.routes, firewall.routes, tags.routes, server_groups.routes, hosts.routes,
    ]
)  # fmt: skip
"""What is below /1.3."""
ROOT = Router([control.routes, uploads.routes])
"""What is beside the API: the simulator's own control, and upload hosts."""
