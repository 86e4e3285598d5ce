"""`python -m upcloud_sdk.buildbot replay` reads the builds of a Buildbot."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING

import pytest

from tests.buildbot.master.test_costs import CONFIGURATION
from tests.buildbot.processes import MasterProcess, eventually
from tests.buildbot.storm import BOOTSTRAP
from tests.replay.test_command import OWN, row_of, web
from upcloud_sdk.buildbot.__main__ import main
from upcloud_sdk.buildbot.master.record import url_in
from upcloud_sdk.ci import BuildChange, Phase, Record, ServerChange
from upcloud_sdk.simulator import Simulator

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def builds_every_1000_s(n: int) -> list[dict[str, int]]:
    return [
        {"buildid": each, "builderid": 1, "started_at": 1000 * each, "complete_at": 1000 * each + 60}
        for each in range(n)
    ]


def test_a_buildbot_is_asked_page_by_page(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("upcloud_sdk.buildbot.replay._PAGE", 2)
    builds = builds_every_1000_s(5)

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        if path == "/ci/api/v2/builders":
            return json.dumps({"builders": [{"builderid": 1, "name": "linux"}]}).encode()
        assert path == "/ci/api/v2/builds"
        assert query["order"] == ["-buildid"]
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        return json.dumps({"builds": builds[::-1][offset : offset + limit]}).encode()

    with web(answer) as url:
        assert main(["replay", f"{url}/ci/"]) == 0
        assert "5 builds" in capsys.readouterr().out
        assert main(["replay", f"{url}/ci/api/v2", "--last", "3"]) == 0
        assert "3 builds" in capsys.readouterr().out


def test_the_record_of_a_master_is_read_without_the_boots_of_its_servers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    asked = datetime(2026, 11, 30, 12, tzinfo=UTC)
    record = Record(url_in(tmp_path))
    record.tell(ServerChange(id="one", at=asked, phase=Phase.ASKED))
    record.tell(ServerChange(id="one", at=asked + timedelta(minutes=1), phase=Phase.ATTACHED))
    for number, begins in enumerate((0, 10, 20)):
        began = asked + timedelta(minutes=begins)
        record.tell(BuildChange(server="one", build=str(number), at=began, began=began, builder="linux"))
        if number < 2:
            ended = began + timedelta(minutes=6)
            record.tell(BuildChange(server="one", build=str(number), at=ended, ended=ended))
    assert record.close(30)
    config = tmp_path / "master.cfg"
    config.write_text(CONFIGURATION.format(url="http://127.0.0.1:9"), encoding="utf-8")
    assert main(["replay", str(config)]) == 0
    # The first build ran for 5 minutes, the second for 6; the third has not ended.
    assert "2 builds, 1 at once at most" in (text := " ".join(capsys.readouterr().out.split()))
    assert row_of(text, "destroy after each build")
    assert main(["replay", str(config), "--last", "1"]) == 0
    assert "1 builds" in capsys.readouterr().out


def test_a_master_without_a_record_is_refused_with_a_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "master.cfg"
    config.write_text(CONFIGURATION.format(url="http://127.0.0.1:9"), encoding="utf-8")
    assert main(["replay", str(config)]) == 2
    assert "there is no record" in capsys.readouterr().err


@pytest.mark.parametrize(
    "builds",
    [
        b"[" * 100_000,
        b'{"builds": [{"buildid": 1, "builderid": 1, "started_at": 1' + b"0" * 400 + b', "complete_at": 2}]}',
        b'{"builds": [{"buildid": 1, "builderid": 1, "started_at": 1, "complete_at": 1e400}]}',
        b'{"builds": [{"buildid": [], "builderid": {}, "started_at": NaN, "complete_at": "x"}]}',
        b'{"builds": {"buildid": 1}}',
        b'{"builds": 1' + b"0" * 9000 + b"}",
        b"[]",
        b"",
    ],
)
def test_an_odd_answer_of_a_buildbot_is_refused_with_a_sentence(
    builds: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with web(lambda path, query: b'{"builders": []}' if path.endswith("builders") else builds) as url:
        assert main(["replay", url]) == 2
    error = capsys.readouterr().err
    assert "REST API" in error or "the duration of inf seconds" in error
    assert len(error) < 1500


def test_a_build_that_moves_to_the_next_page_counts_once(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.buildbot.replay._PAGE", 2)
    builds = builds_every_1000_s(4)

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        if path.endswith("builders"):
            return b'{"builders": []}'
        offset, limit = int(query["offset"][0]), int(query["limit"][0])
        if offset == 2:
            builds.append({**builds[0], "buildid": 9})
        return json.dumps({"builds": builds[::-1][offset : offset + limit]}).encode()

    with web(answer) as url:
        assert main(["replay", url]) == 0
    assert "4 builds" in capsys.readouterr().out


def test_pages_may_be_shorter_than_requested(capsys: pytest.CaptureFixture[str]) -> None:
    builds = builds_every_1000_s(5)

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        offset = int(query["offset"][0])
        key, rows = ("builders", []) if path.endswith("builders") else ("builds", builds)
        return json.dumps({key: rows[offset : offset + 2]}).encode()

    with web(answer) as url:
        assert main(["replay", url]) == 0
    assert "5 builds" in capsys.readouterr().out


def test_an_api_that_repeats_its_first_page_is_read_once(capsys: pytest.CaptureFixture[str]) -> None:
    builds = builds_every_1000_s(5)

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        return b'{"builders": []}' if path.endswith("builders") else json.dumps({"builds": builds}).encode()

    with web(answer) as url:
        assert main(["replay", url]) == 0
    assert "5 builds" in capsys.readouterr().out


def test_a_real_master_is_asked_over_its_rest_api(
    master_process: Callable[..., MasterProcess], capsys: pytest.CaptureFixture[str]
) -> None:
    cloud = Simulator(
        boot_seconds=0.1,
        stop_seconds=0.1,
        guests="process",
        username="user",
        password="secret-password",
    )
    with cloud.serve() as url:
        master = master_process(url, {"bot": {"bootstrap": BOOTSTRAP}})
        master.start()
        for _ in range(2):
            eventually("the end of a build", partial(master.results, master.force("bot")))
        assert main(["replay", master.web]) == 0
        master.terminate(within=30)
    text = capsys.readouterr().out
    assert "2 builds" in text
    assert row_of(text, "destroy after each build")[1] == "2"


@pytest.mark.parametrize("page", [b"<html>", b'{"builds": null}', b'{"builds": 1}', b'{"builds": [1]}', b"[]"])
def test_the_error_for_an_address_without_buildbot_is_one_sentence(
    page: bytes, capsys: pytest.CaptureFixture[str]
) -> None:
    with web(lambda path, query: page) as url:
        assert main(["replay", url]) == 2
    assert "does not answer as Buildbot's REST API does" in capsys.readouterr().err


def test_a_csv_is_read_from_a_file_or_from_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    with web(lambda path, query: OWN.read_bytes()) as url:
        assert [main(["replay", source]) for source in (str(OWN), f"{url}/builds.csv")] == [0, 0]
    assert capsys.readouterr().out.count("1,038 builds") == 2
