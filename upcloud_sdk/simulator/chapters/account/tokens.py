"""API tokens (chapter 5): a newer service, with plain lists, real booleans and problem documents."""

from __future__ import annotations

import ipaddress
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.account import Token
from upcloud_sdk.simulator.state.identity import require_main
from upcloud_sdk.simulator.wire.calls import PLAIN_JSON, Answer, ApiFault, Call, ProblemFault
from upcloud_sdk.simulator.wire.fields import is_uuid
from upcloud_sdk.simulator.wire.paging import TOKENS, choice, page, sorted_as_asked, total

if TYPE_CHECKING:
    from collections.abc import Callable

    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_KNOWN = {"name", "expires_at", "expires_in", "can_create_tokens", "allowed_ip_ranges", "gui"}
_ANYWHERE = ["0.0.0.0/0", "::/0"]
_CHARACTERS = "ABCDEFGHJKMNPQRSTVWXYZ0123456789"
_UNITS = {"d": 86_400.0, "h": 3600.0, "m": 60.0, "s": 1.0}
_PART = re.compile(r"(\d{1,9})([dhms])")
_LIFETIME = re.compile(r"(?:\d{1,9}[dhms])+")
_MICROSECOND = 1e-6
_KEYS: dict[str, Callable[[Token], str | float]] = {
    "name": lambda token: token.name,
    "created_at": lambda token: token.created_at,
    "expires_at": lambda token: token.expires_at,
    "last_used_at": lambda token: token.last_used_at or 0,
}
"""Sort keys of tokens."""


def _moment(seconds: float) -> str:
    """A time with microseconds, without zeros at the end."""
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S.%f").rstrip("0").rstrip(".") + "Z"


def _document(token: Token) -> Document:
    document: Document = {
        "allowed_ip_ranges": list(token.allowed_ip_ranges),
        "can_create_tokens": token.can_create_tokens,
        "created_at": _moment(token.created_at),
        "expires_at": _moment(token.expires_at),
        "gui": token.gui,
        "id": token.id,
        "name": token.name,
        "type": token.type,
    }
    if token.last_used_at is not None:
        document["last_used_at"] = _moment(token.last_used_at)
    return document


def _find(cloud: Cloud, call: Call) -> Token:
    _require_main(cloud, call)
    given = call.args["id"].lower()
    if not is_uuid(given):
        raise ProblemFault(400, "BAD_REQUEST", "Validation error.", {"id": "Must be a UUID."})
    token = cloud.tokens.get(given)
    if token is None:
        raise ProblemFault(404, "NOT_FOUND", "Token not found.")
    return token


def _require_main(cloud: Cloud, call: Call) -> None:
    try:
        require_main(cloud, call)
    except ApiFault as fault:
        raise ProblemFault(403, "FORBIDDEN", fault.message) from None


@routes.get("/account/tokens")
def list_tokens(cloud: Cloud, call: Call) -> Answer:
    _require_main(cloud, call)
    try:
        gui = choice(call, "gui", ("true", "false"))
        found = [each for each in cloud.tokens.values() if gui is None or each.gui == (gui == "true")]
        shown = page(call, sorted_as_asked(call, found, _KEYS), TOKENS)
    except ApiFault as fault:
        raise ProblemFault(400, "BAD_REQUEST", "Validation error.", {fault.parameter: fault.message}) from None
    return Answer(200, [_document(each) for each in shown], PLAIN_JSON, total(found, told=cloud.total_count))


@routes.get("/account/tokens/{id}")
def get_token(cloud: Cloud, call: Call) -> Answer:
    return Answer(200, _document(_find(cloud, call)), PLAIN_JSON)


@routes.post("/account/tokens")
def create_token(cloud: Cloud, call: Call) -> Answer:
    """Only this answer contains the secret."""
    _require_main(cloud, call)
    if call.token is not None and not call.token.can_create_tokens:
        raise ProblemFault(403, "FORBIDDEN", "This token may not create tokens.")
    token = _read(cloud, call)
    cloud.tokens[token.id] = token
    return Answer(201, {**_document(token), "token": token.secret}, PLAIN_JSON)


def _read(cloud: Cloud, call: Call) -> Token:
    try:
        body = call.document()
    except ApiFault as fault:
        raise ProblemFault(400, "BAD_REQUEST", fault.message) from None
    if not isinstance(body, dict):
        raise ProblemFault(400, "BAD_REQUEST", "The request body must be a JSON object.")
    values = cast("dict[str, object]", body)
    reasons = {name: "Unknown attribute." for name in values if name not in _KNOWN}
    name = values.get("name")
    if not isinstance(name, str) or not 1 <= len(name) <= 255:
        reasons["name"] = "Must be a string of 1 to 255 characters."
    expires_at = _expiry(cloud, values, reasons)
    gui = values.get("gui", False)
    if not isinstance(gui, bool):
        reasons["gui"] = "Must be true or false."
    may_create = values.get("can_create_tokens", False)
    if not isinstance(may_create, bool):
        reasons["can_create_tokens"] = "Must be true or false."
    ranges = values.get("allowed_ip_ranges", _ANYWHERE)
    if not _are_ranges(ranges):
        reasons["allowed_ip_ranges"] = "Must be a list of ranges such as 0.0.0.0/0."
    if reasons:
        raise ProblemFault(400, "BAD_REQUEST", "Validation error.", reasons)
    stray = cloud.random.randrange(1, 20) * _MICROSECOND
    secret = "ucat_" + "".join(cloud.random.choices(_CHARACTERS, k=26))
    assert isinstance(name, str)
    assert expires_at is not None
    token = Token(cloud.new_uuid("token"), name, cloud.clock.now(), expires_at + stray, secret)
    token.can_create_tokens, token.gui = may_create is True, gui is True
    token.allowed_ip_ranges = list(cast("list[str]", ranges))
    return token


def _parsed(value: object) -> float | None:
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return None if moment is None or moment.tzinfo is None else moment.timestamp()


def _expiry(cloud: Cloud, values: dict[str, object], reasons: dict[str, str]) -> float | None:
    """When the token expires: a time or a duration."""
    if "expires_in" not in values or "expires_at" in values:
        moment = None if "expires_in" in values else _parsed(values.get("expires_at"))
        if moment is None:
            reasons["expires_at"] = "Must be a moment such as 2030-12-01T00:00:00Z, and without expires_in."
        return moment
    lifetime = _lifetime(values["expires_in"])
    if lifetime is None:
        reasons["expires_in"] = "Must be how long it lives, such as 24h or 1h30m."
        return None
    return cloud.clock.now() + lifetime


def _lifetime(value: object) -> float | None:
    """Parse a duration such as `24h` or `1h30m` into seconds."""
    if not isinstance(value, str) or not _LIFETIME.fullmatch(value):
        return None
    return sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value))


def _are_ranges(value: object) -> bool:
    if not isinstance(value, list):
        return False
    try:
        for item in cast("list[object]", value):
            if not isinstance(item, str):
                return False
            ipaddress.ip_network(item, strict=False)
    except ValueError:
        return False
    return True


@routes.delete("/account/tokens/{id}")
def delete_token(cloud: Cloud, call: Call) -> Answer:
    del cloud.tokens[_find(cloud, call).id]
    return Answer(204)
