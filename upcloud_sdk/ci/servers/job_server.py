"""A server for the jobs of a CI system: create, boot, seal, a fresh disk between two jobs, destroy."""

from __future__ import annotations

import contextlib
import logging
import time
from typing import TYPE_CHECKING, Generic, TypeVar

import anyio

from upcloud_sdk.billing import paid_until
from upcloud_sdk.ci.account.event_router import sentence_of, server_of
from upcloud_sdk.ci.record.changes import MILLION, Phase
from upcloud_sdk.ci.servers.choice import MakeSpecs, PossibleServers, ServerChoice
from upcloud_sdk.ci.servers.fresh_disk import FreshDisk
from upcloud_sdk.ci.servers.life import ServerLife
from upcloud_sdk.errors import (
    ApiError,
    CleanupFailed,
    IllegalState,
    LeaseLost,
    NotFound,
    ResourceFailed,
    UpCloudError,
    WaitTimeout,
)
from upcloud_sdk.events import ServerEvent
from upcloud_sdk.models import ServerChanges, ServerState

if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from datetime import datetime

    from upcloud_sdk import Server, ServerSpec
    from upcloud_sdk.ci.account.open_account import OpenAccount
    from upcloud_sdk.ci.money.price import Quote
    from upcloud_sdk.events import Event
    from upcloud_sdk.models import ServerSummary

log = logging.getLogger("upcloud_sdk")

LEASE = 3600.0
"""Length of the lease in seconds: after that, others may reap the server of a dead process."""

_CHECKED_FROM = 300.0
"""Age of a server in seconds from which it is read before it is stopped, since somebody may have kept or taken it. A
younger one would be started again."""

_LOOK_TIMEOUT = 10.0
_PAUSE = 0.5
"""Seconds between tries to switch the metadata service off."""

C = TypeVar("C", bound=ServerChoice)


def _ignore(_: str) -> None:
    """The default listener: do nothing."""


class JobServer(ServerLife, Generic[C]):
    """One server, made for one choice. Its guest is the program of the CI system that runs jobs on it.

    Call `start`; `note_attach` when the guest has attached; `seal` before it gets a job; `hold` and `release` around
    each job; `park` and `renew` between two jobs, if each gets a fresh disk; and in any case `destroy`, or `end` if
    `details` is None or it `is_abandoned`. Each step is told to the `listeners` of the server and of its account. Times
    of the monotonic clock are those of `time.monotonic()`.

    Args:
        account: Where it is created. `account.running()` is entered.
        name: Of the worker or runner, for messages.
        choice: What is created.
        make_specs: As for `PossibleServers`.
        has_fresh_disks: Whether each job gets a fresh disk.
    """

    def __init__(
        self,
        account: OpenAccount,
        name: str,
        choice: C,
        make_specs: MakeSpecs[C],
        *,
        has_fresh_disks: bool = False,
    ) -> None:
        first = {"zone": choice.zones[0], "plan": choice.plans[0]}
        super().__init__(name, account.on_change, owner=account.cloud.owner, **first)
        self.account, self.choice = account, choice
        self.details: Server | None = None
        """The server's details from its create. None until the API has answered."""
        self.may_attach = False
        """Whether its guest may attach: from when the create is sent until it is destroyed."""
        self.is_adopted = False
        """Whether the answer of its create was lost, and the server was found by its label."""
        self.is_abandoned = False
        """Whether it has appeared after its create had failed or was cancelled. Then the client destroys it."""
        self.has_fresh_disks = has_fresh_disks
        """Whether each job gets a fresh disk."""
        self.up_since: float | None = None
        """When it was started, or when its guest attached if that was earlier, by the monotonic clock."""
        self.stays_until: float | None = None
        """While it is parked (switched off between two jobs): when it is given up, by the monotonic clock."""
        self.tell: Callable[[str], object] = _ignore
        """Called with a sentence for each event until the server is started."""
        self.is_outdated = False
        """Whether no other job may run on it, because its lease is lost or another configuration holds now."""
        self.lost: str | None = None
        """Why it is lost to its process, if its lease was lost."""
        self._possible = PossibleServers(account, choice, make_specs)
        self.specs: list[ServerSpec] = []
        """The specs of its create, in the order in which they are tried."""
        self._disk: FreshDisk | None = None
        self._begun_at: float | None = None
        """When the create was sent, or the fresh disk was requested."""
        self._was_asked = False
        """Whether `start` was called."""
        self._is_sealed = False
        self._told: str | None = None
        self._destroyed = anyio.Event()

    # --- create and boot ----------------------------------------------------------------------------------------------

    async def likely_price(self, *, with_bill: bool, recorded: Collection[str] = ()) -> Quote:
        """Its maximum price, before it is created. See `price_of`."""
        return await self._possible.likely_price(with_bill=with_bill, recorded=recorded)

    async def start(self, create_timeout: float, boot_timeout: float) -> None:
        """Create the server, and return when it is started. Its guest may attach before.

        If this is cancelled before the create is answered, the client destroys the server.

        Args:
            create_timeout: Limit for the create, in seconds.
            boot_timeout: Limit from the create to the state "started", in seconds.

        Raises:
            UpCloudError, ValueError: No server was created, or it did not start.
            RuntimeError: This was called before, successfully or not. Make a new `JobServer` for another server.
        """
        if self._was_asked:
            raise RuntimeError(f"server of {self.name}: start was called already: make another JobServer")
        self._was_asked = True
        if self.phase is None:
            self.ask()
        await self.account.first_round()
        with self.account.events.making(self._hear):
            await self._create_within(create_timeout)
        self._note_made()
        if self.attached_at is None:
            with self.account.events.watching(self.uuid, self._hear):
                await self._boot(boot_timeout)

    async def _create_within(self, timeout: float) -> None:
        with self.account.clock.limit(timeout):
            try:
                await self._create()
            except NotFound as error:
                if not error.code:
                    raise  # Not an answer of the API: the outcome of the create is unknown.
                # Probably a cached template or group that is gone now.
                self._possible.forget()
                await self._create()
            return
        raise WaitTimeout(f"server of worker {self.name}: the API did not make it within create_timeout={timeout:g} s")

    async def _create(self) -> None:
        await self._possible.look_up()
        try:
            await self._send()
        except ApiError as error:
            plan = await self._possible.replace_plan(error)
            if plan is None:
                raise
            self.tell(f"{self.choice.plans[0]} is no longer sold to this account: {plan} is used instead")
            await self._send()

    async def _send(self) -> None:
        self.specs = self._possible.specs()
        self.asked_at = self._begun_at = time.monotonic()
        sizes = dict.fromkeys(f"{spec.plan} in {spec.zone}" for spec in self.specs)
        self.tell(f"requested {' or '.join(sizes)}")
        self.may_attach = True
        servers = self.account.cloud.servers
        self.details = await servers.create(
            self.specs, lease=LEASE, on_lease_lost=self._lease_lost, on_late=self._appeared
        )
        if self.choice.recipe is not None:
            log.info("server %s of worker %s was created from %s", self.details.uuid, self.name, self.image)
        if self.has_fresh_disks:
            template = self._possible.template(self.details.zone)
            self._disk = FreshDisk(self.account.cloud, self.details, template, clock=self.account.clock)

    def _lease_lost(self, lost: LeaseLost) -> None:
        if self.phase is Phase.STOPPING:
            return  # `destroy` says whether it is still destroyed.
        self.lost, self.is_outdated = str(lost), True
        self.error = self.error or self.lost
        self._enter(None, error=self.error)

    def _note_made(self) -> None:
        details = self.details
        assert details is not None
        began, _ = self.billed_span()
        self._anchor = (began, self.asked_at or time.monotonic())
        disks = [device.storage for device in details.storage_devices if device.storage and device.type == "disk"]
        self._enter(
            Phase.MADE,
            uuid=details.uuid,
            zone=details.zone,
            plan=details.plan,
            image=self.image,
            image_made=self.image_made,
            disks=tuple(disks),
            adopted=self.is_adopted,
            asked=self.moment(self._wanted_at),
            created=self.moment(self.asked_at),
        )
        if (job := self._origin.get("build")) is not None:
            self.tell_job(job, began=self.moment(self._wanted_at))

    def _appeared(self, server: Server) -> None:
        """It appeared after its start was given up. The client destroys it."""
        with self._turn:
            self.details, self.is_abandoned = server, True
            if self.phase is Phase.GONE:
                # Until now it counted as never created.
                has_failed = self.error is not None
                self._live_again()
                if has_failed:
                    self.fail("its create was answered too late")
            self._note_made()

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
            # A new server starts by itself. If it is stopped, it has switched itself off.
            waits.start_soon(wait_for, ServerState.STOPPED)
        [first, *_] = seen
        if isinstance(first, UpCloudError):
            raise first
        if first.state == ServerState.STOPPED:
            raise ResourceFailed("server", self.uuid, ServerState.STOPPED)
        self.up_since = time.monotonic()
        self._enter(Phase.STARTED)

    def _hear(self, event: Event) -> None:
        """Handle an event of the client while this server is created or boots."""
        if isinstance(event, ServerEvent) and event.happened == "adopted":
            self.is_adopted = True
        sentence = sentence_of(event)
        is_mine = self.details is None or server_of(event) in {self.details.uuid, None}
        if self.is_abandoned and is_mine and isinstance(event, ServerEvent) and event.happened == "destroyed":
            self._destroyed.set()
        # Both waits of `_boot` report the same events.
        if sentence not in {None, self._told} and is_mine:
            self._told = sentence
            self.tell(str(sentence))

    async def ask_price(self) -> None:
        """Read its price, if the API tells it."""
        server = self.details
        for spec in self.specs:
            if server is not None and (spec.zone, spec.plan) == (server.zone, server.plan):
                with contextlib.suppress(UpCloudError):
                    [estimate] = await self.account.cache.estimates([spec])
                    self.hourly, self.currency = estimate.hourly, estimate.currency
                    self._enter(None, hourly=round(estimate.hourly * MILLION), currency=estimate.currency)
                return

    # --- a fresh disk between two jobs --------------------------------------------------------------------------------

    @property
    def is_parked(self) -> bool:
        """Whether it is switched off, or about to be, until the next job comes."""
        return self.stays_until is not None

    @property
    def may_be_parked(self) -> bool:
        """Whether it may stay for another job: its guest has attached, and its paid hour goes on while it is off."""
        has_run = self.attached_at is not None and not self.is_parked and not self.is_outdated
        return has_run and self._disk is not None and self._disk.is_worth_it

    @property
    def gets_new_password(self) -> bool:
        """Whether the next guest can get another password than the last one."""
        return self._disk is not None and self._disk.is_rebuilt

    @property
    def is_sealed(self) -> bool:
        """Whether its metadata service is switched off."""
        return self._is_sealed

    async def prepare_disk(self, timeout: float) -> None:
        """Make the next disk while a job runs, if the template allows it."""
        if self._disk is not None:
            await self._disk.prepare(self._own_spec(), timeout=timeout)

    async def park(self, timeout: float) -> None:
        """Switch it off until the next job.

        Raises:
            UpCloudError: It may still be running, or somebody kept or took it. Destroy it.
        """
        assert self._disk is not None
        self._enter(Phase.PARKED)
        await self.account.cloud.leases.check(self.uuid)
        await self._disk.switch_off(timeout=timeout)

    async def renew(self, timeout: float) -> None:
        """Start it with a fresh disk. Its guest may attach before this returns.

        Raises:
            UpCloudError: It failed. Destroy the server.
        """
        assert self._disk is not None
        # Its old disk will be deleted.
        await self.account.cloud.leases.check(self.uuid)
        spec = self._own_spec()
        # Its next guest may be sealed before this returns.
        was_sealed, self._is_sealed = self._is_sealed, False
        with self.account.events.making(self._hear), self.account.events.watching(self.uuid, self._hear):
            await self._disk.renew(spec, timeout=timeout, starts=self._let_attach, was_sealed=was_sealed)
        self.up_since = self.up_since or time.monotonic()
        self._enter(Phase.STARTED)

    def _own_spec(self) -> ServerSpec:
        assert self.details is not None
        return self._possible.spec_of(self.details)

    def begin_again(self, make_specs: MakeSpecs[C] | None = None) -> None:
        """Prepare this object for another job. Then call `renew`. `make_specs`: with what the next guest is told."""
        self._possible.make_specs = make_specs or self._possible.make_specs
        self.attached_at = self.up_since = self.stays_until = self._told = None
        self._begun_at = time.monotonic()

    def _let_attach(self) -> None:
        self.may_attach = True

    # --- its guest ----------------------------------------------------------------------------------------------------

    async def seal(self, timeout: float) -> bool:
        """Switch off the guest's metadata service, so that no job can read the password there.

        False if that did not succeed, which is logged.
        """
        reason = f"not within {timeout:g} s"
        with self.account.clock.limit(timeout):
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
                    self._is_sealed = True
                    await self.account.cloud.servers.modify(self.uuid, ServerChanges(metadata=False))
                    return
            except IllegalState:
                pass  # In maintenance: the guest attached before the API said "started".
            await self.account.clock.sleep(_PAUSE)

    def note_attach(self) -> None:
        """Note that its guest has attached."""
        self.attached_at = self.attached_at or time.monotonic()
        self.up_since = self.up_since or self.attached_at
        self._note_attach(self.attached_at)

    async def find_problem(self) -> str | None:
        """Ask the API why its guest cannot attach. None if it can, or if the API does not answer."""
        if self.details is None:
            return None
        state: ServerState | str | None = None
        try:
            with self.account.clock.limit(_LOOK_TIMEOUT):
                state = (await self.account.cloud.servers.get(self.uuid)).state
        except NotFound:
            return f"server {self.uuid} is gone"
        except UpCloudError:
            return None
        if state in {ServerState.ERROR, ServerState.STOPPED}:
            return f"server {self.uuid} is in state {str(state)!r}"
        return None

    # --- destroy ------------------------------------------------------------------------------------------------------

    async def destroy(self, timeout: float) -> None:
        """Destroy it with its disks, and return when it is gone.

        Raises:
            CleanupFailed: It may still be running.
            LeaseLost: Somebody kept or took it, so it is not destroyed.
        """
        self.may_attach = False
        self._enter(Phase.STOPPING)
        try:
            if self.asked_at is not None and time.monotonic() - self.asked_at > _CHECKED_FROM:
                with contextlib.suppress(UpCloudError), self.account.clock.limit(_LOOK_TIMEOUT):
                    await self.account.cloud.leases.check(self.uuid)
            await self.account.cloud.servers.destroy(self.uuid, timeout=timeout, require_lease=True)
        except LeaseLost as lost:
            self.end(str(lost))
            raise
        except CleanupFailed as failed:
            self.note_left(str(failed))
            raise
        else:
            self._enter(Phase.GONE)
        finally:
            self._destroyed.set()

    def note_left(self, reason: str) -> None:
        """Note that it may still be running, though it was to be destroyed."""
        self.fail(reason)
        self._enter(Phase.STOPPING)
        self._enter(Phase.NOT_DESTROYED)

    async def until_destroyed(self) -> None:
        """Return when `destroy` has ended, successfully or not, or when the client has destroyed it."""
        await self._destroyed.wait()

    # --- facts about it -----------------------------------------------------------------------------------------------

    @property
    def uuid(self) -> str:
        """The uuid, once `details` are known."""
        assert self.details is not None
        return self.details.uuid

    @property
    def image(self) -> str:
        """The name of its image."""
        return self._possible.image(None if self.details is None else self.details.zone)

    @property
    def image_made(self) -> datetime | None:
        """When the image of its recipe was made. None for other images."""
        return None if self.details is None else self._possible.image_made(self.details.zone)

    @property
    def paid_for(self) -> float:
        """The seconds from now that are already paid."""
        now = time.monotonic()
        return paid_until(now if self.asked_at is None else self.asked_at, now) - now

    def billed_span(self) -> tuple[float, float]:
        """When its first hour began, at the latest, and now. By the API's clock, in seconds since 1970."""
        if self.asked_at is None:
            return (time.time(), time.time())
        lived = time.monotonic() - self.asked_at
        created = None if self.details is None else self.details.created
        began = time.time() - lived if created is None else created.timestamp()
        return (began, began + lived)

    def facts(self) -> dict[str, str | float]:
        """What is known of it, by the names of build properties. Contains no secret."""
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
            "upcloud_credits_per_hour": None if self.hourly is None else float(self.hourly * 100),
            **{name: None if address is None else str(address) for name, address in addresses.items()},
            "upcloud_boot_seconds": self.boot_seconds,
            "upcloud_attach_seconds": self.attach_seconds,
        }
        return {name: value for name, value in facts.items() if value is not None}

    @property
    def boot_seconds(self) -> float | None:
        """Seconds from its create, or from the request for its fresh disk, until it was started."""
        return self._since_begin(self.up_since)

    @property
    def attach_seconds(self) -> float | None:
        """Seconds from the same time until its guest attached."""
        return self._since_begin(self.attached_at)

    def _since_begin(self, moment: float | None) -> float | None:
        return None if moment is None or self._begun_at is None else round(moment - self._begun_at, 1)
