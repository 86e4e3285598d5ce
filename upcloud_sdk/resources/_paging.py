"""Reads all pages of a list.

`/server` and `/storage` send 25 items per page by default, and do not always send the total number of items. More is
not documented. So the SDK requests the largest page, and reads until it has the total. Without a total, it reads until
a page is empty: the API may send fewer items per page than requested. Only a first page of fewer than `SHORTEST_PAGE`
items is taken as the whole list. A total that equals the length of a full first page may be the number of items on that
page. So the SDK then requests the next page too.

Each page overlaps the one before by one item. If that item differs, the list has changed between two requests. Then the
SDK reads again from an earlier offset, which finds items that moved a little, and later once more from the beginning,
which finds items that moved far. Items are told apart by uuid.
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
"""Page size for lists without documented pages whose total is larger than the number of items sent."""

SHORTEST_PAGE = 10
"""Smallest default page of any list. A first page with fewer items is the whole list."""

USUAL_PAGES = frozenset({10, 20, 25, 50, 100, 200, 500, 1000})
"""Lengths at which an API cuts pages."""

PASSES = 3
"""A list that changes between two pages is read from the beginning at most this often."""

PATIENCE = 6
"""After this many pages in a row without new items, the list is taken as complete, even if its total differs."""


def largest_page(path: str) -> int | None:
    """Largest page size of a list. None for lists without pages."""
    return next((most for pattern, most in _LARGEST_PAGES if re.fullmatch(pattern, path)), None)


def total_of(answer: Answer) -> int:
    """Total number of items by the API. 0 if not in the answer."""
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
    """Read all pages of a list.

    Args:
        transport: Sends the requests.
        path: Path of the list.
        read: Decodes a page.
        params: Query parameters of each request.
        page_size: Items per request. None: the largest page.
        enough: Called with the items so far. True ends the reading.

    Raises:
        ValueError: The API does not allow this page size.
    """
    pages = Pages(largest_page(path), page_size)
    items: dict[object, T] = {}
    while True:
        answer = await transport.send("GET", path, params=[*params, *pages.query()])
        page = transport.decode(f"GET {path}", answer, read)
        total = total_of(answer)
        if pages.is_all(len(page), total):
            return page
        keys = [_key(item) for item in page]
        is_whole = pages.add(keys, total)
        if is_whole and not items:
            return page
        items.update(zip(keys, page, strict=True))
        if is_whole or (enough is not None and enough(items.values())):
            return tuple(items.values())


class Pages:
    """Decides which page to request next, and when the list is complete."""

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
        """Number of pages in a row without new items."""
        self._furthest = 0
        self._passes = 0
        self._begin()

    def _begin(self) -> None:
        self._passes += 1
        self._order: list[object] = []
        """Keys by position, as read in this pass."""
        self._last: list[object] = []
        self._overlap = self._offset = self._repeats = 0
        self._has_changed = False

    def query(self) -> list[tuple[str, str]]:
        """Query parameters of the next page."""
        if self._size is None and not self._order and self._passes == 1:
            return []
        limit = min((self._size or USUAL_PAGE) + self._overlap, self._largest)
        return [("limit", str(limit)), ("offset", str(self._offset))]

    def is_all(self, length: int, total: int) -> bool:
        """Whether the first answer is the whole list, whatever is in it: a list without pages."""
        return self._size is None and self._passes == 1 and not self._order and total <= length

    def add(self, keys: list[object], total: int) -> bool:
        """Add the keys of the requested page. Returns whether the list is complete.

        Args:
            keys: The keys of the page's items.
            total: Total number of items. 0 if not known.
        """
        # All items after a known item are known, or on this page, or after this page.
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
        # One time may be a coincidence: as many new items as the offset of this page grew by.
        ignores_offset = self._repeats > 1 and len(keys) >= SHORTEST_PAGE
        if ignores_offset or self._is_last(len(keys), total, is_new=is_new):
            return self._end()
        return self._look_back(1)

    def _is_last(self, length: int, total: int, *, is_new: bool) -> bool:
        """Whether nothing can come after this page."""
        read = len(set(self._order))
        is_first = not self._overlap
        is_full = length in USUAL_PAGES or length == self._size
        if total == read and not (is_first and is_full):
            return True
        # A total below what was read counts something else.
        is_told_more = total > read
        if self._is_asked_for_all and is_first and not is_told_more and (self._size is None or length < SHORTEST_PAGE):
            return True
        return not length or (length == self._overlap == 1 and not is_new)

    def _look_back(self, overlap: int) -> bool:
        """Request the next page with this many items of overlap."""
        self._offset = max(0, len(self._order) - overlap)
        self._overlap = len(self._order) - self._offset
        return self._barren >= PATIENCE

    def _end(self) -> bool:
        """End this pass. Begin a new one if the list has changed."""
        if self._has_changed and self._passes < PASSES:
            self._begin()
            return False
        return True


def _key(item: object) -> object:
    return getattr(item, "uuid", None) or getattr(item, "id", None) or repr(item)
