"""A started server runs its user_data. All its processes end with the server or the simulator."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.simulator.documents import DEBIAN_12, server_request
from tests.simulator.patience import PATIENCE, eventually
from tests.skips import WINDOWS
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.guests.cloud_config import script_for

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(os.name != "posix", reason=WINDOWS)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Served:
    """A served simulator with guests, and a client of it."""

    def __init__(self, url: str, token: str) -> None:
        self.client = httpx.Client(base_url=f"{url}/1.3", headers={"Authorization": f"Bearer {token}"})
        self.url = url

    def create(self, script: str, **changes: object) -> str:
        answer = self.client.post("/server", json=server_request(user_data=script, **changes))
        assert answer.status_code == 202, answer.text
        uuid: str = answer.json()["server"]["uuid"]
        return uuid

    def state(self, uuid: str) -> str:
        state: str = self.client.get(f"/server/{uuid}").json()["server"]["state"]
        return state

    def stop(self, uuid: str, **how: str) -> None:
        answer = self.client.post(f"/server/{uuid}/stop", json={"stop_server": how})
        assert answer.status_code == 200, answer.text

    def console(self, uuid: str) -> str:
        answer: dict[str, Any] = self.client.get(f"{self.url}/_simulator/servers/{uuid}/console").json()
        return str(answer.get("text", ""))


@pytest.fixture
def served() -> Iterator[Served]:
    with (
        Simulator(token="ucat_test", guests="process", boot_seconds=0, stop_seconds=0.05) as sim,
        sim.serve() as url,
    ):
        served = Served(url, "ucat_test")
        yield served
        served.client.close()


@pytest.fixture
def pid_file(tmp_path: Path) -> Path:
    """The file to which a guest writes its process ids."""
    return tmp_path / "pid"


def pids(file: Path, count: int) -> list[int]:
    """Wait until the guest has written this many ids. Returns them."""
    eventually(lambda: file.exists() and len(file.read_text().split()) == count)
    return [int(each) for each in file.read_text().split()]


def daemon(pid_file: Path) -> str:
    """A line of shell that starts a process which leaves the guest's process group, as a buildbot-worker does."""
    code = f"import os, time; os.setsid(); open({str(pid_file)!r}, 'a').write(f'{{os.getpid()}}\\n'); time.sleep(600)"
    return f"{shlex.join([sys.executable, '-I', '-S', '-c', code])} &"


def test_a_started_server_runs_its_user_data_without_a_request(served: Served, pid_file: Path) -> None:
    served.create(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 600\n")
    assert alive(pids(pid_file, 1)[0])


def test_a_script_without_a_first_line_is_run_by_the_shell(served: Served, pid_file: Path) -> None:
    served.create(f"echo $$ > {pid_file}; exec sleep 600")
    assert alive(pids(pid_file, 1)[0])


def test_a_hard_stop_kills_daemons_too(served: Served, pid_file: Path) -> None:
    uuid = served.create(f"#!/bin/sh\necho $$ > {pid_file}\n{daemon(pid_file)}\nexec sleep 600\n")
    guests = pids(pid_file, 2)
    served.stop(uuid, stop_type="hard")
    eventually(lambda: served.state(uuid) == "stopped")
    assert [alive(pid) for pid in guests] == [False, False]


def test_a_soft_stop_lets_the_guest_shut_down_itself(served: Served, tmp_path: Path) -> None:
    said = tmp_path / "said"
    uuid = served.create(
        f"#!/bin/sh\ntrap 'echo bye > {said}; exit' TERM\ntouch {said}\nwhile :; do sleep 0.05; done\n"
    )
    eventually(said.exists)
    served.stop(uuid, stop_type="soft", timeout="60")
    eventually(lambda: served.state(uuid) == "stopped")
    assert said.read_text() == "bye\n"


def test_a_soft_stop_becomes_hard_at_its_timeout(served: Served, pid_file: Path) -> None:
    uuid = served.create(f"#!/bin/sh\ntrap '' TERM\necho $$ > {pid_file}\nwhile :; do sleep 0.05; done\n")
    guest = pids(pid_file, 1)[0]
    served.stop(uuid, stop_type="soft", timeout="1")
    eventually(lambda: served.state(uuid) == "stopped")
    eventually(lambda: not alive(guest))


def test_a_guest_that_powers_itself_off_stops_its_server(served: Served) -> None:
    uuid = served.create("#!/bin/sh\npoweroff\nexec sleep 600\n")
    eventually(lambda: served.state(uuid) == "stopped")
    assert served.client.delete(f"/server/{uuid}").status_code == 204


def test_a_guest_can_power_itself_off_with_builtins_of_the_shell(
    served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))  # without a program `kill`
    uuid = served.create("#!/bin/sh\npoweroff\n")
    eventually(lambda: served.state(uuid) == "stopped")


def test_a_server_keeps_running_after_the_end_of_its_script(served: Served, pid_file: Path) -> None:
    uuid = served.create(f"#!/bin/sh\necho $$ > {pid_file}\n")
    script = pids(pid_file, 1)[0]
    eventually(lambda: not alive(script))
    assert served.state(uuid) == "started"


def test_a_restart_runs_the_user_data_again(served: Served, pid_file: Path) -> None:
    uuid = served.create(f"#!/bin/sh\necho $$ >> {pid_file}\nexec sleep 600\n")
    first = pids(pid_file, 1)[0]
    served.client.post(f"/server/{uuid}/restart", json={"restart_server": {"stop_type": "hard"}})
    second = pids(pid_file, 2)[1]
    assert not alive(first)
    assert alive(second)


def test_a_rebuilt_server_has_no_files_of_the_old_disk(served: Served, tmp_path: Path) -> None:
    seen = tmp_path / "seen"
    uuid = served.create(f"#!/bin/sh\ntouch first\nls > {seen}.first")
    eventually(lambda: Path(f"{seen}.first").exists() and "first" in Path(f"{seen}.first").read_text())
    served.stop(uuid, stop_type="hard")
    eventually(lambda: served.state(uuid) == "stopped")
    again = {"clone_source": DEBIAN_12, "user_data": f"#!/bin/sh\nls > {seen}.second; echo end >> {seen}.second"}
    assert served.client.post(f"/server/{uuid}/rebuild", json={"server_rebuild": again}).status_code == 202
    eventually(lambda: Path(f"{seen}.second").exists() and "end" in Path(f"{seen}.second").read_text())
    assert "first" not in Path(f"{seen}.second").read_text()


def test_user_data_can_be_the_url_of_a_script(served: Served, pid_file: Path, serve_text: Callable[[str], str]) -> None:
    served.create(serve_text(f"#!/bin/sh\necho $$ > {pid_file}\nexec sleep 600\n"))
    assert alive(pids(pid_file, 1)[0])


def test_the_console_says_why_user_data_could_not_be_fetched(served: Served) -> None:
    uuid = served.create("http://127.0.0.1:9/nothing")
    eventually(lambda: "user_data: " in served.console(uuid))


def test_the_console_says_that_cloud_config_in_yaml_is_not_run(served: Served) -> None:
    uuid = served.create("#cloud-config\nruncmd: [poweroff]\n")
    eventually(lambda: "--guests vm runs all" in served.console(uuid))


def cloud_config(script: str, **more: object) -> str:
    """A document with a service that runs this script, and powers the server off when it ends."""
    unit = (
        "[Unit]\nSuccessAction=poweroff\nFailureAction=poweroff\n"
        "[Service]\nUser=nobody-here\nWorkingDirectory=/srv/job\nExecStart=/no/such/folder/sh /srv/job/run\n"
        "StandardInput=file:/srv/secret/password\n"
    )
    document = {
        "write_files": [
            {"path": "/srv/job/run", "content": script},
            {"path": "/srv/secret/password", "permissions": "0600", "content": "s3cret"},
            {"path": "/etc/systemd/system/job.service", "content": unit},
        ],
        "runcmd": [["systemctl", "daemon-reload"], ["systemctl", "start", "--no-block", "job.service"]],
        **more,
    }
    return f"#cloud-config\n{json.dumps(document)}\n"


def test_a_service_of_a_cloud_config_in_json_is_run_from_files_in_the_home(served: Served, pid_file: Path) -> None:
    served.create(cloud_config(f"pwd; ls /srv/job; echo $$ > {pid_file}; exec sleep 600\n"))
    assert alive(pids(pid_file, 1)[0])


def test_a_service_of_a_cloud_config_reads_the_file_that_is_its_standard_input(served: Served) -> None:
    uuid = served.create(cloud_config("read -r password; echo it is $password\n"))
    eventually(lambda: "it is s3cret\n" in served.console(uuid))


def test_a_server_powers_off_when_the_service_of_its_cloud_config_ends(served: Served) -> None:
    uuid = served.create(cloud_config("exit 3\n"))
    eventually(lambda: served.state(uuid) == "stopped")
    assert "job.service: Main process exited, status=3" in served.console(uuid)


def test_the_console_lists_the_parts_of_a_cloud_config_that_are_not_run(served: Served, pid_file: Path) -> None:
    uuid = served.create(cloud_config(f"echo $$ > {pid_file}; exec sleep 600\n", packages=["git"], bootcmd=["x"]))
    pids(pid_file, 1)
    console = served.console(uuid)
    for what in ("packages", "bootcmd", "systemctl daemon-reload"):
        assert f"cloud-config: a process does not run {what}\n" in console


def test_the_files_of_a_cloud_config_are_written_only_below_the_home(tmp_path: Path) -> None:
    document = {"write_files": [{"path": f"/..{tmp_path}/outside", "content": "x"}]}
    home = tmp_path / "home"
    home.mkdir()
    assert script_for(f"#cloud-config\n{json.dumps(document)}", home) is not None
    assert list(tmp_path.rglob("outside")) == []


def test_a_guest_does_not_get_the_simulators_environment(
    served: Served, pid_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPCLOUD_TOKEN", "ucat_secret")
    uuid = served.create(f"#!/bin/sh\nenv\necho $$ > {pid_file}\n", hostname="guest.example.com")
    pids(pid_file, 1)
    console = served.console(uuid)
    assert "HOSTNAME=guest.example.com" in console
    assert "ucat_secret" not in console


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_all_guests_end_with_the_simulator_even_if_it_is_killed(
    number: signal.Signals, pid_file: Path, tmp_path: Path
) -> None:
    command = [
        sys.executable, "-m", "upcloud_sdk.simulator", "--port", "0", "--boot-seconds", "0", "--run-user-data",
        "--discontinued-plans", "sold",
    ]  # fmt: skip
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        token, url = (process.stdout.readline().split()[-1] for _ in range(2))
        served = Served(url, token)
        home = tmp_path / "home"
        try:
            served.create(f"#!/bin/sh\npwd > {home}; echo $$ > {pid_file}\n{daemon(pid_file)}\nexec sleep 600\n")
            guests = pids(pid_file, 2)
            process.send_signal(number)
            process.wait(timeout=PATIENCE)
        finally:
            served.client.close()
            process.kill()
    eventually(lambda: not any(alive(pid) for pid in guests))
    eventually(lambda: not Path(home.read_text().strip()).parent.exists())
