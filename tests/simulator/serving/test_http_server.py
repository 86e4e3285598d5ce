"""The simulator behind a real socket."""

from __future__ import annotations

import socket
import subprocess
import sys
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests.simulator.documents import refusal, server_request
from tests.simulator.patience import PATIENCE, eventually
from tests.skips import OTHER_THAN_LINUX
from upcloud_sdk.simulator import ManualClock, Simulator
from upcloud_sdk.simulator.serving import connections, http_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


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


class TestWebPages:
    """Requests that a web page in a browser could send are refused."""

    @pytest.mark.parametrize("path", ["/1.3/zone", "/_simulator/state"])
    def test_a_foreign_host_name_is_refused(self, client: httpx.Client, path: str) -> None:
        answer = client.get(client.base_url.join(path), headers={"Host": "evil.example.com"})
        assert refusal(answer) == (403, "ACTION_FORBIDDEN")

    @pytest.mark.parametrize("origin", ["http://evil.example.com", "http://localhost:1", "null"])
    def test_another_origin_is_refused(self, client: httpx.Client, sim: Simulator, origin: str) -> None:
        sim.account.credits = 7
        answer = client.post(client.base_url.join("/_simulator/reset"), headers={"Origin": origin})
        assert refusal(answer) == (403, "ACTION_FORBIDDEN")
        assert sim.account.credits == 7

    def test_its_own_origin_is_accepted(self, client: httpx.Client) -> None:
        origin = str(client.base_url.join("/")).rstrip("/")
        assert client.get("/zone", headers={"Origin": origin}).status_code == 200

    @pytest.mark.parametrize("name", ["localhost:{port}", "127.0.0.1:{port}", "127.0.0.1", "[::1]:{port}"])
    def test_loopback_host_names_are_accepted(self, client: httpx.Client, name: str) -> None:
        host = name.format(port=client.base_url.port)
        assert client.get("/zone", headers={"Host": host}).status_code == 200

    @pytest.mark.parametrize(
        ("host", "status"), [("192.0.2.7:80", 200), ("[2001:db8::1]", 200), ("cloud:8080", 200), ("evil.example", 403)]
    )
    def test_on_all_interfaces_addresses_and_named_hosts_are_accepted(
        self, sim: Simulator, host: str, status: int
    ) -> None:
        with sim.serve("0.0.0.0", hosts=["cloud"]) as url:
            port = urlsplit(url).port
            answer = httpx.get(f"http://127.0.0.1:{port}/1.3/zone", auth=("a", "b"), headers={"Host": host})
        assert answer.status_code == status

    @pytest.mark.parametrize("line", ["OPTIONS *", "CONNECT evil.example:443", "GET x"])
    def test_a_target_that_is_no_path_is_checked_like_every_other(
        self, client: httpx.Client, caplog: pytest.LogCaptureFixture, line: str
    ) -> None:
        for heads, expected in (
            (f"Host: {client.base_url.host}\r\nAuthorization: Bearer ucat_x", 404),
            (f"Host: {client.base_url.host}", 401),
            ("Host: evil.example\r\nAuthorization: Bearer ucat_x", 403),
        ):
            target = (client.base_url.host, client.base_url.port or 80)
            with socket.create_connection(target, timeout=PATIENCE) as connection:
                connection.sendall(f"{line} HTTP/1.1\r\n{heads}\r\n\r\n".encode())
                assert connection.recv(65_536).startswith(f"HTTP/1.1 {expected} ".encode())
        assert caplog.records == []

    def test_a_refused_upload_does_not_use_its_session_up(self, client: httpx.Client, sim: Simulator) -> None:
        storage = new_upload(client)
        (one,) = sim.storage_imports.values()
        refused = httpx.put(one.direct_upload_url, content=b"evil", headers={"Host": "evil.example.com"})
        assert refusal(refused) == (403, "ACTION_FORBIDDEN")
        assert httpx.put(one.direct_upload_url, content=b"data").json()["written_bytes"] == 4
        assert client.get(f"/storage/{storage}/import").json()["storage_import"]["state"] == "completed"


def new_upload(client: httpx.Client) -> str:
    """The uuid of a storage that waits for an upload."""
    disk = {"size": 10, "title": "data", "zone": "fi-hel1"}
    storage: str = client.post("/storage", json={"storage": disk}).json()["storage"]["uuid"]
    client.post(f"/storage/{storage}/import", json={"storage_import": {"source": "direct_upload"}})
    return storage


class TestBodies:
    """A body is read only from somebody who may send it, and only so much of it."""

    def connected(self, client: httpx.Client, lines: str) -> socket.socket:
        target = client.base_url
        connection = socket.create_connection((target.host, target.port or 80), timeout=PATIENCE)
        connection.sendall(f"{lines}\r\nHost: {target.host}\r\n".encode())
        return connection

    def test_no_body_is_read_without_credentials(self, client: httpx.Client) -> None:
        with self.connected(client, "POST /1.3/server HTTP/1.1") as connection:
            connection.sendall(b"Content-Length: 700000000\r\n\r\n")
            assert connection.recv(65_536).startswith(b"HTTP/1.1 401 ")

    def test_a_body_beyond_the_limit_is_refused(self, client: httpx.Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "MOST_IN_MEMORY", 10_000)
        for _ in range(2):
            assert refusal(client.post("/server", content=b" " * 10_001)) == (413, "REQUEST_TOO_LARGE")
        for _ in range(3):
            assert client.post("/server", content=b" " * 9_999).status_code == 400

    @pytest.mark.parametrize(
        "sent",
        [
            b"",
            b"GET /1.3/zone HT",
            b"POST /1.3/server HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x_12\r\nContent-Length: 9\r\n\r\n{",
            b"POST /1.3/server HTTP/1.1\r\nHost: localhost\r\nContent-Length: 700000000\r\n\r\n{",
            b"GET /1.3/zone HTTP/1.1\r\nHost: localhost\r\n\r\nGET /1.3/zone HT",
        ],
    )
    def test_a_request_that_does_not_arrive_is_given_up(
        self, sim: Simulator, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 0.05)
        with sim.serve() as url:
            target = urlsplit(url)
            with socket.create_connection((target.hostname, target.port), timeout=PATIENCE) as connection:
                connection.sendall(sent)
                with suppress(ConnectionResetError):
                    while connection.recv(65_536):
                        pass

    def test_a_large_request_has_more_time(
        self, client: httpx.Client, sim: Simulator, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(connections, "ARRIVAL_SECONDS", 0.5)
        monkeypatch.setattr(connections, "ARRIVAL_RATE", 1)
        looked = threading.Event()
        check = connections.Protocol.check_arrival

        def noted(self: connections.Protocol) -> None:
            check(self)
            looked.set()

        monkeypatch.setattr(connections.Protocol, "check_arrival", noted)

        def pieces() -> Iterator[bytes]:
            yield b" " * 1000
            assert looked.wait(PATIENCE)
            yield b" " * 1000

        assert client.post("/server", content=pieces()).status_code == 400


class TestConnections:
    """There are never more connections than descriptors for them."""

    def test_connections_beyond_the_limit_are_closed(self, sim: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(http_server, "most_connections", lambda: 5)
        with sim.serve() as url, ExitStack() as stack:
            target = urlsplit(url)
            for _ in range(5):
                stack.enter_context(socket.create_connection((target.hostname, target.port), timeout=PATIENCE))
            more = stack.enter_context(socket.create_connection((target.hostname, target.port), timeout=PATIENCE))
            with suppress(ConnectionResetError):
                assert more.recv(1) == b""
            stack.close()
            eventually(lambda: answers(url))

    @pytest.mark.skipif(sys.platform != "linux", reason=OTHER_THAN_LINUX)
    def test_a_flood_of_connections_writes_a_line_at_most(self, tmp_path: Path) -> None:
        command = f"ulimit -n 64; exec {sys.executable} -m upcloud_sdk.simulator --port 0"
        with (
            (tmp_path / "errors").open("w") as errors,
            subprocess.Popen(["/bin/sh", "-c", command], stdout=subprocess.PIPE, stderr=errors, text=True) as process,
            ExitStack() as stack,
        ):
            stack.callback(process.kill)
            assert process.stdout is not None
            url: str = process.stdout.readline().removeprefix("listening on ").strip()
            target = urlsplit(url)
            with ExitStack() as flood:
                for _ in range(200):
                    with suppress(OSError):
                        connection = socket.create_connection((target.hostname, target.port), timeout=0.1)
                        flood.enter_context(connection).sendall(b"no HTTP\r\n")
            eventually(lambda: answers(url))
        assert len((tmp_path / "errors").read_text().splitlines()) <= 1


def answers(url: str) -> bool:
    try:
        return httpx.get(f"{url}/1.3/zone", auth=("a", "b")).status_code == 200
    except httpx.TransportError:
        return False


class TestGuarded:
    """If guests run code, a body that a form in a web page could send is refused, too."""

    @pytest.fixture
    def guarded(self, sim: Simulator) -> Iterator[str]:
        with sim.serve(guarded=True) as url:
            yield url

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
