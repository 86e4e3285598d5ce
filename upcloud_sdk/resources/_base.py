"""What every namespace stands on."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

if TYPE_CHECKING:
    from upcloud_sdk._background import Background
    from upcloud_sdk._emitter import Emitter
    from upcloud_sdk._transport import Transport
    from upcloud_sdk._transport.answers import Answer
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

PAGE = 100
"""Items a page, where a list has to be completed."""

SHORTEST_PAGE = 10
"""A list with fewer items is whole, whatever its service takes for a page."""

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


class Once(Protocol):
    """Makes what has labels, each once."""

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
    once: Once


def body_of(request: Request) -> dict[str, Any]:
    """The document of a request.

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
    return write()


def label_params(labels: Labels | None) -> list[tuple[str, str]]:
    """A filter by labels as query parameters."""
    if not isinstance(labels, Mapping | None):  # pyright: ignore[reportUnnecessaryIsInstance]  # a list of keys is an easy mistake
        raise TypeError("labels is a mapping: write labels={'env': 'test'}, or {'env': None} for any value")
    return [("label", key if value is None else f"{key}={value}") for key, value in (labels or {}).items()]


class Namespace:
    """The calls of one chapter of the API."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._transport = core.transport

    async def _list(
        self, path: str, read: Envelope[tuple[T, ...]], params: Sequence[tuple[str, str]] = ()
    ) -> tuple[T, ...]:
        """A whole list."""
        return await whole_list(self._transport, path, read, params)

    async def _list_by_pages(
        self, path: str, read: Envelope[tuple[M, ...]], params: Sequence[tuple[str, str]], page_size: int | None
    ) -> tuple[M, ...]:
        """A whole list, asked for in pages of this size; in one answer if there is none.

        Whether these lists come in pages, and what the largest page is, the API does not say. So a page that is
        short is not the last one, unless the API says how many items there are; one that brings nothing new is.
        """
        if page_size is None:
            return await self._list(path, read, params)
        if page_size < 1:
            raise ValueError(f"page_size is {page_size}: a page has at least 1 item; None asks for one answer")
        items: dict[str, M] = {}
        offset = 0
        while True:
            query = [*params, ("limit", str(page_size)), ("offset", str(offset))]
            answer = await self._transport.send("GET", path, params=query)
            page = self._transport.decode(f"GET {path}", answer, read)
            known, total = len(items), total_of(answer)
            items.update((item.uuid, item) for item in page)
            offset += len(page)
            if len(items) == known or len(page) > page_size or 0 < total <= offset:
                return tuple(items.values())

    async def _list_in_pages(self, path: str, read: Envelope[tuple[T, ...]]) -> tuple[T, ...]:
        """A whole list of one of the newer services, which send a page of it and may not say how much there is."""
        items = page = await self._list(path, read)
        while len(page) >= SHORTEST_PAGE:
            params = [("limit", str(PAGE)), ("offset", str(len(items)))]
            page = await self._transport.call("GET", path, read, params=params)
            if page and page[0] in items:
                break  # It does not page: this is the beginning again.
            items += page
        return items


async def whole_list(
    transport: Transport, path: str, read: Envelope[tuple[T, ...]], params: Sequence[tuple[str, str]] = ()
) -> tuple[T, ...]:
    """A whole list: where the API says that there is more than it sent, the rest is asked for."""
    answer = await transport.send("GET", path, params=params)
    items = transport.decode(f"GET {path}", answer, read)
    total = total_of(answer)
    while len(items) < total:
        page = [*params, ("limit", str(PAGE)), ("offset", str(len(items)))]
        more = await transport.call("GET", path, read, params=page)
        if not more:
            break
        items += more
    return items


def total_of(answer: Answer) -> int:
    """How many items the API says that there are; 0 if it does not say."""
    header = answer.header(b"upcloud-total-count")
    return int(header) if header is not None and header.strip().isdigit() else 0
