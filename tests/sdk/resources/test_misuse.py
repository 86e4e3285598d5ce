"""Arguments that methods refuse before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.sdk.cases.case import DISK, SERVER, Call
from tests.sdk.sent import lines
from upcloud_sdk.models import FirewallRuleSpec

if TYPE_CHECKING:
    import respx

    from upcloud_sdk import UpCloud

WRONG: Any = "wrong"
EARLIER, LATER = datetime(2026, 11, 1, tzinfo=UTC), datetime(2026, 11, 2, tzinfo=UTC)
RULE = FirewallRuleSpec(direction="in", action="drop")

CALLS: list[tuple[str, Call, str]] = [
    ("a month that is none", lambda c: c.account.billing("2026-13"), "month is '2026-13': write it as 2026-11"),
    ("a month that leads elsewhere", lambda c: c.account.billing("../../server"), "write it as 2026-11"),
    (
        "too many rules",
        lambda c: c.firewall_rules.replace(SERVER, [RULE] * 1001),
        "1001 rules: a server can have at most 1000",
    ),
    ("a stop by a wrong word", lambda c: c.servers.stop(SERVER, stop_type=WRONG), "write one of soft, hard"),
    ("a wrong end of a restart", lambda c: c.servers.restart(SERVER, timeout_action=WRONG), "one of destroy, ignore"),
    ("a delete of some backups", lambda c: c.servers.delete(SERVER, backups=WRONG), "of keep, keep_latest, delete"),
    ("a delete of a disk's", lambda c: c.storages.delete(DISK, backups=WRONG), "of keep, keep_latest, delete"),
    ("a kind that is none", lambda c: c.storages.list(WRONG), "kind is 'wrong': write one of public, private"),
    (
        "a field that none is sorted by",
        lambda c: c.servers.list(sort_by=WRONG),
        "sort_by is 'wrong': write one of title",
    ),
    ("a wrong direction", lambda c: c.storages.list(order_by=WRONG), "order_by is 'wrong': write one of asc, desc"),
    ("six servers at once", lambda c: c.servers.list(uuid=[SERVER] * 6), "uuid has 6 values: the API takes 1 to 5"),
    ("servers of no host", lambda c: c.servers.list(host=[]), "host has 0 values: the API takes 1 to 5"),
    (
        "favourites by access",
        lambda c: c.storages.list("favorite", access="public"),
        "access needs a kind",
    ),
    ("a wrong access", lambda c: c.storages.list("backup", access=WRONG), "access is 'wrong': write one of public"),
    ("a wrong period", lambda c: c.servers.cpu_statistics(SERVER, period=WRONG), "write one of daily, weekly"),
    ("a wrong unit", lambda c: c.servers.disk_statistics(SERVER, WRONG), "write one of bytes, requests"),
    (
        "a period of no network",
        lambda c: c.servers.network_statistics(SERVER, period="daily"),
        "a period needs a network",
    ),
    ("no events", lambda c: c.servers.events(SERVER, count=0), "count is 0: it must be 1 or more"),
    ("traffic of the past", lambda c: c.account.network_usage(LATER, EARLIER), "end is not after start"),
    ("traffic in no zone", lambda c: c.account.network_usage(datetime(2026, 1, 1), LATER), "start has no time zone"),  # noqa: DTZ001 - what is refused
    ("traffic by the year", lambda c: c.account.network_usage(EARLIER, LATER, accumulate=WRONG), "of hour, day"),
    ("a bill of no month", lambda c: c.account.billing_total("2026"), "month is '2026': write it as 2026-11"),
    ("a bill of nothing", lambda c: c.account.resource_billing("", "2026-11"), "the id of the resource is empty"),
    ("a delegation of nothing", lambda c: c.ip_addresses.delegate(), "give at least one address"),
    ("a wrong target", lambda c: c.permissions.revoke_all_from_target(WRONG, "*"), "write one of server, storage"),
    ("a ruleset on no server", lambda c: c.firewall_rulesets.attach(DISK, ""), "the uuid of the server is empty"),
    ("no ruleset on a server", lambda c: c.firewall_rulesets.detach("", SERVER), "the uuid is empty"),
    ("a label with a short key", lambda c: c.firewall_rulesets.add_label(DISK, "e", ""), "2 to 32 printable"),
    ("a disk on no server", lambda c: c.storages.attach(DISK, ""), "the uuid of the server is empty"),
    ("no tag", lambda c: c.servers.tag(SERVER), "give at least one tag"),
    ("servers of no tag", lambda c: c.servers.list(tags=[]), "give at least one tag"),
    ("an empty tag", lambda c: c.servers.untag(SERVER, "web", ""), "the name of a tag is empty"),
    ("a disk without a disk", lambda c: c.servers.attach_storage(SERVER), "a disk needs `storage`"),
    ("a disk with an empty uuid", lambda c: c.servers.attach_storage(SERVER, ""), "the uuid of the storage is empty"),
    ("a CD with an empty uuid", lambda c: c.servers.load_cdrom(SERVER, ""), "the uuid of the storage is empty"),
    ("a bus", lambda c: c.servers.detach_storage(SERVER, "virtio"), "give the device's address on the server"),
    ("a disk's uuid for an address", lambda c: c.servers.detach_storage(SERVER, DISK), "such as 'virtio:1'"),
    ("a restart within no time", lambda c: c.servers.restart(SERVER, timeout=0), "must be above 0 seconds"),
    ("a backup without a title", lambda c: c.storages.backup(DISK, ""), "a title has 1 to 255 characters"),
    ("a template with a long title", lambda c: c.storages.templatize(DISK, "x" * 256), "a title has 1 to 255"),
    ("an empty user name", lambda c: c.accounts.delete_sub(""), "the username is empty"),
    ("an empty token", lambda c: c.tokens.delete(""), "the id is empty"),
    ("an empty tag's name", lambda c: c.tags.delete(""), "the name is empty"),
    ("an empty address", lambda c: c.ip_addresses.release(""), "the address is empty"),
    ("an empty network", lambda c: c.networks.delete(""), "the uuid is empty"),
    ("an empty server of a group", lambda c: c.server_groups.remove_server("a", ""), "uuid of the server is empty"),
    ("an address that is none", lambda c: c.interfaces.add_ip(SERVER, 1, address="10.0.0"), "10.0.0"),
]


NO_MODELS: list[tuple[str, Call]] = [
    ("a new server", lambda c: c.servers.create(cast("Any", {"zone": "fi-hel1"}))),
    ("changes of a server", lambda c: c.servers.modify(SERVER, cast("Any", {"title": "x"}))),
    ("a new disk", lambda c: c.storages.create(cast("Any", {"zone": "fi-hel1"}))),
    ("changes of a disk", lambda c: c.storages.modify(DISK, cast("Any", {"title": "x"}))),
    ("a rule", lambda c: c.firewall_rules.create(SERVER, cast("Any", {"action": "drop"}))),
    ("a network", lambda c: c.networks.create(cast("Any", {"name": "x"}))),
    ("a tag", lambda c: c.tags.create(cast("Any", "web"))),
]


@pytest.mark.parametrize("call", [pytest.param(call, id=name) for name, call in NO_MODELS])
async def test_the_error_for_a_dict_instead_of_a_model_says_what_to_write(
    api: respx.MockRouter, cloud: UpCloud, call: Call
) -> None:
    with pytest.raises(TypeError, match=r"such as ServerChanges|not a ServerSpec: give one"):
        await call(cloud)
    assert not api.calls


@pytest.mark.parametrize(("call", "says"), [pytest.param(call, says, id=name) for name, call, says in CALLS])
async def test_a_senseless_argument_is_refused_before_anything_is_sent(
    api: respx.MockRouter, cloud: UpCloud, call: Call, says: str
) -> None:
    with pytest.raises(ValueError, match=says.replace(".", r"\.").replace("(", r"\(")):
        await call(cloud)
    assert lines(api) == []


async def test_a_value_cannot_change_the_path_of_a_request(api: respx.MockRouter, cloud: UpCloud) -> None:
    route = api.route().respond(204)

    await cloud.tags.delete("web/../../server/x?storages=1")

    assert route.call_count == 1
    assert lines(api) == ["DELETE /tag/web%2F..%2F..%2Fserver%2Fx%3Fstorages%3D1"]
