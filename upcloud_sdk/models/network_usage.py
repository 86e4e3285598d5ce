"""Traffic that an account has sent. Chapter "Accounts" of the API."""

from __future__ import annotations

from pydantic import AwareDatetime

from upcloud_sdk._wire import Resource


class CurrentNetworkUsage(Resource):
    """The traffic of the running month."""

    updated: AwareDatetime
    accumulated_quota_bytes: int
    """What the plans of the servers have brought so far."""
    total_sent_bytes: int
    hourly_quota_increase_bytes: int
    projected_monthly_quota_bytes: int


class NetworkUsage(Resource):
    """The traffic of an account in an hour, or on a day."""

    start_time: AwareDatetime
    sent_bytes: int
    total_sent_bytes: int
    """Since the beginning of the month."""
    accumulated_quota_bytes: int
    projected_monthly_quota_bytes: int
    quota_increase_bytes: int


class ResourceNetworkUsage(Resource):
    """The traffic of one resource in an hour, or on a day."""

    resource_id: str
    service: str
    """Such as `server_public`, `server_private`, `load_balancer_public`."""
    zone: str
    start_time: AwareDatetime
    sent_bytes: int | None = None
