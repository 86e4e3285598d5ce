"""Firewall rulesets on private interfaces of servers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.firewalls import RulesetAttachment
from upcloud_sdk.simulator.rules.rulesets import find_ruleset
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, text
from upcloud_sdk.simulator.wire.formats import iso

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()


def _relation(cloud: Cloud, attachment: RulesetAttachment) -> Document:
    """The current version is always applied already."""
    version = cloud.rulesets[attachment.ruleset].version
    return {
        "applied_version": version,
        "created_at": int(attachment.created),
        "firewall_ruleset_uuid": attachment.ruleset,
        "last_applied_at": int(attachment.created),
        "server_uuid": attachment.server,
        "type": "private",
        "updated_at": None,
        "version": version,
    }


def _of_server(cloud: Cloud, server: Server) -> list[RulesetAttachment]:
    return [each for each in cloud.ruleset_attachments if each.server == server.uuid]


@routes.get("/server/{uuid}/firewall_ruleset_relationships/private")
def list_relations(cloud: Cloud, call: Call) -> Answer:
    """By the contract, times are text here, and numbers elsewhere."""
    server = cloud.server(call.args["uuid"])
    documents = [
        _relation(cloud, each) | {"created_at": iso(each.created), "last_applied_at": iso(each.created)}
        for each in _of_server(cloud, server)
    ]
    return Answer(200, {"firewall_ruleset_relationships": {"private": documents}}, PLAIN_JSON)


@routes.get("/server/firewall_ruleset_relationships/private/{ruleset}")
def list_related_servers(cloud: Cloud, call: Call) -> Answer:
    ruleset = find_ruleset(cloud, call.args["ruleset"])
    servers = [cloud.servers[each.server] for each in cloud.ruleset_attachments if each.ruleset == ruleset.uuid]
    documents = [
        {
            "attached_rulesets": [_relation(cloud, each) for each in _of_server(cloud, server)],
            "firewall": server.firewall,
            "firewall_private": "on",
            "firewall_private_default_incoming_action": "drop",
            "firewall_private_default_outgoing_action": "accept",
            "title": server.title,
            "uuid": server.uuid,
        }
        for server in servers
    ]
    return Answer(200, {"servers": documents}, PLAIN_JSON)


def _read(cloud: Cloud, call: Call) -> tuple[Server, str]:
    server = cloud.server(call.args["uuid"])
    with fields(call, "firewall_ruleset") as f:
        ruleset = find_ruleset(cloud, f.need("firewall_ruleset_uuid", text(1), code="FIREWALL_RULESET"))
    return server, ruleset.uuid


def _answer(server: Server, ruleset: str) -> Answer:
    document = {"firewall_ruleset_uuid": ruleset, "server_uuid": server.uuid, "type": "private"}
    return Answer(200, document, PLAIN_JSON)


@routes.post("/server/{uuid}/attach_firewall_ruleset/private")
def attach_ruleset(cloud: Cloud, call: Call) -> Answer:
    server, ruleset = _read(cloud, call)
    if any(each.ruleset == ruleset for each in _of_server(cloud, server)):
        raise ApiFault(409, "FIREWALL_RULESET_ATTACHED", "The ruleset is attached to the server already.")
    cloud.ruleset_attachments.append(RulesetAttachment(ruleset, server.uuid, cloud.clock.now()))
    return _answer(server, ruleset)


@routes.post("/server/{uuid}/detach_firewall_ruleset/private")
def detach_ruleset(cloud: Cloud, call: Call) -> Answer:
    server, ruleset = _read(cloud, call)
    held = next((each for each in _of_server(cloud, server) if each.ruleset == ruleset), None)
    if held is None:
        raise ApiFault(404, "FIREWALL_RULESET_NOT_FOUND", "The ruleset is not attached to the server.")
    cloud.ruleset_attachments.remove(held)
    return _answer(server, ruleset)
