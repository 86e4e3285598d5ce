"""Upload a disk image, with a progress bar: to the simulator by default, to a real account with --live.

python -m examples.upload                          a generated image, at the speed of a slow connection
python -m examples.upload alpine.raw.xz
UPCLOUD_TOKEN=ucat_... python -m examples.upload alpine.raw.xz --live      (the disk stays, and costs by the GB)
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import anyio
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from upcloud_sdk import StorageSpec, Token, UpCloud, WaitPolicy, errors
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

PIECE = bytes(range(256)) * 4096
"""A megabyte."""


async def generated_image(megabytes: int) -> AsyncIterator[bytes]:
    """A generated image that arrives slowly. Any async iterator of bytes can be uploaded."""
    for _ in range(megabytes):
        await anyio.sleep(0.02)
        yield PIECE


async def upload(cloud: UpCloud, image: Path | None, megabytes: int) -> None:
    """Create a disk, upload the image, and print the checksum."""
    disk = await cloud.storages.create(StorageSpec(zone="fi-hel1", title="uploaded", size=10))
    columns = TextColumn("{task.description}"), BarColumn(), DownloadColumn(), TransferSpeedColumn()
    with Progress(*columns) as bars:
        bar = bars.add_task(image.name if image else "generated image", total=None)

        def progress(sent: int, size: int | None) -> None:
            bars.update(bar, completed=sent, total=size)

        if image is not None:
            done = await cloud.storages.upload(disk.uuid, image, progress=progress)
        else:
            size = megabytes * len(PIECE)
            done = await cloud.storages.upload(disk.uuid, generated_image(megabytes), size=size, progress=progress)
    print(f"disk {disk.uuid}: {done.written_bytes} bytes written, sha256 {done.sha256sum}")


async def main(image: Path | None, megabytes: int, *, live: bool) -> None:
    """Upload to a real account, or to a simulator over HTTP."""
    if live:
        async with UpCloud() as cloud:
            await upload(cloud, image, megabytes)
        return
    with Simulator(storage_seconds=0.2).serve() as url:
        async with UpCloud(Token("ucat_any"), base_url=url, waits=WaitPolicy(pause=0.1)) as cloud:
            await upload(cloud, image, megabytes)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("image", type=Path, nargs="?", help="raw, .gz or .xz (default: a generated image)")
    parser.add_argument("--megabytes", type=int, default=100, help="size of the generated image in MiB (default: 100)")
    parser.add_argument("--live", action="store_true", help="use a real account")
    arguments = parser.parse_args()
    try:
        anyio.run(lambda: main(arguments.image, arguments.megabytes, live=arguments.live))
    except (errors.UpCloudError, OSError) as error:
        sys.exit(f"{type(error).__name__}: {error}")
