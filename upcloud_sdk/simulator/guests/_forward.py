"""Connects its standard input and output with a socket. qemu runs one for each connection from a guest to the host.

A separate script that uses only the standard library. `_forward.py PORT` connects to a loopback port, `_forward.py PATH
LINE` to a Unix socket, to which it first sends a line.
"""

from __future__ import annotations

import os
import select
import socket
import sys

_PIECE = 65_536


def _connect(target: str, first_line: str | None) -> socket.socket:
    if first_line is None:
        return socket.create_connection(("127.0.0.1", int(target)), timeout=30)
    upstream = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    upstream.connect(target)
    upstream.sendall(first_line.encode() + b"\n")
    return upstream


def _join(upstream: socket.socket) -> None:
    """Copy data until the upstream closes."""
    upstream.settimeout(None)
    sources = [0, upstream.fileno()]
    while True:
        ready, _, _ = select.select(sources, [], [])
        if upstream.fileno() in ready:
            piece = memoryview(upstream.recv(_PIECE))
            if not piece:
                return
            while piece:
                piece = piece[os.write(1, piece) :]
        if 0 in ready:
            sent = os.read(0, _PIECE)
            if sent:
                upstream.sendall(sent)
            else:
                sources.remove(0)
                upstream.shutdown(socket.SHUT_WR)


def main() -> int:
    target, *first_line = sys.argv[1:]
    try:
        with _connect(target, first_line[0] if first_line else None) as upstream:
            _join(upstream)
    except OSError:
        return 1  # for the guest, the connection is closed, as if nobody listened
    return 0


if __name__ == "__main__":
    sys.exit(main())
