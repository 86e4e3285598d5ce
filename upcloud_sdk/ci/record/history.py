"""The servers of the last month, from the file of a `ServerLog`."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from upcloud_sdk.ci.record.record import VERSION, RecordReader

if TYPE_CHECKING:
    from upcloud_sdk.ci.record.record import ServerRecord
    from upcloud_sdk.ci.record.server_log import ServerLog

log = logging.getLogger("upcloud_sdk")

_REMEMBERED = timedelta(days=32)
_FLUSH_WITHIN = 1.0


class RecordHistory:
    """Reads the file of a log, and later the lines added since. Use it in one thread at a time."""

    def __init__(self, servers: ServerLog) -> None:
        self._log = servers
        self._reader = RecordReader(servers.path)

    def read(self) -> list[ServerRecord]:
        """The servers of the last month, the oldest first, including those that are up. Blocks on the disk.

        If the file cannot be read, the list is empty, and the log of the process has the reason.
        """
        self._log.flush(_FLUSH_WITHIN)
        try:
            seen = [server.seen for server in self._reader.read().values() if server.seen is not None]
            # If this host's clock has jumped ahead, the record must not be forgotten.
            now = min(datetime.now(UTC), max(seen, default=datetime.now(UTC)))
            return list(self._reader.read(now - _REMEMBERED).values())
        except OSError as error:
            log.warning("%s cannot be read: %s", self._log.path, error)
            return []

    def problems(self) -> list[str]:
        """A sentence for each kind of line that could not be read last time."""
        found: list[str] = []
        name = self._log.path.name
        if self._reader.newest_version > VERSION:
            found.append(
                f"{name} was written by a newer version of upcloud-sdk, too: what this one does not know is left out."
            )
        if lines := self._reader.unreadable:
            found.append(f"{name}: {lines} {'line' if lines == 1 else 'lines'} could not be read: left out.")
        return found
