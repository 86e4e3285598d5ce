"""A master as a separate process, with workers on real machines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.buildbot.processes import MasterProcess, Outcome, eventually
from upcloud_sdk.simulator.guests.qemu import HOST_ADDRESS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.vm.cloud import VmCloud

OWNER = "vm-test"
ANSWERS_WITHIN = 300.0
"""Seconds. The machines use the same disk as the master's database, which may be delayed by half a minute."""

_CONFIGURATION = """\
from buildbot.plugins import schedulers, steps, util
from examples.buildbot.console import ConsoleWorker
from upcloud_sdk.buildbot import Bootstrap, Recipe

COMMON = {common!r}
WORKERS = {{
    {workers}
}}
ASK = ["curl", "-sS", "--max-time", "60", "-w", "status %{{http_code}}\\n"]
METADATA = "http://169.254.169.254/metadata/"
STEPS = [
    steps.ShellCommand(command=["sh", "-c", "echo hello from $(hostname); uname -sr"]),
    steps.ShellCommand(
        command=["echo", util.Interpolate("attached after %(prop:upcloud_attach_seconds)s s: %(prop:upcloud_image)s")]
    ),
    steps.ShellCommand(command=[*ASK, METADATA + "v1.json", METADATA + "v1/user_data"]),
    steps.ShellCommand(command=["sh", "-c", "ls -d /var/tmp/left-by-a-build; touch /var/tmp/left-by-a-build"]),
]
c = BuildmasterConfig = {{
    "workers": [ConsoleWorker(name, **COMMON, **options) for name, options in WORKERS.items()],
    "builders": [
        util.BuilderConfig(name=name, workernames=[name], factory=util.BuildFactory(STEPS)) for name in WORKERS
    ],
    "schedulers": [schedulers.ForceScheduler(name="force", builderNames=list(WORKERS))],
    "protocols": {{"pb": {{"port": {listens_at!r}}}}},
    "www": {{"port": "tcp:{web_port}:interface=127.0.0.1", "plugins": {{}}}},
    "buildbotURL": "http://127.0.0.1:{web_port}/",
    "collapseRequests": False,
    "buildbotNetUsageData": None,
    "db": {{"db_url": "sqlite:///state.sqlite"}},
}}
"""


class VmMaster(MasterProcess):
    """A master whose workers are servers of an account with real guests.

    Args:
        basedir: What `buildbot create-master` has made.
        cloud: The account.
        workers: What differs between them, by name: the inside of a call, as it stands in a `master.cfg`.
        worker_port: Where workers attach; a port that guests of the account reach.
        certificate: A file with the master's key and certificate: workers attach in TLS.
        common: Arguments of all workers.
    """

    def __init__(
        self,
        basedir: Path,
        cloud: VmCloud,
        workers: Mapping[str, str],
        *,
        worker_port: int,
        certificate: Path | None = None,
        **common: Any,  # noqa: ANN401 - the worker's
    ) -> None:
        in_tls = f"ssl:{worker_port}:privateKey={certificate}:certKey={certificate}"
        plain = f"tcp:{worker_port}"
        self._listens_at = (plain if certificate is None else in_tls) + ":interface=127.0.0.1"
        self._common: dict[str, Any] = {
            "api_token": cloud.token,
            "base_url": cloud.url,
            "owner": OWNER,
            "zone": "fi-hel1",
            "masterFQDN": HOST_ADDRESS,
            **common,
        }
        self._options = workers
        super().__init__(basedir, cloud.url, {}, timeout=ANSWERS_WITHIN)

    def configuration(self, **values: Any) -> str:  # noqa: ANN401 - only `port`, the web server's, has a place here
        workers = "\n    ".join(f"{name!r}: dict({options})," for name, options in self._options.items())
        return _CONFIGURATION.format(
            common=self._common, workers=workers, listens_at=self._listens_at, web_port=values["port"]
        )

    def first_attempt(self, request: int, patience: float) -> Outcome:
        """Wait for the result of the first build of a request. Retries may follow."""
        eventually(f"an attempt at request {request}", lambda: self.outcome(request).results, patience, pause=1)
        return self.outcome(request)

    def finished(self, request: int, patience: float) -> Outcome:
        """Wait until a request is complete, and return its result."""
        eventually(f"the end of request {request}", lambda: self.results(request) is not None, patience, pause=1)
        return self.outcome(request)
