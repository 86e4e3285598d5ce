"""Uploads from end to end: to a simulator in the same process and over HTTP. Memory stays constant."""

from __future__ import annotations

import gzip
import hashlib
import io
import mmap
import os
import subprocess
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Literal

import httpx
import pytest

from tests.sdk.imports import CONTENT, pieces
from tests.skips import WINDOWS
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.models import StorageSpec
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, AsyncIterator, Iterator
    from pathlib import Path

    from upcloud_sdk.resources.upload_content import UploadFile


@asynccontextmanager
async def _disk(cloud: UpCloud) -> AsyncGenerator[str]:
    yield (await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))).uuid


@pytest.fixture
async def simulated() -> AsyncIterator[tuple[Simulator, UpCloud]]:
    sim = Simulator(clock=ManualClock(), storage_seconds=0)
    async with UpCloud(Token("ucat_x"), transport=sim.transport()) as cloud:
        yield sim, cloud


def memory_map(content: bytes) -> mmap.mmap:
    mapped = mmap.mmap(-1, len(content))
    mapped.write(content)
    mapped.seek(0)
    return mapped


@pytest.mark.parametrize("kind", ["path", "text path", "bytes", "bytearray", "memoryview", "mmap", "file", "iterator"])
async def test_each_kind_of_content_arrives_unchanged(
    simulated: tuple[Simulator, UpCloud], tmp_path: Path, kind: str
) -> None:
    sim, cloud = simulated
    path = tmp_path / "disk.img"
    path.write_bytes(CONTENT)
    files: dict[str, UploadFile] = {
        "path": path,
        "text path": str(path),
        "bytes": CONTENT,
        "bytearray": bytearray(CONTENT),
        "memoryview": memoryview(CONTENT),
        "mmap": memory_map(CONTENT),
        "file": io.BytesIO(CONTENT),
        "iterator": pieces(CONTENT[:10], CONTENT[10:]),
    }
    told: list[tuple[int, int | None]] = []
    async with _disk(cloud) as disk:
        done = await cloud.storages.upload(disk, files[kind], progress=lambda done, size: told.append((done, size)))

    assert done.sha256sum == sim.storage_imports[disk].sha256sum == hashlib.sha256(CONTENT).hexdigest()
    assert done.written_bytes == len(CONTENT)
    size = None if kind == "iterator" else len(CONTENT)
    assert told[-1] == (len(CONTENT), size)
    assert told == sorted(told, key=lambda how_far: how_far[0])
    assert len(told) > 1


async def test_a_file_is_sent_from_its_current_position(simulated: tuple[Simulator, UpCloud]) -> None:
    _, cloud = simulated
    file = io.BytesIO(b"header" + CONTENT)
    file.seek(len(b"header"))
    async with _disk(cloud) as disk:
        done = await cloud.storages.upload(disk, file)

    assert done.sha256sum == hashlib.sha256(CONTENT).hexdigest()


async def test_compressed_content_is_unpacked(simulated: tuple[Simulator, UpCloud], tmp_path: Path) -> None:
    _, cloud = simulated
    path = tmp_path / "disk.img.gz"
    path.write_bytes(gzip.compress(CONTENT))
    async with _disk(cloud) as disk:
        done = await cloud.storages.upload(disk, path)

    assert (done.read_bytes, done.written_bytes) == (path.stat().st_size, len(CONTENT))


@pytest.fixture(scope="module")
def served() -> Iterator[str]:
    with Simulator(storage_seconds=0).serve() as url:
        yield url


async def test_an_upload_does_not_count_for_max_concurrency(served: str) -> None:
    async def while_uploading(piece: bytes) -> AsyncIterator[bytes]:
        yield piece
        assert await cloud.zones.list()
        yield piece

    async with UpCloud(Token("ucat_x"), base_url=served, max_concurrency=1) as cloud, _disk(cloud) as disk:
        done = await cloud.storages.upload(disk, while_uploading(CONTENT))
    assert done.written_bytes == 2 * len(CONTENT)


@pytest.mark.parametrize(("anyio_backend", "http"), [("asyncio", "httpx"), ("trio", "httpx"), ("asyncio", "aiohttp")])
async def test_uploads_work_over_real_connections(served: str, http: Literal["httpx", "aiohttp"]) -> None:
    async with UpCloud(Token("ucat_x"), base_url=served, http=http) as cloud, _disk(cloud) as disk:
        for file in (CONTENT, pieces(CONTENT)):
            done = await cloud.storages.upload(disk, file)
            assert done.sha256sum == hashlib.sha256(CONTENT).hexdigest()
            await cloud.storages.wait_for_state(disk, "online", timeout=60)


async def test_a_given_http_client_is_used_for_uploads_too(served: str) -> None:
    async with (
        httpx.AsyncClient(auth=("its", "own"), follow_redirects=True) as own,
        UpCloud(Token("ucat_x"), base_url=served, http_client=own) as cloud,
        _disk(cloud) as disk,
    ):
        done = await cloud.storages.upload(disk, CONTENT)
    assert done.written_bytes == len(CONTENT)


_MEASURE = """
import resource, sys
import anyio
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.models import StorageSpec

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // (1 if sys.platform == "linux" else 1024)

async def main(url, path):
    async with UpCloud(Token("ucat_x"), base_url=url) as cloud:
        disk = (await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10))).uuid
        await cloud.storages.upload(disk, b"to load all that an upload needs")
        await cloud.storages.wait_for_state(disk, "online", timeout=60)
        before = peak()
        done = await cloud.storages.upload(disk, path)
        print(done.written_bytes, peak() - before)

anyio.run(main, *sys.argv[1:])
"""


@pytest.mark.skipif(sys.platform == "win32", reason=WINDOWS)
def test_a_large_file_is_not_held_in_memory(served: str, tmp_path: Path) -> None:
    size = 256 << 20
    path = tmp_path / "large.img"
    with path.open("wb") as file:
        os.truncate(file.fileno(), size)

    command = [sys.executable, "-c", _MEASURE, served, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=True)

    written, grown_kib = map(int, done.stdout.split())
    assert written == size
    assert grown_kib < 64 << 10
