from __future__ import annotations

from decimal import Decimal

from tests.sdk.cases.case import GROUP, SERVER, SERVER_2, Case
from upcloud_sdk.models import (
    AntiAffinity,
    HostChanges,
    ServerGroupChanges,
    ServerGroupSpec,
    TagChanges,
    TagSpec,
)

_GROUP = {
    "uuid": GROUP,
    "title": "web",
    "anti_affinity": "strict",
    "anti_affinity_status": [{"uuid": SERVER, "status": "met"}],
    "labels": {"label": [{"key": "env", "value": "test"}]},
    "servers": {"server": [SERVER]},
}
_TAG = {"name": "web", "description": "", "servers": {"server": [SERVER]}}
_HOST = {
    "id": 7653311107,
    "description": "mine",
    "zone": "fi-exa1",
    "windows_enabled": "no",
    "stats": {"stat": [{"name": "cpu_idle", "timestamp": "2026-11-24T09:00:00Z", "value": 95.2}]},
}

CASES = [
    Case(
        call=lambda c: c.zones.list(),
        sends="GET /zone",
        answer={"zones": {"zone": [{"id": "fi-hel1", "description": "Helsinki #1", "public": "yes"}]}},
        look=lambda zones: (zones[0].id, zones[0].public),
        sees=("fi-hel1", True),
    ),
    Case(
        call=lambda c: c.plans.list(),
        sends="GET /plan",
        answer={
            "plans": {
                "plan": [
                    {
                        "name": "CLOUDNATIVE-1xCPU-4GB",
                        "core_number": 1,
                        "memory_amount": 4096,
                        "storage_size": 0,
                        "storage_tier": None,
                        "public_traffic_out": 1024,
                    }
                ]
            }
        },
        look=lambda plans: (plans[0].memory_amount, plans[0].storage_tier),
        sees=(4096, None),
    ),
    Case(
        call=lambda c: c.server_sizes.list(),
        sends="GET /server_size",
        answer={"server_sizes": {"server_size": [{"core_number": "1", "memory_amount": "1024"}]}},
        look=lambda sizes: [(size.core_number, size.memory_amount) for size in sizes],
        sees=[(1, 1024)],
    ),
    Case(
        call=lambda c: c.timezones.list(),
        sends="GET /timezone",
        answer={"timezones": {"timezone": ["Europe/Helsinki", "UTC"]}},
        sees=("Europe/Helsinki", "UTC"),
    ),
    Case(
        call=lambda c: c.prices.list(),
        sends="GET /price",
        answer={"prices": {"zone": [{"name": "fi-hel1", "server_memory": {"amount": 256, "price": 0.14}}]}},
        look=lambda prices: (prices[0].name, prices[0].items["server_memory"].price),
        sees=("fi-hel1", Decimal("0.14")),
    ),
    Case(
        call=lambda c: c.devices.availability(),
        sends="GET /device/availability",
        answer={"fi-hel2": {"gpu_plans": {"GPU-8xCPU-64GB-1xL40S": {"amount": 123}}}},
        look=lambda zones: zones["fi-hel2"].gpu_plans["GPU-8xCPU-64GB-1xL40S"].amount,
        sees=123,
    ),
    Case(
        call=lambda c: c.tags.list(),
        sends="GET /tag",
        answer={"tags": {"tag": [_TAG]}},
        look=lambda tags: tags[0].servers,
        sees=(SERVER,),
    ),
    Case(
        call=lambda c: c.tags.get("web"),
        sends="GET /tag/web",
        answer={"tag": _TAG},
        look=lambda tag: tag.name,
        sees="web",
    ),
    Case(
        call=lambda c: c.tags.create(TagSpec(name="web", description="front ends", servers=[SERVER])),
        sends="POST /tag",
        body={"tag": {"name": "web", "description": "front ends", "servers": {"server": [SERVER]}}},
        answer={"tag": _TAG},
        look=lambda tag: tag.name,
        sees="web",
    ),
    Case(
        call=lambda c: c.tags.modify("web", TagChanges(name="front", servers=[])),
        sends="PUT /tag/web",
        body={"tag": {"name": "front", "servers": {"server": []}}},
        answer={"tag": {**_TAG, "name": "front", "servers": {"server": []}}},
        look=lambda tag: (tag.name, tag.servers),
        sees=("front", ()),
    ),
    Case(call=lambda c: c.tags.delete("web"), sends="DELETE /tag/web", status=204, sees=None),
    Case(
        call=lambda c: c.server_groups.list(labels={"env": "test", "team": None}),
        sends="GET /server-group?label=env%3Dtest&label=team",
        answer={"server_groups": {"server_group": [_GROUP]}},
        look=lambda groups: (groups[0].labels, groups[0].servers),
        sees=({"env": "test"}, (SERVER,)),
    ),
    Case(
        call=lambda c: c.server_groups.get(GROUP),
        sends=f"GET /server-group/{GROUP}",
        answer={"server_group": _GROUP},
        look=lambda group: (group.anti_affinity, group.anti_affinity_status[0].status),
        sees=(AntiAffinity.STRICT, "met"),
    ),
    Case(
        call=lambda c: c.server_groups.create(
            ServerGroupSpec(title="web", anti_affinity="strict", servers=[SERVER], labels={"env": "test"})
        ),
        sends="POST /server-group",
        body={
            "server_group": {
                "title": "web",
                "anti_affinity": "strict",
                "servers": {"server": [SERVER]},
                "labels": {"label": [{"key": "env", "value": "test"}]},
            }
        },
        owned=True,
        answer={"server_group": _GROUP},
        look=lambda group: group.uuid,
        sees=GROUP,
    ),
    Case(
        call=lambda c: c.server_groups.modify(GROUP, ServerGroupChanges(servers=[], anti_affinity="yes")),
        sends=f"PATCH /server-group/{GROUP}",
        body={"server_group": {"servers": {"server": []}, "anti_affinity": "yes"}},
        answer={"server_group": {**_GROUP, "servers": {"server": []}, "anti_affinity_status": []}},
        look=lambda group: group.servers,
        sees=(),
    ),
    Case(call=lambda c: c.server_groups.delete(GROUP), sends=f"DELETE /server-group/{GROUP}", status=204, sees=None),
    *[
        Case(
            call=lambda c: c.server_groups.add_server(GROUP, SERVER_2),
            sends=f"POST /server-group/{GROUP}/servers",
            body={"server": {"uuid": SERVER_2}},
            status=status,
            answer=answer,
            sees=None,
        )
        for status, answer in ((200, {"server_group": _GROUP}), (201, {}), (204, None))
    ],
    Case(
        call=lambda c: c.server_groups.remove_server(GROUP, SERVER),
        sends=f"DELETE /server-group/{GROUP}/servers/{SERVER}",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.hosts.list(),
        sends="GET /host",
        answer={"hosts": {"host": [_HOST]}},
        look=lambda hosts: (hosts[0].id, hosts[0].windows_enabled),
        sees=(7653311107, False),
    ),
    Case(
        call=lambda c: c.hosts.get(7653311107),
        sends="GET /host/7653311107",
        answer={"host": _HOST},
        look=lambda host: (host.stats[0].name, float(host.stats[0].value)),
        sees=("cpu_idle", 95.2),
    ),
    Case(
        call=lambda c: c.hosts.modify(7653311107, HostChanges(description="yours")),
        sends="PATCH /host/7653311107",
        body={"host": {"description": "yours"}},
        answer={"host": {**_HOST, "description": "yours", "stats": {"stat": []}}},
        look=lambda host: (host.description, host.stats),
        sees=("yours", ()),
    ),
]
