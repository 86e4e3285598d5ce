"""A template made by recipe: it is made once, found again, renewed, and its old versions are deleted.

python -m examples.golden_image                    on the simulator
python -m examples.golden_image --times 3          three versions, of which the oldest is deleted
"""

from __future__ import annotations

import argparse

import anyio

from upcloud_sdk import Recipe, Token, UpCloud, WaitPolicy
from upcloud_sdk.simulator import Simulator


async def renew(cloud: UpCloud, version: str) -> None:
    """Make the image of this version unless it is there, and delete all but the newest two."""
    install = ["apt-get update", "apt-get install -y git build-essential"]
    recipe = Recipe(base="debian-13", commands=[*install, f"echo {version} > /etc/tools"], name="build-tools")
    [image] = await cloud.images.bake(recipe, zones=["fi-hel1"])
    print(f"{version}: {image.title}, {image.size} GB, {image.state}")
    for old in await cloud.images.prune(recipe, keep=2):
        print(f"deleted {old.title}")


async def main(times: int) -> None:
    """Make this many versions, one after the other."""
    # The simulator runs no commands. It only simulates when a server would be ready. A copy takes more than a second,
    # so that no two versions are created in the same second. The API tells their age in whole seconds.
    sim = Simulator(boot_seconds=0.1, stop_seconds=0.1, storage_seconds=1.1)
    brisk = WaitPolicy(first_read_after=0.05, pause=0.05)
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), waits=brisk) as cloud:
        for number in range(1, times + 1):
            await renew(cloud, f"2026.{number}")
        kept = [f"{image.title} ({image.monthly:.2f} {image.currency} a month)" for image in await cloud.images.list()]
        print(f"kept: {', '.join(kept)}")
        print(f"servers left: {len(await cloud.servers.list())}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=1, help="number of versions to make (default: 1)")
    anyio.run(main, parser.parse_args().times)
