"""The worker that ships with Buildbot, with shortened waits like ours."""

from __future__ import annotations

from typing import Any, Self

from buildbot.worker.upcloud import (  # pyright: ignore[reportMissingTypeStubs]  # Buildbot has none
    UpcloudLatentWorker,
)


class ShippedWorker(UpcloudLatentWorker):
    """The shipped worker with a short quarantine after a failure."""

    quarantine_timeout = quarantine_initial_timeout = 0.05  # type: ignore[assignment]  # Buildbot takes fractions

    @classmethod
    def on(cls, name: str, document: str, port: int, **options: Any) -> Self:  # noqa: ANN401 - the worker's
        """A worker whose guest gets the same values as ours, through placeholders in a document."""
        told = {"@NAME@": name, "@PASSWORD@": "a-password", "@MASTER@": "127.0.0.1", "@PORT@": str(port)}
        for token, value in told.items():
            document = document.replace(token, value)
        # It supports neither templates with cloud-init nor an API URL without version.
        changed = {"image": "Debian GNU/Linux 11 (Bullseye)", "base_url": f"{options['base_url']}/1.3"}
        host = {**options["hostconfig"], "user_data": document}
        return cls(name, "a-password", **{**options, **changed, "hostconfig": host})
