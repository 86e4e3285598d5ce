"""Destroy that does not give up: from any state, whatever fails on the way."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from upcloud_sdk._transport import segment
from upcloud_sdk.errors import (
    AuthenticationFailed,
    CleanupFailed,
    Forbidden,
    LimitReached,
    NotFound,
    UpCloudError,
)
from upcloud_sdk.fleet.glance import SERVER_GLANCE, STORAGE_GLANCE, STORAGE_GLANCES, ServerGlance
from upcloud_sdk.models.ownership import ATTEMPT
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources.servers import whole_seconds

if TYPE_CHECKING:
    from collections.abc import Iterator

    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.servers import StopType
    from upcloud_sdk.resources.storages import BackupPolicy

log = logging.getLogger("upcloud_sdk")

StoragePolicy = Literal["created", "all", "none"]
"""Which disks go with a server: those made with it, all, or none."""

STOP_AGAIN_AFTER = 15.0
"""Seconds after which a server that still says "started" is told to stop once more."""


class Destroyer:
    """One destroy of one server, from wherever it stands."""

    def __init__(
        self,
        core: Core,
        uuid: str,
        *,
        timeout: float,
        stop_type: StopType,
        storages: StoragePolicy,
        backups: BackupPolicy | None,
        attempt: str | None = None,
    ) -> None:
        self._core, self._uuid = core, uuid
        self._clock = core.waits.clock
        self._deadline = self._clock.now() + timeout
        self._timeout = timeout
        self._soft_until = self._clock.now() + min(60.0, timeout / 2) if stop_type == "soft" else 0.0
        self._storages, self._backups = storages, backups
        self._attempt = attempt
        self._stop_sent: float | None = None
        self._last = "nothing was seen of it"
        self._disks: tuple[str, ...] = ()

    async def run(self) -> None:
        """Return when the server and the disks that go with it are gone.

        Raises:
            CleanupFailed: they were not within the time.
        """
        pauses = self._pauses()
        try:
            await self._stop()
            while not await self._delete(await self._look()):
                await self._pause(pauses)
            await self._delete_disks(pauses)
        except CleanupFailed as error:
            log.error("%s", error)  # noqa: TRY400 - the error says all; a trace may show locals
            raise

    def _pauses(self) -> Iterator[float]:
        return self._core.waits.pauses()

    async def _pause(self, pauses: Iterator[float]) -> None:
        left = self._deadline - self._clock.now()
        if left <= 0:
            raise CleanupFailed(
                self._uuid,
                f"server {self._uuid} could not be destroyed within {self._timeout:g} s and may "
                f"still cost money: {self._last}",
            )
        await self._clock.sleep(min(next(pauses), left))

    async def _stop(self) -> None:
        now = self._clock.now()
        soft = now < self._soft_until
        seconds = self._soft_until - now if soft else 1.0
        stop = {"stop_type": "soft" if soft else "hard", "timeout": whole_seconds(max(1.0, seconds))}
        path = f"/server/{segment(self._uuid, 'uuid')}/stop"
        try:
            await self._core.transport.send("POST", path, json={"stop_server": stop})
            self._stop_sent = now
        except UpCloudError as error:
            self._note(error)

    async def _look(self) -> ServerGlance | None:
        """The server; None when it is gone. Where looking fails, a server in a state that means: try again."""
        try:
            seen = await self._core.transport.call("GET", f"/server/{segment(self._uuid, 'uuid')}", SERVER_GLANCE)
        except NotFound:
            return None
        except UpCloudError as error:
            self._note(error)
            return ServerGlance(uuid=self._uuid, state="unknown")
        self._last = f"last seen in state {seen.state!r}"
        self._attempt = self._attempt or seen.ownership.attempt
        return seen

    async def _delete(self, seen: ServerGlance | None) -> bool:
        if seen is None:
            await self._find_orphans()
            return True
        if seen.state == "started":
            if self._stop_sent is None or self._stop_is_overdue():
                await self._stop()
            return False
        if seen.state in {"maintenance", "unknown"}:
            return False
        # "stopped"; "error", where it may work; and states of tomorrow.
        everything, self._disks = await self._which_disks(seen)
        params = [("storages", "1")] if everything else []
        if everything and self._backups is not None:
            params.append(("backups", self._backups))
        try:
            await self._core.transport.send("DELETE", f"/server/{segment(self._uuid, 'uuid')}", params=params)
        except NotFound:
            pass
        except UpCloudError as error:
            self._note(error)
            return False
        return True

    def _stop_is_overdue(self) -> bool:
        assert self._stop_sent is not None
        now = self._clock.now()
        turns_hard = self._stop_sent < self._soft_until <= now
        return turns_hard or (now >= self._soft_until and now - self._stop_sent > STOP_AGAIN_AFTER)

    async def _which_disks(self, seen: ServerGlance) -> tuple[bool, tuple[str, ...]]:
        """Whether all disks go, which one DELETE can do; else which of them."""
        attached = [device for device in seen.storage_devices if device.storage]
        if self._storages != "created":
            return self._storages == "all", ()
        if self._attempt is None:
            return False, ()
        ours: list[str] = []
        for device in attached:
            labels = device.labels
            if labels is None:
                labels = await self._labels_of(device.storage)
            if labels.get(ATTEMPT) == self._attempt:
                ours.append(device.storage)
        return (True, ()) if ours and len(ours) == len(attached) else (False, tuple(ours))

    async def _labels_of(self, storage: str) -> dict[str, str]:
        try:
            found = await self._core.transport.call("GET", f"/storage/{segment(storage, 'uuid')}", STORAGE_GLANCE)
        except UpCloudError as error:
            self._note(error)
            return {}
        return found.labels

    async def _find_orphans(self) -> None:
        """Somebody else deleted the server, or half of a destroy was done before: disks made with it may be left."""
        if self._attempt is None or self._storages == "none":
            return
        params = label_params({ATTEMPT: self._attempt})
        try:
            found = await self._core.transport.call("GET", "/storage", STORAGE_GLANCES, params=params)
        except UpCloudError as error:
            self._note(error)
            return
        ours = (storage.uuid for storage in found if storage.labels.get(ATTEMPT) == self._attempt)
        self._disks = tuple(dict.fromkeys((*self._disks, *ours)))

    async def _delete_disks(self, pauses: Iterator[float]) -> None:
        left = list(self._disks)
        while left:
            left = [disk for disk in left if not await self._delete_disk(disk)]
            if left:
                await self._pause(pauses)

    async def _delete_disk(self, disk: str) -> bool:
        params = [] if self._backups is None else [("backups", self._backups)]
        try:
            await self._core.transport.send("DELETE", f"/storage/{segment(disk, 'uuid')}", params=params)
        except NotFound:
            return True
        except UpCloudError as error:
            self._note(error)
            return False
        return True

    def _note(self, error: UpCloudError) -> None:
        """Remember what went wrong; what no repetition can mend ends the destroy."""
        self._last = str(error)
        hopeless = isinstance(error, AuthenticationFailed | Forbidden) and not isinstance(error, LimitReached)
        if hopeless:
            raise CleanupFailed(
                self._uuid, f"server {self._uuid} could not be destroyed and may still cost money: {error}"
            ) from error
