"""The documents of the page, for users who may see builds. They contain no secret."""

from __future__ import annotations

import gzip
import json
import math
import time
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

from twisted.internet import threads

from upcloud_sdk.buildbot._buildbot.api import async_to_deferred
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker
from upcloud_sdk.buildbot.www._buildbot_api import Resource
from upcloud_sdk.buildbot.www.live import live_view
from upcloud_sdk.ci import LiveView, RecordProblem
from upcloud_sdk.ci.record.queries import Wanted
from upcloud_sdk.ci.web.history import history
from upcloud_sdk.ci.web.live import left_document, limit_document, now_document

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    import sqlalchemy as sa

    from upcloud_sdk.buildbot.master.service import UpcloudService
    from upcloud_sdk.buildbot.www._buildbot_api import Master, Request
    from upcloud_sdk.ci.record.claims import Refused
    from upcloud_sdk.ci.web.history import Document, Part

HOURS, MOST_HOURS = 6.0, 24.0 * 31
"""How many hours the page shows, by default and at most."""
MOST_OFFSET = 10**9
_LONGEST = 200
_LEVEL = 6
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
            "version": 2,
            "master": self.master.name,
            "time": view.at.timestamp(),
            "notes": [NO_WORKERS]
            if service is None
            else [*_waits(service), *view.problems, *service.record.problems()],
            **await self._names.ids(),
        }
        is_small = "gzip" in (request.getHeader(b"accept-encoding") or b"").decode("latin-1")
        body = await self._body(request, service, view, partial(_encoded, common, is_small=is_small))
        request.setHeader(b"content-type", b"application/json; charset=utf-8")
        request.setHeader(b"Cache-Control", b"no-store")
        request.setHeader(b"Vary", b"Accept-Encoding")
        if is_small:
            request.setHeader(b"Content-Encoding", b"gzip")
        return body

    async def _body(
        self, request: Request, service: UpcloudService | None, view: LiveView, encode: Callable[[Document], bytes]
    ) -> bytes:
        """The document. It is made and encoded on another thread."""
        raise NotImplementedError


class Now(JsonDocument):
    """The running servers."""

    async def _body(
        self, request: Request, service: UpcloudService | None, view: LiveView, encode: Callable[[Document], bytes]
    ) -> bytes:
        wanted, count = wanted_of(request.args), self._limits(service)

        def make() -> bytes:
            return encode({**now_document(view, wanted), "limits": [limit_document(each) for each in count()]})

        return await threads.deferToThread(make)

    def _limits(self, service: UpcloudService | None) -> Callable[[], list[Refused]]:
        if service is None or service.record.database is None:
            return list
        workers = [worker for worker in self.master.config.workers if isinstance(worker, UpcloudLatentWorker)]
        return service.claims.standings({worker.name: worker.arguments_as_given for worker in workers})


class Before(JsonDocument):
    """The record of this master."""

    async def _body(
        self, request: Request, service: UpcloudService | None, view: LiveView, encode: Callable[[Document], bytes]
    ) -> bytes:
        part, wanted = part_of(request.args), wanted_of(request.args)
        since = view.at - timedelta(hours=hours_of(request.args))
        document: Document = {"part": part, "since": since.timestamp()}
        if part == "health":
            document["left"] = left_document(view)
        if service is None:
            return encode(document)

        def read(connection: sa.Connection) -> bytes:
            return encode({**document, **history(connection, part, since=since, now=view.at, wanted=wanted)})

        try:
            return await service.record.ask(read)
        except RecordProblem as error:
            problem = None if service.record.problems() else f"The record cannot be read: {error}"
            return encode({**document, "problem": problem})


def _waits(service: UpcloudService) -> list[str]:
    """Which limit builds wait for, with what is spent and claimed."""
    refused = service.claims.refused
    return [] if refused is None else [f"Builds wait: {refused}"]


def _encoded(common: Document, document: Document, *, is_small: bool) -> bytes:
    text = json.dumps({**common, **document}, allow_nan=False, separators=(",", ":")).encode()
    return gzip.compress(text, _LEVEL) if is_small else text


def _text(arguments: Mapping[bytes, Sequence[bytes]], name: str) -> str:
    # PostgreSQL knows no NUL.
    return next(iter(arguments.get(name.encode(), ())), b"").decode(errors="replace").replace("\0", "\ufffd")[:_LONGEST]


def wanted_of(arguments: Mapping[bytes, Sequence[bytes]]) -> Wanted:
    """Which servers to show. An invalid offset counts as none."""
    try:
        offset = min(MOST_OFFSET, max(0, int(_text(arguments, "offset"))))
    except ValueError:
        offset = 0
    state, worker, builder, zone, plan, sort = (
        _text(arguments, name) for name in ("state", "worker", "builder", "zone", "plan", "sort")
    )
    return Wanted(state=state, worker=worker, builder=builder, zone=zone, plan=plan, sort=sort, offset=offset)


def part_of(arguments: Mapping[bytes, Sequence[bytes]]) -> Part:
    """Which part of the record to show. An invalid one counts as none."""
    match _text(arguments, "part"):
        case "costs":
            return "costs"
        case "health":
            return "health"
        case _:
            return "servers"


def hours_of(arguments: Mapping[bytes, Sequence[bytes]]) -> float:
    """How many hours to show. An invalid value counts as none."""
    try:
        hours = float(arguments[b"hours"][0])
    except (KeyError, ValueError):
        return HOURS
    return min(hours, MOST_HOURS) if math.isfinite(hours) and hours > 0 else HOURS
