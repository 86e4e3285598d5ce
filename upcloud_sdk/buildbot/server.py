"""The server of a worker, from the request to its end.

The coroutines run on the bridge's loop; the attributes are read on the reactor's thread.
"""

from __future__ import annotations

import logging
import time
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import anyio

from upcloud_sdk import ServerChanges, ServerState
from upcloud_sdk.billing import paid_until
from upcloud_sdk.buildbot.arguments import DEFAULT_PLAN_HAS
from upcloud_sdk.buildbot.bootstrap import IN_TLS, LOG, Bootstrap
from upcloud_sdk.buildbot.spending import Price
from upcloud_sdk.errors import ApiError, IllegalState, NotFound, ResourceFailed, UpCloudError, WaitTimeout
from upcloud_sdk.models import ServerGroupSpec

if TYPE_CHECKING:
    from collections.abc import Callable
    from ipaddress import IPv4Address, IPv6Address

    from upcloud_sdk import Server, ServerSpec
    from upcloud_sdk.buildbot._buildbot_api import Properties
    from upcloud_sdk.buildbot.account import Account
    from upcloud_sdk.buildbot.bootstrap import Guest
    from upcloud_sdk.buildbot.request import ServerRequest
    from upcloud_sdk.models import ServerSummary, StorageSummary

    MakeSpecs = Callable[[ServerRequest, StorageSummary, Guest], list[ServerSpec]]

log = logging.getLogger("upcloud_sdk")

LEASE = 3600.0
"""Seconds after which others may reap a server whose master has died."""

_LOOK_TIMEOUT = 10.0
_PAUSE = 0.5
"""Seconds between tries to switch the metadata service off."""


def _text(address: IPv4Address | IPv6Address | None) -> str | None:
    return None if address is None else str(address)


class BuildServer:
    """One server, made for one request."""

    def __init__(
        self, build: Properties, account: Account, request: ServerRequest, guest: Guest, make_specs: MakeSpecs
    ) -> None:
        self.build, self.account, self.request, self.guest = build, account, request, guest
        self.details: Server | None = None
        """As of its making; None until the API has told them."""
        self.may_attach = False
        """Whether its guest may attach: from when the create is sent until it is destroyed."""
        self.asked_at: float | None = None
        """When its create was sent; by the monotonic clock, as the next two."""
        self.attached_at: float | None = None
        """When its guest attached."""
        self.up_since: float | None = None
        """When it was seen to be started, or its guest attached."""
        self.is_outdated = False
        """Whether the configuration has changed since, so that no other build may run on it."""
        self._make_specs = make_specs
        self._image = ""
        self._specs: list[ServerSpec] = []
        self.credits_per_hour: Decimal | None = None
        """None as long as it is not known."""
        self.currency: str | None = None
        """Of these credits, which are its cents."""
        self._destroyed = anyio.Event()

    async def start(self, create_timeout: float, boot_timeout: float, created: Callable[[], object]) -> None:
        """Make the server, and return when it is started. Its guest may attach before.

        `created` is called as soon as the API has told its uuid. If this is cancelled, the client destroys what was
        made before that.

        Raises:
            UpCloudError, ValueError: there is none, or it does not start.
        """
        await self.account.first_round()
        await self._create_within(create_timeout)
        created()
        if self.attached_at is None:
            await self._boot(boot_timeout)

    async def _create_within(self, timeout: float) -> None:
        with anyio.move_on_after(timeout) as scope:
            try:
                await self._create()
            except NotFound as error:
                if not error.code:
                    raise  # Not the API's own words: what became of the create is not certain.
                # Most likely a template, or a group, that was there when it was last asked for.
                self.account.cache.forget()
                await self._create()
        if scope.cancelled_caught:
            raise WaitTimeout(
                f"server of worker {self.guest.name}: the API did not make it within create_timeout={timeout:g} s"
            )

    async def _create(self) -> None:
        cache, request = self.account.cache, self.request
        template = await cache.template(request.image_key(), request.template())
        self._image = template.title or template.uuid
        if isinstance(request.server_group, ServerGroupSpec):
            request = replace(request, server_group=await cache.group(request.server_group))
        zone, default = request.zones[0], request.plans[0]
        if not request.plan_is_given and (plan := cache.successor(default, zone)) is not None:
            request = replace(request, plans=(plan,))
        try:
            await self._send(request, template)
        except ApiError as error:
            if request.plan_is_given or not error.code.startswith("PLAN_") or default != request.plans[0]:
                raise
            # What was the smallest plan for years is no longer sold to everybody.
            plan = await cache.find_successor(default, zone, **DEFAULT_PLAN_HAS)
            await self._send(replace(request, plans=(plan,)), template)

    async def _send(self, request: ServerRequest, template: StorageSummary) -> None:
        self._specs = self._make_specs(request, template, self.guest)
        self.asked_at = time.monotonic()
        self.may_attach = True
        self.details = await self.account.cloud.servers.create(self._specs, lease=LEASE)

    async def ask_likely_price(self, *, with_bill: bool) -> Price | None:
        """What it costs at most, whichever of its specs is made, before it is made; None if that cannot be told."""
        cache, request = self.account.cache, replace(self.request, server_group=None)
        template = await cache.template(request.image_key(), request.template())
        prices = [await cache.price(spec) for spec in self._make_specs(request, template, self.guest)]
        known = [price for price in prices if price is not None]
        currency = await cache.currency()
        if len(known) < len(prices) or currency is None:
            return None
        billed = await cache.billed() if with_bill else Decimal(0)
        return Price(max(known) / 100, currency, billed)

    async def ask_price(self) -> None:
        """Find out what it costs, if that can be told."""
        server = self.details
        for spec in self._specs:
            if server is not None and (spec.zone, spec.plan) == (server.zone, server.plan):
                self.credits_per_hour = await self.account.cache.price(spec)
                self.currency = await self.account.cache.currency()
                return

    async def seal(self, timeout: float) -> bool:
        """Switch the guest's metadata service off: from then on no build can read there what the guest was told.

        False if that did not succeed, which is logged.
        """
        reason = f"not within {timeout:g} s"
        with anyio.move_on_after(timeout):
            try:
                await self._seal()
            except UpCloudError as error:
                reason = str(error)
            else:
                return True
        uuid = "(not known yet)" if self.details is None else self.details.uuid
        log.error("metadata of server %s could not be switched off: %s", uuid, reason)
        return False

    async def _seal(self) -> None:
        while True:
            try:
                if self.details is not None:
                    await self.account.cloud.servers.modify(self.uuid, ServerChanges(metadata=False))
                    return
            except IllegalState:
                pass  # In maintenance: the guest was quicker than the API.
            await anyio.sleep(_PAUSE)

    async def _boot(self, timeout: float) -> None:
        seen: list[ServerSummary | UpCloudError] = []
        async with anyio.create_task_group() as waits:

            async def wait_for(state: ServerState) -> None:
                try:
                    seen.append(await self.account.cloud.servers.wait_for_state(self.uuid, state, timeout=timeout))
                except UpCloudError as error:
                    seen.append(error)
                waits.cancel_scope.cancel()

            waits.start_soon(wait_for, ServerState.STARTED)
            # A server that was just made starts by itself. If it is seen to be stopped, it has switched itself off.
            waits.start_soon(wait_for, ServerState.STOPPED)
        [first, *_] = seen
        if isinstance(first, UpCloudError):
            raise first
        if first.state == ServerState.STOPPED:
            raise ResourceFailed("server", self.uuid, ServerState.STOPPED)
        self.up_since = time.monotonic()

    def note_attach(self) -> None:
        """Its guest has attached."""
        self.attached_at = self.attached_at or time.monotonic()
        self.up_since = self.up_since or self.attached_at

    def is_late(self, attach_timeout: float) -> str | None:
        """Why its guest may not attach any more; None if it may."""
        if self.up_since is None or time.monotonic() - self.up_since <= attach_timeout:
            return None
        limit = f"attach_timeout={attach_timeout:g} s"
        return f"the worker on server {self.uuid} has not attached within {limit}{self._attach_hint}"

    async def find_problem(self) -> str | None:
        """Why its guest cannot attach any more; None if it can, or if that is not known."""
        try:
            with anyio.fail_after(_LOOK_TIMEOUT):
                state = (await self.account.cloud.servers.get(self.uuid)).state
        except NotFound:
            return f"server {self.uuid} is gone"
        except (UpCloudError, TimeoutError):
            return None
        if state in {ServerState.ERROR, ServerState.STOPPED}:
            return f"server {self.uuid} is in state {str(state)!r}"
        return None

    async def destroy(self, timeout: float) -> None:
        """Return when it is gone, with the disks that were made with it.

        Raises:
            CleanupFailed: it may still be running.
        """
        self.may_attach = False
        try:
            await self.account.cloud.servers.destroy(self.uuid, timeout=timeout)
        finally:
            self._destroyed.set()

    async def until_destroyed(self) -> None:
        """Return when `destroy` has ended, whatever came of it."""
        await self._destroyed.wait()

    def billed_span(self) -> tuple[float, float]:
        """When its first hour began, at the latest, and the time now. By the API's clock, in seconds since 1970."""
        if self.asked_at is None:
            return (time.time(), time.time())
        lived = time.monotonic() - self.asked_at
        created = None if self.details is None else self.details.created
        began = time.time() - lived if created is None else created.timestamp()
        return (began, began + lived)

    def facts(self) -> dict[str, str | float]:
        """What a build may know of it, as far as it is known: properties, none of them secret."""
        if self.details is None:
            return {}
        server = self.details
        facts: dict[str, str | float | None] = {
            "upcloud_uuid": server.uuid,
            "upcloud_zone": server.zone,
            "upcloud_plan": server.plan,
            "upcloud_image": self._image,
            "upcloud_credits_per_hour": None if self.credits_per_hour is None else float(self.credits_per_hour),
            "upcloud_ipv4": _text(server.public_ipv4),
            "upcloud_ipv6": _text(server.public_ipv6),
            "upcloud_utility_ipv4": _text(server.utility_ipv4),
            "upcloud_boot_seconds": self._since_asked(self.up_since),
            "upcloud_attach_seconds": self._since_asked(self.attached_at),
        }
        return {name: value for name, value in facts.items() if value is not None}

    def set_properties(self, properties: Properties) -> None:
        """Tell a build the facts."""
        for name, value in self.facts().items():
            properties.setProperty(name, value, "Worker")

    @property
    def _attach_hint(self) -> str:
        """What may keep its guest from attaching, as far as it is of our own making."""
        bootstrap, guest = self.request.bootstrap, self.guest
        told = any(spec.user_data is not None for spec in self._specs)
        if not isinstance(bootstrap, Bootstrap) or self.request.user_data.get_secret_value() or not told:
            return ""
        hint = f"; it calls {guest.master}:{guest.port}, and writes why that fails to {LOG} in the guest"
        if bootstrap.connection in IN_TLS:
            trusted = "the image trusts" if bootstrap.ca_certificate is None else "ca_certificate names"
            hint += f"; the certificate must be for {guest.master}, of an authority that {trusted}"
        return hint

    def _since_asked(self, moment: float | None) -> float | None:
        return None if moment is None or self.asked_at is None else round(moment - self.asked_at, 1)

    @property
    def paid_for(self) -> float:
        """For how many seconds it is paid already."""
        now = time.monotonic()
        return paid_until(now if self.asked_at is None else self.asked_at, now) - now

    @property
    def uuid(self) -> str:
        """Of the server that there is."""
        assert self.details is not None
        return self.details.uuid
