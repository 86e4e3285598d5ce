from __future__ import annotations

from typing import Any

from tests.sdk import documents
from tests.sdk.cases.case import DISK, OS, SERVER, Call, Case
from upcloud_sdk import LoginUser
from upcloud_sdk.models import ServerRebuildSpec

_KEY = "ssh-ed25519 AAAA me@example.com"
_FIGURES = [{"title": "CPU usage %", "average": "1.5", "current": "nan", "maximum": "90", "total": ""}]
_STATISTICS = {"stats": {"daily": {"summary": {"variable": _FIGURES}}}}
_CONSOLE = {
    "server": {
        "state": "started",
        "vnc_host": "fi-hel1.vnc.upcloud.com",
        "vnc_port": 3000,
        "vnc_password": "aabbccdd",
        "remote_access_type": "vnc",
        "remote_access_enabled": "yes",
        "remote_access_password": "aabbccdd",
    }
}
_NO_CONSOLE = {"server": {**_CONSOLE["server"], "vnc_port": ""}}


def _figures(statistics: Any) -> object:  # noqa: ANN401 - what a method returned
    (series,) = statistics.daily.summary
    return str(series.average), series.current, series.total, statistics.weekly


_SEEN = ("1.5", "nan", None, None)

STATISTICS: list[tuple[Call, str]] = [
    (lambda c: c.servers.cpu_statistics(SERVER), "cpu"),
    (lambda c: c.servers.cpu_statistics(SERVER, period="daily"), "cpu/daily"),
    (lambda c: c.servers.disk_statistics(SERVER), "disk/bytes"),
    (lambda c: c.servers.disk_statistics(SERVER, "requests", period="daily"), "disk/requests/daily"),
    (lambda c: c.servers.network_statistics(SERVER), "network/bytes"),
    (lambda c: c.servers.network_statistics(SERVER, "packets", network="public"), "network/packets/public"),
    (
        lambda c: c.servers.network_statistics(SERVER, network="utility", period="daily"),
        "network/bytes/utility/daily",
    ),
]

CASES = [
    Case(
        call=lambda c: c.servers.list(
            state="started", search="web", uuid=[SERVER], host=[1, 2], device="gpu", sort_by="title", order_by="desc"
        ),
        sends=f"GET /server?uuid={SERVER}&host=1&host=2&device=gpu&state=started&search=web&sort_by=title&order_by=desc"
        "&limit=1000&offset=0",
        answer=documents.servers({"title": "web"}),
        look=lambda servers: servers[0].title,
        sees="web",
    ),
    Case(
        call=lambda c: c.servers.list(state="stopped", tags=["a", "b"]),
        sends="GET /server?state=stopped&tag=a%2Cb&limit=1000&offset=0",
        answer=documents.servers(),
        sees=(),
    ),
    Case(
        call=lambda c: c.servers.rebuild(
            SERVER,
            ServerRebuildSpec(
                clone_source=OS, delete_detached_disk=True, storage_title="new", login_user=LoginUser(ssh_keys=[_KEY])
            ),
        ),
        sends=f"POST /server/{SERVER}/rebuild",
        body={
            "server_rebuild": {
                "clone_source": OS,
                "delete_detached_disk": "yes",
                "storage_title": "new",
                "login_user": {"username": "root", "ssh_keys": {"ssh_key": [_KEY]}, "create_password": "no"},
                "password_delivery": "none",
            }
        },
        status=202,
        answer=documents.server(state="maintenance"),
        look=lambda server: server.state,
        sees="maintenance",
    ),
    Case(call=lambda c: c.servers.cancel(SERVER), sends=f"POST /server/{SERVER}/cancel", status=204, sees=None),
    Case(
        call=lambda c: c.servers.events(SERVER),
        sends=f"GET /events/{SERVER}/0,10000",
        answer={"events": {"event": [{"server": SERVER, "time": "2026-11-24T09:00:00Z", "type": "server_start"}]}},
        look=lambda events: events[0].type,
        sees="server_start",
    ),
    Case(
        call=lambda c: c.servers.events(SERVER, count=5),
        sends=f"GET /events/{SERVER}/0,5",
        answer={"events": {"event": []}},
        sees=(),
    ),
    Case(
        call=lambda c: c.servers.gpus(SERVER),
        sends=f"GET /server/{SERVER}/gpus",
        answer={"gpus": [{"model": "NVIDIA L40S", "serial": None, "memory_gib": 48}]},
        look=lambda gpus: (gpus[0].model, gpus[0].memory_gib),
        sees=("NVIDIA L40S", 48),
    ),
    Case(
        call=lambda c: c.servers.remote_access(SERVER),
        sends=f"GET /server/{SERVER}/remote_access_details",
        answer=_CONSOLE,
        look=lambda console: (console.vnc_port, console.vnc_password.get_secret_value(), "aabbccdd" in repr(console)),
        sees=(3000, "aabbccdd", False),
    ),
    Case(
        call=lambda c: c.servers.vnc(SERVER),
        sends=f"GET /server/{SERVER}/vnc_details",
        answer=_NO_CONSOLE,
        look=lambda console: console.vnc_port,
        sees=None,
    ),
    Case(
        call=lambda c: c.servers.labels(),
        sends="GET /server/labels",
        answer=[{"key": "env", "value": "a"}, {"key": "env", "value": "b"}, {"key": "team", "value": ""}],
        sees={"env": ("a", "b"), "team": ("",)},
    ),
    *[
        Case(call=call, sends=f"GET /server/{SERVER}/stats/{path}", answer=_STATISTICS, look=_figures, sees=_SEEN)
        for call, path in STATISTICS
    ],
    Case(
        call=lambda c: c.storages.list("template", access="public", search="debian", sort_by="title", order_by="asc"),
        sends="GET /storage/template/public?search=debian&sort_by=title&order_by=asc&limit=100&offset=0",
        answer=documents.templates({"title": "Debian"}),
        look=lambda storages: storages[0].title,
        sees="Debian",
    ),
    Case(
        call=lambda c: c.storages.attach(DISK, SERVER, address="virtio:1", boot_disk=True),
        sends=f"POST /storage/{DISK}/attach",
        body={"storage_device": {"server": SERVER, "type": "disk", "address": "virtio:1", "boot_disk": "1"}},
        answer=documents.storage(title="data"),
        look=lambda storage: storage.title,
        sees="data",
    ),
    Case(
        call=lambda c: c.storages.detach(DISK),
        sends=f"POST /storage/{DISK}/detach",
        answer=documents.storage(title="data"),
        look=lambda storage: storage.title,
        sees="data",
    ),
]
