from __future__ import annotations

from ipaddress import IPv4Address

from tests.sdk.cases.case import SERVER, Case
from upcloud_sdk.models import (
    FirewallRule,
    FirewallRuleSpec,
)

_RULE = {
    "action": "accept",
    "comment": "ssh",
    "destination_address_end": "",
    "destination_address_start": "",
    "destination_port_end": "22",
    "destination_port_start": "22",
    "direction": "in",
    "family": "IPv4",
    "icmp_type": "",
    "position": "1",
    "protocol": "tcp",
    "source_address_end": "10.0.0.255",
    "source_address_start": "10.0.0.1",
    "source_port_end": "",
    "source_port_start": "",
}

_SSH = FirewallRuleSpec(
    direction="in",
    action="accept",
    family="IPv4",
    protocol="tcp",
    source_address_start=IPv4Address("10.0.0.1"),
    source_address_end=IPv4Address("10.0.0.255"),
    destination_port_start=22,
    destination_port_end=22,
    comment="ssh",
)
_SSH_SENT = {
    "direction": "in",
    "action": "accept",
    "family": "IPv4",
    "protocol": "tcp",
    "source_address_start": "10.0.0.1",
    "source_address_end": "10.0.0.255",
    "destination_port_start": "22",
    "destination_port_end": "22",
    "comment": "ssh",
}

_FIREWALL = [
    Case(
        call=lambda c: c.firewall_rules.list(SERVER),
        sends=f"GET /server/{SERVER}/firewall_rule",
        answer={"firewall_rules": {"firewall_rule": [_RULE]}},
        look=lambda rules: (rules[0].position, rules[0].destination_port_start, rules[0].source_port_start),
        sees=(1, 22, None),
    ),
    Case(
        call=lambda c: c.firewall_rules.get(SERVER, 1),
        sends=f"GET /server/{SERVER}/firewall_rule/1",
        answer={"firewall_rule": _RULE},
        look=lambda rule: (rule.source_address_end, rule.destination_address_end, rule.icmp_type),
        sees=(IPv4Address("10.0.0.255"), None, None),
    ),
    Case(
        call=lambda c: c.firewall_rules.create(SERVER, _SSH.model_copy(update={"position": 1})),
        sends=f"POST /server/{SERVER}/firewall_rule",
        body={"firewall_rule": {**_SSH_SENT, "position": "1"}},
        status=201,
        answer={"firewall_rule": _RULE},
        look=lambda rule: rule.position,
        sees=1,
    ),
    Case(
        call=lambda c: c.firewall_rules.replace(SERVER, [_SSH, FirewallRuleSpec(direction="in", action="drop")]),
        sends=f"PUT /server/{SERVER}/firewall_rule",
        body={"firewall_rules": {"firewall_rule": [_SSH_SENT, {"direction": "in", "action": "drop"}]}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rules.replace(
            SERVER, [FirewallRuleSpec.of(FirewallRule.model_validate(_RULE, strict=False))]
        ),
        sends=f"PUT /server/{SERVER}/firewall_rule",
        body={"firewall_rules": {"firewall_rule": [_SSH_SENT]}},
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rules.delete(SERVER, 1),
        sends=f"DELETE /server/{SERVER}/firewall_rule/1",
        status=204,
        sees=None,
    ),
]

CASES = _FIREWALL
