"""`cloud.images`: bake, list, prune."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING

from upcloud_sdk.billing import HOURS_A_MONTH
from upcloud_sdk.errors import Conflict, NotFound
from upcloud_sdk.fleet.checks import check_seconds
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.images.bake import Bake
from upcloud_sdk.images.image import Image, by_last_use, oldest_first, read_image
from upcloud_sdk.images.recipe import Recipe
from upcloud_sdk.models.ownership import IMAGE, OWNER
from upcloud_sdk.models.storages import StorageState
from upcloud_sdk.pricing import Prices
from upcloud_sdk.resources._base import Namespace
from upcloud_sdk.waiting import check_number

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.servers import Servers
    from upcloud_sdk.fleet.storages import Storages
    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.resources._base import Core

    Explain = Callable[[str], Awaitable[str]]

log = logging.getLogger("upcloud_sdk")


class Images(Namespace):
    """`cloud.images`: makes, finds, renews and deletes private templates by recipe.

    Only images with this client's owner label are used and deleted. Chapters "Servers" and "Storages" of the API,
    <https://developers.upcloud.com/1.3/8-servers/> and <https://developers.upcloud.com/1.3/9-storages/>.
    """

    def __init__(self, core: Core, servers: Servers, storages: Storages, fleet: Callable[[], Fleet]) -> None:
        super().__init__(core)
        self._servers, self._storages, self._fleet = servers, storages, fleet

    async def bake(
        self,
        recipe: Recipe,
        *,
        zones: Sequence[str],
        plan: str | None = None,
        timeout: float = 1800,
        max_age: float | None = None,
        explain: Explain | None = None,
        reserve: Callable[[ServerSpec], AbstractAsyncContextManager[object]] | None = None,
    ) -> tuple[Image, ...]:
        """Get the image of a recipe in each of these zones. Makes the images that are missing.

        An existing image is used if it was made from the same recipe and the current base, at most `max_age` seconds
        ago. If images are missing, a server with the base runs the commands in the first zone without an image. Its
        disk becomes a template, which is copied to the other zones. The server has a lease: if this process is killed,
        the server and incomplete copies are reaped. Concurrent bakes of one recipe make one image: later ones wait.

        Args:
            recipe: The recipe of the image.
            zones: The zones that need the image.
            plan: Plan of the server that runs the commands. None: the cheapest plan that is large enough.
            timeout: Limit for the commands, in seconds.
            max_age: Replace images older than this, in seconds. None: no limit.
            explain: Called with the server's uuid if the commands fail, before the server is destroyed. The text that
                it returns is added to the error's message.
            reserve: Called with the spec of the server before it is created. The async context manager that it returns
                is entered first, which may take as long as it likes, and left when the server is gone. None: no limit.

        Raises:
            NoMatch, Ambiguous: No template, or more than one, matches the base.
            BakeFailed: A command failed, or the commands took too long.
            ValueError: No zone is given.
            UpCloudError: An image could not be made. Incomplete parts are deleted.
        """
        _check_recipe(recipe)
        check_seconds(timeout, "timeout")
        if max_age is not None:
            check_seconds(max_age, "max_age")
        if isinstance(zones, str) or not zones:
            raise ValueError("zones is a list with at least one zone: write zones=['fi-hel1']")
        bake = Bake(
            self._core,
            self._servers,
            self._storages,
            recipe,
            zones=tuple(dict.fromkeys(zones)),
            plan=plan,
            timeout=timeout,
            max_age=max_age,
            explain=explain,
            reserve=reserve,
            fleet=self._fleet(),
        )
        return await bake.run()

    async def find(self, recipe: Recipe) -> dict[str, Image]:
        """Find the newest image of a recipe in each zone, made from any version of the base. Makes nothing."""
        _check_recipe(recipe)
        found = await self._storages.list("template", labels={OWNER: self._core.owner, IMAGE: recipe.digest})
        images = oldest_first(image for each in found if (image := read_image(each, self._core.owner)) is not None)
        return {image.zone: image for image in images if image.digest == recipe.digest and image.is_usable}

    async def list(self, recipe: Recipe | None = None) -> tuple[Image, ...]:
        """List this owner's images with their cost per month, oldest first.

        Args:
            recipe: Only images with its digest or its name. None: all images.
        """
        images = [image for image in await self._all() if recipe is None or _is_of(recipe, image)]
        if not images:
            return ()
        hourly, currency = await Prices(self._core).of_templates()
        return tuple(
            replace(image, monthly=hourly[image.zone] * image.size * HOURS_A_MONTH, currency=currency)
            if image.zone in hourly
            else image
            for image in images
        )

    async def prune(
        self,
        recipe: Recipe | None = None,
        *,
        keep: int = 1,
        unused_for: float = 0,
        dry_run: bool = False,
        only: Collection[str] | None = None,
    ) -> tuple[Image, ...]:
        """Delete this owner's older images and return them. The `keep` images used last are kept in each zone.

        The current image of `recipe` is the first of them, and is always kept. An image in a state such as `error` is
        none of them. An image from which a disk is being cloned is kept too.

        Args:
            recipe: Only images with its digest or its name. None: all recipes, each counted by itself.
            keep: How many images to keep per zone and recipe. 0: all but the current image of `recipe`.
            unused_for: Only images that no `bake` returned for this long, in seconds. The last use is known to a day.
            dry_run: Return them without deleting them.
            only: Only these uuids, such as those of a dry run. None: all.

        Raises:
            ValueError: `keep` or `unused_for` is negative.
            TypeError: One of them is not a number.
        """
        if recipe is not None:
            _check_recipe(recipe)
        check_number(keep, "keep", "images")
        check_number(unused_for, "unused_for")
        if keep < 0 or not unused_for >= 0:
            raise ValueError("keep is a number of images and unused_for is in seconds: both 0 or more")
        images = [image for image in await self._all() if recipe is None or _is_of(recipe, image)]
        now = await api_now(self._core)
        families: dict[tuple[str, str], list[Image]] = {}
        for image in images:
            families.setdefault(image.family, []).append(image)
        older = {image.uuid for family in families.values() for image in _older(family, recipe, keep)}
        due = [
            image
            for image in images
            if image.uuid in older and _is_unused(image, now, unused_for) and (only is None or image.uuid in only)
        ]
        return tuple([image for image in due if dry_run or await self._delete(image)])

    async def _all(self) -> Sequence[Image]:
        owner = self._core.owner
        templates = await self._storages.list("template", labels={OWNER: owner, IMAGE: None})
        return oldest_first(image for template in templates if (image := read_image(template, owner)) is not None)

    async def _delete(self, image: Image) -> bool:
        """Delete an image if it has not changed. Returns whether it is gone."""
        try:
            seen = read_image(await self._storages.get(image.uuid), self._core.owner)
            if seen is None or seen.digest != image.digest:
                return False
            await self._storages.delete(image.uuid, backups="delete")
        except NotFound:
            return False
        except Conflict as error:
            log.warning("image %s could not be deleted: %s", image.title, error)
            return False
        return True


def _check_recipe(recipe: object) -> None:
    if not isinstance(recipe, Recipe):
        raise TypeError(f"recipe is a {type(recipe).__name__}: write Recipe(base='debian-13', commands=[...])")


def _older(family: Iterable[Image], recipe: Recipe | None, keep: int) -> list[Image]:
    """The versions of an image, without those to keep: the current one of the recipe, then those used last."""
    versions = sorted(family, key=lambda image: (image.is_usable, by_last_use(image)), reverse=True)
    sound = [image for image in versions if image.state != StorageState.ERROR]
    current = [image for image in sound if recipe is not None and image.digest == recipe.digest][:1]
    kept = [*current, *(image for image in sound if image not in current)][: max(keep, len(current))]
    return [image for image in versions if image not in kept]


def _is_of(recipe: Recipe, image: Image) -> bool:
    return image.digest == recipe.digest or (recipe.name is not None and image.name == recipe.name)


def _is_unused(image: Image, now: datetime, seconds: float) -> bool:
    # A difference: a sum could exceed the largest date.
    return image.last_use is None or (now - image.last_use).total_seconds() >= seconds
