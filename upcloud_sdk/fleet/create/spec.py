"""Makes a typical server spec from a few values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, TypedDict

from upcloud_sdk.models.ownership import IMAGE
from upcloud_sdk.models.server_requests import LoginUser, ServerSpec, StorageDeviceSpec
from upcloud_sdk.models.storages import TemplateType
from upcloud_sdk.resources.plans import Plans, plan_named
from upcloud_sdk.resources.storages import StorageEndpoints

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from pydantic import SecretStr

    from upcloud_sdk._wire import Uuid
    from upcloud_sdk.models.networks import InterfaceSpec
    from upcloud_sdk.resources._base import Core
    from upcloud_sdk.resources.templates import Which


class SpecFields(TypedDict, total=False):
    """All fields of `ServerSpec` that are not arguments of `servers.spec`, for type checkers."""

    title: str
    storage_devices: Sequence[StorageDeviceSpec]
    core_number: int | None
    memory_amount: int | None
    networking: Sequence[InterfaceSpec] | None
    login_user: LoginUser | None
    password_delivery: Literal["none", "email", "sms"]
    metadata: bool
    user_data: SecretStr | str | None
    firewall: bool
    boot_order: str | None
    nic_model: Literal["virtio", "e1000", "rtl8139"] | None
    video_model: Literal["vga", "cirrus"] | None
    timezone: str | None
    simple_backup: str | None
    labels: Mapping[str, str] | None
    server_group: Uuid | None
    host: int | None
    avoid_host: int | None
    remote_access_enabled: bool | None
    remote_access_type: Literal["vnc"] | None
    remote_access_password: SecretStr | str | None
    vnc_keymap: str | None
    extra: Mapping[str, Any]


async def make_spec(
    core: Core,
    template: Which,
    *,
    plan: str,
    hostname: str,
    size: int | None,
    tier: str | None,
    ssh_keys: Sequence[str | Path],
    username: str,
    fields: Mapping[str, Any],
) -> ServerSpec:
    """Make a spec. `fields` are fields of `ServerSpec`, which override the chosen values.

    Raises:
        NoMatch, Ambiguous: No template or plan matches, or several templates match.
    """
    image = await StorageEndpoints(core).find_template(template)
    sold = None if plan == "custom" else plan_named(await Plans(core).list(), plan)
    included = 0 if sold is None else sold.storage_size or 0
    disk: dict[str, Any] = {
        "action": "clone",
        "storage": image.uuid,
        "title": f"{hostname}-os"[:255],
        "size": size or max(image.size or 1, included),
        "tier": tier or (str(sold.storage_tier) if sold is not None and sold.storage_tier else None),
    }
    found: dict[str, Any] = {
        "plan": plan,
        "hostname": hostname,
        "title": hostname,
        "storage_devices": [StorageDeviceSpec.model_validate(disk)],
        # Cloud-init reads its user_data there. Baked images have cloud-init, even if the API says otherwise.
        "metadata": (
            image.template_type != TemplateType.NATIVE or IMAGE in image.labels or fields.get("user_data") is not None
        ),
    }
    if ssh_keys or username != "root":
        found["login_user"] = LoginUser(username=username, ssh_keys=ssh_keys)
    return ServerSpec.model_validate(found | dict(fields))
