"""The builds on a server: what holds it, what that costs, and the properties that say so. On the reactor's thread."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from upcloud_sdk.buildbot._buildbot.build_ends import running_build, starting_build
from upcloud_sdk.buildbot._buildbot.private import result_name, set_property
from upcloud_sdk.buildbot.servers.build_log import add_notice
from upcloud_sdk.ci.record.changes import MILLION, units

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from upcloud_sdk.buildbot._buildbot.api import Build, Master, WorkerForBuilder
    from upcloud_sdk.buildbot.configuration.request import BuildServer
    from upcloud_sdk.ci import RecordedServer, View

_HOUR = timedelta(hours=1)


def ask_for(server: BuildServer, build: Build, master: Master) -> None:
    """Say that a server is wanted for a build, which holds it from its create on."""
    server.ask(build.getProperty("buildername", ""), **origin_of(build, master))
    if build.buildid is not None:
        server.tell_job(str(build.buildid), began=server.moment(), **_facts(build, _queued(build, master)))


def origin_of(build: Build, master: Master) -> dict[str, Any]:
    """The master and the build that a server is wanted for, as fields of a `ServerChange`."""
    buildid = None if build.buildid is None else str(build.buildid)
    return {"master": master.name, "builder": build.builder.name, "number": build.number, "build": buildid}


def build_started(server: BuildServer | None, wfb: WorkerForBuilder, master: Master) -> None:
    """A build takes the server of its worker, if there is one."""
    if server is not None:
        began, build = server.hold(wfb.builder_name), starting_build(wfb)
        queued = _queued(build, master)
        build.get_buildid().addCallback(
            lambda buildid: server.tell_job(str(buildid), began=began, **_facts(build, queued))
        )


def build_finished(server: BuildServer | None, wfb: WorkerForBuilder, master: Master, view: Callable[[], View]) -> None:
    """A build has left its server: set its cost as properties, and say in a log whose hour it used."""
    if server is None or server.asked_at is None:
        return
    cost, build = server.release(wfb.builder_name), running_build(wfb)
    if build is None or build.buildid is None:
        return
    part = None if cost is None else round(cost * MILLION)
    server.tell_job(str(build.buildid), ended=server.moment(), result=result_name(build.results), cost=part)
    if cost is not None:
        set_property(master, build.buildid, "upcloud_cost", float(cost))
        if server.currency is not None:
            set_property(master, build.buildid, "upcloud_currency", server.currency)
        record = next((each for each in view().servers if each.id == server.id), None)
        text = None if record is None else cost_notice(record, str(build.buildid))
        if text is not None:
            add_notice(build, "cost", text)


def cost_notice(server: RecordedServer, build: str) -> str | None:
    """What a build has cost, and whose paid hour it began in. None if that is not known."""
    ran = next((each for each in server.builds if each.build == build), None)
    if ran is None or ran.cost is None or server.price is None or server.created is None:
        return None
    begins = server.created + max(timedelta(), ran.began - server.created) // _HOUR * _HOUR
    first = next((each for each in server.builds if each.began <= begins <= (each.ended or begins)), None)
    whose = "while no build ran" if first is None else f"for {first.builder} #{first.number}"
    currency = server.currency or ""
    return (
        f"This build cost {units(ran.cost):.6f} {currency}, its part of server {server.uuid} at {server.price:.4f} "
        f"{currency} an hour. It began in the server's hour from {begins:%H:%M} to {begins + _HOUR:%H:%M} UTC, which "
        f"began {'for this build' if first is ran else whose}."
    )


def _facts(build: Build, queued: float | None) -> dict[str, Any]:
    return {"builder": build.builder.name, "number": build.number, "queued": queued}


def _queued(build: Build, master: Master) -> float | None:
    """Seconds since the oldest request of a build was submitted. Not below 0 if the clock jumps."""
    submitted = [request.submittedAt for request in build.requests if request.submittedAt is not None]
    return max(0.0, round(master.reactor.seconds() - min(submitted), 3)) if submitted else None
