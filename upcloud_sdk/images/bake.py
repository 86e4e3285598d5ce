"""One bake: finds the images of a recipe, and makes those that are missing. A killed bake leaves nothing behind.

The server that runs the commands has a lease, and a label with the recipe's digest. The copies of its disk belong to
the server's attempt and are deleted with it (`fleet/copies.py`), until one request completes them: that sets the title
and labels of an image, without a lease.
"""

from __future__ import annotations

import logging
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

from pydantic import SecretStr

from upcloud_sdk.errors import (
    BakeFailed,
    Conflict,
    NotFound,
    ResourceFailed,
    UnexpectedAnswer,
    UpCloudError,
    WaitTimeout,
)
from upcloud_sdk.events import BakeEvent
from upcloud_sdk.fleet.copies import Copies
from upcloud_sdk.fleet.records.api_time import api_now
from upcloud_sdk.fleet.records.observed import list_servers
from upcloud_sdk.images.guest import user_data
from upcloud_sdk.images.image import Image, by_last_use, oldest_first, read_image
from upcloud_sdk.models.networks import InterfaceSpec
from upcloud_sdk.models.ownership import IMAGE, IMAGE_BASE, IMAGE_NAME, IMAGE_USED, OWNER, write_lease
from upcloud_sdk.models.server_requests import LoginUser, ServerSpec, StorageDeviceSpec
from upcloud_sdk.models.servers import ServerState
from upcloud_sdk.models.storage_requests import StorageCloneSpec
from upcloud_sdk.models.storages import StorageState
from upcloud_sdk.pricing import PlansAndPrices
from upcloud_sdk.resources._base import body_of
from upcloud_sdk.resources.templates import choose

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from datetime import datetime

    from upcloud_sdk.fleet.fleet import Fleet
    from upcloud_sdk.fleet.records.observed import ObservedServer
    from upcloud_sdk.fleet.servers import Servers
    from upcloud_sdk.fleet.storages import Storages
    from upcloud_sdk.images.recipe import Recipe
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.models.storages import Storage, StorageSummary
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

LEASE = 600.0
"""Lease in seconds. After that, others take over the bake of a killed process. It is renewed after half of it, unless
the server is in maintenance: the rest is longer than a create."""
CREATE_TIMEOUT = 300.0
"""Limit for the create of the server, in seconds."""
CLEANUP_TIMEOUT = 300.0
"""Limit for the destroy of the server, in seconds."""
CLEANING_TIMEOUT = 300.0
"""Limit for the restarted server to clean itself, in seconds. It needs about twenty."""
COPY_TIMEOUT = 3600.0
"""Limit for the copy of a disk, in seconds. 10 GB took 17."""
LOOK_AGAIN_AFTER = 5.0
"""Seconds between reads of a server that bakes the same recipe."""
USED_AFTER = timedelta(days=1)
"""The label with an image's last use is renewed after this time."""
EXPLAIN_TIMEOUT = 60.0
"""Limit for `explain`, in seconds. The server is destroyed after it."""
MOST_EXPLAINED = 10_000
"""How many characters of its text are part of the error: the last ones."""
LEAST_MEMORY, LEAST_CORES = 1024, 1
"""Memory in MiB, and cores, of a server without a given plan."""


class Bake:
    """One call of `images.bake`."""

    def __init__(
        self,
        core: Core,
        servers: Servers,
        storages: Storages,
        recipe: Recipe,
        *,
        zones: Sequence[str],
        plan: str | None,
        timeout: float,
        max_age: float | None,
        explain: Callable[[str], Awaitable[str]] | None,
        reserve: Callable[[ServerSpec], AbstractAsyncContextManager[object]] | None,
        fleet: Fleet,
    ) -> None:
        self._core, self._servers, self._storages, self._recipe = core, servers, storages, recipe
        self._zones, self._plan, self._timeout, self._max_age = zones, plan, timeout, max_age
        self._explain, self._reserve, self._fleet = explain, reserve, fleet
        self._clock = core.waits.clock
        self._latest_use: dict[tuple[str, str], datetime | None] = {}
        """The last use of any version of an image, by its family."""
        self._cheapest: dict[str, str] = {}
        """The plan for each zone, if none is given."""
        self._made: dict[str, Image] = {}
        """Images by zone, kept here because a list may lag and not show them yet."""
        self._gone: set[str] = set()
        """Images that do not exist any more, although a list may still show them."""

    async def run(self) -> tuple[Image, ...]:
        """The images, in the order of the zones."""
        while True:
            found, base = await self._find_images()
            missing = [zone for zone in self._zones if zone not in found]
            if not missing:
                if await self._all_exist([found[zone] for zone in self._zones]):
                    return tuple(found[zone] for zone in self._zones)
                continue
            # Before the other bakes are read, since this may wait for a long time.
            async with await self._place(base, missing[0]):
                other = next(iter(await self._bakers()), None)
                if other is None:
                    # An image may be completed between the two reads. Then its server was still there: read again.
                    found, base = await self._find_images()
                    if missing := [zone for zone in self._zones if zone not in found]:
                        await self._make(base, missing)
            if other is not None:
                self._tell("waiting", missing[0], other.uuid)
                await self._wait_for(other)

    # --- finding ------------------------------------------------------------------------------------------------------

    async def _find_images(self) -> tuple[dict[str, Image], StorageSummary]:
        """The usable images by zone, and the current base. Of several images, the oldest."""
        templates = await self._storages.list("template")
        base = choose(self._recipe.base, templates)
        now = await api_now(self._core)
        images = [image for each in templates if (image := read_image(each, self._core.owner)) is not None]
        found: dict[str, Image] = {}
        for image in oldest_first(images):
            if self._is_good(image, base, now):
                found.setdefault(image.zone, image)
        self._latest_use = {image.family: image.last_use for image in sorted(images, key=by_last_use)}
        return {**found, **self._made}, base

    def _is_good(self, image: Image, base: StorageSummary, now: datetime) -> bool:
        if (image.digest, image.base) != (self._recipe.digest, base.uuid) or image.uuid in self._gone:
            return False
        if not image.is_usable:
            return False
        age = 0.0 if image.created is None else (now - image.created).total_seconds()
        return self._max_age is None or age <= self._max_age

    async def _bakers(self) -> list[ObservedServer]:
        """The servers that bake this recipe and have a valid lease, the oldest first."""
        owner, digest = self._core.owner, self._recipe.digest
        found = await list_servers(self._core.transport, {OWNER: owner, IMAGE: digest})
        now = await api_now(self._core)
        alive = [
            each
            for each in found
            if (each.labels.get(OWNER), each.labels.get(IMAGE)) == (owner, digest)
            and each.ownership.lease is not None
            and each.ownership.lease > now
        ]
        return sorted(alive, key=_age)

    async def _wait_for(self, other: ObservedServer) -> None:
        """Wait until another server's bake of this recipe has ended or failed, or its lease has ended."""
        ends = self._clock.now() + self._timeout + CREATE_TIMEOUT
        said: datetime | None = None
        while (seen := next((each for each in await self._bakers() if each.uuid == other.uuid), None)) is not None:
            lease = seen.ownership.lease
            what = (
                f"image {self._recipe.title}: server {seen.uuid} of process {seen.ownership.run} bakes it, "
                f"with a lease until {lease}. If that process was killed, this bake takes over then, "
                "and `upcloud-sdk leases reap` deletes the server"
            )
            if self._clock.now() >= ends:
                raise WaitTimeout(f"{what}: it has not finished in {self._timeout + CREATE_TIMEOUT:g} s")
            if lease != said:
                log.warning("waiting for another bake: %s", what)
                said = lease
            await self._clock.sleep(max(LOOK_AGAIN_AFTER, self._core.waits.pause))

    async def _is_first(self, server: Server) -> bool:
        """Whether no other bake began earlier. Of several concurrent bakes, exactly one continues."""
        bakers = await self._bakers()
        return not bakers or bakers[0].uuid == server.uuid

    async def _all_exist(self, images: Sequence[Image]) -> bool:
        """Whether all images still exist: a list may lag. Writes the last use on their labels."""
        for image in images:
            try:
                await self._storages.get(image.uuid)
                await self._note(image)
            except NotFound:
                self._gone.add(image.uuid)
                self._made.pop(image.zone, None)
        return self._gone.isdisjoint(image.uuid for image in images)

    async def _note(self, image: Image) -> None:
        """Write the last use on an image's label: once per day, and if another version was used after it."""
        now, latest = await api_now(self._core), self._latest_use.get(image.family)
        is_latest = image.last_use is not None and (latest is None or latest <= image.last_use)
        if image.last_use is not None and is_latest and now - image.last_use < USED_AFTER:
            return
        try:
            await self._fleet.labels.edit_storage(image.uuid, {IMAGE_USED: write_lease(now)})
        except NotFound:
            raise
        except UpCloudError as error:
            # The API refuses changes while a server is created from the image.
            log.debug("image %s: could not write its last use: %s", image.uuid, error)

    async def _place(self, base: StorageSummary, zone: str) -> AbstractAsyncContextManager[object]:
        """The caller's context manager: entered before a server is created, left when it is gone."""
        return nullcontext() if self._reserve is None else self._reserve(await self._spec(base, zone))

    # --- making -------------------------------------------------------------------------------------------------------

    async def _make(self, base: StorageSummary, zones: Sequence[str]) -> None:
        """Make the missing images, unless another bake makes them."""
        spec = await self._spec(base, zones[0])
        try:
            async with self._servers.ephemeral(
                spec, timeout=CREATE_TIMEOUT, cleanup_timeout=CLEANUP_TIMEOUT, lease=LEASE, wait=False
            ) as server:
                self._tell("server", zones[0], server.uuid)
                if not await self._is_first(server):
                    return
                await self._run_commands(server, zones[0])
                # Lists may lag. By now they show all bakes that began at the same time.
                if not await self._is_first(server):
                    return
                disk = await self._disk_of(server)
                made = [await self._image(server.uuid, disk, base, zone, own=zone == zones[0]) for zone in zones]
        except BaseException:
            self._tell("failed", zones[0], None)
            raise
        await self._delete_doubles(made)

    async def _disk_of(self, server: Server) -> str:
        """The uuid of the server's disk, its only storage."""
        disks = [device.storage for device in server.storage_devices if device.storage]
        if not disks:
            seen = await self._servers.get(server.uuid)
            disks = [device.storage for device in seen.storage_devices if device.storage]
        if not disks:
            raise UnexpectedAnswer(f"GET /server/{server.uuid}", "server", "storage_devices", "it has no disk")
        return disks[0]

    async def _spec(self, base: StorageSummary, zone: str) -> ServerSpec:
        size = max(self._recipe.size or 0, base.size or 1)
        plan = self._plan or self._cheapest.get(zone)
        if plan is None:
            plans = PlansAndPrices(self._core)
            plan = (await plans.cheapest(cores=LEAST_CORES, memory=LEAST_MEMORY, zone=zone, storage=size)).name
            self._cheapest[zone] = plan
        title = f"image {self._recipe.title}"
        return ServerSpec(
            zone=zone,
            plan=plan,
            title=title,
            hostname="image",
            storage_devices=[StorageDeviceSpec.clone(base.uuid, size=size, title=title)],
            networking=[InterfaceSpec.public(), InterfaceSpec.utility()],
            login_user=LoginUser(create_password=False),
            metadata=True,
            user_data=SecretStr(user_data(self._recipe.commands, self._recipe.files)),
            labels={IMAGE: self._recipe.digest},
        )

    async def _run_commands(self, server: Server, zone: str) -> None:
        """Wait until the commands have succeeded and the server has cleaned itself.

        Raises:
            BakeFailed: A command failed, or the timeout is over.
        """
        self._tell("commands", zone, server.uuid)
        try:
            await self._servers.wait_for_state(server.uuid, ServerState.STOPPED, timeout=self._timeout)
        except WaitTimeout:
            raise await self._failed(
                server, f"its commands did not finish within timeout={self._timeout:g} s"
            ) from None
        self._tell("cleaning", zone, server.uuid)
        # A start without an answer may have worked, and another start would run the commands again. So send only
        # one.
        started = await self._servers.start(server.uuid)
        if started.state == ServerState.STOPPED:
            raise ResourceFailed("server", server.uuid, "stopped", reason="its second start had no effect")
        try:
            await self._servers.wait_for_state(server.uuid, ServerState.STOPPED, timeout=CLEANING_TIMEOUT)
        except WaitTimeout:
            why = "a command failed, or the server was switched off before the commands finished"
            raise await self._failed(server, why) from None

    async def _failed(self, server: Server, why: str) -> BakeFailed:
        said = ""
        if self._explain is not None:
            said = f"(explain did not answer within {EXPLAIN_TIMEOUT:g} s)"
            try:
                with self._clock.limit(EXPLAIN_TIMEOUT):
                    said = str(await self._explain(server.uuid))[-MOST_EXPLAINED:]
            except Exception as error:  # noqa: BLE001 - an error in `explain` must not replace the error
                said = f"(explain failed: {repr(error)[:MOST_EXPLAINED]})"
        hint = (
            f"; its last output:\n{said}"
            if said
            else "; its output is in /var/log/cloud-init-output.log on the server (see explain)"
        )
        message = f"image {self._recipe.title}, made on server {server.uuid}: {why}{hint}"
        return BakeFailed(server.uuid, self._recipe.digest, message)

    async def _image(self, server: str, disk: str, base: StorageSummary, zone: str, *, own: bool) -> Image:
        """Make a complete image in a zone from the disk of the stopped server."""
        title = f"image {self._recipe.title}, in the making"
        source = disk
        if not own:
            clone = StorageCloneSpec(zone=zone, title=f"{title}: disk in {zone}")
            source = (await self._copy(server, zone, disk, "clone", body_of(clone))).uuid
        copy = await self._copy(server, zone, source, "templatize", {"title": f"{title}: template in {zone}"})
        image = await self._complete(server, copy, base, zone)
        self._tell("made", zone, image.uuid)
        return image

    async def _copy(
        self, server: str, zone: str, source: str, action: Literal["clone", "templatize"], document: dict[str, Any]
    ) -> Storage:
        """Make a copy when its source is free, and wait until it is online."""
        self._tell("copying", zone, source)
        await self._storages.wait_for_state(source, StorageState.ONLINE, timeout=COPY_TIMEOUT)
        labels = {IMAGE: self._recipe.digest}
        copies = Copies(self._fleet)
        uuid = (await copies.make(server, source, action, document, labels)).uuid
        copy = await self._storages.wait_for_state(uuid, StorageState.ONLINE, timeout=COPY_TIMEOUT)
        if action == "clone":
            await copies.label(server, uuid, copy.labels, document["title"], labels)
        return copy

    async def _complete(self, server: str, copy: Storage, base: StorageSummary, zone: str) -> Image:
        """Turn a template into an image. From now on it is not deleted with the server."""
        owned = await Copies(self._fleet).ownership(server)
        labels = {**replace(owned, lease=None).labels(), IMAGE: self._recipe.digest, IMAGE_BASE: base.uuid}
        if self._recipe.name is not None:
            labels[IMAGE_NAME] = self._recipe.name
        now = await api_now(self._core)
        title = f"{self._recipe.title} {now:%Y-%m-%d}"
        await self._fleet.labels.write_storage(copy.uuid, {}, labels, title)
        self._fleet.forget_disk(copy.uuid)
        return Image(
            uuid=copy.uuid,
            title=title,
            zone=zone,
            digest=self._recipe.digest,
            name=self._recipe.name,
            base=base.uuid,
            size=copy.size or base.size or 0,
            state=StorageState.ONLINE,
            created=copy.created,
            used=None,
        )

    async def _delete_doubles(self, made: Sequence[Image]) -> None:
        """Delete images that another bake completed earlier. Can happen when lists lag."""
        found, _ = await self._find_images()
        for image in made:
            first = found.get(image.zone, image)
            if oldest_first([first, image])[0].uuid == image.uuid or not await self._still_exists(first):
                self._made[image.zone] = image
                continue
            try:
                await self._storages.delete(image.uuid)
            except (Conflict, NotFound) as error:
                log.warning("image %s is a duplicate and could not be deleted: %s", image.uuid, error)

    async def _still_exists(self, image: Image) -> bool:
        """Whether an image exists now: the list may be old."""
        try:
            seen = read_image(await self._storages.get(image.uuid), self._core.owner)
        except NotFound:
            return False
        return seen is not None and seen.digest == image.digest and seen.is_usable

    def _tell(
        self,
        happened: Literal["waiting", "server", "commands", "cleaning", "copying", "made", "failed"],
        zone: str,
        uuid: str | None,
    ) -> None:
        emit, recipe = self._core.emit, self._recipe
        emit(
            BakeEvent(at=emit.now(), happened=happened, title=recipe.title, digest=recipe.digest, zone=zone, uuid=uuid)
        )


def _age(server: ObservedServer) -> tuple[float, str]:
    """Sort key: from old to new, then by uuid, so that all processes get the same order."""
    return (server.created if isinstance(server.created, int | float) else 0.0), server.uuid
