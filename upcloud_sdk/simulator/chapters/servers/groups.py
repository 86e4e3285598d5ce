"""Server groups and their anti-affinity (chapter 8)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.records import ServerGroup
from upcloud_sdk.simulator.wire import labels
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, mapping, one_of, text, texts
from upcloud_sdk.simulator.wire.formats import label_list

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_POLICY = one_of("strict", "yes", "no")
_TITLE = text(1, 255)


def members_of(cloud: Cloud, group: ServerGroup) -> list[Server]:
    return [server for server in cloud.servers.values() if server.server_group == group.uuid]


def _document(cloud: Cloud, group: ServerGroup) -> Document:
    members = members_of(cloud, group)
    hosts = Counter(member.host for member in members if member.host is not None)
    status = [{"status": "met" if hosts[member.host or 0] <= 1 else "unmet", "uuid": member.uuid} for member in members]
    return {
        "anti_affinity": group.anti_affinity,
        "anti_affinity_status": status,
        "labels": {"label": label_list(group.labels)},
        "servers": {"server": [member.uuid for member in members]},
        "title": group.title,
        "uuid": group.uuid,
    }


def _answer(cloud: Cloud, group: ServerGroup) -> Answer:
    return Answer(200, {"server_group": _document(cloud, group)})


def _find(cloud: Cloud, call: Call) -> ServerGroup:
    return cloud.find(cloud.server_groups, call.args["uuid"], "group")


def _read_members(cloud: Cloud, f: Fields, group: str) -> list[Server] | None:
    """The servers of a request. A server can be in only one group."""
    wrapped = f.get("servers", mapping, None)
    if wrapped is None:
        return None
    with Fields(wrapped, where="servers") as inner:
        uuids = inner.get("server", texts, list[str](), code="SERVER")
    servers = [cloud.server(uuid) for uuid in uuids]
    for server in servers:
        _check_free(server, group)
    return servers


def _check_free(server: Server, group: str) -> None:
    if server.server_group not in {None, group}:
        raise ApiFault(409, "ALREADY_IN_SERVER_GROUP", f"The server {server.uuid} is in a server group already.")


def _set_members(cloud: Cloud, group: ServerGroup, servers: list[Server]) -> None:
    """Make exactly these servers the group's members."""
    for member in members_of(cloud, group):
        member.server_group = None
    for server in servers:
        server.server_group = group.uuid


@routes.get("/server-group")
def list_groups(cloud: Cloud, call: Call) -> Answer:
    filters = labels.wanted(call)
    found = [each for each in cloud.server_groups.values() if labels.match(each.labels, filters)]
    documents = [_document(cloud, each) for each in found]
    return Answer(200, {"server_groups": {"server_group": documents}})


@routes.get("/server-group/{uuid}")
def get_group(cloud: Cloud, call: Call) -> Answer:
    return _answer(cloud, _find(cloud, call))


@routes.post("/server-group")
def create_group(cloud: Cloud, call: Call) -> Answer:
    group = ServerGroup(cloud.new_uuid("group"), "")
    with fields(call, "server_group") as f:
        group.title = f.need("title", _TITLE)
        group.anti_affinity = f.get("anti_affinity", _POLICY, "no")
        group.labels = labels.read_wrapped(f) or {}
        servers = _read_members(cloud, f, group.uuid)
    cloud.check_limit("server_groups", len(cloud.server_groups), "SERVER_GROUP_LIMIT_REACHED")
    cloud.server_groups[group.uuid] = group
    _set_members(cloud, group, servers or [])
    return _answer(cloud, group)


@routes.patch("/server-group/{uuid}")
def modify_group(cloud: Cloud, call: Call) -> Answer:
    group = _find(cloud, call)
    with fields(call, "server_group") as f:
        title = f.get("title", _TITLE, group.title)
        policy = f.get("anti_affinity", _POLICY, group.anti_affinity)
        wanted = labels.read_wrapped(f)
        servers = _read_members(cloud, f, group.uuid)
    group.title, group.anti_affinity = title, policy
    group.labels = group.labels if wanted is None else wanted
    if servers is not None:
        _set_members(cloud, group, servers)
    return _answer(cloud, group)


@routes.delete("/server-group/{uuid}")
def delete_group(cloud: Cloud, call: Call) -> Answer:
    """Delete a group. Its members are kept."""
    group = _find(cloud, call)
    _set_members(cloud, group, [])
    del cloud.server_groups[group.uuid]
    return Answer(204)


@routes.get("/server-group/{uuid}/servers")
def list_members(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"servers": [member.uuid for member in members_of(cloud, _find(cloud, call))]})


@routes.post("/server-group/{uuid}/servers")
def add_member(cloud: Cloud, call: Call) -> Answer:
    group = _find(cloud, call)
    with fields(call, "server") as f:
        server = cloud.server(f.need("uuid", text(1), code="SERVER"))
    _check_free(server, group.uuid)
    server.server_group = group.uuid
    return Answer(204)


@routes.delete("/server-group/{uuid}/servers/{server}")
def remove_member(cloud: Cloud, call: Call) -> Answer:
    group, server = _find(cloud, call), cloud.server(call.args["server"])
    if server.server_group != group.uuid:
        raise ApiFault(404, "SERVER_NOT_FOUND", f"The server {server.uuid} is not in the group.")
    server.server_group = None
    return Answer(204)
