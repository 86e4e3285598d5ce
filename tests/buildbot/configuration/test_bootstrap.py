"""The cloud-init document that the worker writes."""

from __future__ import annotations

import contextlib
import json
import math
import shutil
import socket
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from pydantic import SecretStr

from tests.buildbot.processes import PATIENCE
from upcloud_sdk.buildbot import Bootstrap
from upcloud_sdk.buildbot.configuration.bootstrap import Connection, Guest

if TYPE_CHECKING:
    from collections.abc import Generator

PASSWORD = 'it\'s "quoted" \\ and %s {braces}'
GUEST = Guest(name="linux-1", password=SecretStr(PASSWORD), master="ci.example.com", port=9989)
TELL_DUMPABLE = "open('dumpable', 'w').write(str(ctypes.CDLL(None).prctl(3, 0, 0, 0, 0)))"
AUTHORITIES = [trustme.CA().cert_pem.bytes().decode() for _ in range(2)]
ALL = [
    Bootstrap(),
    Bootstrap(install="venv", requirement="buildbot-worker>=4.2", connection="tls", ca_certificate=AUTHORITIES[0]),
    Bootstrap(install="image", connection="ws", user="root"),
    Bootstrap(connection="wss", packages=["git", "make"], commands=["echo ready > /run/ready", ["touch", "/run/x"]]),
]


def document(bootstrap: Bootstrap) -> dict[str, Any]:
    text = bootstrap.document(GUEST)
    head, _, body = text.partition("\n")
    assert head == "#cloud-config"
    made: dict[str, Any] = json.loads(body)
    return made


def files(bootstrap: Bootstrap) -> dict[str, dict[str, Any]]:
    return {file["path"].rpartition("/")[2]: file for file in document(bootstrap)["write_files"]}


def worker_arguments(bootstrap: Bootstrap) -> dict[str, Any]:
    """The arguments of the worker in the guest's configuration."""
    made: dict[str, Any] = {}
    source = files(bootstrap)["buildbot.tac"]["content"]
    source = source.partition("application = ")[2].partition("\n")[2].rpartition("worker.setServiceParent")[0]

    def worker(**arguments: object) -> None:
        made.update(arguments)

    exec(source, {"Worker": worker, "password": files(bootstrap)["password"]["content"]})  # our own document
    return made


@pytest.mark.parametrize("bootstrap", ALL)
def test_the_document_is_valid_for_cloud_init(bootstrap: Bootstrap, tmp_path: Path) -> None:
    cloud_init = shutil.which("cloud-init")
    if cloud_init is None:
        pytest.skip("wants cloud-init: after `apt-get install cloud-init`, `make test` runs it")
    path = tmp_path / "user_data"
    path.write_text(bootstrap.document(GUEST), encoding="utf-8")
    checked = subprocess.run(
        [cloud_init, "schema", "--config-file", str(path)], check=False, capture_output=True, text=True
    )
    assert (checked.returncode, "Valid schema" in checked.stdout) == (0, True), checked.stdout + checked.stderr


@pytest.mark.parametrize("bootstrap", ALL)
def test_the_worker_gets_its_name_and_password_whatever_is_in_them(bootstrap: Bootstrap) -> None:
    arguments = worker_arguments(bootstrap)
    assert (arguments["name"], arguments["passwd"]) == ("linux-1", PASSWORD)


@pytest.mark.parametrize(
    ("connection", "expected"),
    [
        ("tcp", {"buildmaster_host": "ci.example.com", "port": 9989}),
        ("tls", {"connection_string": "tls:host=ci.example.com:port=9989", "port": None}),
        ("ws", {"buildmaster_host": "ci.example.com", "port": 9989, "protocol": "msgpack_experimental_v7"}),
        (
            "wss",
            {
                "connection_string": "tls:host=ci.example.com:port=9989",
                "protocol": "msgpack_experimental_v7",
                "port": None,
            },
        ),
    ],
)
def test_each_way_to_the_master_is_what_the_worker_calls_it(connection: Any, expected: dict[str, object]) -> None:  # noqa: ANN401 - a literal
    arguments = worker_arguments(Bootstrap(connection=connection))
    assert {name: arguments[name] for name in expected} == expected


@pytest.mark.parametrize("bootstrap", ALL)
def test_the_password_is_in_one_file_that_only_root_can_read(bootstrap: Bootstrap) -> None:
    """Builds run as the user of the worker, to whom its folder belongs."""
    secret = files(bootstrap)["password"]
    assert (secret["permissions"], secret.get("owner", "root")) == ("0600", "root")
    assert not secret["path"].startswith("/var/lib/upcloud-worker")
    assert f"StandardInput=file:{secret['path']}" in files(bootstrap)["upcloud-worker.service"]["content"]
    rest = document(bootstrap)
    rest["write_files"] = [file for file in rest["write_files"] if file["path"] != secret["path"]]
    assert "quoted" not in json.dumps(rest)


def test_the_worker_is_installed_from_the_chosen_source() -> None:
    assert document(Bootstrap())["packages"] == ["buildbot-worker"]
    venv = document(Bootstrap(install="venv", requirement="buildbot-worker==4.3.0"))
    assert venv["packages"] == ["python3-venv"]
    pip = ["/opt/upcloud-worker/bin/pip", "install", "--quiet", "--no-compile", "--no-cache-dir"]
    assert [*pip, "buildbot-worker==4.3.0"] in venv["runcmd"]
    assert "packages" not in document(Bootstrap(install="image"))


def test_with_tls_the_packages_that_twisted_needs_are_installed() -> None:
    for connection, is_wanted in (("tcp", False), ("tls", True), ("ws", False), ("wss", True)):
        commands = document(Bootstrap(install="venv", connection=connection))["runcmd"]  # type: ignore[arg-type]  # literals
        assert ("twisted[tls]" in str(commands)) is is_wanted


@pytest.mark.parametrize("connection", ["tls", "wss"])
def test_the_worker_trusts_the_authorities_that_it_was_given_and_no_other(connection: Any) -> None:  # noqa: ANN401 - a literal
    bootstrap = Bootstrap(connection=connection, ca_certificate="two of them\n" + "\n".join(AUTHORITIES))
    trusted = [file for file in document(bootstrap)["write_files"] if file["path"].endswith(".pem")]
    assert [file["content"] for file in trusted] == AUTHORITIES
    folder = trusted[0]["path"].rpartition("/")[0]
    assert worker_arguments(bootstrap)["connection_string"].endswith(f":port=9989:trustRoots={folder}")


@pytest.mark.parametrize("connection", ["tls", "ws", "wss"])
def test_an_address_that_the_worker_cannot_call_in_this_way_makes_no_document(connection: Any) -> None:  # noqa: ANN401 - a literal
    guest = replace(GUEST, master="[2001:db8::1]")
    assert "buildmaster_host='2001:db8::1'" in Bootstrap().document(guest)
    with pytest.raises(ValueError, match=r"masterFQDN is 2001:db8::1: .* give a name instead"):
        Bootstrap(connection=connection).document(guest)


def test_a_server_whose_worker_has_ended_switches_itself_off() -> None:
    unit = files(Bootstrap())["upcloud-worker.service"]["content"]
    assert "SuccessAction=poweroff" in unit
    assert "FailureAction=poweroff" in unit


def test_a_server_switches_itself_off_at_its_maximum_age_whatever_hangs() -> None:
    """The command itself does not hang: it runs before the units that the timer and its service would wait for."""
    (command,) = document(Bootstrap(max_age=7200))["bootcmd"]
    assert command[0] == "systemd-run"
    assert command[-3:] == ["--on-active=7200s", "systemctl", "poweroff"]
    assert set(command[1:-3]) == {"--property=DefaultDependencies=no", "--timer-property=DefaultDependencies=no"}


class Taken:
    """Replaces a master: it accepts connections and closes them at once, or when it is closed."""

    def __init__(self, *, hold: bool = False) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.accepted = threading.Event()
        self._hold, self._held = hold, list[socket.socket]()
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._held.append(connection)
                self.accepted.set()
                if not self._hold:
                    connection.close()

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._held:
            connection.close()


@contextlib.contextmanager
def worker_of(bootstrap: Bootstrap, port: int, basedir: Path, *, more: str = "") -> Generator[subprocess.Popen[bytes]]:
    """A real worker with the guest's configuration, and a fake master."""
    guest = replace(GUEST, master="127.0.0.1", port=port)
    for file in json.loads(bootstrap.document(guest).partition("\n")[2])["write_files"][:2]:
        text = file["content"].replace("/var/lib/upcloud-worker", str(basedir))
        path = basedir / Path(file["path"]).name
        path.write_text(text + more if path.suffix else text)
    command = [str(Path(sys.executable).with_name("buildbot-worker")), "start", "--nodaemon", str(basedir)]
    quiet = subprocess.DEVNULL
    with (
        basedir.joinpath("password").open() as password,
        subprocess.Popen(command, stdin=password, stdout=quiet, stderr=quiet) as process,
    ):
        try:
            yield process
        finally:
            process.kill()


@pytest.mark.parametrize("connection", ["tcp", "ws"])
def test_a_worker_ends_some_time_after_it_has_lost_its_master(connection: Connection, tmp_path: Path) -> None:
    """Connections are accepted, as by a proxy or a container's published port while the master is down."""
    taken = Taken()
    with worker_of(Bootstrap(connection=connection, lost_after=2), taken.port, tmp_path) as worker:
        assert worker.wait(PATIENCE) == 0
    assert taken.accepted.is_set()
    taken.close()


def test_a_worker_ends_if_its_master_has_never_listened(tmp_path: Path) -> None:
    taken = Taken()
    taken.close()
    with worker_of(Bootstrap(lost_after=1), taken.port, tmp_path) as worker:
        assert worker.wait(PATIENCE) == 0


def test_a_build_can_read_the_password_neither_in_the_input_nor_in_the_memory_of_the_worker(tmp_path: Path) -> None:
    """Builds run as the user of the worker."""
    taken = Taken(hold=True)
    with worker_of(Bootstrap(), taken.port, tmp_path, more=TELL_DUMPABLE) as worker:
        assert taken.accepted.wait(PATIENCE)
        assert tmp_path.joinpath("dumpable").read_text() == "0", "others may not read the memory of the process"
        opened = {each.readlink().name for each in Path(f"/proc/{worker.pid}/fd").iterdir()}
        assert "password" not in opened
        taken.close()


def test_a_worker_that_is_connected_does_not_end(tmp_path: Path) -> None:
    taken = Taken(hold=True)
    with worker_of(Bootstrap(lost_after=1), taken.port, tmp_path) as worker:
        assert taken.accepted.wait(PATIENCE)
        with pytest.raises(subprocess.TimeoutExpired):
            worker.wait(4)
        taken.close()
        assert worker.wait(PATIENCE) == 0


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"install": "pip"}, "Bootstrap.install is one of 'package', 'venv', 'image', not 'pip'"),
        ({"connection": "http"}, "Bootstrap.connection is one of"),
        *(
            ({name: value}, f"Bootstrap.{name} is a number of seconds above 0, at most 31536000")
            for name in ("lost_after", "max_age")
            for value in (0, math.inf, math.nan, "5", None, True, 366 * 86_400)
        ),
        ({"packages": "git"}, "are lists"),
        ({"commands": "true"}, "are lists"),
        ({"ca_certificate": AUTHORITIES[0]}, "is for connection='tls' or 'wss', not 'tcp'"),
        ({"connection": "tls", "ca_certificate": "ca.pem"}, "the text of a PEM file with certificates"),
        ({"connection": "tls", "ca_certificate": Path("ca.pem")}, "the text of a PEM file"),
        ({"connection": "tls", "ca_certificate": AUTHORITIES[0].replace("M", "N")}, "the text of a PEM file"),
        ({"connection": "tls", "ca_certificate": f"-----BEGIN PRIVATE KEY-----\n{AUTHORITIES[0]}"}, "a private key"),
    ],
)
def test_an_invalid_bootstrap_is_refused(arguments: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValueError, match=sentence):
        Bootstrap(**arguments)
