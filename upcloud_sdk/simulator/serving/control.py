"""`/_simulator/`: faults, clock, log and state over HTTP, for tests in another process or language."""

from __future__ import annotations

import base64
import binascii
from dataclasses import asdict
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.chapters.table import check_pattern
from upcloud_sdk.simulator.guests import metadata
from upcloud_sdk.simulator.records.clock import ManualClock
from upcloud_sdk.simulator.records.progress import Progress
from upcloud_sdk.simulator.state import saving
from upcloud_sdk.simulator.state.faults import Fault
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import Fields, fields, listing, mapping, one_of, text

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud

routes = Routes()

_CONSOLE_TAIL = 64 * 1024


def _plain(document: object, status: int = 200) -> Answer:
    return Answer(status, document, content_type=PLAIN_JSON)


def _number(value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or value < 0:
        raise ValueError("A number, 0 or more, was expected.")
    return float(value)


def _maybe_number(value: object) -> float | None:
    return None if value is None else _number(value)


def _maybe_count(value: object) -> int | None:
    return None if value is None else int(_number(value))


def _flag(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError("true or false was expected.")  # noqa: TRY004 - a check raises ValueError
    return value


@routes.get("/_simulator/faults")
def list_faults(cloud: Cloud, _call: Call) -> Answer:
    faults = [asdict(fault) for fault in cloud.faults]
    for fault in faults:
        fault["body"] = None if fault["body"] is None else fault["body"].decode(errors="replace")
    return _plain(faults)


@routes.post("/_simulator/faults")
def add_fault(cloud: Cloud, call: Call) -> Answer:
    """The arguments of `Simulator.fail`, with `pattern`."""
    with fields(call, None) as f:
        pattern = f.need("pattern", text(1))
        body = f.get("body", text(), None)
        given = f.get("headers", mapping, None) or {}
        options: dict[str, object] = {
            "status": f.get("status", _maybe_count, None),
            "code": f.get("code", text(1), None),
            "after_effect": f.get("after_effect", _flag, False),
            "times": f.get("times", _maybe_count, 1),
            "drop": f.get("drop", _flag, False),
            "delay": f.get("delay", _maybe_number, None),
            "timeout": f.get("timeout", _flag, False),
            "truncate": f.get("truncate", _maybe_count, None),
            "skip": f.get("skip", lambda value: int(_number(value)), 0),
            "rate": f.get("rate", _maybe_number, None),
            "hide_from_lists": f.get("hide_from_lists", _maybe_number, None),
        }
    headers = {name.lower(): str(value) for name, value in given.items()}
    raw = None if body is None else body.encode()
    try:
        if raw is None:
            check_pattern(pattern)
        cloud.faults.add(Fault(pattern, body=raw, headers=headers, **options))  # type: ignore[arg-type]  # checked above
    except ValueError as error:
        raise ApiFault(400, "INVALID_REQUEST", str(error)) from None
    return Answer(204)


@routes.delete("/_simulator/faults")
def clear_faults(cloud: Cloud, _call: Call) -> Answer:
    cloud.faults.clear()
    return Answer(204)


@routes.get("/_simulator/requests")
def list_requests(cloud: Cloud, _call: Call) -> Answer:
    return _plain([request._asdict() for request in cloud.requests])


@routes.delete("/_simulator/requests")
def clear_requests(cloud: Cloud, _call: Call) -> Answer:
    cloud.requests.clear()
    return Answer(204)


@routes.get("/_simulator/clock")
def get_clock(cloud: Cloud, _call: Call) -> Answer:
    return _clock(cloud)


def _clock(cloud: Cloud) -> Answer:
    return _plain({"now": cloud.clock.now(), "manual": isinstance(cloud.clock, ManualClock)})


@routes.post("/_simulator/clock")
def advance_clock(cloud: Cloud, call: Call) -> Answer:
    with fields(call, None) as f:
        seconds = f.need("advance", _number)
    if not isinstance(cloud.clock, ManualClock):
        raise ApiFault(409, "INVALID_REQUEST", "Only a manual clock can be moved; start the simulator with one.")
    cloud.clock.advance(seconds)
    cloud.settle()
    return _clock(cloud)


@routes.get("/_simulator/state")
def get_state(cloud: Cloud, _call: Call) -> Answer:
    return Answer(200, content_type=PLAIN_JSON, raw=saving.to_json(cloud).encode())


@routes.put("/_simulator/state")
def put_state(cloud: Cloud, call: Call) -> Answer:
    try:
        saving.restore(cloud, call.content)
    except ValueError as error:
        raise ApiFault(400, "INVALID_REQUEST", str(error)) from None
    return Answer(204)


@routes.post("/_simulator/reset")
def reset(cloud: Cloud, _call: Call) -> Answer:
    saving.empty(cloud)
    cloud.faults.clear()
    cloud.requests.clear()
    return Answer(204)


@routes.put("/_simulator/downloads")
def set_download(cloud: Cloud, call: Call) -> Answer:
    """Set the content at a URL for imports: `text`, or bytes as `base64`. Without both, there is no content."""
    with fields(call, None) as f:
        address = f.need("address", text(1))
        plain, encoded = f.get("text", text(), None), f.get("base64", _bytes, None)
    cloud.downloads[address] = encoded if plain is None else plain.encode()
    return Answer(204)


def _bytes(value: object) -> bytes:
    try:
        return base64.b64decode(text()(value), validate=True)
    except binascii.Error:
        raise ValueError("Base64 was expected.") from None


@routes.post("/_simulator/hide-from-lists")
def hide_from_lists(cloud: Cloud, call: Call) -> Answer:
    with fields(call, None) as f:
        cloud.hide_from_lists(f.need("seconds", _number))
    return Answer(204)


@routes.post("/_simulator/sold-out")
def sell_out(cloud: Cloud, call: Call) -> Answer:
    with fields(call, None, optional=True) as f:
        zone, plan = f.get("zone", text(1), None), f.get("plan", text(1), None)
        tier = f.get("tier", text(1), None)
    if plan is not None and tier is not None:
        raise ApiFault(400, "INVALID_REQUEST", "Sell out a plan or a tier; both are two calls.")
    cloud.sell_out(zone=zone, plan=plan, tier=tier)
    return Answer(204)


@routes.delete("/_simulator/sold-out")
def restock(cloud: Cloud, _call: Call) -> Answer:
    cloud.restock()
    return Answer(204)


@routes.post("/_simulator/boots")
def plan_boots(cloud: Cloud, call: Call) -> Answer:
    """Set how the next servers boot: a list of `{seconds}`, `{polls}`, `{}` (never) or `{state: "error", ...}`."""
    with fields(call, None) as f:
        wanted = f.need("boots", listing)
    boots: list[Progress] = []
    for item in wanted:
        if not isinstance(item, dict):
            raise ApiFault(400, "INVALID_REQUEST", "A boot is an object.")
        with Fields(cast("dict[str, object]", item), where="boots") as boot:
            boots.append(
                Progress(
                    seconds=boot.get("seconds", _maybe_number, None),
                    polls=boot.get("polls", _maybe_count, None),
                    state=boot.get("state", one_of("started", "error"), "started"),
                    error_seconds=boot.get("error_seconds", _maybe_number, None),
                )
            )
    cloud.boot_next(*boots)
    return Answer(204)


@routes.post("/_simulator/servers/{uuid}/error")
def break_server(cloud: Cloud, call: Call) -> Answer:
    with fields(call, None, optional=True) as f:
        cloud.break_server(call.args["uuid"], leaves_after=f.get("leaves_after", _maybe_number, None))
    return Answer(204)


@routes.get("/_simulator/servers/{uuid}/console")
def get_console(cloud: Cloud, call: Call) -> Answer:
    """The end of the guest's console output, and the path of its file."""
    server = cloud.server(call.args["uuid"])
    path = cloud.guests.console(server.uuid)
    if path is None or not path.exists():
        raise ApiFault(404, "NOT_FOUND", f"The server {server.uuid} has no console: no guest runs in it.")
    written = path.read_bytes()[-_CONSOLE_TAIL:].decode(errors="replace")
    return _plain({"path": str(path), "text": written})


@routes.get("/_simulator/servers/{uuid}/metadata/v1.json")
def get_metadata(cloud: Cloud, call: Call) -> Answer:
    """The current answer for the server from http://169.254.169.254/metadata/v1.json."""
    return metadata.answer(cloud, cloud.server(call.args["uuid"]).uuid, "/metadata/v1.json")
