from __future__ import annotations

from tests.sdk import documents
from tests.sdk.cases.case import CD, DISK, SERVER, Case
from upcloud_sdk import ServerChanges, ServerSpec, StorageDeviceSpec

_SPEC = ServerSpec(
    zone="fi-hel1",
    plan="1xCPU-1GB",
    hostname="a",
    title="a",
    storage_devices=[StorageDeviceSpec.attach(DISK)],
)
_DRIVE = {"type": "cdrom", "address": "ide:0:0", "storage": "", "storage_size": 0, "storage_title": ""}
_WITH_DRIVE = documents.server(storage_devices={"storage_device": [_DRIVE]})

CASES = [
    Case(
        call=lambda c: c.servers.list(labels={"env": "test"}),
        sends="GET /server?label=env%3Dtest&limit=1000&offset=0",
        answer=documents.servers({"title": "a"}),
        look=lambda servers: servers[0].title,
        sees="a",
    ),
    Case(
        call=lambda c: c.servers.list(tags=["web", "db"]),
        sends="GET /server/tag/web,db?limit=1000&offset=0",
        answer=documents.servers(),
        sees=(),
    ),
    Case(
        call=lambda c: c.servers.get(SERVER),
        sends=f"GET /server/{SERVER}",
        answer=documents.server(title="a"),
        look=lambda server: server.title,
        sees="a",
    ),
    Case(
        call=lambda c: c.servers.create(_SPEC),
        sends="POST /server",
        body={
            "server": {
                "zone": "fi-hel1",
                "plan": "1xCPU-1GB",
                "hostname": "a",
                "title": "a",
                "storage_devices": {"storage_device": [{"action": "attach", "storage": DISK}]},
                "password_delivery": "none",
                "metadata": "no",
                "firewall": "off",
                "labels": {"label": []},
            }
        },
        owned=True,
        status=202,
        answer=documents.server(state="maintenance"),
        look=lambda server: server.state,
        sees="maintenance",
    ),
    Case(
        call=lambda c: c.servers.modify(SERVER, ServerChanges(title="b", firewall=True)),
        sends=f"PUT /server/{SERVER}",
        body={"server": {"title": "b", "firewall": "on"}},
        status=202,
        answer=documents.server(title="b"),
        look=lambda server: server.title,
        sees="b",
    ),
    Case(
        call=lambda c: c.servers.delete(SERVER, storages=True, backups="keep_latest"),
        sends=f"DELETE /server/{SERVER}?storages=1&backups=keep_latest",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.servers.start(
            SERVER, host=7653311106, avoid_host=7653311107, start_type="async", reason="night"
        ),
        sends=f"POST /server/{SERVER}/start",
        body={
            "server": {
                "host": 7653311106,
                "avoid_host": 7653311107,
                "start_type": "async",
                "reason": "night",
            }
        },
        answer=documents.server(state="started"),
        look=lambda server: server.state,
        sees="started",
    ),
    Case(
        call=lambda c: c.servers.stop(SERVER, stop_type="hard", timeout=90, reason="night"),
        sends=f"POST /server/{SERVER}/stop",
        body={"stop_server": {"stop_type": "hard", "timeout": "90", "reason": "night"}},
        answer=documents.server(state="started"),
        look=lambda server: server.state,
        sees="started",
    ),
    Case(
        call=lambda c: c.servers.restart(SERVER),
        sends=f"POST /server/{SERVER}/restart",
        body={"restart_server": {"stop_type": "soft", "timeout": "60", "timeout_action": "ignore"}},
        answer=documents.server(state="started"),
        look=lambda server: server.state,
        sees="started",
    ),
    Case(
        call=lambda c: c.servers.restart(
            SERVER, stop_type="hard", timeout=0.2, timeout_action="destroy", host=7653311107, reason="night"
        ),
        sends=f"POST /server/{SERVER}/restart",
        body={
            "restart_server": {
                "stop_type": "hard",
                "timeout": "1",
                "timeout_action": "destroy",
                "host": 7653311107,
                "reason": "night",
            }
        },
        answer=documents.server(state="started"),
        look=lambda server: server.uuid,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.servers.relocate(SERVER, "fi-exa1"),
        sends=f"POST /server/{SERVER}/relocate",
        body={"zone": "fi-exa1"},
        answer=documents.server(zone="fi-exa1"),
        look=lambda server: server.zone,
        sees="fi-exa1",
    ),
    Case(
        call=lambda c: c.servers.tag(SERVER, "web", "db"),
        sends=f"POST /server/{SERVER}/tag/web,db",
        answer=documents.server(tags={"tag": ["web", "db"]}),
        look=lambda server: server.tags,
        sees=("web", "db"),
    ),
    Case(
        call=lambda c: c.servers.untag(SERVER, "web"),
        sends=f"POST /server/{SERVER}/untag/web",
        answer=documents.server(tags={"tag": []}),
        look=lambda server: server.tags,
        sees=(),
    ),
    Case(
        call=lambda c: c.servers.attach_storage(SERVER, DISK, address="virtio:1", boot_disk=True),
        sends=f"POST /server/{SERVER}/storage/attach",
        body={"storage_device": {"type": "disk", "storage": DISK, "address": "virtio:1", "boot_disk": "1"}},
        answer=documents.server(),
        look=lambda server: server.uuid,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.servers.attach_storage(SERVER, type="cdrom"),
        sends=f"POST /server/{SERVER}/storage/attach",
        body={"storage_device": {"type": "cdrom"}},
        answer=_WITH_DRIVE,
        look=lambda server: (server.storage_devices[0].type, server.storage_devices[0].storage),
        sees=("cdrom", ""),
    ),
    Case(
        call=lambda c: c.servers.detach_storage(SERVER, "scsi:0:0"),
        sends=f"POST /server/{SERVER}/storage/detach",
        body={"storage_device": {"address": "scsi:0:0"}},
        answer=documents.server(),
        look=lambda server: server.uuid,
        sees=SERVER,
    ),
    Case(
        call=lambda c: c.servers.load_cdrom(SERVER, CD),
        sends=f"POST /server/{SERVER}/cdrom/load",
        body={"storage_device": {"storage": CD}},
        answer=documents.server(storage_devices={"storage_device": [{**_DRIVE, "storage": CD}]}),
        look=lambda server: server.storage_devices[0].storage,
        sees=CD,
    ),
    Case(
        call=lambda c: c.servers.eject_cdrom(SERVER),
        sends=f"POST /server/{SERVER}/cdrom/eject",
        answer=_WITH_DRIVE,
        look=lambda server: server.storage_devices[0].storage,
        sees="",
    ),
]
