"""The account. Chapter "Accounts" of the API."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from upcloud_sdk._wire import Items, Resource, Time


class ResourceLimits(Resource):
    """Limits of the account. None: no limit, or not in the answer.

    Limits that this release does not know are in `model_extra`.
    """

    cores: int | None = None
    """CPU cores of all servers together."""
    memory: int | None = None
    """Memory of all servers together, MiB."""
    public_ipv4: int | None = None
    public_ipv6: int | None = None
    detached_floating_ips: int | None = None
    networks: int | None = None
    """Private networks."""
    network_peerings: int | None = None
    routers: int | None = None
    server_groups: int | None = None
    storage_maxiops: int | None = None
    """GB of this tier."""
    storage_standard: int | None = None
    """GB of this tier."""
    storage_hdd: int | None = None
    """GB of this tier."""
    storage_ssd: int | None = None
    """GB of this tier."""
    storage_total: int | None = None
    """GB of all tiers together."""
    gpus: int | None = None
    tags: int | None = None
    firewall_rules: int | None = None


class PaidCredits(Resource):
    """Paid credits. All credits are in cents of the account's currency."""

    debt_credits: Decimal | None = None
    max_debt: Decimal | None = None
    """Allowed debt."""
    paid_credits: Decimal | None = None


class FreeCredits(Resource):
    """Free credits of one kind."""

    free_credit_type: str | None = None
    free_credits: Decimal | None = None
    free_credits_expire: Time | None = None


class AllFreeCredits(Resource):
    """All free credits."""

    breakdown: Items[FreeCredits] = ()


class CreditsBreakdown(Resource):
    """The account's credits by origin."""

    account_credits: PaidCredits | None = None
    account_free_credits: AllFreeCredits | None = None
    total_credits: Decimal | None = None


class Account(Resource):
    """The account that the credentials belong to."""

    username: str | None = None
    credits: Decimal | None = None
    """Balance, in cents of the account's currency."""
    resource_limits: ResourceLimits = Field(default_factory=ResourceLimits)
    credits_breakdown: CreditsBreakdown | None = None
    """The credits by origin. None if not in the answer."""
    trial_mode: bool | None = None
    """Whether it is a trial account. None if not in the answer."""
