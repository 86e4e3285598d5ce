"""Every endpoint of the API. A new chapter is one module with `routes`, and one line here."""

from __future__ import annotations

from importlib import import_module

from upcloud_sdk.simulator.chapters.routing import Router, Routes

CHAPTERS = (
    "account.account",
    "account.accounts",
    "account.audit",
    "account.billing",
    "account.events",
    "account.network_usage",
    "account.permissions",
    "account.tokens",
    "networks.detached_interfaces",
    "networks.interfaces",
    "networks.ip_addresses",
    "networks.networks",
    "networks.peerings",
    "networks.routers",
    "networks.ruleset_rules",
    "networks.rulesets",
    "offer.catalog",
    "offer.hosts",
    "offer.prices",
    "servers.create",
    "servers.devices",
    "servers.firewall",
    "servers.groups",
    "servers.power",
    "servers.rebuild",
    "servers.relocation",
    "servers.remote_access",
    "servers.rulesets",
    "servers.servers",
    "servers.statistics",
    "servers.tags",
    "storages.attachments",
    "storages.copies",
    "storages.imports",
    "storages.storages",
)
"""The modules of this package that answer below /1.3."""


def _routes(chapter: str) -> Routes:
    routes = import_module(f"upcloud_sdk.simulator.chapters.{chapter}").routes
    assert isinstance(routes, Routes)
    return routes


API = Router([_routes(chapter) for chapter in CHAPTERS])
"""What is below /1.3."""
