"""Passes a client's events to the listener of the server concerned. Use it in the client's thread only."""

from __future__ import annotations

from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

from upcloud_sdk.events import RefusalEvent, Retry, ServerEvent

if TYPE_CHECKING:
    from collections.abc import Generator

    from upcloud_sdk.events import Event, Listener

_MAKING: ContextVar[Listener | None] = ContextVar("upcloud_sdk_making", default=None)
"""The listener for the server that the running task, or a parent task, creates."""


class EventRouter:
    """A listener for `UpCloud(on_event=...)`."""

    def __init__(self) -> None:
        self._by_uuid: dict[str, Listener] = {}

    def __call__(self, event: Event) -> None:
        """Pass the event to its listener, if there is one."""
        listener = self._by_uuid.get(server_of(event) or "") or _MAKING.get()
        if listener is not None:
            listener(event)

    @contextmanager
    def making(self, listener: Listener) -> Generator[None]:
        """In this block, `listener` gets the events of this task and its child tasks. Use it around a create.

        Some of these tasks later work for other servers too, so a listener must ignore events of other servers.
        """
        token = _MAKING.set(listener)
        try:
            yield
        finally:
            _MAKING.reset(token)

    @contextmanager
    def watching(self, uuid: str, listener: Listener) -> Generator[None]:
        """In this block, `listener` gets the events of this server."""
        self._by_uuid[uuid] = listener
        try:
            yield
        finally:
            self._by_uuid.pop(uuid, None)


def server_of(event: Event) -> str | None:
    """The uuid of the server that an event is about; a repeated call has it in its path. None: no single server."""
    if isinstance(event, Retry):
        _, _, rest = event.call.partition(" /server/")
        return rest.partition("/")[0] or None
    return getattr(event, "uuid", None)


def sentence_of(event: Event) -> str | None:
    """A sentence about an event while a server is created and boots. None if the event is not of interest then."""
    match event:
        case Retry():
            return f"{event.call} is sent again in {event.pause:.1f} s: {event.reason}"
        case RefusalEvent():
            return f"{event.plan} in {event.zone} was refused: {event.reason}"
        case ServerEvent(happened="seen" | "progress") if event.state != "started":
            return str(event.state) if event.progress is None else f"{event.state}, {event.progress} %"
        case _:
            return None
