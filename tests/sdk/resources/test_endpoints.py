"""Every endpoint of the reference has a method, every method has an endpoint, and the documentation has both."""

from __future__ import annotations

import re

import pytest

from tests.docs.endpoints import PAGE, endpoints, namespaces, page
from tests.sdk.cases import ALL, Case

REFERENCE = [
    "GET /account",
    "GET /account/list",
    "GET /account/details/{username}",
    "POST /account/sub",
    "PUT /account/sub/{username}",
    "DELETE /account/sub/{username}",
    "GET /account/billing/summary/{month}",
    "GET /account/tokens",
    "POST /account/tokens",
    "GET /account/tokens/{id}",
    "DELETE /account/tokens/{id}",
    "GET /permission",
    "POST /permission/grant",
    "POST /permission/revoke",
    "GET /audit-logs",
    "GET /audit-logs/export",
    "GET /zone",
    "GET /plan",
    "GET /server_size",
    "GET /timezone",
    "GET /price",
    "GET /device/availability",
    "GET /server",
    "GET /server/tag/{tags}",
    "POST /server",
    "GET /server/{uuid}",
    "PUT /server/{uuid}",
    "DELETE /server/{uuid}",
    "POST /server/{uuid}/start",
    "POST /server/{uuid}/stop",
    "POST /server/{uuid}/restart",
    "POST /server/{uuid}/relocate",
    "POST /server/{uuid}/tag/{tags}",
    "POST /server/{uuid}/untag/{tags}",
    "GET /server-group",
    "POST /server-group",
    "GET /server-group/{uuid}",
    "PATCH /server-group/{uuid}",
    "DELETE /server-group/{uuid}",
    "POST /server-group/{uuid}/servers",
    "DELETE /server-group/{uuid}/servers/{server}",
    "GET /storage",
    "GET /storage/{kind}",
    "GET /storage/{uuid}",
    "POST /storage",
    "PUT /storage/{uuid}",
    "DELETE /storage/{uuid}",
    "POST /storage/{uuid}/clone",
    "POST /storage/{uuid}/templatize",
    "POST /storage/{uuid}/cancel",
    "POST /storage/{uuid}/backup",
    "POST /storage/{uuid}/restore",
    "POST /storage/{uuid}/resize",
    "POST /storage/{uuid}/import",
    "GET /storage/{uuid}/import",
    "POST /storage/{uuid}/import/cancel",
    "POST /storage/{uuid}/favorite",
    "DELETE /storage/{uuid}/favorite",
    "POST /server/{uuid}/storage/attach",
    "POST /server/{uuid}/storage/detach",
    "POST /server/{uuid}/cdrom/load",
    "POST /server/{uuid}/cdrom/eject",
    "GET /ip_address",
    "GET /ip_address/{address}",
    "POST /ip_address",
    "PATCH /ip_address/{address}",
    "DELETE /ip_address/{address}",
    "GET /network",
    "GET /network/{uuid}",
    "POST /network",
    "PUT /network/{uuid}",
    "DELETE /network/{uuid}",
    "GET /server/{server}/networking",
    "POST /server/{server}/networking/interface",
    "PUT /server/{server}/networking/interface/{index}",
    "DELETE /server/{server}/networking/interface/{index}",
    "POST /server/{server}/networking/interface/{index}/ip-address",
    "DELETE /server/{server}/networking/interface/{index}/ip-address/{address}",
    "GET /router",
    "GET /router/{uuid}",
    "POST /router",
    "PATCH /router/{uuid}",
    "DELETE /router/{uuid}",
    "GET /network-peering",
    "GET /network-peering/{uuid}",
    "POST /network-peering",
    "PATCH /network-peering/{uuid}",
    "DELETE /network-peering/{uuid}",
    "GET /server/{server}/firewall_rule",
    "GET /server/{server}/firewall_rule/{position}",
    "POST /server/{server}/firewall_rule",
    "PUT /server/{server}/firewall_rule",
    "DELETE /server/{server}/firewall_rule/{position}",
    "GET /tag",
    "GET /tag/{name}",
    "POST /tag",
    "PUT /tag/{name}",
    "DELETE /tag/{name}",
    "GET /host",
    "GET /host/{id}",
    "PATCH /host/{id}",
]

CONTRACT = [
    "GET /account/billing_summary/{month}",
    "GET /account/current_network_usage",
    "GET /account/network_top_usage",
    "GET /account/network_usage",
    "GET /account/resource-usage",
    "GET /account/resource_billing_summary/{resource}/{month}",
    "GET /account/resource_network_usage",
    "GET /audit-logs/filter-options",
    "GET /audit-logs/{id}",
    "GET /currency",
    "GET /events/{server}/{offset},{count}",
    "GET /firewall-ruleset",
    "POST /firewall-ruleset",
    "GET /firewall-ruleset/server/{server}/firewall-rule",
    "POST /firewall-ruleset/server/{server}/firewall-rule",
    "PUT /firewall-ruleset/server/{server}/firewall-rule",
    "DELETE /firewall-ruleset/server/{server}/firewall-rule/{position}",
    "GET /firewall-ruleset/server/{server}/firewall-rule/{position}",
    "GET /firewall-ruleset/{ruleset}/rule",
    "POST /firewall-ruleset/{ruleset}/rule",
    "PUT /firewall-ruleset/{ruleset}/rule",
    "DELETE /firewall-ruleset/{ruleset}/rule/{uuid}",
    "GET /firewall-ruleset/{ruleset}/rule/{uuid}",
    "PATCH /firewall-ruleset/{ruleset}/rule/{uuid}",
    "DELETE /firewall-ruleset/{uuid}",
    "GET /firewall-ruleset/{uuid}",
    "PATCH /firewall-ruleset/{uuid}",
    "GET /firewall-ruleset/{uuid}/labels",
    "POST /firewall-ruleset/{uuid}/labels",
    "DELETE /firewall-ruleset/{uuid}/labels/{key}",
    "GET /firewall-ruleset/{uuid}/labels/{key}",
    "PATCH /firewall-ruleset/{uuid}/labels/{key}",
    "PATCH /firewall-ruleset/{uuid}/restore/{version}",
    "GET /firewall-ruleset/{uuid}/servers",
    "PATCH /ip_address/bulk",
    "PUT /ip_address/{address}",
    "GET /network/interface",
    "POST /network/interface",
    "DELETE /network/interface/{uuid}",
    "GET /network/interface/{uuid}",
    "PUT /permission",
    "POST /permission/revoke-all-from-target/{type}/{identifier}",
    "POST /permission/revoke-all-from-user/{user}",
    "GET /server-group/{uuid}/servers",
    "GET /server/firewall_ruleset_relationships/private/{uuid}",
    "GET /server/labels",
    "POST /server/{server}/attach_firewall_ruleset/private",
    "POST /server/{server}/detach_firewall_ruleset/private",
    "GET /server/{server}/firewall_ruleset_relationships/private",
    "POST /server/{uuid}/cancel",
    "GET /server/{uuid}/gpus",
    "POST /server/{uuid}/rebuild",
    "GET /server/{uuid}/remote_access_details",
    "GET /server/{uuid}/stats/cpu",
    "GET /server/{uuid}/stats/cpu/{period}",
    "GET /server/{uuid}/stats/disk/{type}",
    "GET /server/{uuid}/stats/disk/{type}/{period}",
    "GET /server/{uuid}/stats/network/{type}",
    "GET /server/{uuid}/stats/network/{type}/{network}",
    "GET /server/{uuid}/stats/network/{type}/{network}/{period}",
    "GET /server/{uuid}/vnc_details",
    "GET /server_size/limits",
    "GET /storage/{type}/{access}",
    "POST /storage/{uuid}/attach",
    "POST /storage/{uuid}/detach",
    "GET /vnc_keymap",
    "GET /zone/{zone}/vlans",
]
"""Endpoints of UpCloud's contract of 2026-10 that its reference does not have."""
"""The endpoints of the server domain, chapter by chapter, as the reference lists them."""

SEVERAL_REQUESTS = {"POST /storage/{uuid}/import"}
"""Endpoints whose methods send several requests. Other tests check them."""


def _pattern(name: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{[a-z]+\}", "[^/?]+", name) + r"(\?.*)?")


def _is_for(name: str, case: Case) -> bool:
    # Tell `/storage/{kind}` and `/storage/{uuid}` apart: the kinds are words.
    is_word = re.search(r"^GET /storage/[a-z]+$", case.sends) is not None
    return _pattern(name).fullmatch(case.sends) is not None and is_word == ("{kind}" in name)


def test_the_methods_cover_exactly_the_endpoints_of_the_reference() -> None:
    assert sorted({each.name for each in endpoints()}) == sorted(REFERENCE + CONTRACT)


def test_no_endpoint_is_listed_twice() -> None:
    calls = [(each.name, each.call) for each in endpoints()]
    assert len(calls) == len(set(calls))


def test_each_method_of_a_namespace_that_is_for_an_endpoint_has_a_docstring() -> None:
    assert [each.call for each in endpoints() if not each.summary] == []


def test_the_client_has_each_namespace() -> None:
    assert {each.call.split(".")[1] for each in endpoints()} == set(namespaces()) - {"images", "leases"}


@pytest.mark.parametrize("name", sorted({*REFERENCE, *CONTRACT} - SEVERAL_REQUESTS))
def test_each_endpoint_has_a_case(name: str) -> None:
    assert any(_is_for(name, case) for case in ALL)


@pytest.mark.parametrize("case", ALL, ids=lambda case: case.id)
def test_each_case_belongs_to_an_endpoint(case: Case) -> None:
    assert any(_is_for(name, case) for name in REFERENCE + CONTRACT)


def test_the_table_of_endpoints_matches_the_code() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m tests.docs.endpoints"
