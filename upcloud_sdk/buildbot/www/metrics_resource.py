"""Serves the metrics: `/plugins/upcloud/metrics`."""

from __future__ import annotations

import hmac
import time
from importlib.util import find_spec
from typing import TYPE_CHECKING

from twisted.logger import Logger

from upcloud_sdk.buildbot._buildbot.api import BuildProperties, async_to_deferred
from upcloud_sdk.buildbot.master.service import UpcloudService
from upcloud_sdk.buildbot.worker import UpcloudLatentWorker
from upcloud_sdk.buildbot.www._buildbot_api import Resource
from upcloud_sdk.buildbot.www.live import live_view

if TYPE_CHECKING:
    from upcloud_sdk.buildbot.www._buildbot_api import Master, Request
    from upcloud_sdk.ci.web.metrics import Metrics

HAS_PROMETHEUS = find_spec("prometheus_client") is not None
NEEDS_EXTRA = "The metrics need an extra on the master: pip install 'upcloud-sdk[buildbot,prometheus]'\n"
NOTHING = "# No UpCloud worker is configured on this master.\n"


class MetricsText(Resource):
    """The metrics, for users who may see builds, and for requests with the configured token."""

    isLeaf = True  # noqa: N815 - Twisted's

    _log = Logger()

    def __init__(self, master: Master) -> None:
        super().__init__(master)
        self.token: object = None
        """A secret of Buildbot's, or None."""
        self._service: UpcloudService | None = None
        self._metrics: Metrics | None = None

    @async_to_deferred
    async def listen(self) -> None:
        """Start counting, if the configuration has UpCloud workers."""
        from upcloud_sdk.ci.web.metrics import Metrics  # noqa: PLC0415 - an extra

        if not any(isinstance(worker, UpcloudLatentWorker) for worker in self.master.config.workers):
            return
        service = await UpcloudService.of(self.master)  # type: ignore[arg-type]  # the same master, of which more is used
        if service is not self._service:
            self._service, self._metrics = service, Metrics(lambda: service.record.view)
            self._metrics.record = service.record.state
            self._metrics.refused = lambda: service.claims.refused
            service.record.listeners.append(self._metrics.hear)
            service.event_listeners.append(self._metrics.hear_event)

    def render_GET(self, request: Request) -> int:  # noqa: N802 - Twisted's
        """Send the metrics asynchronously."""
        return self.asyncRenderHelper(request, self._answer)

    @async_to_deferred
    async def _answer(self, request: Request) -> bytes:
        if not await self._has_token(request):
            await self.master.www.assertUserAllowed(request, ("builds",), "GET", {})
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        if not HAS_PROMETHEUS:
            request.setResponseCode(501)
            return NEEDS_EXTRA.encode()
        if self._metrics is None or self._service is None:
            return NOTHING.encode()
        from upcloud_sdk.ci.web._prometheus import CONTENT_TYPE  # noqa: PLC0415 - the same

        await self._count_left(self._service, self._metrics)
        request.setHeader(b"content-type", CONTENT_TYPE.encode())
        return self._metrics.scrape()

    @staticmethod
    async def _count_left(service: UpcloudService, metrics: Metrics) -> None:
        """Count this master's servers and disks without a holder. If the API does not answer, the last counts stay."""
        view, owners = await live_view(service), {account.key.owner for account in service.accounts.all}
        if not view.problems:
            servers = [row for row in view.servers if row.held_by == "nobody" and row.owner in owners]
            metrics.left = len(servers), sum(row.owner in owners for row in view.disks)
            metrics.listed = time.time()

    async def _has_token(self, request: Request) -> bool:
        """Whether the request has the configured token. A token that cannot be read is nobody's."""
        if self.token is None:
            return False
        properties = BuildProperties()
        properties.master = self.master
        try:
            token = await properties.render(self.token)
        except Exception as error:  # noqa: BLE001 - whatever a secrets provider raises. Its text may have the secret.
            self._log.error("the metrics_token cannot be rendered: {kind}", kind=type(error).__name__)
            return False
        if not isinstance(token, str) or not token:
            self._log.error("the metrics_token is no text, but {kind}", kind=type(token).__name__)
            return False
        return hmac.compare_digest(request.getHeader(b"authorization") or b"", f"Bearer {token}".encode())
