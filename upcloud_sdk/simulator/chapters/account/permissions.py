"""Permissions of sub-accounts (chapter 5). They are stored, but not enforced."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.account import Permission
from upcloud_sdk.simulator.state.identity import require_main, sub_account
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import fields, one_of, text, yes_no

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_TARGETS = one_of(
    "server", "storage", "network", "router", "object_storage", "managed_database", "managed_object_storage",
    "managed_loadbalancer", "managed_kubernetes", "interface", "network_gateway", "tag_access",
    "managed_container_registry", "file_storage", "ssh_key",
)  # fmt: skip


def _permission_document(permission: Permission) -> Document:
    document: Document = {
        "target_identifier": permission.target_identifier,
        "target_type": permission.target_type,
        "user": permission.user,
    }
    return document | ({"options": dict(permission.options)} if permission.options else {})


def _same_target(one: Permission, other: Permission) -> bool:
    return (one.user, one.target_type, one.target_identifier) == (
        other.user,
        other.target_type,
        other.target_identifier,
    )


@routes.get("/permission")
def list_permissions(cloud: Cloud, call: Call) -> Answer:
    """Filters: `user`, `target_type`, `target_identifier`."""
    found = cloud.permissions
    for name in ("user", "target_type", "target_identifier"):
        wanted = call.param(name)
        found = [each for each in found if wanted in {None, getattr(each, name)}]
    return Answer(200, {"permissions": {"permission": [_permission_document(each) for each in found]}})


def _read_permission(cloud: Cloud, call: Call) -> Permission:
    require_main(cloud, call)
    with fields(call, "permission") as f:
        permission = Permission(
            f.need("target_type", _TARGETS),
            f.need("target_identifier", text(1, 255)),
            f.need("user", text(1)),
        )
        options = f.object("options")
        if options is not None:
            with options:
                permission.options = {"storage": options.get("storage", yes_no, "no")}
    sub_account(cloud, permission.user)
    return permission


@routes.post("/permission/grant")
def grant_permission(cloud: Cloud, call: Call) -> Answer:
    permission = _read_permission(cloud, call)
    _check_target(cloud, permission)
    cloud.permissions[:] = [each for each in cloud.permissions if not _same_target(each, permission)]
    cloud.permissions.append(permission)
    return Answer(200, {"permission": _permission_document(permission)})


def _check_target(cloud: Cloud, permission: Permission) -> None:
    """Refuse unknown targets, if the simulator has this type."""
    known: dict[str, list[str]] = {
        "server": [*cloud.servers],
        "storage": [*cloud.storages],
        "network": [*cloud.networks],
        "router": [*cloud.routers],
        "tag_access": [tag.name for tag in cloud.tags.values()],
    }
    wanted = known.get(permission.target_type)
    if wanted is not None and permission.target_identifier not in {"*", *wanted}:
        message = f"There is no {permission.target_type} {permission.target_identifier}."
        raise ApiFault(400, "TARGET_IDENTIFIER_INVALID", message)


@routes.post("/permission/revoke")
def revoke_permission(cloud: Cloud, call: Call) -> Answer:
    permission = _read_permission(cloud, call)
    left = [each for each in cloud.permissions if not _same_target(each, permission)]
    if len(left) == len(cloud.permissions):
        raise ApiFault(404, "NOT_FOUND", "There is no such permission.")
    cloud.permissions[:] = left
    return Answer(204)


@routes.put("/permission")
def replace_permissions(cloud: Cloud, call: Call) -> Answer:
    """Replace all permissions by this one."""
    permission = _read_permission(cloud, call)
    _check_target(cloud, permission)
    cloud.permissions[:] = [permission]
    return Answer(200, {"permissions": {"permission": [_permission_document(permission)]}})


@routes.post("/permission/revoke-all-from-target/{target_type}/{target_identifier}")
def revoke_from_target(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    try:
        wanted = (_TARGETS(call.args["target_type"]), call.args["target_identifier"])
    except ValueError as error:
        raise ApiFault(400, "TARGET_TYPE_INVALID", str(error)) from None
    cloud.permissions[:] = [each for each in cloud.permissions if (each.target_type, each.target_identifier) != wanted]
    return Answer(204)


@routes.post("/permission/revoke-all-from-user/{user}")
def revoke_from_user(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    user = sub_account(cloud, call.args["user"]).username
    cloud.permissions[:] = [each for each in cloud.permissions if each.user != user]
    return Answer(204)
