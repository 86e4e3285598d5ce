"""`python -m upcloud_sdk.buildbot check`: its output and exit status."""

from __future__ import annotations

import re
import socket
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import TYPE_CHECKING

import pytest

from upcloud_sdk.buildbot.__main__ import main
from upcloud_sdk.buildbot.check.master_address import reachable
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

TOKEN = "ucat_canary_of_the_check"
CONFIG = """
import re
from buildbot.plugins import schedulers, secrets, util
from upcloud_sdk.buildbot import Bootstrap, UpcloudLatentWorker, upcloud_workers
URL = {url!r}
GOOD = dict(api_token=util.Secret("token"), base_url=URL, masterFQDN="localhost")
GOOD["image"] = "Debian GNU/Linux 12 (Bookworm)"
c = BuildmasterConfig = {{
    "workers": [{workers}],
    "builders": [util.BuilderConfig(name="b", workernames=["w"], factory=util.BuildFactory())],
    "schedulers": [schedulers.ForceScheduler(name="f", builderNames=["b"])],
    "protocols": {{"pb": {{"port": {pb_port!r}}}}},
    "secretsProviders": [secrets.SecretInAFile(dirname="secrets")],
    "buildbotNetUsageData": None,
}}
"""


class Checked:
    """The output of the command, by question."""

    def __init__(self, status: int, text: str) -> None:
        self.status, self.text = status, text
        cells = [[cell.strip() for cell in line.split("│")[1:-1]] for line in text.splitlines() if "│" in line]
        self.answers: dict[str, tuple[str, str]] = {}
        last = ""
        for _, question, mark, answer in cells:
            last = question or last
            before = self.answers.get(last, (mark, ""))
            self.answers[last] = (before[0], f"{before[1]} {answer}".strip())


class Checker:
    def __init__(self, folder: Path, url: str, printed: pytest.CaptureFixture[str]) -> None:
        self._folder, self._url, self._printed = folder, url, printed
        (folder / "secrets").mkdir()
        secret = folder / "secrets" / "token"
        secret.write_text(TOKEN)
        secret.chmod(0o600)

    def run(self, workers: str, pb_port: str = "tcp:9989") -> Checked:
        config = self._folder / "master.cfg"
        config.write_text(CONFIG.format(url=self._url, workers=workers, pb_port=pb_port))
        status = main(["check", str(config)])
        out, err = self._printed.readouterr()
        return Checked(status, out + err)


@pytest.fixture
def simulator() -> Iterator[tuple[Simulator, str]]:
    sim = Simulator(token=TOKEN)
    with sim.serve() as url:
        yield sim, url


@pytest.fixture
def checker(simulator: tuple[Simulator, str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Checker:
    return Checker(tmp_path, simulator[1], capsys)


def test_a_worker_that_can_work_is_told_what_it_costs_and_nothing_is_changed(
    checker: Checker, simulator: tuple[Simulator, str]
) -> None:
    checked = checker.run('UpcloudLatentWorker("w", zone="fi-hel1", hostconfig={"plan": "1xCPU-2GB"}, **GOOD)')
    assert checked.status == 0, checked.text
    assert {mark for mark, _ in checked.answers.values()} == {"yes"}
    assert re.search(r"\d+\.\d+ [A-Z]{3} an hour", checked.answers["cost"][1])
    assert {each.method for each in simulator[0].requests} == {"GET"}


def test_a_secret_is_looked_up_and_never_shown(checker: Checker) -> None:
    checked = checker.run('UpcloudLatentWorker("w", **GOOD)')
    assert checked.answers["credentials"][0] == "yes"
    assert TOKEN not in checked.text


def test_a_missing_secret_is_named(checker: Checker) -> None:
    checked = checker.run('UpcloudLatentWorker("w", **(GOOD | {"api_token": util.Secret("nope")}))')
    assert checked.status == 1, checked.text
    assert "api_token cannot be rendered" in checked.answers["configuration"][1]
    assert "nope" in checked.answers["configuration"][1]
    assert checked.answers["credentials"][0] == "?"
    assert checked.answers["master"][0] == "yes"


def test_arguments_that_depend_on_the_build_are_not_checked(checker: Checker) -> None:
    image = 'GOOD | {"image": util.Interpolate("Debian %(prop:version)s")}'
    checked = checker.run(f'UpcloudLatentWorker("w", **({image}))')
    assert checked.status == 0, checked.text
    assert checked.answers["image"] == ("?", "each build decides")


@pytest.mark.parametrize(
    ("change", "question", "answer"),
    [
        ('{"image": "Debian GNU/Linux 12"}', "image", "did you mean 'Debian GNU/Linux 12 (Bookworm)'"),
        ('{"zone": "fi-hel9"}', "place", "no zone 'fi-hel9'"),
        ('{"plans": ["1xCPU-1GB", "nope"]}', "place", "no plan 'nope'"),
        ('{"hostconfig": {"os_disk_size": 5}}', "server", "needs 10 GB"),
        ('{"api_token": "ucat_wrong"}', "credentials", "is the token or password right"),
        ('{"masterFQDN": "no.such.host.invalid"}', "master", "has no address"),
    ],
)
def test_each_problem_is_named(checker: Checker, change: str, question: str, answer: str) -> None:
    checked = checker.run(f'UpcloudLatentWorker("w", **(GOOD | {change}))')
    assert checked.status == 1, checked.text
    assert checked.answers[question][0] == "no"
    assert answer in checked.answers[question][1]


@pytest.mark.parametrize("endpoint", ["tcp:{}:interface=127.0.0.1", "tcp:port={}", "{}"])
def test_the_check_says_whether_the_masters_port_answers(checker: Checker, endpoint: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        checked = checker.run('UpcloudLatentWorker("w", **GOOD)', endpoint.format(port))
        assert f"; port {port} answers" in checked.answers["master"][1]
        proxy = f'UpcloudLatentWorker("w", **(GOOD | dict(masterFQDN="localhost:{port}")))'
        assert f"; port {port} answers" in checker.run(proxy).answers["master"][1]
    with socket.socket() as held:  # so that no other process listens there
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        held.bind(("127.0.0.1", port))
        checked = checker.run('UpcloudLatentWorker("w", **GOOD)', endpoint.format(port))
    assert checked.status == 0, checked.text
    assert f"; port {port} does not answer from here, which is right if" in checked.answers["master"][1]


def test_limits_are_not_checked_for_workers_whose_plan_is_not_known(checker: Checker) -> None:
    checked = checker.run('UpcloudLatentWorker("w", plans=["nope"], **GOOD)')
    assert checked.answers["limits"] == ("?", "no plan is known")


IN_TLS = "ssl:9989:privateKey=key.pem:certKey=cert.pem"


@pytest.mark.parametrize(
    ("bootstrap", "pb_port", "answer"),
    [
        ("None", IN_TLS, "connection='tcp', but the port for 'pb' is in TLS"),
        ("'venv'", IN_TLS, "connection='tcp', but the port for 'pb' is in TLS"),
        ("Bootstrap(connection='tls')", "tcp:9989", "connection='tls', but the port for 'pb' is not in TLS"),
        ("Bootstrap(connection='wss')", IN_TLS, "c['protocols'] has no port for 'msgpack_experimental_v7'"),
    ],
)
def test_a_guest_with_another_protocol_than_its_master_is_named(
    checker: Checker, bootstrap: str, pb_port: str, answer: str
) -> None:
    checked = checker.run(f'UpcloudLatentWorker("w", bootstrap={bootstrap}, **GOOD)', pb_port)
    assert checked.status == 1, checked.text
    assert answer in checked.answers["master"][1]


@pytest.mark.parametrize(
    ("arguments", "pb_port"),
    [
        ("bootstrap=Bootstrap(connection='tls')", IN_TLS),
        ("bootstrap='a document of my own'", IN_TLS),
        ("hostconfig={'user_data': 'a document of my own'}", IN_TLS),
        ("bootstrap=Bootstrap(connection='wss'), masterFQDN='localhost:443'", "tcp:9989"),
    ],
)
def test_a_guest_with_the_protocol_of_its_master_or_proxy_passes(
    checker: Checker, arguments: str, pb_port: str
) -> None:
    checked = checker.run(f'UpcloudLatentWorker("w", **(GOOD | dict({arguments})))', pb_port)
    assert checked.answers["master"][0] == "yes", checked.text


def test_a_limit_of_the_account_that_is_too_small_is_named(checker: Checker, simulator: tuple[Simulator, str]) -> None:
    simulator[0].account.resource_limits["cores"] = 3
    checked = checker.run('*upcloud_workers(4, "w", **GOOD), UpcloudLatentWorker("w", **GOOD)')
    assert checked.status == 1, checked.text
    assert "5 cores wanted at once, but 3 of 3 cores are free" in checked.answers["limits"][1]


def test_limits_are_checked_for_at_most_max_servers(checker: Checker, simulator: tuple[Simulator, str]) -> None:
    simulator[0].account.resource_limits["cores"] = 3
    checked = checker.run('*upcloud_workers(4, "w", max_servers=3, **GOOD), UpcloudLatentWorker("w", **GOOD)')
    assert "4 cores wanted at once, but 3 of 3 cores are free" in checked.answers["limits"][1]
    checked = checker.run('*upcloud_workers(4, "v", max_servers=2, **GOOD), UpcloudLatentWorker("w", **GOOD)')
    assert checked.status == 0, checked.text
    assert checked.answers["limits"] == ("yes", "room for 3 servers at once")


PUBLIC, HOME, LOOPBACK = map(ip_address, ("203.0.114.7", "10.0.0.7", "127.0.1.1"))


@pytest.mark.parametrize(
    ("address", "networks", "is_reachable"),
    [
        (PUBLIC, None, True),
        (PUBLIC, ["public-ipv6"], True),
        (HOME, None, False),
        (HOME, ["public", "public-ipv6"], False),
        (HOME, ["03000000-0000-4000-8000-000000000001"], True),
        (LOOPBACK, None, False),
        (LOOPBACK, ["utility"], False),
    ],
)
def test_the_check_says_whether_guests_can_reach_the_master(
    address: IPv4Address | IPv6Address, networks: list[str] | None, is_reachable: bool
) -> None:
    assert reachable("ci.example.com", {address}, networks, None)[0] is is_reachable


def test_an_address_of_this_machine_is_one_for_simulated_servers() -> None:
    assert reachable("localhost", {LOOPBACK}, None, "http://127.0.0.1:8080")[0]


def test_a_master_on_this_machine_is_one_for_servers_of_a_simulator_that_the_environment_names(
    checker: Checker, simulator: tuple[Simulator, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", simulator[1])
    checked = checker.run('UpcloudLatentWorker("w", **(GOOD | {"base_url": None, "masterFQDN": "127.0.0.1"}))')
    assert checked.status == 0, checked.text
    assert "servers are simulated on this machine" in checked.answers["master"][1]


def test_a_file_that_buildbot_does_not_take_is_reported_as_buildbot_does(checker: Checker) -> None:
    checked = checker.run('UpcloudLatentWorker("w", zne="fi-hel1", **GOOD)')
    assert checked.status == 2
    assert "did you mean 'zone'" in checked.text
    assert "Traceback" not in checked.text


def test_a_file_without_upcloud_workers_says_so(checker: Checker) -> None:
    checked = checker.run("__import__('buildbot.plugins').plugins.worker.LocalWorker('w')")
    assert checked.status == 2
    assert "no UpcloudLatentWorker" in checked.text


def test_a_budget_is_told_as_servers_and_hours(checker: Checker) -> None:
    budget = "__import__('upcloud_sdk.buildbot').buildbot.Budget(per_hour=0.05, per_month=10)"
    checked = checker.run(f'UpcloudLatentWorker("w", budget={budget}, **GOOD)')
    assert checked.answers["budget"][0] == "yes"
    assert re.search(r"room for \d+ servers at once, \d+ hours a month", checked.answers["budget"][1])


def test_a_budget_that_no_server_fits_is_told(checker: Checker) -> None:
    budget = "__import__('upcloud_sdk.buildbot').buildbot.Budget(per_hour=0.001)"
    checked = checker.run(f'UpcloudLatentWorker("w", budget={budget}, **GOOD)')
    assert checked.status == 1
    assert "per_hour=0.001 is less than an hour of one server" in checked.answers["budget"][1]


def test_a_standby_is_told_with_its_price_a_month(checker: Checker) -> None:
    """Five days of eleven hours, and an average month has 4.35 weeks."""
    standby = "__import__('upcloud_sdk.buildbot').buildbot.Standby(workers=['w', 'v'], start='07:45', end='18:00')"
    checked = checker.run(f'UpcloudLatentWorker("w", standby={standby}, **GOOD)')
    assert re.search(r"2 servers, 478 hours a month: 3\.5[0-9] EUR", checked.answers["standby"][1])
