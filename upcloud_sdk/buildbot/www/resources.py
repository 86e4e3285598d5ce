"""The documents of the page, for users who may see builds. They contain no secret."""

from __future__ import annotations

import json
import math
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from upcloud_sdk.buildbot._buildbot.api import async_to_deferred
from upcloud_sdk.buildbot.www._buildbot_api import Resource
from upcloud_sdk.buildbot.www.live import live_view
from upcloud_sdk.ci import LiveView, RecordProblem
from upcloud_sdk.ci.web.history import history
from upcloud_sdk.ci.web.live import left_document, now_document

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import sqlalchemy as sa

    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.buildbot.www._buildbot_api import Master, Request
    from upcloud_sdk.ci.web.history import Document

HOURS, MOST_HOURS = 6.0, 24.0 * 31
"""How many hours the page shows, by default and at most."""
MOST_OFFSET = 10**9
NO_WORKERS = "No UpCloud worker is configured on this master, so it has no servers and records none."
_NAMES_FOR = 30.0
"""How long the ids of builders and workers are cached, in seconds."""


def service_of(master: Master) -> UpcloudService | None:
    """The service of a master's UpCloud workers. None if it has none."""
    service: UpcloudService | None = master.namedServices.get("upcloud_sdk")
    return service


class Names:
    """The ids of builders and workers, for links to their pages."""

    def __init__(self, master: Master) -> None:
        self._master = master
        self._known: dict[str, dict[str, int]] = {}
        self._until = 0.0

    async def ids(self) -> dict[str, dict[str, int]]:
        """Ids by name, under the keys `builders` and `workers`."""
        if time.monotonic() >= self._until:
            builders = await self._master.data.get(("builders",))
            workers = await self._master.data.get(("workers",))
            self._known = {
                "builders": {builder["name"]: builder["builderid"] for builder in builders},
                "workers": {worker["name"]: worker["workerid"] for worker in workers},
            }
            self._until = time.monotonic() + _NAMES_FOR
        return self._known


class JsonDocument(Resource):
    """A document for users who may see builds."""

    isLeaf = True  # noqa: N815 - Twisted's

    def __init__(self, master: Master, names: Names) -> None:
        super().__init__(master)
        self._names = names

    def render_GET(self, request: Request) -> int:  # noqa: N802 - Twisted's
        """Send it, in a moment."""
        return self.asyncRenderHelper(request, self._answer)

    @async_to_deferred
    async def _answer(self, request: Request) -> bytes:
        # The same check as in Buildbot's own API for builds, so that the same rules apply.
        await self.master.www.assertUserAllowed(request, ("builds",), "GET", {})
        service = service_of(self.master)
        view = LiveView(at=datetime.now(UTC)) if service is None else await live_view(service)
        common = {
            "version": 1,
            "master": self.master.name,
            "notes": [NO_WORKERS]
            if service is None
            else [*_waits(service), *view.problems, *service.record.problems()],
            **await self._names.ids(),
        }
        body = await self._body(request, service, view, common)
        request.setHeader(b"content-type", b"application/json; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        return body

    async def _body(self, request: Request, service: UpcloudService | None, view: LiveView, common: Document) -> bytes:
        raise NotImplementedError


class Now(JsonDocument):
    """The running servers."""

    async def _body(
        self,
        request: Request,  # noqa: ARG002 - it has no options
        service: UpcloudService | None,  # noqa: ARG002 - the view has all
        view: LiveView,
        common: Document,
    ) -> bytes:
        return _encoded({**common, **now_document(view)})


class Before(JsonDocument):
    """The record of this master."""

    async def _body(self, request: Request, service: UpcloudService | None, view: LiveView, common: Document) -> bytes:
        since = view.at - timedelta(hours=hours_of(request.args))
        document = {**common, "time": view.at.timestamp(), "left": left_document(view)}
        nothing: Document = {"count": 0, "offset": 0, "servers": [], "totals": [], "failures": []}
        nothing["since"] = since.timestamp()
        if service is None:
            return _encoded({**document, **nothing})
        offset = offset_of(request.args)

        def read(connection: sa.Connection) -> bytes:
            return _encoded({**document, **history(connection, since=since, now=view.at, offset=offset)})

        try:
            return await service.record.ask(read)
        except RecordProblem as error:
            notes = [*common["notes"], f"The record cannot be read: {error}"]
            return _encoded({**document, **nothing, "notes": notes})


def _waits(service: UpcloudService) -> list[str]:
    """Which limit builds wait for, with what is spent and claimed."""
    refused = service.claims.refused
    return [] if refused is None else [f"Builds wait: {refused}"]


def _encoded(document: Document) -> bytes:
    return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()


def offset_of(arguments: Mapping[bytes, Sequence[bytes]]) -> int:
    """How many of the newest servers to leave out. An invalid value counts as none."""
    try:
        return min(MOST_OFFSET, max(0, int(arguments[b"offset"][0])))
    except (KeyError, ValueError):
        return 0


def hours_of(arguments: Mapping[bytes, Sequence[bytes]]) -> float:
    """How many hours to show. An invalid value counts as none."""
    try:
        hours = float(arguments[b"hours"][0])
    except (KeyError, ValueError):
        return HOURS
    return min(hours, MOST_HOURS) if math.isfinite(hours) and hours > 0 else HOURS
