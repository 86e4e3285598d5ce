"""The types of the main calls, and the mistakes that a type checker must report. Only checked, never run.

mypy, pyright and ty read this file in `make check`. An ignore that is not needed is an error in each, so a mistake that
would pass shows.
"""
# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

import re
from decimal import Decimal
from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import assert_type

from pydantic import SecretStr

from upcloud_sdk import (
    Basic,
    Lease,
    LoginUser,
    RawAnswer,
    ReapReport,
    Server,
    ServerChanges,
    ServerSpec,
    ServerState,
    StorageDeviceSpec,
    StorageSpec,
    Token,
    UpCloud,
    errors,
)
from upcloud_sdk.models import (
    Account,
    AuditLogEntry,
    FirewallRule,
    Network,
    Plan,
    ServerSummary,
    Storage,
    StorageImport,
    StorageSummary,
    SubAccountChanges,
    Zone,
)


async def what_calls_return(cloud: UpCloud, spec: ServerSpec) -> None:
    assert_type(await cloud.account.get(), Account)
    assert_type(await cloud.zones.list(), tuple[Zone, ...])
    assert_type(await cloud.plans.list(), tuple[Plan, ...])
    assert_type(await cloud.servers.list(labels={"env": "test"}), tuple[ServerSummary, ...])
    assert_type(await cloud.servers.get("uuid"), Server)
    assert_type(await cloud.servers.create(spec), Server)
    assert_type(await cloud.servers.create([spec, spec], lease=600), Server)
    assert_type(await cloud.servers.create(spec.variants(zones=["fi-hel1"])), Server)
    assert_type(await cloud.servers.modify("uuid", ServerChanges(title="x")), Server)
    assert_type(await cloud.servers.wait_for_state("uuid", ServerState.STARTED, timeout=300), Server)
    assert_type(await cloud.storages.list("template"), tuple[StorageSummary, ...])
    assert_type(await cloud.storages.get("uuid"), Storage)
    assert_type(await cloud.storages.find_template(re.compile("Debian")), StorageSummary)
    assert_type(await cloud.storages.create(StorageSpec(zone="fi-hel1", title="data", size=10)), Storage)
    assert_type(await cloud.storages.upload("uuid", Path("disk.raw"), progress=lambda sent, size: None), StorageImport)
    assert_type(await cloud.networks.list(zone="fi-hel1"), tuple[Network, ...])
    assert_type(await cloud.firewall_rules.list("uuid"), tuple[FirewallRule, ...])
    assert_type((await cloud.prices.estimate(spec)).monthly, Decimal)
    assert_type(await cloud.plans.cheapest(cores=2, memory=4096, zone="fi-hel1"), Plan)
    async for page in cloud.audit_logs.list(actions=["create"]):
        assert_type(page, tuple[AuditLogEntry, ...])
    async with cloud.audit_logs.export("csv") as stream:
        async for piece in stream:
            assert_type(piece, bytes)
    assert_type(await cloud.leases.reap(dry_run=True), ReapReport)
    assert_type(await cloud.leases.list(), tuple[Lease, ...])
    assert_type(await cloud.request("GET", "/account"), RawAnswer)
    async with cloud.servers.ephemeral(spec) as server:
        assert_type(server, Server)
        assert_type(server.public_ipv4, IPv4Address | None)
        assert_type(server.public_ipv6, IPv6Address | None)
        assert_type(server.labels, dict[str, str])
        assert_type(server.state, ServerState)
        assert_type(server.license, Decimal | None)
        assert_type(server.firewall, bool | None)
        assert_type(server.password, SecretStr | None)


async def secrets_may_be_text(cloud: UpCloud) -> None:
    disk = StorageDeviceSpec.create(size=10)
    spec = ServerSpec(zone="fi-hel1", hostname="a", title="a", storage_devices=[disk], user_data="#!/bin/sh")
    ServerSpec(zone="fi-hel1", hostname="a", title="a", storage_devices=[disk], user_data=SecretStr("#!/bin/sh"))
    assert_type(spec.user_data, SecretStr | None)
    ServerChanges(remote_access_password="a")
    SubAccountChanges(password="a")
    await cloud.servers.spec("debian-13", zone="fi-hel1", plan="x", hostname="a", user_data="#!/bin/sh", metadata=True)


def what_errors_carry(
    error: errors.ApiError, lost: errors.OutcomeUnknown, limited: errors.RateLimited, late: errors.WaitTimeout
) -> None:
    assert_type(error.status, int)
    assert_type(error.code, str)
    assert_type(error.correlation_id, str | None)
    assert_type(lost.label, str | None)
    assert_type(limited.retry_after, float | None)
    assert_type(late.last, ServerSummary | StorageSummary | StorageImport | None)


def what_credentials_may_be() -> None:
    UpCloud(Token("ucat_x"))
    UpCloud(Basic("user", SecretStr("x")))
    UpCloud("ucat_x")  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]  # a token in plain text


async def mistakes(cloud: UpCloud, spec: ServerSpec) -> None:
    spec.hostname = "other"  # type: ignore[misc]  # ty: ignore[invalid-assignment]  # frozen
    for _ in cloud.zones.list():  # type: ignore[attr-defined]  # ty: ignore[not-iterable]  # a forgotten await
        pass
    with cloud:  # type: ignore[attr-defined]  # ty: ignore[invalid-context-manager]  # `async with`
        pass
    await cloud.servers.delete("uuid", True)  # type: ignore[call-arg]  # ty: ignore[too-many-positional-arguments]  # keyword only
    await cloud.servers.wait_for_state("uuid", "started")  # type: ignore[call-arg]  # ty: ignore[missing-argument]  # every wait has a deadline
    await cloud.servers.stop("uuid", stop_type="gently")  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]  # "soft" or "hard"
    await cloud.storages.list("disks")  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]  # not a kind
    StorageDeviceSpec.clone(size=25)  # type: ignore[call-arg]  # ty: ignore[missing-argument]  # of what?
    ServerSpec(zone="fi-hel1", hostname="a", storage_devices=[])  # type: ignore[call-arg]  # ty: ignore[missing-argument]  # no title
    await cloud.servers.spec("debian-13", zone="fi-hel1", plan="x", hostname="a", ssh_key="a")  # type: ignore[call-arg]  # ssh_keys
    LoginUser(user="root")  # type: ignore[call-arg]  # ty: ignore[unknown-argument]  # a misspelt field
    server = await cloud.servers.get("uuid")
    server.sate  # type: ignore[attr-defined]  # ty: ignore[missing-attribute]  # noqa: B018 - a misspelt attribute
