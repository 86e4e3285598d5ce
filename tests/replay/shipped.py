"""The worker that ships with Buildbot, in the same hurry as ours."""

from __future__ import annotations

from typing import Any, Self

from buildbot.worker.upcloud import (  # pyright: ignore[reportMissingTypeStubs]  # Buildbot has none
    UpcloudLatentWorker,
)


class ShippedWorker(UpcloudLatentWorker):
    """Is not kept away for long after a failure."""

    quarantine_timeout = quarantine_initial_timeout = 0.05  # type: ignore[assignment]  # Buildbot takes fractions

    @classmethod
    def on(cls, name: str, document: str, port: int, **options: Any) -> Self:  # noqa: ANN401 - the worker's
        """One whose guest is told by a document with tokens in it what ours is told."""
        told = {"@NAME@": name, "@PASSWORD@": "a-password", "@MASTER@": "127.0.0.1", "@PORT@": str(port)}
        for token, value in told.items():
            document = document.replace(token, value)
        # It does not take templates with cloud-init, nor an address of the API without a version.
        changed = {"image": "Debian GNU/Linux 11 (Bullseye)", "base_url": f"{options['base_url']}/1.3"}
        host = {**options["hostconfig"], "user_data": document}
        return cls(name, "a-password", **{**options, **changed, "hostconfig": host})
