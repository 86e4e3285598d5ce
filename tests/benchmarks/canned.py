"""Documents for the benchmarks, and the process that serves them."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import trustme

from tests.sdk import documents

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

UUID = documents.SERVER

LABELS = [{"key": "role", "value": "build"}, {"key": "upcloud_sdk_run", "value": "0123456789abcdef"}]


def details() -> dict[str, Any]:
    """A server with all details."""
    return documents.server()


def listing(number: int) -> dict[str, Any]:
    """A list of this many different servers."""
    return documents.servers(
        *(
            {
                "uuid": f"00{index:06x}-d4e5-4f60-8a7b-0123456789ab",
                "title": f"build-{index}",
                "hostname": f"build-{index}.example.com",
                "created": 1767225600 + index,
                "labels": {"label": LABELS},
            }
            for index in range(number)
        )
    )


@dataclass(frozen=True)
class Canned:
    """The URLs of the served documents."""

    plain: str
    tls: str
    authority: str
    """File with the certificate of the authority that signed `tls`."""


@contextmanager
def canned_server(directory: Path) -> Generator[Canned]:
    """A process that serves one server with all details and a list of 100, during a block."""
    paths = {f"/1.3/server/{UUID}": details(), "/1.3/server": listing(100)}
    (directory / "documents.json").write_text(json.dumps(paths), encoding="utf-8")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(directory / "authority.pem"))
    certificate = authority.issue_cert("localhost", "127.0.0.1")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(directory / "server.pem"))
    command = [sys.executable, "-m", "tests.benchmarks.server", str(directory)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            plain, tls = process.stdout.readline().split()
            yield Canned(f"http://127.0.0.1:{plain}", f"https://localhost:{tls}", str(directory / "authority.pem"))
        finally:
            process.stdin.close()
            process.wait(10)
