"""Audit log: who did what. Chapter "Audit logs" of the API."""

from __future__ import annotations

from pydantic import AliasChoices, Field

from upcloud_sdk._wire import Items, Json, Resource, Time


class AuditLogFilters(Resource):
    """Values for the filters of the audit log."""

    resource_types: Items[str] = ()
    actions: Items[str] = ()
    origins: Items[str] = ()


class AuditLogEntry(Resource):
    """One event. Its fields depend on the event, and each may be missing."""

    time: Time | None = Field(default=None, validation_alias=AliasChoices("time", "created_at"))
    action: str | None = None
    """Such as `create`, `update`, `delete`, `login`."""
    origin: str | None = None
    """`api`, `gui` or `upcloud_internal`."""
    account_username: str | None = Field(default=None, validation_alias=AliasChoices("account_username", "username"))
    auth_type: str | None = None
    ip_address: str | None = None
    """Source address of the request. May be masked."""
    resource_type: str | None = None
    """Such as `server`, `storage`, `account`."""
    resource_sub_type: str | None = None
    resource_id: str | None = None
    cloud_event_id: str | None = Field(default=None, validation_alias=AliasChoices("cloud_event_id", "id"))
    upcloud_correlation_id: str | None = None
    current_state: Json | None = Field(default=None, repr=False)
    """The resource after the event, as the API shows it."""
    previous_state: Json | None = Field(default=None, repr=False)
    """The resource before the event."""
