"""`python -m upcloud_sdk.simulator`."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests.simulator.documents import server_request
from tests.simulator.patience import PATIENCE, eventually
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk.simulator import Simulator
from upcloud_sdk.simulator.__main__ import main

if sys.platform == "linux":
    import resource

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

ENDS = [getattr(signal, name) for name in ("SIGTERM", "SIGINT", "SIGHUP") if hasattr(signal, name)]
COMMAND = [sys.executable, "-W", "error", "-m", "upcloud_sdk.simulator"]


@contextmanager
def started(*arguments: str) -> Generator[tuple[subprocess.Popen[str], list[str]]]:
    """Start the process. Returns it, and the lines that it printed until it was ready."""
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline().rstrip("\n")]
        while lines[-1] and not lines[-1].startswith("listening"):
            lines.append(process.stdout.readline().rstrip("\n"))
        try:
            yield process, lines
        finally:
            process.kill()


def refusal_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """What the command says on stderr before it would serve, with status 2."""
    status: int | str | None
    try:
        status = main(arguments)
    except SystemExit as end:
        status = end.code
    said = capsys.readouterr()
    assert (status, said.out) == (2, "")
    return said.err


def url_of(lines: list[str]) -> str:
    return lines[-1].removeprefix("listening on ")


def test_the_account_has_the_configured_user_name_and_accepts_no_other_credentials() -> None:
    with started("--port", "0", "--username", "me", "--password", "secret") as (_, lines):
        url = f"{url_of(lines)}/1.3/account"
        assert httpx.get(url, auth=("me", "secret")).json()["account"]["username"] == "me"
        httpx.post(f"{url_of(lines)}/_simulator/reset", auth=("me", "secret"))
        assert httpx.get(url, auth=("me", "secret")).json()["account"]["username"] == "me"
        assert httpx.get(url, auth=("me", "wrong")).status_code == 401
        assert httpx.get(url, headers={"Authorization": "Bearer ucat_x"}).status_code == 401


@pytest.mark.parametrize(
    ("name", "arguments", "auth"),
    [
        ("UPCLOUD_SIMULATOR_TOKEN", (), None),
        ("UPCLOUD_SIMULATOR_PASSWORD", ("--username", "me"), ("me", "hunter2")),
    ],
)
def test_a_secret_of_the_environment_is_the_only_one(
    name: str, arguments: tuple[str, ...], auth: tuple[str, str] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, "hunter2")
    headers = {} if auth else {"authorization": "Bearer hunter2"}
    with started("--port", "0", *arguments) as (_, lines):
        assert httpx.get(f"{url_of(lines)}/1.3/account", auth=auth, headers=headers).status_code == 200
        assert httpx.get(f"{url_of(lines)}/1.3/account", auth=("me", "another")).status_code == 401


def test_downloads_and_the_format_of_refusals_can_be_set(tmp_path: Path) -> None:
    file = tmp_path / "disk.raw"
    file.write_bytes(b"data")
    address = "https://example.com/disk.raw?a=b"
    arguments = ("--download", f"{address}={file}", "--storage-seconds", "0", "--server-errors", "contract")
    with started("--port", "0", *arguments) as (_, lines):
        api = httpx.Client(base_url=f"{url_of(lines)}/1.3", auth=("any", "thing"))
        storage = {"zone": "fi-hel1", "title": "disk", "size": 10}
        path = "/storage/" + api.post("/storage", json={"storage": storage}).json()["storage"]["uuid"] + "/import"
        api.post(path, json={"storage_import": {"source": "http_import", "source_location": address}})
        assert api.get(path).json()["storage_import"]["written_bytes"] == 4
        assert api.get("/server/none").json()["error"].keys() == {"code", "message"}
        api.close()


def test_the_simulator_ends_immediately_during_a_blocking_call() -> None:
    with started("--port", "0") as (process, lines):
        url = urlsplit(url_of(lines))
        fault = {"pattern": "GET /zone", "timeout": True}
        httpx.post(f"{url_of(lines)}/_simulator/faults", json=fault, auth=("a", "b"))
        with socket.create_connection((url.hostname, url.port), timeout=PATIENCE) as connection:
            connection.sendall(b"GET /1.3/zone HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer ucat_x\r\n\r\n")
            eventually(lambda: not httpx.get(f"{url_of(lines)}/_simulator/faults", auth=("a", "b")).json()[0]["times"])
            process.terminate()
            output, errors = process.communicate(timeout=PATIENCE)
            assert connection.recv(1) == b""
        assert (process.returncode, output, errors) == (0, "", "")


def test_running_user_data_without_credentials_creates_a_token() -> None:
    with started("--port", "0", "--run-user-data") as (_, lines):
        assert re.fullmatch(r"token ucat_\S{20,}", lines[0])
        url = f"{url_of(lines)}/1.3/account"
        assert httpx.get(url, headers={"Authorization": f"Bearer {lines[0].split()[1]}"}).status_code == 200
        assert httpx.get(url, auth=("any", "thing")).status_code == 401


@pytest.mark.parametrize("number", ENDS)
def test_the_simulator_prints_its_url_and_at_a_signal_saves_its_state_and_ends_cleanly(
    tmp_path: Path, number: signal.Signals
) -> None:
    file = tmp_path / "state.json"
    with started("--port", "0", "--boot-seconds", "0", "--state", str(file)) as (process, lines):
        assert len(lines) == 1
        assert re.fullmatch(r"listening on http://127\.0\.0\.1:\d+", lines[0])
        answer = httpx.post(f"{url_of(lines)}/1.3/server", json=server_request(), auth=("a", "b"))
        process.send_signal(number)
        output, errors = process.communicate(timeout=PATIENCE)
        assert (process.returncode, output, errors) == (0, "", "")
    assert file.stat().st_mode & 0o077 == 0
    saved = Simulator()
    saved.load(file)
    assert list(saved.servers) == [answer.json()["server"]["uuid"]]


def test_a_saved_state_is_loaded_at_the_start(tmp_path: Path) -> None:
    file = tmp_path / "state.json"
    Simulator(username="me", password="secret").save(file)
    with started("--port", "0", "--state", str(file)) as (_, lines):
        account = httpx.get(f"{url_of(lines)}/1.3/account", auth=("me", "any")).json()["account"]
        assert account["username"] == "me"


def test_the_clock_can_be_moved_from_outside() -> None:
    with started("--port", "0", "--clock", "manual", "--boot-seconds", "30") as (_, lines):
        url = url_of(lines)
        with httpx.Client(auth=("a", "b")) as client:
            uuid = client.post(f"{url}/1.3/server", json=server_request()).json()["server"]["uuid"]
            assert client.get(f"{url}/1.3/server/{uuid}").json()["server"]["state"] == "maintenance"
            client.post(f"{url}/_simulator/clock", json={"advance": 30})
            assert client.get(f"{url}/1.3/server/{uuid}").json()["server"]["state"] == "started"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--port", "http"], "argument --port: http is not a port from 0 to 65535"),
        (["--boot-seconds", "-1"], "argument --boot-seconds: -1 is not a number of seconds, 0 or more"),
        (["--username", "me"], "give both --username and --password"),
        (["--download", "disk.raw"], "argument --download: URL=FILE is expected"),
        (["--download", "https://example.com/a=/nowhere"], "--download: /nowhere cannot be read"),
        (["--clock", "fast"], '--clock must be "real", "manual" or a factor greater than 0, not "fast"'),
        (["--state", "/nowhere/at/all.json"], "--state: there is no folder /nowhere/at"),
        (["--guests", "lxc"], "argument --guests: invalid choice: 'lxc'"),
        (["--guests", "vm", "--run-user-data"], "--run-user-data means --guests process"),
        (["--guest-port", "9989"], "--guest-port needs --guests vm"),
        (["--colour"], "unrecognized arguments: --colour"),
    ],
)
def test_the_error_for_a_bad_argument_is_one_sentence(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    said = refusal_of(arguments, capsys)
    assert said.startswith(f"upcloud_sdk.simulator: {sentence}")
    assert len(said.splitlines()) == 1


def test_the_error_for_a_taken_port_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        done = subprocess.run(
            [*COMMAND, "--port", str(port)], capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    assert done.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}" in done.stderr
    assert "--port" in done.stderr


@pytest.mark.parametrize("text", ['{"servers": 3}', '{"name": "a-package", "version": "1.0.0"}'])
def test_a_file_that_is_no_state_is_refused_and_not_changed(
    tmp_path: Path, text: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "state.json"
    file.write_text(text)
    assert "cannot be loaded" in refusal_of(["--port", "0", "--state", str(file)], capsys)
    assert file.read_text() == text


@pytest.mark.skipif(sys.platform != "linux", reason=OTHER_THAN_LINUX)
def test_a_state_that_cannot_be_saved_is_refused_at_the_start(capsys: pytest.CaptureFixture[str]) -> None:
    said = refusal_of(["--port", "0", "--state", "/proc/state.json"], capsys)
    assert said.startswith("upcloud_sdk.simulator: the state cannot be saved to /proc/state.json: ")


@pytest.mark.skipif(sys.platform != "linux", reason=OTHER_THAN_LINUX)
def test_a_disk_that_is_full_at_the_end_leaves_the_state_of_the_start(tmp_path: Path) -> None:
    assert sys.platform == "linux"
    file = tmp_path / "state.json"
    with started("--port", "0", "--state", str(file)) as (process, _):
        old = file.read_text()
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (10, 10))
        process.terminate()
        _, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 2
    assert errors == f"upcloud_sdk.simulator: the state cannot be saved to {file}: File too large\n"
    assert file.read_text() == old
    assert [each.name for each in tmp_path.iterdir()] == ["state.json"]


def test_the_error_for_a_missing_qemu_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", "")
    said = refusal_of(["--guests", "vm", "--token", "ucat_x", "--guest-images", "/nowhere"], capsys)
    assert said.startswith("upcloud_sdk.simulator: guests of the kind vm need ")
    assert len(said.splitlines()) == 1
