"""Requests that Hypothesis generates from the contract: valid ones, and ones with one mistake."""

from __future__ import annotations

import functools
import json
import re
from copy import deepcopy
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from hypothesis import assume
from hypothesis import strategies as st

from tests.contract.contract import Json, Operation, Schema, operations, request_problems, resolved
from tests.simulator.documents import DEBIAN_12
from tests.simulator.test_robustness import call, furnished
from upcloud_sdk.simulator import ManualClock, Simulator

if TYPE_CHECKING:
    from collections.abc import Callable

Values = st.SearchStrategy[Any]
Path = tuple[str | int, ...]

IDS: dict[str, tuple[str, ...]] = {
    "server": ("SERVER",),
    "storage": ("STORAGE", "DATA", "TEMPLATE"),
    "clone_source": ("TEMPLATE",),
    "network": ("NETWORK",),
    "router": ("ROUTER",),
    "server_group": ("GROUP",),
    "server-group": ("GROUP",),
    "firewall_ruleset_uuid": ("RULESET",),
    "firewall-ruleset": ("RULESET",),
    "network-peering": ("PEERING",),
    "ip_address": ("ADDRESS",),
    "ip-address": ("ADDRESS",),
    "mac": ("MAC",),
    "target_identifier": ("SERVER",),
    "index": ("INDEX",),
}
"""Resources of the account, by the name of a field or of a part of a path."""


@functools.cache
def _saved() -> tuple[dict[str, str], str]:
    sim = Simulator(clock=ManualClock(), seed=1, boot_seconds=0)
    return filled(sim), sim.to_json()


def account() -> dict[str, str]:
    """The ids of the resources in `new_simulator`."""
    return _saved()[0]


def new_simulator() -> Simulator:
    """A simulator with one resource of each kind."""
    sim = Simulator(clock=ManualClock(), seed=2, boot_seconds=0)
    sim.restore(_saved()[1])
    return sim


def filled(sim: Simulator) -> dict[str, str]:
    ids = furnished(sim) | {"TEMPLATE": DEBIAN_12, "INDEX": "1"}

    def made(path: str, body: Json) -> Json:
        return json.loads(call(sim, "POST", path, body).body)

    ids["RULESET"] = made("/firewall-ruleset", {"name": "rules"})["uuid"]
    peering = {"name": "p", "network": {"uuid": ids["NETWORK"]}, "peer_network": {"uuid": ids["PEER"]}}
    ids["PEERING"] = made("/network-peering", {"network_peering": peering})["network_peering"]["uuid"]
    ids["MAC"] = sim.servers[ids["SERVER"]].interfaces[0].mac
    return ids


WORDS: dict[str, list[Json]] = {
    "key": ["team", "env-2"],
    "label-key": ["team"],
    "role": ["technical", "billing"],
    "allowed_ip_ranges": ["0.0.0.0/0"],
    "{type}/network": ["public"],
    "source_address_start": ["10.0.0.1", ""],
    "source_address_end": ["10.0.0.1", ""],
    "destination_address_start": ["10.0.0.1", ""],
    "destination_address_end": ["10.0.0.1", ""],
    "dhcp": ["yes", "no"],
    "ptr_record": ["web.example.com"],
    "source_address_cidr": ["10.0.0.0/24"],
    "destination_address_cidr": ["10.0.0.0/24"],
    "target_type": ["server"],
    "access": ["public", "utility"],
    "zone": ["fi-hel1", "fi-tst1"],
    "plan": ["PREMIUM-1xCPU-1GB", "CLOUDNATIVE-1xCPU-4GB", "custom"],
    "tier": ["maxiops", "standard", "hdd"],
    "timezone": ["UTC", "Europe/Helsinki"],
    "hostname": ["web1.example.com"],
    "boot_order": ["disk", "cdrom,disk"],
    "simple_backup": ["no", "0430,dailies"],
    "interval": ["daily", "mon"],
    "time": ["0430"],
    "retention": [1, 30],
    "password_delivery": ["none", "email", "sms"],
    "video_model": ["vga", "cirrus"],
    "core_number": [1, 4],
    "memory_amount": [1024, 4096],
    "size": [20, "40"],
    "username": ["subaccount"],
    "user": ["subaccount"],
    "action": ["accept", "drop"],
    "direction": ["in", "out"],
    "family": ["IPv4", "IPv6"],
    "source": ["direct_upload", "http_import"],
    "source_location": ["https://example.com/disk.raw"],
    "limit": [1, 10],
    "offset": [0, 3],
    "from": ["2026-01-01T00:00:00Z"],
    "to": ["2026-01-02T00:00:00Z"],
    "month": ["01"],
    "year": ["2026"],
    "label": ["team=a"],
    "address": ["10.0.0.9"],
    "storage_device.address": ["virtio", "virtio:3", "ide:0:1"],
    "storage_device.type": ["disk", "cdrom"],
    "ip_network.address": ["10.5.0.0/24"],
    "gateway": ["10.5.0.1"],
    "dhcp_dns": ["10.5.0.2"],
    "dhcp_routes": ["192.168.0.0/24"],
    "route": ["192.168.1.0/24"],
    "nexthop": ["10.0.0.8"],
}
"""Values that a rule of the API wants, where the contract says only that it is text or a number."""

BY_FORMAT: dict[str, list[str]] = {
    "date-time": ["2026-06-01T00:00:00Z"],
    "uuid": ["00a1b2c3-d4e5-4f60-8a7b-0123456789ab"],
    "ip-address": ["10.0.0.9"],
    "ipv4": ["10.0.0.9"],
    "ipv6": ["2a04::1"],
    "cidr": ["10.5.0.0/24"],
    "email": ["a@example.com"],
    "uri": ["https://example.com/a"],
    "url": ["https://example.com/a"],
}
_MAKING = {"type", "properties", "enum", "const", "allOf", "oneOf", "anyOf"}
"""What says how a value is made. Without any of them, a schema only restricts another one."""
_PLAIN = st.text("abcdefghij KLM-_.äß日", max_size=40)


@dataclass(frozen=True)
class Request:
    """A generated request. `mistake` says what is wrong with it. Empty: nothing."""

    operation: Operation
    path: str
    query: tuple[tuple[str, str], ...]
    body: Json
    mistake: str = ""

    @property
    def is_valid(self) -> bool:
        return not self.mistake


def values(schema: Schema, name: str = "", outer: str = "") -> Values:
    """Values that fit a schema, and where possible the account."""
    schema = resolved(schema)
    if name in IDS and "properties" not in schema and schema.get("type") != "array":
        return _ids(name)
    parts = _parts(schema, name, outer)
    if parts:
        return parts[0] if len(parts) == 1 else st.tuples(*parts).map(_merged)
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum", [schema.get("const")]))
    kinds = schema.get("type", "object" if "properties" in schema else "string")
    return st.one_of([_of_kind(kind, schema, name, outer) for kind in ([kinds] if isinstance(kinds, str) else kinds)])


def _ids(name: str) -> Values:
    return st.sampled_from([account()[each] for each in IDS[name]])


def _of_kind(kind: str, schema: Schema, name: str, outer: str) -> Values:
    words = WORDS.get(f"{outer}.{name}", WORDS.get(name))
    if kind == "array":
        return st.lists(values(schema["items"], name, outer), min_size=schema.get("minItems", 0), max_size=2)
    if words is not None and kind in {"string", "integer", "number"}:
        return st.sampled_from(words)
    numbers = st.integers(schema.get("minimum", 0), min(schema.get("maximum", 1000), 100_000))
    made = {"null": st.none(), "boolean": st.booleans(), "integer": numbers, "number": numbers}.get(kind)
    if made is None:
        return _object(schema, name) if kind == "object" else _text(schema)
    return made


def _text(schema: Schema) -> Values:
    if schema.get("format") in BY_FORMAT:
        return st.sampled_from(BY_FORMAT[schema["format"]])
    low, high = schema.get("minLength", 1), min(schema.get("maxLength", 40), 200)
    pattern: str | None = schema.get("pattern")
    if pattern is None or "\\p{" in pattern:
        return _PLAIN.map(lambda text: text.strip().ljust(low, "x")[:high])
    found: st.SearchStrategy[str] = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=pattern.startswith("^"))
    return found.filter(lambda text: low <= len(text) <= high and "\n" not in text) if pattern != "^$" else st.just("")


def _object(schema: Schema, name: str) -> Values:
    needed = schema.get("required", ())
    fields = {each: values(inner, each, name) for each, inner in schema.get("properties", {}).items() if inner}
    return st.fixed_dictionaries(
        {each: made for each, made in fields.items() if each in needed},
        optional={each: made for each, made in fields.items() if each not in needed},
    )


def _parts(schema: Schema, name: str, outer: str) -> list[Values]:
    """The parts of a schema that is made of several. What only restricts others is left to the check of the whole."""
    parts = [values(each, name, outer) for each in schema.get("allOf", ()) if _MAKING & resolved(each).keys()]
    union = [each for each in (schema.get("oneOf") or schema.get("anyOf") or ()) if _MAKING & resolved(each).keys()]
    if union:
        parts.append(st.one_of([values(each, name, outer) for each in union]))
    if parts and "properties" in schema:
        parts.append(_object(schema, name))
    return parts


def _merged(found: tuple[Json, ...]) -> Json:
    """One document of all parts. Something else than a document is taken as it is."""
    plain = [each for each in found if not isinstance(each, dict)]
    if plain:
        return plain[0]
    return {key: value for each in found for key, value in cast("dict[str, Json]", each).items()}


def _path(operation: Operation) -> Values:
    """The path, with the ids of the account."""
    parts = operation.path.split("/")[1:]
    parameters = operation.parameters("path")
    made: list[Values] = []
    for place, part in enumerate(parts):
        names = re.findall(r"\{([^}]+)\}", part)
        before = parts[place - 1] if place else ""
        found = [_part(resolved(parameters[each].get("schema", {})), each, before) for each in names]
        made.append(st.tuples(*found).map(_filler(part)))
    return st.tuples(*made).map(lambda filled: "/" + "/".join(filled))


def _part(schema: Schema, name: str, before: str) -> Values:
    if f"{before}/{name}" in WORDS:
        return st.sampled_from(WORDS[f"{before}/{name}"])
    known = next((each for each in (name, before) if each in IDS), None)
    return values(schema, name) if known is None or "enum" in schema else _ids(known)


def _filler(part: str) -> Callable[[tuple[Json, ...]], str]:
    def fill(found: tuple[Json, ...]) -> str:
        replaced = iter(found)
        return re.sub(r"\{[^}]+\}", lambda _: quote(str(next(replaced)), safe=""), part)

    return fill


def _query(operation: Operation) -> Values:
    known = operation.parameters("query")
    fields = {name: values(each.get("schema", {}), name) for name, each in known.items()}
    needed = {name for name, each in known.items() if each.get("required")}
    made = st.fixed_dictionaries(
        {name: each for name, each in fields.items() if name in needed},
        optional={name: each for name, each in fields.items() if name not in needed},
    )
    return made.map(_pairs)


def _pairs(query: dict[str, Json]) -> tuple[tuple[str, str], ...]:
    pairs: list[tuple[str, str]] = []
    for name, value in query.items():
        listed = cast("list[Json]", value) if isinstance(value, list) else [value]  # type: ignore[redundant-cast]  # for pyright
        pairs += [(name, str(each)) for each in listed]
    return tuple(pairs)


def valid_requests() -> st.SearchStrategy[Request]:
    """Requests that fit the contract."""
    return st.sampled_from(operations()).flatmap(requests_of)


@functools.cache
def requests_of(operation: Operation) -> st.SearchStrategy[Request]:
    """Requests of one operation that fit the contract."""
    document = operation.body()
    body = st.none() if document is None else values(document)
    made = st.builds(Request, st.just(operation), _path(operation), _query(operation), body)
    return made.filter(lambda request: not any(request_problems(operation, urlencode(request.query), request.body)))


def _places(document: Json, schema: Schema, path: Path = ()) -> list[tuple[Path, Schema]]:
    """The places of the values in a document whose schema is plain."""
    schema = resolved(schema)
    if _UNIONS & schema.keys():
        return []
    found = [(path, schema)]
    if isinstance(document, dict):
        for name, inner in schema.get("properties", {}).items():
            if name in document:
                found += _places(document[name], inner, (*path, name))
    elif isinstance(document, list) and "items" in schema:
        for index, each in enumerate(cast("list[Json]", document)):  # type: ignore[redundant-cast]  # for pyright
            found += _places(each, schema["items"], (*path, index))
    return found


_UNIONS = {"allOf", "oneOf", "anyOf"}
_WRONG: list[Json] = [[[]], {"x": {}}]
_GONE = object()
"""Marks a field that is taken out."""


@st.composite
def invalid_requests(draw: st.DrawFn, kind: str) -> Request:
    """Requests with one mistake: an "unknown" field, a "missing" one, or a value of the wrong "type"."""
    operation = draw(st.sampled_from([each for each in operations() if each.body() is not None]))
    request = draw(requests_of(operation))
    document = operation.body()
    assert document is not None
    places = _places(request.body, document)
    changes: list[tuple[Path, str | int, Json]] = []
    for path, schema in places:
        if kind == "unknown" and schema.get("additionalProperties") is False:
            changes.append((path, "unheard_of", 7))
        elif kind == "missing":
            changes += [(path, name, _GONE) for name in cast("list[str]", schema.get("required", []))]
        elif kind == "type" and path:
            changes.append((path[:-1], path[-1], draw(st.sampled_from(_WRONG))))
    assume(bool(changes))
    path, name, value = draw(st.sampled_from(changes))
    body = deepcopy(request.body)
    parent = functools.reduce(lambda found, part: found[part], path, body)
    if value is _GONE:
        del parent[name]
    else:
        parent[name] = value
    assume(any(request_problems(operation, "", body)))
    place = ".".join(str(each) for each in (*path, name) if not isinstance(each, int))
    return Request(operation, request.path, request.query, body, f"{kind} {place}")
