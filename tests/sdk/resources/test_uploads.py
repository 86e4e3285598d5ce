"""Uploads over the wire: requests to each host, results, and failures."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import os
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import anyio
import httpx
import pytest

from tests.sdk.documents import DISK
from tests.sdk.imports import CANCEL, CONTENT, LOOK, PUT, START, UPLOAD, found, pieces, receipt
from tests.sdk.interrupting import WAYS
from tests.sdk.sent import lines, requests
from tests.skips import WINDOWS
from upcloud_sdk.errors import (
    Conflict,
    InvalidRequest,
    OutcomeUnknown,
    ResourceFailed,
    UnexpectedAnswer,
    WaitTimeout,
)
from upcloud_sdk.models import ImportState

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator
    from pathlib import Path

    import respx

    from tests.sdk.clock import AutojumpClock
    from tests.sdk.interrupting import Way
    from upcloud_sdk import UpCloud


@pytest.fixture
def host(api: respx.MockRouter) -> respx.Route:
    """The upload host, and an API that starts, completes and cancels imports."""
    api.post(f"/storage/{DISK}/import").respond(201, json=found())
    size = len(CONTENT)
    api.get(f"/storage/{DISK}/import").respond(200, json=found("completed", read_bytes=size, written_bytes=size))
    api.post(f"/storage/{DISK}/import/cancel").respond(200, json=found("cancelling"))
    return api.put(UPLOAD).respond(200, json=receipt())


Answer = httpx.Response | Exception


# --- requests ---------------------------------------------------------------------------------------------------------


async def test_the_upload_host_gets_the_content_and_no_credentials(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    done = await cloud.storages.upload(DISK, CONTENT)

    assert done.state == ImportState.COMPLETED
    assert lines(api) == [START, PUT, LOOK]
    start, put, _ = requests(api)
    assert json.loads(start.content) == {"storage_import": {"source": "direct_upload"}}
    assert "authorization" not in put.headers
    assert put.headers["content-type"] == "application/octet-stream"
    assert put.headers["content-length"] == str(len(CONTENT))
    assert put.content == CONTENT
    assert host.call_count == 1


async def test_content_of_unknown_length_is_sent_in_chunks(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    await cloud.storages.upload(DISK, pieces(CONTENT[:1000], b"", CONTENT[1000:]))

    (put,) = requests(host)
    assert put.headers["transfer-encoding"] == "chunked"
    assert "content-length" not in put.headers
    assert put.content == CONTENT


@pytest.mark.skipif(sys.platform == "win32", reason=WINDOWS)
async def test_a_pipe_is_sent_in_chunks(api: respx.MockRouter, cloud: UpCloud, host: respx.Route) -> None:
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as into, os.fdopen(reading, "rb") as pipe:
        into.write(b"what comes out of a pipe")
        into.close()
        host.respond(200, json={})
        api.get(f"/storage/{DISK}/import").respond(200, json=found("completed", read_bytes=24, written_bytes=24))
        await cloud.storages.upload(DISK, pipe)

    (put,) = requests(host)
    assert put.headers["transfer-encoding"] == "chunked"
    assert put.content == b"what comes out of a pipe"


async def test_a_given_size_is_the_content_length(cloud: UpCloud, host: respx.Route) -> None:
    await cloud.storages.upload(DISK, pieces(CONTENT), size=len(CONTENT))

    assert requests(host)[0].headers["content-length"] == str(len(CONTENT))


@pytest.mark.parametrize(
    ("name", "sent"),
    [
        ("disk.img", "application/octet-stream"),
        ("disk.img.gz", "application/gzip"),
        ("disk.img.XZ", "application/x-xz"),
    ],
)
async def test_the_content_type_follows_from_the_file_name(
    cloud: UpCloud, host: respx.Route, tmp_path: Path, name: str, sent: str
) -> None:
    path = tmp_path / name
    path.write_bytes(CONTENT)

    await cloud.storages.upload(DISK, path)
    with path.open("rb") as file:
        await cloud.storages.upload(DISK, file)

    assert [each.headers["content-type"] for each in requests(host)] == [sent, sent]


async def test_a_given_content_type_overrides_the_file_name(cloud: UpCloud, host: respx.Route, tmp_path: Path) -> None:
    path = tmp_path / "disk.gz"
    path.write_bytes(CONTENT)

    await cloud.storages.upload(DISK, path, content_type="application/octet-stream")

    assert requests(host)[0].headers["content-type"] == "application/octet-stream"


async def test_an_upload_url_with_plain_http_is_refused(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    api.post(f"/storage/{DISK}/import").respond(201, json=found(direct_upload_url=UPLOAD.replace("https", "http")))

    with pytest.raises(UnexpectedAnswer, match="it is plain http"):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START, CANCEL]


@pytest.mark.parametrize("url", [None, "", "ftp://example.com/x"])
async def test_without_an_upload_url_nothing_is_sent(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, url: str | None
) -> None:
    api.post(f"/storage/{DISK}/import").respond(201, json=found(direct_upload_url=url))

    with pytest.raises(UnexpectedAnswer, match="direct_upload_url"):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START, CANCEL]


# --- results ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "wrong",
    [{"sha256sum": "00" * 32}, {"md5sum": "00" * 16}, {"written_bytes": len(CONTENT) - 1}, {"written_bytes": 0}],
    ids=str,
)
async def test_written_bytes_and_checksums_are_compared_with_the_sent_ones(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, wrong: dict[str, object]
) -> None:
    host.respond(200, json=receipt(**wrong))

    with pytest.raises(ResourceFailed, match=next(iter(wrong))):
        await cloud.storages.upload(DISK, CONTENT)


async def test_the_checksums_of_the_import_are_compared_too(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    host.respond(200, json={})
    api.get(f"/storage/{DISK}/import").respond(200, json=found("completed", **receipt(sha256sum="00" * 32)))

    with pytest.raises(ResourceFailed, match="sha256sum"):
        await cloud.storages.upload(DISK, CONTENT)


async def test_checksums_are_compared_regardless_of_case(cloud: UpCloud, host: respx.Route) -> None:
    host.respond(200, json=receipt(sha256sum=hashlib.sha256(CONTENT).hexdigest().upper()))

    assert (await cloud.storages.upload(DISK, CONTENT)).state == ImportState.COMPLETED


async def test_for_compressed_content_only_the_read_bytes_are_compared(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    packed = gzip.compress(CONTENT)
    host.respond(200, json=receipt())
    whole = found("completed", read_bytes=len(packed), **receipt())
    api.get(f"/storage/{DISK}/import").respond(200, json=whole)

    done = await cloud.storages.upload(DISK, packed, content_type="application/gzip")
    assert done.written_bytes == len(CONTENT)

    for read_bytes in (len(packed) - 1, 0):
        whole["storage_import"]["read_bytes"] = read_bytes
        api.get(f"/storage/{DISK}/import").respond(200, json=whole)
        with pytest.raises(ResourceFailed, match="bytes were read"):
            await cloud.storages.upload(DISK, packed, content_type="application/gzip")


async def test_the_error_of_a_failed_import_has_the_reason(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    broken = found("failed", error_code="WRITE_FAILED", error_message="The disk is too small.")
    api.get(f"/storage/{DISK}/import").respond(200, json=broken)

    with pytest.raises(ResourceFailed, match=r"'failed': WRITE_FAILED: The disk is too small\.") as caught:
        await cloud.storages.upload(DISK, CONTENT)
    assert (caught.value.kind, caught.value.state) == ("storage import", "failed")


# --- failures ---------------------------------------------------------------------------------------------------------


async def test_an_upload_to_a_disk_in_use_raises_a_conflict_and_sends_nothing_else(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    api.post(f"/storage/{DISK}/import").respond(
        409, json={"error": {"error_code": "IMPORT_UNAVAILABLE", "error_message": "In progress."}}
    )

    with pytest.raises(Conflict):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START]


@pytest.mark.parametrize("answer", [httpx.Response(502), httpx.ReadError("lost")])
async def test_a_start_of_unknown_outcome_is_not_repeated_and_is_cancelled(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, answer: Answer
) -> None:
    api.post(f"/storage/{DISK}/import").mock(side_effect=[answer])

    with pytest.raises(Exception, match="POST"):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START, CANCEL]


async def test_a_broken_connection_is_not_repeated_and_the_import_is_cancelled(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    host.mock(side_effect=httpx.WriteError("broken"))

    with pytest.raises(OutcomeUnknown, match=f"PUT of the upload to storage {DISK}"):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START, PUT, CANCEL]


async def test_a_refusal_of_the_upload_host_is_raised_and_the_import_is_cancelled(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    host.respond(400, json={"error": {"error_code": "INVALID_REQUEST", "error_message": "No."}})

    with pytest.raises(InvalidRequest, match=r"No\."):
        await cloud.storages.upload(DISK, CONTENT)
    assert lines(api) == [START, PUT, CANCEL]


@pytest.mark.parametrize("answer", [httpx.Response(409), httpx.Response(500), httpx.ReadError("lost")])
async def test_a_failed_cancel_does_not_hide_the_error(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, answer: Answer
) -> None:
    host.mock(side_effect=httpx.WriteError("broken"))
    api.post(f"/storage/{DISK}/import/cancel").mock(side_effect=[answer])

    with pytest.raises(OutcomeUnknown):
        await cloud.storages.upload(DISK, CONTENT)


async def test_a_source_that_fails_raises_its_own_error_and_the_import_is_cancelled(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route
) -> None:
    async def breaks() -> AsyncIterator[bytes]:
        yield CONTENT
        raise OSError("the tape is torn")

    with pytest.raises(OSError, match="the tape is torn"):
        await cloud.storages.upload(DISK, breaks())
    assert lines(api)[-1] == CANCEL


@pytest.mark.parametrize(("more", "says"), [(1, "expected"), (-1, "there are more")])
async def test_content_of_another_length_than_given_is_an_error(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, more: int, says: str
) -> None:
    with pytest.raises(ValueError, match=says):
        await cloud.storages.upload(DISK, pieces(CONTENT), size=len(CONTENT) + more)
    assert lines(api)[-1] == CANCEL


async def test_a_file_that_grows_during_the_upload_is_an_error(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, tmp_path: Path
) -> None:
    path = tmp_path / "disk.img"
    path.write_bytes(CONTENT)

    def grow(_: int, __: int | None) -> None:
        with path.open("ab") as file:
            file.write(b"more")

    with pytest.raises(ValueError, match="there are more"):
        await cloud.storages.upload(DISK, path, progress=grow)
    assert lines(api)[-1] == CANCEL


async def test_a_file_that_cannot_be_read_is_an_error_before_anything_is_sent(
    api: respx.MockRouter, cloud: UpCloud, tmp_path: Path
) -> None:
    with pytest.raises(FileNotFoundError):
        await cloud.storages.upload(DISK, tmp_path / "nothing")
    path = tmp_path / "disk.img"
    path.write_bytes(b"abc")
    with pytest.raises(ValueError, match=r"size is 1, but the file has 3 bytes"):
        await cloud.storages.upload(DISK, path, size=1)
    assert lines(api) == []


async def test_a_file_that_is_open_as_text_is_refused(api: respx.MockRouter, cloud: UpCloud, host: respx.Route) -> None:
    text: Any = io.StringIO("text")

    with pytest.raises(TypeError, match="open it in binary mode"):
        await cloud.storages.upload(DISK, text)
    assert lines(api)[-1] == CANCEL


@asynccontextmanager
async def _stuck() -> AsyncGenerator[tuple[anyio.Event, AsyncGenerator[bytes]]]:
    """A source that sends one piece and then hangs, and an event that is set then."""
    began = anyio.Event()

    async def stuck() -> AsyncGenerator[bytes]:
        yield CONTENT
        began.set()
        await anyio.sleep_forever()

    source = stuck()
    try:
        yield began, source
    finally:
        with anyio.CancelScope(shield=True):
            await source.aclose()


@pytest.mark.parametrize(("anyio_backend", "interrupted"), WAYS)
async def test_the_import_of_an_interrupted_caller_is_cancelled(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, interrupted: Way
) -> None:
    async with _stuck() as (began, source):
        await interrupted(lambda: cloud.storages.upload(DISK, source), began.wait)
    assert lines(api)[0] == START
    assert lines(api)[-1] == CANCEL


async def test_an_upload_ends_at_its_timeout(
    api: respx.MockRouter, cloud: UpCloud, host: respx.Route, clock: AutojumpClock
) -> None:
    async def slow() -> AsyncGenerator[bytes]:
        yield CONTENT
        await clock.sleep(7200)

    source = slow()
    with pytest.raises(WaitTimeout, match="not done within 3600 s"):
        await cloud.storages.upload(DISK, source, timeout=3600)
    await source.aclose()
    assert lines(api)[-1] == CANCEL
