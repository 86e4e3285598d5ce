"""The plugin of Buildbot's web server: `c["www"]["plugins"]["upcloud"]`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, cast

from twisted.logger import Logger

from upcloud_sdk._version import __version__
from upcloud_sdk.buildbot._buildbot.api import IRenderable
from upcloud_sdk.buildbot._buildbot.rival_plugins import NAME, rivals
from upcloud_sdk.buildbot.www._buildbot_api import StaticFile, compressed
from upcloud_sdk.buildbot.www.metrics_resource import HAS_PROMETHEUS, MetricsText
from upcloud_sdk.buildbot.www.resources import Before, Names, Now

if TYPE_CHECKING:
    from collections.abc import Mapping

    from upcloud_sdk.buildbot.www._buildbot_api import Master, Request

OPTIONS = {"metrics_token"}


class PageFile(StaticFile):
    """A file of the page. Browsers revalidate it each time, so that all files are of one version."""

    def render_GET(self, request: Request) -> bytes | int:  # noqa: N802 - Twisted's
        """Send it."""
        request.setHeader(b"Cache-Control", b"no-cache")
        return super().render_GET(request)


class Application:
    """The plugin. One per process. Buildbot sets its master and its configuration at each reconfiguration."""

    description = "UpCloud servers"
    version = __version__
    ui = True

    _log = Logger()

    def __init__(self) -> None:
        self.static_dir = str(Path(__file__).with_name("static"))
        self.resource = PageFile(self.static_dir)
        self._master: Master | None = None
        self._metrics: MetricsText | None = None

    def setMaster(self, master: Master) -> None:  # noqa: N802 - Buildbot's
        """Serve the documents of this master."""
        if master is self._master:
            return
        self._master, self._metrics, names = master, MetricsText(master), Names(master)
        self.resource.putChild(b"now.json", Now(master, names))
        self.resource.putChild(b"before.json", Before(master, names))
        self.resource.putChild(b"metrics", compressed(self._metrics))

    def setConfiguration(self, config: object) -> None:  # noqa: N802 - Buildbot's
        """Use `c["www"]["plugins"]["upcloud"]`. Errors in it are logged and ignored."""
        for problem in (*problems(config), *rivals()):
            self._log.warn("UpCloud page: {problem}", problem=problem)
        if self._metrics is None:
            return
        token = cast("Mapping[str, object]", config).get("metrics_token") if isinstance(config, dict) else None
        self._metrics.token = token if IRenderable.providedBy(token) else None
        if HAS_PROMETHEUS:
            self._metrics.listen().addErrback(lambda failure: self._log.failure("UpCloud metrics", failure=failure))


def problems(config: object) -> list[str]:
    """A sentence for each error in the configuration of the plugin."""
    if not isinstance(config, dict):
        return [f'c["www"]["plugins"]["{NAME}"] is a mapping, such as {{}}']
    options = cast("Mapping[str, object]", config)
    found = [
        f"there is no option {name!r}; there is: {', '.join(sorted(OPTIONS))}"
        for name in options
        if name not in OPTIONS
    ]
    token = options.get("metrics_token")
    if token is not None and not IRenderable.providedBy(token):
        # Buildbot sends the configuration of plugins to each browser.
        found.append('metrics_token must be a secret, such as util.Secret("prometheus"): a text would reach browsers')
    return found


ep = Application()
"""The entry point."""
