"""The main account, and sub-accounts with their rights (chapter 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upcloud_sdk.simulator.chapters.routing import Routes
from upcloud_sdk.simulator.records.account import Person, SubAccount
from upcloud_sdk.simulator.state.identity import require_main, sub_account
from upcloud_sdk.simulator.wire.calls import Answer, ApiFault, Call
from upcloud_sdk.simulator.wire.fields import (
    Check,
    Fields,
    fields,
    listing,
    mapping,
    one_of,
    or_null,
    text,
    texts,
    yes_no,
)

if TYPE_CHECKING:
    from upcloud_sdk.simulator.state.cloud import Cloud
    from upcloud_sdk.simulator.wire.calls import Document

routes = Routes()

_PLAIN: dict[str, Check[str]] = {
    name: text(0, 255)
    for name in (
        "first_name", "last_name", "company", "address", "postal_code", "city", "state", "country", "phone", "email",
        "currency", "language", "vat_number", "timezone",
    )
} | dict.fromkeys(("allow_api", "allow_gui", "enable_3rd_party_services"), yes_no)  # fmt: skip
_WRAPPED = {
    "roles": "role", "ip_filters": "ip_filter", "network_access": "network", "storage_access": "storage",
    "server_access": "server", "tag_access": "tag",
}  # fmt: skip
_ROLE = one_of("billing", "aux_billing", "technical")


def _accesses(key: str) -> Check[list[dict[str, str]]]:
    """Objects such as `{"uuid": "*", "storage": "yes"}`."""

    def check(value: object) -> list[dict[str, str]]:
        found: list[dict[str, str]] = []
        for item in listing(value):
            with Fields(mapping(item), where=key) as f:
                found.append({key: f.need(key, text(1)), "storage": f.get("storage", yes_no, "no")})
        return found

    return check


_LISTS: dict[str, Check[list[str]] | Check[list[dict[str, str]]]] = {
    "roles": lambda value: [_ROLE(item) for item in listing(value)],
    "ip_filters": texts,
    "network_access": texts,
    "storage_access": texts,
    "server_access": _accesses("uuid"),
    "tag_access": _accesses("name"),
}


def _details(person: Person, username: str, main: str | None) -> Document:
    document: Document = {name: getattr(person, name) for name in _PLAIN}
    document |= {outer: {inner: list(getattr(person, outer))} for outer, inner in _WRAPPED.items()}
    document |= {"campaigns": {"campaign": []}, "username": username, "type": "main" if main is None else "sub"}
    return document | ({"simple_backup": "no"} if main is None else {"main_account": main})


def _read_person(f: Fields, current: Person) -> Person:
    """Missing fields keep their values."""
    values: dict[str, object] = {name: f.get(name, check, getattr(current, name)) for name, check in _PLAIN.items()}
    for outer, inner in _WRAPPED.items():
        wrapped = f.get(outer, or_null(mapping), None)
        values[outer] = list(getattr(current, outer))
        if f.has(outer):  # null and a missing list mean an empty list: the official Go client sends both
            with Fields(wrapped or {}, where=outer) as inside:
                values[outer] = inside.get(inner, or_null(_LISTS[outer]), list[object](), code=outer.upper()) or []
    return Person(**values)  # type: ignore[arg-type]  # the checks return the right types


@routes.get("/account/list")
def list_accounts(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    main = cloud.account
    known = [("main", main.username, main.person)]
    known += [("sub", sub.username, sub.person) for sub in cloud.sub_accounts.values()]
    documents = [
        {"roles": {"role": list(person.roles)}, "type": kind, "username": username} for kind, username, person in known
    ]
    return Answer(200, {"accounts": {"account": documents}})


@routes.get("/account/details/{username}")
def get_details(cloud: Cloud, call: Call) -> Answer:
    username, main = call.args["username"], cloud.account.username
    if call.user != username:
        require_main(cloud, call)
    if username == main:
        return Answer(200, {"account": _details(cloud.account.person, main, None)})
    return Answer(200, {"account": _details(sub_account(cloud, username).person, username, main)})


@routes.post("/account/sub")
def create_sub_account(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    with fields(call, "sub_account") as f:
        username = f.need("username", text(1, 64))
        password = f.need("password", text(1, 255))
        person = _read_person(f, Person(currency=cloud.account.person.currency))
    if username in cloud.sub_accounts or username == cloud.account.username:
        raise ApiFault(409, "RESOURCE_ALREADY_EXISTS", f"The user {username} already exists.")
    cloud.sub_accounts[username] = SubAccount(username, password, person)
    return Answer(204)


@routes.put("/account/sub/{username}")
def modify_sub_account(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    sub = sub_account(cloud, call.args["username"])
    with fields(call, "account") as f:
        password = f.get("password", text(1, 255), sub.password)
        person = _read_person(f, sub.person)
    sub.password, sub.person = password, person
    return Answer(204)


@routes.delete("/account/sub/{username}")
def delete_sub_account(cloud: Cloud, call: Call) -> Answer:
    require_main(cloud, call)
    username = sub_account(cloud, call.args["username"]).username
    del cloud.sub_accounts[username]
    cloud.permissions[:] = [each for each in cloud.permissions if each.user != username]
    return Answer(204)
