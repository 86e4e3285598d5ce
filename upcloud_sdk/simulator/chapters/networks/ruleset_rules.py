"""Rules of firewall rulesets. Each change creates a new version of the ruleset."""

from __future__ import annotations

import ipaddress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.firewalls import RulesetRule
from upcloud_sdk.simulator.rules.rulesets import find_ruleset, flag, new_version
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, listing, mapping, one_of, text, whole
from upcloud_sdk.simulator.wire.paging import RULESETS, page, sorted_as_asked, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.simulator.records.firewalls import Ruleset
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document
    from upcloud_sdk.simulator.wire.fields import Check

routes = Routes()

_MOST = 1000
_PORT = whole(0, 65_535)


_KEYS: dict[str, Callable[[RulesetRule], str | float]] = {
    "position": lambda rule: rule.position,
    "direction": lambda rule: rule.direction,
    "action": lambda rule: rule.action,
}
"""Sort keys of rules."""


def _address(value: object) -> str:
    given = text(0, 45)(value)
    if given:
        ipaddress.ip_address(given)
    return given


def _cidr(value: object) -> str:
    given = text(0, 49)(value)
    if given:
        ipaddress.ip_network(given, strict=False)
    return given


def _icmp_type(value: object) -> int | None:
    number = whole(-1, 255)(value)
    return None if number == -1 else number


_CHECKS: dict[str, Check[object]] = {
    "action": one_of("accept", "drop"),
    "direction": one_of("in", "out"),
    "family": one_of("IPv4", "IPv6", ""),
    "protocol": one_of("tcp", "udp", "icmp", "esp", "ah", "all", ""),
    "comment": text(0, 250),
    "enabled": flag,
    "icmp_type": _icmp_type,
    **{f"{side}_address_{end}": _address for side in ("source", "destination") for end in ("start", "end")},
    **{f"{side}_address_cidr": _cidr for side in ("source", "destination")},
    **{f"{side}_port_{end}": _PORT for side in ("source", "destination") for end in ("start", "end")},
}


def _document(rule: RulesetRule) -> Document:
    """Unset numbers are left out."""
    return {name: value for name, value in asdict(rule).items() if value is not None}


def _read(cloud: Cloud, f: Fields, current: RulesetRule | None = None) -> tuple[RulesetRule, int | None]:
    """Read a rule and its position from a request. Missing fields are taken from `current`."""
    with f:
        values = {name: f.get(name, check, None) for name, check in _CHECKS.items() if f.has(name)}
        position = f.get("position", whole(0, _MOST), None)
        if current is None:
            for name in ("action", "direction", "family"):
                f.need(name, _CHECKS[name])
            current = RulesetRule(cloud.new_uuid("rule"), "accept", "in")
    rule = replace(current, **values)  # type: ignore[arg-type]  # the checks return the right types
    for side in ("source", "destination"):
        start, end = getattr(rule, f"{side}_port_start"), getattr(rule, f"{side}_port_end")
        if (start is not None or end is not None) and rule.protocol not in {"tcp", "udp"}:
            raise ApiFault(409, "PORT_PROTOCOL_MISMATCH", "Ports need the protocol tcp or udp.")
        if start is not None and end is not None and start > end:
            raise ApiFault(409, f"{side.upper()}_PORT_ORDER_ILLEGAL", "The first port is after the last.")
    if rule.icmp_type is not None and rule.protocol != "icmp":
        raise ApiFault(409, "ICMP_TYPE_PROTOCOL_MISMATCH", "icmp_type needs the protocol icmp.")
    return rule, position


def _find(ruleset: Ruleset, uuid: str) -> RulesetRule:
    rule = next((each for each in ruleset.rules if each.uuid == uuid.lower()), None)
    if rule is None:
        raise ApiFault(404, "FIREWALL_RULE_NOT_FOUND", f"The ruleset has no rule {uuid}.")
    return rule


def _change(cloud: Cloud, ruleset: Ruleset, rules: list[RulesetRule]) -> None:
    """Replace the ruleset's rules, and number them in order."""
    if len(rules) > _MOST:
        raise ApiFault(403, "FIREWALL_RULE_LIMIT_REACHED", f"A ruleset has at most {_MOST} rules.")
    new_version(cloud, ruleset)
    ruleset.rules = [replace(rule, position=number) for number, rule in enumerate(rules, 1)]


def _placed(rules: list[RulesetRule], rule: RulesetRule, position: int | None) -> list[RulesetRule]:
    """Insert the rule at its position, or else at the end."""
    index = len(rules) if position is None else max(0, min(position - 1, len(rules)))
    return [*rules[:index], rule, *rules[index:]]


@routes.get("/firewall-ruleset/{uuid}/rule")
def list_rules(cloud: Cloud, call: Call) -> Answer:
    rules = find_ruleset(cloud, call.args["uuid"]).rules
    shown = page(call, sorted_as_asked(call, rules, _KEYS), RULESETS)
    headers = total(rules, told=cloud.total_count)
    return Answer(200, {"rules": [_document(rule) for rule in shown]}, PLAIN_JSON, headers)


@routes.put("/firewall-ruleset/{uuid}/rule")
def replace_rules(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    with fields(call, None) as f:
        items = f.need("rules", listing)
    try:
        wanted = [Fields(mapping(item), where="rules") for item in items]
    except ValueError:
        raise ApiFault(400, "RULES_INVALID", "A rule is an object.") from None
    _change(cloud, ruleset, [_read(cloud, item)[0] for item in wanted])
    return Answer(200, {"rules": [_document(rule) for rule in ruleset.rules]}, PLAIN_JSON)


@routes.post("/firewall-ruleset/{uuid}/rule")
def create_rule(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    rule, position = _read(cloud, fields(call, None))
    _change(cloud, ruleset, _placed(ruleset.rules, rule, position))
    return Answer(201, _document(_find(ruleset, rule.uuid)), PLAIN_JSON)


@routes.get("/firewall-ruleset/{uuid}/rule/{rule}")
def get_rule(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, _document(_find(find_ruleset(cloud, call.args["uuid"]), call.args["rule"])), PLAIN_JSON)


@routes.patch("/firewall-ruleset/{uuid}/rule/{rule}")
def modify_rule(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    current = _find(ruleset, call.args["rule"])
    rule, position = _read(cloud, fields(call, None), current)
    others = [each for each in ruleset.rules if each.uuid != rule.uuid]
    _change(cloud, ruleset, _placed(others, rule, current.position if position is None else position))
    return Answer(200, _document(_find(ruleset, rule.uuid)), PLAIN_JSON)


@routes.delete("/firewall-ruleset/{uuid}/rule/{rule}")
def delete_rule(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    gone = _find(ruleset, call.args["rule"])
    _change(cloud, ruleset, [each for each in ruleset.rules if each is not gone])
    return Answer(204)
