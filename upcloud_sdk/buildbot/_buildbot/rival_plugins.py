"""Finds other plugins with the name of our web page. Buildbot silently takes the first that it finds."""

from __future__ import annotations

from importlib.metadata import entry_points
from typing import TYPE_CHECKING

from twisted.logger import Logger

if TYPE_CHECKING:
    from upcloud_sdk.buildbot._buildbot.api import Master

GROUP, NAME = "buildbot.www", "upcloud"


def rivals() -> list[str]:
    """A sentence for each other plugin of this name that is installed."""
    return [
        f"{entry.value} is a plugin named {NAME!r} too, and Buildbot takes the first that it finds: uninstall "
        f"{entry.dist.name if entry.dist else 'one of them'}"
        for entry in entry_points(group=GROUP, name=NAME)
        if not entry.value.startswith("upcloud_sdk.")
    ]


def warn_of_rival(master: Master) -> None:
    """Log a warning if the configuration has the page, but Buildbot has loaded another plugin of its name."""
    apps = master.www.apps
    if NAME in master.config.www.get("plugins", {}) and NAME in apps:
        is_ours = type(apps.get(NAME)).__module__.startswith("upcloud_sdk.")
        for problem in [] if is_ours else rivals():
            Logger("upcloud_sdk").warn("UpCloud page: {problem}", problem=problem)
