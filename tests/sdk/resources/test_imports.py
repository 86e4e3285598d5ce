"""Imports from a URL, over the wire."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.sdk.documents import DISK
from tests.sdk.imports import CANCEL, found
from tests.sdk.sent import lines, requests
from upcloud_sdk.errors import ResourceFailed, WaitTimeout
from upcloud_sdk.models import ImportState

if TYPE_CHECKING:
    import respx

    from tests.sdk.clock import AutojumpClock
    from upcloud_sdk import UpCloud

ADDRESS = "https://example.com/disk.raw"


async def test_import_url_waits_and_reports_progress(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock
) -> None:
    start = api.post(f"/storage/{DISK}/import").respond(201, json=found())
    api.get(f"/storage/{DISK}/import").mock(
        side_effect=[
            httpx.Response(200, json=found("pending")),
            httpx.Response(503),
            httpx.Response(200, json=found("importing", read_bytes=50, client_content_length=100)),
            httpx.Response(200, json=found("completed", read_bytes=100, client_content_length=100)),
        ]
    )
    told: list[tuple[int, int | None]] = []

    done = await cloud.storages.import_url(DISK, ADDRESS, progress=lambda done, size: told.append((done, size)))

    assert done.state == ImportState.COMPLETED
    assert told == [(0, None), (50, 100), (100, 100)]
    (request,) = requests(start)
    assert json.loads(request.content) == {"storage_import": {"source": "http_import", "source_location": ADDRESS}}


@pytest.mark.parametrize("state", ["failed", "cancelling", "cancelled"])
async def test_a_failed_or_cancelled_import_raises_resource_failed(
    api: respx.MockRouter, cloud: UpCloud, state: str
) -> None:
    api.post(f"/storage/{DISK}/import").respond(201, json=found())
    why = found(state, error_code="HTTP_ERROR", error_message="It answered 404.")
    api.get(f"/storage/{DISK}/import").respond(200, json=why)

    with pytest.raises(ResourceFailed, match=rf"{state}': HTTP_ERROR: It answered 404\."):
        await cloud.storages.import_url(DISK, ADDRESS)
    assert CANCEL not in lines(api)


async def test_an_import_continues_after_the_timeout_of_its_caller(
    api: respx.MockRouter, cloud: UpCloud, clock: AutojumpClock
) -> None:
    api.post(f"/storage/{DISK}/import").respond(201, json=found())
    api.get(f"/storage/{DISK}/import").respond(200, json=found("importing"))

    with pytest.raises(WaitTimeout, match="last seen in state 'importing'") as caught:
        await cloud.storages.import_url(DISK, ADDRESS, timeout=60)
    assert caught.value.last is not None
    assert caught.value.last.state == ImportState.IMPORTING
    assert CANCEL not in lines(api)


@pytest.mark.parametrize("url", ["", "example.com/disk", "file:///etc/passwd", "ftp://example.com/disk"])
async def test_an_import_of_something_that_is_not_a_url_is_refused(
    api: respx.MockRouter, cloud: UpCloud, url: str
) -> None:
    with pytest.raises(ValueError, match=r"http\(s\) URL"):
        await cloud.storages.import_url(DISK, url)
    assert lines(api) == []


async def test_a_cancel_with_an_empty_answer_reads_the_import(api: respx.MockRouter, cloud: UpCloud) -> None:
    api.post(f"/storage/{DISK}/import/cancel").respond(204)
    api.get(f"/storage/{DISK}/import").respond(200, json=found("cancelled"))

    assert (await cloud.storages.cancel_import(DISK)).state == ImportState.CANCELLED
