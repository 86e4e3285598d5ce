"""The command that replays builds, without Buildbot."""

from __future__ import annotations

import argparse
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit
from xml.etree import ElementTree as ET

import pytest

from upcloud_sdk.replay.command import add_arguments, run

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

ROOT = Path(__file__).parents[2]
OWN = ROOT / "examples" / "buildbot" / "builds.csv"


def replay(*arguments: str) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args(arguments))


def row_of(text: str, policy: str) -> list[str]:
    [line] = [line for line in text.splitlines() if policy in line]
    return [cell.strip() for cell in line.split("│")[1:-1]]


def test_the_table_compares_policies(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(str(OWN), "--patience", "0,300", "--price", "0.5", "--currency", "EUR") == 0
    text = capsys.readouterr().out
    each, hour = row_of(text, "destroy after each build"), row_of(text, "paid hour, warm first  ")
    assert each[1] == "1,041"
    assert each[-1] == "520.50"
    assert float(hour[2]) <= 1.10
    assert hour[6] == "0 s"
    assert row_of(text, "patience 300 s")[2].endswith("*")
    assert "1,038 builds, 12 at once at most. Without any wait: 440 hours at least." in text


def test_the_picture_is_an_svg(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "replay.svg"
    assert replay(str(OWN), "--picture", str(file)) == 0
    texts = [element.text for element in ET.fromstring(file.read_text(encoding="utf-8")).iter() if element.text]
    assert "fewest if no build waits: 440 h" in texts


def month() -> Path | None:
    found = (folder / "shared" / "traces" / "linkerd2-2020.csv" for folder in Path(__file__).resolve().parents)
    return next((file for file in found if file.exists()), None)


@pytest.mark.skipif(
    month() is None, reason="wants a month of real builds, ../shared/traces: `make test` runs it where that is"
)
def test_a_month_of_real_builds_costs_what_was_computed(capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(str(month())) == 0
    text = capsys.readouterr().out
    assert row_of(text, "destroy after each build")[1] == "9,186"
    assert "9,184 builds, 34 at once at most. Without any wait: 2,719 hours at least." in text
    assert float(row_of(text, "paid hour, warm first")[2]) <= 1.10


@contextmanager
def web(answer: Callable[[str, dict[str, list[str]]], bytes], status: int = 200) -> Generator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            address = urlsplit(self.path)
            self.send_response(status)
            self.end_headers()
            self.wfile.write(answer(address.path, parse_qs(address.query)))

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def test_policies_of_too_few_workers_are_compared_with_the_busy_hours(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "builds.csv"
    file.write_text("start,seconds\n" + "0,600\n" * 12)
    assert replay(str(file), "--workers", "2") == 0
    assert row_of(capsys.readouterr().out, "paid hour, warm first")[2].endswith("*")


def test_a_picture_that_cannot_be_written_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(str(OWN), "--picture", str(tmp_path / "none" / "replay.svg")) == 2
    assert "replay.svg: [Errno 2]" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["ci.example.com:8010"], "ci.example.com:8010: no such file; an address begins with http:// or https://"),
        ([str(OWN), "--margin", "4000"], "--margin 4000: margin is a number of seconds from 0 to below 3600"),
    ],
)
def test_input_that_cannot_be_replayed_is_named(
    arguments: list[str], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert replay(*arguments) == 2
    assert problem in capsys.readouterr().err


@pytest.mark.parametrize("price", ["nan", "inf", "-1", "much"])
def test_a_price_that_is_no_amount_is_refused(price: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        replay(str(OWN), f"--price={price}")
    assert "argument --price" in capsys.readouterr().err


def test_a_csv_may_be_at_an_address(capsys: pytest.CaptureFixture[str]) -> None:
    with web(lambda path, query: OWN.read_bytes()) as url:
        assert replay(f"{url}/builds.csv") == 0
    assert "1,038 builds" in capsys.readouterr().out


def test_the_error_for_a_refused_address_is_one_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    with web(lambda path, query: b"no", status=404) as url:
        assert replay(url) == 2
    assert capsys.readouterr().err == f"{url}: HTTP Error 404: Not Found\n"


@pytest.mark.parametrize(
    ("content", "options", "reason"),
    [
        (b"start,seconds\n1,x\n", [], "line 2: 'x' is not a duration in seconds"),
        (b"\xff\xfe", [], "it is not text in UTF-8"),
        (b"start,seconds\n" + b"1" * 400 + b",1\n", [], "is neither seconds nor an ISO time"),
        (b"start,seconds\n0001-01-01T00:00+23:59,1\n", [], "is later than the year 3000 or long before 1970"),
        (b"start,seconds\n-1e300,1\n", [], "is later than the year 3000 or long before 1970"),
        (b"start,seconds\n" + b"x" * 9000 + b",1\n", [], "x ..."),
        (b"start,sec\x00onds\n1,1\n", [], r"found start, sec\x00onds"),
        (b'"' + b"x" * 200_000, [], "line 1: field larger than field limit"),
        (b"start,seconds\n1,1\n", ["--margin", "3600"], "margin is a number of seconds from 0 to below 3600"),
        (b"start,seconds\n1,1\n", ["--workers", "0"], "--workers 0: give 1 or more"),
    ],
)
def test_the_error_for_bad_input_is_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, options: list[str], reason: str
) -> None:
    file = tmp_path / "builds.csv"
    file.write_bytes(content)
    assert replay(str(file), *options) == 2
    assert reason in capsys.readouterr().err


def test_a_missing_file_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert replay(str(tmp_path / "none.csv")) == 2
    assert "none.csv" in capsys.readouterr().err


def test_a_file_that_is_too_large_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.replay.source._MOST_BYTES", 1_000_000)
    file = tmp_path / "builds.csv"
    file.write_bytes(b"start,seconds\n" * 100_000)
    assert replay(str(file)) == 2
    assert "it has more than 1 MB: give a part of the builds" in capsys.readouterr().err


def test_an_answer_that_is_too_large_is_not_read_to_its_end(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.replay.source._MOST_BYTES", 1_000_000)
    with web(lambda path, query: b"start,seconds\n" * 100_000) as url:
        assert replay(f"{url}/builds.csv") == 2
    assert "it has more than 1 MB" in capsys.readouterr().err


def test_an_answer_that_does_not_end_is_given_up_at_the_deadline(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("upcloud_sdk.replay.source._DEADLINE", 0.3)
    given_up = threading.Event()

    def answer(path: str, query: dict[str, list[str]]) -> bytes:
        given_up.wait(60)
        return b""

    with web(answer) as url:
        assert replay(url) == 2
        given_up.set()
    assert "was not read completely within 0.3 s" in capsys.readouterr().err
