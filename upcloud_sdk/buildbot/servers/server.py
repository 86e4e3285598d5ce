"""The server of a worker: the build and the guest that it was made for, and the build's properties.

The coroutines run on the bridge's loop; the attributes are read on the reactor's thread.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from upcloud_sdk.buildbot.configuration.bootstrap import Bootstrap
from upcloud_sdk.buildbot.configuration.request import ServerRequest
from upcloud_sdk.ci import JobServer

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk import ServerSpec
    from upcloud_sdk.buildbot._buildbot.api import Build, Properties
    from upcloud_sdk.buildbot.accounts.open_accounts import Account
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest
    from upcloud_sdk.buildbot.servers.build_log import BuildLog
    from upcloud_sdk.models import StorageSummary

    MakeSpecs = Callable[[ServerRequest, StorageSummary, Guest], list[ServerSpec]]


class BuildServer(JobServer[ServerRequest]):
    """One server, made for one request."""

    def __init__(
        self,
        build: Build,
        account: Account,
        request: ServerRequest,
        guest: Guest,
        make_specs: MakeSpecs,
        *,
        has_fresh_disks: bool = False,
    ) -> None:
        super().__init__(
            account,
            guest.name,
            request,
            lambda request, template: make_specs(request, template, self.guest),
            has_fresh_disks=has_fresh_disks,
        )
        self.build, self.account, self.request, self.guest = build, account, request, guest
        self.is_outdated = False
        """Whether the configuration has changed since, so that no other build may run on it."""
        self.log: BuildLog | None = None
        """The log of the build for which it is created."""

    @property
    def may_be_parked(self) -> bool:
        """Whether it may stay for another build."""
        return not self.is_outdated and super().may_be_parked

    def use_for(self, build: Build, guest: Guest) -> None:
        """Prepare it for another build."""
        self.build, self.guest = build, guest
        self.begin_again()

    def is_late(self, attach_timeout: float) -> str | None:
        """Why its guest is too late to attach. None if it is not."""
        if self.up_since is None or time.monotonic() - self.up_since <= attach_timeout:
            return None
        limit = f"attach_timeout={attach_timeout:g} s"
        return f"the worker on server {self.uuid} has not attached within {limit}{self._attach_hint()}"

    def _attach_hint(self) -> str:
        bootstrap, own = self.request.bootstrap, self.request.user_data.get_secret_value()
        is_told = any(spec.user_data is not None for spec in self._specs)
        return bootstrap.attach_hint(self.guest) if isinstance(bootstrap, Bootstrap) and is_told and not own else ""

    def facts(self) -> dict[str, str | float]:
        """Its build properties, as far as they are known. They contain no secret."""
        server = self.details
        if server is None:
            return {}
        addresses = {
            "upcloud_ipv4": server.public_ipv4,
            "upcloud_ipv6": server.public_ipv6,
            "upcloud_utility_ipv4": server.utility_ipv4,
        }
        facts: dict[str, str | float | None] = {
            "upcloud_uuid": server.uuid,
            "upcloud_zone": server.zone,
            "upcloud_plan": server.plan,
            "upcloud_image": self.image,
            "upcloud_credits_per_hour": None if self.credits_per_hour is None else float(self.credits_per_hour),
            **{name: None if address is None else str(address) for name, address in addresses.items()},
            "upcloud_boot_seconds": self.boot_seconds,
            "upcloud_attach_seconds": self.attach_seconds,
        }
        return {name: value for name, value in facts.items() if value is not None}

    def set_properties(self, properties: Properties) -> None:
        """Set the facts as properties of a build."""
        for name, value in self.facts().items():
            properties.setProperty(name, value, "Worker")
