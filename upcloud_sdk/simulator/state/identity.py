"""Finds out who calls: the main account, a sub-account, or an API token (chapters 2 and 5)."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.wire.calls import ApiFault, Call

if TYPE_CHECKING:
    from upcloud_sdk.simulator.records.account import SubAccount, Token
    from upcloud_sdk.simulator.state.cloud import Cloud


def authenticate(cloud: Cloud, call: Call) -> None:
    """Set `call.user`, and `call.token` for a token that the API has created.

    Raises `ApiFault`: 401 AUTHENTICATION_FAILED; 403 ACCOUNT_FORBIDDEN for a sub-account that may not use the API.
    """
    scheme, _, given = call.headers.get("authorization", "").partition(" ")
    call.user = cloud.account.username
    token = _token(cloud, given) if scheme == "Bearer" else None
    if token is not None:
        if token.expires_at <= cloud.clock.now():
            raise _failed()
        token.last_used_at = cloud.clock.now()
        call.token = token
        return
    sub = _sub_account(cloud, given) if scheme == "Basic" and cloud.sub_accounts else None
    if sub is None:
        cloud.access.check(call.headers)
        return
    if sub.person.allow_api == "no":
        raise ApiFault(403, "ACCOUNT_FORBIDDEN", f"The account {sub.username} may not use the API.")
    call.user = sub.username


def _failed() -> ApiFault:
    return ApiFault(401, "AUTHENTICATION_FAILED", "Authentication failed using the given credentials.")


def _token(cloud: Cloud, secret: str) -> Token | None:
    return next((token for token in cloud.tokens.values() if token.secret == secret), None)


def _sub_account(cloud: Cloud, encoded: str) -> SubAccount | None:
    """The sub-account with this name and password."""
    try:
        username, _, password = base64.b64decode(encoded).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return None
    sub = cloud.sub_accounts.get(username)
    if sub is not None and sub.password != password:
        raise _failed()
    return sub


def sub_account(cloud: Cloud, username: str) -> SubAccount:
    """Raises `ApiFault`: 404 USER_NOT_FOUND."""
    sub = cloud.sub_accounts.get(username)
    if sub is None:
        raise ApiFault(404, "USER_NOT_FOUND", f"The user {username} does not exist.")
    return sub


def require_main(cloud: Cloud, call: Call) -> None:
    """Raises `ApiFault`: 403 ACTION_FORBIDDEN for a sub-account."""
    if call.user in cloud.sub_accounts:
        raise ApiFault(403, "ACTION_FORBIDDEN", "The requested action is forbidden.")
