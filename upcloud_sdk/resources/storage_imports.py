"""Imports into storages: from a URL, and by upload."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

from upcloud_sdk._background import WhileOpen
from upcloud_sdk._transport import path_segment
from upcloud_sdk._transport.base_url import is_loopback
from upcloud_sdk._wire import Envelope, one, uuid_of
from upcloud_sdk.errors import (
    NotOpen,
    OutcomeUnknown,
    ResourceFailed,
    ServerFault,
    UnexpectedAnswer,
    UpCloudError,
    WaitTimeout,
)
from upcloud_sdk.models.storage_imports import ImportState, StorageImport, UploadReceipt
from upcloud_sdk.resources._base import Namespace, endpoint
from upcloud_sdk.resources.upload_content import PLAIN, Content
from upcloud_sdk.waiting import poll

if TYPE_CHECKING:
    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.resources.upload_content import Progress, UploadFile

log = logging.getLogger("upcloud_sdk")

ContentType = Literal["application/octet-stream", "application/gzip", "application/x-xz"]

STALL_TIMEOUT = 60.0
"""Limit for an upload without progress, in seconds."""
ABORT_TIMEOUT = 15.0
"""Limit for the cancel of an import after a failed upload, in seconds."""

_IMPORT = one(StorageImport, "storage_import")
_RECEIPT = Envelope(UploadReceipt)
_ENDED = frozenset({ImportState.FAILED, ImportState.CANCELLING, ImportState.CANCELLED})


class StorageImports(Namespace):
    """Imports into storages. The disk must be detached, or its server stopped."""

    @endpoint("POST", "/storage/{uuid}/import")
    async def import_url(
        self, uuid: Uuid, url: str, *, progress: Progress | None = None, timeout: float = 3600.0
    ) -> StorageImport:
        """Fill a disk from an http(s) URL, and wait until that is done.

        UpCloud reads the URL, and unpacks gzip and xz. If the caller is cancelled, or the time is over, the import
        continues: `cancel_import` ends it.

        Args:
            uuid: Uuid of the disk, or the disk itself.
            url: A URL that UpCloud can reach.
            progress: Called with the bytes read so far and the total, which is None if it is not known.
            timeout: Limit for the whole import, in seconds.

        Raises:
            ResourceFailed: The import failed, or was cancelled.
            WaitTimeout: It was not done within `timeout` seconds.
            IllegalState: The disk is in use.
        """
        uuid = uuid_of(uuid)
        if not url.startswith(("http://", "https://")):
            raise ValueError("url must be the http(s) URL of an image")
        await self._start_import(uuid, {"source": "http_import", "source_location": url})
        return await self._wait_for_import(uuid, progress, timeout)

    @endpoint("POST", "/storage/{uuid}/import")
    async def upload(
        self,
        uuid: Uuid,
        file: UploadFile,
        *,
        content_type: ContentType | None = None,
        size: int | None = None,
        progress: Progress | None = None,
        timeout: float = 21600.0,
    ) -> StorageImport:
        """Fill a disk with a file, and wait until it is written.

        The SDK compares the written bytes with the sent bytes. It never repeats an upload. If the upload fails, or the
        caller is cancelled, it cancels the import.

        Args:
            uuid: Uuid of the disk, or the disk itself.
            file: A path, bytes, a file open in binary mode, or an async iterable of bytes. It is read in pieces of a
                megabyte while it is sent.
            content_type: Compression of the file. UpCloud unpacks gzip and xz. None: from the file name.
            size: Size of an async iterable in bytes, if known.
            progress: Called with the bytes sent so far and the total, which is None if it is not known.
            timeout: Limit for the whole upload, in seconds.

        Raises:
            ResourceFailed: The import failed, or the bytes written are not the bytes sent.
            WaitTimeout: It was not done within `timeout` seconds.
            NotSent, OutcomeUnknown: The connection to the upload host failed.
            IllegalState: The disk is in use.
        """
        uuid = uuid_of(uuid)
        clock = self._core.waits.clock
        ends = clock.now() + timeout
        async with Content(file, size=size, progress=progress) as content:
            done: StorageImport | None = None
            with clock.limit(timeout):
                done = await self._upload(uuid, content, content_type, ends)
        if done is None:
            raise WaitTimeout(f"upload to storage {uuid}: not done within {timeout:g} s")
        return done

    async def _upload(
        self, uuid: str, content: Content, content_type: ContentType | None, ends: float
    ) -> StorageImport:
        started: StorageImport | None = None
        try:
            started = await self._start_import(uuid, {"source": "direct_upload"})
            return await self._fill(uuid, started, content, content_type, ends)
        except BaseException as error:
            if started is not None or _may_have_begun(error):
                await self._abort(uuid)
            if content.failure is not None and error is not content.failure:
                raise content.failure from None
            raise

    @endpoint("GET", "/storage/{uuid}/import")
    async def get_import(self, uuid: Uuid) -> StorageImport:
        """The latest import into a storage.

        Raises:
            NotFound: There was none.
        """
        return await self._transport.call("GET", _path(uuid), _IMPORT)

    @endpoint("POST", "/storage/{uuid}/import/cancel")
    async def cancel_import(self, uuid: Uuid) -> StorageImport:
        """Stop the import into a storage. Its state is "cancelling", and then "cancelled".

        Raises:
            Conflict: No import is running.
        """
        path = f"{_path(uuid)}/cancel"
        answer = await self._transport.send("POST", path)
        if not answer.content:
            # The answer may not contain the import.
            return await self.get_import(uuid)
        return self._transport.decode(f"POST {path}", answer, _IMPORT)

    async def _start_import(self, uuid: str, document: dict[str, str]) -> StorageImport:
        return await self._transport.call("POST", _path(uuid), _IMPORT, json={"storage_import": document})

    async def _wait_for_import(self, uuid: str, progress: Progress | None, timeout: float) -> StorageImport:
        def reached(seen: StorageImport) -> bool:
            if progress is not None:
                progress(seen.read_bytes or 0, seen.client_content_length or None)
            if seen.state in _ENDED:
                reason = ": ".join(part for part in (seen.error_code, seen.error_message) if part)
                raise ResourceFailed("storage import", seen.uuid, seen.state, reason=reason)
            return seen.state == ImportState.COMPLETED

        what = f"import into storage {uuid} to be completed"
        with WhileOpen(self._transport.open_state, what):
            return await poll(
                lambda: self.get_import(uuid), reached, policy=self._core.waits, timeout=timeout, what=what
            )
        raise AssertionError("unreachable: the block returns or raises")

    async def _fill(
        self, uuid: str, started: StorageImport, content: Content, content_type: ContentType | None, ends: float
    ) -> StorageImport:
        kind = content_type or content.content_type()
        headers = {"content-type": kind}
        if content.size is not None:
            headers["content-length"] = str(content.size)
        call = f"PUT of the upload to storage {uuid}"
        url = self._upload_url(uuid, started)
        answer = await self._transport.upload(call, url, content, headers, limit=STALL_TIMEOUT)
        content.tell()
        receipt = self._transport.decode(call, answer, _RECEIPT)
        done = await self._wait_for_import(uuid, None, max(0.0, ends - self._core.waits.clock.now()))
        if kind == PLAIN:
            content.check(started.uuid, receipt.written_bytes, receipt.sha256sum, receipt.md5sum)
            content.check(started.uuid, done.written_bytes, done.sha256sum, done.md5sum)
        elif done.read_bytes not in {None, content.sent}:
            # The checksums are of the unpacked data. So only the number of bytes can be compared.
            reason = f"{done.read_bytes} bytes were read, but {content.sent} were sent"
            raise ResourceFailed("storage import", done.uuid, done.state, reason=reason)
        return done

    def _upload_url(self, uuid: str, started: StorageImport) -> str:
        call = f"POST {_path(uuid)}"
        parts = urlsplit(started.direct_upload_url or "")
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise UnexpectedAnswer(call, "StorageImport", "direct_upload_url", "it is not a URL")
        in_the_clear = parts.scheme == "http" and not is_loopback(parts.hostname)
        if in_the_clear and self._transport.base_url.startswith("https:"):
            raise UnexpectedAnswer(call, "StorageImport", "direct_upload_url", "it is plain http")
        return parts.geturl()

    async def _abort(self, uuid: str) -> None:
        async def cancel(_: object) -> None:
            try:
                with self._core.waits.clock.limit(ABORT_TIMEOUT):
                    await self._transport.send("POST", f"{_path(uuid)}/cancel")
            except UpCloudError as error:
                # It may have failed itself. If not, it is still there, and `get_import` shows it.
                log.debug("import into storage %s: could not cancel: %s", uuid, error)

        try:
            await self._core.background.run_owned(cancel, f"cancel of the import into {uuid}", uuid=uuid, outlast=True)
        except NotOpen:
            log.debug("import into storage %s: could not cancel: the client is closed", uuid)


def _path(uuid: Uuid) -> str:
    return f"/storage/{path_segment(uuid, 'uuid')}/import"


def _may_have_begun(error: BaseException) -> bool:
    """Whether an import may have begun, although its start was not answered."""
    return isinstance(error, OutcomeUnknown | ServerFault | UnexpectedAnswer) or not isinstance(error, Exception)
