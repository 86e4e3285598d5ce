"""Recipes, guests and clouds for tests of images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk import Recipe
from upcloud_sdk.models.ownership import IMAGE, LEASE
from upcloud_sdk.simulator.state.guest_backend import NoGuests

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.moved_time import MovedCloud
    from upcloud_sdk.simulator.records.records import Server, Storage
    from upcloud_sdk.simulator.state.cloud import Cloud

RECIPE = Recipe(base="debian-13", commands=["apt-get update", ["apt-get", "install", "-y", "git"]], name="tools")
ZONE = "fi-hel1"


class Guests(NoGuests):
    """Guests that power off this many seconds after each start. None: they stay on."""

    runs_cloud_config = True

    def __init__(self, *seconds: float | None) -> None:
        self.seconds = seconds
        self.starts: list[str] = []
        self._off: dict[str, float] = {}
        self._cloud: Cloud | None = None

    def open(self, cloud: Cloud) -> None:
        self._cloud = cloud

    def admit(self, server: Server, disk: Storage | None) -> None:
        pass

    def start(self, server: Server) -> None:
        assert self._cloud is not None
        seconds = self.seconds[min(self.starts.count(server.uuid), len(self.seconds) - 1)]
        self.starts.append(server.uuid)
        if seconds is not None:
            self._off[server.uuid] = self._cloud.clock.now() + seconds

    def poll(self) -> Iterable[str]:
        assert self._cloud is not None
        due = [uuid for uuid, when in self._off.items() if when <= self._cloud.clock.now()]
        for uuid in due:
            del self._off[uuid]
        return due


def complete_images(moved: MovedCloud) -> list[Storage]:
    """All storages. Checks that each is a complete image, and that there is no server."""
    assert moved.sim.servers == {}
    storages = list(moved.sim.storages.values())
    for each in storages:
        assert (each.type, each.state) == ("template", "online"), each.title
        assert IMAGE in each.labels
        assert LEASE not in each.labels
        assert "in the making" not in each.title
    return storages
