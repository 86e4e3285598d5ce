"""Firewall rulesets, their labels and versions: a newer service, with plain documents and problem documents."""

from __future__ import annotations

import copy
import re
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.firewalls import Ruleset
from upcloud_sdk.simulator.rules.rulesets import find_ruleset, flag, new_version
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, text
from upcloud_sdk.simulator.wire.formats import iso, label_list
from upcloud_sdk.simulator.wire.paging import RULESETS, page, sorted_as_asked, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_KEYS: dict[str, Callable[[Ruleset], str | float]] = {
    "name": lambda ruleset: ruleset.name,
    "created_at": lambda ruleset: ruleset.created,
    "updated_at": lambda ruleset: ruleset.updated,
}
"""Sort keys of rulesets."""


def _name(value: object) -> str:
    name = text(1, 64)(value)
    if not _NAME.fullmatch(name):
        raise ValueError("A name of letters, digits, _ and - was expected.")
    return name


def _document(cloud: Cloud, ruleset: Ruleset) -> Document:
    document: Document = {
        "uuid": ruleset.uuid,
        "name": ruleset.name,
        "description": ruleset.description,
        "stateful": ruleset.stateful,
        "version": ruleset.version,
        "enabled": ruleset.enabled,
        "default_dns_rules_enabled": ruleset.default_dns_rules_enabled,
        "labels": label_list(ruleset.labels),
        "created_at": iso(ruleset.created),
        "updated_at": iso(ruleset.updated),
    }
    server = next((each.server for each in cloud.ruleset_attachments if each.ruleset == ruleset.uuid), None)
    return document if server is None else document | {"server_uuid": server}


def _answer(cloud: Cloud, ruleset: Ruleset, status: int = 200) -> Answer:
    return Answer(status, _document(cloud, ruleset), PLAIN_JSON)


@routes.get("/firewall-ruleset")
def list_rulesets(cloud: Cloud, call: Call) -> Answer:
    """Newest first, unless `sort` is given."""
    found = sorted(cloud.rulesets.values(), key=lambda each: each.created, reverse=True)
    shown = page(call, sorted_as_asked(call, found, _KEYS), RULESETS)
    headers = total(found, told=cloud.total_count)
    return Answer(200, [_document(cloud, each) for each in shown], PLAIN_JSON, headers)


@routes.post("/firewall-ruleset")
def create_ruleset(cloud: Cloud, call: Call) -> Answer:
    now = cloud.clock.now()
    with fields(call, None) as f:
        ruleset = Ruleset(cloud.new_uuid("ruleset"), f.need("name", _name), now, now)
        ruleset.description = f.get("description", text(0, 250), "")
        ruleset.stateful = f.get("stateful", flag, True)
        ruleset.enabled = f.get("enabled", flag, True)
        ruleset.default_dns_rules_enabled = f.get("default_dns_rules_enabled", flag, True)
        ruleset.labels = labels.read_bare(f) or {}
    cloud.rulesets[ruleset.uuid] = ruleset
    return _answer(cloud, ruleset, 201)


@routes.get("/firewall-ruleset/{uuid}")
def get_ruleset(cloud: Cloud, call: Call) -> Answer:
    return _answer(cloud, find_ruleset(cloud, call.args["uuid"]))


@routes.patch("/firewall-ruleset/{uuid}")
def modify_ruleset(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    with fields(call, None) as f:
        name = f.get("name", _name, ruleset.name)
        description = f.get("description", text(0, 250), ruleset.description)
        enabled = f.get("enabled", flag, ruleset.enabled)
        dns = f.get("default_dns_rules_enabled", flag, ruleset.default_dns_rules_enabled)
        wanted = labels.read_bare(f)
    ruleset.name, ruleset.description, ruleset.enabled = name, description, enabled
    ruleset.default_dns_rules_enabled = dns
    ruleset.labels = ruleset.labels if wanted is None else wanted
    ruleset.updated = cloud.clock.now()
    return _answer(cloud, ruleset)


@routes.delete("/firewall-ruleset/{uuid}")
def delete_ruleset(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    if any(each.ruleset == ruleset.uuid for each in cloud.ruleset_attachments):
        raise ApiFault(409, "FIREWALL_RULESET_ATTACHED", "The ruleset is attached to a server.")
    del cloud.rulesets[ruleset.uuid]
    return Answer(204)


@routes.patch("/firewall-ruleset/{uuid}/restore/{version}")
def restore_version(cloud: Cloud, call: Call) -> Answer:
    """Restore the rules of an older version as a new version."""
    ruleset, given = find_ruleset(cloud, call.args["uuid"]), call.args["version"]
    versions = [*ruleset.versions, ruleset.rules]
    if not given.isascii() or not given.isdigit() or not 1 <= int(given) <= len(versions):
        raise ApiFault(404, "FIREWALL_RULESET_NOT_FOUND", f"The ruleset has no version {given}.")
    rules = copy.deepcopy(versions[int(given) - 1])
    new_version(cloud, ruleset)
    ruleset.rules = rules
    return _answer(cloud, ruleset)


@routes.get("/firewall-ruleset/{uuid}/servers")
def list_servers(cloud: Cloud, call: Call) -> Answer:
    """By the contract, this is a list of labels. The simulator sends one label per server."""
    ruleset = find_ruleset(cloud, call.args["uuid"])
    servers = [cloud.servers[each.server] for each in cloud.ruleset_attachments if each.ruleset == ruleset.uuid]
    return Answer(200, [{"key": server.uuid, "value": server.title} for server in servers], PLAIN_JSON)


# Labels


@routes.get("/firewall-ruleset/{uuid}/labels")
def list_labels(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, label_list(find_ruleset(cloud, call.args["uuid"]).labels), PLAIN_JSON)


@routes.post("/firewall-ruleset/{uuid}/labels")
def add_label(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    with fields(call, None) as f:
        key, value = labels.read_pair(f.need("key", text()), f.need("value", text()))
    if key in ruleset.labels:
        raise ApiFault(409, "LABEL_EXISTS", f"The ruleset has a label {key}.")
    ruleset.labels[key] = value
    return Answer(201, {"key": key, "value": value}, PLAIN_JSON)


def _label(ruleset: Ruleset, key: str) -> str:
    if key not in ruleset.labels:
        raise ApiFault(404, "LABEL_NOT_FOUND", f"The ruleset has no label {key}.")
    return ruleset.labels[key]


@routes.get("/firewall-ruleset/{uuid}/labels/{key}")
def get_label(cloud: Cloud, call: Call) -> Answer:
    key = call.args["key"]
    return Answer(200, {"key": key, "value": _label(find_ruleset(cloud, call.args["uuid"]), key)}, PLAIN_JSON)


@routes.patch("/firewall-ruleset/{uuid}/labels/{key}")
def modify_label(cloud: Cloud, call: Call) -> Answer:
    ruleset, old = find_ruleset(cloud, call.args["uuid"]), call.args["key"]
    current = _label(ruleset, old)
    with fields(call, None) as f:
        key, value = labels.read_pair(f.get("key", text(), old), f.get("value", text(), current))
    if key != old and key in ruleset.labels:
        raise ApiFault(409, "LABEL_EXISTS", f"The ruleset has a label {key}.")
    renamed = [(key, value) if name == old else (name, held) for name, held in ruleset.labels.items()]
    ruleset.labels = dict(renamed)
    return Answer(200, {"key": key, "value": value}, PLAIN_JSON)


@routes.delete("/firewall-ruleset/{uuid}/labels/{key}")
def delete_label(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["uuid"])
    _label(ruleset, call.args["key"])
    del ruleset.labels[call.args["key"]]
    return Answer(204)
