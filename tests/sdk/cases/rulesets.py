from __future__ import annotations

from typing import Any

from tests.sdk.cases.case import SERVER, Case
from upcloud_sdk.models import (
    FirewallRulesetChanges,
    FirewallRulesetRuleChanges,
    FirewallRulesetRuleSpec,
    FirewallRulesetSpec,
    FirewallRuleSpec,
)

RULESET = "12a1b2c3-d4e5-4f60-8a7b-0123456789ab"
RULE = "13a1b2c3-d4e5-4f60-8a7b-0123456789ab"
PATH = f"/firewall-ruleset/{RULESET}"
OWN = f"/firewall-ruleset/server/{SERVER}/firewall-rule"

_RULESET: dict[str, Any] = {
    "uuid": RULESET,
    "name": "web",
    "description": "",
    "stateful": True,
    "version": 3,
    "enabled": True,
    "default_dns_rules_enabled": False,
    "labels": [{"key": "env", "value": "test"}],
    "server_uuid": "",
    "created_at": "2026-11-24T09:00:00Z",
    "updated_at": "2026-11-24T09:00:00Z",
}
_RULE: dict[str, Any] = {
    "uuid": RULE,
    "enabled": True,
    "action": "accept",
    "direction": "in",
    "family": "",
    "protocol": "tcp",
    "position": 1,
    "source_address_start": "",
    "destination_port_start": 80,
    "destination_port_end": 80,
}
_SPEC = FirewallRulesetRuleSpec(
    direction="in", action="accept", protocol="tcp", destination_port_start=80, destination_port_end=80
)
_SENT = {
    "direction": "in",
    "action": "accept",
    "family": "",
    "protocol": "tcp",
    "destination_port_start": 80,
    "destination_port_end": 80,
}
_NEW = FirewallRulesetSpec(name="web", stateful=True, labels={"env": "test"})
_RELATION: dict[str, Any] = {
    "firewall_ruleset_uuid": RULESET,
    "server_uuid": SERVER,
    "type": "private",
    "version": 3,
    "applied_version": None,
    "created_at": "2026-11-24T09:00:00Z",
    "updated_at": None,
    "last_applied_at": None,
}
_ATTACHED = {"firewall_ruleset_uuid": RULESET, "server_uuid": SERVER, "type": "private"}
_ATTACHMENT = {"firewall_ruleset": {"firewall_ruleset_uuid": RULESET}}
_OLD_RULE = {"position": "1", "direction": "in", "action": "drop", "family": None, "icmp_type": None}
_OLD_SPEC = FirewallRuleSpec(direction="in", action="drop", enabled=False)
_OLD_SENT = {"direction": "in", "action": "drop", "enabled": "no"}

CASES = [
    Case(
        call=lambda c: c.firewall_rulesets.list(),
        sends="GET /firewall-ruleset?limit=100&offset=0",
        answer=[_RULESET],
        look=lambda found: (found[0].name, found[0].labels, found[0].server_uuid),
        sees=("web", {"env": "test"}, None),
    ),
    Case(
        call=lambda c: c.firewall_rulesets.list(sort="+name"),
        sends="GET /firewall-ruleset?sort=%2Bname&limit=100&offset=0",
        answer=[],
        sees=(),
    ),
    Case(
        call=lambda c: c.firewall_rulesets.get(RULESET),
        sends=f"GET {PATH}",
        answer=_RULESET,
        look=lambda ruleset: ruleset.version,
        sees=3,
    ),
    Case(
        call=lambda c: c.firewall_rulesets.create(_NEW),
        sends="POST /firewall-ruleset",
        body={"name": "web", "stateful": True, "labels": [{"key": "env", "value": "test"}]},
        status=201,
        answer=_RULESET,
        look=lambda ruleset: ruleset.uuid,
        sees=RULESET,
    ),
    Case(
        call=lambda c: c.firewall_rulesets.modify(RULESET, FirewallRulesetChanges(enabled=False, description="")),
        sends=f"PATCH {PATH}",
        body={"enabled": False, "description": ""},
        answer={**_RULESET, "enabled": False},
        look=lambda ruleset: ruleset.enabled,
        sees=False,
    ),
    Case(call=lambda c: c.firewall_rulesets.delete(RULESET), sends=f"DELETE {PATH}", status=204, sees=None),
    Case(
        call=lambda c: c.firewall_rulesets.restore(RULESET, 2),
        sends=f"PATCH {PATH}/restore/2",
        answer=_RULESET,
        look=lambda ruleset: ruleset.name,
        sees="web",
    ),
    Case(
        call=lambda c: c.firewall_rulesets.attach(RULESET, SERVER),
        sends=f"POST /server/{SERVER}/attach_firewall_ruleset/private",
        body=_ATTACHMENT,
        answer=_ATTACHED,
        look=lambda attachment: attachment.server_uuid,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.firewall_rulesets.detach(RULESET, SERVER),
        sends=f"POST /server/{SERVER}/detach_firewall_ruleset/private",
        body=_ATTACHMENT,
        answer=_ATTACHED,
        look=lambda attachment: attachment.type,
        sees="private",
    ),
    Case(
        call=lambda c: c.firewall_rulesets.of_server(SERVER),
        sends=f"GET /server/{SERVER}/firewall_ruleset_relationships/private",
        answer={"firewall_ruleset_relationships": {"private": [_RELATION]}},
        look=lambda found: (found[0].version, found[0].applied_version),
        sees=(3, None),
    ),
    Case(
        call=lambda c: c.firewall_rulesets.servers(RULESET),
        sends=f"GET /server/firewall_ruleset_relationships/private/{RULESET}",
        answer={
            "servers": [
                {
                    "uuid": SERVER,
                    "title": "a",
                    "firewall": "on",
                    "firewall_private": "off",
                    "firewall_private_default_incoming_action": "drop",
                    "firewall_private_default_outgoing_action": "accept",
                    "attached_rulesets": [{**_RELATION, "created_at": 1795510800, "applied_version": 2}],
                }
            ]
        },
        look=lambda found: (found[0].firewall_private, found[0].attached_rulesets[0].applied_version),
        sees=(False, 2),
    ),
    Case(
        call=lambda c: c.firewall_rulesets.members(RULESET),
        sends=f"GET {PATH}/servers",
        answer=[{"key": "a", "value": "b"}],
        look=lambda found: found[0].key,
        sees="a",
    ),
    Case(
        call=lambda c: c.firewall_rulesets.labels(RULESET),
        sends=f"GET {PATH}/labels",
        answer=[{"key": "env", "value": "test"}],
        sees={"env": "test"},
    ),
    Case(
        call=lambda c: c.firewall_rulesets.label(RULESET, "env"),
        sends=f"GET {PATH}/labels/env",
        answer={"key": "env", "value": "test"},
        sees="test",
    ),
    Case(
        call=lambda c: c.firewall_rulesets.add_label(RULESET, "env", "test"),
        sends=f"POST {PATH}/labels",
        body={"key": "env", "value": "test"},
        status=201,
        answer={"key": "env", "value": "test"},
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rulesets.modify_label(RULESET, "env", "prod", new_key="stage"),
        sends=f"PATCH {PATH}/labels/env",
        body={"key": "stage", "value": "prod"},
        answer={"key": "stage", "value": "prod"},
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_rulesets.remove_label(RULESET, "env"),
        sends=f"DELETE {PATH}/labels/env",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.list(RULESET),
        sends=f"GET {PATH}/rule?limit=100&offset=0",
        answer={"rules": [_RULE]},
        look=lambda rules: (rules[0].family, rules[0].destination_port_start),
        sees=(None, 80),
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.get(RULESET, RULE),
        sends=f"GET {PATH}/rule/{RULE}",
        answer=_RULE,
        look=lambda rule: rule.action,
        sees="accept",
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.create(RULESET, _SPEC),
        sends=f"POST {PATH}/rule",
        body=_SENT,
        status=201,
        answer=_RULE,
        look=lambda rule: rule.uuid,
        sees=RULE,
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.replace(RULESET, [_SPEC]),
        sends=f"PUT {PATH}/rule",
        body={"rules": [_SENT]},
        answer={"rules": [_RULE]},
        look=lambda rules: [rule.position for rule in rules],
        sees=[1],
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.modify(RULESET, RULE, FirewallRulesetRuleChanges(enabled=False)),
        sends=f"PATCH {PATH}/rule/{RULE}",
        body={"enabled": False},
        answer={**_RULE, "enabled": False},
        look=lambda rule: rule.enabled,
        sees=False,
    ),
    Case(
        call=lambda c: c.firewall_ruleset_rules.delete(RULESET, RULE),
        sends=f"DELETE {PATH}/rule/{RULE}",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.server_firewall_rules.list(SERVER),
        sends=f"GET {OWN}?limit=100&offset=0",
        answer={"firewall_rules": {"firewall_rule": [_OLD_RULE]}},
        look=lambda rules: (rules[0].position, rules[0].icmp_type),
        sees=(1, None),
    ),
    Case(
        call=lambda c: c.server_firewall_rules.list(SERVER),
        sends=f"GET {OWN}?limit=100&offset=0",
        answer={"firewall_rules": {"firewall_rule": None}},
        sees=(),
    ),
    Case(
        call=lambda c: c.server_firewall_rules.get(SERVER, 1),
        sends=f"GET {OWN}/1",
        answer={"firewall_rule": _OLD_RULE},
        look=lambda rule: rule.action,
        sees="drop",
    ),
    Case(
        call=lambda c: c.server_firewall_rules.create(SERVER, _OLD_SPEC),
        sends=f"POST {OWN}",
        body={"firewall_rule": _OLD_SENT},
        status=201,
        answer={"firewall_rule": _OLD_RULE},
        look=lambda rule: rule.position,
        sees=1,
    ),
    Case(
        call=lambda c: c.server_firewall_rules.replace(SERVER, [_OLD_SPEC]),
        sends=f"PUT {OWN}",
        body={"firewall_rules": {"firewall_rule": [_OLD_SENT]}},
        answer={"firewall_rules": {"firewall_rule": [_OLD_RULE]}},
        look=lambda rules: [rule.position for rule in rules],
        sees=[1],
    ),
    Case(
        call=lambda c: c.server_firewall_rules.delete(SERVER, 1),
        sends=f"DELETE {OWN}/1",
        status=204,
        sees=None,
    ),
]
