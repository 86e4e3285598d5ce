"""Permissions of sub-accounts. Chapter "Permissions" of the API."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from upcloud_sdk._wire import Flag, OpenEnum, Request, Resource, Words


class PermissionTarget(OpenEnum):
    """Type of a permission's target."""

    SERVER = "server"
    STORAGE = "storage"
    NETWORK = "network"
    ROUTER = "router"
    OBJECT_STORAGE = "object_storage"
    MANAGED_DATABASE = "managed_database"
    MANAGED_OBJECT_STORAGE = "managed_object_storage"
    MANAGED_LOADBALANCER = "managed_loadbalancer"
    MANAGED_KUBERNETES = "managed_kubernetes"
    MANAGED_CONTAINER_REGISTRY = "managed_container_registry"
    INTERFACE = "interface"
    NETWORK_GATEWAY = "network_gateway"
    TAG_ACCESS = "tag_access"
    FILE_STORAGE = "file_storage"
    SSH_KEY = "ssh_key"


TargetType = Literal[
    "server",
    "storage",
    "network",
    "router",
    "object_storage",
    "managed_database",
    "managed_object_storage",
    "managed_loadbalancer",
    "managed_kubernetes",
    "managed_container_registry",
    "interface",
    "network_gateway",
    "tag_access",
    "file_storage",
    "ssh_key",
]


class PermissionOptions(Resource):
    """Options of a permission."""

    storage: bool | None = None
    """For a server or tag: whether its storages are included."""


class Permission(Resource):
    """The permission of a user to use a target."""

    user: str | None = None
    """User name of a sub-account."""
    target_type: PermissionTarget | None = None
    target_identifier: str | None = None
    """Uuid of the target, name of the tag, or `*` for all of this type."""
    options: PermissionOptions | None = None


class PermissionOptionsSpec(Request):
    """Options of a permission to grant."""

    storage: Flag | None = None
    """For a server or tag: whether its storages are included."""


class PermissionSpec(Request):
    """A permission to grant or revoke."""

    user: Annotated[str, Field(min_length=1)]
    """User name of a sub-account."""
    target_type: Annotated[TargetType, Words()]
    target_identifier: Annotated[str, Field(min_length=1)] = "*"
    """Uuid of the target, name of the tag, or `*` for all of this type."""
    options: PermissionOptionsSpec | None = None
