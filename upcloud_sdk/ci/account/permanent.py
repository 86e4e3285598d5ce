"""Errors after which a retry is useless."""

from __future__ import annotations

from upcloud_sdk.errors import (
    Ambiguous,
    AuthenticationFailed,
    ConfigError,
    Conflict,
    Forbidden,
    IllegalState,
    InvalidRequest,
    LimitReached,
    NoCapacity,
    NoMatch,
    NotFound,
    PaymentRequired,
)

_PERMANENT = (
    Ambiguous,
    AuthenticationFailed,
    ConfigError,
    Forbidden,
    InvalidRequest,
    NoMatch,
    NotFound,
    PaymentRequired,
    ValueError,
)
_PERMANENT_CONFLICTS = frozenset({
    "METADATA_DISABLED_ON_CLOUD-INIT",
    "MULTIPLE_TEMPLATES",
    "PUBLIC_STORAGE_ATTACH",
    "STORAGE_TYPE_ILLEGAL",
    "ZONE_MISMATCH",
})  # fmt: skip


def is_permanent(error: Exception) -> bool:
    """Whether retries fail in the same way until somebody changes the configuration or the account."""
    if isinstance(error, LimitReached | NoCapacity | IllegalState):
        return False
    if isinstance(error, Conflict):
        return error.code in _PERMANENT_CONFLICTS
    return isinstance(error, _PERMANENT)
