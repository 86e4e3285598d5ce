"""Audit logs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, Self, cast

from pydantic import model_validator

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import Envelope, Items, Resource
from upcloud_sdk.models.audit_logs import AuditLogEntry, AuditLogFilters
from upcloud_sdk.resources._base import Namespace, endpoint, written
from upcloud_sdk.resources._paging import SHORTEST_PAGE, total_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from upcloud_sdk._transport import Transport
    from upcloud_sdk._transport.streams import ByteStream

PAGE = 100
"""Largest page size that works for sure. The API's contract says 200 in one place, 100 in another."""
SMALLEST_PAGE = 10


class _Page(Resource):
    audit_logs: Items[AuditLogEntry] = ()

    @model_validator(mode="before")
    @classmethod
    def _unwrap(cls, document: object) -> dict[str, object]:
        """Unwrap the list. The API's reference does not say whether it is wrapped, so accept 0, 1 or 2 levels."""
        while isinstance(document, Mapping):
            inside = list(cast("Mapping[str, object]", document).values())
            document = next((value for value in inside if isinstance(value, list | Mapping)), ())  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]  # pydantic checks it
        return {"audit_logs": document}


_PAGE = Envelope(_Page)
_ENTRY = Envelope(AuditLogEntry)
_FILTERS = Envelope(AuditLogFilters)


class AuditLogs(Namespace):
    """`cloud.audit_logs`. Chapter "Audit logs" of the API, <https://developers.upcloud.com/1.3/>.

    The log covers the last months.
    """

    @endpoint("GET", "/audit-logs/export")
    def export(self, format: Literal["csv", "json"] = "csv") -> ByteStream:
        """The whole log as a file, as a stream: `async with cloud.audit_logs.export("csv") as stream: ...`.

        `await stream.read()` returns all of it.
        """
        return self._transport.stream("GET", "/audit-logs/export", params=[("format", format)])

    @endpoint("GET", "/audit-logs/{id}")
    async def get(self, id: str) -> AuditLogEntry:
        """One entry, with the resource before and after the event."""
        return await self._transport.call("GET", f"/audit-logs/{path_segment(id, 'id')}", _ENTRY)

    @endpoint("GET", "/audit-logs/filter-options")
    async def filter_options(self) -> AuditLogFilters:
        """The values that `actions`, `origins` and `resource_types` of `list` can have."""
        return await self._transport.call("GET", "/audit-logs/filter-options", _FILTERS)

    @endpoint("GET", "/audit-logs")
    def list(
        self,
        *,
        q: str | None = None,
        actions: Sequence[str] = (),
        origins: Sequence[str] = (),
        resource_types: Sequence[str] = (),
        created_after: datetime | None = None,
        created_before: datetime | None = None,
        page: int = PAGE,
    ) -> AuditLogPages:
        """Read the log, page by page: `async for entries in cloud.audit_logs.list(): ...`.

        Args:
            q: Only entries with this user name, uuid or IP address.
            actions: Only these actions, such as `create`, `delete` or `login`.
            origins: Only these origins: `api`, `gui` or `upcloud_internal`.
            resource_types: Only these types, such as `server` or `storage`.
            created_after: Only entries after this time, with a time zone.
            created_before: Only entries before this time, with a time zone.
            page: Entries per page, 10 to 100.
        """
        if not SMALLEST_PAGE <= page <= PAGE:
            raise ValueError(f"page is {page}: a page has {SMALLEST_PAGE} to {PAGE} entries")
        params = [("q", q)] if q is not None else []
        for name, values in (("actions", actions), ("origins", origins), ("resource_types", resource_types)):
            if isinstance(values, str):
                raise TypeError(f"{name} is a sequence of words: write {name}=[{values!r}]")
            params += [(name, value) for value in values]
        for name, moment in (("created_after", created_after), ("created_before", created_before)):
            if moment is not None:
                params.append((name, written(name, moment)))
        return AuditLogPages(self._transport, params, page)


class AuditLogPages:
    """The audit log, page by page: an async iterator over tuples of entries, each entry once."""

    def __init__(self, transport: Transport, params: Sequence[tuple[str, str]], size: int) -> None:
        self._transport, self._params, self._size = transport, params, size
        self._seen, self._pages, self._total = 0, 0, 0
        self._counts_pages: bool | None = None
        """Whether an offset counts pages. None until it is known."""
        self._last: tuple[AuditLogEntry, ...] = ()
        self._is_over = False

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> tuple[AuditLogEntry, ...]:
        while not self._is_over:
            offset = self._next_offset()
            entries = await self._page(offset)
            fresh = tuple(entry for entry in entries if entry not in self._last)
            if self._counts_pages is None and self._pages:
                # At offset 2: if offsets count pages, all entries are new. If they count entries, it may be missing.
                self._counts_pages = len(fresh) == len(entries) if offset == 2 else not entries
                self._is_over = not fresh and not self._counts_pages
            else:
                self._is_over = not fresh
            if fresh:
                self._last, self._pages, self._seen = entries, self._pages + 1, self._seen + len(fresh)
                # The API may send smaller pages than requested. Only a short first page is the whole log.
                is_short = self._pages == 1 and len(entries) < SHORTEST_PAGE
                # A total below the number of entries read counts something else.
                self._is_over = self._seen == self._total or (is_short and self._seen > self._total)
                return fresh
        raise StopAsyncIteration

    def _next_offset(self) -> int:
        # By the reference, the offsets 0 and 1 return the same page. So an offset counts entries from 0, or entries
        # from 1 (then one entry comes twice), or pages.
        if self._counts_pages is None and self._pages and not 0 < self._total <= (self._seen - 1) * self._size:
            return 2
        return self._pages + 1 if self._counts_pages else self._seen

    async def _page(self, offset: int) -> tuple[AuditLogEntry, ...]:
        params = [*self._params, ("limit", str(self._size)), ("offset", str(offset))]
        answer = await self._transport.send("GET", "/audit-logs", params=params)
        self._total = total_of(answer)
        return self._transport.decode("GET /audit-logs", answer, _PAGE).audit_logs
