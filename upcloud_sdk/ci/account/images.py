"""Images by recipe for an adapter: made and renewed in the background. Builds use what exists."""

from __future__ import annotations

import logging
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk.ci.account.cache import TimedCache
from upcloud_sdk.errors import BakeFailed, NotOpen, UpCloudError
from upcloud_sdk.models.ownership import IMAGE
from upcloud_sdk.models.storages import StorageState, StorageSummary, StorageType, TemplateType

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Callable, Sequence
    from contextlib import AbstractAsyncContextManager

    from upcloud_sdk import Image, Recipe, ServerSpec, UpCloud
    from upcloud_sdk.waiting import Clock

log = logging.getLogger("upcloud_sdk")

FOUND_FOR = 30.0
"""How long an answer is cached, in seconds."""
RETRY_AFTER = 3600.0
"""Seconds before a failed bake is retried. Not after failed commands: they would fail again."""


@dataclass(frozen=True, slots=True)
class ChosenImage:
    """The template for a recipe's servers in a zone."""

    template: StorageSummary
    image: Image | None
    """None: there is no image yet. The template is the base, and the commands must run on the server."""

    def __str__(self) -> str:
        if self.image is not None:
            return self.image.title
        return f"{self.template.title or self.template.uuid}, with the commands of its recipe"


@dataclass(slots=True)
class _Wanted:
    recipe: Recipe
    zones: tuple[str, ...]
    refresh: float
    due: float = 0.0
    """Time of the next bake or check of the base, by the clock."""


class RecipeImages:
    """The images of all recipes that the builds of one account need.

    `reserve` is that of `images.bake`: entered before a server that makes an image is created.
    """

    def __init__(
        self,
        cloud: UpCloud,
        clock: Clock,
        reserve: Callable[[ServerSpec], AbstractAsyncContextManager[object]] | None = None,
    ) -> None:
        self._cloud, self._clock, self._reserve = cloud, clock, reserve
        self.is_wanted: Callable[[Recipe, tuple[str, ...]], bool] = lambda _recipe, _zones: True
        """Asked before each bake: whether the configuration still has the recipe with these zones. If not, it is
        forgotten."""
        self._wanted: dict[tuple[str, tuple[str, ...]], _Wanted] = {}
        self._wake = anyio.Event()
        self._found: TimedCache[dict[str, Image]] = TimedCache(FOUND_FOR)
        self._found_base: TimedCache[StorageSummary] = TimedCache(FOUND_FOR)

    async def choose(self, recipe: Recipe, zones: Sequence[str], *, refresh: float) -> dict[str, ChosenImage]:
        """Choose the template in each zone: the newest image of the recipe, or its base. Does not wait for a bake.

        `run` makes missing images, and replaces them when the base has changed: now, and every `refresh` seconds. A
        zone without an image is left out if the base cannot be used, as long as another zone has its image.

        Raises:
            NoMatch, Ambiguous: There is no image, and no template or more than one matches the base.
            UpCloudError: There is no image, and the base could not be read.
        """
        key = recipe.digest, tuple(zones)
        if key not in self._wanted:
            self._wanted[key] = _Wanted(recipe, tuple(zones), refresh)
            self._wake.set()
        self._wanted[key].refresh = refresh
        found = await self._found.get(recipe.digest, lambda: self._cloud.images.find(recipe))
        chosen = {zone: ChosenImage(_template(found[zone]), found[zone]) for zone in zones if zone in found}
        if len(chosen) < len(set(zones)):
            try:
                base = await self._found_base.get(recipe.base, lambda: self._cloud.storages.find_template(recipe.base))
            except UpCloudError as error:
                if not chosen:
                    raise
                log.warning("image %s: only zones with an image are used: %s", recipe.title, error)
            else:
                chosen |= {zone: ChosenImage(base, None) for zone in zones if zone not in chosen}
        # In the order of the zones.
        return {zone: chosen[zone] for zone in zones if zone in chosen}

    def forget(self) -> None:
        """Clear cached images and bases. Call this when one of them is gone."""
        self._found, self._found_base = TimedCache(FOUND_FOR), TimedCache(FOUND_FOR)

    async def run(self) -> None:
        """Bake until cancelled."""
        while True:
            self._wake = anyio.Event()
            now = self._clock.now()
            for key, wanted in [(key, each) for key, each in self._wanted.items() if each.due <= now]:
                if self.is_wanted(wanted.recipe, wanted.zones):
                    wanted.due = self._clock.now() + await self._bake(wanted)
                else:
                    log.info("image %s is not wanted any more in %s", wanted.recipe.title, ", ".join(wanted.zones))
                    self._wanted.pop(key, None)
            next_due = min((each.due for each in self._wanted.values()), default=now + RETRY_AFTER)
            with self._clock.limit(max(0.0, next_due - self._clock.now())):
                await self._wake.wait()

    async def _bake(self, wanted: _Wanted) -> float:
        """Bake, and delete older images of the same digest. Returns the seconds until the next bake."""
        recipe = wanted.recipe
        try:
            for image in await self._cloud.images.bake(recipe, zones=wanted.zones, reserve=self._reserved):
                log.info("image %s is ready in %s", image.title, image.zone)
            for image in await self._cloud.images.prune(recipe.model_copy(update={"name": None})):
                log.info("image %s in %s was renewed, and the older one is deleted", image.title, image.zone)
        except NotOpen:
            raise
        except BakeFailed as error:
            log.error("builds continue without a new image: %s", error)  # noqa: TRY400 - its traceback says nothing
        except UpCloudError as error:
            log.warning("builds continue without a new image: %s", error)
            return min(RETRY_AFTER, wanted.refresh)
        except Exception:
            # Whatever it is, it must not end the client that the builds use.
            log.exception("builds continue without a new image %s", recipe.title)
            return min(RETRY_AFTER, wanted.refresh)
        self.forget()
        return wanted.refresh

    @asynccontextmanager
    async def _reserved(self, spec: ServerSpec) -> AsyncGenerator[None]:
        async with self._reserve(spec) if self._reserve is not None else nullcontext():
            yield
            # Before the slot is free, so that a build that waits for it finds the new image.
            self.forget()


def _template(image: Image) -> StorageSummary:
    """The template of an image. It has its base's cloud-init, even if the API says "native"."""
    return StorageSummary(
        uuid=image.uuid,
        title=image.title,
        type=StorageType.TEMPLATE,
        state=StorageState.ONLINE,
        size=image.size,
        zone=image.zone,
        template_type=TemplateType.CLOUD_INIT,
        labels={IMAGE: image.digest},
    )
