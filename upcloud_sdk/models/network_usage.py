"""Outgoing traffic of an account. Chapter "Accounts" of the API."""

from __future__ import annotations

from upcloud_sdk._wire import Resource, Time


class CurrentNetworkUsage(Resource):
    """Traffic of the current month."""

    updated: Time | None = None
    accumulated_quota_bytes: int | None = None
    """Traffic included in the servers' plans so far."""
    total_sent_bytes: int | None = None
    hourly_quota_increase_bytes: int | None = None
    projected_monthly_quota_bytes: int | None = None


class NetworkUsage(Resource):
    """Traffic of an account in one hour or day."""

    start_time: Time | None = None
    sent_bytes: int | None = None
    total_sent_bytes: int | None = None
    """Since the beginning of the month."""
    accumulated_quota_bytes: int | None = None
    projected_monthly_quota_bytes: int | None = None
    quota_increase_bytes: int | None = None


class ResourceNetworkUsage(Resource):
    """Traffic of one resource in one hour or day."""

    resource_id: str | None = None
    service: str | None = None
    """Such as `server_public`, `server_private`, `load_balancer_public`."""
    zone: str | None = None
    start_time: Time | None = None
    sent_bytes: int | None = None
