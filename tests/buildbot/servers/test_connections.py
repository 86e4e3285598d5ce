"""A guest reaches its master with each of Buildbot's protocols, with and without TLS."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import trustme
from twisted.internet import defer

from tests.buildbot._types import (
    RETRY,
    SUCCESS,
    ConnectioLostError,
    ProxyFactory,
    ShellCommand,
    reactor,
    serverFromString,
)
from tests.buildbot.harness import MasterCase, Outcome, pause, until
from upcloud_sdk.buildbot import Bootstrap
from upcloud_sdk.buildbot.servers import heartbeat
from upcloud_sdk.simulator.guests.process import ProcessGuests

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.buildbot.quick import QuickWorker
    from upcloud_sdk.buildbot.configuration.bootstrap import Guest

BASEDIR = "/var/lib/upcloud-worker"
NAME = "localhost"
"""The name of the master, also in its certificate."""
ANSWERS_WITHIN = 20
"""Seconds: far more than a healthy guest needs to attach or to answer."""

pytestmark = [
    pytest.mark.full,
    # Twisted's server endpoints pass pyOpenSSL objects that pyOpenSSL has deprecated.
    pytest.mark.filterwarnings("ignore:Passing pyOpenSSL (X509|PKey) objects is deprecated:DeprecationWarning"),
]


@dataclass(frozen=True, kw_only=True)
class Script(Bootstrap):
    """The worker's own configuration as a script, for a guest that is a process in its own folder."""

    store: str = "/dev/null"
    """The authority that the image trusts."""

    def document(self, guest: Guest) -> str:
        _, _, document = super().document(guest).partition("\n")
        lines = ["#!/bin/sh", f"export SSL_CERT_FILE={self.store}"]
        for file in json.loads(document)["write_files"]:
            path, content = f".{file['path']}", file["content"].replace(BASEDIR, ".").replace("/etc/", "../../../etc/")
            lines += [f"mkdir -p $(dirname {path})", f"printf %s {shlex.quote(content)} > {path}"]
        start = "exec buildbot-worker start --nodaemon . < ../../../etc/upcloud-worker/password"
        return "\n".join([*lines, f"cd .{BASEDIR}", start, ""])


class ConnectionCase(MasterCase):
    def setUp(self) -> None:
        super().setUp()
        self.guests: Any = ProcessGuests()
        folder = Path(tempfile.mkdtemp())
        self.addCleanup(shutil.rmtree, folder)
        authority = trustme.CA()
        self.ca = authority.cert_pem.bytes().decode()
        self.store, master = folder / "ca.pem", folder / "master.pem"
        self.store.write_text(self.ca)
        authority.issue_cert(NAME).private_key_and_cert_chain_pem.write_to_path(str(master))
        self.in_tls = f"ssl:0:interface=127.0.0.1:privateKey={master}:certKey={master}"
        self.pb_port = "tcp:0:interface=127.0.0.1"

    def configuration(self, *workers: QuickWorker, **options: Any) -> dict[str, Any]:  # noqa: ANN401 - the harness's
        """A master that listens for both protocols."""
        # Any free port; Buildbot takes a number only for the websocket.
        protocols = {"pb": {"port": self.pb_port}, "msgpack_experimental_v7": {"port": 0}}
        return {**super().configuration(*workers, **options), "protocols": protocols}

    async def start(
        self,
        bootstrap: Bootstrap,
        master: str = NAME,
        *,
        steps: Sequence[object] = (),
        **options: Any,  # noqa: ANN401 - the worker's
    ) -> None:
        self.serve()
        self.bot = self.caller(bootstrap, master, **options)
        await self.start_master(self.bot, steps=steps)

    def caller(self, bootstrap: Bootstrap, master: str, **options: Any) -> QuickWorker:  # noqa: ANN401 - the worker's
        return self.worker(bootstrap=bootstrap, masterFQDN=master, check_instance_interval=0.05, **options)


class Connections(ConnectionCase):
    async def two_builds(self) -> None:
        for _ in range(2):
            outcome = await self.build()
            assert outcome.results == [SUCCESS], outcome.logs

    async def test_a_guest_attaches_in_plain_text(self) -> None:
        await self.start(Script())
        await self.two_builds()

    async def test_a_guest_attaches_by_websocket(self) -> None:
        await self.start(Script(connection="ws"))
        await self.two_builds()

    async def test_a_guest_attaches_by_tls(self) -> None:
        self.pb_port = self.in_tls
        await self.start(Script(connection="tls", ca_certificate=self.ca))
        await self.two_builds()

    async def test_a_guest_attaches_by_tls_with_a_certificate_that_the_image_trusts(self) -> None:
        self.pb_port = self.in_tls
        await self.start(Script(connection="tls", store=str(self.store)))
        await self.two_builds()

    async def test_a_guest_attaches_by_websocket_behind_a_proxy_that_ends_tls(self) -> None:
        proxy = ProxyFactory("127.0.0.1", 0)
        listener = await serverFromString(reactor, self.in_tls).listen(proxy)
        self.addCleanup(listener.stopListening)
        master = f"{NAME}:{listener.getHost().port}"
        await self.start(Script(connection="wss", ca_certificate=self.ca), master)
        proxy.port = self.bot.websocket_port
        await self.two_builds()


class FrozenGuests(ConnectionCase):
    """A guest's process is stopped while its step runs. Its machine keeps the connection open."""

    def setUp(self) -> None:
        super().setUp()
        self.patch(heartbeat, "_ASK_EVERY", 0.2)
        self.patch(heartbeat, "_LOOK_EVERY", 0.5)
        self.patch(heartbeat, "SHORTEST", ANSWERS_WITHIN)

    async def is_replaced(self, bootstrap: Bootstrap) -> None:
        gate = self.gate()
        told = gate.with_name("pid")
        tell = ShellCommand(command=["sh", "-c", f"echo $PPID > {told}.new; mv {told}.new {told}"])
        await self.start(bootstrap, steps=[tell, until(gate)], attach_timeout=ANSWERS_WITHIN)
        building = defer.ensureDeferred(self.build())
        while not told.exists():
            await pause()
        os.kill(int(told.read_text()), signal.SIGSTOP)
        while self.cloud.count("POST /server") == 1:
            await pause()
        gate.touch()
        results = (await building).results
        assert (results[0], results[-1]) == (RETRY, SUCCESS)
        # Buildbot's, of a step whose guest is lost: by websocket it may learn that first, and not from its worker.
        self.flushLoggedErrors(ConnectioLostError)

    async def test_a_guest_that_hangs_is_replaced_in_plain_text(self) -> None:
        await self.is_replaced(Script())

    async def test_a_guest_that_hangs_is_replaced_by_tls(self) -> None:
        self.pb_port = self.in_tls
        await self.is_replaced(Script(connection="tls", ca_certificate=self.ca))

    async def test_a_guest_that_hangs_is_replaced_by_websocket(self) -> None:
        await self.is_replaced(Script(connection="ws"))


class Refusals(ConnectionCase):
    def setUp(self) -> None:
        super().setUp()
        self.pb_port = self.in_tls

    def worker_log(self, uuid: str) -> str:
        # None until the guest is started, just after its server.
        console: Path | None = self.guests.console(uuid)
        log = None if console is None else console.parent / BASEDIR.lstrip("/") / "twistd.log"
        return log.read_text() if log is not None and log.exists() else ""

    async def attempts(self, reason: str) -> Outcome:
        """Run a build whose first guest does not attach for this reason. Then correct the configuration."""
        building = defer.ensureDeferred(self.build())
        server = await self.server_in("started")
        while not self.bot.is_up or reason not in self.worker_log(server.uuid):
            await pause()
        corrected = Script(connection="tls", ca_certificate=self.ca)
        self.config.update(self.configuration(self.caller(corrected, NAME)))
        await self.master.reconfig()
        self.bot.pass_deadline()
        return await building

    async def test_a_guest_does_not_attach_if_it_does_not_trust_the_authority(self) -> None:
        another = trustme.CA().cert_pem.bytes().decode()
        await self.start(Script(connection="tls", ca_certificate=another))
        outcome = await self.attempts("connection to the master lost: [('SSL routines', '', 'certificate verify fail")
        assert outcome.results == [RETRY, SUCCESS]
        assert "has not attached within attach_timeout=600 s; it connects to localhost:" in outcome.logs
        assert "; the certificate must be for localhost, of an authority that ca_certificate names" in outcome.logs

    async def test_a_guest_does_not_attach_if_the_certificate_is_for_another_name(self) -> None:
        await self.start(Script(connection="tls", ca_certificate=self.ca), "127.0.0.1")
        outcome = await self.attempts("connection to the master lost: VerificationError(errors=[IPAddressMismatch(")
        assert outcome.results == [RETRY, SUCCESS]
        assert "; the certificate must be for 127.0.0.1, of an authority that ca_certificate names" in outcome.logs
