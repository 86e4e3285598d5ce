"""What to do about a mistake: a refusal of the API, by its code, or a name that does not exist."""

from __future__ import annotations

import functools
import inspect
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

F = TypeVar("F", bound="Callable[..., Any]")

_BY_CODE = {
    "AUTHENTICATION_FAILED": (
        "is the token or password right, and is API access allowed for this user (control panel, "
        "People, API connections)?"
    ),
    "ACTION_FORBIDDEN": "a sub-account needs API access and the permission for this, from its main account",
    "INSUFFICIENT_CREDITS": "account.get() shows what is left",
    "METADATA_DISABLED_ON_CLOUD-INIT": "say metadata=True in the ServerSpec",
    "CAN_NOT_CREATE_PASSWORD_FOR_THE_SELECTED_DISTRIBUTION": (
        "this template takes SSH keys only: login_user=LoginUser(ssh_keys=[...])"
    ),
    "STORAGE_INVALID": "a storage is named by its uuid; storages.find_template finds one by its title",
    "SIZE_INVALID": "a size is in GB, no smaller than the template's or today's, 4096 at most",
    "TIER_INVALID": "leave the tier out to get the plan's own",
    "ZONE_INVALID": "zones.list() has the ids",
    "ZONE_NOT_FOUND": "zones.list() has the ids",
    "ZONE_MISMATCH": "a server and its storages must be in one zone",
    "PLAN_INVALID": "plans.list() has the names",
    "PLAN_CORE_NUMBER_ILLEGAL": "a plan fixes its cores: leave core_number out, or say plan='custom'",
    "PLAN_MEMORY_AMOUNT_ILLEGAL": "a plan fixes its memory: leave memory_amount out, or say plan='custom'",
    "CORE_MEMORY_UNSUPPORTED": "server_sizes.list() has the pairs that go together",
    "STORAGE_ATTACHED": "detach it first",
    "SERVER_STATE_ILLEGAL": "wait for another state with servers.wait_for_state; servers.destroy waits by itself",
    "STORAGE_STATE_ILLEGAL": "wait for another state with storages.wait_for_state",
    "BACKUP_RULE_CONFLICT": "a server's simple_backup and a storage's backup_rule exclude each other",
    "PEERING_NOT_DISABLED": "set configured_status to 'disabled' first",
    "NETWORK_NOT_EMPTY": "detach the servers from the network first",
    "ROUTER_ATTACHED": "detach the router from its networks first",
    "TRIAL_PLAN": "a trial account cannot do this",
    "TRIAL_FIREWALL": "a trial account cannot do this",
}

_BY_END = {
    "_RESOURCES_UNAVAILABLE": "another zone or plan may have room: give several specs, see ServerSpec.variants",
    "_LIMIT_REACHED": "account.get() shows the limits of the account",
}


def hint(code: str) -> str:
    """What to do about a code; empty where its own words must do."""
    if code in _BY_CODE:
        return _BY_CODE[code]
    return next((text for end, text in _BY_END.items() if code.endswith(end)), "")


def _each(advice: Mapping[str, str]) -> dict[str, str]:
    """The same advice for several names."""
    return {name: text for names, text in advice.items() for name in names.split()}


CLIENT_ARGUMENTS_MEANT = _each(
    {
        "token api_token key api_key": "credentials are the first argument: write UpCloud(Token('ucat_...'))",
        "username user password": "credentials are the first argument: write UpCloud(Basic('user', 'password'))",
        "url endpoint api_url host": "write base_url='http://127.0.0.1:8080'",
        "retries max_retries": "write retry=RetryPolicy(attempts=3)",
        "verify ssl": "write ssl_context=ssl.create_default_context(cafile='ca.pem')",
        "client session": "write http_client=httpx.AsyncClient(...)",
        "proxies": "write proxy='http://proxy.example.com:3128'",
        "zone": "a zone belongs to what is made: ServerSpec(zone='fi-hel1', ...)",
    }
)
"""What to write for arguments that the client does not have."""

CLIENT_ATTRIBUTES_MEANT = _each(
    {
        "close aclose open connect": "use it as `async with UpCloud() as cloud:`, which opens and closes it",
        "get post put delete patch": "write `await cloud.request('GET', '/path')` for what has no method",
        "templates images": "write cloud.storages.find_template('Debian GNU/Linux 13 (Trixie)')",
        "disks volumes": "they are storages: write cloud.storages",
        "firewall": "write cloud.firewall_rules",
        "ips": "write cloud.ip_addresses",
    }
)
"""What to write for attributes that the client does not have."""


def did_you_mean(name: str, names: Iterable[str], known: Mapping[str, str] | None = None) -> str:
    """`; did you mean ...?`, or what there is. `known` has the answer to names that are often tried."""
    if known is not None and name in known:
        return f": {known[name]}"
    from difflib import get_close_matches  # noqa: PLC0415 - for those alone who have made a mistake

    there_are = sorted(names)
    close = get_close_matches(name, there_are, n=1) or [each for each in there_are if each.startswith(name)][:1]
    return f"; did you mean {close[0]!r}?" if close else f"; there are {', '.join(there_are)}"


class NamesWhatWasMeant:
    """A class whose attribute errors name the attribute that was meant."""

    often_tried: ClassVar[Mapping[str, str]] = {}
    """What to write for attributes that do not exist."""

    if not TYPE_CHECKING:  # Type checkers would take every name for one that exists.

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            message = f"{kind.__name__!r} object has no attribute {name!r}"
            if not name.startswith("_"):
                public = {each for each in dir(kind) if not each.startswith("_")} - {"often_tried"}
                message += did_you_mean(name, public, kind.often_tried)
            raise AttributeError(message, name=name, obj=self)


def names_the_argument_meant(known: Mapping[str, str]) -> Callable[[F], F]:
    """Makes the error for an unknown keyword argument of a function name the one that was meant."""

    def decorate(function: F) -> F:
        names = [each for each in inspect.signature(function).parameters if each != "self"]

        @functools.wraps(function)
        def call(*args: Any, **arguments: Any) -> Any:  # noqa: ANN401 - those of the function
            for name in arguments:
                if name not in names:
                    where = function.__qualname__.removesuffix(".__init__")
                    advice = did_you_mean(name, names, known)
                    raise TypeError(f"{where}() got an unexpected keyword argument {name!r}{advice}")
            return function(*args, **arguments)

        return call  # type: ignore[return-value]  # it takes and returns what the function does

    return decorate
