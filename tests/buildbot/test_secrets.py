"""No secret is where it can be read: not in a log, the database or the web API. A canary for each, in a whole life."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.buildbot.processes import eventually
from upcloud_sdk.simulator import Simulator, to_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.buildbot.processes import MasterProcess

API = "secret-password"
FIXED = "canary-of-the-guest"
USER_DATA = "canary-of-the-user-data"


def everything(master: MasterProcess) -> Iterator[tuple[str, str]]:
    """Each place where something can be read, and what stands there. Not master.cfg, where the secrets come from."""
    for path in master.basedir.rglob("*"):
        if path.is_file() and path.name != "master.cfg":
            yield path.name, path.read_bytes().decode("latin-1")


def pages(master: MasterProcess) -> Iterator[tuple[str, str]]:
    """The whole of the web API."""
    for path in ("builders", "workers", "masters", "schedulers", "forceschedulers", "buildsets", "buildrequests"):
        yield path, repr(master.get(path))
    for build in master.get("builds?property=*")["builds"]:
        yield f"build {build['buildid']}", repr(build)
        for step in master.get(f"builds/{build['buildid']}/steps")["steps"]:
            yield f"step {step['stepid']}", repr(step)
            for log in master.get(f"steps/{step['stepid']}/logs")["logs"]:
                yield f"log {log['logid']}", repr(master.get(f"logs/{log['logid']}/contents"))


def test_no_secret_can_be_read_anywhere(master_process: Callable[..., MasterProcess]) -> None:
    cloud = Simulator(boot_seconds=0.2, stop_seconds=0.1, guests="process", username="user", password=API)
    cloud.boot_next(to_error(0, leaves_after=0.2))
    with cloud.serve() as url:
        workers: dict[str, dict[str, Any]] = {
            "random": {},
            "fixed": {"password": FIXED},
            "script": {"bootstrap": None, "hostconfig": {"user_data": f"# {USER_DATA}\nexit 1"}, "attach_timeout": 0.5},
            "refused": {"api_password": "wrong-canary"},
        }
        master = master_process(url, workers)
        master.start()
        requests = {name: master.force(name) for name in workers}
        passwords = {API, FIXED, USER_DATA, "wrong-canary"}

        def collect() -> bool:
            for server in list(cloud.servers.values()):
                passwords.add(server.remote_access_password)
                if "fixed" not in server.title and "script" not in server.title:
                    passwords.add(str(server.user_data).split()[-6])
            return all(master.results(requests[name]) is not None for name in ("random", "fixed", "refused"))

        eventually("the builds to end", collect)
        assert [master.results(requests[name]) for name in ("random", "fixed", "refused")][2] == [4]
        eventually("the failing guest to be given up", lambda: "has not attached within" in master.log)
        found = [*everything(master), *pages(master)]
        master.terminate(within=15)
        found += everything(master)
    assert len(passwords) >= 6
    leaks = {(place, secret) for place, text in found for secret in passwords if secret in text}
    assert leaks == set()
