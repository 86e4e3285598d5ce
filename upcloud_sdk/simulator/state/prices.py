"""Computes plausible prices for all zones and plans (chapter 6).

The prices of general purpose plans, storages and addresses were recorded in 2020. The others are in proportion. They
are for testing code that reads prices, not for planning a budget.
"""

from __future__ import annotations

import re
from decimal import ROUND_FLOOR, Decimal
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.catalog import Catalog
    from upcloud_sdk.simulator.wire.calls import Document


HOURS_A_MONTH = 672
"""Maximum of billed hours per month: 28 days."""


_ITEMS = {
    "firewall": (1, "0.56"), "io_request_backup": (1_000_000, "0"), "io_request_hdd": (1_000_000, "0"),
    "io_request_maxiops": (1_000_000, "0"), "ipv4_address": (1, "0.336"), "ipv6_address": (1, "0"),
    "network_private_vlan": (1, "0.694"), "public_ipv4_bandwidth_in": (1, "0"), "public_ipv4_bandwidth_out": (1, "1"),
    "public_ipv6_bandwidth_in": (1, "0"), "public_ipv6_bandwidth_out": (1, "1"), "server_core": (1, "1.12"),
    "server_memory": (256, "0.14"), "simple_backup_extra_dailies": (1, "0.0069"),
    "simple_backup_extra_monthlies": (1, "0.0208"), "simple_backup_extra_weeklies": (1, "0.0138"),
    "storage_backup": (1, "0.0078"), "storage_hdd": (1, "0.0078"), "storage_maxiops": (1, "0.031"),
    "storage_standard": (1, "0.0125"), "storage_template": (1, "0.031"),
}  # fmt: skip
"""Amounts, and cents per hour for them."""


DEARER = {"fi-hel1": Decimal("1.5"), "fi-hel2": Decimal("1.5"), "sg-sin1": Decimal("1.2"), "au-syd1": Decimal("1.2")}


_SAME_EVERYWHERE = ("firewall", "io_", "ipv", "network_", "public_", "storage_maxiops", "storage_template")


_BACKUPS = {"dailies": Decimal("0.2"), "weeklies": Decimal("0.4"), "monthlies": Decimal("0.6")}


_FAMILIES = {
    "": (0, 5, 0), "DEV": (1, 2, 0), "STARTER": (1, 2, 0), "PREMIUM": (1, 5, 0), "HICPU": (8, 2, 0),
    "HIMEM": (2, 4, 0), "CLOUDNATIVE": (4, 1, 0), "GPU": (4, 1, 600), "GPU-SPOT": (2, 1, 300),
}  # fmt: skip
"""Price per month in the currency's main unit: per core, per GB of memory, per GPU."""


_PLAN_ITEM = re.compile(r"server_plan_(?P<plan>.+)|simple_backup_(?P<kind>dailies|weeklies|monthlies)_(?P<saved>.+)")


_RETIRED: dict[str, tuple[int, int]] = {"20xCPU-96GB": (20, 98_304), "20xCPU-128GB": (20, 131_072)}
"""Plans that are only in the price list, not in the catalogue: cores, MiB of memory."""


_DIGITS = Decimal("0.0001")


def _size(catalog: Catalog, name: str) -> tuple[int, int, int] | None:
    """Cores, MiB of memory and GPUs of a plan. None if it does not exist."""
    plan = catalog.plans.get(name)
    if plan is not None:
        return plan["core_number"], plan["memory_amount"], plan.get("gpu_amount", 0)
    return (*_RETIRED[name], 0) if name in _RETIRED else None


@cache
def _plan_price(name: str, size: tuple[int, int, int], factor: Decimal) -> Decimal:
    """Price of a plan in cents per hour."""
    family = name.partition("xCPU")[0].rpartition("-")[0]
    core, gigabyte, gpu = _FAMILIES.get(family, _FAMILIES[""])
    monthly = Decimal(core * size[0] + gpu * size[2]) + gigabyte * Decimal(size[1]) / 1024
    return (monthly * 100 / HOURS_A_MONTH * factor).quantize(_DIGITS, ROUND_FLOOR)


def price_of(catalog: Catalog, zone: str, item: str) -> tuple[int, Decimal]:
    """The item's amount, and cents per hour for it. Items without a price cost nothing."""
    dearer = DEARER.get(zone, Decimal(1))
    if item in _ITEMS:
        amount, cents = _ITEMS[item]
        factor = Decimal(1) if item.startswith(_SAME_EVERYWHERE) else dearer
        return amount, (Decimal(cents) * factor).quantize(_DIGITS, ROUND_FLOOR)
    match = _PLAN_ITEM.fullmatch(item)
    name = (match["plan"] or match["saved"]) if match else ""
    size = _size(catalog, name)
    if match is None or size is None:
        return 1, Decimal(0)
    return 1, _plan_price(name, size, dearer * (_BACKUPS[match["kind"]] if match["kind"] else 1))


def _number(price: Decimal) -> float:
    """A JSON number: an integer if possible."""
    return int(price) if price == int(price) else float(price)


def items_of(catalog: Catalog, zone: str) -> Document:
    names = [*_ITEMS]
    for plan in (*catalog.plans, *_RETIRED):
        names += [f"server_plan_{plan}", *(f"simple_backup_{kind}_{plan}" for kind in _BACKUPS)]
    prices = {name: price_of(catalog, zone, name) for name in sorted(names)}
    return {name: {"amount": amount, "price": _number(price)} for name, (amount, price) in prices.items()}
