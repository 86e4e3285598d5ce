"""How many GPUs are left in a zone (chapter 6)."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud


GPUS_A_ZONE = 10
"""How many servers of each GPU plan a public zone has room for."""


def gpus_left(cloud: Cloud, zone: str, plan: str) -> int:
    """How many more servers of a GPU plan there is room for in a zone."""
    return left_of(cloud, taken(cloud), zone, plan)


def taken(cloud: Cloud) -> Counter[tuple[str, str]]:
    return Counter((server.zone, server.plan) for server in cloud.servers.values())


def left_of(cloud: Cloud, taken: Counter[tuple[str, str]], zone: str, plan: str) -> int:
    return 0 if cloud.is_sold_out(zone, plan) else max(0, GPUS_A_ZONE - taken[(zone, plan)])
