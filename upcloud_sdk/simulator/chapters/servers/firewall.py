"""Firewall rules of a server (chapter 13). Their positions are their order."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import FirewallRule
from upcloud_sdk.simulator.rules.servers import require_state
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, list_of, mapping, one_of, or_null, text, whole
from upcloud_sdk.simulator.wire.paging import RULESETS, page

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document
    from upcloud_sdk.simulator.wire.fields import Check

routes = Routes()

_MOST = 1000
_PAIRS = ("source_address", "source_port", "destination_address", "destination_port")


def _unset_or(check: Check[object]) -> Check[str]:
    """Unset values may be "", as in answers, or null, as in the newer service."""

    def checked(value: object) -> str:
        return "" if value is None or value == "" else str(check(value))

    return checked


def _address(value: object) -> str:
    given = text(2, 45)(value)
    ipaddress.ip_address(given)
    return given


_CHECKS: dict[str, Check[str]] = {
    "family": _unset_or(one_of("IPv4", "IPv6")),
    "protocol": _unset_or(one_of("tcp", "udp", "icmp")),
    "icmp_type": _unset_or(whole(0, 255)),
    "comment": text(0, 250),
    "enabled": one_of("true", "1", "yes", "false", "0", "no", ""),
    **{f"{pair}_{end}": _unset_or(_address) for pair in _PAIRS[::2] for end in ("start", "end")},
    **{f"{pair}_{end}": _unset_or(whole(1, 65_535)) for pair in _PAIRS[1::2] for end in ("start", "end")},
}


def _document(server: Server, position: int) -> Document:
    values = asdict(server.firewall_rules[position - 1])
    if not values["enabled"]:
        del values["enabled"]
    return {**values, "position": str(position)}


def _read(f: Fields) -> tuple[int | None, FirewallRule]:
    with f:
        position = f.get("position", _unset_or(whole(1, _MOST)), "")
        rule = FirewallRule(f.need("direction", one_of("in", "out")), f.need("action", one_of("accept", "drop")))
        for name, check in _CHECKS.items():
            setattr(rule, name, f.get(name, check, ""))
    for pair in _PAIRS:
        _check_pair(rule, pair)
    if (rule.source_port_start or rule.destination_port_start) and rule.protocol not in {"tcp", "udp"}:
        raise ApiFault(409, "PORT_PROTOCOL_MISMATCH", "Ports need the protocol tcp or udp.")
    if rule.icmp_type and rule.protocol != "icmp":
        raise ApiFault(409, "ICMP_TYPE_PROTOCOL_MISMATCH", "icmp_type needs the protocol icmp.")
    return int(position) if position else None, rule


def _check_pair(rule: FirewallRule, pair: str) -> None:
    """Check start and end: both are given, in order, and in the rule's family."""
    start, end = str(getattr(rule, f"{pair}_start")), str(getattr(rule, f"{pair}_end"))
    code = pair.upper()
    for given, other, edge in ((start, end, "end"), (end, start, "start")):
        if given and not other:
            raise ApiFault(400, f"{code}_{edge.upper()}_INVALID", f"{pair}_start and {pair}_end go together.")
    if not start:
        return
    if pair.endswith("port"):
        ordered = int(start) <= int(end)
    else:
        first, last = ipaddress.ip_address(start), ipaddress.ip_address(end)
        for address, edge in ((first, "START"), (last, "END")):
            if f"IPv{address.version}" != (rule.family or f"IPv{first.version}"):
                raise ApiFault(400, f"{code}_{edge}_INVALID", f"The address {address} is not of the rule's family.")
        ordered = int(first) <= int(last)
    if not ordered:
        raise ApiFault(409, f"{code}_ORDER_ILLEGAL", f"{pair}_start is after {pair}_end.")


def _changeable(cloud: Cloud, call: Call) -> Server:
    server = cloud.server(call.args["uuid"])
    require_state(server, "started", "stopped")
    if cloud.account.trial:
        raise ApiFault(403, "TRIAL_FIREWALL", "Trial mode firewall cannot be modified.")
    return server


def _position(server: Server, given: str) -> int:
    if not given.isdigit() or not 1 <= int(given) <= _MOST:
        raise ApiFault(400, "POSITION_INVALID", f"A position is a number from 1 to {_MOST}.")
    if int(given) > len(server.firewall_rules):
        raise ApiFault(404, "FIREWALL_RULE_NOT_FOUND", f"There is no firewall rule at the position {given}.")
    return int(given)


@routes.get("/server/{uuid}/firewall_rule")
def list_rules(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    documents = [_document(server, n) for n in range(1, len(server.firewall_rules) + 1)]
    return Answer(200, {"firewall_rules": {"firewall_rule": documents}})


@routes.get("/firewall-ruleset/server/{uuid}/firewall-rule")
def list_rules_in_pages(cloud: Cloud, call: Call) -> Answer:
    """The list of the newer service, with pages."""
    server = cloud.server(call.args["uuid"])
    positions = page(call, range(1, len(server.firewall_rules) + 1), RULESETS)
    return Answer(200, {"firewall_rules": {"firewall_rule": [_document(server, each) for each in positions]}})


@routes.put("/firewall-ruleset/server/{uuid}/firewall-rule")
def replace_rules_of_server(cloud: Cloud, call: Call) -> Answer:
    """Replace all rules. null: no rules."""
    server = _changeable(cloud, call)
    with fields(call, None) as f:
        wrapped = f.need("firewall_rules", mapping) if f.get("firewall_rules", or_null(mapping), None) else {}
    with Fields(wrapped, where="firewall_rules") as inner:
        items = inner.get("firewall_rule", or_null(list_of(mapping)), None) or []
    _check_limit(cloud, len(items))
    server.firewall_rules = [_read(Fields(item, where="firewall_rule"))[1] for item in items]
    documents = [_document(server, position) for position in range(1, len(items) + 1)]
    return Answer(200, {"firewall_rules": {"firewall_rule": documents}})


@routes.get("/server/{uuid}/firewall_rule/{position}")
@routes.get("/firewall-ruleset/server/{uuid}/firewall-rule/{position}")
def get_rule(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    return Answer(200, {"firewall_rule": _document(server, _position(server, call.args["position"]))})


@routes.post("/server/{uuid}/firewall_rule")
@routes.post("/firewall-ruleset/server/{uuid}/firewall-rule")
def create_rule(cloud: Cloud, call: Call) -> Answer:
    """Insert a rule at its position, or else at the end."""
    server = _changeable(cloud, call)
    position, rule = _read(fields(call, "firewall_rule"))
    _check_limit(cloud, len(server.firewall_rules) + 1)
    position = min(position or _MOST, len(server.firewall_rules) + 1)
    server.firewall_rules.insert(position - 1, rule)
    return Answer(201, {"firewall_rule": _document(server, position)})


def _check_limit(cloud: Cloud, wanted: int) -> None:
    if wanted > _MOST:
        raise ApiFault(403, "FIREWALL_RULE_LIMIT_REACHED", f"A server has at most {_MOST} firewall rules.")
    cloud.check_limit("firewall_rules", wanted - 1, "FIREWALL_RULE_LIMIT_REACHED")


@routes.put("/server/{uuid}/firewall_rule")
def replace_rules(cloud: Cloud, call: Call) -> Answer:
    """Replace all rules, and number them in order."""
    server = _changeable(cloud, call)
    with fields(call, None) as f:
        items = f.items("firewall_rules", "firewall_rule")
    if items is None:
        raise ApiFault(400, "INVALID_REQUEST", "The request has no firewall_rules.")
    if items:
        _check_limit(cloud, len(items))
    server.firewall_rules = [_read(item)[1] for item in items]
    return Answer(204)


@routes.delete("/server/{uuid}/firewall_rule/{position}")
@routes.delete("/firewall-ruleset/server/{uuid}/firewall-rule/{position}")
def delete_rule(cloud: Cloud, call: Call) -> Answer:
    server = _changeable(cloud, call)
    del server.firewall_rules[_position(server, call.args["position"]) - 1]
    return Answer(204)
