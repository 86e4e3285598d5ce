"""Permissions of sub-accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upcloud_sdk._wire import many, one
from upcloud_sdk.models.permissions import Permission
from upcloud_sdk.resources._base import Namespace, body_of, endpoint

if TYPE_CHECKING:
    from upcloud_sdk.models.permissions import PermissionSpec

_PERMISSION = one(Permission, "permission")
_PERMISSIONS = many(Permission, "permissions", "permission")


class Permissions(Namespace):
    """`cloud.permissions`. Chapter "Permissions" of the API, <https://developers.upcloud.com/1.3/18-permissions/>."""

    @endpoint("POST", "/permission/grant")
    async def grant(self, permission: PermissionSpec) -> Permission:
        """Allow a sub-account something."""
        document = {"permission": body_of(permission)}
        return await self._transport.call("POST", "/permission/grant", _PERMISSION, json=document)

    @endpoint("POST", "/permission/revoke")
    async def revoke(self, permission: PermissionSpec | Permission) -> None:
        """Take a permission back: as it was granted, or as `list` shows it."""
        await self._transport.send("POST", "/permission/revoke", json={"permission": _document(permission)})

    @endpoint("GET", "/permission")
    async def list(self, *, user: str | None = None) -> tuple[Permission, ...]:
        """All permissions that the account has granted, or those of one user."""
        found = await self._list("/permission", _PERMISSIONS)
        return found if user is None else tuple(each for each in found if each.user == user)


def _document(permission: PermissionSpec | Permission) -> dict[str, Any]:
    if not isinstance(permission, Permission):
        return body_of(permission)
    document: dict[str, Any] = {
        "user": permission.user,
        "target_type": str(permission.target_type),
        "target_identifier": permission.target_identifier,
    }
    if permission.options is not None and permission.options.storage is not None:
        document["options"] = {"storage": "yes" if permission.options.storage else "no"}
    return document
