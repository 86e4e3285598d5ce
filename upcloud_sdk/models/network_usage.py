"""Traffic that an account has sent. Chapter "Accounts" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import Resource, Time


class CurrentNetworkUsage(Resource):
    """The traffic of the running month."""

    updated: Time | None = None
    accumulated_quota_bytes: int | None = None
    """What the plans of the servers have brought so far."""
    total_sent_bytes: int | None = None
    hourly_quota_increase_bytes: int | None = None
    projected_monthly_quota_bytes: int | None = None


class NetworkUsage(Resource):
    """The traffic of an account in an hour, or on a day."""

    start_time: Time | None = None
    sent_bytes: int | None = None
    total_sent_bytes: int | None = None
    """Since the beginning of the month."""
    accumulated_quota_bytes: int | None = None
    projected_monthly_quota_bytes: int | None = None
    quota_increase_bytes: int | None = None


class ResourceNetworkUsage(Resource):
    """The traffic of one resource in an hour, or on a day."""

    resource_id: str | None = None
    service: str | None = None
    """Such as `server_public`, `server_private`, `load_balancer_public`."""
    zone: str | None = None
    start_time: Time | None = None
    sent_bytes: int | None = None
