"""Routers between networks (chapter 12)."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.networks import Router, StaticRoute
from upcloud_sdk.simulator.rules.ip_networks import ip_range
from upcloud_sdk.simulator.state.system_networks import system_networks, system_routers
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, listing, mapping, one_of, text
from upcloud_sdk.simulator.wire.formats import label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_MOST_ROUTES = 100
_NAME = text(1, 255)
_NO_HOP = "no-nexthop"


def _attached(cloud: Cloud) -> dict[str, list[str]]:
    """The networks of each router."""
    attached: dict[str, list[str]] = {}
    for networks in (system_networks(cloud), cloud.networks.values()):
        for network in networks:
            if network.router is not None:
                attached.setdefault(network.router, []).append(network.uuid)
    return attached


def _document(router: Router, networks: list[str]) -> Document:
    return {
        "attached_network_gateways": [],
        "attached_networks": {"network": [{"uuid": uuid} for uuid in networks]},
        "labels": label_list(router.labels),
        "name": router.name,
        "static_routes": [_route_document(route) for route in router.static_routes],
        "type": router.type,
        "uuid": router.uuid,
    }


def _route_document(route: StaticRoute) -> Document:
    return {"name": route.name, "nexthop": route.nexthop, "route": route.route, "type": route.type}


@routes.get("/router")
def list_routers(cloud: Cloud, call: Call) -> Answer:
    filters = labels.wanted(call)
    known = system_routers(cloud) | cloud.routers
    found = sorted((each for each in known.values() if labels.match(each.labels, filters)), key=lambda each: each.uuid)
    attached = _attached(cloud)
    documents = [_document(each, attached.get(each.uuid, [])) for each in found]
    return Answer(200, {"routers": {"router": documents}})


def _answer(cloud: Cloud, router: Router, status: int = 200) -> Answer:
    return Answer(status, {"router": _document(router, _attached(cloud).get(router.uuid, []))})


@routes.get("/router/{uuid}")
def get_router(cloud: Cloud, call: Call) -> Answer:
    return _answer(cloud, cloud.find(system_routers(cloud) | cloud.routers, call.args["uuid"], "router"))


@routes.post("/router")
def create_router(cloud: Cloud, call: Call) -> Answer:
    with fields(call, "router") as f:
        name = f.need("name", _NAME, code="ROUTER_NAME")
        wanted = labels.read_bare(f) or {}
        static = _read_routes(f) or []
    cloud.check_limit("routers", len(cloud.routers), "ROUTER_LIMIT_REACHED")
    router = Router(cloud.new_uuid("router"), name, labels=wanted, static_routes=static)
    cloud.routers[router.uuid] = router
    return _answer(cloud, router, 201)


def _read_routes(f: Fields) -> list[StaticRoute] | None:
    listed = f.get("static_routes", listing, None)
    if listed is None:
        return None
    if len(listed) > _MOST_ROUTES:
        raise ApiFault(403, "STATIC_ROUTE_LIMIT_REACHED", f"A router has at most {_MOST_ROUTES} static routes.")
    found: list[StaticRoute] = []
    for item in listed:
        try:
            values = mapping(item)
        except ValueError:
            raise ApiFault(400, "INVALID_ROUTE", "A static route is an object.") from None
        with Fields(values, where="static_routes") as route:
            found.append(_read_route(route, f"static-route-{len(found)}"))
    targets = [ipaddress.ip_network(route.route, strict=False) for route in found]
    if len(set(targets)) != len(targets):
        raise ApiFault(409, "DUPLICATE_ROUTE", "A route is given twice.")
    return found


def _read_route(f: Fields, unnamed: str) -> StaticRoute:
    name = f.get("name", text(0, 64), "") or unnamed
    kind = f.get("type", one_of("user", "service"), "user")
    target = f.get("route", text(), "")
    hop = f.need("nexthop", text(1))
    try:
        family = ipaddress.ip_network(ip_range(target), strict=False).version
    except ValueError:
        raise ApiFault(400, "INVALID_ROUTE", f"The route {target} is not a range such as 10.0.0.0/8.") from None
    if hop != _NO_HOP:
        try:
            hop_family = ipaddress.ip_address(hop).version
        except ValueError:
            raise ApiFault(400, "NEXTHOP_INVALID", f"The next hop {hop} is not an address.") from None
        if hop_family != family:
            raise ApiFault(400, "INVALID_ROUTE_FAMILY", f"The route {target} and its next hop differ in family.")
    return StaticRoute(target, hop, name, kind)


def _own_router(cloud: Cloud, uuid: str) -> Router:
    if uuid in system_routers(cloud):
        raise ApiFault(403, "ROUTER_FORBIDDEN", f"The router {uuid} is not of this account.")
    return cloud.find(cloud.routers, uuid, "router")


@routes.patch("/router/{uuid}")
def modify_router(cloud: Cloud, call: Call) -> Answer:
    router = _own_router(cloud, call.args["uuid"])
    with fields(call, "router") as f:
        name = f.get("name", _NAME, router.name, code="ROUTER_NAME")
        wanted = labels.read_bare(f)
        static = _read_routes(f)
    router.name = name
    router.labels = router.labels if wanted is None else wanted
    router.static_routes = router.static_routes if static is None else static
    return _answer(cloud, router)


@routes.delete("/router/{uuid}")
def delete_router(cloud: Cloud, call: Call) -> Answer:
    router = _own_router(cloud, call.args["uuid"])
    if any(network.router == router.uuid for network in cloud.networks.values()):
        raise ApiFault(409, "ROUTER_ATTACHED", f"The router {router.uuid} is attached to a network.")
    del cloud.routers[router.uuid]
    return Answer(204)
