"""Answers that serve many servers: templates, groups and prices are asked for once, not once a server."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from upcloud_sdk.errors import UpCloudError
from upcloud_sdk.models.ownership import OWNER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable
    from decimal import Decimal

    from upcloud_sdk import ServerSpec, UpCloud
    from upcloud_sdk.buildbot.order import Order
    from upcloud_sdk.models import StorageSummary

V = TypeVar("V")

_TEMPLATES_FOR = 30.0
_GROUPS_FOR = 3600.0
_PRICES_FOR = 3600.0
_PRICE_WITHIN = 5.0


class Memo(Generic[V]):
    """What questions were answered within the last `seconds`. Whoever asks meanwhile waits for the answer under way."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._known: dict[Hashable, tuple[float, V]] = {}
        self._asking = anyio.Lock()

    async def get(self, key: Hashable, ask: Callable[[], Awaitable[V]]) -> V:
        """The answer to `key`; `ask` is called if none is known. A failure is not kept."""
        async with self._asking:
            until, answer = self._known.get(key, (0.0, None))
            if answer is not None and time.monotonic() < until:
                return answer
            answer = await ask()
            self._known[key] = (time.monotonic() + self._seconds, answer)
            return answer


class Catalogue:
    """Templates, groups and prices of an account, for the workers that use its client."""

    def __init__(self, cloud: UpCloud) -> None:
        self.cloud = cloud
        self._templates: Memo[StorageSummary] = Memo(_TEMPLATES_FOR)
        self._groups: Memo[str] = Memo(_GROUPS_FOR)
        self._prices: Memo[Decimal] = Memo(_PRICES_FOR)

    async def template(self, order: Order) -> StorageSummary:
        """The template that an order means; may be so many seconds old.

        Raises:
            NoMatch, Ambiguous: there is none, or there are several.
        """
        return await self._templates.get(order.image_key(), lambda: self.cloud.storages.find_template(order.template()))

    async def grouped(self, order: Order) -> Order:
        """The order with the uuid of its server group, which is made if there is none of its title."""
        spec = order.server_group
        if spec is None or isinstance(spec, str):
            return order

        async def find() -> str:
            groups = await self.cloud.server_groups.list(labels={OWNER: self.cloud.owner})
            found = next((group for group in groups if group.title == spec.title), None)
            return (found or await self.cloud.server_groups.create(spec)).uuid

        return replace(order, server_group=await self._groups.get(spec.title, find))

    def forget(self) -> None:
        """A template or a group is gone: ask again."""
        self._templates = Memo(_TEMPLATES_FOR)
        self._groups = Memo(_GROUPS_FOR)

    async def price(self, spec: ServerSpec) -> Decimal | None:
        """Credits an hour; None where that cannot be told quickly: no build waits for it."""

        async def ask() -> Decimal:
            return (await self.cloud.prices.estimate(spec)).hourly

        disks = tuple((disk.action, disk.storage, disk.size, disk.tier) for disk in spec.storage_devices)
        key = (spec.zone, spec.plan, spec.core_number, spec.memory_amount, spec.networking, spec.firewall, disks)
        with anyio.move_on_after(_PRICE_WITHIN):
            try:
                return await self._prices.get(key, ask)
            except UpCloudError:
                return None
        return None
