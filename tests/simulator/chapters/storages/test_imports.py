"""Imports into storages, from a URL and by an upload."""

from __future__ import annotations

import gzip
import hashlib
import lzma
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.documents import Document, new_storage, refusal, running
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from upcloud_sdk.simulator import ManualClock

pytestmark = pytest.mark.anyio

ADDRESS = "https://example.com/disk.raw"
CONTENT = b"\x00\x01" * 50_000


@pytest.fixture
async def storage(api: httpx.AsyncClient) -> str:
    uuid: str = (await new_storage(api))["uuid"]
    return uuid


async def _start(api: httpx.AsyncClient, storage: str, **fields: str) -> Document:
    answer = await api.post(f"/storage/{storage}/import", json={"storage_import": fields})
    assert answer.status_code == 201, answer.text
    started: Document = answer.json()["storage_import"]
    return started


async def _read(api: httpx.AsyncClient, storage: str) -> Document:
    found: Document = (await api.get(f"/storage/{storage}/import")).json()["storage_import"]
    return found


async def _state(api: httpx.AsyncClient, storage: str) -> str:
    found: str = (await api.get(f"/storage/{storage}")).json()["storage"]["state"]
    return found


@pytest.fixture
async def upload(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the upload host: without credentials."""
    async with httpx.AsyncClient(transport=sim.transport()) as client:
        yield client


async def test_a_download_goes_through_its_states(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator, storage: str
) -> None:
    sim.downloads[ADDRESS] = CONTENT
    started = await _start(api, storage, source="http_import", source_location=ADDRESS)
    assert started["uuid"].startswith("07")
    assert (started["completed"], started["md5sum"], started["read_bytes"]) == ("", "", 0)
    seen = [(started["state"], await _state(api, storage))]
    for _ in range(6):
        clock.advance(0.25)
        seen.append(((await _read(api, storage))["state"], await _state(api, storage)))
    assert seen == [
        ("prepared", "maintenance"),
        ("pending", "maintenance"),
        ("importing", "maintenance"),
        ("importing", "maintenance"),
        ("completed", "syncing"),
        ("completed", "syncing"),
        ("completed", "online"),
    ]
    done = await _read(api, storage)
    assert (done["read_bytes"], done["written_bytes"], done["client_content_length"]) == (len(CONTENT),) * 3
    assert done["sha256sum"] == hashlib.sha256(CONTENT).hexdigest()
    assert done["md5sum"] == hashlib.md5(CONTENT, usedforsecurity=False).hexdigest()
    assert done["completed"] == "2026-01-01T00:00:01Z"


async def test_a_download_shows_its_progress(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator, storage: str
) -> None:
    sim.downloads[ADDRESS] = CONTENT
    await _start(api, storage, source="http_import", source_location=ADDRESS)
    clock.advance(0.75)
    assert (await _read(api, storage))["read_bytes"] == len(CONTENT) // 2


async def test_the_content_of_an_unknown_url_is_the_url_itself(
    api: httpx.AsyncClient, clock: ManualClock, storage: str
) -> None:
    await _start(api, storage, source="http_import", source_location=ADDRESS)
    clock.advance(2)
    assert (await _read(api, storage))["sha256sum"] == hashlib.sha256(ADDRESS.encode()).hexdigest()


async def test_a_download_that_fails_says_why_and_frees_the_storage(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator, storage: str
) -> None:
    sim.downloads[ADDRESS] = None
    await _start(api, storage, source="http_import", source_location=ADDRESS)
    clock.advance(2)
    failed = await _read(api, storage)
    assert (failed["state"], failed["error_code"]) == ("failed", "IMPORT_FAILURE")
    assert ADDRESS in failed["error_message"]
    assert await _state(api, storage) == "online"


async def test_an_import_can_be_cancelled(api: httpx.AsyncClient, clock: ManualClock, storage: str) -> None:
    await _start(api, storage, source="http_import", source_location=ADDRESS)
    answer = await api.post(f"/storage/{storage}/import/cancel")
    assert (answer.status_code, answer.json()["storage_import"]["state"]) == (202, "cancelling")
    clock.advance(1)
    assert ((await _read(api, storage))["state"], await _state(api, storage)) == ("cancelled", "online")
    again = await api.post(f"/storage/{storage}/import/cancel")
    assert refusal(again) == (409, "STORAGE_IMPORT_NOT_IN_PROGRESS")


async def test_an_upload_can_be_created_with_an_empty_source_location(api: httpx.AsyncClient, storage: str) -> None:
    """The official Go client sends it."""
    started = await _start(api, storage, source="direct_upload", source_location="")
    assert started["state"] == "prepared"


async def test_an_upload_shows_its_length_and_checksums(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, clock: ManualClock, storage: str
) -> None:
    started = await _start(api, storage, source="direct_upload")
    assert started["direct_upload_url"] == f"https://fi-hel1.img.upcloud.com/uploader/session/{started['uuid']}"
    headers = {"content-type": "application/octet-stream"}
    answer = await upload.put(started["direct_upload_url"], content=CONTENT, headers=headers)
    assert answer.status_code == 200
    assert answer.json() == {
        "md5sum": hashlib.md5(CONTENT, usedforsecurity=False).hexdigest(),
        "sha256sum": hashlib.sha256(CONTENT).hexdigest(),
        "written_bytes": len(CONTENT),
    }
    done = await _read(api, storage)
    assert (done["state"], done["client_content_length"], done["client_content_type"]) == (
        "completed",
        len(CONTENT),
        "application/octet-stream",
    )
    assert await _state(api, storage) == "syncing"
    clock.advance(1)
    assert await _state(api, storage) == "online"


@pytest.mark.parametrize(
    ("kind", "packed"),
    [
        ("application/gzip", gzip.compress(CONTENT)),
        ("application/gzip", gzip.compress(CONTENT[:70]) + gzip.compress(CONTENT[70:])),
        ("application/x-xz", lzma.compress(CONTENT)),
        ("application/x-xz", lzma.compress(CONTENT[:70]) + lzma.compress(CONTENT[70:])),
    ],
    ids=["gzip", "gzip in two members", "xz", "xz in two streams"],
)
async def test_the_checksums_of_a_compressed_upload_are_those_of_the_unpacked_data(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str, kind: str, packed: bytes
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(packed), 33):
            yield packed[start : start + 33]

    started = await _start(api, storage, source="direct_upload")
    answer = await upload.put(started["direct_upload_url"], content=pieces(), headers={"content-type": kind})
    assert answer.json()["sha256sum"] == hashlib.sha256(CONTENT).hexdigest()
    done = await _read(api, storage)
    assert (done["read_bytes"], done["written_bytes"]) == (len(packed), len(CONTENT))


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("application/gzip", CONTENT),
        ("application/gzip", gzip.compress(CONTENT)[:-10]),
        ("application/x-xz", CONTENT),
        ("application/x-xz", lzma.compress(CONTENT)[:-10]),
    ],
)
async def test_a_broken_compressed_upload_fails(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str, kind: str, body: bytes
) -> None:
    started = await _start(api, storage, source="direct_upload")
    answer = await upload.put(started["direct_upload_url"], content=body, headers={"content-type": kind})
    assert refusal(answer) == (400, "INVALID_REQUEST")
    failed = await _read(api, storage)
    assert (failed["state"], failed["error_code"]) == ("failed", "CLIENT_FAILURE")
    assert await _state(api, storage) == "online"


async def test_an_upload_that_does_not_fit_fails(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, sim: Simulator, storage: str
) -> None:
    sim.storages[storage].size = 0
    started = await _start(api, storage, source="direct_upload")
    answer = await upload.put(started["direct_upload_url"], content=CONTENT)
    assert refusal(answer) == (400, "INVALID_REQUEST")
    assert "fit" in (await _read(api, storage))["error_message"]


async def test_the_upload_host_refuses_requests_with_credentials(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str
) -> None:
    started = await _start(api, storage, source="direct_upload")
    leaking = await upload.put(started["direct_upload_url"], content=CONTENT, auth=("user", "password"))
    assert refusal(leaking) == (400, "INVALID_REQUEST")
    assert (await _read(api, storage))["state"] == "prepared"
    assert (await upload.put(started["direct_upload_url"], content=CONTENT)).status_code == 200


async def test_an_upload_session_can_be_used_once(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str
) -> None:
    url = (await _start(api, storage, source="direct_upload"))["direct_upload_url"]
    await upload.put(url, content=CONTENT)
    assert refusal(await upload.put(url, content=CONTENT)) == (409, "STORAGE_IMPORT_NOT_IN_PROGRESS")
    unknown = url[:-4] + "0000"
    assert refusal(await upload.put(unknown, content=CONTENT)) == (404, "STORAGE_IMPORT_NOT_FOUND")


async def test_an_upload_that_was_cancelled_meanwhile_is_refused_at_its_end(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield CONTENT
        await api.post(f"/storage/{storage}/import/cancel")
        yield CONTENT

    url = (await _start(api, storage, source="direct_upload"))["direct_upload_url"]
    assert refusal(await upload.put(url, content=body())) == (409, "STORAGE_IMPORT_NOT_IN_PROGRESS")


async def test_an_upload_whose_connection_breaks_has_failed(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, storage: str
) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield CONTENT
        raise ConnectionResetError

    url = (await _start(api, storage, source="direct_upload"))["direct_upload_url"]
    with pytest.raises(ConnectionResetError):
        await upload.put(url, content=body())
    assert (await _read(api, storage))["error_code"] == "CLIENT_FAILURE"


async def test_faults_can_hit_uploads_too(
    api: httpx.AsyncClient, upload: httpx.AsyncClient, sim: Simulator, storage: str
) -> None:
    url = (await _start(api, storage, source="direct_upload"))["direct_upload_url"]
    sim.fail("PUT /uploader/session/{uuid}", status=503)
    sim.fail("PUT /uploader/session/{uuid}", drop=True, after_effect=True)
    assert (await upload.put(url, content=CONTENT)).status_code == 503
    assert (await _read(api, storage))["state"] == "prepared"
    with pytest.raises(httpx.RemoteProtocolError):
        await upload.put(url, content=CONTENT)
    assert (await _read(api, storage))["state"] == "completed"


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({}, 400, "SOURCE_MISSING"),
        ({"source": "carrier_pigeon"}, 400, "SOURCE_INVALID"),
        ({"source": "http_import"}, 400, "SOURCE_LOCATION_MISSING"),
        ({"source": "http_import", "source_location": "ftp://example.com"}, 400, "SOURCE_LOCATION_INVALID"),
    ],
)
async def test_a_malformed_import_is_refused(
    api: httpx.AsyncClient, storage: str, fields: dict[str, str], status: int, code: str
) -> None:
    answer = await api.post(f"/storage/{storage}/import", json={"storage_import": fields})
    assert refusal(answer) == (status, code)
    assert refusal(await api.get(f"/storage/{storage}/import")) == (404, "STORAGE_IMPORT_NOT_FOUND")


async def test_an_import_is_refused_during_another_one_or_under_a_running_server(
    api: httpx.AsyncClient, clock: ManualClock, storage: str
) -> None:
    body = {"storage_import": {"source": "direct_upload"}}
    await api.post(f"/storage/{storage}/import", json=body)
    assert refusal(await api.post(f"/storage/{storage}/import", json=body)) == (409, "IMPORT_UNAVAILABLE")
    disk = (await running(api, clock))["storage_devices"]["storage_device"][0]["storage"]
    assert refusal(await api.post(f"/storage/{disk}/import", json=body)) == (409, "SERVER_STATE_ILLEGAL")


async def test_a_running_import_continues_after_a_save_and_load(
    api: httpx.AsyncClient, clock: ManualClock, sim: Simulator, storage: str
) -> None:
    await _start(api, storage, source="http_import", source_location=ADDRESS)
    sim.restore(sim.to_json())
    clock.advance(2)
    assert (await _read(api, storage))["state"] == "completed"


def test_a_served_simulator_takes_uploads_at_its_own_url() -> None:
    with Simulator(storage_seconds=0).serve() as url, httpx.Client(auth=("user", "password")) as api:
        body = {"storage": {"size": 10, "title": "data", "zone": "fi-hel1"}}
        storage = api.post(f"{url}/1.3/storage", json=body).json()["storage"]["uuid"]
        path = f"{url}/1.3/storage/{storage}/import"
        started = api.post(path, json={"storage_import": {"source": "direct_upload"}}).json()["storage_import"]
        assert started["direct_upload_url"] == f"{url}/uploader/session/{started['uuid']}"
        answer = httpx.put(started["direct_upload_url"], content=CONTENT)
        assert answer.json()["written_bytes"] == len(CONTENT)
        assert api.get(path).json()["storage_import"]["state"] == "completed"
