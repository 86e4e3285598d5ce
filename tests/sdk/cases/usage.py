from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from ipaddress import IPv4Address
from typing import Any

from tests.sdk.cases.case import GROUP, NETWORK, SERVER, Case
from upcloud_sdk.models import AddressDelegation, InterfaceLabel, NetworkInterfaceSpec, PermissionSpec

START, END = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
SPAN = "from=2026-11-01T00%3A00%3A00Z&to=2026-11-02T00%3A00%3A00Z"
INTERFACE = "06a1b2c3-d4e5-4f60-8a7b-0123456789ab"

_TRAFFIC = {
    "stats": {
        "stat": [
            {
                "resource_id": SERVER,
                "service": "server_public",
                "zone": "fi-hel1",
                "start_time": "2026-11-01T00:00:00Z",
                "sent_bytes": None,
            }
        ]
    }
}
_PERMISSION: dict[str, Any] = {"user": "anna", "target_type": "ssh_key", "target_identifier": "*", "options": {}}
_INTERFACE: dict[str, Any] = {
    "uuid": INTERFACE,
    "type": "private",
    "network": NETWORK,
    "mac": "de:ad:be:ef:00:01",
    "bootable": "no",
    "source_ip_filtering": "yes",
    "ip_addresses": [],
}

CASES = [
    Case(
        call=lambda c: c.account.billing_total("2026-11"),
        sends="GET /account/billing_summary/2026-11",
        answer={"billing": {"currency": "EUR", "total_amount": 1.5}},
        look=lambda bill: (bill.currency, bill.total_amount),
        sees=("EUR", Decimal("1.5")),
    ),
    Case(
        call=lambda c: c.account.resource_billing(SERVER, "2026-11"),
        sends=f"GET /account/resource_billing_summary/{SERVER}/2026-11",
        answer={"billing": {"currency": "EUR", "daily_sums": {"2026-11-01": 0.5}, "details": {}, "total_amount": 0.5}},
        look=lambda bill: bill.daily_sums,
        sees={"2026-11-01": Decimal("0.5")},
    ),
    Case(
        call=lambda c: c.account.resource_usage(),
        sends="GET /account/resource-usage",
        answer={"cores": 4, "memory": 4096},
        sees={"cores": 4, "memory": 4096},
    ),
    Case(
        call=lambda c: c.account.current_network_usage(),
        sends="GET /account/current_network_usage",
        answer={
            "stats": {
                "current_network_usage": {
                    "updated": "2026-11-24T09:00:00Z",
                    "accumulated_quota_bytes": 10,
                    "total_sent_bytes": 20,
                    "hourly_quota_increase_bytes": 30,
                    "projected_monthly_quota_bytes": 40,
                }
            }
        },
        look=lambda usage: usage.total_sent_bytes,
        sees=20,
    ),
    Case(
        call=lambda c: c.account.network_usage(START, END, accumulate="day"),
        sends=f"GET /account/network_usage?{SPAN}&accumulate=day",
        answer={
            "stats": {
                "stat": [
                    {
                        "start_time": "2026-11-01T00:00:00Z",
                        "sent_bytes": 1,
                        "total_sent_bytes": 2,
                        "accumulated_quota_bytes": 3,
                        "projected_monthly_quota_bytes": 4,
                        "quota_increase_bytes": 5,
                    }
                ]
            }
        },
        look=lambda usage: usage[0].sent_bytes,
        sees=1,
    ),
    Case(
        call=lambda c: c.account.network_top_usage(START, END, service="server_public", zone="fi-hel1"),
        sends=f"GET /account/network_top_usage?{SPAN}&service=server_public&zone=fi-hel1",
        answer=_TRAFFIC,
        look=lambda usage: (usage[0].resource_id, usage[0].sent_bytes),
        sees=(SERVER, None),
    ),
    Case(
        call=lambda c: c.account.resource_network_usage(START, END, resource_id=SERVER),
        sends=f"GET /account/resource_network_usage?{SPAN}&resource_id={SERVER}",
        answer=_TRAFFIC,
        look=lambda usage: usage[0].service,
        sees="server_public",
    ),
    Case(
        call=lambda c: c.currencies.list(),
        sends="GET /currency",
        answer={"currencies": {"currency": [{"code": "USD", "rate": 1.08, "updated": "2026-11-24T09:00:00Z"}]}},
        look=lambda currencies: currencies[0].rate,
        sees=Decimal("1.08"),
    ),
    Case(
        call=lambda c: c.server_sizes.limits(),
        sends="GET /server_size/limits",
        answer={
            "server_size_limits": {
                "core_number_min": 1,
                "core_number_max": 20,
                "memory_amount_min": 1024,
                "memory_amount_max": 131072,
                "memory_amount_step": 1024,
            }
        },
        look=lambda limits: limits.memory_amount_max,
        sees=131072,
    ),
    Case(
        call=lambda c: c.vnc_keymaps.list(),
        sends="GET /vnc_keymap",
        answer={"keymaps": {"keymap": ["en-us", "fi"]}},
        sees=("en-us", "fi"),
    ),
    Case(
        call=lambda c: c.zones.vlans("fi-hel2"),
        sends="GET /zone/fi-hel2/vlans",
        answer={"zone_vlans": {"vlan": [{"id": 7, "access": "public", "description": "a", "default": 1}]}},
        look=lambda vlans: (vlans[0].id, vlans[0].default),
        sees=(7, True),
    ),
    Case(
        call=lambda c: c.prices.list(zone="fi-hel1"),
        sends="GET /price?zone=fi-hel1",
        answer={"prices": {"zone": [{"name": "fi-hel1"}, {"name": "de-fra1"}]}},
        look=lambda prices: [each.name for each in prices],
        sees=["fi-hel1"],
    ),
    Case(
        call=lambda c: c.devices.availability(zone="fi-hel2"),
        sends="GET /device/availability?zone=fi-hel2",
        answer={},
        sees={},
    ),
    Case(
        call=lambda c: c.audit_logs.get("01JD0000000000000000000000"),
        sends="GET /audit-logs/01JD0000000000000000000000",
        answer={"cloud_event_id": "01JD0000000000000000000000", "action": "create", "current_state": {"uuid": "a"}},
        look=lambda entry: (entry.action, entry.current_state),
        sees=("create", {"uuid": "a"}),
    ),
    Case(
        call=lambda c: c.audit_logs.filter_options(),
        sends="GET /audit-logs/filter-options",
        answer={"resource_types": ["server"], "actions": ["create"], "origins": ["api"]},
        look=lambda options: options.actions,
        sees=("create",),
    ),
    Case(
        call=lambda c: c.permissions.replace(PermissionSpec(user="anna", target_type="ssh_key")),
        sends="PUT /permission",
        body={"permission": {"user": "anna", "target_type": "ssh_key", "target_identifier": "*"}},
        answer={"permissions": {"permission": [_PERMISSION]}},
        look=lambda permissions: permissions[0].target_type,
        sees="ssh_key",
    ),
    Case(
        call=lambda c: c.permissions.revoke_all_from_target("server", SERVER, main_account_id=7),
        sends=f"POST /permission/revoke-all-from-target/server/{SERVER}?main_account_id=7",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.permissions.revoke_all_from_user("anna"),
        sends="POST /permission/revoke-all-from-user/anna",
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.server_groups.servers(GROUP),
        sends=f"GET /server-group/{GROUP}/servers",
        answer={"servers": [SERVER]},
        sees=(SERVER,),
    ),
    Case(
        call=lambda c: c.ip_addresses.replace("94.237.0.10", "a.example.com", floating=True),
        sends="PUT /ip_address/94.237.0.10",
        body={"ip_address": {"ptr_record": "a.example.com", "floating": "yes"}},
        status=202,
        answer={"ip_address": {"address": "94.237.0.10", "access": "public", "family": "IPv4"}},
        look=lambda address: str(address.address),
        sees="94.237.0.10",
    ),
    Case(
        call=lambda c: c.ip_addresses.delegate(
            AddressDelegation(
                address=IPv4Address("94.237.0.10"), main_account_id=1, delegated_to_account_id=2, release_policy="keep"
            )
        ),
        sends="PATCH /ip_address/bulk",
        body={
            "ip_addresses": [
                {
                    "address": "94.237.0.10",
                    "main_account_id": 1,
                    "delegated_to_account_id": 2,
                    "release_policy": "keep",
                }
            ]
        },
        status=204,
        sees=None,
    ),
    Case(
        call=lambda c: c.network_interfaces.list(),
        sends="GET /network/interface",
        answer={"interfaces": {"interface": [_INTERFACE]}},
        look=lambda found: [each.uuid for each in found],
        sees=[INTERFACE],
    ),
    Case(
        call=lambda c: c.network_interfaces.list(),
        sends="GET /network/interface",
        answer={"interfaces": {"interface": _INTERFACE}},
        look=lambda found: [each.mac for each in found],
        sees=["de:ad:be:ef:00:01"],
    ),
    Case(
        call=lambda c: c.network_interfaces.get(INTERFACE),
        sends=f"GET /network/interface/{INTERFACE}",
        answer={"network": {"uuid": NETWORK, "name": "a", "zone": "fi-hel1", "type": "private"}},
        look=lambda interface: interface.uuid,
        sees=NETWORK,
    ),
    Case(
        call=lambda c: c.network_interfaces.create(
            NetworkInterfaceSpec(network=NETWORK, labels=[InterfaceLabel(key="env", value="test")]), main_account_id=7
        ),
        sends="POST /network/interface",
        body={
            "main_account_id": 7,
            "interface": {
                "network": NETWORK,
                "type": "private",
                "bootable": "no",
                "source_ip_filtering": "yes",
                "labels": [{"key": "env", "value": "test", "visible": "yes"}],
            },
        },
        status=201,
        answer=_INTERFACE,
        look=lambda interface: (interface.uuid, interface.source_ip_filtering),
        sees=(INTERFACE, True),
    ),
    Case(
        call=lambda c: c.network_interfaces.delete(INTERFACE),
        sends=f"DELETE /network/interface/{INTERFACE}",
        status=204,
        sees=None,
    ),
]
