"""The price list: plausible prices for all zones and plans, computed by rules (chapter 6).

The prices of general purpose plans, storages and addresses were recorded in 2020. The others are in proportion. They
are for testing code that reads prices, not for planning a budget.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.state.prices import (
    DEARER,
    items_of,
)
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()


@routes.get("/price")
def list_prices(cloud: Cloud, call: Call) -> Answer:
    wanted = call.param("zone")
    if wanted is not None and wanted not in cloud.catalog.zones:
        raise ApiFault(400, "PRICE_INVALID", f"There is no zone {wanted}.")
    levels: dict[Decimal, Document] = {}  # shared by zones with equal prices, since there are thousands of items
    documents: list[Document] = []
    for zone in cloud.catalog.zones if wanted is None else [wanted]:
        dearer = DEARER.get(zone, Decimal(1))
        if dearer not in levels:
            levels[dearer] = items_of(cloud.catalog, zone)
        documents.append({"name": zone, **levels[dearer]})
    return Answer(200, {"prices": {"currency": cloud.account.person.currency, "zone": documents}})
