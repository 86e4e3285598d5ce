"""Types for the parts of Buildbot's web server that the page uses. Buildbot itself has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any, Protocol

    from twisted.internet.defer import Deferred

    from upcloud_sdk.buildbot._buildbot.api import Reactor

    class Request(Protocol):
        args: dict[bytes, list[bytes]]

        def getHeader(self, key: bytes) -> bytes | None: ...
        def setHeader(self, name: bytes, value: bytes) -> None: ...
        def setResponseCode(self, code: int) -> None: ...

    class WebServer(Protocol):
        def assertUserAllowed(
            self, request: Request, endpoint: tuple[str, ...], action: str, options: dict[str, Any]
        ) -> Deferred[None]: ...

    class Configuration(Protocol):
        workers: list[object]
        www: Mapping[str, Any]

    class Data(Protocol):
        def get(self, path: tuple[str, ...]) -> Deferred[list[dict[str, Any]]]: ...

    class Master(Protocol):
        name: str
        data: Data
        reactor: Reactor
        www: WebServer
        config: Configuration
        namedServices: Mapping[str, Any]

    class Resource:
        master: Master

        def __init__(self, master: Master) -> None: ...
        def asyncRenderHelper(self, request: Request, render: Callable[[Request], Deferred[bytes]]) -> int: ...

    class StaticFile:
        def __init__(self, path: str) -> None: ...
        def putChild(self, path: bytes, child: Resource) -> None: ...
        def render_GET(self, request: Request) -> bytes | int: ...

    def compressed(resource: Resource) -> Resource: ...

else:
    from buildbot.www.resource import Resource
    from twisted.web.resource import EncodingResourceWrapper
    from twisted.web.server import GzipEncoderFactory
    from twisted.web.static import File as StaticFile

    def compressed(resource: Resource) -> EncodingResourceWrapper:
        """The same, for clients that accept gzip, as Buildbot's own API is."""
        return EncodingResourceWrapper(resource, [GzipEncoderFactory()])


__all__ = ["Resource", "StaticFile", "compressed"]
