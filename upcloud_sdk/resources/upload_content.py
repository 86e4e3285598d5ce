"""The content of an upload: reads it in pieces, counts bytes and computes checksums."""

from __future__ import annotations

import hashlib
import io
import mmap
import os
from collections.abc import AsyncIterable, AsyncIterator, Callable
from pathlib import Path
from typing import BinaryIO, Self, cast

import anyio.to_thread

from upcloud_sdk.errors import ResourceFailed

Progress = Callable[[int, int | None], object]
"""Called with the bytes done and the total. The total is None if not known."""

UploadFile = str | os.PathLike[str] | bytes | bytearray | memoryview | mmap.mmap | BinaryIO | AsyncIterable[bytes]
"""Content of an upload: a path, bytes, a file open in binary mode, or an async iterable of bytes."""

PIECE = 1 << 20
"""Size of a piece, in bytes."""

_TYPES = {".gz": "application/gzip", ".xz": "application/x-xz"}
PLAIN = "application/octet-stream"


class Content:
    """The bytes of one upload: an async iterator for one pass, which reads files in a thread."""

    def __init__(self, file: UploadFile, *, size: int | None, progress: Progress | None) -> None:
        self._given, self._progress = file, progress
        self._source: BinaryIO | AsyncIterator[bytes] | None = None
        self._opened: BinaryIO | None = None
        self._given_size, self.size = size, size
        """Size in bytes. None if not known before the end."""
        self._is_measured = False
        """Whether the size is that of a file, which can grow meanwhile."""
        self.sent = 0
        """Bytes sent so far."""
        self._handed_over = 0
        self._sha256, self._md5 = hashlib.sha256(), hashlib.md5(usedforsecurity=False)
        self.failure: Exception | None = None
        """Error of the source, to tell it from an error of the connection."""

    @property
    def sha256(self) -> str:
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        return self._md5.hexdigest()

    def content_type(self) -> str:
        """Content type by the file name: gzip, xz, or plain."""
        given = self._given
        name: object = os.fspath(given) if isinstance(given, str | os.PathLike) else getattr(given, "name", "")
        return _TYPES.get(Path(name).suffix.lower(), PLAIN) if isinstance(name, str) else PLAIN

    async def __aenter__(self) -> Self:
        file = self._given
        if isinstance(file, AsyncIterable):
            self._source = aiter(file)
            return self
        if isinstance(file, bytes | bytearray | memoryview):
            source: BinaryIO = io.BytesIO(file)
        elif isinstance(file, str | os.PathLike):
            source = self._opened = await anyio.to_thread.run_sync(_open, Path(file))
        elif callable(getattr(file, "read", None)):
            source = cast("BinaryIO", file)
        else:
            raise TypeError("file must be a path, bytes, a file open in binary mode, or an async iterable of bytes")
        self._source = source
        try:
            await self._measure(source)
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _measure(self, source: BinaryIO) -> None:
        self.size = await anyio.to_thread.run_sync(_size_of, source)
        self._is_measured = self.size is not None
        if self.size is None:
            self.size = self._given_size
        elif self._given_size not in {None, self.size}:
            raise ValueError(f"size is {self._given_size}, but the file has {self.size} bytes: leave out size")

    async def __aexit__(self, *_: object) -> None:
        if self._opened is not None:
            self._opened.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        self.tell()
        try:
            piece = await self._next()
        except Exception as error:
            self.failure = error
            raise
        if not piece:
            raise StopAsyncIteration
        self._handed_over += len(piece)
        return piece

    def tell(self) -> None:
        """Report progress. The connection requests the next piece after it has sent the previous one."""
        if self._handed_over > self.sent:
            self.sent = self._handed_over
            if self._progress is not None:
                self._progress(self.sent, self.size)

    async def _next(self) -> bytes:
        assert self._source is not None
        if isinstance(self._source, AsyncIterator):
            piece = await self._next_of(self._source)
        else:
            piece = await anyio.to_thread.run_sync(self._read, self._source)
        have = self._handed_over + len(piece)
        if self.size is not None and (have > self.size or (not piece and have < self.size)):
            raise ValueError(f"expected {self.size} bytes, but there are {'more' if piece else have}")
        return piece

    async def _next_of(self, pieces: AsyncIterator[bytes]) -> bytes:
        async for piece in pieces:
            if piece:
                self._sum(piece)
                return piece
        return b""

    def _read(self, source: BinaryIO) -> bytes:
        left = PIECE if self.size is None else min(PIECE, self.size - self._handed_over)
        # At its end, one more byte shows that a file has grown. A pipe could wait for it.
        piece = source.read(left or (1 if self._is_measured else 0))
        if not isinstance(cast("object", piece), bytes):
            raise TypeError("the file is open in text mode: open it in binary mode, 'rb'")
        self._sum(piece)
        return piece

    def _sum(self, piece: bytes) -> None:
        self._sha256.update(piece)
        self._md5.update(piece)

    def check(self, uuid: str, written: int | None, sha256: str | None, md5: str | None) -> None:
        """Compare the written data with the sent data. A checksum that the API does not send is not compared.

        Raises:
            ResourceFailed: They differ.
        """
        told = {"written_bytes": written, "sha256sum": sha256 and sha256.lower(), "md5sum": md5 and md5.lower()}
        ours = {"written_bytes": self.sent, "sha256sum": self.sha256, "md5sum": self.md5}
        wrong = [name for name, value in told.items() if value not in {None, "", ours[name]}]
        if wrong:
            facts = ", ".join(f"{name} is {told[name]}, sent was {ours[name]}" for name in wrong)
            raise ResourceFailed("storage import", uuid, "completed", reason=f"written and sent data differ: {facts}")


def _open(path: Path) -> BinaryIO:
    return path.open("rb")


def _size_of(file: BinaryIO) -> int | None:
    """Bytes from the current position of a file to its end. None if not known, as for a pipe."""
    try:
        # A memory map has it since Python 3.13, and its `seek` returned nothing before.
        is_seekable = getattr(file, "seekable", None)
        if is_seekable is not None and not is_seekable():
            return None
        here = file.tell()
        file.seek(0, io.SEEK_END)
        size = file.tell() - here
        file.seek(here)
    except AttributeError:
        return None
    return size
