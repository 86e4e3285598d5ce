"""`upcloud-sdk doctor`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    import pytest

    from tests.cli.conftest import Cli


def answers(cli: Cli) -> dict[str, tuple[bool, str]]:
    return {row["question"]: (row["good"], row["answer"]) for row in json.loads(cli("doctor", "--json").stdout)}


def test_a_healthy_machine_passes_all_checks(cli: Cli) -> None:
    result = cli("doctor")
    assert result.exit_code == 0
    assert "WRONG" not in result.stdout
    assert "UPCLOUD_TOKEN" in result.stdout


def test_missing_credentials_are_reported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("UPCLOUD_TOKEN")
    assert cli("doctor").exit_code == 1
    good, answer = answers(cli)["credentials from"]
    assert not good
    assert "UPCLOUD_TOKEN" in answer


def test_the_url_of_the_api_is_shown(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    good, answer = answers(cli)["API"]
    assert good
    assert answer.startswith("http://127.0.0.1:")
    monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", "localhost:8080")
    assert cli("doctor").exit_code == 1
    good, answer = answers(cli)["API"]
    assert not good
    assert answer.startswith("UPCLOUD_DEBUG_API_BASE_URL is not")


def test_refused_credentials_are_reported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    with Simulator(token="ucat_of_another_account") as sim, sim.serve() as url:
        monkeypatch.setenv("UPCLOUD_DEBUG_API_BASE_URL", url)
        assert cli("doctor").exit_code == 1
        assert answers(cli)["account"][0] is False


def test_an_api_that_does_not_answer_is_reported(cli: Cli, sim: Simulator) -> None:
    sim.fail("GET /account", status=403, times=None)
    assert cli("doctor").exit_code == 1
    assert answers(cli)["reachable"][0] is False


def test_an_account_at_its_limit_is_reported(cli: Cli, sim: Simulator) -> None:
    sim.account.resource_limits["cores"] = 0
    assert answers(cli)["limit of cores"] == (False, "0 of 0 used by 0 servers")


def test_a_wrong_clock_is_reported(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upcloud_sdk.cli.doctor.CLOCK_OFF", -1.0)
    good, answer = answers(cli)["clock"]
    assert not good
    assert "set its clock" in answer


def test_a_proxy_is_named_without_its_password(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@proxy.example.com:3128")
    result = cli("doctor", "--json")
    assert "hunter2" not in result.output
    assert answers(cli)["proxy"] == (True, "HTTPS_PROXY: proxy.example.com:3128")


def test_a_proxy_that_is_no_url_is_reported_without_its_password(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://user:hunter2@h:notaport")
    result = cli("doctor", "--json")
    assert (result.exit_code, "hunter2" in result.output) == (1, False)
    assert answers(cli)["proxy"] == (False, "HTTPS_PROXY is not a URL such as http://proxy.example.com:3128")


def test_a_client_that_cannot_be_opened_is_a_finding(cli: Cli) -> None:
    result = cli("--owner", "x" * 300, "doctor", "--json")
    assert result.exit_code == 1
    assert json.loads(result.stdout)[-1]["question"] == "configuration"
