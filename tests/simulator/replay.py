"""Replays a recording of the production API against the simulator, and compares each answer.

It compares status, keys and JSON types. The simulator has its own ids and addresses: each one that
appears in a recorded answer stands for what is in its place in the simulator's.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING, Any, NotRequired, TypedDict, TypeGuard

from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from pathlib import Path

    import httpx

Json = Any
"""A document from json.loads."""

_ID = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"  # a uuid
    r"|(?:\d{1,3}\.){3}\d{1,3}|[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}"  # an address
    r"|[0-9a-f]{2}(?::[0-9a-f]{2}){5}"  # a MAC
)
_STEP, _STEPS = 5.0, 60
"""Clients polled every 5 s; the recorder was paused, so that only the last poll is there."""

NEWER: tuple[tuple[str, date], ...] = (
    # What the reference says is newer than some recordings: the end of a key's path, and since when it is there.
    ("server_group", date(2023, 1, 18)),
    ("server.host", date(2023, 5, 31)),
    ("server.devices", date(2025, 4, 1)),
    ("ip_address[].dhcp_provided", date(2022, 10, 27)),
    ("ip_address[].release_policy", date(2025, 1, 1)),
    ("storage_device[].labels", date(2023, 5, 31)),
    ("storage_device[].storage_encrypted", date(2025, 3, 1)),
    ("storage.labels", date(2023, 9, 1)),
    ("storage.encrypted", date(2025, 3, 1)),
    ("storage[].labels", date(2023, 9, 1)),
    ("storage[].encrypted", date(2025, 3, 1)),
    ("ip_address.dhcp_provided", date(2022, 10, 27)),
    ("ip_address.release_policy", date(2025, 1, 1)),
    ("network.effective_routes", date(2025, 1, 1)),
    ("network[].effective_routes", date(2025, 1, 1)),
    ("ip_network[].dhcp_effective_routes", date(2025, 1, 1)),
    ("ip_network[].dhcp_routes_configuration", date(2025, 1, 1)),
    ("static_routes[].type", date(2025, 1, 1)),
)

GROWING = ("prices.zone[]",)
"""Objects whose keys are data: today there are more plans, and so more prices, than in the recordings."""


@dataclass
class Replayed:
    """One recorded answer, and the differences of the simulator's answer."""

    name: str
    """`recording: METHOD path`, with shortened ids."""
    differences: list[str]


class Request(TypedDict):
    method: str
    path: str
    body: NotRequired[Json]


@dataclass
class Replay:
    """One recording on a new simulator."""

    file: Path
    before: list[Request] = field(default_factory=list[Request])
    """Prepares the account as it was at the start of the recording."""
    sim: Simulator = field(default_factory=lambda: Simulator(clock=ManualClock(), seed=1))
    ids: dict[str, str] = field(default_factory=dict[str, str])

    def run(self, client: httpx.Client) -> list[Replayed]:
        document = json.loads(self.file.read_text(encoding="utf-8"))
        recorded = self._date(document["notes"])
        results: list[Replayed] = []
        for earlier in self.before:
            client.request(earlier["method"], f"/1.3{earlier['path']}", json=earlier.get("body")).raise_for_status()
        for number, interaction in enumerate(document["interactions"], start=1):
            request, response = interaction["request"], interaction["response"]
            answer = self._ask(client, request, response)
            found = compare(answer, response, recorded)
            path = _ID.sub("…", request["path"])
            results.append(Replayed(f"{self.file.stem} {number}: {request['method']} {path}", found))
            self._learn(response["body"], _body(answer))
        return results

    def _date(self, notes: list[str]) -> date:
        found = re.search(r"recorded (\d{1,2} \w{3} \d{4})", " ".join(notes))
        assert found is not None, notes
        return datetime.strptime(found[1], "%d %b %Y").astimezone().date()

    def _ask(self, client: httpx.Client, request: Json, response: Json) -> httpx.Response:
        """Send a request. While a state prevents the recorded answer, let time pass and send it again."""
        clock = self.sim.clock
        assert isinstance(clock, ManualClock)
        path = "/1.3" + self._mapped(request["path"])
        body = None if request["body"] is None else self._mapped(json.dumps(request["body"]))
        answer = client.request(request["method"], path, content=body)
        for _ in range(_STEPS):
            refused = answer.status_code == 409 and response["status"] != 409
            early = request["method"] == "GET" and _states(_body(answer)) != _states(response["body"])
            if not refused and not early:
                break
            clock.advance(_STEP)
            answer = client.request(request["method"], path, content=body)
        return answer

    def _mapped(self, text: str) -> str:
        return _ID.sub(lambda found: self.ids.get(found[0], found[0]), text)

    def _learn(self, recorded: Json, own: Json) -> None:
        """Map the ids of a recorded answer to those at the same places in the simulator's answer."""
        if _is_object(recorded) and _is_object(own):
            for key in recorded.keys() & own.keys():
                self._learn(recorded[key], own[key])
        elif _is_list(recorded) and _is_list(own):
            for one, other in zip(recorded, own, strict=False):
                self._learn(one, other)
        elif isinstance(recorded, str) and isinstance(own, str) and _ID.fullmatch(recorded):
            self.ids.setdefault(recorded, own)


def _is_object(value: object) -> TypeGuard[dict[str, Json]]:
    return isinstance(value, dict)


def _is_list(value: object) -> TypeGuard[list[Json]]:
    return isinstance(value, list)


def _body(answer: httpx.Response) -> Json:
    return json.loads(answer.content) if answer.content else None


def _states(body: Json) -> list[str]:
    """The state of the resource in an answer."""
    resources = body.values() if _is_object(body) else ()
    return [each["state"] for each in resources if _is_object(each) and "state" in each]


def compare(answer: httpx.Response, recorded: Json, when: date) -> list[str]:
    """The differences from the recorded answer: status, content type, keys, JSON types."""
    if answer.status_code != recorded["status"]:
        return [f"status {answer.status_code}, recorded {recorded['status']}: {answer.text[:200]}"]
    found: list[str] = []
    kind, own = recorded["headers"].get("content-type"), answer.headers.get("content-type")
    if kind != own:
        found.append(f"content type {own}, recorded {kind}")
    return found + _differences(_body(answer), recorded["body"], "", when)


def _differences(own: Json, recorded: Json, path: str, when: date) -> list[str]:
    if _kind(own) != _kind(recorded):
        return [f"{path}: {_kind(own)}, recorded {_kind(recorded)}"]
    if _is_object(own):
        return _object_differences(own, recorded, path, when)
    if not _is_list(own) or not recorded:
        return []
    if not own:
        return [f"{path}: an empty list, recorded with items"]
    found: list[str] = []
    for one in recorded:  # each against the one that is most like it, and the other way round
        found += _fewest([_differences(other, one, f"{path}[]", when) for other in own])
    for other in own:
        found += _fewest([_differences(other, one, f"{path}[]", when) for one in recorded])
    return sorted(set(found))


def _fewest(candidates: list[list[str]]) -> list[str]:
    return min(candidates, key=len)


def _object_differences(own: dict[str, Json], recorded: dict[str, Json], path: str, when: date) -> list[str]:
    found: list[str] = []
    for key in sorted(own.keys() | recorded.keys()):
        place = f"{path}.{key}".lstrip(".")
        if key not in recorded:
            if path not in GROWING and not any(place.endswith(end) and when < since for end, since in NEWER):
                found.append(f"{place}: not recorded")
        elif key not in own:
            found.append(f"{place}: missing")
        else:
            found += _differences(own[key], recorded[key], place, when)
    return found


def _kind(value: Json) -> str:
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int | float):
        return "number"
    return {type(None): "null", str: "string", list: "array", dict: "object"}[type(value)]
