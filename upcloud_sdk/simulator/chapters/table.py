"""All endpoints of the API. For a new chapter, add a module with `routes`, and one line here."""

from __future__ import annotations

from difflib import get_close_matches
from importlib import import_module

from upcloud_sdk.simulator.chapters.routing import Router, Routes
from upcloud_sdk.simulator.state.faults import call_pattern

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
"""Modules of this package with endpoints below /1.3."""


def _routes(chapter: str) -> Routes:
    routes = import_module(f"upcloud_sdk.simulator.chapters.{chapter}").routes
    assert isinstance(routes, Routes)
    return routes


API = Router([_routes(chapter) for chapter in CHAPTERS])
"""Endpoints below /1.3."""

UPLOADS = Router([import_module("upcloud_sdk.simulator.chapters.storages.uploads").routes])
"""Other endpoints, which can have faults too."""


def check_pattern(pattern: str) -> None:
    """Refuse a pattern that no endpoint matches, since its fault would never be used.

    Raises:
        ValueError: No endpoint matches, or it is not a pattern. The error names similar endpoints.
    """
    expression = call_pattern(pattern)
    given = pattern.strip().rpartition(" ")[2].split("/")
    lines = {f"{route.method} {_filled(route.pattern, given)}": route for route in [*API.routes(), *UPLOADS.routes()]}
    if any(expression.fullmatch(line) for line in lines):
        return
    existing = sorted({f"{route.method} {route.pattern}" for route in lines.values()})
    close = get_close_matches(pattern, existing, n=3) or existing[:3]
    raise ValueError(
        f"no endpoint matches {pattern!r}: its fault is never used; did you mean {' or '.join(map(repr, close))}? "
        "For an endpoint that the simulator does not have, also give the body of its answer"
    )


def _filled(route: str, given: list[str]) -> str:
    """The path of a route, with the pattern's values for its placeholders."""
    parts = route.split("/")
    for place, part in enumerate(parts):
        if part.startswith("{"):
            own = given[place] if place < len(given) else ""
            parts[place] = own if own and "*" not in own and "{" not in own else "x"
    return "/".join(parts)
