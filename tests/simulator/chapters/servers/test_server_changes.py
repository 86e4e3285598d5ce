"""Changing, listing and relocating servers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.simulator.documents import created, os_disk, refusal, running, stopped

if TYPE_CHECKING:
    import httpx

    from upcloud_sdk.simulator import ManualClock, Simulator

pytestmark = pytest.mark.anyio


async def modify(api: httpx.AsyncClient, server: dict[str, Any], **changes: object) -> httpx.Response:
    return await api.put(f"/server/{server['uuid']}", json={"server": changes})


def label(key: str, value: str) -> dict[str, str]:
    return {"key": key, "value": value}


RUNNING = [
    {"title": "renamed"},
    {"hostname": "other.example.com"},
    {"firewall": "on"},
    {"boot_order": "cdrom,disk"},
    {"metadata": "no"},
    {"simple_backup": "0430,dailies"},
    {"remote_access_enabled": "yes"},
    {"remote_access_password": "another"},
    {"labels": {"label": [label("team", "a")]}},
]


@pytest.mark.parametrize("changes", RUNNING, ids=lambda changes: next(iter(changes)))
async def test_these_fields_can_be_changed_while_the_server_runs(
    api: httpx.AsyncClient, clock: ManualClock, changes: dict[str, Any]
) -> None:
    server = await running(api, clock)
    answer = await modify(api, server, **changes)
    assert answer.status_code == 202
    changed = answer.json()["server"]
    assert (changed | changes, changed["state"]) == (changed, "started")


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"nic_model": "e1000"}, "SERVER_STATE_ILLEGAL"),
        ({"video_model": "vga"}, "SERVER_STATE_ILLEGAL"),
        ({"timezone": "Europe/Helsinki"}, "SERVER_STATE_ILLEGAL"),
        ({"plan": "2xCPU-4GB"}, "HOT_RESIZE_NOT_ENABLED"),
        ({"core_number": 2}, "HOT_RESIZE_NOT_ENABLED"),
    ],
)
async def test_these_fields_can_be_changed_only_while_the_server_is_stopped(
    api: httpx.AsyncClient, clock: ManualClock, changes: dict[str, Any], code: str
) -> None:
    server = await running(api, clock)
    assert refusal(await modify(api, server, **changes)) == (409, code)
    server = await stopped(api, clock)
    assert (await modify(api, server, **changes)).status_code == 202


async def test_nothing_can_be_changed_in_maintenance(api: httpx.AsyncClient) -> None:
    server = await created(api)
    assert refusal(await modify(api, server, title="x")) == (409, "SERVER_STATE_ILLEGAL")


async def test_a_field_can_be_sent_unchanged_while_the_server_runs(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await running(api, clock)
    assert (await modify(api, server, plan="PREMIUM-1xCPU-1GB", timezone="UTC", zone="fi-hel1")).status_code == 202


async def test_a_plan_can_be_sent_with_its_own_cores_and_memory(api: httpx.AsyncClient, clock: ManualClock) -> None:
    """The official Python client saves every field that it has read."""
    server = await running(api, clock)
    size = {"plan": "PREMIUM-1xCPU-1GB", "core_number": "1", "memory_amount": "1024"}
    assert (await modify(api, server, **size)).status_code == 202
    answer = await modify(api, server, **size | {"core_number": "2"})
    assert refusal(answer) == (403, "PLAN_CORE_NUMBER_ILLEGAL")


async def test_another_plan_changes_cores_and_memory(api: httpx.AsyncClient, clock: ManualClock) -> None:
    server = await stopped(api, clock)
    changed = (await modify(api, server, plan="2xCPU-4GB")).json()["server"]
    assert (changed["core_number"], changed["memory_amount"]) == ("2", "4096")
    changed = (await modify(api, server, plan="custom", core_number="3", memory_amount="3072")).json()["server"]
    assert (changed["plan"], changed["core_number"], changed["memory_amount"]) == ("custom", "3", "3072")


async def test_a_change_replaces_all_labels_or_keeps_them_if_it_has_none(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock, labels={"label": [label("a1", "1"), label("b2", "2")]})
    changed = (await modify(api, server, title="x")).json()["server"]
    assert changed["labels"]["label"] == [label("a1", "1"), label("b2", "2")]
    changed = (await modify(api, server, labels={"label": [label("c3", "3")]})).json()["server"]
    assert changed["labels"]["label"] == [label("c3", "3")]


async def test_remote_access_shows_its_address_only_while_it_is_enabled(
    api: httpx.AsyncClient, clock: ManualClock
) -> None:
    server = await running(api, clock)
    assert not {"remote_access_host", "remote_access_port"} & server.keys()
    changed = (await modify(api, server, remote_access_enabled="yes")).json()["server"]
    assert changed["remote_access_host"] == "fi-hel1.vnc.upcloud.com"
    assert changed["remote_access_port"].isdigit()


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"title": ""}, "SERVER_TITLE_INVALID"),
        ({"hostname": "a_b"}, "HOSTNAME_INVALID"),
        ({"metadata": True}, "METADATA_INVALID"),
        ({"zone": "fi-hel2"}, "ZONE_INVALID"),
        ({"storage_devices": {}}, "UNKNOWN_ATTRIBUTE"),
        ({"simple_backup": "always"}, "SIMPLE_BACKUP_INVALID"),
    ],
)
async def test_a_bad_change_is_refused(
    api: httpx.AsyncClient, clock: ManualClock, changes: dict[str, Any], code: str
) -> None:
    server = await running(api, clock)
    assert refusal(await modify(api, server, **changes)) == (400, code)


async def test_a_simple_backup_and_a_backup_rule_exclude_each_other(api: httpx.AsyncClient, clock: ManualClock) -> None:
    rule = {"interval": "daily", "time": "0430", "retention": "30"}
    server = await running(api, clock, storage_devices={"storage_device": [os_disk(backup_rule=rule)]})
    answer = await modify(api, server, simple_backup="0430,dailies")
    assert refusal(answer) == (409, "BACKUP_RULE_CONFLICT")


class TestLists:
    """Lists of servers."""

    async def test_a_list_shows_neither_addresses_nor_disks(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        details = await running(api, clock)
        listed = (await api.get("/server")).json()["servers"]["server"]
        assert listed == [
            {
                "core_number": "1",
                "created": 1767225600,
                "host": details["host"],
                "hostname": "build-1.example.com",
                "labels": {"label": []},
                "license": 0,
                "memory_amount": "1024",
                "plan": "PREMIUM-1xCPU-1GB",
                "plan_ipv4_bytes": "0",
                "plan_ipv6_bytes": "0",
                "server_group": None,
                "simple_backup": "no",
                "state": "started",
                "tags": {"tag": []},
                "title": "build-1",
                "uuid": details["uuid"],
                "zone": "fi-hel1",
            }
        ]

    @pytest.mark.parametrize(
        ("query", "titles"),
        [
            ("", ["one", "two", "three"]),
            ("?label=team", ["one", "two"]),
            ("?label=team%3Da", ["one"]),
            ("?label=team=a", ["one"]),
            ("?label=team&label=env%3Dci", ["two"]),
            ("?label=team%3Da&label=team%3Db", []),
            ("?label=team%3D", []),
            ("?limit=2", ["one", "two"]),
            ("?limit=2&offset=2", ["three"]),
            ("?offset=9", []),
        ],
    )
    async def test_servers_are_listed_by_label_and_in_pages(
        self, api: httpx.AsyncClient, query: str, titles: list[str]
    ) -> None:
        await created(api, title="one", labels={"label": [label("team", "a")]})
        await created(api, title="two", labels={"label": [label("team", "b"), label("env", "ci")]})
        await created(api, title="three")
        answer = await api.get(f"/server/{query}")
        assert [server["title"] for server in answer.json()["servers"]["server"]] == titles

    @pytest.mark.parametrize("query", [{"limit": "x"}, {"offset": "-1"}])
    async def test_a_bad_page_is_refused(self, api: httpx.AsyncClient, query: dict[str, str]) -> None:
        assert refusal(await api.get("/server", params=query))[0] == 400

    @pytest.mark.parametrize(
        ("tags", "titles"),
        [("red", ["one", "two"]), ("RED", ["one", "two"]), ("red:big", ["two"]), ("big,none", ["two"]), ("none", [])],
    )
    async def test_servers_are_listed_by_tag(
        self, api: httpx.AsyncClient, sim: Simulator, tags: str, titles: list[str]
    ) -> None:
        one, two = await created(api, title="one"), await created(api, title="two")
        sim.servers[one["uuid"]].tags = ["red"]
        sim.servers[two["uuid"]].tags = ["Red", "big"]
        listed = (await api.get(f"/server/tag/{tags}")).json()["servers"]["server"]
        assert [server["title"] for server in listed] == titles

    async def test_a_new_server_may_be_missing_in_lists_but_a_get_finds_it(
        self, api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
    ) -> None:
        sim.hide_from_lists(30)
        server = await created(api)
        assert (await api.get(f"/server/{server['uuid']}")).status_code == 200
        assert (await api.get("/server")).json()["servers"]["server"] == []
        assert (await api.get("/storage/private")).json()["storages"]["storage"] == []
        clock.advance(30)
        assert len((await api.get("/server")).json()["servers"]["server"]) == 1
        assert len((await api.get("/storage/private")).json()["storages"]["storage"]) == 1

    async def test_a_fault_can_hide_one_new_server_from_lists(
        self, api: httpx.AsyncClient, sim: Simulator, clock: ManualClock
    ) -> None:
        sim.fail("POST /server", hide_from_lists=30)
        for title in ("late", "at once"):
            await created(api, title=title)
        listed = (await api.get("/server")).json()["servers"]["server"]
        assert [server["title"] for server in listed] == ["at once"]
        clock.advance(30)
        assert len((await api.get("/server")).json()["servers"]["server"]) == 2


class TestRelocation:
    """From a public zone to a private cloud of the same location."""

    async def relocate(self, api: httpx.AsyncClient, server: dict[str, Any], zone: str) -> httpx.Response:
        return await api.post(f"/server/{server['uuid']}/relocate", json={"zone": zone})

    async def test_a_server_is_relocated_with_its_disks(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        server = await stopped(api, clock)
        answer = await self.relocate(api, server, "fi-tst1")
        assert (answer.status_code, answer.json()["server"]["zone"]) == (200, "fi-tst1")
        disk = server["storage_devices"]["storage_device"][0]["storage"]
        assert (await api.get(f"/storage/{disk}")).json()["storage"]["zone"] == "fi-tst1"

    @pytest.mark.parametrize(
        ("zone", "expected"),
        [
            ("fi-hel2", (409, "ZONE_MISMATCH")),
            ("uk-tst1", (409, "ZONE_MISMATCH")),
            ("mars-1", (404, "ZONE_NOT_FOUND")),
        ],
    )
    async def test_a_relocation_to_any_other_zone_is_refused(
        self, api: httpx.AsyncClient, clock: ManualClock, zone: str, expected: tuple[int, str]
    ) -> None:
        server = await stopped(api, clock)
        assert refusal(await self.relocate(api, server, zone)) == expected

    async def test_a_running_server_cannot_be_relocated(self, api: httpx.AsyncClient, clock: ManualClock) -> None:
        server = await running(api, clock)
        assert refusal(await self.relocate(api, server, "fi-tst1")) == (409, "SERVER_STATE_ILLEGAL")
