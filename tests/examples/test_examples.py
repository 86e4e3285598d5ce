"""Each example runs as a user would run it, as a separate process."""

from __future__ import annotations

import ast
import hashlib
import inspect
import os
import re
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from xml.etree import ElementTree as ET

import anyio
import httpx
import pytest

from examples import ci_runner
from examples.fleet import spec_for
from examples.live_check import Questions
from upcloud_sdk import Token, UpCloud, errors
from upcloud_sdk.ci import OpenAccount, Phase, Record, ServerChange, ServerChoice
from upcloud_sdk.ci.record.queries import servers_known
from upcloud_sdk.placement import Budget
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from types import CodeType

ROOT = Path(__file__).parents[2]
LIMIT = 240


def run(module: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run `python -m examples.<module>` without an account, and without variables of one in the environment."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("UPCLOUD_")}
    command = [sys.executable, "-m", f"examples.{module}", *arguments]
    return subprocess.run(
        command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=LIMIT, check=False
    )


def test_the_quick_start_ends_with_nothing_left() -> None:
    done = run("quickstart")
    assert done.returncode == 0, done.stderr
    assert "is started at" in done.stdout
    assert done.stdout.rstrip().endswith("()")


def test_the_quick_start_on_a_real_account_says_how_to_give_credentials() -> None:
    done = run("quickstart", "--live")
    assert done.returncode != 0
    assert "UPCLOUD_TOKEN" in done.stderr


def test_the_fleet_draws_one_bar_a_server(tmp_path: Path) -> None:
    picture = tmp_path / "fleet.svg"
    done = run("fleet", "--servers", "2", "--svg", str(picture))
    assert done.returncode == 0, done.stderr
    assert "servers left: 0" in done.stdout
    names = {element.text for element in ET.parse(picture).iter() if element.tag.endswith("text")}
    assert {"node-1", "node-2", "maintenance", "started", "stopping"} <= names


def test_the_reaper_destroys_what_was_left_behind() -> None:
    done = run("reaper", "--simulate")
    assert done.returncode == 0, done.stderr
    assert "destroyed servers: 1" in done.stdout


def test_the_reaper_only_reports_when_it_is_asked_to() -> None:
    done = run("reaper", "--simulate", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "would destroy servers: 1" in done.stdout


def test_the_runner_uses_a_server_for_several_jobs_and_leaves_none() -> None:
    done = run("ci_runner", "echo one", "exit 3", "echo two", "echo three")
    assert done.returncode == 0, done.stderr
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in done.stdout.splitlines() if "│" in line]
    assert [(job, status, output) for job, _, _, status, output in rows] == [
        ("echo one", "0", "one"),
        ("exit 3", "3", ""),
        ("echo two", "0", "two"),
        ("echo three", "0", "three"),
    ]
    assert len({server for _, _, server, _, _ in rows}) <= 2
    assert "servers left: 0" in done.stdout


def test_the_runner_waits_for_room_in_its_budget_and_its_record_agrees_with_the_bill() -> None:
    done = run("ci_runner", *["sleep 1"] * 4)
    assert done.returncode == 0, done.stderr
    assert "waits: the budget of 0.03 an hour has no room" in done.stderr
    assert "2 servers: 0.02678 EUR billed" in done.stdout
    assert "0.00000 for others on the same bill" in done.stdout


@pytest.mark.anyio
async def test_a_proxys_page_in_place_of_the_bill_ends_neither_the_runner_nor_its_job(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    record = Record(f"sqlite:///{tmp_path / 'runner.sqlite'}")
    choice = ServerChoice(image="debian-13", zones=("fi-hel1",), plans=("PREMIUM-1xCPU-1GB",))
    job = ci_runner.Job("echo done")
    with Simulator(guests="process", boot_seconds=0.5, stop_seconds=0.5) as sim:
        sim.fail("GET /account/billing/summary/*", status=200, body="<html>Bad gateway</html>", times=1)
        client = partial(UpCloud, Token("ucat_any"), transport=sim.transport(), owner="ci-runner-1")
        account = OpenAccount(client, is_exclusive=True)
        async with account.running():
            runner = ci_runner.Runner(account, choice, "127.0.0.1", record, Budget(per_month=Decimal(20)))
            await runner.run([job], workers=1)
            assert await account.cloud.servers.list() == ()
    assert record.close(timeout=30)
    assert (job.status, job.output) == (0, "done\n")
    assert "what a server costs is not known yet" in capsys.readouterr().err


@pytest.mark.anyio
async def test_the_runner_ends_the_record_of_a_server_of_its_last_process_that_is_gone(tmp_path: Path) -> None:
    record = Record(f"sqlite:///{tmp_path / 'runner.sqlite'}")
    choice = ServerChoice(image="debian-13", zones=("fi-hel1",), plans=("PREMIUM-1xCPU-1GB",))
    long_ago = datetime.now(UTC) - timedelta(days=1)
    made = ServerChange(
        id="earlier",
        at=long_ago,
        phase=Phase.MADE,
        master=ci_runner.MASTER,
        owner="ci-runner-1",
        uuid="00000000-0000-4000-8000-000000000001",
        hourly=1_000_000,
        currency="EUR",
    )
    earlier = Record(record.name)
    earlier.tell(made)
    assert earlier.close(timeout=30)
    with Simulator() as sim:
        client = partial(UpCloud, Token("ucat_any"), transport=sim.transport(), owner="ci-runner-1")
        account = OpenAccount(client, is_exclusive=True)
        async with account.running():
            runner = ci_runner.Runner(account, choice, "127.0.0.1", record, Budget(per_hour=Decimal(1)))
            await runner.run([], workers=1)
    [server] = await ci_runner.answer(record.ask(servers_known))
    assert record.close(timeout=30)
    assert server.phase is Phase.GONE


def test_the_runner_tries_a_job_on_another_server_if_its_server_is_lost() -> None:
    done = run("ci_runner", "kill $PPID", "sleep 1; echo two")
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("has lost its server") == 3
    assert "given up" in done.stdout
    assert "two" in done.stdout
    assert "servers left: 0" in done.stdout


def test_a_job_of_the_runner_may_print_much_and_no_text() -> None:
    done = run("ci_runner", "head -c 2097152 /dev/zero | tr '\\0' x; echo end", "printf '\\377'; echo bytes")
    assert done.returncode == 0, done.stderr
    assert "has lost its server" not in done.stderr
    assert "end" in done.stdout
    assert "bytes" in done.stdout


def test_the_trace_has_a_span_for_the_life_of_the_server() -> None:
    done = run("tracing")
    assert done.returncode == 0, done.stderr
    assert '"name": "server traced"' in done.stdout
    assert '"name": "destroyed"' in done.stdout


@pytest.mark.anyio
async def test_the_web_service_answers_through_its_one_client(monkeypatch: pytest.MonkeyPatch) -> None:
    from examples.fastapi_app import app, lifespan  # noqa: PLC0415 - slow to import, and only this test needs it

    with Simulator().serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_any")
        browser = httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://service")
        async with lifespan(app), browser:
            assert any(zone["id"] == "fi-hel1" for zone in (await browser.get("/zones")).json())
            missing = await browser.get("/servers/00000000-0000-4000-8000-000000000000/state")
            assert missing.status_code == 404
            assert (await browser.get("/servers/nonsense/state")).status_code == 400


def test_a_server_is_restored_from_the_newest_backup() -> None:
    done = run("restore")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("restored from Tuesday: started, ")


def test_the_live_check_finds_the_simulator_as_the_reference_says() -> None:
    done = run("live_check")
    assert done.returncode == 0, done.stderr
    assert "0 answers differ" in done.stdout
    assert "a discontinued plan: 202 decides `discontinued_plans" in done.stdout
    assert not re.search(r"[0-9a-f]{8}-[0-9a-f]{4}-", done.stdout)


@pytest.mark.anyio
async def test_a_server_of_the_live_check_whose_answer_is_lost_is_reaped_after_its_lease() -> None:
    clock = ManualClock(time.time())
    sim = Simulator(clock=clock, boot_seconds=0, stop_seconds=0, storage_seconds=0)
    sim.fail("POST /server", after_effect=True, drop=True)
    async with UpCloud(Token("ucat_x"), transport=sim.transport(), owner="live-check") as cloud:
        template = await cloud.storages.find_template("debian-12")
        with pytest.raises(errors.UpCloudError):
            await Questions(cloud, lambda _: None).refused(spec_for("live-check", template.uuid).wire())
        assert len(sim.servers) == 1
        clock.advance(3600)
        await cloud.leases.reap()
    assert (len(sim.servers), len(sim.storages)) == (0, 0)


@pytest.mark.anyio
async def test_the_disks_of_a_killed_live_check_are_reaped_and_the_next_run_deletes_its_copies() -> None:
    clock = ManualClock(time.time())
    sim = Simulator(clock=clock, boot_seconds=0, stop_seconds=0, storage_seconds=0)
    async with UpCloud(Token("ucat_x"), transport=sim.transport(), owner="live-check") as cloud:
        questions = Questions(cloud, lambda _: None)
        with anyio.CancelScope() as killed:
            # The first answer after the create of its disk.
            questions.seconds_until = lambda *_, **__: killed.cancel()  # type: ignore[method-assign, assignment]
            await questions.about_storages()
        [disk] = sim.storages
        await cloud.storages.templatize(disk, "live-check-templatize")
        clock.advance(3600)
        assert (await cloud.leases.reap()).storages == (disk,)
        assert len(sim.storages) == 1
        await questions.delete_leftovers()
    assert len(sim.storages) == 0


def test_the_cells_of_the_notebook_run_one_after_the_other() -> None:
    cells = (ROOT / "examples" / "notebook.py").read_text(encoding="utf-8").split("# %%")
    names: dict[str, object] = {"__name__": "__notebook__"}
    for cell in cells:
        code = compile("# %%" + cell, "notebook.py", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            anyio.run(_run_cell, code, names)
        else:
            exec(code, names)
    assert names["server"] is not None


async def _run_cell(code: CodeType, names: dict[str, object]) -> None:
    await eval(code, names)


def test_the_upload_fills_a_disk_from_a_file(tmp_path: Path) -> None:
    image = tmp_path / "disk.raw"
    image.write_bytes(b"disk" * 100_000)
    done = run("upload", str(image))
    assert done.returncode == 0, done.stderr
    assert "400000 bytes written" in done.stdout
    assert hashlib.sha256(image.read_bytes()).hexdigest() in "".join(done.stdout.split())


def test_the_upload_fills_a_disk_with_generated_content() -> None:
    done = run("upload", "--megabytes", "3")
    assert done.returncode == 0, done.stderr
    assert f"{3 << 20} bytes written" in done.stdout


def test_the_upload_of_a_missing_file_says_so() -> None:
    done = run("upload", "nothing.raw")
    assert done.returncode != 0
    assert "FileNotFoundError" in done.stderr


def test_the_newest_two_golden_images_are_kept() -> None:
    done = run("golden_image", "--times", "3")
    assert done.returncode == 0, done.stderr
    titles = {line[:6]: line[8:].partition(",")[0] for line in done.stdout.splitlines() if line.startswith("2026.")}
    assert [line for line in done.stdout.splitlines() if line.startswith("deleted")] == [f"deleted {titles['2026.1']}"]
    assert all(titles[version] in done.stdout.partition("kept: ")[2] for version in ("2026.2", "2026.3"))
    assert done.stdout.rstrip().endswith("servers left: 0")


def test_a_floating_address_moves_and_is_released() -> None:
    done = run("floating_ip")
    assert done.returncode == 0, done.stderr
    first, second, left = done.stdout.splitlines()
    assert first.split(" is on ") == [first.split(" ")[0], "blue"]
    assert second == first.replace("blue", "green")
    assert left == "addresses left: 0"


def test_the_suite_that_uses_the_fixtures_passes_on_both_event_loops() -> None:
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-c", os.devnull, "--rootdir", str(ROOT)]
    done = subprocess.run(
        [*command, "examples/pytest_suite"], cwd=ROOT, capture_output=True, text=True, timeout=LIMIT, check=False
    )
    assert done.returncode == 0, done.stdout
    assert "6 passed" in done.stdout
