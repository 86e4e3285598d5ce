"""Base of all namespaces: requests, lists, endpoints."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar, cast

from upcloud_sdk._wire import Document
from upcloud_sdk.models.ownership import SDK_LABELS
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk._background import Background
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope, Request
    from upcloud_sdk.waiting import WaitPolicy

T = TypeVar("T")


F = TypeVar("F", bound=Callable[..., object])

Labels = Mapping[str, str | None]
"""A filter by labels: a resource must have all of them. None as a value: any value."""

_ENDPOINTS = "endpoints"


def endpoint(method: str, path: str) -> Callable[[F], F]:
    """Mark a method with its endpoint. The table of endpoints is made from this, and tests check it."""

    def mark(function: F) -> F:
        vars(function)[_ENDPOINTS] = ((method, path), *endpoints_of(function))
        return function

    return mark


def endpoints_of(function: object) -> tuple[tuple[str, str], ...]:
    """The endpoints of a method, as pairs of HTTP method and path."""
    found: tuple[tuple[str, str], ...] = getattr(function, _ENDPOINTS, ())
    return found


class ResourceKind(NamedTuple):
    """A kind of resource that has labels: where it is created, listed and found."""

    path: str
    key: str
    """Its key in an answer."""
    many: str
    """The key of a list."""
    wraps_labels: bool = False
    before_delete: Mapping[str, str] | None = None
    """A change that is required before a delete."""
    is_copied: bool = False
    """Whether it is a copy of a storage, which can be cancelled while it is made."""


class Core(NamedTuple):
    """The parts of a client that its namespaces share."""

    transport: Transport
    background: Background
    waits: WaitPolicy
    owner: str
    emit: Emitter


def body_of(request: Request) -> Document:
    """The JSON document of a request. The SDK's labels are removed: a copied spec must not make a server reapable.

    Raises:
        TypeError: It is not a model, for example a dict.
    """
    try:
        write = request.wire
    except AttributeError:
        kind = type(request).__name__
        raise TypeError(
            f"this is a {kind}: write the model that the method takes, such as ServerChanges(title='x')"
        ) from None
    return Document(without_sdk_labels(write()))


def without_sdk_labels(document: dict[str, Any]) -> dict[str, Any]:
    """Remove the SDK's labels from a document and from the disks in it."""
    labels = document.get("labels")
    if isinstance(labels, list):
        document = {**document, "labels": _others(cast("list[dict[str, str]]", labels))}
    elif isinstance(labels, dict):
        wrapped = cast("dict[str, list[dict[str, str]]]", labels)
        document = {**document, "labels": {"label": _others(wrapped["label"])}}
    devices = document.get("storage_devices")
    if isinstance(devices, dict):
        made = cast("dict[str, list[dict[str, Any]]]", devices)["storage_device"]
        stripped = [without_sdk_labels(device) for device in made]
        document = {**document, "storage_devices": {"storage_device": stripped}}
    return document


def _others(labels: list[dict[str, str]]) -> list[dict[str, str]]:
    return [pair for pair in labels if pair["key"] not in SDK_LABELS]


def label_params(labels: Labels | None) -> list[tuple[str, str]]:
    """A filter by labels as query parameters."""
    if not isinstance(labels, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # callers may pass a list of keys
        raise TypeError("labels is a mapping: write labels={'env': 'test'}, or {'env': None} for any value")
    return [("label", key if value is None else f"{key}={value}") for key, value in (labels or {}).items()]


def written(name: str, moment: datetime) -> str:
    """Format a time for the API.

    Raises:
        ValueError: It has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no time zone: write datetime(..., tzinfo=UTC)")
    return moment.isoformat().replace("+00:00", "Z")


class Namespace:
    """The calls of one chapter of the API."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._transport = core.transport

    async def _list(
        self,
        path: str,
        read: Envelope[tuple[T, ...]],
        params: Sequence[tuple[str, str]] = (),
        *,
        page_size: int | None = None,
    ) -> tuple[T, ...]:
        """Read all pages of a list."""
        return await whole_list(self._transport, path, read, params, page_size=page_size)
