"""`upcloud-sdk doctor`: checks whether this machine and account can create servers."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import typer

from upcloud_sdk import UpCloud, errors
from upcloud_sdk._transport.base_url import base_url
from upcloud_sdk.cli.output import print_json, show
from upcloud_sdk.cli.session import AsJson, run
from upcloud_sdk.credentials import find_credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.client import RawAnswer
    from upcloud_sdk.models import Account

CLOCK_OFF = 30.0
"""A clock that differs by more than this many seconds from the API's is reported."""


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check."""

    question: str
    good: bool
    answer: str


def doctor(context: typer.Context, as_json: AsJson = False) -> None:
    """Check credentials, proxy, connection, clock, limits and leases. Changes nothing. Status 1 if a check fails."""
    findings = [
        _checked("credentials from", _source),
        _checked("API", lambda: base_url(None)),
        _checked("proxy", _proxy),
    ]
    if all(finding.good for finding in findings):
        findings += run(lambda: examine(context.obj))
    if as_json:
        print_json([{"question": f.question, "good": f.good, "answer": f.answer} for f in findings])
    else:
        rows = [{"": "ok" if f.good else "WRONG", "question": f.question, "answer": f.answer} for f in findings]
        show(rows, as_json=False, empty="")
    if not all(finding.good for finding in findings):
        raise typer.Exit(1)


def _checked(question: str, ask: Callable[[], str]) -> Finding:
    try:
        return Finding(question, good=True, answer=ask())
    except (errors.ConfigError, ValueError) as error:
        return Finding(question, good=False, answer=str(error))


async def examine(owner: str | None) -> list[Finding]:
    """What the API answers. Checks that need a failed one are left out."""
    try:
        async with UpCloud(owner=owner) as cloud:
            return await _of_account(cloud)
    except errors.ConfigError as error:
        return [Finding("configuration", good=False, answer=str(error))]


async def _of_account(cloud: UpCloud) -> list[Finding]:
    began = time.monotonic()
    try:
        answer = await cloud.request("GET", "/account")
    except errors.AuthenticationFailed as error:
        return [Finding("account", good=False, answer=str(error))]
    except errors.UpCloudError as error:
        return [Finding("reachable", good=False, answer=str(error))]
    took = time.monotonic() - began
    findings = [Finding("reachable", good=True, answer=f"the first call took {took * 1000:.0f} ms"), _clock(answer)]
    account = await cloud.account.get()
    findings.append(Finding("account", good=True, answer=f"{account.username}, {(account.credits or 0) / 100} left"))
    return [*findings, *await _limits(cloud, account), await _leases(cloud)]


def _source() -> str:
    find_credentials(None)
    if os.environ.get("UPCLOUD_TOKEN"):
        return "UPCLOUD_TOKEN"
    if os.environ.get("UPCLOUD_USERNAME") and os.environ.get("UPCLOUD_PASSWORD"):
        return "UPCLOUD_USERNAME and UPCLOUD_PASSWORD"
    return "the system's keyring"


def _proxy() -> str:
    named = {name.upper(): value for name, value in os.environ.items() if name.upper() in {"HTTPS_PROXY", "ALL_PROXY"}}
    for name, value in named.items():
        if value:
            try:
                parts = urlsplit(value if "://" in value else f"http://{value}")
                port = f":{parts.port}" if parts.port else ""
            except ValueError:
                raise ValueError(f"{name} is not a URL such as http://proxy.example.com:3128") from None
            return f"{name}: {parts.hostname}{port}"  # Without user and password.
    return "none"


def _clock(answer: RawAnswer) -> Finding:
    date = answer.headers.get("date")
    try:
        off = (datetime.now(UTC) - parsedate_to_datetime(date or "")).total_seconds()
    except ValueError:
        return Finding("clock", good=True, answer="the API sent no Date header")
    if abs(off) > CLOCK_OFF:
        way = "ahead of" if off > 0 else "behind"
        return Finding("clock", good=False, answer=f"this machine is {abs(off):.0f} s {way} the API: set its clock")
    return Finding("clock", good=True, answer="agrees with the API's")


async def _limits(cloud: UpCloud, account: Account) -> list[Finding]:
    servers = await cloud.servers.list()
    used = {
        "cores": sum(server.core_number or 0 for server in servers),
        "memory": sum(server.memory_amount or 0 for server in servers),
    }
    findings: list[Finding] = []
    for name, amount in used.items():
        limit: int | None = getattr(account.resource_limits, name)
        if limit is not None:
            unit = " MiB" if name == "memory" else ""
            answer = f"{amount} of {limit}{unit} used by {len(servers)} servers"
            findings.append(Finding(f"limit of {name}", good=amount < limit, answer=answer))
    return findings


async def _leases(cloud: UpCloud) -> Finding:
    report = await cloud.leases.reap(dry_run=True)
    due = len(report.servers) + len(report.storages)
    if due:
        text = f"{due} servers and disks of {cloud.owner} have a lease that has ended: upcloud-sdk leases reap"
        return Finding("left over", good=False, answer=text)
    return Finding("left over", good=True, answer=f"nothing of {cloud.owner}")
