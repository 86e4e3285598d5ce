"""Exactly one server per create, even if the answer is lost."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Literal

from upcloud_sdk.errors import (
    OutcomeUnknown,
    ServerFault,
    UnexpectedAnswer,
    UpCloudError,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.fleet.glance import SERVER_GLANCES
from upcloud_sdk.fleet.identity import new_attempt, run_id
from upcloud_sdk.models.ownership import ATTEMPT, Ownership
from upcloud_sdk.resources._base import label_params
from upcloud_sdk.resources.server_storages import SERVER

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from upcloud_sdk.models.server_requests import ServerSpec
    from upcloud_sdk.models.servers import Server
    from upcloud_sdk.resources._base import Core

log = logging.getLogger("upcloud_sdk")

CREATE_TIMEOUT = 60.0
"""Seconds that a create is waited for: it answers in about two."""

LOOK_TIMEOUT = 15.0
"""Seconds that one look for a lost server may take, so that a dead API fails in bounded time."""

LOST = (OutcomeUnknown, ServerFault, UnexpectedAnswer)
"""After these a server may be there."""


class Creator:
    """Sends creates, each once, and finds what a lost answer left."""

    def __init__(self, core: Core, destroy: Callable[[str], Awaitable[None]]) -> None:
        self._core = core
        self._destroy = destroy

    async def create(self, spec: ServerSpec, *, lease_ends: datetime | None) -> Server:
        """The details of one new server, with our labels on it and on the disks made with it."""
        attempt = new_attempt()
        owned = Ownership(self._core.owner, run_id(), attempt, lease_ends)
        body = {"server": labelled(spec, owned.labels())}
        try:
            server = await self._core.transport.call("POST", "/server", SERVER, json=body, timeout=CREATE_TIMEOUT)
            happened: Literal["created", "adopted"] = "created"
        except LOST as error:
            log.warning("POST /server: outcome unknown (%s); looking for %s=%s", error, ATTEMPT, attempt)
            server = await self._adopt(attempt, error)
            happened = "adopted"
        emit = self._core.emit
        emit(ServerEvent(at=emit.now(), uuid=server.uuid, happened=happened, state=server.state, title=server.title))
        return server

    async def _adopt(self, attempt: str, cause: UpCloudError) -> Server:
        waits = self._core.waits
        for pause in waits.look_for_create:
            await waits.clock.sleep(pause)
            server = await self._find(attempt)
            if server is not None:
                return server
        # Nobody holds what turns up from here on.
        self._core.background.start(lambda: self._look_on(attempt), f"looking for the server of lost create {attempt}")
        label = f"{ATTEMPT}={attempt}"
        problem = (
            f"the create got no usable answer, and no server with label {label} could be taken over; "
            f"what turns up in the next {waits.look_on:g} s is destroyed ({cause})"
        )
        raise OutcomeUnknown("POST /server", problem, label=label) from cause

    async def _find(self, attempt: str) -> Server | None:
        """The server of an attempt, in full; None if there is none to be seen, for whatever reason."""
        with self._core.waits.clock.limit(LOOK_TIMEOUT):
            try:
                uuid = await self._look(attempt)
                if uuid is not None:
                    return await self._core.transport.call("GET", f"/server/{uuid}", SERVER)
            except UpCloudError as error:
                log.debug("looking for %s=%s: %s", ATTEMPT, attempt, error)
        return None

    async def _look(self, attempt: str) -> str | None:
        params = label_params({ATTEMPT: attempt})
        found = await self._core.transport.call("GET", "/server", SERVER_GLANCES, params=params)
        # What the filter let through by mistake is not ours.
        return next((server.uuid for server in found if server.labels.get(ATTEMPT) == attempt), None)

    async def _look_on(self, attempt: str) -> None:
        waits = self._core.waits
        ends = waits.clock.now() + waits.look_on
        for pause in waits.pauses():
            uuid: str | None = None
            with waits.clock.limit(LOOK_TIMEOUT):
                try:
                    uuid = await self._look(attempt)
                except UpCloudError as error:
                    log.debug("looking on for %s=%s: %s", ATTEMPT, attempt, error)
            if uuid is not None:
                log.warning("server %s of a create that had been given up turned up: destroying it", uuid)
                await self._destroy(uuid)
                return
            if waits.clock.now() >= ends:
                return
            await waits.clock.sleep(max(pause, 1.0))


def labelled(spec: ServerSpec, labels: dict[str, str]) -> dict[str, Any]:
    """The document of a create, with our labels on the server and on each disk that is made with it."""
    document = spec.wire()
    document["labels"] = {"label": _merge(document.get("labels", {}).get("label", []), labels)}
    for device in document["storage_devices"]["storage_device"]:
        if device["action"] != "attach":
            device["labels"] = _merge(device.get("labels", []), labels)
    return document


def _merge(pairs: list[dict[str, str]], labels: dict[str, str]) -> list[dict[str, str]]:
    merged = {pair["key"]: pair["value"] for pair in pairs} | labels
    return [{"key": key, "value": value} for key, value in merged.items()]
