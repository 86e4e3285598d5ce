"""Tags of servers (chapter 14). Only for the main account."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.account import Tag
from upcloud_sdk.simulator.rules.servers import details
from upcloud_sdk.simulator.state.identity import require_main
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, mapping, text, texts

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.records import Server
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_NAME = re.compile(r"[A-Za-z0-9_]{1,32}")
_DESCRIPTION = text(0, 255)


def _name(value: object) -> str:
    name = text()(value)
    if not _NAME.fullmatch(name):
        raise ValueError("1 to 32 letters, digits and underscores were expected.")
    return name


def _find(cloud: Cloud, name: str) -> Tag:
    """Find a tag by name, ignoring case."""
    if not _NAME.fullmatch(name):
        raise ApiFault(400, "TAG_INVALID", f"The tag name {name} is invalid.")
    tag = cloud.tags.get(name.lower())
    if tag is None:
        raise ApiFault(404, "TAG_NOT_FOUND", f"The tag {name} does not exist.")
    return tag


def _document(cloud: Cloud, tag: Tag) -> Document:
    carriers = [server.uuid for server in cloud.servers.values() if tag.name in server.tags]
    return {"description": tag.description, "name": tag.name, "servers": {"server": carriers}}


def _read_servers(cloud: Cloud, f: Fields) -> list[Server] | None:
    wrapped = f.get("servers", mapping, None)
    if wrapped is None:
        return None
    with Fields(wrapped, where="servers") as inner:
        uuids = inner.get("server", texts, list[str](), code="SERVER")
    return [cloud.server(uuid) for uuid in uuids]


def _set_servers(cloud: Cloud, tag: Tag, servers: list[Server]) -> None:
    """Set the tag on exactly these servers."""
    for server in cloud.servers.values():
        if tag.name in server.tags and server not in servers:
            server.tags.remove(tag.name)
    for server in servers:
        if tag.name not in server.tags:
            server.tags.append(tag.name)


@routes.get("/tag")
def list_tags(cloud: Cloud, _call: Call) -> Answer:
    found = list(cloud.tags.values())
    return Answer(200, {"tags": {"tag": [_document(cloud, each) for each in found]}})


@routes.get("/tag/{name}")
def get_tag(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, {"tag": _document(cloud, _find(cloud, call.args["name"]))})


@routes.post("/tag")
def create_tag(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    with fields(call, "tag") as f:
        tag = Tag(f.need("name", _name, code="TAG"), f.get("description", _DESCRIPTION, ""))
        servers = _read_servers(cloud, f)
    if tag.name.lower() in cloud.tags:
        raise ApiFault(409, "TAG_EXISTS", f"The tag {tag.name} already exists.")
    cloud.check_limit("tags", len(cloud.tags), "TAG_LIMIT_REACHED")
    cloud.tags[tag.name.lower()] = tag
    _set_servers(cloud, tag, servers or [])
    return Answer(200, {"tag": _document(cloud, tag)})


@routes.put("/tag/{name}")
def modify_tag(cloud: Cloud, call: Call) -> Answer:
    """Change name, description and servers."""
    require_main(cloud, call)
    tag = _find(cloud, call.args["name"])
    with fields(call, "tag") as f:
        name = f.get("name", _name, tag.name, code="TAG")
        description = f.get("description", _DESCRIPTION, tag.description)
        servers = _read_servers(cloud, f)
    if cloud.tags.get(name.lower(), tag) is not tag:
        raise ApiFault(409, "TAG_EXISTS", f"The tag {name} already exists.")
    for server in cloud.servers.values():
        server.tags = [name if each == tag.name else each for each in server.tags]
    del cloud.tags[tag.name.lower()]
    tag.name, tag.description = name, description
    cloud.tags[name.lower()] = tag
    if servers is not None:
        _set_servers(cloud, tag, servers)
    return Answer(200, {"tag": _document(cloud, tag)})


@routes.delete("/tag/{name}")
def delete_tag(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    tag = _find(cloud, call.args["name"])
    _set_servers(cloud, tag, [])
    del cloud.tags[tag.name.lower()]
    return Answer(204)


def _named(cloud: Cloud, call: Call) -> list[str]:
    """The names of the tags in the path, `a,b`."""
    return [_find(cloud, name).name for name in call.args["tags"].split(",")]


@routes.post("/server/{uuid}/tag/{tags}")
def tag_server(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    server = cloud.server(call.args["uuid"])
    for name in _named(cloud, call):
        if name not in server.tags:
            server.tags.append(name)
    return details(cloud, server)


@routes.post("/server/{uuid}/untag/{tags}")
def untag_server(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    server = cloud.server(call.args["uuid"])
    names = _named(cloud, call)
    server.tags = [each for each in server.tags if each not in names]
    return details(cloud, server)
