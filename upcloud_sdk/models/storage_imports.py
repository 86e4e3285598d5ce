"""Imports into storages. Chapter "Storages" of the API."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from upcloud_sdk._wire import EmptyIsNone, OpenEnum, Resource, Time


class ImportState(OpenEnum):
    """Where an import is."""

    PREPARED = "prepared"
    """It waits for its data."""
    PENDING = "pending"
    IMPORTING = "importing"
    COMPLETED = "completed"
    FAILED = "failed"
    CANCELLING = "cancelling"
    CANCELLED = "cancelled"


class ImportSource(OpenEnum):
    """Where the data of an import comes from."""

    DIRECT_UPLOAD = "direct_upload"
    HTTP_IMPORT = "http_import"


class StorageImport(Resource):
    """An import of data into a storage."""

    uuid: str
    state: ImportState
    source: ImportSource | None = None
    source_location: str | None = None
    """The address that is read, of `http_import`."""
    direct_upload_url: str | None = Field(default=None, repr=False)
    """Where the data is to be sent, of `direct_upload`, without credentials: whoever knows it can send."""
    created: Time | None = None
    completed: Annotated[Time | None, EmptyIsNone] = None
    read_bytes: int = 0
    """Bytes that have been read, as they came."""
    written_bytes: int = 0
    """Bytes that have been written: more than were read, if they came compressed."""
    client_content_length: int = 0
    """Bytes that there are to read; 0 while that is not known."""
    client_content_type: str = ""
    md5sum: str = ""
    """Of what was written."""
    sha256sum: str = ""
    """Of what was written."""
    error_code: str = ""
    error_message: str = ""


class UploadReceipt(Resource):
    """What the upload host says it has written."""

    written_bytes: int = 0
    md5sum: str = ""
    sha256sum: str = ""
