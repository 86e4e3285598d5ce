"""No secret can be read in a log, a title, a label, the database or the web API. The test uses a canary for each."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.buildbot.processes import DOWN_WITHIN, eventually
from upcloud_sdk.simulator import Simulator, to_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.buildbot.processes import MasterProcess

API = "secret-password"
BASIC = base64.b64encode(f"user:{API}".encode()).decode()
TOKEN = "ucat_canary_of_the_token"
FIXED = "canary-of-the-guest"
USER_DATA = "canary-of-the-user-data"


def everything(master: MasterProcess) -> Iterator[tuple[str, str]]:
    """The contents of all readable places, by place. Without master.cfg, which has the secrets."""
    for path in master.basedir.rglob("*"):
        if path.is_file() and path.name != "master.cfg":
            yield path.name, path.read_bytes().decode("latin-1")


def pages(master: MasterProcess) -> Iterator[tuple[str, str]]:
    """All documents of the web API."""
    for path in (
        "builders", "buildrequests", "buildsets", "changes", "forceschedulers", "masters", "schedulers", "sourcestamps",
        "workers",
    ):  # fmt: skip
        yield path, repr(master.get(path))
    for build in master.get("builds?property=*")["builds"]:
        yield f"build {build['buildid']}", repr(build)
        for step in master.get(f"builds/{build['buildid']}/steps")["steps"]:
            yield f"step {step['stepid']}", repr(step)
            for log in master.get(f"steps/{step['stepid']}/logs")["logs"]:
                yield f"log {log['logid']}", repr(master.get(f"logs/{log['logid']}/contents"))


def what_others_see(cloud: Simulator) -> Iterator[tuple[str, str]]:
    """The servers and disks of the account, as the API shows them."""
    for server in list(cloud.servers.values()):
        yield server.uuid, f"{server.title} {server.hostname} {server.labels} {server.tags}"
    for storage in list(cloud.storages.values()):
        yield storage.uuid, f"{storage.title} {storage.labels}"


def test_no_secret_can_be_read_anywhere(master_process: Callable[..., MasterProcess]) -> None:
    cloud = Simulator(
        boot_seconds=0.2,
        stop_seconds=0.1,
        guests="process",
        username="user",
        password=API,
        token=TOKEN,
    )
    cloud.boot_next(to_error(0, leaves_after=0.2))
    with cloud.serve() as url:
        workers: dict[str, dict[str, Any]] = {
            "random": {},
            "token": {"api_username": None, "api_password": None, "api_token": TOKEN},
            "fixed": {"password": FIXED},
            "script": {"bootstrap": None, "hostconfig": {"user_data": f"# {USER_DATA}\nexit 1"}, "attach_timeout": 0.5},
            "refused": {"api_password": "wrong-canary"},
        }
        master = master_process(url, workers)
        master.start()
        requests = {name: master.force(name) for name in workers}
        configured = {API, BASIC, TOKEN, FIXED, USER_DATA, "wrong-canary"}
        made: set[str] = set()
        found: list[tuple[str, str]] = []

        def collect() -> bool:
            found.extend(what_others_see(cloud))
            for server in list(cloud.servers.values()):
                made.add(server.remote_access_password)
                if "-random-" in server.title or "-token-" in server.title:
                    made.add(str(server.user_data).split()[-6])
            return all(master.results(requests[name]) is not None for name in workers if name != "script")

        eventually("the builds to end", collect)
        results = {name: master.results(requests[name]) for name in ("random", "token", "fixed", "refused")}
        assert {name: ended[-1] for name, ended in results.items() if ended} == {
            "random": 0, "token": 0, "fixed": 0, "refused": 4,
        }  # fmt: skip
        eventually("the failing guest to be given up", lambda: "has not attached within" in master.log)
        found += [*everything(master), *pages(master)]
        master.terminate(within=DOWN_WITHIN)
        found += everything(master)
    assert len(made) >= 2 * len(results) - 1
    leaks = {(place, secret) for place, text in found for secret in configured | made if secret in text}
    assert leaks == set()
