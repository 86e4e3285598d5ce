"""Processes the bytes of an import: unpacks and counts them, computes checksums, stores nothing."""

from __future__ import annotations

import hashlib
import lzma
import zlib
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator

_PIECE = 1024 * 1024
"""Maximum size of an unpacked piece."""


class _Unpacker(Protocol):
    @property
    def complete(self) -> bool: ...

    def feed(self, chunk: bytes) -> Iterator[bytes]: ...


class Content:
    """The content that is written into a storage.

    Args:
        kind: `application/gzip` and `application/x-xz` are unpacked. Other types are written unchanged.
        capacity: Size of the storage in bytes.
    """

    def __init__(self, kind: str, capacity: int) -> None:
        self._capacity = capacity
        self._unpacker: _Unpacker | None = None
        if kind in {"application/gzip", "application/x-gzip"}:
            self._unpacker = _Gzip()
        elif kind == "application/x-xz":
            self._unpacker = _Xz()
        self.read_bytes = self.written_bytes = 0
        self.md5 = hashlib.md5(usedforsecurity=False)
        self.sha256 = hashlib.sha256()

    def write(self, chunk: bytes) -> None:
        """Write a piece. Raises ValueError if it cannot be unpacked or does not fit."""
        self.read_bytes += len(chunk)
        for piece in [chunk] if self._unpacker is None else self._unpacker.feed(chunk):
            self.written_bytes += len(piece)
            if self.written_bytes > self._capacity:
                raise ValueError(f"The content does not fit into the storage of {self._capacity} bytes.")
            self.md5.update(piece)
            self.sha256.update(piece)

    def finish(self) -> None:
        """End the content. Raises ValueError if compressed content is incomplete."""
        if self._unpacker is not None and not self._unpacker.complete:
            raise ValueError("The compressed content ends too early.")


class _Gzip:
    """Unpacks all members of a gzip file."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(wbits=31)

    @property
    def complete(self) -> bool:
        return self._member.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while chunk:
                if self._member.eof:
                    self._member = zlib.decompressobj(wbits=31)
                yield self._member.decompress(chunk, _PIECE)
                chunk = self._member.unused_data if self._member.eof else self._member.unconsumed_tail
        except zlib.error as error:
            raise ValueError(f"The content is not gzip: {error}.") from None


class _Xz:
    """Unpacks all streams of an xz file."""

    def __init__(self) -> None:
        self._stream = lzma.LZMADecompressor()

    @property
    def complete(self) -> bool:
        return self._stream.eof

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        try:
            while chunk:
                if self._stream.eof:
                    self._stream = lzma.LZMADecompressor()
                yield self._stream.decompress(chunk, _PIECE)
                while not self._stream.needs_input and not self._stream.eof:
                    yield self._stream.decompress(b"", _PIECE)
                chunk = self._stream.unused_data if self._stream.eof else b""
        except lzma.LZMAError as error:
            raise ValueError(f"The content is not xz: {error}.") from None
