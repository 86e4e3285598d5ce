"""Imports into storages. Chapter "Storages" of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, OpenEnum, Resource, Time


class ImportState(OpenEnum):
    """State of an import."""

    PREPARED = "prepared"
    """Waiting for data."""
    PENDING = "pending"
    IMPORTING = "importing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class ImportSource(OpenEnum):
    """Source of an import's data."""

    DIRECT_UPLOAD = "direct_upload"
    HTTP_IMPORT = "http_import"


class StorageImport(Resource):
    """An import of data into a storage."""

    uuid: str
    state: ImportState
    source: ImportSource | None = None
    source_location: str | None = None
    """For `http_import`: the URL to read."""
    direct_upload_url: str | None = Field(default=None, repr=False)
    """For `direct_upload`: the URL to send the data to. It is secret: everybody who knows it can send data."""
    created: Time | None = None
    completed: Annotated[Time | None, EmptyIsNone] = None
    read_bytes: int | None = None
    """Bytes received so far."""
    written_bytes: int | None = None
    """Bytes written so far. More than `read_bytes` for compressed data."""
    client_content_length: int | None = None
    """Size of the data in bytes. 0 if not known yet."""
    client_content_type: str | None = None
    md5sum: str | None = None
    """MD5 of the written data."""
    sha256sum: str | None = None
    """SHA-256 of the written data."""
    error_code: str | None = None
    error_message: str | None = None


class UploadReceipt(Resource):
    """Answer of the upload host: the data that it has written."""

    written_bytes: int | None = None
    md5sum: str | None = None
    sha256sum: str | None = None
