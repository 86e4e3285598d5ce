"""What an account offers for a request: its images, its server group, plans on sale and prices. Runs on the bridge."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING, NamedTuple

from upcloud_sdk.buildbot.arguments import DEFAULT_PLAN_HAS
from upcloud_sdk.errors import ApiError, UpCloudError
from upcloud_sdk.models import ServerGroupSpec

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from datetime import datetime

    from upcloud_sdk import Server, ServerSpec
    from upcloud_sdk.buildbot.account import Account
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.buildbot.request import ServerRequest
    from upcloud_sdk.ci import AccountCache
    from upcloud_sdk.models import StorageSummary

    MakeSpecs = Callable[[ServerRequest, StorageSummary, Guest], list[ServerSpec]]

_FRESH_FOR = 60.0
"""Seconds for which an answer of the bill may keep builds waiting."""


class Price(NamedTuple):
    """What the next server of a worker costs at most, and what its owner's servers have cost this month by the bill."""

    hourly: Decimal
    """In the main unit of the currency."""
    currency: str
    billed: Decimal
    others: Decimal = Decimal(0)
    """What the running servers of other masters of the same owner cost per hour."""
    asked: float = -math.inf
    """When the API was asked, by the monotonic clock."""

    def known(self) -> Price:
        """The same, but without amounts that are too old to keep builds waiting."""
        is_fresh = time.monotonic() - self.asked < _FRESH_FOR
        return self if is_fresh else self._replace(billed=Decimal(0), others=Decimal(0))


async def price_of(cache: AccountCache, specs: Sequence[ServerSpec], *, with_bill: bool) -> Price | None:
    """What a server of one of these specs costs at most. None if the API does not tell."""
    prices = [await cache.price(spec) for spec in specs]
    known = [price for price in prices if price is not None]
    currency = await cache.currency()
    if len(known) < len(prices) or currency is None:
        return None
    billed = await cache.billed() if with_bill else Decimal(0)
    try:
        others = await cache.hourly_of_other_runs()
    except UpCloudError:
        return None
    return Price(max(known) / 100, currency, billed, others / 100, time.monotonic())


class Offer:
    """Turns one request into specs, with the templates and plans of one account."""

    def __init__(self, account: Account, request: ServerRequest, make_specs: MakeSpecs) -> None:
        self._account, self._wanted, self._make_specs = account, request, make_specs
        self._request = request
        """With a server group that exists, and a plan that is on sale."""
        self._templates: dict[str, StorageSummary] = {}
        self._images: dict[str, str] = {}
        """The name of the image in each zone."""
        self._images_made: dict[str, datetime | None] = {}

    async def look_up(self) -> None:
        """Find the templates, the server group, and the plan that replaces the default plan if that is not sold."""
        cache, request = self._account.cache, self._wanted
        await self._choose_images()
        if isinstance(request.server_group, ServerGroupSpec):
            request = replace(request, server_group=await cache.group(request.server_group))
        if not request.plan_is_given and (plan := cache.successor(request.plans[0], request.zones[0])) is not None:
            request = replace(request, plans=(plan,))
        self._request = request

    async def replace_plan(self, refusal: ApiError) -> str | None:
        """The plan that replaces the default plan, if that was refused because it is no longer sold. Else None."""
        default, is_replaced = self._wanted.plans[0], self._request.plans != self._wanted.plans
        if self._wanted.plan_is_given or is_replaced or not refusal.code.startswith("PLAN_"):
            return None
        plan = await self._account.cache.find_successor(default, self._wanted.zones[0], **DEFAULT_PLAN_HAS)
        self._request = replace(self._request, plans=(plan,))
        return plan

    def forget(self) -> None:
        """Look everything up again next time, since a template or a group is gone."""
        self._account.cache.forget()
        self._account.images.forget()

    def specs(self, guest: Guest) -> list[ServerSpec]:
        """The specs for this guest, in the order in which they are tried."""
        return self._specs(self._request, guest)

    def spec_of(self, server: Server, guest: Guest) -> ServerSpec:
        """The spec that this server was created from, for this guest."""
        return next(spec for spec in self.specs(guest) if (spec.zone, spec.plan) == (server.zone, server.plan))

    def template(self, zone: str | None) -> StorageSummary:
        """The template in this zone."""
        return self._templates.get(zone or "") or self._templates[self._wanted.zones[0]]

    def image(self, zone: str | None = None) -> str:
        """The name of the image in this zone, or in the first zone."""
        return self._images.get(zone or "") or self._images.get(self._wanted.zones[0], "")

    def image_made(self, zone: str | None) -> datetime | None:
        """When the image of the recipe in this zone was made. None for other images."""
        return self._images_made.get(zone or "")

    async def likely_price(self, guest: Guest, *, with_bill: bool) -> Price | None:
        """What a server costs at most, whichever spec is created. None if the API does not tell."""
        await self._choose_images()
        specs = self._specs(replace(self._wanted, server_group=None), guest)
        return await price_of(self._account.cache, specs, with_bill=with_bill)

    async def _choose_images(self) -> None:
        request = self._wanted
        if request.recipe is None:
            template = await self._account.cache.template(request.image_key(), request.template())
            self._templates = dict.fromkeys(request.zones, template)
            self._images = dict.fromkeys(request.zones, template.title or template.uuid)
        else:
            chosen = await self._account.images.choose(request.recipe, request.zones, refresh=request.refresh)
            self._templates = {zone: each.template for zone, each in chosen.items()}
            self._images = {zone: str(each) for zone, each in chosen.items()}
            made = {zone: each.image.created for zone, each in chosen.items() if each.image is not None}
            self._images_made = made

    def _specs(self, request: ServerRequest, guest: Guest) -> list[ServerSpec]:
        if request.recipe is None:
            return self._make_specs(request, self._templates[request.zones[0]], guest)
        # The image of a recipe is another template in each zone.
        each = [(replace(request, zones=(zone,)), self._templates[zone]) for zone in request.zones]
        return [spec for one, template in each for spec in self._make_specs(one, template, guest)]
