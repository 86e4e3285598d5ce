"""Documents of imports, and content for uploads."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from tests.sdk.documents import DISK

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator

CONTENT = bytes(range(256)) * 10_000
UPLOAD = "https://fi-hel1.img.upcloud.com/uploader/session/07a1b2c3"
START = f"POST /storage/{DISK}/import"
CANCEL = f"POST /storage/{DISK}/import/cancel"
PUT = f"PUT {UPLOAD.removeprefix('https://fi-hel1.img.upcloud.com')}"
LOOK = f"GET /storage/{DISK}/import"


def found(state: str = "prepared", **fields: object) -> dict[str, Any]:
    return {
        "storage_import": {
            "uuid": "07a1b2c3-d4e5-4f60-8a7b-0123456789ab",
            "state": state,
            "source": "direct_upload",
            "direct_upload_url": UPLOAD,
            "completed": "",
            "read_bytes": 0,
            "written_bytes": 0,
            "md5sum": "",
            "sha256sum": "",
            "error_code": "",
            "error_message": "",
            **fields,
        }
    }


def receipt(**wrong: object) -> dict[str, Any]:
    return {
        "written_bytes": len(CONTENT),
        "md5sum": hashlib.md5(CONTENT).hexdigest(),
        "sha256sum": hashlib.sha256(CONTENT).hexdigest(),
        **wrong,
    }


async def pieces(*given: bytes) -> AsyncGenerator[bytes]:
    """Content in pieces."""
    for piece in given:
        yield piece
