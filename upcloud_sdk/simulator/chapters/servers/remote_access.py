"""VNC consoles and GPUs of servers (chapter 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.rules.documents import remote_access
from upcloud_sdk.simulator.wire.calls import Answer, Call

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_GIB = {"NVIDIA L4": 24, "NVIDIA L40S": 48, "NVIDIA H100": 80, "NVIDIA B200": 180, "NVIDIA RTX PRO 6000": 96}


@routes.get("/server/{uuid}/remote_access_details")
@routes.get("/server/{uuid}/vnc_details")
def get_remote_access(cloud: Cloud, call: Call) -> Answer:
    """Host and port are empty while remote access is off."""
    server = cloud.server(call.args["uuid"])
    reached = remote_access(server)
    port = reached.get("remote_access_port", "")
    document = {
        "state": server.state,
        "vnc_host": reached.get("remote_access_host", ""),
        "vnc_port": int(str(port)) if port else "",
        "vnc_password": server.remote_access_password,
        "remote_access_enabled": server.remote_access_enabled,
        "remote_access_password": server.remote_access_password,
        "remote_access_type": server.remote_access_type,
    }
    return Answer(200, {"server": document})


@routes.get("/server/{uuid}/gpus")
def list_gpus(cloud: Cloud, call: Call) -> Answer:
    server = cloud.server(call.args["uuid"])
    plan = cloud.catalog.plans.get(server.plan)
    count, model = (plan.get("gpu_amount", 0), plan.get("gpu_model", "")) if plan is not None else (0, "")
    gpus = [
        {
            "cores": None,
            "firmware": None,
            "memory_gib": _GIB.get(model),
            "model": model,
            "part": None,
            "serial": f"{server.uuid[-12:]}-{number}",
        }
        for number in range(count)
    ]
    return Answer(200, {"gpus": gpus})
