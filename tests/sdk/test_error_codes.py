"""For each refusal that the simulator knows, the class of error that a caller catches."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import upcloud_sdk.simulator
from tests.sdk.authorities import authorities
from upcloud_sdk import RetryPolicy, Token, UpCloud, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    import respx

_TABLE = """
400 InvalidRequest ADDRESS_INVALID BACKUP_DELETION_POLICY_INVALID CORE_MEMORY_UNSUPPORTED DUAL_STACK_INTERFACE
400 InvalidRequest DUPLICATE_LABEL_KEYS FAMILY_INVALID GATEWAY_INVALID INVALID_LABEL_KEY INVALID_LABEL_VALUE
400 InvalidRequest INVALID_REQUEST INVALID_ROUTE INVALID_ROUTE_FAMILY IP_ADDRESS_INVALID IP_NETWORKS_INVALID
400 InvalidRequest IP_NETWORKS_MISSING LABELS_INVALID NETWORK_MISSING NEXTHOP_INVALID PEER_NETWORK_INVALID PLAN_INVALID
400 InvalidRequest POSITION_INVALID SIZE_INVALID SIZE_MISSING SOURCE_IP_FILTERING_INVALID SOURCE_LOCATION_MISSING
400 InvalidRequest COUNT_INVALID INTERFACE_MISSING IP_ADDRESSES_INVALID OFFSET_INVALID RULES_INVALID
400 InvalidRequest TARGET_TYPE_INVALID TO_INVALID
400 InvalidRequest BAD_REQUEST PRICE_INVALID SORT_INVALID UUID_INVALID
400 InvalidRequest STORAGE_DELETION_POLICY_INVALID STORAGE_DEVICES_MISSING STORAGE_DEVICE_MISSING STORAGE_INVALID
400 InvalidRequest STORAGE_MISSING STORAGE_TITLE_MISSING TAG_INVALID TARGET_IDENTIFIER_INVALID TIER_INVALID
400 InvalidRequest TIMEOUT_MISSING TOO_MANY_BOOT_DISKS UNKNOWN_ATTRIBUTE ZONE_INVALID ZONE_MISSING
401 AuthenticationFailed AUTHENTICATION_FAILED
402 PaymentRequired INSUFFICIENT_CREDITS
403 Forbidden ACCOUNT_FORBIDDEN ACTION_FORBIDDEN CANNOT_DELETE_PRIVATE_ADDRESS HOST_FORBIDDEN IP_ADDRESS_FORBIDDEN
403 Forbidden NETWORK_FORBIDDEN PLAN_CORE_NUMBER_ILLEGAL PLAN_MEMORY_AMOUNT_ILLEGAL ROUTER_FORBIDDEN STORAGE_FORBIDDEN
403 Forbidden FORBIDDEN PLAN_FORBIDDEN TRIAL_FIREWALL TRIAL_PLAN ZONE_HOST_FORBIDDEN
403 LimitReached FIREWALL_RULE_LIMIT_REACHED INTERFACE_LIMIT_REACHED IP_ADDRESS_LIMIT_REACHED
403 LimitReached SERVER_CREATING_LIMIT_REACHED SERVER_IP_LIMIT_REACHED STATIC_ROUTE_LIMIT_REACHED
403 LimitReached SERVER_PLAN_LIMIT_REACHED
403 LimitReached SERVER_CORE_LIMIT_REACHED SERVER_MEMORY_LIMIT_REACHED MAXIOPS_STORAGE_LIMIT_REACHED
404 NotFound FIREWALL_RULE_NOT_FOUND HOST_NOT_FOUND INTERFACE_NOT_FOUND IP_ADDRESS_NOT_FOUND NOT_FOUND
404 NotFound PEER_NETWORK_NOT_FOUND RESOURCE_NOT_FOUND SERVER_NOT_FOUND STORAGE_IMPORT_NOT_FOUND STORAGE_NOT_FOUND
404 NotFound FIREWALL_RULESET_NOT_FOUND LABEL_NOT_FOUND TAG_NOT_FOUND USER_NOT_FOUND ZONE_NOT_FOUND
405 ApiError METHOD_NOT_ALLOWED
409 Conflict ADDRESS_ATTACHED ALREADY_IN_SERVER_GROUP BACKUP_RULE_CONFLICT CDROM_DEVICE_IN_USE CDROM_EJECT_FAILED
409 Conflict CDROM_HOTPLUG_UNSUPPORTED DEVICE_ADDRESS_IN_USE DEVICE_ADDRESS_NOT_IN_USE DUPLICATE_ROUTE
409 Conflict FLOATING_IP_NOT_AVAILABLE HOT_RESIZE_NOT_ENABLED ICMP_TYPE_PROTOCOL_MISMATCH IDE_HOTPLUG_UNSUPPORTED
409 Conflict IMPORT_UNAVAILABLE INTERFACE_EXISTS INVALID_REQUEST LOCAL_NETWORK_NO_ROUTER METADATA_DISABLED_ON_CLOUD-INIT
409 Conflict MULTIPLE_TEMPLATES NETWORK_NOT_EMPTY NO_CDROM_DEVICE PEERING_CONFLICT PEERING_NOT_DISABLED
409 Conflict PORT_PROTOCOL_MISMATCH PTR_RECORD_NOT_SUPPORTED PUBLIC_STORAGE_ATTACH RESOURCE_ALREADY_EXISTS
409 Conflict ROUTER_ATTACHED STORAGE_ATTACHED STORAGE_ATTACHED_AS_DISK STORAGE_IMPORT_NOT_IN_PROGRESS
409 Conflict STORAGE_TYPE_ILLEGAL STRICT_ANTI_AFFINITY_NOT_MET TAG_EXISTS UNABLE_TO_CANCEL WINDOWS_NOT_AVAILABLE
409 Conflict FIREWALL_RULESET_ATTACHED LABEL_EXISTS STORAGE_NOT_ATTACHED TOO_MANY_VALUES ZONE_MISMATCH
409 IllegalState SERVER_STATE_ILLEGAL STORAGE_STATE_ILLEGAL
409 LimitReached STORAGE_DEVICE_LIMIT_REACHED
409 NoCapacity IP_ADDRESS_RESOURCES_UNAVAILABLE SERVER_RESOURCES_UNAVAILABLE STORAGE_RESOURCES_UNAVAILABLE
500 ServerFault SERVICE_ERROR
"""
KIND = {
    (int(status), code): kind
    for status, kind, codes in (line.split(" ", 2) for line in _TABLE.split("\n") if line)
    for code in codes.split(" ")
}


def _refusals() -> Iterator[tuple[int, str]]:
    """Status and code of each refusal that the code of the simulator spells out."""
    for file in Path(upcloud_sdk.simulator.__file__).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            if isinstance(node, ast.Call) and len(node.args) >= 2:
                match node.args[0], node.args[1]:
                    case ast.Constant(value=int(status)), ast.Constant(value=str(code)) if 400 <= status < 600:
                        yield status, code
                    case _:
                        pass


def test_each_refusal_of_the_simulator_is_in_the_table() -> None:
    assert set(_refusals()) - set(KIND) == set()


@pytest.mark.parametrize(("status", "code"), sorted(KIND))
async def test_each_refusal_is_raised_as_its_class(api: respx.MockRouter, status: int, code: str) -> None:
    api.post("/server/00aa/start").respond(status, json={"error": {"error_code": code, "error_message": "No."}})

    async with UpCloud(Token("ucat_x"), retry=RetryPolicy(attempts=1), ssl_context=authorities()) as cloud:
        with pytest.raises(errors.ApiError) as caught:
            await cloud.servers.start("00aa")

    assert type(caught.value).__name__ == KIND[status, code]
    assert (caught.value.status, caught.value.code, caught.value.message) == (status, code, "No.")
