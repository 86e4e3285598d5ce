"""The simulator behind a real socket."""

from __future__ import annotations

import socket
import subprocess
import sys
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests.simulator.documents import refusal, server_request
from tests.simulator.patience import eventually
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(sim: Simulator) -> Iterator[httpx.Client]:
    with sim.serve() as url, httpx.Client(base_url=f"{url}/1.3", auth=("user", "password")) as client:
        yield client


def test_connections_are_kept_alive(client: httpx.Client) -> None:
    target = urlsplit(str(client.base_url))
    request = f"GET /1.3/zone HTTP/1.1\r\nHost: {target.netloc}\r\nAuthorization: Bearer ucat_x\r\n\r\n".encode()
    with socket.create_connection((target.hostname, target.port), timeout=60) as connection:
        for _ in range(3):
            connection.sendall(request)
            answer = b""
            while b'"us-sjo1"' not in answer:
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 200 ")


def test_the_date_header_has_the_time_of_the_clock(client: httpx.Client, clock: ManualClock) -> None:
    clock.advance(90)
    answer = client.get("/zone")
    assert answer.headers["date"] == "Thu, 01 Jan 2026 00:01:30 GMT"
    assert answer.headers["content-type"] == "application/json; charset=UTF-8"


def test_a_204_has_no_body_and_no_content_type(client: httpx.Client) -> None:
    answer = client.post("/storage/01000000-0000-4000-8000-000020070100/favorite")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers


def test_a_fault_can_close_the_connection(client: httpx.Client, sim: Simulator) -> None:
    sim.fail("POST /server", drop=True, after_effect=True)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.post("/server", json=server_request())
    assert len(sim.servers) == 1
    assert client.get("/zone").status_code == 200


def test_a_fault_can_cut_the_body(client: httpx.Client, sim: Simulator) -> None:
    sim.fail("GET /zone", truncate=10)
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError)):
        client.get("/zone")
    assert client.get("/zone").status_code == 200


def test_nothing_waits_for_a_client_that_has_given_up(client: httpx.Client, sim: Simulator) -> None:
    """The server ends at once at the end of the test, although the answer would never come."""
    sim.fail("GET /zone", timeout=True)
    with pytest.raises(httpx.ReadTimeout):
        client.get("/zone", timeout=0.1)
    eventually(lambda: not any(fault.times for fault in sim.faults))
    assert client.get("/zone").status_code == 200


def test_a_server_starts_without_further_requests() -> None:
    with Simulator(boot_seconds=0.05) as sim, sim.serve() as url:
        answer = httpx.post(f"{url}/1.3/server", json=server_request(), auth=("a", "b"))
        server = sim.servers[answer.json()["server"]["uuid"]]
        eventually(lambda: server.state == "started")


def test_a_simulator_can_be_served_again() -> None:
    sim = Simulator()
    for _ in range(2):
        with sim.serve() as url:
            assert httpx.get(f"{url}/1.3/zone", auth=("a", "b")).status_code == 200


def test_the_simulator_imports_no_http_server_until_it_is_served() -> None:
    code = "import sys, upcloud_sdk.simulator; print({'starlette', 'uvicorn'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"


def test_another_version_is_refused(client: httpx.Client) -> None:
    url = str(client.base_url).replace("/1.3", "/9.9")
    assert refusal(client.get(f"{url}zone")) == (400, "API_VERSION_INVALID")


class TestGuarded:
    """If guests run code, requests that a web page in a browser could send are refused."""

    @pytest.fixture
    def guarded(self, sim: Simulator) -> Iterator[str]:
        with sim.serve(guarded=True) as url:
            yield url

    def test_a_foreign_host_name_is_refused(self, guarded: str) -> None:
        answer = httpx.get(f"{guarded}/1.3/zone", auth=("a", "b"), headers={"Host": "evil.example.com"})
        assert refusal(answer) == (403, "ACTION_FORBIDDEN")

    @pytest.mark.parametrize("name", ["localhost:{port}", "127.0.0.1:{port}", "127.0.0.1", "[::1]:{port}"])
    def test_loopback_host_names_are_accepted(self, guarded: str, name: str) -> None:
        host = name.format(port=urlsplit(guarded).port)
        assert httpx.get(f"{guarded}/1.3/zone", auth=("a", "b"), headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", None])
    def test_a_body_that_a_form_could_send_is_refused(self, guarded: str, kind: str | None) -> None:
        headers = {} if kind is None else {"Content-Type": kind}
        answer = httpx.post(f"{guarded}/1.3/server", content=b"{}", auth=("a", "b"), headers=headers)
        assert refusal(answer) == (400, "INVALID_REQUEST")

    def test_the_control_api_needs_a_credential_too(self, guarded: str) -> None:
        assert refusal(httpx.get(f"{guarded}/_simulator/state")) == (401, "AUTHENTICATION_FAILED")

    def test_json_with_a_charset_is_accepted(self, guarded: str) -> None:
        headers = {"Content-Type": "application/json; charset=utf-8"}
        answer = httpx.post(f"{guarded}/1.3/server", content=b"{}", auth=("a", "b"), headers=headers)
        assert answer.json()["error"]["error_code"] == "INVALID_REQUEST"
        assert "no server" in answer.json()["error"]["error_message"]
