"""Permissions of sub-accounts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from upcloud_sdk._transport import path_segment
from upcloud_sdk._wire import many, one
from upcloud_sdk.models.permissions import Permission, TargetType
from upcloud_sdk.resources._base import Namespace, body_of, endpoint
from upcloud_sdk.resources.policies import check_word

if TYPE_CHECKING:
    from upcloud_sdk.models.permissions import PermissionSpec

_PERMISSION = one(Permission, "permission")
_PERMISSIONS = many(Permission, "permissions", "permission")


class Permissions(Namespace):
    """`cloud.permissions`. Chapter "Permissions" of the API, <https://developers.upcloud.com/1.3/18-permissions/>."""

    @endpoint("POST", "/permission/grant")
    async def grant(self, permission: PermissionSpec) -> Permission:
        """Give a permission to a sub-account."""
        document = {"permission": body_of(permission)}
        return await self._transport.call("POST", "/permission/grant", _PERMISSION, json=document)

    @endpoint("POST", "/permission/revoke")
    async def revoke(self, permission: PermissionSpec | Permission) -> None:
        """Remove a permission: as it was granted, or as `list` returns it."""
        await self._transport.send("POST", "/permission/revoke", json={"permission": _document(permission)})

    @endpoint("PUT", "/permission")
    async def replace(self, permission: PermissionSpec) -> tuple[Permission, ...]:
        """Replace all permissions of the account by one, and return the permissions after that."""
        document = {"permission": body_of(permission)}
        return await self._transport.call("PUT", "/permission", _PERMISSIONS, json=document)

    @endpoint("POST", "/permission/revoke-all-from-target/{type}/{identifier}")
    async def revoke_all_from_target(
        self, target_type: TargetType, target_identifier: str, *, main_account_id: int | None = None
    ) -> None:
        """Remove all permissions for a resource.

        Args:
            target_type: Type of the resource, such as `server`.
            target_identifier: Uuid or name of the resource.
            main_account_id: For partners: the account of the customer.
        """
        check_word(target_type, TargetType, "target_type")
        params = [] if main_account_id is None else [("main_account_id", str(main_account_id))]
        path = (
            f"/permission/revoke-all-from-target/{target_type}/{path_segment(target_identifier, 'target_identifier')}"
        )
        await self._transport.send("POST", path, params=params)

    @endpoint("POST", "/permission/revoke-all-from-user/{user}")
    async def revoke_all_from_user(self, user: str) -> None:
        """Remove all permissions of a user."""
        await self._transport.send("POST", f"/permission/revoke-all-from-user/{path_segment(user, 'user')}")

    @endpoint("GET", "/permission")
    async def list(self, *, user: str | None = None) -> tuple[Permission, ...]:
        """List the permissions that the account has granted.

        Args:
            user: Only those of this sub-account.
        """
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
