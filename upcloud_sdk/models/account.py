"""The account. Chapter "Accounts" of the API."""

from __future__ import annotations

from decimal import Decimal

from pydantic import Field

from upcloud_sdk._wire import Items, Resource, Time


class ResourceLimits(Resource):
    """How much the account may have of each thing; None where the API does not say, or sets no limit.

    Limits that this release does not know are kept in `model_extra`.
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
    """Credits that were paid for; like all credits, cents of the account's currency."""

    debt_credits: Decimal | None = None
    max_debt: Decimal | None = None
    """How far the account may go below nothing."""
    paid_credits: Decimal | None = None


class FreeCredits(Resource):
    """Credits that were given."""

    free_credit_type: str | None = None
    free_credits: Decimal | None = None
    free_credits_expire: Time | None = None


class AllFreeCredits(Resource):
    """All credits that were given."""

    breakdown: Items[FreeCredits] = ()


class CreditsBreakdown(Resource):
    """What the account's credits are made of."""

    account_credits: PaidCredits | None = None
    account_free_credits: AllFreeCredits | None = None
    total_credits: Decimal | None = None


class Account(Resource):
    """The account that the credentials belong to."""

    username: str | None = None
    credits: Decimal | None = None
    """What is left, in cents of the account's currency."""
    resource_limits: ResourceLimits = Field(default_factory=ResourceLimits)
    credits_breakdown: CreditsBreakdown | None = None
    """What the credits are made of; None where the API does not say."""
    trial_mode: bool | None = None
    """Whether it is a trial account; None where the API does not say."""
