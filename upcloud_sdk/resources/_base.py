"""What every namespace stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar, cast

from upcloud_sdk._misuse import NamesWhatWasMeant, explain_mistakes
from upcloud_sdk.models.ownership import OWN_LABELS
from upcloud_sdk.resources._paging import whole_list

if TYPE_CHECKING:
    from datetime import datetime

    from upcloud_sdk._background import Background
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._transport import Transport
    from upcloud_sdk._wire import Envelope, Request
    from upcloud_sdk.waiting import WaitPolicy

T = TypeVar("T")


class _Named(Protocol):
    @property
    def uuid(self) -> str: ...


M = TypeVar("M", bound=_Named)

F = TypeVar("F", bound=Callable[..., object])

Labels = Mapping[str, str | None]
"""A filter by labels: all of them must be there; None asks for the key alone."""

_ENDPOINTS = "endpoints"


def endpoint(method: str, path: str) -> Callable[[F], F]:
    """Says which endpoint of the API a method is for: the table of endpoints is made of it, and tests hold it to it."""

    def mark(function: F) -> F:
        vars(function)[_ENDPOINTS] = ((method, path), *endpoints_of(function))
        return function

    return mark


def endpoints_of(function: object) -> tuple[tuple[str, str], ...]:
    """The endpoints that a method is for: methods and paths."""
    found: tuple[tuple[str, str], ...] = getattr(function, _ENDPOINTS, ())
    return found


class Makeable(NamedTuple):
    """What can be made, and found again by its labels."""

    path: str
    key: str
    """Its name in an answer."""
    many: str
    """The name of a list of it."""
    wraps_labels: bool = False


class Creator(Protocol):
    """Creates what has labels, each exactly once."""

    async def create(
        self, kind: Makeable, document: Mapping[str, Any], read: Envelope[M], *, timeout: float | None = None
    ) -> M:
        """What was made."""
        ...


class Core(NamedTuple):
    """The parts of a client that its namespaces share."""

    transport: Transport
    background: Background
    waits: WaitPolicy
    owner: str
    emit: Emitter
    creator: Creator


def body_of(request: Request) -> dict[str, Any]:
    """The document of a request, without labels of the SDK's own: a copied spec must not make a server reapable.

    Raises:
        TypeError: it is no model, but a dict, say.
    """
    try:
        write = request.wire
    except AttributeError:
        kind = type(request).__name__
        raise TypeError(
            f"that is a {kind}: write it as the model that the method takes, such as ServerChanges(title='x')"
        ) from None
    return without_own_labels(write())


def without_own_labels(document: dict[str, Any]) -> dict[str, Any]:
    """A document without the SDK's own labels, on itself and on the disks that are made with it."""
    labels = document.get("labels")
    if isinstance(labels, list):
        document = {**document, "labels": _others(cast("list[dict[str, str]]", labels))}
    elif isinstance(labels, dict):
        wrapped = cast("dict[str, list[dict[str, str]]]", labels)
        document = {**document, "labels": {"label": _others(wrapped["label"])}}
    devices = document.get("storage_devices")
    if isinstance(devices, dict):
        made = cast("dict[str, list[dict[str, Any]]]", devices)["storage_device"]
        stripped = [without_own_labels(device) for device in made]
        document = {**document, "storage_devices": {"storage_device": stripped}}
    return document


def _others(labels: list[dict[str, str]]) -> list[dict[str, str]]:
    return [pair for pair in labels if pair["key"] not in OWN_LABELS]


def label_params(labels: Labels | None) -> list[tuple[str, str]]:
    """A filter by labels as query parameters."""
    if not isinstance(labels, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # a list of keys is an easy mistake
        raise TypeError("labels is a mapping: write labels={'env': 'test'}, or {'env': None} for any value")
    return [("label", key if value is None else f"{key}={value}") for key, value in (labels or {}).items()]


def written(name: str, moment: datetime) -> str:
    """A time as the API reads it.

    Raises:
        ValueError: it has no time zone.
    """
    if moment.tzinfo is None:
        raise ValueError(f"{name} has no time zone: write datetime(..., tzinfo=UTC)")
    return moment.isoformat().replace("+00:00", "Z")


class Namespace(NamesWhatWasMeant):
    """The calls of one chapter of the API."""

    def __init_subclass__(cls) -> None:
        """Let its methods say what to write in place of the likeliest mistakes."""
        explain_mistakes(cls)

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
        """A whole list, however many pages it comes in."""
        return await whole_list(self._transport, path, read, params, page_size=page_size)
