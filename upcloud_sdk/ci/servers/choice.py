"""Which servers are possible for a job: images, zones and plans, and the specs made from them."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Hashable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

from upcloud_sdk import Recipe
from upcloud_sdk.ci.money.price import price_of
from upcloud_sdk.models import ServerGroupSpec

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk import Server, ServerSpec
    from upcloud_sdk.ci.account.open_account import OpenAccount
    from upcloud_sdk.ci.money.price import Quote
    from upcloud_sdk.errors import ApiError
    from upcloud_sdk.models import StorageSummary

Image = str | re.Pattern[str] | Callable[["StorageSummary"], bool] | Mapping[str, str] | Recipe

REFRESH = 86_400.0
"""Seconds. A day."""


class LeastSize(NamedTuple):
    """The minimum size of a plan."""

    cores: int
    memory: int
    """MiB."""
    storage: int
    """GB."""


@dataclass(frozen=True, kw_only=True)
class ServerChoice:
    """The image of a server, and its possible zones and plans, in the order in which they are tried.

    Raises:
        ValueError: There is no zone or no plan.
    """

    image: Image
    """A title, a uuid, a pattern, a function, a mapping of labels, or a `Recipe`."""
    zones: tuple[str, ...]
    plans: tuple[str, ...]
    replaced_by: LeastSize | None = None
    """If the first plan is no longer sold to the account: the minimum size of the plan that replaces it. None: no plan
    replaces it."""
    server_group: str | ServerGroupSpec | None = None
    """Its uuid, or a group that is created if the owner has none of this title."""
    refresh: float = field(default=REFRESH, compare=False)
    """How often to look whether the base of a recipe has changed, in seconds."""

    def __post_init__(self) -> None:
        for name in ("zones", "plans"):
            names: object = getattr(self, name)
            if isinstance(names, str) or not names:
                raise ValueError(f"{name} is a tuple of names, at least one, not {names!r}")

    @property
    def recipe(self) -> Recipe | None:
        """The recipe of the image, if it has one."""
        return self.image if isinstance(self.image, Recipe) else None

    def image_key(self) -> Hashable:
        """A key for the image in caches."""
        if isinstance(self.image, str | re.Pattern | Recipe) or callable(self.image):
            return self.image
        return tuple(sorted(self.image.items()))

    def template(self) -> str | re.Pattern[str] | Callable[[StorageSummary], bool]:
        """The image in the form that `storages.find_template` takes. For a recipe: its base."""
        image = self.image
        if isinstance(image, Recipe):
            return image.base
        if isinstance(image, str | re.Pattern) or callable(image):
            return image
        wanted = image.items()
        return lambda template: wanted <= template.labels.items()


C = TypeVar("C", bound=ServerChoice)


MakeSpecs = Callable[[C, "StorageSummary"], "list[ServerSpec]"]


class PossibleServers(Generic[C]):
    """The specs for one choice, made with the templates, the groups and the plans on sale of one account.

    `make_specs` makes the specs of a choice in the order in which they are tried. The image of a recipe is another
    template in each zone, so it is called for one zone after the other then. A ValueError says that the choice allows
    no server.
    """

    def __init__(self, account: OpenAccount, choice: C, make_specs: MakeSpecs[C]) -> None:
        self._account, self._wanted, self.make_specs = account, choice, make_specs
        self._choice = choice
        """With a server group that exists, and a plan that is on sale."""
        self._templates: dict[str, StorageSummary] = {}
        self._images: dict[str, str] = {}
        """The name of the image in each zone."""
        self._images_made: dict[str, datetime | None] = {}

    async def look_up(self) -> None:
        """Find the templates, the server group, and the plan that replaces a plan that is not sold.

        Raises:
            UpCloudError: One cannot be found or read.
        """
        cache, choice = self._account.cache, self._wanted
        await self._choose_images()
        if isinstance(choice.server_group, ServerGroupSpec):
            choice = replace(choice, server_group=await cache.group(choice.server_group))
        if choice.replaced_by is not None and (plan := cache.successor(choice.plans[0], choice.zones[0])) is not None:
            choice = replace(choice, plans=(plan,))
        self._choice = choice

    async def replace_plan(self, refusal: ApiError) -> str | None:
        """The plan that replaces the first plan, if that was refused because it is no longer sold. Else None.

        Raises:
            NoMatch: No plan is large enough.
        """
        first, least = self._wanted.plans[0], self._wanted.replaced_by
        if least is None or self._choice.plans != self._wanted.plans or not refusal.code.startswith("PLAN_"):
            return None
        plan = await self._account.cache.find_successor(first, self._wanted.zones[0], **least._asdict())
        self._choice = replace(self._choice, plans=(plan,))
        return plan

    def forget(self) -> None:
        """Look everything up again next time, since a template or a group is gone."""
        self._account.cache.forget()
        self._account.images.forget()

    def specs(self) -> list[ServerSpec]:
        """The specs, in the order in which they are tried. Call `look_up` before."""
        return self._specs(self._choice)

    def spec_of(self, server: Server) -> ServerSpec:
        """The spec that this server was created from."""
        return next(spec for spec in self.specs() if (spec.zone, spec.plan) == (server.zone, server.plan))

    def template(self, zone: str | None) -> StorageSummary:
        """The template in this zone."""
        return self._templates.get(zone or "") or next(iter(self._templates.values()))

    def image(self, zone: str | None = None) -> str:
        """The name of the image in this zone, or in the first zone."""
        return self._images.get(zone or "") or next(iter(self._images.values()), "")

    def image_made(self, zone: str | None) -> datetime | None:
        """When the image of the recipe in this zone was made. None for other images."""
        return self._images_made.get(zone or "")

    async def likely_price(self, *, with_bill: bool, recorded: Collection[str] = ()) -> Quote:
        """The maximum price of a server, for any of the specs. See `price_of`."""
        await self._choose_images()
        specs = self._specs(replace(self._wanted, server_group=None))
        return await price_of(self._account.cache, specs, with_bill=with_bill, recorded=recorded)

    async def _choose_images(self) -> None:
        choice = self._wanted
        if choice.recipe is None:
            template = await self._account.cache.template(choice.image_key(), choice.template())
            self._templates = dict.fromkeys(choice.zones, template)
            self._images = dict.fromkeys(choice.zones, template.title or template.uuid)
        else:
            chosen = await self._account.images.choose(choice.recipe, choice.zones, refresh=choice.refresh)
            self._templates = {zone: each.template for zone, each in chosen.items()}
            self._images = {zone: str(each) for zone, each in chosen.items()}
            made = {zone: each.image.created for zone, each in chosen.items() if each.image is not None}
            self._images_made = made

    def _specs(self, choice: C) -> list[ServerSpec]:
        if choice.recipe is None:
            return self.make_specs(choice, self.template(choice.zones[0]))
        zones = [zone for zone in choice.zones if zone in self._templates]
        each = [(replace(choice, zones=(zone,)), self._templates[zone]) for zone in zones]
        return [spec for one, template in each for spec in self.make_specs(one, template)]
