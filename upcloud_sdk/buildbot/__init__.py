"""A Buildbot worker on UpCloud servers. Needs the extra `buildbot`."""

from __future__ import annotations

from upcloud_sdk.buildbot.worker import UpcloudLatentWorker

__all__ = ["UpcloudLatentWorker"]
