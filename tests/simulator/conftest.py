from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.simulator.small_account import ONCE, SmallAccount, filled_account
from upcloud_sdk import Token, UpCloud
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sim(clock: ManualClock) -> Simulator:
    """A simulator on a clock that the test moves."""
    return Simulator(clock=clock, seed=1)


@pytest.fixture
async def account(sim: Simulator, clock: ManualClock) -> AsyncIterator[SmallAccount]:
    """An account with one resource of each kind, and an open client of it."""
    async with UpCloud(Token("ucat_any"), transport=sim.transport(), retry=ONCE) as cloud:
        yield await filled_account(cloud, clock)


@pytest.fixture
async def api(sim: Simulator) -> AsyncIterator[httpx.AsyncClient]:
    """A plain HTTP client without the SDK, for JSON requests and answers."""
    async with httpx.AsyncClient(
        transport=sim.transport(), base_url="https://api.upcloud.com/1.3", auth=("user", "password")
    ) as client:
        yield client


@pytest.fixture
def serve_text() -> Iterator[Callable[[str], str]]:
    """Serves texts on loopback. Returns the URL of each."""
    texts: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = texts[int(self.path[1:])].encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()

        def publish(text: str) -> str:
            texts.append(text)
            return f"http://127.0.0.1:{server.server_port}/{len(texts) - 1}"

        yield publish
        server.shutdown()
        thread.join()
