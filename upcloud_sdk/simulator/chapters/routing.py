"""Routing. A chapter has `routes = Routes()`, and its handlers have `@routes.get("/server/{uuid}")`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call, Pause, Sink

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

Handler = Callable[["Cloud", Call], Answer | Pause]
SinkHandler = Callable[["Cloud", Call], Sink]
Decorator = Callable[[Handler], Handler]


@dataclass(frozen=True, slots=True)
class Route:
    """One endpoint: a method, a pattern such as `/server/{uuid}/start`, and a handler."""

    method: str
    pattern: str
    handler: Handler | None = None
    sink: SinkHandler | None = None
    """Handler that gets the body in pieces, without credentials (the upload host of chapter 9)."""

    def match(self, segments: list[str]) -> dict[str, str] | None:
        args: dict[str, str] = {}
        for own, given in zip(self.pattern.split("/")[1:], segments, strict=True):
            if own.startswith("{"):
                args[own[1:-1]] = given
            elif own != given:
                return None
        return args


class Routes:
    """The endpoints of one chapter, in order of matching."""

    def __init__(self) -> None:
        self._routes: list[Route] = []

    def __iter__(self) -> Iterator[Route]:
        return iter(self._routes)

    def add(self, method: str, pattern: str) -> Decorator:
        def register(handler: Handler) -> Handler:
            self._routes.append(Route(method, pattern, handler))
            return handler

        return register

    def get(self, pattern: str) -> Decorator:
        return self.add("GET", pattern)

    def post(self, pattern: str) -> Decorator:
        return self.add("POST", pattern)

    def put(self, pattern: str) -> Decorator:
        return self.add("PUT", pattern)

    def patch(self, pattern: str) -> Decorator:
        return self.add("PATCH", pattern)

    def delete(self, pattern: str) -> Decorator:
        return self.add("DELETE", pattern)

    def upload(self, method: str, pattern: str) -> Callable[[SinkHandler], SinkHandler]:
        """An endpoint that gets its body in pieces and needs no credentials."""

        def register(sink: SinkHandler) -> SinkHandler:
            self._routes.append(Route(method, pattern, sink=sink))
            return sink

        return register


class Router:
    """Finds the endpoint of a call."""

    def __init__(self, chapters: Iterable[Routes]) -> None:
        self._table: dict[tuple[str, int], list[Route]] = {}
        for route in (route for chapter in chapters for route in chapter):
            segments = route.pattern.split("/")[1:]
            self._table.setdefault((segments[0], len(segments)), []).append(route)
        for routes in self._table.values():  # literal parts match before placeholders
            routes.sort(key=lambda route: [part.startswith("{") for part in route.pattern.split("/")])

    def routes(self) -> list[Route]:
        """Every endpoint."""
        return [route for routes in self._table.values() for route in routes]

    def find(self, call: Call) -> Route:
        """Find the endpoint of a call, and fill `call.args`. Raises `ApiFault` (404, 405)."""
        segments = call.path.split("/")[1:]
        allowed: set[str] = set()
        for route in self._table.get((segments[0], len(segments)), ()):
            args = route.match(segments)
            if args is None:
                continue
            if route.method == call.method:
                call.args = args
                return route
            allowed.add(route.method)
        if allowed:
            raise ApiFault(405, "METHOD_NOT_ALLOWED", f"The method {call.method} is not allowed for this resource.")
        raise ApiFault(404, "NOT_FOUND", "The requested resource does not exist.")
