"""The page of a real master in a real browser. Run by `make test-page`.

`SCREENSHOTS=folder` keeps a picture of each view: light and dark, wide and as a phone has it.
"""

from __future__ import annotations

import copy
import importlib
import re
import shutil
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import anyio
import pytest

from tests.buildbot.processes import MasterProcess, eventually, make_basedir
from tests.buildbot.recorded import read_record
from tests.buildbot.www.page_view import SIZES, opened
from tests.buildbot.www.staged import LONG, LONGEST, REACHED, Staged
from upcloud_sdk import Basic, StorageSpec, UpCloud
from upcloud_sdk.models import ServerSpec, StorageDeviceSpec
from upcloud_sdk.simulator import Simulator, after_seconds

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.buildbot.www._playwright import Browser
    from upcloud_sdk.simulator.records.progress import Progress
    from upcloud_sdk.simulator.records.records import Server

pytestmark = pytest.mark.full

CHROMIUM = shutil.which("chromium")
WANTED = "wants chromium and the package playwright: `make test-page` runs it where the first is installed"
NO_IMAGE = "Debian GNU/Linux 3 (Woody)"
QUICK_BOOTSTRAP = """#!/bin/sh
cat > buildbot.tac <<END
from buildbot_worker.bot import Worker
from twisted.application import service
application = service.Application('buildbot-worker')
Worker("@MASTER@", @PORT@, "@NAME@", "@PASSWORD@", ".", keepalive=60).setServiceParent(application)
END
exec buildbot-worker start --nodaemon .
"""
IN_A_ROW = {"bootstrap": QUICK_BOOTSTRAP}
STAYS = {**IN_A_ROW, "build_wait_timeout": 3600}
WORKERS: dict[str, dict[str, Any]] = {
    "one": IN_A_ROW,
    "two": IN_A_ROW,
    "idle": STAYS,
    "broken": {"image": NO_IMAGE},
    "booting": {"boot_timeout": 3000},
}


VIEWS = {"now": "", "before": "/before", "costs": "/costs", "health": "/health"}


class PageMaster(MasterProcess):
    """A master with the page, and optionally with rules about who may see builds."""

    rules = ""

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - as its base's
        text = super().configuration(**values).replace('"plugins": {}', f'"plugins": {{"upcloud": {{}}}}{self.rules}')
        assert "upcloud" in text
        return text


class GuardedMaster(PageMaster):
    rules = ', "authz": util.Authz(allowRules=[util.AnyEndpointMatcher(role="admins")], roleMatchers=[])'


def boot(server: Server) -> Progress:
    return after_seconds(3000 if "booting" in server.title else 0.2)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's chromium."""
    if CHROMIUM is None or find_spec("playwright") is None:
        pytest.skip(WANTED)
    api = importlib.import_module("playwright.sync_api")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture(scope="module")
def cloud() -> Iterator[tuple[Simulator, str]]:
    simulator = Simulator(boot=boot, stop_seconds=0.1, guests="process")
    with simulator.serve() as url:
        yield simulator, url


@pytest.fixture(scope="module")
def master(
    cloud: tuple[Simulator, str], _basedir: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[PageMaster]:
    """Six builds are over, one start has failed; a server is idle, one boots, and one is left over."""
    _, url = cloud
    made = PageMaster(make_basedir(_basedir, tmp_path_factory.mktemp("page") / "master"), url, WORKERS)
    try:
        made.start()
        set_up(made, url)
        yield made
    finally:
        made.close()


def set_up(master: PageMaster, url: str) -> None:
    """Produce the events that the page shows."""
    requests = [master.force(name) for name in ("one", "two", "one", "two", "one", "idle")]
    eventually("six builds", lambda: all(master.results(request) for request in requests), pause=0.5)
    assert [master.results(request) for request in requests] == [[0]] * 6
    failing = master.force("broken")
    eventually("a start that fails", lambda: master.results(failing), pause=0.5)
    master.force("booting")
    # Playwright has an event loop in this thread.
    with ThreadPoolExecutor() as threads:
        threads.submit(anyio.run, leave_some, url).result()


async def leave_some(url: str) -> None:
    """A server and a disk with ended leases, of an owner that does not exist any more."""
    async with UpCloud(Basic("user", "secret-password"), base_url=url, owner="buildbot-0123456789ab-abcdef") as api:
        debian = await api.storages.find_template("Debian GNU/Linux 12 (Bookworm)")
        disk = StorageDeviceSpec.clone(debian.uuid, size=10, title="left-os")
        spec = ServerSpec(
            zone="fi-hel1",
            plan="PREMIUM-1xCPU-1GB",
            hostname="left",
            title="left",
            storage_devices=[disk],
            metadata=True,
        )
        server = await api.servers.create(spec, lease=3600)
        await api.servers.wait_for_state(server.uuid, "started", timeout=30)
        labels = {"label": [
            {"key": "upcloud_sdk_owner", "value": "buildbot-0123456789ab-abcdef"},
            {"key": "upcloud_sdk_lease", "value": "2026-01-01T00:00:00Z"},
        ]}  # fmt: skip
        await api.request("PUT", f"/server/{server.uuid}", json={"server": {"labels": labels}})
        lone = await api.storages.create(StorageSpec(zone="fi-hel1", title="left-disk", size=10))
        await api.request("PUT", f"/storage/{lone.uuid}", json={"storage": {"labels": labels["label"]}})


def test_the_view_now_agrees_with_the_api_and_the_database(
    browser: Browser, master: PageMaster, cloud: tuple[Simulator, str]
) -> None:
    simulator, _ = cloud
    with opened(browser, master.web) as view:
        view.open("")
        view.page.wait_for_function("document.querySelectorAll('.uc-now tbody tr').length === 2")
        rows = {row["Worker"]: row for row in view.rows("Servers that are up")}
        left = view.rows("Left over")
        assert view.complaints == []
    servers = {server.title.split("-")[1]: server for server in simulator.servers.values() if server.title != "left"}
    assert set(rows) == set(servers) == {"idle", "booting"}
    for name, server in servers.items():
        assert server.uuid in rows[name]["Server"]
        assert (rows[name]["Zone"], rows[name]["Plan"]) == (server.zone, server.plan)
    assert rows["idle"]["State"] == "idle"
    assert rows["booting"]["State"].startswith("booting")
    [build] = [each for each in master.get("builds")["builds"] if not each["complete"]]
    assert rows["booting"]["Build"] == f"booting #{build['number']}"
    assert rows["idle"]["Build"] == "none"
    [over] = [server for server in simulator.servers.values() if server.title == "left"]
    [disk] = [disk for disk in simulator.storages.values() if disk.title == "left-disk"]
    assert [row["What"] for row in left] == ["server", "disk"]
    assert over.uuid in left[0]["Uuid"]
    assert disk.uuid in left[1]["Uuid"]
    assert {row["Whose"] for row in left} == {"buildbot-0123456789ab-abcdef"}
    # Nobody's record has a server of an owner that does not exist any more.
    assert {row["Cost"] for row in left} == {"not known"}


def test_the_views_of_the_past_agree_with_the_database_and_the_record(browser: Browser, master: PageMaster) -> None:
    builds = master.get("builds")["builds"]
    servers = read_record(master.basedir)
    with opened(browser, master.web) as view:
        view.open("/before")
        view.page.wait_for_selector(".uc-bar")
        rows = view.rows("Servers over time")
        bars = view.page.locator(".uc-bar").count()
        view.open("/costs")
        totals = {row[""]: row["Today (UTC)"] for row in view.rows("Totals")}
        by_worker = {row["worker"]: row["Today (UTC)"] for row in view.rows("By worker")}
        view.open("/health")
        failures = view.rows("Failures")
        starts = view.rows("Starts")
        assert view.complaints == []
    with_server = [row for row in rows if "never made" not in row["Server"]]
    assert {re.sub(r"\s*copy$", "", row["Server"]).split()[-1][-36:] for row in with_server} == set(servers)
    assert bars == len(rows)
    assert int(totals["Servers"]) == len(servers)
    assert int(totals["Builds"]) == len(builds)
    now = datetime.now(UTC)
    hours = sum(server.hours if server.hours is not None else 1 for server in servers.values())
    assert int(totals["Hours paid"]) == hours
    money = sum(float(server.price or 0) for server in servers.values())
    if now.hour or now.minute > 5:
        known = re.match(r"([\d.]+) EUR", totals["Money"])
        assert float("0" if known is None else known[1]) == pytest.approx(money, abs=0.005)
        assert set(by_worker) == {server.worker for server in servers.values()}
    [failure] = failures
    assert NO_IMAGE in failure["Reason"]
    assert failure["Worker"] == "broken"
    attached = sum(server.attached is not None for server in servers.values())
    for kind in ("plan", "zone", "image"):
        assert sum(int(row["Attached"]) for row in starts if row["By"] == kind) == attached
    named = {row["Builds"] for row in rows}
    builders = {each["builderid"]: each["name"] for each in master.get("builders")["builders"]}
    finished = {f"{builders[each['builderid']]} #{each['number']}" for each in builds if each["results"] == 0}
    assert finished <= named


def test_the_page_refreshes_without_a_reload(browser: Browser, master: PageMaster) -> None:
    with opened(browser, master.web) as view:
        view.open("")
        view.page.evaluate("window.wasReloaded = false")
        seen = view.page.locator("time").get_attribute("data-time")
        view.page.wait_for_function(f"document.querySelector('time').dataset.time !== '{seen}'")
        assert view.page.evaluate("window.wasReloaded") is False


def test_a_row_leads_to_its_build_and_to_its_worker(browser: Browser, master: PageMaster) -> None:
    with opened(browser, master.web) as view:
        view.open("")
        view.page.get_by_role("link", name=re.compile(r"^booting #")).click()
        view.page.wait_for_url(re.compile(r"#/builders/\d+/builds/\d+"))
        view.open("")
        view.page.get_by_role("link", name="idle", exact=True).click()
        view.page.wait_for_url(re.compile(r"#/workers/\d+"))


def test_the_page_can_be_used_and_zoomed_with_the_keyboard(browser: Browser, master: PageMaster) -> None:
    with opened(browser, master.web) as view:
        view.open("/before")
        view.page.wait_for_selector(".uc-chart")
        status = view.page.get_by_role("status")
        # Its times are those of minutes: of all six hours, each zoom changes them.
        fitted = status.inner_text()
        view.page.locator(".uc-chart").focus()
        view.page.keyboard.press("0")
        view.page.wait_for_function("t => document.querySelector('[role=status]').innerText !== t", arg=fitted)
        whole = status.inner_text()
        view.page.keyboard.press("+")
        view.page.wait_for_function("t => document.querySelector('[role=status]').innerText !== t", arg=whole)
        view.page.get_by_role("button", name="1 h", exact=True).press("Enter")
        assert view.page.get_by_role("button", name="1 h", exact=True).get_attribute("aria-pressed") == "true"
        fitted = status.inner_text()
        view.page.locator(".uc-chart").focus()
        view.page.keyboard.press("0")
        view.page.wait_for_function("t => document.querySelector('[role=status]').innerText !== t", arg=fitted)
        box = view.page.locator(".uc-chart svg").bounding_box()
        assert box is not None
        before = status.inner_text()
        view.page.mouse.move(box["x"] + 500, box["y"] + 40)
        view.page.mouse.down()
        view.page.mouse.move(box["x"] + 700, box["y"] + 40, steps=4)
        view.page.mouse.up()
        view.page.wait_for_function("t => document.querySelector('[role=status]').innerText !== t", arg=before)


def test_a_uuid_can_be_copied(browser: Browser, master: PageMaster) -> None:
    with opened(browser, master.web) as view:
        view.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        view.open("")
        view.page.get_by_role("button", name=re.compile("Copy uuid")).first.click()
        view.page.wait_for_selector("text=copied")
        copied = view.page.evaluate("navigator.clipboard.readText()")
        assert re.fullmatch(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", copied)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("size", list(SIZES))
@pytest.mark.parametrize("name", VIEWS)
def test_each_view_fits_its_window_in_light_and_dark(
    browser: Browser, master: PageMaster, name: str, size: str, scheme: str
) -> None:
    with opened(browser, master.web, size=size, scheme=scheme) as view:
        view.open(VIEWS[name])
        background = view.page.evaluate("getComputedStyle(document.querySelector('.uc-page')).backgroundColor")
        channels = [int(each) for each in re.findall(r"\d+", background)]
        assert (max(channels[:3]) < 80) == (scheme == "dark")
        assert not view.is_wider_than_its_window()
        view.keep(f"{name}-{scheme}-{size}")


def test_users_who_may_not_see_builds_may_not_see_servers(
    browser: Browser,
    cloud: tuple[Simulator, str],
    _basedir: Path,  # noqa: PT019 - it is used
    tmp_path: Path,
) -> None:
    _, url = cloud
    guarded = GuardedMaster(make_basedir(_basedir, tmp_path / "guarded"), url, {"one": IN_A_ROW})
    guarded.start()
    try:
        with opened(browser, guarded.web) as view:
            view.open("")
            assert "You may not see builds on this master" in view.page.get_by_role("alert").inner_text()
            assert view.page.get_by_role("table").count() == 0
            view.keep("refused")
    finally:
        guarded.close()


def test_credentials_that_the_api_refuses_are_said_on_top(
    browser: Browser,
    _basedir: Path,  # noqa: PT019 - it is used
    tmp_path: Path,
) -> None:
    simulator = Simulator()
    simulator.fail("*", status=401, code="AUTHENTICATION_FAILED", times=None)
    with simulator.serve() as url:
        locked = PageMaster(make_basedir(_basedir, tmp_path / "locked"), url, {"one": IN_A_ROW})
        locked.start()
        try:
            for size in SIZES:
                with opened(browser, locked.web, size=size) as view:
                    view.open("")
                    note = view.page.locator(".uc-note", has_text="AUTHENTICATION_FAILED")
                    note.wait_for()
                    assert note.count() == 1
                    assert "Not listed: disks of buildbot-" in note.inner_text()
                    assert not view.is_wider_than_its_window()
                    view.keep(f"credentials-refused-{size}")
        finally:
            locked.close()


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[int], Staged]]:
    """Gives so many servers, some with long names. Their documents are made by the page's code, without a master."""
    made: dict[int, Staged] = {}

    def give(count: int) -> Staged:
        if count not in made:
            made[count] = Staged(count, tmp_path_factory.mktemp("staged"))
        return made[count]

    yield give
    for each in made.values():
        each.close()


@pytest.fixture
def sixty(stage: Callable[[int], Staged]) -> Staged:
    return stage(60)


@pytest.mark.parametrize("count", [0, 6, 60, 600])
@pytest.mark.parametrize("size", list(SIZES))
def test_any_number_of_servers_fits_its_window(
    browser: Browser, master: PageMaster, stage: Callable[[int], Staged], count: int, size: str
) -> None:
    for scheme in ("light", "dark") if count == 60 else ("light",):
        with opened(browser, master.web, size=size, scheme=scheme) as view:
            stage(count).serve(view)
            for name, path in VIEWS.items():
                view.open(path)
                view.keep(f"{name}-{count}-{scheme}-{size}")
                assert not view.is_wider_than_its_window(), name
            assert view.complaints == []


def test_a_chart_is_never_drawn_wider_than_its_window(
    browser: Browser, master: PageMaster, stage: Callable[[int], Staged]
) -> None:
    with opened(browser, master.web, size="phone") as view:
        # Keeps what is drawn first, before any change of size is told.
        view.page.add_init_script("window.ResizeObserver = class { observe() {} disconnect() {} }")
        stage(6).serve(view)
        for name in ("before", "costs"):
            view.open(VIEWS[name])
            assert not view.is_wider_than_its_window(), name


def test_a_server_has_one_line_of_28_pixels_on_a_desk_with_all_that_matters(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    with opened(browser, master.web) as view:
        sixty.serve(view)
        for path, table in (("", ".uc-now"), ("/before", ".uc-before")):
            view.open(path)
            for row in view.boxes(f"{table} tbody tr"):
                assert 27 <= row["height"] <= 29
            for cell in view.boxes(f"{table} tbody tr > *"):
                assert cell["x"] + cell["width"] <= SIZES["wide"]["width"]


def test_a_server_has_two_lines_on_a_phone_with_name_state_cost_build_age_and_uuid(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    with opened(browser, master.web, size="phone") as view:
        sixty.serve(view)
        view.open("")
        rows = view.page.locator(".uc-now tbody tr")
        assert rows.count() == 60
        for row in view.boxes(".uc-now tbody tr"):
            assert row["height"] <= 64
        for place in "abcdef":
            cells = view.boxes(f".uc-now tbody .uc-at-{place}")
            assert all(cell["width"] > 0 and cell["x"] + cell["width"] <= 390 for cell in cells)
        # Names are cut in the middle only: no cell is cut by its width.
        for place in "ad":
            query = f"[...document.querySelectorAll('.uc-now tbody .uc-at-{place}')]"
            assert view.page.evaluate(f"{query}.every((cell) => cell.scrollWidth <= cell.clientWidth)")
        rows.first.locator(".uc-at-e").click()
        assert "fi-hel1" in rows.first.locator(".uc-more").first.inner_text()


def test_a_long_name_keeps_its_end_and_is_whole_in_its_title(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    with opened(browser, master.web) as view:
        sixty.serve(view)
        view.open("")
        names = view.page.locator(".uc-now bdi").all_inner_texts()
        assert "ci-worker-large-pool-59" in names
        for name in (LONG, LONGEST):
            cut = view.page.locator(f'.uc-now bdi[title="{name}"]').first
            start, _, end = cut.locator("[aria-hidden]").inner_text().partition("…")
            assert start
            assert name.startswith(start)
            assert name.endswith(end)
            box = cut.bounding_box()
            assert box is not None
            assert box["width"] < 180
        view.open("/before")
        assert "…" in view.page.locator(".uc-name").last.inner_html()


def test_servers_are_found_sorted_and_paged_and_the_address_says_how(
    browser: Browser, master: PageMaster, stage: Callable[[int], Staged]
) -> None:
    with opened(browser, master.web) as view:
        stage(600).serve(view)
        view.open("")
        pages = view.page.get_by_role("group", name="Pages")
        assert "1 to 100 of 600 servers" in pages.inner_text()
        pages.get_by_role("button", name="On").click()
        view.page.wait_for_selector("text=101 to 200 of 600 servers")
        view.page.get_by_role("button", name=re.compile("^Idle")).click()
        states = "[...document.querySelectorAll('.uc-now .uc-at-b')].slice(1)"
        view.page.wait_for_function(f"{states}.every((each) => each.innerText === 'idle')")
        assert view.page.locator(".uc-now tbody tr").count() == 100
        view.page.get_by_role("columnheader", name="Age").get_by_role("button").click()
        view.page.get_by_role("columnheader", name="Age").get_by_role("button").click()
        view.page.wait_for_selector("[aria-sort=descending]")
        address = view.page.evaluate("location.hash")
        assert address == "#/upcloud?state=idle&sort=-age"
        view.page.wait_for_function(
            "document.querySelector('.uc-now tbody th').innerText === 'ci-worker-large-pool-597'"
        )
        view.open("/before")
        view.open(f"?{address.partition('?')[2]}&worker=linux")
        view.page.wait_for_selector("text=No server is like that.")
        view.open("/before?hours=744&sort=-up&worker=pool")
        assert "1 to 100 of" in pages.inner_text()
        assert view.page.locator(".uc-bar").count() == 100
        assert view.complaints == []


def test_limits_say_what_is_spent_claimed_and_left_and_when_builds_go_on(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    with opened(browser, master.web) as view:
        sixty.serve(view)
        view.open("")
        said = view.page.locator(".uc-limit").all_inner_texts()
        assert "58 used, 4 claimed, 18 left of 80" in said[0]
        assert "97.30 spent, 0.10 claimed, 22.60 left of 120.00 EUR" in said[1]
        assert "Not counted: addresses, traffic, backups" in said[1]
        assert "builds go on" not in "".join(said)
    reached = copy.copy(sixty)
    reached.limits, reached.notes = (REACHED,), [f"Builds wait: {REACHED}"]
    for size in SIZES:
        with opened(browser, master.web, size=size) as view:
            reached.serve(view)
            view.open("")
            assert "0.00 left of 97.40 EUR: builds go on on 1 Jan 2027" in view.page.locator(".uc-limit").inner_text()
            assert view.page.locator(".uc-note").inner_text().startswith("Builds wait: the budget of 97.40 a month")
            assert not view.is_wider_than_its_window()
            view.keep(f"budget-reached-{size}")


def test_an_unreadable_record_and_an_api_that_is_away_are_said_on_top(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    away = copy.copy(sixty)
    away.notes = ["Not listed: disks of ci, servers of ci. The API has not answered within 5 s."]
    away.problem = "The record cannot be read: sqlite:///upcloud.sqlite: disk I/O error"
    for size in SIZES:
        with opened(browser, master.web, size=size) as view:
            away.serve(view)
            for name, path in VIEWS.items():
                view.open(path)
                notes = view.page.locator(".uc-note").all_inner_texts()
                assert notes == [*away.notes, *([] if name == "now" else [away.problem])]
                view.keep(f"{name}-away-{size}")
            assert view.complaints == []


def test_what_is_left_over_says_what_it_costs_and_what_happens_to_it(
    browser: Browser, master: PageMaster, sixty: Staged
) -> None:
    with opened(browser, master.web) as view:
        sixty.serve(view)
        for path in ("", "/health"):
            view.open(path)
            server, disk = view.rows("Left over")
            assert (server["Age"], server["Whose"]) == ("2 h 13 min", "ci")
            assert server["Cost"] == "0.0250 EUR an hour, 0.0750 EUR so far"
            assert server["What happens"] == "destroyed by 12:24"
            assert disk["What happens"] == "deleted when the reaper of its owner runs"


def test_the_last_data_stay_if_the_master_does_not_answer(browser: Browser, master: PageMaster) -> None:
    with opened(browser, master.web) as view:
        view.open("")
        view.page.wait_for_selector(".uc-now")
        view.page.route("**/now.json*", lambda route: route.abort())
        view.page.get_by_role("alert").wait_for()
        assert "does not answer" in view.page.get_by_role("alert").inner_text()
        assert "not refreshed since" in view.page.locator(".uc-note", has_text="As of").inner_text()
        view.keep("master-away")
        assert view.page.locator(".uc-now").count() == 1
        view.page.unroute("**/now.json*")
        view.page.get_by_role("alert").wait_for(state="detached")
        # A master that hangs takes the request, and never answers it.
        view.page.route("**/now.json*", lambda _: None)
        view.page.get_by_role("alert").wait_for()
        assert "does not answer" in view.page.get_by_role("alert").inner_text()
        view.keep("master-hangs")


def test_two_masters_of_one_account_show_the_servers_of_both_and_say_whose_each_is(
    browser: Browser,
    master: PageMaster,
    cloud: tuple[Simulator, str],
    _basedir: Path,  # noqa: PT019 - it is used
    tmp_path: Path,
) -> None:
    simulator, url = cloud
    other = PageMaster(make_basedir(_basedir, tmp_path / "other"), url, {"elsewhere": STAYS})
    other.start()
    try:
        request = other.force("elsewhere")
        eventually("a build of the other master", lambda: other.results(request), pause=0.5)
        for size in SIZES:
            for scheme in ("light", "dark"):
                with opened(browser, master.web, size=size, scheme=scheme) as view:
                    view.open("")
                    view.page.wait_for_function("document.querySelectorAll('.uc-now tbody tr').length === 3")
                    assert not view.is_wider_than_its_window()
                    view.keep(f"two-masters-{scheme}-{size}")
        with opened(browser, master.web) as view:
            view.open("")
            view.page.wait_for_function("document.querySelectorAll('.uc-now tbody tr').length === 3")
            rows = {row["Worker"]: row for row in view.rows("Servers that are up")}
        [theirs] = [server for server in simulator.servers.values() if "elsewhere" in server.title]
        row = rows.pop(theirs.title)
        assert theirs.uuid in row["Server"]
        assert (row["State"], row["Master"]) == ("started", theirs.labels["upcloud_sdk_owner"])
        assert row["Cost so far"] == "not known"
        assert {row["Master"] for row in rows.values()} == {"this one"}
        with opened(browser, other.web) as view:
            view.open("")
            view.page.wait_for_function("document.querySelectorAll('.uc-now tbody tr').length === 3")
            whose = {row["Worker"]: row["Master"] for row in view.rows("Servers that are up")}
        assert whose.pop("elsewhere") == "this one"
        assert len(set(whose.values())) == 1
    finally:
        other.terminate(within=120)
