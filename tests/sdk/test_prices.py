from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.moved_time import DEBIAN
from tests.sdk import documents
from upcloud_sdk import InterfaceSpec, ServerSpec, StorageDeviceSpec, Token, UpCloud
from upcloud_sdk.errors import NoMatch, UnexpectedAnswer
from upcloud_sdk.simulator import ManualClock, Simulator
from upcloud_sdk.testing import client_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

WINDOWS = "01000000-0000-4000-8000-000010070300"


def _price(price: float, amount: int = 1) -> dict[str, float]:
    return {"amount": amount, "price": price}


PRICES = {
    "name": "de-fra1",
    "firewall": _price(0.56),
    "ipv4_address": _price(0.336),
    "ipv6_address": _price(0),
    "server_core": _price(1.12),
    "server_memory": _price(0.14, 256),
    "server_plan_1xCPU-1GB": _price(0.744),
    "server_plan_2xCPU-4GB": _price(2.9761),
    "server_plan_CLOUDNATIVE-2xCPU-4GB": _price(2.5),
    "simple_backup_dailies_1xCPU-1GB": _price(0.1488),
    "simple_backup_extra_dailies": _price(0.0069),
    "simple_backup_extra_weeklies": _price(0.0138),
    "storage_hdd": _price(0.0078),
    "storage_maxiops": _price(0.031),
}


def _plan(name: str, cores: int, memory: int, storage: int) -> dict[str, Any]:
    tier = "maxiops" if storage else None
    sizes = {"core_number": cores, "memory_amount": memory, "storage_size": storage, "storage_tier": tier}
    return {"name": name, "public_traffic_out": 1024, **sizes}


PLANS = [
    _plan("1xCPU-1GB", 1, 1024, 25),
    _plan("2xCPU-4GB", 2, 4096, 80),
    _plan("80xCPU-512GB", 80, 524288, 2048),
    _plan("CLOUDNATIVE-2xCPU-4GB", 2, 4096, 0),
]
STORAGES: dict[str, dict[str, Any]] = {DEBIAN: {"size": 10, "license": 0}, WINDOWS: {"size": 25, "license": 1.3888}}


def _answer(request: httpx.Request) -> httpx.Response:
    path = request.url.path.removeprefix("/1.3")
    if path == "/price":
        return httpx.Response(200, json={"prices": {"currency": "EUR", "zone": [PRICES]}})
    if path == "/plan":
        return httpx.Response(200, json={"plans": {"plan": PLANS}})
    uuid = path.removeprefix("/storage/")
    template: dict[str, Any] = {
        "uuid": uuid,
        "title": "a template",
        "type": "template",
        "state": "online",
        **STORAGES[uuid],
    }
    return httpx.Response(200, json={"storage": template | STORAGES[uuid]})


@pytest.fixture
async def cloud() -> AsyncIterator[UpCloud]:
    """A client of an API with recorded prices and plans, and similar ones."""
    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(_answer)) as client:
        yield client


def _spec(*devices: StorageDeviceSpec, plan: str = "1xCPU-1GB", **fields: object) -> ServerSpec:
    storages: Sequence[StorageDeviceSpec] = devices or (StorageDeviceSpec.create(size=25),)
    base = {"zone": "de-fra1", "plan": plan, "hostname": "a", "title": "a", "storage_devices": storages}
    return ServerSpec.model_validate({**base, **fields})


async def _parts(cloud: UpCloud, spec: ServerSpec) -> dict[str, tuple[Decimal, Decimal]]:
    """The parts of an estimate: quantity, and credits per hour."""
    estimate = await cloud.prices.estimate(spec)
    return {part.item: (part.quantity, part.hourly * 100) for part in estimate.parts if part.hourly}


ONE = Decimal(1)
PLAN = {"server_plan_1xCPU-1GB": (ONE, Decimal("0.744"))}


async def test_a_server_within_its_plan_costs_the_price_of_the_plan(cloud: UpCloud) -> None:
    estimate = await cloud.prices.estimate(_spec(StorageDeviceSpec.clone(DEBIAN, size=25)))

    assert estimate.zone == "de-fra1"
    assert estimate.hourly == Decimal("0.00744")
    assert estimate.monthly == Decimal("0.00744") * 672
    assert estimate.currency == "EUR"
    assert str(estimate) == "0.0074 EUR an hour"


@pytest.mark.parametrize(
    ("devices", "more"),
    [
        ([StorageDeviceSpec.create(size=30)], {"storage_maxiops": (5, "0.155")}),
        ([StorageDeviceSpec.create(size=20), StorageDeviceSpec.create(size=20)], {"storage_maxiops": (20, "0.62")}),
        ([StorageDeviceSpec.create(size=10, tier="hdd")], {"storage_hdd": (10, "0.078")}),
        ([StorageDeviceSpec.clone(DEBIAN)], {}),
        ([StorageDeviceSpec.clone(DEBIAN), StorageDeviceSpec.attach("01a1b2c3-d4e5-4f60-8a7b-0123456789a1")], {}),
        ([StorageDeviceSpec.clone(WINDOWS)], {"license of a template": (1, "1.3888")}),
    ],
    ids=["larger", "two", "another tier", "as large as its template", "attached", "with a licence"],
)
async def test_disks_beyond_the_plan_are_billed(
    cloud: UpCloud, devices: list[StorageDeviceSpec], more: dict[str, tuple[int, str]]
) -> None:
    expected = PLAN | {item: (Decimal(quantity), Decimal(hourly)) for item, (quantity, hourly) in more.items()}

    assert await _parts(cloud, _spec(*devices)) == expected


@pytest.mark.parametrize(
    ("networking", "paid"),
    [
        ([InterfaceSpec.utility()], 0),
        ([InterfaceSpec.public(), InterfaceSpec.utility(), InterfaceSpec.public("IPv6")], 0),
        ([InterfaceSpec.public(), InterfaceSpec.public()], 1),
    ],
)
async def test_public_addresses_beyond_the_first_are_billed(
    cloud: UpCloud, networking: list[InterfaceSpec], paid: int
) -> None:
    address = {"ipv4_address": (Decimal(paid), paid * Decimal("0.336"))} if paid else {}

    assert await _parts(cloud, _spec(networking=networking)) == PLAN | address


async def test_a_plan_without_storage_includes_no_address_either(cloud: UpCloud) -> None:
    assert await _parts(cloud, _spec(StorageDeviceSpec.create(size=10), plan="CLOUDNATIVE-2xCPU-4GB")) == {
        "server_plan_CLOUDNATIVE-2xCPU-4GB": (ONE, Decimal("2.5")),
        "storage_maxiops": (Decimal(10), Decimal("0.31")),
        "ipv4_address": (ONE, Decimal("0.336")),
    }


async def test_a_custom_size_is_billed_by_its_parts(cloud: UpCloud) -> None:
    spec = _spec(plan="custom", core_number=2, memory_amount=2048, simple_backup="0430,weeklies")

    assert await _parts(cloud, spec) == {
        "server_core": (Decimal(2), Decimal("2.24")),
        "server_memory": (Decimal(2048), Decimal("1.12")),
        "storage_maxiops": (Decimal(25), Decimal("0.775")),
        "ipv4_address": (ONE, Decimal("0.336")),
        "simple_backup_extra_weeklies": (Decimal(25), Decimal("0.345")),
    }


async def test_the_firewall_and_simple_backups_are_billed(cloud: UpCloud) -> None:
    assert await _parts(cloud, _spec(firewall=True, simple_backup="0430,dailies")) == PLAN | {
        "firewall": (ONE, Decimal("0.56")),
        "simple_backup_dailies_1xCPU-1GB": (ONE, Decimal("0.1488")),
    }


async def test_a_plan_with_storage_includes_a_daily_backup(cloud: UpCloud) -> None:
    assert await _parts(cloud, _spec(simple_backup="0430,daily")) == PLAN


async def test_backups_of_storage_beyond_the_plan_are_billed_by_the_gigabyte(cloud: UpCloud) -> None:
    larger = StorageDeviceSpec.create(size=35)
    disk = {"storage_maxiops": (Decimal(10), Decimal("0.31"))}
    beyond = {"simple_backup_extra_dailies": (Decimal(10), Decimal("0.069"))}
    assert await _parts(cloud, _spec(larger, simple_backup="0430,daily")) == PLAN | disk | beyond
    assert await _parts(cloud, _spec(larger, simple_backup="0430,dailies")) == PLAN | disk | beyond | {
        "simple_backup_dailies_1xCPU-1GB": (ONE, Decimal("0.1488")),
    }


async def test_all_backups_on_a_plan_without_storage_are_billed_by_the_gigabyte(cloud: UpCloud) -> None:
    spec = _spec(StorageDeviceSpec.create(size=10), plan="CLOUDNATIVE-2xCPU-4GB", simple_backup="0430,weeklies")
    assert (await _parts(cloud, spec))["simple_backup_extra_weeklies"] == (Decimal(10), Decimal("0.138"))


@pytest.mark.parametrize(
    ("fields", "says", "candidate"),
    [
        ({"zone": "xx-moon1"}, "no zone 'xx-moon1' in the price list: there are de-fra1", "de-fra1"),
        ({"plan": "3xCPU-3GB"}, "no plan '3xCPU-3GB': there are ", "2xCPU-4GB"),
        ({"plan": "80xCPU-512GB"}, "has no price in de-fra1", "server_plan_2xCPU-4GB"),
    ],
)
async def test_an_item_without_a_price_raises_no_match(
    cloud: UpCloud, fields: dict[str, str], says: str, candidate: str
) -> None:
    with pytest.raises(NoMatch, match=says) as caught:
        await cloud.prices.estimate(_spec(**fields))
    assert candidate in caught.value.candidates


@pytest.mark.parametrize(
    ("wish", "plan"),
    [
        ({}, "1xCPU-1GB"),
        ({"cores": 2}, "CLOUDNATIVE-2xCPU-4GB"),
        ({"memory": 1025}, "CLOUDNATIVE-2xCPU-4GB"),
        ({"cores": 2, "storage": 25}, "2xCPU-4GB"),
        ({"storage": 30}, "1xCPU-1GB"),  # Five GB more cost less than the next plan.
    ],
)
async def test_the_cheapest_plan_that_is_large_enough_is_found(cloud: UpCloud, wish: dict[str, int], plan: str) -> None:
    assert (await cloud.plans.cheapest(zone="de-fra1", **wish)).name == plan


async def test_the_cheapest_plan_is_found_with_the_prices_of_its_zone_alone() -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request.url.raw_path.decode())
        return _answer(request)

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        await cloud.plans.cheapest(zone="de-fra1")
    assert asked == ["/1.3/price?zone=de-fra1", "/1.3/plan"]


@pytest.mark.parametrize("is_refused", [True, False])
async def test_a_zone_without_prices_is_named_with_those_that_are_like_it(is_refused: bool) -> None:
    simulator = Simulator(clock=ManualClock())
    if not is_refused:
        simulator.fail("GET /price", status=200, body='{"prices": {"zone": []}}', times=1)
    async with client_of(simulator) as simulated:
        with pytest.raises(NoMatch, match=r"'fi-hel9'.*fi-hel1"):
            await simulated.plans.cheapest(zone="fi-hel9")


async def test_a_plan_that_is_not_on_sale_is_left_out(monkeypatch: pytest.MonkeyPatch, cloud: UpCloud) -> None:
    sold = [{**plan, "current_offering": "no" if plan["name"] == "1xCPU-1GB" else "yes"} for plan in PLANS]
    monkeypatch.setitem(globals(), "PLANS", sold)
    assert (await cloud.plans.cheapest(zone="de-fra1")).name == "CLOUDNATIVE-2xCPU-4GB"
    assert (await cloud.prices.estimate(_spec())).hourly == Decimal("0.00744")


async def test_a_plan_without_a_price_in_the_zone_is_left_out(cloud: UpCloud) -> None:
    with pytest.raises(NoMatch, match="no plan with a price in de-fra1 has 80 cores") as caught:
        await cloud.plans.cheapest(cores=80, zone="de-fra1")
    assert caught.value.candidates[0] == "80xCPU-512GB"


async def test_an_estimate_uses_the_simulators_prices() -> None:
    async with UpCloud(Token("ucat_x"), transport=Simulator(clock=ManualClock()).transport()) as simulated:
        plan = await simulated.plans.cheapest(cores=2, memory=4096, zone="fi-hel1", storage=50)
        estimate = await simulated.prices.estimate(
            _spec(StorageDeviceSpec.clone(DEBIAN, size=25), zone="fi-hel1", plan=plan.name)
        )
    assert estimate.hourly > 0
    assert estimate.parts[0].item == f"server_plan_{plan.name}"


async def test_the_estimate_of_an_existing_server_has_the_accounts_currency() -> None:
    async with client_of(Simulator(boot_seconds=0)) as simulated:
        spec = await simulated.servers.spec("debian-13", zone="fi-hel1", plan="1xCPU-1GB", hostname="a", size=30)
        server = await simulated.servers.create(spec)
        planned = await simulated.prices.estimate(spec)
        assert (await simulated.prices.estimate(server)).parts == planned.parts
        assert await simulated.prices.estimate(server.uuid) == planned
        assert planned.currency == (await simulated.accounts.get("simulator")).currency


@pytest.mark.parametrize(
    ("changes", "missing"),
    [
        ({"plan": "custom", "core_number": None, "memory_amount": 1024}, "core_number"),
        ({"plan": [], "core_number": 1, "memory_amount": "much"}, "memory_amount"),
        ({"storage_devices": {"storage_device": [{"address": "virtio:0", "storage_size": "large"}]}}, "storage_size"),
        ({"license": "some"}, "license"),
        ({"firewall": "perhaps"}, "firewall"),
    ],
    ids=["cores", "memory", "disk", "license", "firewall"],
)
async def test_an_unreadable_part_of_a_server_does_not_count_as_free(changes: dict[str, Any], missing: str) -> None:
    document = documents.server(**({"zone": "de-fra1", "plan": "1xCPU-1GB"} | changes))

    def answer(request: httpx.Request) -> httpx.Response:
        asks_for_server = request.url.path.startswith("/1.3/server/")
        return httpx.Response(200, json=document) if asks_for_server else _answer(request)

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        with pytest.raises(UnexpectedAnswer, match=f"{missing}.*without it there is no price"):
            await cloud.prices.estimate(documents.SERVER)


@pytest.mark.parametrize(
    ("fields", "missing"),
    [({"size": "large", "license": 0}, "size"), ({"size": 10, "license": "some"}, "license")],
    ids=["size", "license"],
)
async def test_a_clone_of_a_disk_with_unreadable_size_or_licence_does_not_count_as_free(
    fields: dict[str, object], missing: str
) -> None:
    disk = {"uuid": DEBIAN, "state": "online", **fields}

    def answer(request: httpx.Request) -> httpx.Response:
        asks_for_disk = request.url.path.startswith("/1.3/storage/")
        return httpx.Response(200, json={"storage": disk}) if asks_for_disk else _answer(request)

    async with UpCloud(Token("ucat_x"), transport=httpx.MockTransport(answer)) as cloud:
        with pytest.raises(UnexpectedAnswer, match=f"{missing}.*without it there is no price"):
            await cloud.prices.estimate(_spec(StorageDeviceSpec.clone(DEBIAN)))
