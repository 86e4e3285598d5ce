"""The metadata service on a Unix socket in a private directory, since the data is only for the guest."""

from __future__ import annotations

import socketserver
import threading
from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING

from upcloud_sdk.simulator.guests import metadata

if TYPE_CHECKING:
    from pathlib import Path

    from upcloud_sdk.simulator.state.account_state import AccountState


class MetadataService:
    """Serves HTTP after a first line with the uuid of the server.

    Args:
        cloud: The account of the servers.
        path: Path of the socket.
    """

    def __init__(self, cloud: AccountState, path: Path) -> None:
        self._server = _Server(cloud, path)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.1}, name="upcloud-metadata", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 64

    def __init__(self, cloud: AccountState, path: Path) -> None:
        self.cloud = cloud
        super().__init__(str(path), _Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Ignore errors: a guest may disconnect at any time."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server_version, sys_version = "Apache", ""
    timeout = 30

    def setup(self) -> None:
        super().setup()
        self._uuid = self.rfile.readline(64).decode("ascii", "replace").strip()

    def do_GET(self) -> None:
        assert isinstance(self.server, _Server)
        cloud = self.server.cloud
        with cloud.lock:
            answer = metadata.answer(cloud, self._uuid, self.path.partition("?")[0])
        body = answer.body()
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write no access log."""
