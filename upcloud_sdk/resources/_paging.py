"""Lists that come in pages, read to their end.

What is known of them (`/server` and `/storage` send 25 items unless they are asked for more, and need not say how many
there are) leaves open what a server of the API does beyond that. So: the largest page is asked for. Where the API says
how many items there are, so many are read. Where it does not, a page ends the list only if nothing comes after it: a
page may be cut below what was asked for. Only a first page of fewer than `SHORTEST_PAGE` items is taken for all.

Each page but the first begins with the last item of the one before. If it does not, the list has changed between two
looks: the pages are asked for from further back, so that nothing that moved is lost, and once more from the beginning,
so that nothing that jumped is. Items are counted once, by their uuid.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from upcloud_sdk._transport import Transport
    from upcloud_sdk._transport.answers import Answer
    from upcloud_sdk._wire import Envelope

T = TypeVar("T")

_LARGEST_PAGES = (
    (r"/server(/tag/[^/]+)?", 1000),
    (r"/storage(?!/favorite)(/[^/]+){0,2}", 100),
    (r"/account/tokens", 100),
    (r"/firewall-ruleset(/[^/]+/rule|/server/[^/]+/firewall-rule)?", 100),
)

USUAL_PAGE = 100
"""Items to ask for at a time where a list that knows no pages says that there are more than it sent."""

SHORTEST_PAGE = 10
"""No list of the API has a smaller page by default: one that sends fewer items than this at first is whole."""

PASSES = 3
"""Times that a list is read from its beginning, at most, because it changed meanwhile."""

PATIENCE = 6
"""Pages in a row that bring nothing new before a list that contradicts itself is taken as it is."""


def largest_page(path: str) -> int | None:
    """The most items that the API sends of a list at a time; None for one that knows no pages."""
    return next((most for pattern, most in _LARGEST_PAGES if re.fullmatch(pattern, path)), None)


def total_of(answer: Answer) -> int:
    """How many items the API says that there are; 0 if it does not say."""
    header = answer.header(b"upcloud-total-count")
    return int(header) if header is not None and header.strip().isdigit() else 0


async def whole_list(
    transport: Transport,
    path: str,
    read: Envelope[tuple[T, ...]],
    params: Sequence[tuple[str, str]] = (),
    *,
    page_size: int | None = None,
    enough: Callable[[Collection[T]], bool] | None = None,
) -> tuple[T, ...]:
    """A whole list.

    `page_size`: items to ask for at a time, as many as the API sends unless told. `enough`: says of the items so far
    that no more are needed.

    Raises:
        ValueError: the API has no pages of this size.
    """
    pages = Pages(largest_page(path), page_size)
    items: dict[object, T] = {}
    while True:
        answer = await transport.send("GET", path, params=[*params, *pages.query()])
        page = transport.decode(f"GET {path}", answer, read)
        keys = [_key(item) for item in page]
        is_whole = pages.add(keys, total_of(answer))
        if is_whole and not items:
            return page
        items.update(zip(keys, page, strict=True))
        if is_whole or (enough is not None and enough(items.values())):
            return tuple(items.values())


class Pages:
    """Which page of a list to ask for next, and whether there is one."""

    def __init__(self, largest: int | None, size: int | None) -> None:
        if size is not None and size < 1:
            raise ValueError(f"page_size is {size}: a page has at least 1 item; None asks for the largest page")
        if size is not None and largest is not None and size > largest:
            raise ValueError(f"page_size is {size}: a page of this list has at most {largest} items")
        self._size = largest if size is None else size
        self._largest = largest or USUAL_PAGE
        self._is_asked_for_all = size is None
        self._seen: set[object] = set()
        self._barren = 0
        """Pages in a row that brought nothing new."""
        self._furthest = 0
        self._passes = 0
        self._begin()

    def _begin(self) -> None:
        self._passes += 1
        self._order: list[object] = []
        """What stood where, as far as this pass has come."""
        self._last: list[object] = []
        self._overlap = self._offset = self._repeats = 0
        self._has_changed = False

    def query(self) -> list[tuple[str, str]]:
        """The page to ask for next."""
        if self._size is None and not self._order and self._passes == 1:
            return []
        limit = min((self._size or USUAL_PAGE) + self._overlap, self._largest)
        return [("limit", str(limit)), ("offset", str(self._offset))]

    def add(self, keys: list[object], total: int) -> bool:
        """Take in the keys of the page that was asked for, and say whether the list is whole.

        `total`: how many items there are; 0 if that is not known.
        """
        # What comes after an item that has been seen was either seen, or is on this page, or comes after it.
        follows = not self._offset or (bool(keys) and keys[0] in self._seen)
        is_new = not self._seen.issuperset(keys)
        self._seen.update(keys)
        reached = self._offset + len(keys)
        if is_new:
            self._barren = 0
        elif not follows or reached >= self._furthest:
            self._barren += 1
        if not follows:
            self._has_changed = True
            return self._look_back(self._overlap * 10)
        is_same = self._overlap > 0 and keys == self._last
        self._repeats = self._repeats + 1 if is_same else 0
        if not is_same and self._offset and keys[0] != self._order[self._offset]:
            self._has_changed = True
        self._order[self._offset :] = keys
        self._last = keys
        self._furthest = max(self._furthest, reached)
        # Once may be chance: as many items were made as the page was asked for further on.
        ignores_offset = self._repeats > 1 and len(keys) >= SHORTEST_PAGE
        if ignores_offset or self._is_last(len(keys), total, is_new=is_new):
            return self._end()
        return self._look_back(1)

    def _is_last(self, length: int, total: int, *, is_new: bool) -> bool:
        """Whether nothing can come after this page."""
        if total:
            if len(self._order) >= total:
                return True
        elif self._is_asked_for_all and not self._overlap and (self._size is None or length < SHORTEST_PAGE):
            return True
        return not length or (length == self._overlap == 1 and not is_new)

    def _look_back(self, overlap: int) -> bool:
        """Ask for the next page, from so many items before its beginning."""
        self._offset = max(0, len(self._order) - overlap)
        self._overlap = len(self._order) - self._offset
        return self._barren >= PATIENCE

    def _end(self) -> bool:
        """Read the list once more where it has changed."""
        if self._has_changed and self._passes < PASSES:
            self._begin()
            return False
        return True


def _key(item: object) -> object:
    return getattr(item, "uuid", None) or getattr(item, "id", None) or repr(item)
