"""The account itself (chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.state import usage
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, Call, Document

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()


@routes.get("/account")
def get_account(cloud: Cloud, _call: Call) -> Answer:
    usage.charge(cloud)
    account = cloud.account
    document = {
        "credits": account.credits,
        "credits_breakdown": {
            "account_credits": {"debt_credits": 0, "max_debt": 0, "paid_credits": account.credits},
            "account_free_credits": {"breakdown": list[Document]()},
            "total_credits": account.credits,
        },
        "resource_limits": dict(account.resource_limits),
        "username": account.username,
    }
    return Answer(200, {"account": document})


@routes.get("/account/resource-usage")
def get_resource_usage(cloud: Cloud, _call: Call) -> Answer:
    """Used amount of each limited resource, by the name of the limit."""
    servers, addresses = cloud.servers.values(), cloud.ip_addresses.values()
    document = {
        "cores": sum(server.core_number for server in servers),
        "detached_floating_ips": sum(each.floating and each.server is None for each in addresses),
        "gpus": sum(_gpus(cloud, server.plan) for server in servers),
        "memory": sum(server.memory_amount for server in servers),
        "network_peerings": len(cloud.peerings),
        "networks": len(cloud.networks),
        "public_ipv4": sum((each.access, each.family) == ("public", "IPv4") for each in addresses),
        "public_ipv6": sum((each.access, each.family) == ("public", "IPv6") for each in addresses),
    }
    for tier in ("hdd", "maxiops", "standard"):
        document[f"storage_{tier}"] = sum(each.size for each in cloud.storages.values() if each.tier == tier)
    return Answer(200, document, content_type=PLAIN_JSON)


def _gpus(cloud: Cloud, plan: str) -> int:
    found = cloud.catalog.plans.get(plan)
    return 0 if found is None else found.get("gpu_amount", 0)
